"""A prior made by PyMC in a family's model: the graph is sampled, and is the same model."""

import numpy as np
import pymc as pm

import hierbayes as hb
from hierbayes.estimation.family_graph_nuts import dispersion_of, parameters_of
from tests.benchmarks.family_data import herds, ratings


def test_draws_of_the_graph_are_read_in_the_users_units() -> None:
    """η of the graph is that of the γ and u that are read from it, G that of the prior's sd."""
    priors = {"gamma": hb.Normal(0.0, 1.0), "sd": pm.HalfNormal.dist(1.0)}
    model = hb.Model(
        "cbind(k, rest) ~ period + (1 | herd)", herds(), family="binomial", priors=priors
    )
    graph, design = model.graph(), model.problem.design
    names = ["gamma", "u", "G", "eta", "sd"]
    drawn = pm.draw([graph[name] for name in names], draws=6, mode="FAST_COMPILE", random_seed=1)
    values = {name: one.reshape(2, 3, *one.shape[1:]) for name, one in zip(names, drawn,
              strict=True)}  # fmt: skip
    theta, phi, us = parameters_of(model.problem, values)
    eta = np.einsum("np,cdp->cdn", design.X, values["gamma"])
    eta += us[0][:, :, design.rows.codes_of[0], 0]
    np.testing.assert_allclose(eta, values["eta"], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(theta.sd, values["sd"], rtol=1e-10)
    assert phi.shape == (2, 3, 0)


def test_thresholds_of_the_graph_are_sums_of_their_distances() -> None:
    problem = hb.Model("rating ~ warm + (1 | judge)", ratings(), family="cumulative").problem
    draws = np.arange(1.0, 7.0).reshape(2, 3)
    posterior = {"gamma": np.zeros((2, 3, 2)), "sigma": draws, "dispersion_0": 2.0 * draws,
                 "dispersion_1": 0.5 * draws}  # fmt: skip
    phi = dispersion_of(problem, posterior)
    np.testing.assert_allclose(phi[1, 2], [0.0, 6.0, 18.0, 21.0])
