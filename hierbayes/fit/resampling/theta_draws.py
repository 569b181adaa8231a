"""The model of a fit maximised again on simulated responses: what is not known of θ."""

from __future__ import annotations

import numpy as np

from hierbayes.display.steps import steps
from hierbayes.estimation.optimum_of import optimum_of
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.resampling.responses import RowSimulator, responses_of, sums_of
from hierbayes.fit.resampling.simulation import Simulator, simulator
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.theta import Theta


def simulator_of(fit: Fitted) -> Simulator | RowSimulator:
    """Simulates responses from the estimates of a fit."""
    if len(fit.design.factors) > 1:
        return RowSimulator(responses_of(fit), sums_of(fit.problem))
    cross = fit.problem.holding_sigma.cross
    root, sigma = fit.theta[0, 0].internal(cross.basis)
    return simulator(cross, cross.basis.gamma_internal(fit.gamma), root, float(sigma))


def generator_of(seed: int, number: int) -> np.random.Generator:
    """The random numbers of one refit, which follow from its number alone.

    They are none of those of ``default_rng(seed)``, with which data may have been made: the errors
    of a refit would be one of its predictors.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))


def bootstrapped_theta(
    fit: Fitted, reading: Reading, n: int, seed: int, *, progress: bool
) -> Theta:
    """θ̂ (n,) of n responses simulated from the estimates of a fit.

    Parameters
    ----------
    fit : Fitted
        With one θ.
    reading : Reading
        The likelihood that is maximised.
    n, seed : int
    progress : bool
        Whether to show progress.
    """
    simulate, found = simulator_of(fit), []
    with steps(n, "refits", progress=progress) as shown:
        for number in shown:
            cross = simulate.draw(generator_of(seed, number))
            found.append(optimum_of(fit.design, cross, reading).theta)
    return Theta.of(np.stack([one.root for one in found]), np.array([one.sigma for one in found]))
