"""How much of a posterior variance is uncertainty of θ: the law of total variance, exactly.

    Var(x | y) = E[Var(x | θ, y)] + Var(E[x | θ, y])

for x = γ and for the coefficients β_j = W_jγ + u_j of every group.  Both inner moments are
known in closed form at each draw of θ, so the split has no noise but that of the draws of θ
themselves.  The first part is what an estimate at a known θ would have; the second is what
ignoring the uncertainty of θ leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import likelihood_of, split_variances_of
from hierbayes.likelihood.reading import NORMAL


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """Variances of γ and of the groups' coefficients, split by their source.

    Parameters
    ----------
    gamma_given, gamma_theta : (p,) float
        E[Var(γ | θ)] and Var(E[γ | θ]).
    betas : tuple of pairs of (J, q) float
        By grouping factor the same of β_j.
    """

    gamma_given: Floats
    gamma_theta: Floats
    betas: tuple[tuple[Floats, Floats], ...]


def decompose(fit: Fitted) -> Decomposition:
    """Split the posterior variance of γ and β.

    All parts are missing where γ is sampled (a prior on it that is neither normal nor flat),
    for then its moments given θ have no closed form, and where each draw has errors of its own.
    """
    Ws = tuple(one.W for one in fit.group_designs)
    of_each = fit.problem.moments is not None and fit.theta.sigma.size > 1
    if fit.priors is None or not fit.priors.collapses_gamma or of_each:
        nothing = np.full(len(fit.design.terms), np.nan)
        none = (np.full(W.shape[:2], np.nan) for W in Ws)
        return Decomposition(nothing, nothing, tuple((one, one) for one in none))
    likelihood = likelihood_of(fit.problem.products, NORMAL, fit.gamma_prior)
    of_gamma, betas = split_variances_of(likelihood, fit.theta.flat, Ws)
    return Decomposition(*of_gamma, betas)
