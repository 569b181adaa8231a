"""Profiles and bootstraps of families, against constrained maxima and models fitted anew."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import hierbayes as hb
from hierbayes.design.blocks import free_entries
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import curvature_of, latent_rows
from hierbayes.estimation.newton import minimise
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.inference.profiles.held_latent import HeldLatent
from hierbayes.inference.profiles.parameter import (
    Parameter,
    estimates_of,
    parameter_values,
    parameters_of,
)
from tests import families_reference as reference
from tests import family_fits

CRITICAL = 3.841458820694124
MIXED = ("sim_binomial_slope", "wine_clmm", "epil_nb2")


def _criterion(fit: hb.PointFit) -> LatentCriterion:
    rows, blocks = latent_rows(fit.problem), fit.design.blocks
    return LatentCriterion(rows, free_entries(blocks), curvature_of(fit.problem, rows))


def _value_of(fit: hb.PointFit, one: Parameter, criterion: LatentCriterion) -> Callable[..., float]:
    """A parameter in the user's units as a function of the coordinates of a search."""
    basis = fit.problem.working.basis

    def value(x: np.ndarray) -> float:
        point = criterion.point(x)
        gamma, root = basis.gamma(point.gamma), basis.root(point.root)
        if one.block == "gamma":
            return float(gamma[one.at[0]])
        if one.block == "corr":
            unit = root / np.linalg.norm(root, axis=1, keepdims=True)
            return float((unit @ unit.T)[one.at])
        if one.block == "sd":
            return float(np.linalg.norm(root[one.at[0]]))
        tau = point.phi - gamma[0] if one.name.count("|") else point.phi
        return float(tau[one.at[0]])

    return value


@pytest.mark.parametrize(
    ("name", "label"),
    [("sim_gamma_log", "sd(Intercept)"), ("wine_clmm", "2|3"), ("sim_gamma_log", "shape"),
     ("sim_gamma_log", "x")],
)  # fmt: skip
def test_bounds_are_where_a_constrained_maximum_has_fallen(name: str, label: str) -> None:
    fit = reference.fit(name)
    assert isinstance(fit, FamilyPointFit)
    (one,) = (one for one in parameters_of(fit.problem) if one.label == label)
    profile = hb.profile(fit, label)
    bound = float(profile.intervals()["upper"].iloc[0])
    criterion = _criterion(fit)
    value = _value_of(fit, one, criterion)
    found = minimize(
        lambda x: -criterion(x)[0], criterion.coordinates(fit.optimum.mode.point),
        jac=lambda x: -criterion(x)[1], method="SLSQP", options={"ftol": 1e-13, "maxiter": 200},
        constraints={"type": "eq", "fun": lambda x: value(x) - bound},
    )  # fmt: skip
    assert found.success
    assert 2.0 * (fit.loglik + found.fun) == pytest.approx(CRITICAL, abs=1e-5)
    assert profile.title.startswith("Profile likelihood of the ML (Laplace's approximation) fit")


@pytest.mark.parametrize("name", MIXED)
def test_held_deviances_have_the_gradients_of_differences(name: str) -> None:
    fit = reference.fit(name)
    assert isinstance(fit, FamilyPointFit)
    best = estimates_of(fit)
    for one in parameters_of(fit.problem):
        held = HeldLatent(fit, one)
        (value,) = parameter_values((one,), best)
        x = held.variables(best)
        assert held.objective(value)(x)[0] == pytest.approx(-2.0 * fit.loglik, abs=1e-8)
        x, value, step = x + 0.03, 0.9 * float(value) + 0.01, 1e-5
        assert parameter_values((one,), held.estimates(value, x))[0] == pytest.approx(value)
        at = held.objective(value)
        wanted = [(at(x + step * e)[0] - at(x - step * e)[0]) / (2 * step) for e in np.eye(len(x))]
        np.testing.assert_allclose(at(x)[1], wanted, atol=2e-4)
        moved = (held.objective(value + step)(x)[0] - held.objective(value - step)(x)[0]) / 2e-5
        assert held.slope(value, x) == pytest.approx(moved, abs=2e-4)


def test_a_refit_is_the_model_fitted_to_a_simulated_response() -> None:
    data = family_fits.DATA
    fit = hb.Model("k | trials(n) ~ x + (1 | g)", data, family="binomial").ml()

    def furthest(refit: hb.PointFit) -> float:
        return float(refit.residuals(kind="pearson").abs().max())

    found = hb.bootstrap(fit, furthest, n=2, seed=5, progress=False)
    for place in range(2):
        rng = np.random.default_rng(np.random.SeedSequence(5, spawn_key=(place,)))
        u = rng.standard_normal(12) * fit.var_corr()["sd"].iloc[0]
        eta = fit.predict(effects="none", scale="linear") + u[fit.design.rows.codes]
        k = rng.binomial(5, 1.0 / (1.0 + np.exp(-eta)))
        again = hb.Model("k | trials(n) ~ x + (1 | g)", data.assign(k=k), family="binomial").ml()
        row = found.draws.iloc[place]
        np.testing.assert_allclose(row["gamma"], again.fixef(), atol=1e-6)
        assert row["sd", "Intercept"] == pytest.approx(again.var_corr()["sd"].iloc[0], abs=1e-6)
        assert row["statistic", "furthest"] == pytest.approx(furthest(again), abs=1e-5)
    assert not found.unbounded.any()
    assert found.intervals().loc["gamma"].notna().all(axis=None)


def test_refits_without_a_finite_maximum_are_said() -> None:
    found = hb.bootstrap(family_fits.bernoulli(), n=2, seed=1, progress=False)
    far = replace(found, unbounded=pd.Series([True, False]))
    words = "in 1 of them the likelihood has no finite maximum: those draws are far out"
    assert words in str(far)
    assert words not in str(replace(found, unbounded=pd.Series([False, False])))


def test_a_family_has_one_criterion() -> None:
    with pytest.raises(hb.InferenceError) as refused:
        hb.profile(family_fits.counts(), deviance="reml")
    assert str(refused.value) == (
        "the criterion of Poisson(link='log') is its likelihood by Laplace's approximation; leave "
        "deviance out"
    )


def test_a_mode_without_variance_is_said_to_be_one() -> None:
    """As many successes in every group and at every x, and an LKJ prior of what has no variance."""
    x = np.tile(np.repeat([-1.0, 0.0, 1.0], 4), 8)
    data = pd.DataFrame({"g": np.repeat(np.arange(8), 12), "x": x, "y": np.tile([0, 1], 48)})
    mode = hb.Model("y ~ x + (1 + x | g)", data, family="bernoulli").map()
    assert mode.var_corr()["sd"].tolist() == [0.0, 0.0] and mode.singular
    assert str(mode.diagnose()).startswith("The MAP maximum lies on the boundary: G is singular.")


def test_a_variable_that_nothing_depends_on_leads_no_search_astray() -> None:
    noise = np.random.default_rng(0)

    def deviance(x: np.ndarray) -> tuple[float, np.ndarray]:
        slope = np.array([2.0 * (x[0] - 1.0), 0.0, 8.0 * (x[2] + 2.0)])
        slope[[0, 2]] += 1e-9 * noise.normal(size=2)
        return float((x[0] - 1.0) ** 2 + 4.0 * (x[2] + 2.0) ** 2), slope

    found = minimise(deviance, np.zeros(3), np.zeros(3, dtype=bool), steps=8)
    assert found.converged
    np.testing.assert_allclose(found.x, [1.0, 0.0, -2.0], atol=1e-6)


@pytest.mark.parametrize("block", ["sd", "corr"])
def test_what_is_held_is_no_variable_of_the_search(block: str) -> None:
    fit = reference.fit("sim_binomial_slope")
    assert isinstance(fit, FamilyPointFit)
    (one,) = (one for one in parameters_of(fit.problem) if one.block == block and one.at[0] == 0)
    held, best = HeldLatent(fit, one), estimates_of(fit)
    value = float(parameter_values((one,), best)[0]) * 0.9
    x = held.lifted(held.variables(best))
    moved = [held.objective(value)(x + 0.1 * e)[0] for e in np.eye(len(x))]
    assert np.all(np.abs(np.array(moved) - held.objective(value)(x)[0]) > 1e-4)
