"""Draws of a PyMC model that is interpreted: their moments, dimensions and refusals."""

import numpy as np
import pymc as pm
import pytest
from arviz_stats.base import array_stats

import hierbayes as hb
from hierbayes.errors import EstimationError

Y = np.array([1.2, 0.4, 2.2, 1.6, 0.9])


@pytest.mark.slow
def test_draws_have_the_moments_of_a_conjugate_posterior() -> None:
    """μ ~ N(0, 2²), y ~ N(Aμ + b, 1), with a scale that the data do not tell."""
    with pm.Model(coords={"row": list("abcde")}) as graph:
        mu = pm.Normal("mu", 0.0, 2.0)
        scale = pm.HalfNormal("scale", 3.0)
        pm.Deterministic("twice", 2.0 * mu + pm.math.zeros_like(Y), dims="row")
        pm.Normal("y", mu, 1.0, observed=Y, dims="row")
        pm.Potential("apart", 0.0 * scale)
    tree = hb.sample_graph(graph, draws=400, tune=300, chains=2, seed=1, progress=False)
    posterior = tree["posterior"]
    assert posterior["twice"].dims == ("chain", "draw", "row")
    assert list(posterior["twice"].coords["row"].to_numpy()) == list("abcde")
    np.testing.assert_allclose(posterior["twice"][..., 1], 2.0 * posterior["mu"], rtol=1e-12)
    assert tree["sample_stats"]["diverging"].shape == (2, 400)
    variance = 1.0 / (0.25 + 5.0)
    for name, mean, sd in (
        ("mu", variance * Y.sum(), np.sqrt(variance)),
        ("scale", 3.0 * np.sqrt(2.0 / np.pi), 3.0 * np.sqrt(1.0 - 2.0 / np.pi)),
    ):
        draws = posterior[name].to_numpy()
        for method, found, wanted in (("mean", draws.mean(), mean), ("sd", draws.std(), sd)):
            error = float(array_stats.mcse(draws, method=method, chain_axis=0, draw_axis=1))
            assert abs(found - wanted) < 6.0 * error


def test_what_nuts_cannot_move_along_is_refused_by_name() -> None:
    with pm.Model() as graph:
        pm.Poisson("count", 2.0)
    with pytest.raises(EstimationError, match=r"^NUTS moves along gradients, and count is disc"):
        hb.sample_graph(graph)


def test_what_is_no_pymc_model_is_refused() -> None:
    with pytest.raises(EstimationError, match=r"^sample_graph\(\) takes a PyMC model, and this is"):
        hb.sample_graph("mathach ~ ses")
