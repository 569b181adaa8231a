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
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import NORMAL


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """Variances of γ and of the groups' coefficients, split by their source.

    Parameters
    ----------
    gamma_given, gamma_theta : (p,) float
        E[Var(γ | θ)] and Var(E[γ | θ]).
    beta_given, beta_theta : (J, q) float
        The same of β_j.
    """

    gamma_given: Floats
    gamma_theta: Floats
    beta_given: Floats
    beta_theta: Floats


def decompose(fit: Fitted) -> Decomposition:
    """Split the posterior variance of γ and β.

    All parts are missing where γ is sampled (a prior on it that is neither normal nor flat),
    for then its moments given θ have no closed form.
    """
    p, J, q = len(fit.design.terms), fit.design.J, len(fit.design.effects)
    if fit.priors is None or not fit.priors.collapses_gamma:
        nothing, none = np.full(p, np.nan), np.full((J, q), np.nan)
        return Decomposition(nothing, nothing, none, none)
    likelihood = Likelihood(fit.problem.cross, NORMAL, fit.gamma_prior)
    return Decomposition(*likelihood.split_variances(fit.theta.flat, fit.groups_of.W))
