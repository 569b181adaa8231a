"""Sensitivity studies of families: weights, the likelihood behind them, tables and pictures."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats

import hierbayes as hb
from hierbayes import plots
from hierbayes.estimation.family_marginals import FamilyPoints
from hierbayes.estimation.family_mode import log_prior_of
from hierbayes.fit.of_family.densities import FamilyDensities
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.likelihood.laplace import LatentPoint
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.chosen_priors import choose_priors
from hierbayes.studies.sensitivity.alternatives import read_alternatives
from hierbayes.studies.sensitivity.deletion import family_cases
from hierbayes.studies.sensitivity.weights import log_ratio
from tests import family_fits
from tests.family_fits import COUNTS, DATA, MODEL

mpl.use("Agg")

GRID: dict[str, dict[str, Any]] = {
    "gamma": {"narrow": hb.Normal(0, 1.0)},
    "sd": {"half-normal": hb.HalfNormal(1.0), "tiny": hb.HalfNormal(0.01), "flat": hb.Flat()},
}


@pytest.fixture(scope="module")
def study() -> hb.SensitivityStudy:
    return hb.SensitivityStudy(family_fits.posterior(), GRID, progress=False)


def test_draws_are_weighted_by_the_ratio_of_priors(study: hb.SensitivityStudy) -> None:
    answer = study.answers[1]
    assert (answer.how, answer.alternative.name) == ("re-weighted", "half-normal")
    fit = study.baseline.fit
    assert fit.priors is not None
    sd, usual = fit.theta.sd[..., 0].ravel(), fit.priors.sd[0][1].parameters
    new = stats.halfnorm.logpdf(sd)
    old = stats.t.logpdf(sd / usual["sigma"], usual["nu"])
    weights = np.exp(new - old) / np.exp(new - old).sum()
    ratio = log_ratio(study.baseline.densities, answer.alternative.priors, fit.priors)
    assert_allclose(ratio - ratio[0], (new - old) - (new - old)[0], atol=1e-9)
    if answer.weights.k_hat < 0.0:  # hardly smoothed
        assert_allclose(answer.weights.values, weights, rtol=0.2)
    cells = study.cells.sel(alternative="half-normal")
    for name in study.estimands.names:
        k = study.estimands.names.index(name)
        values = study.estimands.quantities[k].draws(fit).ravel()
        assert float(cells["mean"].sel(quantity=name)) == pytest.approx(
            values @ answer.weights.values
        )


def test_what_weights_cannot_reach_is_sampled_or_says_why(study: hb.SensitivityStudy) -> None:
    tiny = next(one for one in study.answers if one.alternative.name == "tiny")
    assert tiny.how == "refitted" and isinstance(tiny.fit, FamilyPosteriorFit)
    assert float(np.quantile(tiny.fit.theta.sd, 0.9)) < 0.05
    assert study.estimands.names == ["Intercept", "x", "sd(Intercept)", "icc", "R2 of fixed part"]


def test_the_maximum_beside_it_is_that_of_ml(study: hb.SensitivityStudy) -> None:
    ml = family_fits.bernoulli()
    assert list(study.maximum.columns) == ["ML", "ML lower", "ML upper"]
    assert_allclose(study.maximum.loc["x"], ml.intervals().loc[("gamma", "x")].iloc[[1, 0, 2]])
    assert float(study.maximum.loc["icc", "ML"]) == pytest.approx(float(ml.icc()["icc"]))
    with pytest.raises(hb.FormulaError, match="is made for Gaussian responses"):
        _ = study.reml
    assert {"ML", "mean", "moved_by"} <= set(study.table.columns)
    assert "  ML " in str(study) and "REML" not in str(study)


def test_studies_of_families_have_their_tables_and_pictures(study: hb.SensitivityStudy) -> None:
    assert list(study.power_scaling.columns[:-1]) == ["gamma", "sd", "all priors", "likelihood"]
    assert "ml" in study.to_datatree().children
    assert study.derivatives().sizes["number"] == 6
    tipping = study.tipping("x", scales=(0.5, 1.0), progress=False)
    for figure in (
        plots.plot_tornado(study), plots.plot_power_scaling(study), plots.plot_tipping(tipping),
        plots.plot_ridge(study, "x"),
    ):  # fmt: skip
        assert figure.axes
    with pytest.raises(hb.StudyError, match="has one random effect, and G no ellipse"):
        plots.plot_prior_ellipses(study)


# ------------------------------------------------------------------ the likelihood of groups


def _dense(fit: hb.PosteriorFit, m: int, j: int) -> float:
    """log p(y_j | γ, sd) of one group of the Bernoulli model by quadrature of scipy."""
    own = (DATA["g"] == j).to_numpy()
    fixed = fit.gamma_draws[0, m] @ np.stack([np.ones(own.sum()), DATA.loc[own, "x"]])
    sign = 2.0 * DATA.loc[own, "y"].to_numpy() - 1.0
    sd = float(fit.theta.sd[0, m, 0])

    def density(z: float) -> float:
        return float(np.exp(-np.logaddexp(0.0, -sign * (fixed + sd * z)).sum() - 0.5 * z * z))

    return float(np.log(integrate.quad(density, -9.0, 9.0)[0] / np.sqrt(2.0 * np.pi)))


def test_groups_have_the_likelihood_of_dense_quadrature(study: hb.SensitivityStudy) -> None:
    fit, densities = study.baseline.fit, study.baseline.densities
    assert isinstance(densities, FamilyDensities)
    expected = [[_dense(fit, m, j) for j in range(3)] for m in (0, 50)]
    assert_allclose(densities.by_group[[0, 50], :3], expected, atol=2e-4)


def test_a_group_left_out_weighs_draws_by_its_likelihood(study: hb.SensitivityStudy) -> None:
    found = study.deletion(["narrow"], progress=False)
    densities, fit = study.baseline.densities, study.baseline.fit
    assert isinstance(densities, FamilyDensities)
    assert_allclose(found["movement"].sel(group="none", alternative="baseline"), 0.0, atol=1e-9)
    priors = study.baseline.priors
    cases = {
        j: (ratio, gammas) for j, _, ratio, gammas in family_cases(study.baseline, [priors], 0)
    }
    assert set(cases) == set(range(13)) and found.sizes["group"] == 13
    assert_allclose(cases[2][0], -densities.by_group[:, 2])
    assert_allclose(cases[2][1], fit.gamma_draws[0])


def _poisson_points() -> FamilyPoints:
    rng = np.random.default_rng(3)
    sd = np.array([[0.5, 0.3], [0.8, 0.6]])
    theta = Theta.of(np.array([np.diag(one) for one in sd]), np.ones(2))
    us = rng.normal(size=(2, 12, 1)) * 0.5, rng.normal(size=(2, 4, 1)) * 0.3
    return FamilyPoints(COUNTS.problem, theta, rng.normal(size=(2, 2)) * 0.3, np.empty((2, 0)), us)


def test_of_several_factors_one_is_integrated_out_given_the_others() -> None:
    points = _poisson_points()
    found = points.by_level(1)
    own = (DATA["h"] == 2).to_numpy()
    c, x, g = (DATA.loc[own, name].to_numpy() for name in ("c", "x", "g"))
    for m in range(2):
        fixed = points.gamma[m] @ np.stack([np.ones(own.sum()), x]) + np.log(1.5)
        fixed = fixed + points.us[0][m, g, 0]
        sd = float(points.theta.sd[m, 1])

        def density(z: float, fixed: np.ndarray = fixed, sd: float = sd) -> float:
            eta = fixed + sd * z
            return float(np.exp((c * eta - np.exp(eta)).sum() - 0.5 * z * z))

        dense = np.log(integrate.quad(density, -9.0, 9.0)[0] / np.sqrt(2.0 * np.pi))
        assert found[m, 2] == pytest.approx(dense, abs=1e-3)


# ------------------------------------------------------------------ priors at points


SLOPES = "c ~ x + (1 + x | g)"
FAMILIES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "dispersion": (SLOPES, "negativebinomial", {"phi": hb.Exponential(0.5), "corr": hb.LKJ(4)}),
    "thresholds": ("s ~ x + (1 | g)", hb.families.Cumulative(), {"thresholds": hb.HalfNormal(1)}),
    "columns": ("c ~ 1 + (1 | g)", hb.families.ZeroInflated(hb.families.Poisson(), "~ x"),
                {"gamma": hb.Normal(0, 2)}),
    "one of the columns": ("c ~ 1 + (1 | g)",
                           hb.families.ZeroInflated(hb.families.Poisson(), "~ x"), {}),
}  # fmt: skip


@pytest.mark.parametrize("what", FAMILIES)
def test_ratios_of_priors_are_those_of_the_posterior_mode(what: str) -> None:
    formula, family, changes = FAMILIES[what]
    ordered = pd.Categorical(DATA["c"].clip(0, 2).map({0: "a", 1: "b", 2: "c"}), ordered=True)
    problem = hb.Model(formula, DATA.assign(s=ordered), family=family).problem
    if what == "one of the columns":
        changes = {problem.dispersion[-1]: hb.Normal(0, 0.5)}
    old = choose_priors(None, problem)
    rng, q, p = np.random.default_rng(5), len(problem.design.effects), len(problem.design.terms)
    roots = np.tril(rng.normal(size=(6, q, q))) + np.eye(q) * 2.0
    phi = rng.uniform(0.5, 2.0, (6, len(problem.dispersion)))
    if what == "thresholds":
        phi = np.column_stack([np.zeros(6), phi[:, 0]])
    gamma = rng.normal(size=(6, p))
    densities = FamilyDensities(problem, Theta.of(roots, np.ones(6)), gamma, phi, ())
    (new,) = read_alternatives({"several": {"new": changes}}, problem, old)
    basis = problem.working.basis
    points = [
        LatentPoint(basis.gamma_internal(g), basis.root_internal(L), f)
        for g, L, f in zip(gamma, roots, phi, strict=True)
    ]
    expected = [log_prior_of(problem, new.priors)(one) - log_prior_of(problem, old)(one)
                for one in points]  # fmt: skip
    found = log_ratio(densities, new.priors, old)
    assert_allclose(found - found[0], np.array(expected) - expected[0], atol=1e-8)


def test_the_usual_grid_is_of_the_parameters_that_a_family_has() -> None:
    model = hb.Model(SLOPES, DATA, family="negativebinomial")
    old = choose_priors(None, model.problem)
    grid = read_alternatives(None, model.problem, old)
    assert {one.block for one in grid} == {"gamma", "sd", "corr", "phi", "cautionary"}
    with pytest.raises(hb.StudyError, match="there is no block of priors called 'sigma'"):
        read_alternatives({"sigma": {"a": hb.HalfNormal(1)}}, model.problem, old)


def test_a_study_of_a_maximum_is_refused() -> None:
    with pytest.raises(hb.StudyError, match="a fit by ML has one θ and no draws to weight"):
        hb.SensitivityStudy(family_fits.bernoulli(), progress=False)


def test_quantities_of_gaussian_responses_are_refused() -> None:
    fit = family_fits.posterior()
    for quantity in (hb.quantities.Sigma(), hb.quantities.Shrinkage(0)):
        with pytest.raises(hb.FormulaError, match="is made for Gaussian responses"):
            hb.SensitivityStudy(fit, GRID, [quantity], progress=False)
    with pytest.raises(hb.StudyError, match="there is no dispersion 'phi'"):
        hb.SensitivityStudy(fit, GRID, [hb.quantities.Dispersion("phi")], progress=False)
    assert MODEL.problem is fit.problem and isinstance(fit.densities, FamilyDensities)
