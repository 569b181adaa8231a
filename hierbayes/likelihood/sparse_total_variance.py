"""The law of total variance for several grouping factors, as `total_variance` has it for one.

γ is split over all θ, which takes S of each alone.  The coefficients of groups take the state at
a θ, and are split over as many as 1000 of them, evenly spaced.
"""

from __future__ import annotations

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.sparse import SparseLikelihood
from hierbayes.likelihood.theta import Theta

_MOST_STATES = 1000

type Split = tuple[Floats, Floats]  # the mean of variances given θ, the variance of means given θ


def split_variances(
    likelihood: SparseLikelihood, theta: Theta, Ws: tuple[Floats, ...]
) -> tuple[Split, tuple[Split, ...]]:
    """Variances of γ, and by factor of β_j = W_jγ + u_j, split over M θ.

    Parameters
    ----------
    likelihood : SparseLikelihood
        In the reading ``NORMAL``.
    theta : Theta
        With one leading axis of length M.
    Ws : tuple of (J_k, q_k, p) float
        By factor.

    Returns
    -------
    gamma : pair of (p,) float
    betas : tuple of pairs of (J_k, q_k) float
    """
    prior = likelihood.gamma_prior
    reduction = likelihood.reduce(theta)
    cov = np.diagonal(reduction.gamma_covs(prior, NORMAL), axis1=1, axis2=2)
    of_gamma = _split(cov, reduction.gamma_means(prior, NORMAL))
    M = len(theta.sigma)
    variances: list[list[Floats]] = [[] for _ in Ws]
    means: list[list[Floats]] = [[] for _ in Ws]
    for m in np.unique(np.linspace(0, M - 1, min(M, _MOST_STATES)).astype(int)):
        state = likelihood.at(theta[int(m)])
        for k, W in enumerate(Ws):
            cov_of = state.coefficient_cov_of(k, W)
            variances[k].append(np.diagonal(cov_of, axis1=1, axis2=2))
            means[k].append(W @ state.gamma + state.u_of(k))
    betas = (_split(np.array(v), np.array(m)) for v, m in zip(variances, means, strict=True))
    return of_gamma, tuple(betas)


def _split(variances: Floats, means: Floats) -> Split:
    """Over the first axis."""
    apart: Floats = means.var(axis=0, ddof=min(1, len(means) - 1))
    return variances.mean(axis=0), apart
