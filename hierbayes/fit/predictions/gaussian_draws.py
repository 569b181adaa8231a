"""Exact joint draws of γ and every u of a Gaussian model given θ."""

from __future__ import annotations

import numpy as np

from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.likelihood.of_products import AnyLikelihood
from hierbayes.likelihood.theta import Theta

_GAMMA_AND_U = 14  # stream of random numbers


def draws_given_theta(
    likelihood: AnyLikelihood, theta: Theta, seed: int, source: str
) -> ParameterDraws:
    """A draw of γ and of every u given each of M θ and the data.

    Parameters
    ----------
    likelihood : Likelihood or SparseLikelihood
        Its reading says which prior γ has.
    theta : Theta
        With one leading axis of length M.
    seed : int
    source : str
        What these θ are, in words.
    """
    rng, M = np.random.default_rng([seed, _GAMMA_AND_U]), len(theta.sigma)
    gamma = likelihood.draw_gamma(theta, rng.standard_normal((M, likelihood.cross.p)))
    us = likelihood.draw_us(theta, gamma, rng)
    return ParameterDraws(gamma, us, theta.root, theta.sigma[:, None], (1, M), seed, source)
