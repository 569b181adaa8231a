"""Profile likelihoods with a residual structure, beside dense ones."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.stats import chi2

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.inference.profiles.profile import Profile
from tests.test_residual_structures import ROWS, dense_loglik, errors_by_hand

STRUCTURE = hr.AR1("week", "g") * hr.Strata("sex")
WANTED = float(chi2(1).ppf(0.95))


@pytest.fixture(scope="module")
def fit() -> hb.PointFit:
    return hb.Model("y ~ x", ROWS, residual=STRUCTURE).reml()


@pytest.fixture(scope="module")
def found(fit: hb.PointFit) -> Profile:
    return hb.profile(fit, ["x", "sigma", "residual"])


def dense_minimum(model: hb.Model, held: dict[str, float], *, restricted: bool) -> float:
    """The least deviance over (log σ, artanh φ, log ratio), some of them held."""

    def deviance(w: Any) -> float:
        at = {"sigma": np.exp(w[0]), "phi": np.tanh(w[1]), "ratio[M]": np.exp(w[2])} | held
        R = errors_by_hand(STRUCTURE, ROWS, at)
        return -2.0 * dense_loglik(model, np.zeros((0, 0)), at["sigma"], R, restricted=restricted)

    options = {"xatol": 1e-7, "fatol": 1e-10}
    return float(minimize(deviance, [0.3, 0.4, 0.0], method="Nelder-Mead", options=options).fun)


@pytest.mark.parametrize("label", ["sigma", "phi", "ratio[M]"])
def test_bounds_are_where_a_dense_profile_has_fallen(
    fit: hb.PointFit, found: Profile, label: str
) -> None:
    model = hb.Model("y ~ x", ROWS, residual=STRUCTURE)
    row = found.intervals().xs(label, level="parameter").iloc[0]
    assert row["criterion"] == "REML criterion"
    for end in ("lower", "upper"):
        least = dense_minimum(model, {label: float(row[end])}, restricted=True)
        assert_allclose(least + 2.0 * fit.loglik, WANTED, atol=1e-6)


def test_bounds_of_a_fixed_effect_are_those_of_the_dense_ml_deviance(found: Profile) -> None:
    best = hb.Model("y ~ x", ROWS, residual=STRUCTURE).ml().loglik
    row = found.intervals().loc[("gamma", "x")]
    for end in ("lower", "upper"):
        moved = ROWS.assign(y=ROWS["y"] - row[end] * ROWS["x"])
        model = hb.Model("y ~ 1", moved, residual=STRUCTURE)
        least = dense_minimum(model, {}, restricted=False)
        assert_allclose(least + 2.0 * best, WANTED, atol=1e-6)


def test_a_standard_deviation_is_profiled_beside_correlated_errors() -> None:
    structure = hr.AR1("week")
    fit = hb.Model("y ~ x + (0 + x | g)", ROWS, residual=structure).reml()
    row = hb.profile(fit, "sd").intervals().loc[("sd", "x")]
    assert (row["lower"], row["boundary"]) == (0.0, "lower")
    model = hb.Model("y ~ x + (0 + x | g)", ROWS, residual=structure)
    G = np.array([[row["upper"] ** 2]])

    def deviance(w: Any) -> float:
        R = errors_by_hand(structure, ROWS, {"phi": np.tanh(w[1])})
        return -2.0 * dense_loglik(model, G, float(np.exp(w[0])), R, restricted=True)

    least = minimize(deviance, [0.2, 0.3], method="Nelder-Mead",
                     options={"xatol": 1e-7, "fatol": 1e-10}).fun  # fmt: skip
    assert_allclose(least + 2.0 * fit.loglik, WANTED, atol=1e-6)


def test_the_path_carries_all_parameters_and_is_drawn(found: Profile) -> None:
    path = found.table.loc[("residual", "phi")]
    assert_allclose(path["value"], path["phi"], atol=1e-12)
    assert (np.diff(path["zeta"]) > 0.0).all()
    assert path["sigma"].nunique() == len(path)
    assert "phi" in str(found)
    figure = hb.plots.plot_profile_zeta(found)
    assert len(figure.axes) == 4
    plt.close(figure)
