"""A prior made by PyMC in a family's model: the graph is sampled, and is the same model."""

import numpy as np
import pymc as pm
import pytest

import hierbayes as hb
from tests.benchmarks.family_data import ratings

pytestmark = pytest.mark.slow


def test_the_posterior_under_a_prior_made_by_pymc_is_that_of_the_same_prior_built_in() -> None:
    data, fits = ratings().query("judge < 12"), {}
    for name, prior in {"built in": hb.HalfNormal(1.0), "PyMC": pm.HalfNormal.dist(1.0)}.items():
        model = hb.Model("rating ~ warm + (1 | judge)", data, family="cumulative",
                         priors={"sd": prior})  # fmt: skip
        fits[name] = model.sample(draws=400, tune=300, chains=2, seed=3, progress=False)
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
