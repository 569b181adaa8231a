"""The posterior mode of families, against direct maximisation and maximum likelihood."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

import hierbayes as hb
from hierbayes.design.blocks import free_entries
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import curvature_of, latent_rows
from hierbayes.likelihood.laplace import LatentPoint
from tests import families_reference as reference
from tests import family_fits


def _loglik(model: hb.Model, gamma: np.ndarray, root: np.ndarray, phi: np.ndarray) -> float:
    """Laplace's approximation at parameters in the user's units."""
    problem = model.problem
    basis, rows = problem.working.basis, latent_rows(problem)
    lower = free_entries(problem.design.blocks)
    criterion = LatentCriterion(rows, lower, curvature_of(problem, rows))
    point = LatentPoint(basis.gamma_internal(gamma), basis.root_internal(root), phi)
    found = criterion.at_point(point)
    assert found is not None
    return found[0]


def test_the_mode_is_that_of_likelihood_times_priors() -> None:
    priors = dict(gamma=hb.Normal(0.2, 0.3), sd=hb.HalfNormal(0.8), corr=hb.LKJ(3))
    base = reference.model("sim_binomial_slope")
    model = hb.Model(str(base.specification), base.data, family="binomial", priors=priors)
    fit = model.map()

    def density(x: np.ndarray) -> float:
        gamma, (a, b, rho) = x[:2], x[2:]
        root = np.array([[a, 0.0], [rho * b, np.sqrt(1.0 - rho**2) * b]])
        prior = (
            stats.norm(0.2, 0.3).logpdf(gamma).sum() + stats.halfnorm(0, 0.8).logpdf(x[2:4]).sum()
        )
        lkj = 2.0 * np.log(1.0 - rho**2) + np.log(15.0 / 16.0)  # ∫(1 − ρ²)² over (−1, 1) is 16/15
        return _loglik(model, gamma, root, np.zeros(0)) + prior + lkj

    table = fit.intervals()["estimate"].to_numpy()
    at = minimize(lambda x: -density(x), table, method="BFGS", options={"gtol": 1e-3})
    assert density(table) == pytest.approx(fit.evidence.value, abs=1e-8)
    assert -at.fun < density(table) + 1e-8
    np.testing.assert_allclose(table, at.x, atol=2e-5)


def test_dispersion_and_distances_of_thresholds_have_their_priors() -> None:
    priors = dict(gamma=hb.Normal(0, 1), sd=hb.HalfNormal(1), thresholds=hb.Exponential(2.0))
    base = reference.model("wine_clmm")
    model = hb.Model(str(base.specification), base.data, family="cumulative", priors=priors)
    fit = model.map()
    found = fit.intervals()["estimate"]
    tau, gamma = found.loc[list(model.problem.dispersion)].to_numpy(), fit.fixef().to_numpy()
    sd = found["sd", "Intercept"]
    value = _loglik(model, gamma, np.array([[sd]]), tau - tau[0])
    value += stats.norm.logpdf(gamma).sum() + stats.halfnorm.logpdf(sd)
    value += stats.expon(scale=0.5).logpdf(np.diff(tau)).sum()
    assert fit.evidence.value == pytest.approx(value, abs=1e-8)
    assert fit.diagnose().ok


def test_with_flat_priors_it_is_maximum_likelihood() -> None:
    flat = dict(gamma=hb.Flat(), sd=hb.Flat())
    model = hb.Model("y ~ x + (1 | g)", family_fits.DATA, family="bernoulli", priors=flat)
    fit, likely = model.map(), family_fits.bernoulli()
    np.testing.assert_allclose(fit.fixef(), likely.fixef(), atol=1e-6)
    np.testing.assert_allclose(fit.vcov(), likely.vcov(), rtol=1e-4)
    assert fit.evidence.value == pytest.approx(likely.loglik, abs=1e-9)


def test_a_mode_says_what_it_is_and_has_no_likelihood() -> None:
    fit = family_fits.MODEL.map()
    assert (fit.engine, fit.what) == ("MAP", "MAP estimates")
    text = str(fit.summary())
    assert "mode of the marginal posterior" in text
    assert "u is integrated out by Laplace's approximation: approximate" in text
    assert "AIC" not in text
    for asked in (lambda: fit.loglik, lambda: hb.profile(fit), lambda: hb.bootstrap(fit, n=2)):
        with pytest.raises(hb.HierbayesError, match="likelihood"):
            asked()
