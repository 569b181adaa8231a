"""The marginal posterior of a family's model by importance sampling, with no chain.

Proposals from a multivariate t at the mode of (γ, root of G, φ), and at its images under changes of
sign of a column of the root, weighted by the posterior density with every random effect integrated
out by quadrature or Laplace's approximation.  It shares nothing with the sampler but the formulas
of family and priors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from hierbayes.design.blocks import block_slices
from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.problem import Problem
from hierbayes.display.steps import steps
from hierbayes.estimation.family_mode import PosteriorCriterion, posterior_criterion
from hierbayes.estimation.importance import FREEDOM, log_t, smoothed_weights
from hierbayes.estimation.laplace_search import maximise_latent
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.covariance import correlated_pairs, sd_corr
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet

_WIDER = 1.25  # proposals than the curvature says: standard deviations are skewed
_TURNED = 6  # columns of a root whose signs are turned, at most
_STEP = 1e-6  # of a central difference of coordinates
_LEAST = 1e-4  # curvature along a direction, in units of its scale, that proposals assume


@dataclass(frozen=True, slots=True, eq=False)
class WeightedPoints:
    """Points of a marginal posterior and their weights.

    Parameters
    ----------
    theta : Theta
        With axes (1, n).
    gamma : (1, n, p) float
    phi : (1, n, d) float
    weights : (n,) float
        With sum 1.
    k_hat : float
        Pareto k̂ of the weights.
    """

    theta: Theta
    gamma: Floats
    phi: Floats
    weights: Floats
    k_hat: float


def weighted_points(
    problem: Problem, priors: PriorSet, nodes: int, n: int, seed: int, *, progress: bool
) -> WeightedPoints:
    """Points about the mode of the marginal posterior, and their weights.

    Parameters
    ----------
    problem : Problem
        Of a family that is not Gaussian.
    priors : PriorSet
    nodes : int
        Of adaptive quadrature for each effect; 1 is Laplace's approximation.
    n : int
        Points.
    seed : int
    progress : bool

    Raises
    ------
    PriorError
        When a prior is made by PyMC.
    """
    criterion = posterior_criterion(problem, priors, nodes)
    optimum = maximise_latent(criterion)
    centre = criterion.coordinates(optimum.mode.point)
    root = _WIDER * spread(optimum.hessian)
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, len(centre)))
    z *= np.sqrt(FREEDOM / rng.chisquare(FREEDOM, n))[:, None]
    x = centre + z @ root.T
    natural = natural_of(problem, priors, criterion)
    log_p = np.empty(n)
    with steps(n, "points of the posterior", progress=progress) as numbers:
        for i in numbers:
            log_p[i] = criterion.density(x[i]) + log_volume(natural, x[i])
    log_q = log_folded(x, centre, root, signs(criterion.lower[1], criterion.p, len(centre)))
    weights, k_hat = smoothed_weights(log_p - log_q)
    points = [criterion.point(one) for one in x]
    basis = problem.working.basis
    roots = np.array([basis.root(one.root) for one in points])
    return WeightedPoints(
        theta=Theta.of(roots[None], np.ones((1, n))),
        gamma=np.array([basis.gamma(one.gamma) for one in points])[None],
        phi=np.array([one.phi for one in points])[None],
        weights=weights / weights.sum(),
        k_hat=k_hat,
    )


def signs(columns: Integers, p: int, k: int) -> Floats:
    """Changes of sign (S, k) of coordinates that leave G as it is: of columns of its root.

    The density has a mode for each.  Of very many columns none is changed: only of few groups, and
    so of few columns, are modes near each other.

    Parameters
    ----------
    columns : (m,) int
        Of the entries of the root, which follow p coefficients among k coordinates.
    p, k : int
    """
    q = int(columns.max(initial=-1)) + 1
    turned = np.array(list(product((1.0, -1.0), repeat=q if q <= _TURNED else 0)))
    found = np.ones((len(turned), k))
    if turned.shape[1]:
        found[:, p : p + len(columns)] = turned[:, columns]
    return found


def log_folded(x: Floats, centre: Floats, root: Floats, flips: Floats) -> Floats:
    """Log density (n,) of proposals at x (n, k) or at what is the same but for signs (S, k)."""
    each = [solve_triangular(root, (x * flip - centre).T, lower=True).T for flip in flips]
    return np.asarray(logsumexp([log_t(z**2, root) for z in each], axis=0))


def spread(hessian: Floats) -> Floats:
    """A root of the covariance of proposals: of the inverse of minus the Hessian, kept positive."""
    size = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    value, vectors = np.linalg.eigh(-hessian / np.outer(size, size))
    inverse = (vectors / np.maximum(np.abs(value), _LEAST)) @ vectors.T / np.outer(size, size)
    return np.asarray(np.linalg.cholesky(inverse))


def natural_of(
    problem: Problem, priors: PriorSet, criterion: PosteriorCriterion
) -> Callable[[Floats], Floats]:
    """What turns coordinates behind γ into what priors are densities of: sd, corr, dispersion."""
    design, basis, p = problem.design, problem.working.basis, criterion.p
    columns = np.linalg.inv(priors.columns(len(design.effects)))
    inside = [at for at in block_slices(design.blocks) if at.stop - at.start > 1]
    pairs = correlated_pairs(design.blocks) if inside else (np.empty(0, int), np.empty(0, int))
    ordered = has_thresholds(problem.family_rows.family)
    gamma = np.zeros(p)

    def natural(tail: Floats) -> Floats:
        point = criterion.point(np.concatenate([gamma, tail]))
        root = columns @ basis.root(point.root)
        sd, corr = sd_corr(root @ root.T)
        return np.concatenate([sd, corr[pairs], np.diff(point.phi) if ordered else point.phi])

    return lambda x: natural(x[p:])


def log_volume(natural: Callable[[Floats], Floats], x: Floats) -> float:
    """log |∂(sd, corr, φ)/∂x| by central differences."""
    k = len(natural(x))
    moves = np.zeros((k, len(x)))
    moves[:, len(x) - k :] = _STEP * np.eye(k)
    slope = np.array([natural(x + h) - natural(x - h) for h in moves]) / (2.0 * _STEP)
    return float(np.linalg.slogdet(slope)[1]) if k else 0.0
