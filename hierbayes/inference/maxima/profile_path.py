"""The profile of one parameter: its bounds, and points on the way to them.

The signed root ζ = ± √(deviance − minimum) is nearly linear in the parameter, so that
Newton's method on ζ, with the exact slope of the profiled deviance, finds a bound in a few
steps; a bracket keeps it safe.  Every deviance is minimised anew over all other parameters,
starting from those of the nearest point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.errors import EstimationError
from hierbayes.frames.arrays import Floats
from hierbayes.inference.maxima.held import Held, Theta
from hierbayes.inference.maxima.newton import minimise

_CLOSE = 1e-9  # of ζ
_STEPS = 80
_BETWEEN = (0.25, 0.5, 0.75)  # where else the profile is shown on the way to a bound


@dataclass(frozen=True, slots=True)
class Point:
    """A value of the held parameter, ζ there, and all parameters at their best.

    Parameters
    ----------
    value, zeta : float
    variables : (k,) float
        See `Held`.
    theta : Theta
    """

    value: float
    zeta: float
    variables: Floats
    theta: Theta


@dataclass(frozen=True, slots=True)
class Path:
    """The profile of one parameter.

    Parameters
    ----------
    points : tuple of Point
        From the lower bound to the upper one, the estimate among them.
    at_lower, at_upper : bool
        Whether a bound is the end of the parameter's range, within which the deviance never
        rises far enough.
    """

    points: tuple[Point, ...]
    at_lower: bool
    at_upper: bool


class _Tracer:
    """Follows the profile of one parameter from the maximum."""

    def __init__(self, held: Held, estimate: float, theta: Theta) -> None:
        self.held, self.estimate = held, estimate
        start = held.variables(theta)
        self.minimum = held.objective(estimate)(start)[0]
        self.found = [Point(estimate, 0.0, start, theta)]

    def at(self, value: float) -> Point:
        """The point at a value: the others at their best."""
        near = min(self.found, key=lambda point: abs(point.value - value))
        start = self.held.lifted(near.variables)
        deviance, x = minimise(self.held.objective(value), start, self.held.bounded)
        size = np.sqrt(max(deviance - self.minimum, 0.0))
        zeta = float(np.copysign(size, value - self.estimate)) if size else 0.0
        point = Point(value, zeta, x, self.held.theta(value, x))
        if np.isfinite(zeta):
            self.found.append(point)
        return point

    def bound(self, side: int, wanted: float, step: float) -> tuple[Point, bool]:
        """The point where |ζ| is as wanted, and whether it is the end of the range instead."""
        end = _end(self.held.parameter.block, side)
        far = None
        if np.isfinite(end):
            last = self.found[0] if end == self.estimate else self.at(end)
            if abs(last.zeta) < wanted:
                return last, True
            far = end
        near, value = self.estimate, self.estimate + side * step
        for _ in range(_STEPS):
            if far is not None and not min(near, far) < value < max(near, far):
                value = 0.5 * (near + far)
            point = self.at(value)
            short = wanted - abs(point.zeta)
            if abs(short) < _CLOSE or value in (near, far):
                return point, False
            near, far = (value, far) if short > 0.0 else (near, value)
            value = self._next(point, short, side)
        raise EstimationError(
            f"no {'lower' if side < 0 else 'upper'} bound of '{self.held.parameter.label}' was "
            "found: the likelihood stays flat, or cannot be evaluated, as far as it was followed; "
            "leave it out by parameters=[...], or centre its column"
        )

    def _next(self, point: Point, short: float, side: int) -> float:
        """Newton's next value, at most four times as far from the estimate."""
        if np.isinf(point.zeta):
            return self.estimate + 0.25 * (point.value - self.estimate)
        slope = abs(self.held.slope(point.value, point.variables))
        reach = 3.0 * abs(point.value - self.estimate)
        move = 2.0 * abs(point.zeta) * short / slope if slope > 0.0 else np.copysign(reach, short)
        return float(point.value + side * min(move, reach))


def trace(held: Held, estimate: float, theta: Theta, step: float, wanted: float) -> Path:
    """The profile of a parameter as far as |ζ| = wanted on either side.

    Parameters
    ----------
    held : Held
    estimate : float
        Of the parameter, where the deviance is at its minimum.
    theta : Theta
        Of all parameters there.
    step : float
        How far to look first.
    wanted : float
        The quantile of the standard normal distribution.

    Raises
    ------
    EstimationError
        When the deviance does not rise far enough as far as it can be evaluated.
    """
    tracer = _Tracer(held, estimate, theta)
    centre = tracer.found[0]
    lower, at_lower = tracer.bound(-1, wanted, step)
    upper, at_upper = tracer.bound(+1, wanted, step)
    points = [lower, upper, centre]
    for bound in (lower, upper):
        if bound.value != estimate:
            points += [tracer.at(estimate + f * (bound.value - estimate)) for f in _BETWEEN]
    unique = {point.value: point for point in points}
    return Path(tuple(unique[value] for value in sorted(unique)), at_lower, at_upper)


def _end(block: str, side: int) -> float:
    """The end of a parameter's range on one side."""
    if block == "corr":
        return float(side)
    return 0.0 if block == "sd" and side < 0 else np.inf
