"""A prior made by PyMC in a family's model: the graph is sampled, and is the same model."""

import numpy as np
import pymc as pm
import pytest

import hierbayes as hb
from hierbayes.estimation.family_graph_nuts import dispersion_of
from tests.benchmarks.family_data import herds, ratings

pytestmark = pytest.mark.slow


def test_the_posterior_under_a_prior_made_by_pymc_is_that_of_the_same_prior_built_in() -> None:
    data, fits = herds(), {}
    for name, prior in {"built in": hb.HalfNormal(1.0), "PyMC": pm.HalfNormal.dist(1.0)}.items():
        model = hb.Model(
            "cbind(k, rest) ~ 1 + (1 | herd)", data, family="binomial", priors={"sd": prior}
        )
        fits[name] = model.sample(draws=300, tune=300, chains=2, seed=3, progress=False)
    ours, theirs = (fits[name].summary().parameters for name in ("built in", "PyMC"))
    assert list(ours.index) == list(theirs.index)
    error = np.hypot(ours["mcse_mean"], theirs["mcse_mean"])
    assert ((ours["mean"] - theirs["mean"]).abs() < 6.0 * error).all()
    sd = ours["sd"] / theirs["sd"]
    assert ((sd > 0.7) & (sd < 1.4)).all()
    u = fits["built in"].ranef() - fits["PyMC"].ranef()
    assert float(u.abs().max().max()) < 0.35
    text = str(fits["PyMC"].summary())
    assert "posterior by NUTS (everything sampled; u in units of G, a prior made by PyMC)" in text
    assert "u through an exact map" in str(fits["built in"].summary())


def test_thresholds_of_the_graph_are_sums_of_their_distances() -> None:
    problem = hb.Model("rating ~ warm + (1 | judge)", ratings(), family="cumulative").problem
    draws = np.arange(1.0, 7.0).reshape(2, 3)
    posterior = {"gamma": np.zeros((2, 3, 2)), "sigma": draws, "dispersion_0": 2.0 * draws,
                 "dispersion_1": 0.5 * draws}  # fmt: skip
    phi = dispersion_of(problem, posterior)
    np.testing.assert_allclose(phi[1, 2], [0.0, 6.0, 18.0, 21.0])


def test_a_family_without_dispersion_has_none() -> None:
    problem = hb.Model("cbind(k, rest) ~ 1 + (1 | herd)", herds(), family="binomial").problem
    assert dispersion_of(problem, {"gamma": np.zeros((2, 3, 1))}).shape == (2, 3, 0)
