"""Posteriors of several grouping factors against an explicit model in which every u is sampled."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arviz_stats.base import array_stats

import hierbayes as hb
from tests.factors_reference import model

pytestmark = pytest.mark.slow

AXES = {"chain_axis": 0, "draw_axis": 1}
ERRORS = 4.5  # Monte Carlo errors of both sides
EXPLICIT: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "reference" / "factors_posterior.json").read_text()
)
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "nested": (
        "Oats_split_plot", "yield ~ nitro + Variety + (1 | Block/Variety)",
        {"gamma": hb.Normal(0, 50), "sd": hb.HalfNormal(20), "sigma": hb.HalfNormal(20)},
    ),
    "crossed": (
        "sim_singular_crossed", "y ~ x + (1 + x | a) + (1 | b)",
        {"gamma": hb.Normal(0, 10), "sd": hb.HalfNormal(2), "sigma": hb.HalfNormal(3),
         "corr": hb.LKJ(2)},
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def sampled(request: pytest.FixtureRequest) -> tuple[hb.PosteriorFit, dict[str, Any]]:
    data, formula, priors = MODELS[request.param]
    posed = hb.Model(formula, model(data).data, priors=priors)
    fit = posed.sample(draws=1000, tune=500, chains=4, seed=1, progress=False)
    return fit, EXPLICIT[request.param]


def draws_of(fit: hb.PosteriorFit, name: str, labels: list[list[str]]) -> np.ndarray:
    """Draws (chains, draws, ...) of what the explicit model calls by this name."""
    if name == "corr":
        return fit.theta.corr[..., 0, 1]
    if name in ("gamma", "sigma"):
        found = fit.draws(name)
        return (found.sel(term=labels[0]) if labels else found).to_numpy()
    kind, _, factor = name.partition("|")
    if kind == "sd":
        return fit.draws("sd").sel(effect=[f"{effect}|{factor}" for effect in labels[0]]).to_numpy()
    u = fit.draws("u", factor)
    groups = u.dims[2]
    u = u.assign_coords({groups: u[groups].astype(str).to_numpy()})
    return u.sel({groups: labels[0]}).to_numpy()


def test_every_parameter_and_effect_is_that_of_the_explicit_model(
    sampled: tuple[hb.PosteriorFit, dict[str, Any]],
) -> None:
    fit, explicit = sampled
    for name, expected in explicit.items():
        ours = draws_of(fit, name, expected["labels"])
        ours = ours.reshape(*ours.shape[:2], -1)
        assert ours.shape[-1] == len(expected["mean"])
        for method, found in (("mean", ours.mean((0, 1))), ("sd", ours.std((0, 1)))):
            errors = [
                array_stats.mcse(one, method=method, **AXES) for one in np.moveaxis(ours, 2, 0)
            ]
            combined = np.hypot(errors, expected[f"{method}_error"])
            z = (found - np.array(expected[method])) / combined
            assert np.abs(z).max() < ERRORS, (name, method, z)
