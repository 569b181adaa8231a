"""Residual structures beside random effects: what V itself tells of their parameters."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.fit.degrees_of_freedom.structured_kenward_roger import variance_information

R = hb.residuals


def data(waves: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g, t = np.repeat(np.arange(30), waves), np.tile(np.arange(waves), 30)
    x = rng.normal(size=len(g))
    y = x + rng.normal(size=30)[g] + rng.normal(size=len(g))
    return pd.DataFrame({"g": g, "t": t, "x": x, "y": y, "high": x > 0})


BLIND = [
    (2, "1", R.Unstructured("t")),  # four parameters of a V with three entries
    (3, "1", R.Unstructured("t")),
    (2, "1", R.AR1("t")),
    (3, "1", R.CompoundSymmetry()),
    (3, "1", R.Toeplitz("t")),
]
TOLD = [
    (3, "1", R.AR1("t")),
    (3, "t", R.AR1("t")),
    (2, "1", R.Strata("t")),
    (3, "1", R.AR1("t") * R.Strata("high")),
]


def fitted(waves: int, effects: str, residual: R.ResidualStructure) -> hb.PointFit:
    return hb.Model(f"y ~ x + ({effects} | g)", data(waves), residual=residual).reml()


@pytest.mark.parametrize(("waves", "effects", "residual"), BLIND)
def test_what_no_covariance_tells_is_not_called_certain(
    waves: int, effects: str, residual: R.ResidualStructure
) -> None:
    found = fitted(waves, effects, residual).diagnose()
    assert not found.ok
    assert "the data do not tell them from each other or from the random effects" in str(
        found.findings
    )


@pytest.mark.parametrize(("waves", "effects", "residual"), TOLD)
def test_what_covariances_tell_is_not_complained_of(
    waves: int, effects: str, residual: R.ResidualStructure
) -> None:
    assert "the data do not tell them" not in str(
        fitted(waves, effects, residual).diagnose().findings
    )


def test_the_information_is_that_of_dense_matrices() -> None:
    """Differences of V = ZGZ' + σ²R by G, σ² and z at the maximum, of all rows at once."""
    fit, rows = fitted(3, "1", R.AR1("t")), data(3)
    assert fit.problem.z is not None
    at = np.append([fit.theta.G[0, 0, 0, 0] / fit.sigma**2, 1.0], fit.problem.z)
    same = rows["g"].to_numpy()[:, None] == rows["g"].to_numpy()
    apart = np.abs(rows["t"].to_numpy()[:, None] - rows["t"].to_numpy())

    def covariance(v: np.ndarray) -> np.ndarray:
        return same * (v[0] + v[1] * np.tanh(v[2]) ** apart)

    step = 1e-5 * np.eye(3)
    inverse = np.linalg.inv(covariance(at))
    turned = [inverse @ (covariance(at + s) - covariance(at - s)) / 2e-5 for s in step]
    dense = np.array([[0.5 * np.trace(a @ b) for b in turned] for a in turned])
    np.testing.assert_allclose(
        np.linalg.eigvalsh(_scaled(variance_information(fit))),
        np.linalg.eigvalsh(_scaled(dense)),
        rtol=1e-6,
    )


def _scaled(information: np.ndarray) -> np.ndarray:
    size = np.sqrt(np.diag(information))
    return information / np.outer(size, size)
