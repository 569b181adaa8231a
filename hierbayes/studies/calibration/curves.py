"""Power and precision as functions of the number of groups that only rise, or only fall."""

from __future__ import annotations

import numpy as np

from hierbayes.frames.arrays import Floats


def monotone(values: Floats, weights: Floats, *, rising: bool) -> Floats:
    """The monotone values (k,) nearest to these, in squares weighted (isotonic regression).

    Examples
    --------
    >>> monotone(np.array([0.2, 0.6, 0.5]), np.ones(3), rising=True).round(2).tolist()
    [0.2, 0.55, 0.55]
    """
    from scipy.optimize import isotonic_regression

    found: Floats = isotonic_regression(values, weights=weights, increasing=rising).x
    return found


def crossing(groups: Floats, values: Floats, wanted: float, *, rising: bool) -> float:
    """Where a monotone curve first reaches a value; in √groups it is linear between its points.

    −inf where the smallest number of groups is enough, inf where the largest is not.
    """
    sign = 1.0 if rising else -1.0
    reached = sign * values >= sign * wanted
    if not reached.any():
        return np.inf
    k = int(reached.argmax())
    if k == 0:
        return -np.inf
    (low, high), (a, b) = np.sqrt(groups[k - 1 : k + 1]), values[k - 1 : k + 1]
    return float((low + (high - low) * (wanted - a) / (b - a)) ** 2)
