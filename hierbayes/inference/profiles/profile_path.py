"""The profile of one parameter: its bounds, and points on the way to them.

The signed root ζ = ± √(deviance − minimum) is nearly linear in the parameter, so that
Newton's method on ζ, with the exact slope of the profiled deviance, finds a bound in a few
steps; a bracket keeps it safe.  Every deviance is minimised anew over all other parameters,
starting from those of the nearest point.  Where that fails the deviance is too high, so that
no bound is read from it: the bound is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hierbayes.errors import InferenceError
from hierbayes.estimation.newton import Objective, minimise
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.inference.profiles.parameter import Estimates, Parameter

_CLOSE = 1e-9  # of ζ
_RESOLVED = 1e-4  # of ζ, where neighbouring numbers of the parameter are further apart
_STEPS = 80
_MANY = 6  # variables, from which on a Hessian by differences is dearer than what it saves
_BETWEEN = (0.25, 0.5, 0.75)  # where else the profile is shown on the way to a bound


class HeldParameter(Protocol):
    """The deviance with one parameter held, as a function of variables that are all others."""

    parameter: Parameter

    @property
    def bounded(self) -> Booleans:
        """Which variables (k,) are not below zero."""

    def variables(self, best: Estimates) -> Floats:
        """The variables (k,) at which estimates stand."""

    def lifted(self, x: Floats) -> Floats:
        """The same off stationary points that are no minimum."""

    def objective(self, value: float) -> Objective:
        """The deviance at one value of the held parameter, with its gradient."""

    def slope(self, value: float, x: Floats) -> float:
        """Its derivative by the held parameter."""

    def estimates(self, value: float, x: Floats) -> Estimates:
        """All parameters."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value of the held parameter, ζ there, and all parameters at their best.

    Parameters
    ----------
    value, zeta : float
    variables : (k,) float
        See `HeldParameter`.
    best : Estimates
    converged : bool
        Whether they are; if not, the deviance here may be lower than ζ says.
    hessian : (k, k) float, optional
        Of the deviance by the variables, where the search left one.
    """

    value: float
    zeta: float
    variables: Floats
    best: Estimates
    converged: bool = True
    hessian: Floats | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """The profile of one parameter.

    Parameters
    ----------
    points : tuple of Point
        From the lower bound to the upper one, the estimate among them.
    lower, upper : float
        The bounds; nan where none was found.
    at_lower, at_upper : bool
        Whether a bound is the end of the parameter's range, within which the deviance never
        rises far enough.
    missing : tuple of str
        Why bounds are missing.
    """

    points: tuple[Point, ...]
    lower: float
    upper: float
    at_lower: bool
    at_upper: bool
    missing: tuple[str, ...] = ()


class _Tracer:
    """Follows the profile of one parameter from the maximum."""

    def __init__(self, held: HeldParameter, estimate: float, best: Estimates) -> None:
        self.held, self.estimate = held, estimate
        start = held.variables(best)
        there = held.objective(estimate)
        self.minimum = there(start)[0]
        known = minimise(there, start, held.bounded).hessian if len(start) >= _MANY else None
        self.found = [Point(estimate, 0.0, start, best, hessian=known)]

    def at(self, value: float) -> Point:
        """The point at a value: the others at their best.

        They are sought from those of the nearest point and from those of the nearest on the way
        from the estimate: at the end of a range they may be at a minimum of their own (a standard
        deviation of 0), which does not lead back.
        """
        near = min(self.found, key=lambda point: abs(point.value - value))
        way = min(self._on_the_way(value), key=lambda point: abs(point.value - value))
        tried = [self._from(near, value)]
        if way is not near:
            tried.append(self._from(way, value))
        if not any(point.converged for point in tried) and way is not self.found[0]:
            tried.append(self._from(self.found[0], value))
        best = min(tried, key=lambda point: (not point.converged, abs(point.zeta)))
        if best.converged:
            self.found.append(best)
        return best

    def _on_the_way(self, value: float) -> list[Point]:
        """Points found between the estimate and a value, the estimate among them."""
        low, high = sorted([self.estimate, value])
        return [point for point in self.found if low <= point.value <= high]

    def _from(self, near: Point, value: float) -> Point:
        """The point at a value, its search started at those of another."""
        start = self.held.lifted(near.variables)
        known = near.hessian if len(start) >= _MANY else None
        best = minimise(self.held.objective(value), start, self.held.bounded, hessian=known)
        size = np.sqrt(max(best.value - self.minimum, 0.0))
        zeta = float(np.copysign(size, value - self.estimate)) if size else 0.0
        others = self.held.estimates(value, best.x)
        return Point(value, zeta, best.x, others, best.converged, best.hessian)

    def bound(self, side: int, wanted: float, step: float) -> tuple[Point, bool]:
        """The point where |ζ| is as wanted, and whether it is the end of the range instead."""
        end = self.held.parameter.ends[side > 0]
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
                return self._trusted(point, short, side), False
            near, far = (value, far) if short > 0.0 else (near, value)
            value = self._next(point, short, side)
        raise InferenceError(
            f"{self._which(side)} was not found: the likelihood stays flat, or cannot be "
            "evaluated, as far as it was followed"
        )

    def _trusted(self, point: Point, short: float, side: int) -> Point:
        """The point itself, where the others are at their best and ζ is as wanted."""
        if point.converged and abs(short) < _RESOLVED:
            return point
        raise InferenceError(
            f"{self._which(side)} was not found: the likelihood with the parameter held there "
            "has no maximum that the digits of the numbers tell apart"
        )

    def _which(self, side: int) -> str:
        return f"the {'lower' if side < 0 else 'upper'} bound of '{self.held.parameter.label}'"

    def _next(self, point: Point, short: float, side: int) -> float:
        """Newton's next value, at most four times as far from the estimate."""
        if np.isinf(point.zeta) or (short < 0.0 and not point.converged):
            return self.estimate + 0.25 * (point.value - self.estimate)
        slope = abs(self.held.slope(point.value, point.variables))
        reach = 3.0 * abs(point.value - self.estimate)
        move = 2.0 * abs(point.zeta) * short / slope if slope > 0.0 else np.copysign(reach, short)
        return float(point.value + side * min(move, reach))


@dataclass(frozen=True, slots=True)
class _Bound:
    """A bound, whether it is the end of the range, and why it is missing if it is."""

    point: Point | None
    at_end: bool = False
    why: str = ""

    @property
    def value(self) -> float:
        return self.point.value if self.point else float("nan")


def trace(
    held: HeldParameter, estimate: float, best: Estimates, step: float, wanted: float
) -> Path:
    """The profile of a parameter as far as |ζ| = wanted on either side.

    Parameters
    ----------
    held : HeldParameter
    estimate : float
        Of the parameter, where the deviance is at its minimum.
    best : Estimates
        Of all parameters there.
    step : float
        How far to look first.
    wanted : float
        The quantile of the standard normal distribution.
    """
    tracer = _Tracer(held, estimate, best)
    centre = tracer.found[0]
    lower, upper = (_bound(tracer, side, wanted, step) for side in (-1, +1))
    points = [centre]
    for bound in (lower, upper):
        if bound.point is not None and bound.value != estimate:
            between = [tracer.at(estimate + f * (bound.value - estimate)) for f in _BETWEEN]
            points += [bound.point, *(point for point in between if point.converged)]
    unique = {point.value: point for point in points}
    return Path(
        tuple(unique[value] for value in sorted(unique)),
        lower.value,
        upper.value,
        lower.at_end,
        upper.at_end,
        tuple(bound.why for bound in (lower, upper) if bound.why),
    )


def _bound(tracer: _Tracer, side: int, wanted: float, step: float) -> _Bound:
    try:
        return _Bound(*tracer.bound(side, wanted, step))
    except InferenceError as error:
        return _Bound(None, why=str(error))
