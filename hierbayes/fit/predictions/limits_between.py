"""Limits of an expected response that stay between the ends that it has."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from hierbayes.frames.arrays import Floats


def limits_between(
    ends: tuple[float, float], estimate: Floats, se: Floats, z: float
) -> tuple[Floats, Floats]:
    """Limits z standard errors away on the log scale above the lower end, or on that of a logit.

    Parameters
    ----------
    ends : (float, float)
        Between which numbers; the lower one is finite.
    estimate, se : float
        Arrays of one shape.
    z : float

    Examples
    --------
    >>> lower, upper = limits_between((0.0, 1.0), np.array([0.5]), np.array([0.1]), 2.0)
    >>> lower.round(3), upper.round(3)
    (array([0.31]), array([0.69]))
    """
    low, high = ends
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if not np.isfinite(high):
            factor = np.exp(z * se / (estimate - low))
            found = low + (estimate - low) / factor, low + (estimate - low) * factor
        else:
            share = (estimate - low) / (high - low)
            half = z * se / ((high - low) * share * (1.0 - share))
            lower, upper = (expit(logit(share) + sign * half) for sign in (-1.0, 1.0))
            found = low + (high - low) * lower, low + (high - low) * upper
    certain = (se == 0.0) | np.isnan(found[0]) & ~np.isnan(se)  # or at an end of the range
    return np.where(certain, estimate, found[0]), np.where(certain, estimate, found[1])
