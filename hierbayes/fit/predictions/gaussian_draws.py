"""Exact joint draws of γ and every u of a Gaussian model given θ."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.of_products import AnyLikelihood
from hierbayes.likelihood.theta import Theta

_GAMMA_AND_U = 14  # stream of random numbers


def draws_given_theta(
    likelihoods: Iterable[tuple[Integers, AnyLikelihood]],
    theta: Theta,
    seed: int,
    source: str,
    errors: Floats | None = None,
) -> ParameterDraws:
    """A draw of γ and of every u given each of M θ and the data.

    Parameters
    ----------
    likelihoods : iterable of (integers, Likelihood or SparseLikelihood)
        Which of the θ each is of.  Its reading says which prior γ has.
    theta : Theta
        With one leading axis of length M.
    seed : int
    source : str
        What these θ are, in words.
    errors : (M, k) float, optional
        Coordinates of a residual structure, where there is one.
    """
    rng, M = np.random.default_rng([seed, _GAMMA_AND_U]), len(theta.sigma)
    parts = list(likelihoods)
    gamma = rng.standard_normal((M, parts[0][1].cross.p))
    drawn = []
    for at, likelihood in parts:
        gamma[at] = likelihood.draw_gamma(theta.at(at), gamma[at])
        drawn.append(likelihood.draw_us(theta.at(at), gamma[at], rng))
    order = np.argsort(np.concatenate([at for at, _ in parts]))
    us = drawn[0] if len(drawn) == 1 else tuple(
        np.concatenate(own)[order] for own in zip(*drawn, strict=True)
    )  # fmt: skip
    phi = theta.sigma[:, None]
    phi = phi if errors is None else np.concatenate([phi, errors], axis=1)
    return ParameterDraws(gamma, us, theta.root, phi, (1, M), seed, source)
