"""What priors twice as wide would make of a marginal likelihood.

p(y) under other priors is p(y) times the posterior mean of the ratio of the priors, which the
points of the integral give: where γ is integrated out the ratio is one of likelihoods of θ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from hierbayes.design.problem import Problem
from hierbayes.errors import PriorError
from hierbayes.estimation.family_mode import scalar_log_density
from hierbayes.frames.arrays import Floats
from hierbayes.inference.evidence.integral import Points
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL
from hierbayes.priors.families import DesignNormal, Normal, Prior, Uniform
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.scale import rescaled

TWICE = 2.0
_NEGLIGIBLE = -16.0  # log share of a point, beside the largest, that is left out


def wider_priors(
    problem: Problem, priors: PriorSet, points: Points, log_weights: Floats
) -> pd.DataFrame:
    """By block of priors the ``change`` of log p(y) as their scales are doubled.

    Blocks of priors without a scale, or with limits, are left out.
    """
    kept = log_weights > log_weights.max() + _NEGLIGIBLE
    some, weights = points.at(kept), log_weights[kept]
    blocks = [("gamma", _gamma(problem, priors, some))]
    if priors.are_built_in:
        blocks.append(("sd", _scaled(priors.sd, some.sd)))
        if problem.family is None and not priors.explains_gamma:
            blocks.append(("sigma", _scaled((priors.sigma,), some.phi)))
    changes = {name: float(logsumexp(ratio + weights) - logsumexp(weights))
               for name, ratio in blocks if ratio is not None}  # fmt: skip
    return pd.DataFrame({"change": changes}).rename_axis("block")


def _gamma(problem: Problem, priors: PriorSet, points: Points) -> Floats | None:
    """Log ratio (N,) of normal priors of γ with twice the sds to those there are."""
    if not priors.gamma or not priors.collapses_gamma or problem.moments is not None:
        return None  # with a residual structure each point has errors of its own
    gamma = tuple((name, _wide_normal(prior), source) for name, prior, source in priors.gamma)
    wide = replace(priors, gamma=gamma)
    if points.gamma is None:
        products = problem.products
        reduction = likelihood_of(products).reduce(points.theta)
        new, old = (
            reduction.log_density(one.normal_gamma(products), NORMAL) for one in (wide, priors)
        )
        return np.asarray(new - old)
    return _log_gamma(wide, problem, points.gamma) - _log_gamma(priors, problem, points.gamma)


def _wide_normal(prior: Prior) -> Prior:
    return replace(prior, sigma=TWICE * prior.sigma) if isinstance(prior, Normal) else prior


def _log_gamma(priors: PriorSet, problem: Problem, gamma: Floats) -> Floats:
    """Log density (N,) of normal priors of γ at γ (N, p)."""
    joint = priors.joint_gamma(problem.working)
    total = np.zeros(len(gamma)) if joint is None else joint.log_density(gamma)
    for (_, prior, _), values in zip(priors.gamma, gamma.T, strict=True):
        if not isinstance(prior, DesignNormal):
            total = total + _log_densities(prior, values)
    return total


def _scaled(entries: Sequence[Any], values: Floats) -> Floats | None:
    """Log ratio (N,) of priors of numbers (N, ·) with twice the scale; None without a scale."""
    total = np.zeros(len(values))
    if not entries:
        return None
    for (_, prior, _), column in zip(entries, values.T, strict=False):
        if isinstance(prior, Uniform):
            return None
        if prior.is_elsewhere:
            continue
        try:
            wide = rescaled(prior, TWICE)
        except PriorError:
            return None
        total += _log_densities(wide, column) - _log_densities(prior, column)
    return total


def _log_densities(prior: Prior, values: Floats) -> Floats:
    return np.array([scalar_log_density(prior, value) for value in values.tolist()])
