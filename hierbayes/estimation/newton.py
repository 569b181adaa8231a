"""A small minimiser: Newton's method with exact gradients, some variables not below zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hierbayes.frames.arrays import Booleans, Floats

type Objective = Callable[[Floats], tuple[float, Floats]]

_DECREMENT = 1e-11  # what one more step would still gain of the deviance
_CONVERGED = 1e-6  # where rounding leaves no lower point, what a step may still promise
_STEP = 1e-6  # of the differences that make the Hessian
_LONGEST = 1.5  # step, in the units of the variables


class Minimum(NamedTuple):
    """A minimum, and whether it is one."""

    value: float
    x: Floats
    converged: bool


def minimise(objective: Objective, start: Floats, bounded: Booleans, *, steps: int = 80) -> Minimum:
    """The minimum near a start.

    The Hessian is that of differences of the gradient, its eigenvalues taken by
    size so that every step descends; a variable at zero that wants to be negative rests.

    Parameters
    ----------
    objective : callable
        Of x (k,): value and gradient (k,); inf where there is none.
    start : (k,) float
    bounded : (k,) bool
        Which variables are not below zero.
    steps : int
        At most.

    Returns
    -------
    Minimum
        Not converged where steps ran out or none led lower, though one promised to.
    """
    lower = np.where(bounded, 0.0, -np.inf)
    x = np.maximum(start, lower)
    value, gradient = objective(x)
    for _ in range(steps):
        if not np.isfinite(gradient).all():
            break
        free = np.flatnonzero(~((x <= lower) & (gradient >= 0.0)))
        if not len(free):
            return Minimum(value, x, True)
        step, gain = _newton_step(objective, x, gradient, free)
        if gain < _DECREMENT:
            return Minimum(value, x, bool(np.isfinite(value)))
        trial = _search(objective, x, value, step, lower)
        if trial is None:
            return Minimum(value, x, bool(np.isfinite(value)) and gain < _CONVERGED)
        x, value, gradient = trial
    return Minimum(value, x, False)


def _newton_step(
    objective: Objective, x: Floats, gradient: Floats, free: np.ndarray
) -> tuple[Floats, float]:
    """Step (k,) of the free variables, and what it promises to gain."""
    hessian = np.empty((len(free), len(free)))
    for row, k in enumerate(free):
        aside = x.copy()
        aside[k] += _STEP * max(1.0, abs(x[k]))
        hessian[row] = (objective(aside)[1][free] - gradient[free]) / (aside[k] - x[k])
    if not np.isfinite(hessian).all():
        hessian = np.eye(len(free)) * max(float(np.abs(gradient[free]).max()), 1.0)
    size, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    size = np.maximum(np.abs(size), 1e-10 * max(float(np.abs(size).max()), 1e-300))
    along = vectors.T @ gradient[free]
    step = np.zeros_like(x)
    step[free] = -vectors @ (along / size)
    length = float(np.abs(step).max())
    if length > _LONGEST:
        step *= _LONGEST / length
    return step, float(0.5 * (along**2 / size).sum())


def _search(
    objective: Objective, x: Floats, value: float, step: Floats, lower: Floats
) -> tuple[Floats, float, Floats] | None:
    """The first point along a step, halved as often as it takes, that lies lower."""
    for _ in range(30):
        trial = np.maximum(x + step, lower)
        trial_value, trial_gradient = objective(trial)
        if trial_value < value:
            return trial, trial_value, trial_gradient
        step = step / 2.0
    return None
