"""Whether data and default priors contradict each other.

The likelihood says γ̂ ± V of the fixed effects.  Of the terms that share the default prior, what
they take of γ̂ has under prior and data the covariance of both, and Box's prior predictive p-value
is the probability of lying as far from the prior's mean.

References
----------
Box (1980), *Sampling and Bayes' inference in scientific modelling and robustness*,
doi:10.2307/2982063.
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from hierbayes.estimation.laplace_search import maximise_latent
from hierbayes.estimation.latent_problem import likelihood_criterion
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.of_family.natural import bend_of, unbounded
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.theta import Theta

CONFLICT = 0.001  # of a prior predictive p-value


def prior_conflicts(fit: Fitted) -> list[str]:
    """Whether the likelihood puts γ where the prior that its terms share has next to nothing.

    Of a Gaussian response by least squares at the mean of θ, of other families by the maximum of
    their approximate likelihood.
    """
    columns = fit.problem.unweighted.working
    joint = None if fit.priors is None else fit.priors.joint_gamma(columns)
    if joint is None:
        return []
    of_gaussian = fit.problem.family is None
    gamma, gamma_cov = (_least_squares if of_gaussian else _likeliest)(fit)
    if not np.isfinite(gamma_cov).all():
        return []  # a coefficient that goes to infinity is nowhere
    away = joint.deviations(gamma[None, :])[0]
    cov = joint.lift @ gamma_cov @ joint.lift.T + np.linalg.inv(joint.precision)
    p = float(chdtrc(len(away), away @ np.linalg.solve(cov, away)))
    if p >= CONFLICT:
        return []
    names = ", ".join(f"'{fit.design.terms[k]}'" for k in joint.at)
    return [
        f"prior and data are in conflict: the data put the coefficients {names} where their "
        f"default prior has little probability (p = {p:.1g}); state priors of 'gamma'"
    ]


def _least_squares(fit: Fitted) -> tuple[Floats, Floats]:
    """γ̂ (p,) at the mean of θ, and its covariance."""
    mean = Theta.of_covariance(fit.theta.G.mean(axis=(0, 1)), float(fit.theta.sigma.mean()))
    state = likelihood_of(fit.problem.products).at(mean)
    return state.gamma, state.gamma_cov


def _likeliest(fit: Fitted) -> tuple[Floats, Floats]:
    """γ̂ (p,) by Laplace's approximation, and its covariance: missing where ℓ has no end."""
    problem, p = fit.problem, len(fit.design.terms)
    optimum = maximise_latent(likelihood_criterion(problem, 1))
    bend, basis = bend_of(optimum, p, fit.design.blocks), problem.working.basis
    scale = basis.scale * basis.x.matrix
    cov = scale @ bend.covariance[:p, :p] @ scale.T
    size = np.maximum(fit.design.rows.column_sizes, 1e-150)
    cov[unbounded(bend, scale, 1.0 / size)] = np.nan
    return basis.gamma(optimum.mode.point.gamma), cov
