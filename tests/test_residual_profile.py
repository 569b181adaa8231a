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
from hierbayes.estimation.newton import minimise as minimise_from
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.inference.profiles.held_structured import HeldStructured
from hierbayes.inference.profiles.parameter import estimates_of, parameter_values, parameters_of
from hierbayes.inference.profiles.profile import Profile
from hierbayes.likelihood.reading import ML
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

    options = {"xatol": 1e-4, "fatol": 1e-8}
    return float(minimize(deviance, [0.3, 0.4, 0.0], method="Nelder-Mead", options=options).fun)


@pytest.mark.slow
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


@pytest.mark.slow
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


# ---------------------------------------------------------------- how it is searched


@pytest.mark.parametrize("label", ["x", "sigma", "phi", "corr[1,3]"])
def test_slopes_with_a_parameter_held_are_those_of_differences(label: str) -> None:
    structure = hr.Unstructured("week", "g") if label.startswith("corr") else STRUCTURE
    fit = hb.Model("y ~ x", ROWS, residual=structure).ml()
    assert isinstance(fit, StructuredPointFit)
    (one,) = [one for one in parameters_of(fit.problem) if one.label == label]
    held = HeldStructured(fit, one, ML)
    best = estimates_of(fit)
    value = float(parameter_values((one,), best)[0]) + 0.05
    x = held.variables(best) + 0.1 * np.random.default_rng(1).normal(size=len(held.bounded))
    deviance, gradient, _ = held.evaluated(value, x)
    steps = 1e-5 * np.eye(len(x))
    ends = [held.evaluated(value, x + h)[0] - held.evaluated(value, x - h)[0] for h in steps]
    assert_allclose(gradient, np.array(ends) / 2e-5, rtol=1e-5, atol=1e-5)
    z = held._z(value, x[: held.free])
    assert z is not None and np.isfinite(deviance)
    if one.block == "residual":
        assert_allclose(held.rows.natural(z)[held.i], value, rtol=1e-13)


def test_a_minimum_is_the_same_from_a_hessian_that_is_known_nearby() -> None:
    """Of Rosenbrock's valley in eight variables: from one of there, of elsewhere, and none."""

    def valley(x: Any) -> tuple[float, Any]:
        rest, bend = 1.0 - x[:-1], x[1:] - x[:-1] ** 2
        slope = np.zeros_like(x)
        slope[:-1] = -2.0 * rest - 40.0 * x[:-1] * bend
        slope[1:] += 20.0 * bend
        return float(rest @ rest + 10.0 * bend @ bend), slope

    free, start = np.zeros(8, dtype=np.bool_), np.full(8, 0.7)
    plain = minimise_from(valley, start, free)
    assert plain.hessian is not None
    for known in (plain.hessian, np.eye(8), -np.eye(8)):
        found = minimise_from(valley, start, free, hessian=known)
        assert found.converged
        assert_allclose(found.x, 1.0, atol=1e-5)
