r"""A group left out of a Gaussian model: log p(y_j | y_−j, θ), γ and every u integrated out.

It is the log likelihood of all rows less that of the others at the same θ, both from
cross-products, in which γ has its prior: normal, or flat as in REML.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.crossproducts import within_totals
from hierbayes.design.problem import Problem
from hierbayes.display.steps import steps
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.influence.case import refit, why_not, without_groups
from hierbayes.inference.influence.whitened import log_scales_of_rows, whitened
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.theta import Theta

_AT_ONCE = 4_000_000  # numbers (θ, group, column of X)
MANY_REFITS = 200  # refits, from where on they show a bar


@dataclass(frozen=True, slots=True, eq=False)
class RefittedGroups:
    """Maxima without each group.

    Parameters
    ----------
    left_out : (J,) float
        Log p(y_j | y_−j, θ̂₍₋ⱼ₎), θ̂₍₋ⱼ₎ that of the other groups; missing where there is none.
    whole : (J,) float
        The same at the θ̂ of all groups.
    reasons : tuple of str
        Why a group cannot be left out; empty where it can.
    """

    left_out: Floats
    whole: Floats
    reasons: tuple[str, ...]


def densities_at(
    problem: Problem, k: int, theta: Theta, prior: NormalPrior, reading: Reading
) -> Floats:
    """Log p(y_j | y_−j, θ) (J, M) of each group of factor k at M θ, in the user's units.

    Parameters
    ----------
    problem : Problem
    k : int
    theta : Theta
        With one leading axis of length M.
    prior : NormalPrior
        Of γ, of all rows.
    reading : Reading
        ``REML`` or ``NORMAL``.
    """
    likelihood = likelihood_of(problem.products, reading, prior)
    J, M = problem.design.factors[k].J, len(theta.sigma)
    found, own = np.empty((J, M)), _log_root_weights(problem, k)
    if isinstance(likelihood, Likelihood):
        totals = within_totals(problem.design.rows, likelihood.cross)
        size = max(_AT_ONCE // ((J + 1) * max(likelihood.cross.p, 1)), 1)
        for start in range(0, M, size):
            at = slice(start, start + size)
            values = likelihood.without_groups(theta[at], totals)[0]
            found[:, at] = (values[:, -1:] - values[:, :-1]).T
        return found + (own - _log_scales(problem, k))[:, None]
    whole = likelihood.reduce(theta).log_density(prior, reading)
    for j, left in likelihood.without_levels(theta, problem.design, k):
        found[j] = whole - left.log_density(prior, reading)
    return found + own[:, None]


def refitted_groups(fit: PointFit, k: int, reading: Reading, *, progress: bool) -> RefittedGroups:
    """Each group of factor k left out, θ estimated anew from the others.

    Parameters
    ----------
    fit : PointFit
    k : int
    reading : Reading
        What is maximised, ``REML`` or ``ML``; γ is integrated out of the densities in both.
    progress : bool
    """
    problem, root = whitened(fit.problem.holding_sigma), fit.any_state.relative_root
    J = problem.design.factors[k].J
    everything = likelihood_of(problem.products, REML)
    left_out, whole = np.full(J, np.nan), np.full(J, np.nan)
    reasons = []
    with steps(J, "groups", progress=progress and J >= MANY_REFITS) as counted:
        cases = without_groups(problem, k, np.arange(J))
        for left, j in zip(cases, counted, strict=True):
            reasons.append(why_not(left, problem))
            if reasons[j]:
                continue
            others = likelihood_of(left, REML)
            anew = refit(left, problem, reading, root).state.theta
            left_out[j] = everything.at(anew).value - others.at(anew).value
            old = fit.any_state.theta
            whole[j] = everything.at(old).value - others.at(old).value
    own = _log_root_weights(fit.problem, k)
    return RefittedGroups(left_out + own, whole + own, tuple(reasons))


def _log_root_weights(problem: Problem, k: int) -> Floats:
    """Σ log √w − ½ log|R_j| of each group (J,): from densities of rows alike to those of y."""
    J = problem.design.factors[k].J
    if problem.has_like_rows:
        return np.zeros(J)
    codes = problem.design.rows.codes_of[k]
    return -np.asarray(np.bincount(codes, log_scales_of_rows(problem), J))


def _log_scales(problem: Problem, k: int) -> Floats:
    """n_j log s (J,): from densities of y in internal units to the user's."""
    rows = problem.products.levels[k].rows
    return np.asarray(rows * np.log(problem.products.basis.scale))
