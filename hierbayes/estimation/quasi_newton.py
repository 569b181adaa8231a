"""A quasi-Newton search: BFGS from a stated inverse Hessian, with steps by Wolfe's conditions.

References
----------
Nocedal & Wright (2006), *Numerical Optimization*, section 6.1; Lewis & Overton (2013), *Nonsmooth
Optimization via Quasi-Newton Methods*, for the line search.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hierbayes.frames.arrays import Floats

_DESCENT, _SLOPE = 1e-4, 0.9  # of Wolfe's conditions: how much lower, and how much less steep
_TRIALS = 40  # of the length of one step
_LONGEST = 4.0  # of a step at first, in units of the coordinates
_ROUNDING = 1e-12  # of a value
_NOWHERE, _IN_VAIN = 1e-13, 3  # a gain beside the value, and steps in turn that gain no more
_NOTHING = 1e-15  # a gain that is not worth a step: of ℓ, 4e-8 standard errors

type Objective = Callable[[Floats], tuple[float, Floats]]


class Reached(NamedTuple):
    """Where a search is: x (k,), value, gradient (k,), and the inverse of the Hessian (k, k)."""

    x: Floats
    value: float
    gradient: Floats
    inverse: Floats

    @property
    def gain(self) -> float:
        """What one more step promises."""
        return -0.5 * float(self.step @ self.gradient)

    @property
    def step(self) -> Floats:
        """The step (k,) to where the slope is 0, if the inverse is right."""
        return -self.inverse @ self.gradient


def settled(objective: Objective, found: Reached, least: float, noise: float = 0.0) -> Reached:
    """Where whole steps lead, of which the last promised no more than ``least``.

    One that promises next to nothing is not made.  Near a minimum the value cannot tell one step
    from the next, and slopes still can; ``noise`` is what its rounding may be, beside that of a
    number of its size.
    """
    last = np.inf
    while True:
        step = found.step
        gain = -0.5 * float(step @ found.gradient)
        if not min(least, _NOTHING) < gain < 0.5 * last:
            break
        value, gradient = objective(found.x + step)
        if not value <= found.value + gain + noise + _ROUNDING * (1.0 + abs(found.value)):
            break
        inverse = _updated(found.inverse, step, gradient - found.gradient)
        found, last = Reached(found.x + step, value, gradient, inverse), gain
        if gain <= least:
            break
    return found


def minimise(
    objective: Objective,
    start: Floats,
    inverse: Floats,
    *,
    slope: float,
    steps: int,
    noise: float = 0.0,
) -> Reached:
    """A point where no slope is larger than one, or from where steps lead no lower.

    They do where slopes are not those of the value, as next to a pole of the density of a
    correlation whose standard deviation goes to 0.

    Parameters
    ----------
    objective : callable
        Value and gradient (k,) at a point; infinite where there is none.
    start : (k,) float
        Where it is finite.
    inverse : (k, k) float
        Positive definite: what the inverse of the Hessian may be there.
    slope : float
    steps : int
        The most of them.
    noise : float
        By how much a value may seem higher than it is.
    """
    x, (value, gradient), H = start, objective(start), inverse.copy()
    in_vain = 0
    for _ in range(steps):
        if np.abs(gradient).max(initial=0.0) <= slope or in_vain == _IN_VAIN:
            break
        direction = -H @ gradient
        if not direction @ gradient < 0.0:  # H has lost its digits
            H, direction = np.eye(len(x)), -gradient
        found = _step(objective, x, value + noise, gradient, direction)
        if found is None:
            break
        in_vain = in_vain + 1 if value - found[1] <= _NOWHERE * (1.0 + abs(value)) else 0
        s, value, reached = found
        x, y, gradient = x + s, reached - gradient, reached
        H = _updated(H, s, y)
    return Reached(x, value, gradient, H)


def _step(
    objective: Objective, x: Floats, value: float, gradient: Floats, direction: Floats
) -> tuple[Floats, float, Floats] | None:
    """A step (k,), value and gradient behind it; None where nothing along the direction is lower.

    Its length is shortened where the value is too high, by the parabola through value, slope and
    what was reached, and doubled where the value falls as steeply still.
    """
    steepness, low, high = float(direction @ gradient), 0.0, np.inf
    length = min(1.0, _LONGEST / float(np.abs(direction).max()))
    best: tuple[Floats, float, Floats] | None = None
    for _ in range(_TRIALS):
        step = length * direction
        reached, there = objective(x + step)
        if not reached <= value + _DESCENT * length * steepness:
            high = length
            bend = reached - value - length * steepness
            share = -0.5 * length * steepness / bend if np.isfinite(bend) and bend > 0.0 else 0.1
            length = low + min(max(share, 0.1), 0.5) * (high - low)
        else:
            best = step, reached, there
            if not float(direction @ there) < _SLOPE * steepness:
                break
            low = length
            length = 2.0 * low if np.isinf(high) else 0.5 * (low + high)
    return best if best is not None and (best[1] < value or (x + best[0] != x).any()) else None


def _updated(H: Floats, s: Floats, y: Floats) -> Floats:
    """H (k, k) with what a step s (k,) and its change of slope y (k,) say: Hy = s."""
    curvature = float(s @ y)
    if not curvature > 1e-12 * math.sqrt(float(s @ s) * float(y @ y)):
        return H
    Hy = H @ y
    half = (0.5 * (1.0 + float(y @ Hy) / curvature) * s - Hy) / curvature
    added = s[:, None] * half  # BFGS adds this and its transpose
    return np.asarray(H + (added + added.T))
