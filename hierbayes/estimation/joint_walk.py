"""Steps of a climb over λ and the parameters of the errors, one after the other, compiled.

Steps are Newton's in a trust region.  A walk stops where it has ended, and where Python has to say
something: how far to go where no step of Newton's serves, and weights that only Python makes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hierbayes.compilation import compiled, inner, lent
from hierbayes.compiled_arrays import room_for
from hierbayes.design.error_coefficients import ErrorKernel, coefficients_of
from hierbayes.design.residual_moments import LOST
from hierbayes.estimation.joint_spots import Ground, Room, Spot, Weights, arrive, is_inside, move
from hierbayes.estimation.trust_region import solve_quadratic
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.structured_passes import sloped, write_information
from hierbayes.residuals.bound_values import GIVEN

# Places in ``numbers``.
VALUE, LOG_DET, RADIUS, LAST, GAIN, LENGTH = range(6)  # of the point, and of the step from it
NEWTONS, BEFORE, DEFINITE, CONVERGED, LOOKED, STEPS, AT_END = range(6, 13)
COUNT = 13

# What is to be done: to look at ``there`` and no more, or at last, or to climb on from there or
# from a step.
HELD, SLOPED, CURVED, END, CLIMB, STEP = range(6)
# Why a walk stops: it has ended, not even its beginning has an ℓ, or Python is asked.
ENDED, NOWHERE, FAR, UNKNOWN = range(4)

# How a climb goes; where it ends does not depend on them.
_RADIUS = 1.0  # of the first step, in units of effects and coordinates
_LEAST = 1e-12  # gain of ℓ after the last step: 1e-6 standard errors
_UNSEEN = 1e-8  # gain that may be lost in the rounding of ℓ
_FARTHEST = 3.0  # a step
_SHORTENED = 3.0  # as many times too long, Newton's step is shortened: no eigenvectors needed
_SMALLEST = 1e-9  # a radius within which nothing is gained
_MOST_STEPS = 80


type Parts = tuple[Any, ...]


@compiled(error_model="numpy", side_by_side=True)
def walk(
    over: Parts, of_errors: Parts, within: Parts, by: Parts, unit: Floats, at: Parts, beside: Parts,
    step: Floats, numbers: Floats, task: int,
) -> int:  # fmt: skip
    """Walk on; why it stops.

    Named tuples come as plain ones, which compiled code is handed in half the time.

    Parameters
    ----------
    over, of_errors, within : tuple
        The `Ground`, the `ErrorKernel` and the `Room`.
    by : tuple
        The `Weights` at ``there``, where the kind of the law is `GIVEN`.
    unit : (n,) float
        Of entries of λ and of z.
    at, beside : tuple
        Each a `Spot`: ``here``, where the climb is, and ``there``, the point that is looked at.
    step : (n,) float
        From here.
    numbers : (13,) float
        In the order above, written over; zeros of a climb that is yet to begin.
    task : int
        With no more than a look at ``there``, AT_END and LOG_DET are written of it, and its slope
        or the curvature too; of weights that are `HELD` both of λ alone.  Where a climb has come
        to a maximum, not on a face, it looks there at last.
    """
    ground, law, room, given = Ground(*over), ErrorKernel(*of_errors), Room(*within), Weights(*by)
    here, there = Spot(*at), Spot(*beside)
    while numbers[STEPS] <= _MOST_STEPS:
        if task != STEP:
            much = task
            if task >= END:
                much = SLOPED if task == END else CURVED
            value = _look(ground, law, room, given, unit, there, numbers, much)
            numbers[LOOKED] += 1.0
            if task <= END:
                numbers[AT_END] = value
                return ENDED
            if not _judge(there, here, value, numbers):
                return ENDED if numbers[LOOKED] > 1.0 else NOWHERE
            if not _find_step(here, step, numbers):
                return FAR
        ended = _has_ended(numbers)
        if ended and not (numbers[CONVERGED] == 1.0 and numbers[DEFINITE] == 1.0):
            return ENDED
        move(here, ground.rows, ground.columns, unit, step, there)
        numbers[STEPS] += 1.0
        if ended and not is_inside(there.root):
            return ENDED
        task = END if ended else CLIMB
        if law.kind == GIVEN:
            return UNKNOWN
    return ENDED


@inner
def _look(
    ground: Ground, law: ErrorKernel, room: Room, given: Weights, unit: Floats, spot: Spot,
    numbers: Floats, much: int,
) -> float:  # fmt: skip
    """ℓ, −∞ where it cannot be computed; as much is written as is asked for."""
    weights, slopes, bends = given.values, given.slopes, given.bends
    if law.kind != GIVEN:
        weights, slopes, bends = coefficients_of(law, spot.z)
    if much == HELD:
        slopes, bends = room_for((len(weights), 0)), room_for((len(weights), 0, 0))
    numbers[LOG_DET] = weights[len(weights) - 1]
    value, slope = sloped(
        ground.cells, ground.groups, ground.class_of, room.R, room.T, room.W, room.half,
        room.turned, room.changed, room.low, room.D, room.score, room.moved, room.F, room.gamma,
        weights, slopes, spot.root, ground.rows, ground.columns, ground.mask, unit, ground.n,
        ground.restricted, much != SLOPED,
    )  # fmt: skip
    for i in range(len(slope)):
        spot.slope[i] = slope[i]
    if math.isfinite(value) and _are_lost(weights, ground.sizes, room.low):
        value = -np.inf
    if much != SLOPED and math.isfinite(value):
        for i in range(len(slope)):
            for k in range(len(slope)):
                spot.information[i, k] = 0.0
        write_information(
            ground.cells, ground.groups, ground.class_of, room.half, room.turned, room.changed,
            room.low, room.score, room.moved, room.F, room.gamma, room.products, room.squares,
            bends, spot.root, ground.rows, ground.columns, unit, ground.n, ground.restricted,
            spot.information,
        )  # fmt: skip
    return value


@lent
def _are_lost(weights: Floats, sizes: Floats, low: Floats) -> bool:
    """Whether what is left of y'R⁻¹y is rounding of what it sums up, R being nearly singular."""
    total, last = 0.0, len(low) - 1
    for c in range(len(sizes)):
        total += abs(weights[c]) * sizes[c]
    return low[last, last] ** 2 < LOST * total


@lent
def _judge(there: Spot, here: Spot, value: float, numbers: Floats) -> bool:
    """Whether there is a step to be had, from there or, where ℓ rises too little, from here."""
    if numbers[LOOKED] == 1.0:
        numbers[RADIUS], numbers[LAST] = _RADIUS, np.inf
    else:
        gain, length = numbers[GAIN], numbers[LENGTH]
        rise = value - numbers[VALUE]
        if gain >= _UNSEEN:
            if rise < 0.25 * gain:
                numbers[RADIUS] = 0.25 * length
            elif rise > 0.75 * gain and length > 0.9 * numbers[RADIUS]:
                numbers[RADIUS] = min(2.5 * numbers[RADIUS], _FARTHEST)
            if rise < 1e-4 * gain:
                return True
        numbers[LAST] = gain
    if not math.isfinite(value):
        return False
    numbers[VALUE] = value
    arrive(there, here)
    return True


@inner
def _find_step(here: Spot, step: Floats, numbers: Floats) -> bool:
    """Write Newton's step, or the part of it within the radius; whether it serves."""
    n, total, radius = len(step), 0.0, numbers[RADIUS]
    gain = solve_quadratic(here.information, here.slope, step, room_for((n, n)))
    for i in range(n):
        total += step[i] * step[i]
    length = math.sqrt(total) + 0.0 * gain
    numbers[BEFORE] = numbers[NEWTONS]
    numbers[NEWTONS] = numbers[DEFINITE] = 0.0
    numbers[LENGTH] = length
    if not length <= _SHORTENED * radius:
        return False
    numbers[DEFINITE], numbers[GAIN] = 1.0, gain
    if length <= radius:
        numbers[NEWTONS] = 1.0
        return True
    share = radius / length
    for i in range(n):
        step[i] *= share
    numbers[LENGTH], numbers[GAIN] = radius, share * (2.0 - share) * gain
    return True


@lent
def _has_ended(numbers: Floats) -> bool:
    """Whether no step gains any more, as CONVERGED says, or the radius has become too small.

    Distances to a maximum become like their squares, and gains are like squares of distances: so
    much is left after two steps of Newton's, the last of which is not looked behind.
    """
    gain, last = numbers[GAIN], numbers[LAST]
    left = gain
    if numbers[NEWTONS] == 1.0 and numbers[BEFORE] == 1.0:
        left = gain * (gain / last) ** 2
    ended = left < _LEAST or (gain < _UNSEEN and gain > 0.5 * last)
    numbers[CONVERGED] = 1.0 if ended else 0.0
    return ended or numbers[RADIUS] < _SMALLEST
