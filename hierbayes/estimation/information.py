"""Approximate covariance of the variance parameters at a maximum, as nlme has it.

The parameters are nlme's natural ones, in which a quadratic approximation serves
best: log sd of each effect, log((1 + ρ)/(1 − ρ)) of each correlation, and log σ.
The Hessian is that of the full (restricted) log-likelihood, by central differences
of the exact gradient.

References
----------
Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, section 2.4.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.covariance import block_mask, sd_corr
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.theta import Theta

_STEP = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class NaturalParameters:
    """The variance parameters on nlme's scale.

    Parameters
    ----------
    values : (k,) float
        log sd (q), log((1 + ρ)/(1 − ρ)) of the pairs, log σ; of the user's units.
    pairs : tuple of (rows, columns)
        Which correlations, lower triangle within blocks.
    covariance : (k, k) float
        Inverse of the negative Hessian; nan when that is not positive definite.  Without log σ
        where the problem holds it.
    """

    values: Floats
    pairs: tuple[Integers, Integers]
    covariance: Floats


def natural_parameters(
    problem: Problem, G: Floats, sigma: float, reading: Reading
) -> NaturalParameters:
    """Natural parameters of a maximum and their approximate covariance.

    Parameters
    ----------
    problem : Problem
    G : (q, q) float
        In the user's units, not singular.
    sigma : float
    reading : Reading
        ``ML`` or ``REML``.
    """
    blocks = problem.design.blocks
    lower = np.tril(block_mask(blocks), -1)
    rows, columns = np.nonzero(lower)
    pairs = (rows, columns)
    sd, corr = sd_corr(G)
    with np.errstate(divide="ignore"):  # a correlation of 1 to all digits
        eta = np.log1p(corr[pairs]) - np.log1p(-corr[pairs])
    values = np.concatenate([np.log(sd), eta, [np.log(sigma)]])
    k = len(values) - problem.holds_sigma
    hessian = np.empty((k, k))
    for i in range(k):
        step = np.zeros(len(values))
        step[i] = _STEP
        up = _gradient(problem, values + step, pairs, reading)
        down = _gradient(problem, values - step, pairs, reading)
        hessian[i] = (up - down)[:k] / (2 * _STEP)
    information = -0.5 * (hessian + hessian.T)
    if np.isfinite(information).all() and np.linalg.eigvalsh(information)[0] > 0.0:
        covariance = np.linalg.inv(information)
    else:
        covariance = np.full((k, k), np.nan)
    return NaturalParameters(values, pairs, covariance)


def _gradient(
    problem: Problem, values: Floats, pairs: tuple[Integers, Integers], reading: Reading
) -> Floats:
    """∂ℓ/∂(natural parameters), from the exact score of G and σ."""
    q = len(problem.design.effects)
    sd, sigma = np.exp(values[:q]), float(np.exp(values[-1]))
    corr = np.eye(q)
    corr[pairs] = np.tanh(values[q:-1] / 2.0)
    corr[pairs[::-1]] = corr[pairs]
    G = corr * np.outer(sd, sd)
    if q and np.linalg.eigvalsh(corr)[0] <= 0.0:
        return np.full(len(values), np.nan)
    M, d_sigma = likelihood_of(problem.products, reading).at(Theta.of_covariance(G, sigma)).score
    d_log_sd = 2.0 * (M * G).sum(axis=1)
    d_corr = 2.0 * (M * np.outer(sd, sd))[pairs]
    d_eta = d_corr * (1.0 - corr[pairs] ** 2) / 2.0
    return np.concatenate([d_log_sd, d_eta, [d_sigma * sigma]])
