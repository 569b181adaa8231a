"""PyMC's own functions on the graph of a model, and on a posterior of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from scipy import stats

import hierbayes as hb
from hierbayes.errors import EstimationError
from hierbayes.likelihood.theta import Theta
from tests.exact import exact_posterior

FAST = {"mode": "FAST_COMPILE"}
SLOPES, MEANS = "~ 1 + ses | school", "~ 1 | school"
CASES: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "default": (SLOPES, {}, {"signed_centred_sd", "corr_chol", "sigma"}),
    "logs": (SLOPES, {"sd": hb.Exponential(1)}, {"sd", "corr_chol", "sigma"}),
    "mixed": (
        SLOPES,
        {"sd": {"1": hb.PC(5, 0.1), "ses": hb.HalfNormal(2)}},
        {"sd_0", "signed_sd_1", "corr_chol", "sigma"},
    ),
    "cauchy": (MEANS, {"sd": hb.HalfCauchy(2)}, {"signed_sd", "sigma"}),
    "flat": (MEANS, {"sd": hb.Flat(), "sigma": hb.Flat()}, {"signed_sd", "sigma"}),
    "gamma": (MEANS, {"gamma": hb.StudentT(3, 0, 9)}, {"signed_sd", "sigma", "gamma"}),
    "gammas": (
        MEANS,
        {"gamma": {"ses": hb.StudentT(3, 0, 2)}},
        {"signed_sd", "sigma", "gamma_0", "gamma_1"},
    ),
}


@pytest.fixture(scope="module")
def made(hs: pd.DataFrame) -> hb.PosteriorFit:
    """A posterior to put other models and draws into."""
    return exact_posterior(hb.Model("mathach ~ ses", MEANS, data=hs), draws=3, chains=2)


def with_draws(made: hb.PosteriorFit, model: hb.Model) -> hb.PosteriorFit:
    """Draws (2, 3) of some θ and γ as a posterior of a model."""
    q, rng = len(model.problem.design.effects), np.random.default_rng(1)
    theta = Theta.of(rng.normal(size=(2, 3, q, q)), rng.uniform(4, 8, (2, 3)))
    gamma = rng.normal(size=(2, 3, 2))
    return replace(made, problem=model.problem, priors=model.priors, theta=theta, gamma_draws=gamma)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.slow
def test_the_graph_makes_our_draws_of_its_free_variables(
    name: str, hs: pd.DataFrame, made: hb.PosteriorFit
) -> None:
    random, priors, names = CASES[name]
    model = hb.Model("mathach ~ ses", random, data=hs, priors=priors)
    fit, graph = with_draws(made, model), model.graph()
    free = {rv.name for rv in graph.free_RVs}
    tree = fit.to_datatree(graph=True)
    assert free == names <= set(tree["posterior"].data_vars)
    found = pm.compute_deterministics(
        tree["posterior"].to_dataset(), model=graph, progressbar=False, compile_kwargs=FAST
    )
    np.testing.assert_allclose(found["G"], fit.theta.G, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(tree["posterior"]["sigma"], fit.theta.sigma)
    if "gamma_0" in names:
        np.testing.assert_array_equal(found["gamma"], fit.gamma_draws)


@pytest.mark.slow
def test_pymc_computes_the_log_prior_of_our_draws(hs: pd.DataFrame, made: hb.PosteriorFit) -> None:
    model = hb.Model("mathach ~ ses", SLOPES, data=hs)
    fit, graph = with_draws(made, model), model.graph()
    tree = pm.stats.compute_log_prior(
        fit.to_datatree(graph=True), model=graph, progressbar=False, compile_kwargs=FAST
    )
    within = np.linalg.inv(model.priors.columns(2))
    centred = within @ fit.theta.G @ within.T
    sd = np.sqrt(np.diagonal(centred, axis1=-2, axis2=-1))
    scale = np.array([prior.parameters["sigma"] for _, prior, _ in model.priors.sd])
    exact = stats.t(3, 0, scale).logpdf(sd)  # of the sd, although the variable is in units of it
    np.testing.assert_allclose(tree["log_prior"]["signed_centred_sd"], exact, rtol=1e-9)
    ((_, lkj, _),) = model.priors.corr
    rho = centred[..., 1, 0] / sd.prod(axis=-1)
    exact = stats.beta(lkj.parameters["eta"], lkj.parameters["eta"]).logpdf((1 + rho) / 2)
    np.testing.assert_allclose(tree["log_prior"]["corr_chol"], exact - np.log(2), rtol=1e-7)


def test_no_variable_of_the_graph_is_in_the_datatree_unasked(made: hb.PosteriorFit) -> None:
    assert "signed_sd" not in made.to_datatree()["posterior"]


def test_shares_of_the_variance_are_refused_by_name(
    hs: pd.DataFrame, made: hb.PosteriorFit
) -> None:
    model = hb.Model("mathach ~ ses", MEANS, data=hs, priors={"r2": hb.R2D2M2(0.3, 5, 1)})
    with pytest.raises(EstimationError, match="draw from the graph itself"):
        with_draws(made, model).to_datatree(graph=True)


def test_pymc_finds_the_mode_from_where_the_graph_starts(hs: pd.DataFrame) -> None:
    """With one effect no coordinate of a correlation tells the two modes apart.

    PyMC's search ends where the log density, some −6000, gains less than its ninth digit.
    """
    model = hb.Model("mathach ~ ses", MEANS, data=hs)
    with model.graph(), pytensor.config.change_flags(mode="FAST_COMPILE"):
        found = pm.find_MAP(jitter=False, progressbar=False, return_inferencedata=True)["posterior"]
    mode = model.map()
    assert found["sd"].item() == pytest.approx(mode.theta.sd.item(), rel=1e-2)
    assert found["sigma"].item() == pytest.approx(mode.sigma, rel=1e-2)


def test_chains_of_pymc_start_at_the_estimate(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses", MEANS, data=hs)
    graph = model.graph()
    start = np.sinh(graph.initial_point()["signed_sd_asinh__"]) * graph["sd_unit"].get_value()
    np.testing.assert_allclose(start, model.reml().theta.sd.ravel(), rtol=1e-9)
