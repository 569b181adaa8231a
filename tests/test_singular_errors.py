"""Correlations of errors that go to where their matrix is singular: what is left has its digits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import toeplitz

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.structured.point import StructuredPointFit

J, T = 25, 6
FORMULA = "y ~ x + t + (1 | id)"


def weighed(seed: int) -> pd.DataFrame:
    """AR(1) errors beside a random intercept, and weights: Toeplitz errors may take its place."""
    r = np.random.default_rng(seed)
    frame = pd.DataFrame([(j, t) for j in range(J) for t in range(T)], columns=["id", "t"])
    frame["x"], frame["w"] = r.normal(size=J * T), r.uniform(0.5, 3, J * T)
    root = np.linalg.cholesky(toeplitz(0.6 ** np.arange(T)))
    effects = 0.8 * r.normal(size=J)[frame["id"]]
    errors = (r.normal(size=(J, T)) @ root.T).ravel()
    return frame.assign(y=2 + 0.5 * frame["x"] + 0.2 * frame["t"] + effects + errors)


def dense_loglik(fit: hb.PointFit, frame: pd.DataFrame, C: np.ndarray, p: int) -> float:
    """ℓ at the parameters of a fit; REML's where p columns are integrated out, ML's with 0."""
    X = np.column_stack([np.ones(len(frame)), frame["x"], frame["t"]])
    A, b, yy, log_det = np.zeros((3, 3)), np.zeros(3), 0.0, 0.0
    for rows in frame.groupby("id").indices.values():
        s = fit.sigma / np.sqrt(frame["w"].to_numpy()[rows])
        V = np.outer(s, s) * C + fit.G[0, 0]
        y, Z = frame["y"].to_numpy()[rows], X[rows]
        A, b = A + Z.T @ np.linalg.solve(V, Z), b + Z.T @ np.linalg.solve(V, y)
        yy, log_det = yy + y @ np.linalg.solve(V, y), log_det + np.linalg.slogdet(V)[1]
    log_det += np.linalg.slogdet(A)[1] if p else 0.0
    left = yy - b @ np.linalg.solve(A, b)
    return float(-0.5 * ((len(frame) - p) * np.log(2 * np.pi) + log_det + left))


@pytest.mark.parametrize(("seed", "supremum"), [(7, -190.531967), (3, None), (9, None)])
def test_toeplitz_errors_in_the_place_of_an_effect(seed: int, supremum: float | None) -> None:
    """ℓ rises to where R is singular, and is flat long before."""
    frame = weighed(seed)
    fit = hb.Model(FORMULA, frame, residual=hr.Toeplitz("t"), weights="w").ml()
    assert isinstance(fit, StructuredPointFit)
    C = toeplitz([1.0, *fit.error_parameters])
    assert fit.loglik == pytest.approx(dense_loglik(fit, frame, C, 0), abs=5e-4)
    if supremum is not None:
        assert np.linalg.eigvalsh(C)[0] < 1e-3
        assert fit.loglik == pytest.approx(supremum, abs=1e-3)
        assert "not certain" in str(fit.diagnose())


def test_equal_correlations_in_the_place_of_an_effect() -> None:
    frame = weighed(11)
    fit = hb.Model(FORMULA, frame, residual=hr.CompoundSymmetry(), weights="w").reml()
    assert isinstance(fit, StructuredPointFit)
    rho = float(fit.error_parameters.iloc[0])
    C = (1.0 - rho) * np.eye(T) + rho
    assert fit.loglik == pytest.approx(dense_loglik(fit, frame, C, 3), abs=5e-4)


def test_errors_that_are_rounding_beside_effects_are_refused() -> None:
    r = np.random.default_rng(0)
    frame = pd.DataFrame({"g": np.repeat(np.arange(30), 8), "t": np.tile(np.arange(8), 30)})
    effects, errors = r.normal(size=30)[frame["g"]], r.normal(size=240)
    for size in (1e-2, 1e-4):
        data = frame.assign(y=effects + size * errors)
        fit = hb.Model("y ~ 1 + (1 | g)", data, residual=hr.AR1("t")).reml()
        assert fit.sigma == pytest.approx(size, rel=0.2)
    data = frame.assign(y=effects + 1e-6 * errors)
    with pytest.raises(hb.DataError) as caught:
        hb.Model("y ~ 1 + (1 | g)", data, residual=hr.AR1("t")).reml()
    assert str(caught.value) == (
        "the residual variance is zero, or too small beside the random effects to be told from "
        "rounding: with AR1('t') less than 3e-05 of the spread of the response is not computed "
        "with; use fewer random effects, look for a copy of the response among the predictors, or "
        "leave residual= out"
    )


def test_a_ratio_says_that_a_maximum_is_not_certain() -> None:
    frame = weighed(7)
    none, chain, band = (
        hb.Model(FORMULA, frame, residual=one, weights="w").ml()
        for one in (None, hr.AR1("t"), hr.Toeplitz("t"))
    )
    assert hb.likelihood_ratio(none, chain).cautions == ()
    test = hb.likelihood_ratio(chain, band)
    assert test.cautions == (
        "the maximum of model 2 is not certain, as its diagnose() says, and so neither is the "
        "statistic",
    )
    assert test.cautions[0] in str(test)
