"""Simulation-based calibration: where truths are drawn from the priors their ranks are uniform.

Talts et al. (2018), arXiv:1804.06788.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

import hierbayes as hb

SIMULATIONS, BINS, KEPT, THIN = 42, 7, 62, 3
GROUPS, ROWS = 8, 6
PRIORS = {"gamma": hb.Normal(0.0, 0.8), "sd": hb.HalfNormal(0.7)}
RARE = 1e-6  # probability that a right sampler fails

Array = NDArray[np.float64]
Counts = NDArray[np.int64]


def simulated(family: str, rng: np.random.Generator) -> tuple[pd.DataFrame, Array]:
    """Data, and the truth behind them: γ, sd and the first random effect."""
    g, x = np.repeat(np.arange(GROUPS), ROWS), np.tile(np.linspace(-1.0, 1.0, ROWS), GROUPS)
    gamma, sd = rng.normal(0.0, 0.8, 2), abs(rng.normal(0.0, 0.7))
    u = rng.normal(0.0, sd, GROUPS)
    eta = gamma[0] + gamma[1] * x + u[g]
    y = rng.random(len(x)) < 1.0 / (1.0 + np.exp(-eta)) if family == "bernoulli" else (
        rng.poisson(np.exp(eta))
    )  # fmt: skip
    return pd.DataFrame({"g": g, "x": x, "y": y * 1}), np.array([*gamma, sd, u[0]])


def ranks(family: str) -> Counts:
    """Ranks of truths among posterior draws (simulations, parameters)."""
    rng = np.random.default_rng(20)
    found: list[Counts] = []
    while len(found) < SIMULATIONS:
        data, truth = simulated(family, rng)
        if data["y"].nunique() == 1:  # a constant response is refused; about 1 in 1000
            continue
        model = hb.Model("y ~ x + (1 | g)", data, family=family, priors=PRIORS)
        fit = model.sample(draws=KEPT * THIN, tune=120, chains=1, seed=len(found), progress=False)
        draws = np.column_stack([fit.gamma_draws[0], np.sqrt(fit.theta.G[0, :, 0, 0]),
                                 fit.us[0][0, :, 0, 0]])[::THIN]  # fmt: skip
        found.append((draws < truth).sum(axis=0))
    return np.array(found)


def statistic(found: Counts) -> Array:
    """χ² of the ranks of each parameter against a uniform distribution."""
    counts = np.stack([np.bincount(one * BINS // (KEPT + 1), minlength=BINS) for one in found.T])
    expected = SIMULATIONS / BINS
    return np.asarray(((counts - expected) ** 2 / expected).sum(axis=1), dtype=np.float64)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
def test_ranks_of_truths_are_uniform(family: str) -> None:
    assert (statistic(ranks(family)) < chi2(BINS - 1).isf(RARE / 8)).all()


def test_a_wrong_sampler_is_caught() -> None:
    """Draws with a fifth of the spread of the posterior put truths at the ends."""
    rng = np.random.default_rng(3)
    truths = rng.normal(size=(SIMULATIONS, 4))
    draws = 0.2 * rng.normal(size=(KEPT, SIMULATIONS, 4))
    assert (statistic((draws < truths).sum(axis=0)) > chi2(BINS - 1).isf(RARE / 8)).all()
