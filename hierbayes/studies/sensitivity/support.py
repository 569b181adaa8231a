"""Whether draws under one set of priors can stand for another at all.

Weights know only what was drawn: where the baseline's prior is zero and the other is not,
no weight and no diagnostic of weights can tell.
"""

from __future__ import annotations

import numpy as np

from hierbayes.fit.densities import Densities, joint_of
from hierbayes.frames.arrays import Floats
from hierbayes.priors.families import Prior, Uniform
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.priors.joint_families import Beta
from hierbayes.priors.prior_set import PriorSet

_SIZES = np.logspace(-8, 8, 321)
_ROUNDING = 2e-8  # of an end, and of the smallest size tried, where a density may be 0 at 0


def obstacle(densities: Densities, new: PriorSet, old: PriorSet) -> str:
    """Why draws under old priors cannot be weighted to new ones; empty when they can.

    Parameters
    ----------
    densities : Densities
        The draws under the old priors.
    """
    joint = joint_of(new), joint_of(old)
    if joint[0] != joint[1]:
        latent = [prior for one in joint for _, prior in one if not prior.has_density]
        if latent:
            return f"{latent[0]} has no density of G, σ and γ without its latent shares"
    ours, theirs = old.families, new.families
    for key, prior in ours.items():
        other = theirs.get(key)
        if other == prior or not isinstance(prior, Uniform | Beta | ForeignPrior):
            continue
        least, most = densities.limits(*key)
        lower, upper = _support(prior, densities)
        below, above = _support(other, densities) if other is not None else (-np.inf, np.inf)
        lower, below = max(lower, least), max(below, least)
        upper, above = min(upper, most), min(above, most)
        if below < lower - _margin(lower) or above > upper + _margin(upper):
            name = key[1] if key[0] == key[1] else f"{key[0]}({key[1]})"
            return f"the baseline's prior of {name}, {prior}, excludes what it allows"
    return ""


def _margin(end: float) -> float:
    """By how much another prior may pass an end."""
    return _ROUNDING * max(1.0, abs(end)) if np.isfinite(end) else 0.0


def _support(prior: Prior, densities: Densities) -> tuple[float, float]:
    """Smallest and largest value with a density, ±inf where there is no end."""
    if isinstance(prior, Uniform):
        return prior.lower, prior.upper
    if isinstance(prior, Beta):
        return 0.0, 1.0
    if not isinstance(prior, ForeignPrior):
        return -np.inf, np.inf
    from hierbayes.priors.density import log_density

    points = np.concatenate([-_SIZES[::-1], [0.0], _SIZES, _near(densities)])
    points.sort()
    possible = points[np.isfinite(log_density(prior, points))]
    if not len(possible):
        return np.inf, -np.inf
    lower = -np.inf if possible[0] == points[0] else float(possible[0])
    upper = np.inf if possible[-1] == points[-1] else float(possible[-1])
    return lower, upper


def _near(densities: Densities) -> Floats:
    """Points around the draws, where the end of a prior matters most."""
    drawn = np.concatenate([densities.scalars, densities.gamma], axis=1)
    size = float(np.abs(drawn).max())
    return np.linspace(-2.0 * size, 2.0 * size, 2001)
