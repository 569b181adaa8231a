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
_ROUNDING = 1e-8  # gain that is too little to be seen in the deviance of a step
_SECANTS = 25  # steps from a known Hessian, before it is made anew
_LONGEST = 1.5  # step, in the units of the variables


class Minimum(NamedTuple):
    """A minimum, whether it is one, and the Hessian (k, k) that led there, where it is whole."""

    value: float
    x: Floats
    converged: bool
    hessian: Floats | None = None


def minimise(
    objective: Objective,
    start: Floats,
    bounded: Booleans,
    *,
    steps: int = 80,
    hessian: Floats | None = None,
) -> Minimum:
    """The minimum near a start.

    The Hessian is that of differences of the gradient, its eigenvalues taken by
    size so that every step descends; a variable at zero that wants to be negative rests, and so
    does one that nothing depends on, whose differences are rounding.
    From one that is known nearby, secants keep it up to date (BFGS), and differences are made
    where these lead too slowly.

    Parameters
    ----------
    objective : callable
        Of x (k,): value and gradient (k,); inf where there is none.
    start : (k,) float
    bounded : (k,) bool
        Which variables are not below zero.
    steps : int
        At most.
    hessian : (k, k) float, optional
        That of a minimum nearby.

    Returns
    -------
    Minimum
        Not converged where steps ran out or none led lower, though one promised to.
    """
    lower = np.where(bounded, 0.0, -np.inf)
    x = np.maximum(start, lower)
    if hessian is not None and np.linalg.eigvalsh(hessian)[0] > 0.0:
        found = _by_secants(objective, x, hessian, lower)
        if found is not None:
            return found
    value, gradient = objective(x)
    for _ in range(steps):
        if not np.isfinite(gradient).all():
            break
        rests = (x <= lower) & (gradient >= 0.0)
        free = np.flatnonzero(~rests & (gradient != 0.0))
        if not len(free):
            return Minimum(value, x, True)
        H = _hessian(objective, x, gradient, free)
        step, gain = _newton_step(H, gradient, free)
        if gain < _DECREMENT:
            whole = H if len(free) == len(x) else None
            return Minimum(value, x, bool(np.isfinite(value)), whole)
        trial = _search(objective, x, value, step, lower)
        if trial is None:
            return Minimum(value, x, bool(np.isfinite(value)) and gain < _CONVERGED)
        x, value, gradient = trial
    return Minimum(value, x, False)


def _by_secants(objective: Objective, x: Floats, H: Floats, lower: Floats) -> Minimum | None:
    """The minimum by a Hessian that secants keep up to date; None where they lead too slowly."""
    value, gradient = objective(x)
    every = np.arange(len(x))
    for _ in range(_SECANTS):
        if not np.isfinite(gradient).all() or (x <= lower).any():
            return None
        step, gain = _newton_step(H, gradient, every)
        if gain < _DECREMENT:
            return Minimum(value, x, bool(np.isfinite(value)), H)
        trial = _search(objective, x, value, step, lower)
        if trial is None:
            return Minimum(value, x, True, H) if gain < _ROUNDING else None
        moved, turned = trial[0] - x, trial[2] - gradient
        x, value, gradient = trial
        pushed, curved = H @ moved, float(moved @ turned)
        if not curved > 1e-3 * float(moved @ pushed):
            return None
        H = H + np.outer(turned, turned) / curved - np.outer(pushed, pushed) / (moved @ pushed)
    return None


def _hessian(objective: Objective, x: Floats, gradient: Floats, free: np.ndarray) -> Floats:
    """That of the free variables, by differences of the gradient."""
    hessian = np.empty((len(free), len(free)))
    for row, k in enumerate(free):
        aside = x.copy()
        aside[k] += _STEP * max(1.0, abs(x[k]))
        hessian[row] = (objective(aside)[1][free] - gradient[free]) / (aside[k] - x[k])
    if not np.isfinite(hessian).all():
        hessian = np.eye(len(free)) * max(float(np.abs(gradient[free]).max()), 1.0)
    symmetric: Floats = 0.5 * (hessian + hessian.T)
    return symmetric


def _newton_step(hessian: Floats, gradient: Floats, free: np.ndarray) -> tuple[Floats, float]:
    """Step (k,) of the free variables, and what it promises to gain."""
    size, vectors = np.linalg.eigh(hessian)
    size = np.maximum(np.abs(size), 1e-10 * max(float(np.abs(size).max()), 1e-300))
    along = vectors.T @ gradient[free]
    step = np.zeros_like(gradient)
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
