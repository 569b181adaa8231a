"""The density of a family's responses and of γ, G and dispersion, u integrated out.

By adaptive quadrature with one grouping factor and up to three effects, which is exact but for
rounding; by Laplace's approximation otherwise.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.family_importance import log_volume, natural_of, spread
from hierbayes.estimation.family_mode import PosteriorCriterion, posterior_criterion
from hierbayes.estimation.laplace_search import maximise_latent
from hierbayes.frames.arrays import Floats
from hierbayes.inference.evidence.integral import Integrand, Points
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet


def family_integrand(problem: Problem, priors: PriorSet, nodes: int) -> Integrand:
    """The integrand of a family's model.

    The coordinates are γ, the free entries of a root L of G, and the dispersion; L is a root with
    any signs of its columns, each of which has an equal part of the density.

    Parameters
    ----------
    problem : Problem
    priors : PriorSet
    nodes : int
        Of quadrature for each effect; 1 is Laplace's approximation.

    Raises
    ------
    PriorError
        When a prior is made by PyMC.
    """
    criterion = posterior_criterion(problem, priors, nodes)
    optimum = maximise_latent(criterion)
    basis, q = problem.working.basis, criterion.q
    natural = natural_of(problem, priors, criterion)
    rows, columns = criterion.lower
    # γ = s T γ° + ..., and 2^q roots for one G
    constant = criterion.p * np.log(basis.scale) + np.linalg.slogdet(basis.x.matrix)[1]
    constant = float(constant - q * np.log(2.0))
    back = np.linalg.inv(priors.columns(q))

    def log_density(x: Floats) -> Floats:
        with np.errstate(all="ignore"):
            found = np.array([criterion.density(one) + log_volume(natural, one) for one in x])
        return np.where(np.isfinite(found), found + constant, -np.inf)

    def points(x: Floats) -> Points:
        every = [criterion.point(one) for one in x]
        root = basis.root(np.array([one.root for one in every]).reshape(len(x), q, q))
        phi = np.array([one.phi for one in every]).reshape(len(x), -1)
        gamma = np.array([basis.gamma(one.gamma) for one in every])
        return Points(Theta.of(root, np.ones(len(x))), back @ root, gamma, phi)

    centre, signs = _upright(criterion, criterion.coordinates(optimum.mode.point))
    entries = slice(criterion.p, criterion.p + len(rows))
    signed = np.zeros(len(centre), bool)
    signed[entries] = rows == columns
    return Integrand(log_density, points, centre, signs[:, None] * spread(optimum.hessian), signed)


def _upright(criterion: PosteriorCriterion, x: Floats) -> tuple[Floats, Floats]:
    """The same point (k,) with no diagonal entry of L below 0, and what signs (k,) changed."""
    signs = np.ones(len(x))
    rows, columns = criterion.lower
    entries = x[criterion.p : criterion.p + len(rows)]
    for column in columns[(rows == columns) & (entries < 0.0)]:
        signs[criterion.p + np.flatnonzero(columns == column)] = -1.0
    return signs * x, signs
