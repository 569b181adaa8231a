"""Importance sampling of θ: its parts exactly, and its posterior beside that of NUTS."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_t

import hierbayes as hb
from hierbayes.estimation import importance, posterior
from hierbayes.estimation.density import density_at
from hierbayes.estimation.density_layout import Head
from hierbayes.estimation.inputs import graph_inputs
from hierbayes.estimation.nuts_cost import LONG, nuts_seconds
from hierbayes.estimation.posterior import target_of
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.start import start_point
from hierbayes.fit.convergence import mcse_of_means, scalar_draws
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL, VALUE_ONLY
from hierbayes.likelihood.theta import Theta
from tests.factors_reference import model

USUAL = SamplerSettings(1000, 500, 4, 1, 0.95, "auto", None, False)
MODELS = {
    "one factor": lambda: hb.Model("mathach ~ ses + (1 + ses | school)", hb.load_dataset("hs")),
    "several factors": lambda: model("ScotsSec_crossed"),
}


@pytest.fixture(scope="module", params=MODELS)
def a_model(request: pytest.FixtureRequest) -> hb.Model:
    return MODELS[request.param]()


def test_the_density_of_proposals() -> None:
    root = np.array([[1.0, 0.0], [0.7, 0.4]])
    x = np.array([[0.3, -1.0], [4.0, 2.0]])
    z = np.linalg.solve(root, x.T).T
    expected = multivariate_t(np.zeros(2), root @ root.T, df=5.0).logpdf(x)
    assert_allclose(importance.log_t(z**2, root), expected, rtol=1e-12)


def test_weights_without_a_tail_are_not_trusted() -> None:
    """Half of the proposals share the largest weight, to which no tail can be fitted."""
    log_weights = np.minimum(np.random.default_rng(0).normal(size=(2, 500)), 0.3)
    weights, k_hat = importance.smoothed_weights(log_weights)
    assert k_hat == np.inf
    assert_allclose(weights, np.exp(log_weights) / np.exp(log_weights).mean(), rtol=1e-12)


def test_proposals_are_kept_as_often_as_their_weights_say() -> None:
    rng = np.random.default_rng(0)
    weights = rng.gamma(1.0, size=40)
    kept = importance.repeated(weights, 1000, rng)
    counts = np.bincount(kept, minlength=40)
    assert (np.abs(counts - 1000 * weights / weights.sum()) < 1.0).all()
    assert (np.diff(kept) >= 0).all()  # repeats stand together, so that the ESS counts them


def test_a_value_without_derivatives_is_the_same_value(a_model: hb.Model) -> None:
    problem, priors = a_model.problem, a_model.priors
    inputs = graph_inputs(problem.design, problem.products, priors)
    target = target_of(problem.design, inputs, priors, progress=False)
    x = start_point(target.variables, problem.products, inputs)[0]
    alone = target.data.copy()
    alone[Head.READING] += VALUE_ONLY
    value, gradient, parameters = density_at(x, target.data)
    assert np.abs(gradient).max() > 1e-8
    assert density_at(x, alone)[0] == value
    assert_allclose(density_at(x, alone)[2], parameters, rtol=0)


@pytest.mark.slow
def test_the_posterior_is_that_of_nuts(a_model: hb.Model) -> None:
    """Means and second moments of every parameter, within both Monte Carlo errors."""
    by_weights = a_model.sample(seed=1, sampler="importance", progress=False)
    by_nuts = a_model.sample(250, tune=300, seed=2, sampler="nutpie", progress=False)
    found = []
    for fit in (by_weights, by_nuts):
        draws = scalar_draws(fit, random_effects=False)[1]
        both = np.concatenate([draws, (draws - by_nuts_means(by_nuts)) ** 2], axis=-1)
        found.append((both.mean(axis=(0, 1)), mcse_of_means(both)))
    (one, error_one), (other, error_other) = found
    assert (np.abs(one - other) < 5.0 * np.hypot(error_one, error_other)).all()
    said = "importance sampling of θ in place of NUTS: Pareto k̂ of the weights"
    assert any(finding.startswith(said) for finding in by_weights.diagnose().findings)
    assert any("(limit 1.05)" in finding for finding in by_weights.diagnose().findings)
    assert by_weights.evidence.sampler == "importance"
    assert "posterior by importance sampling" in str(by_weights.summary())
    assert "by importance sampling of θ (Pareto k̂" in str(by_weights.summary())
    assert by_nuts.evidence.k_hat is None


def by_nuts_means(fit: hb.PosteriorFit) -> np.ndarray:
    means: np.ndarray = scalar_draws(fit, random_effects=False)[1].mean(axis=(0, 1))
    return means


def test_weights_that_cannot_be_relied_on_are_refused(
    a_model: hb.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posterior, "K_HAT_LIMIT", -10.0)
    with pytest.raises(hb.EstimationError, match="importance sampling cannot stand for this"):
        a_model.sample(seed=1, sampler="importance", progress=False)


def test_a_sampler_that_does_not_exist(a_model: hb.Model) -> None:
    with pytest.raises(hb.EstimationError) as refusal:
        a_model.sample(sampler="gibbs")
    assert str(refusal.value) == (
        "sampler must be one of 'auto', 'nutpie', 'pymc', 'importance', not 'gibbs'"
    )


def test_only_long_runs_are_not_nuts(a_model: hb.Model) -> None:
    assert nuts_seconds(a_model.problem.products, USUAL) < 0.2 * LONG
    groups = np.repeat(np.arange(50_000), 3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=len(groups))
    data = pd.DataFrame({"y": x + rng.normal(size=len(groups)), "x": x, "g": groups})
    many = hb.Model("y ~ x + (1 + x | g)", data)
    assert nuts_seconds(many.problem.products, USUAL) > LONG
    fewer = replace(USUAL, draws=250, tune=250)  # whatever is asked for, the cost of it decides
    assert nuts_seconds(many.problem.products, fewer) > LONG


def test_a_repeated_theta_is_worked_out_once_and_the_same(a_model: hb.Model) -> None:
    """Draws of γ and u at θ in a row are those with other θ between them."""
    ours, cross = a_model.reml(), a_model.problem.products
    likelihood, p = likelihood_of(cross, NORMAL), len(a_model.problem.design.terms)
    sizes = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 1.0])
    theta = Theta.of(ours.theta.root[0] * sizes[:, None, None], float(ours.sigma) * sizes**0.5)
    normals = np.random.default_rng(1).standard_normal((6, p))
    gammas = likelihood.draw_gamma(theta, normals)
    us = likelihood.draw_us(theta, gammas, np.random.default_rng(2))
    for i in range(6):
        alone = likelihood.draw_gamma(theta[i : i + 1], normals[i : i + 1])
        assert_allclose(gammas[i], alone[0], rtol=1e-12)
    order = [3, 0, 5, 1, 4, 2]
    again = likelihood.draw_gamma(Theta.of(theta.root[order], theta.sigma[order]), normals[order])
    assert_allclose(again, gammas[order], rtol=1e-12)
    assert all(np.isfinite(u).all() for u in us)
