"""Steps of a climb with several grouping factors, one after the other, compiled as one function.

A climb begins with a step of scoring, and goes on with others for as long as they leave effects
without variance.  Every other step is what `climb` does where nothing is out of the ordinary:
Newton's step stays in the trust region, blocks of several effects have full rank and ℓ rises as far
as it should.  At any other point the walk ends.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, inner, lent
from hierbayes.compiled_arrays import integers_for, room_for, zeros_of
from hierbayes.design.elimination import Elimination
from hierbayes.estimation.local_quadratic import largest_slope, quadratic
from hierbayes.estimation.pivoted_triangle import pivoted
from hierbayes.estimation.scoring import lift, score_step
from hierbayes.estimation.secant import LOST, take_up
from hierbayes.estimation.sparse_spots import Ground, Lore, Spot, another, arrive, write_over
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.sparse_point import is_plain, sparse_point, value_of_point

# Places in ``numbers``; where a climb is yet to begin, LEARNS is `BEGINS`.
VALUE, ROUNDING, SIGMA, LOG_DET, RADIUS, LAST, FLOOR, LEARNS, SLOPE = range(9)
COUNT, BEGINS = 9, -1.0

_largest_slope = inner(largest_slope)


@compiled(error_model="numpy", short_loops=True)
def walk(
    e: Elimination, ground: Ground, here: Spot, lore: Lore, numbers: Floats, least: float, most: int
) -> int:
    """Walk on from a point, or from where a climb begins; how many others were looked at.

    With ``most`` 0 what there is to know of the point is written, from its root, and of the numbers
    log|I + Λ'Z'ZΛ|, r and log|X'(V/σ²)⁻¹X| in this order.

    Parameters
    ----------
    least : float
        Gain of ℓ that ends a climb.
    most : int
        Steps.
    numbers : (9,) float
        Of the point and of the climb, in the order above, written over.  Where the search ends, as
        no step gains anything, the last is what `largest_slope` says, and nan else.
    """
    if most == 0:
        numbers[0], numbers[1], numbers[2] = _look(e, ground, here)
        return 0
    k = len(ground.rows)
    unit, step, before, there = room_for(k), room_for(k), room_for((k, k)), another(e, here)
    begun = 0
    if numbers[LEARNS] == BEGINS:
        begun = _begin(e, ground, here, there, numbers)
        if not math.isfinite(numbers[VALUE]):
            return begun
    for taken in range(most):
        write_over(lore.C, before)
        floor = numbers[FLOOR] if numbers[FLOOR] > numbers[ROUNDING] else numbers[ROUNDING]
        if numbers[LEARNS] > 0.0:
            smallest = LOST if 0.01 * floor < LOST else 0.01 * floor
            take_up(
                lore.C, here.root, here.M, here.average, lore.root, lore.M, lore.average,
                ground.rows, ground.columns, smallest,
            )  # fmt: skip
        gain, slope = _promise(ground, here, lore, unit, step)
        length = _length(step)
        in_rounding = gain <= numbers[ROUNDING] and gain >= numbers[LAST]
        if length <= numbers[RADIUS] and (gain <= least or in_rounding):
            numbers[SLOPE] = slope
            return begun + taken
        value, is_good = numbers[VALUE], False
        if gain > least and length <= numbers[RADIUS]:
            _move(ground, here, unit, step, there)
            is_good = is_plain(there.root, ground.noise, e)
        if is_good:
            risen, rounding, sigma, log_det = _value(e, ground, there)
            is_good = risen - value + numbers[ROUNDING] >= 1e-3 * gain
        if not is_good:
            write_over(before, lore.C)
            return begun + taken
        _judge(risen - value, gain, length, lore.C, numbers)
        write_over(here.root, lore.root)
        write_over(here.M, lore.M)
        write_over(here.average, lore.average)
        arrive(there, here)
        numbers[VALUE], numbers[ROUNDING], numbers[SIGMA] = risen, rounding, sigma
        numbers[LOG_DET], numbers[LAST], numbers[FLOOR] = log_det, gain, floor
        numbers[LEARNS] = 1.0
    return begun + most


@inner
def _begin(e: Elimination, ground: Ground, here: Spot, there: Spot, numbers: Floats) -> int:
    """Look at effects of the size of their noise, and where steps of scoring lead from there.

    A step after which some have no variance any more is followed by another, of those that are
    left.  The highest point is written to ``here``; how many they are.
    """
    Q, begun, vanished = len(here.root), 0, True
    for i in range(len(there.at)):
        there.at[i] = ground.rows[i]
    for i in range(Q):
        for j in range(Q):
            there.root[i, j] = ground.noise[i] if i == j else 0.0
    numbers[VALUE], numbers[LEARNS] = -np.inf, 0.0
    for _ in range(Q + 2):
        value, rounding, sigma, log_det = _value(e, ground, there)
        begun += 1
        if not value > numbers[VALUE]:
            break
        arrive(there, here)
        numbers[VALUE], numbers[ROUNDING], numbers[SIGMA] = value, rounding, sigma
        numbers[LOG_DET] = log_det
        if not vanished:
            break
        vanished = _scored(ground, here, there)
        if not is_plain(there.root, ground.noise, e):
            break
    return begun


@inner
def _scored(ground: Ground, here: Spot, there: Spot) -> bool:
    """Write the root after a step of scoring; whether a variance vanished."""
    Q, vanished = len(here.root), False
    Gamma, moved = room_for((Q, Q)), zeros_of((Q, Q))
    _square(here.root, Gamma)
    score_step(
        Gamma, here.average, here.pull, here.M, here.pull, ground.freedom, True, ground.rows,
        ground.columns, ground.noise, 0.0, moved,
    )  # fmt: skip
    for i in range(Q):
        if moved[i, i] == 0.0 and Gamma[i, i] > 0.0:
            vanished = True
    lift(moved, ground.ends, ground.noise, ground.least)
    _factorise(ground, moved, there)
    return vanished


@inner
def _look(e: Elimination, ground: Ground, spot: Spot) -> tuple[float, float, float]:
    """Write what there is to know of a point; see `sparse_point`."""
    return sparse_point(
        spot.root, ground.noise, e, ground.freedom, ground.integrated, ground.rows, ground.columns,
        spot.S, spot.omega, spot.gamma, spot.F, spot.M, spot.average, spot.pull,
    )  # fmt: skip


@inner
def _value(e: Elimination, ground: Ground, spot: Spot) -> tuple[float, float, float, float]:
    """The same; ℓ, nan where it cannot be computed, its rounding, σ̂ and log|I + Λ'Z'ZΛ|."""
    log_det, r, log_det_X = _look(e, ground, spot)
    if not (math.isfinite(log_det) and r > 0.0):
        return np.nan, 0.0, 0.0, log_det
    p = len(spot.gamma)
    whole = e.C[p, p] / (r * r)
    value, rounding = value_of_point(
        log_det, r, log_det_X, ground.freedom, ground.integrated, whole
    )
    return value, rounding, r / math.sqrt(ground.freedom), log_det


@inner
def _promise(
    ground: Ground, here: Spot, lore: Lore, unit: Floats, step: Floats
) -> tuple[float, float]:
    """What Newton's step is to gain, and the largest slope; it and the units are written."""
    k = len(ground.rows)
    H, slope, information = room_for((k, k)), room_for(k), room_for((k, k))
    for i in range(k):
        for j in range(k):
            H[i, j] = here.average[i, j] + lore.C[i, j]
    gain = quadratic(
        here.root, here.at, ground.columns, ground.rows, ground.columns, here.M, H, ground.noise,
        unit, slope, information, step,
    )  # fmt: skip
    return gain, _largest_slope(slope, information)


@lent
def _length(step: Floats) -> float:
    total = 0.0
    for i in range(len(step)):
        total += step[i] * step[i]
    return math.sqrt(total)


@inner
def _move(ground: Ground, here: Spot, unit: Floats, step: Floats, there: Spot) -> None:
    """Write the root after a step of its free entries."""
    Gamma = room_for(here.root.shape)
    write_over(here.root, there.root)
    for i in range(len(here.at)):
        there.root[here.at[i], ground.columns[i]] += unit[i] * step[i]
    _square(there.root, Gamma)
    _factorise(ground, Gamma, there)


@inner
def _factorise(ground: Ground, Gamma: Floats, there: Spot) -> None:
    """Write the root of a Γ (Q, Q)."""
    order = integers_for(len(Gamma))
    for i in range(len(Gamma)):
        order[i] = i
    pivoted(Gamma, ground.ends, ground.noise, order, there.root)
    for i in range(len(there.at)):
        there.at[i] = order[ground.rows[i]]


@lent
def _square(root: Floats, Gamma: Floats) -> None:
    """Write Γ = λλ' (Q, Q)."""
    for i in range(len(root)):
        for j in range(len(root)):
            total = 0.0
            for h in range(len(root)):
                total += root[i, h] * root[j, h]
            Gamma[i, j] = total


@lent
def _judge(rise: float, gain: float, length: float, C: Floats, numbers: Floats) -> None:
    """The trust region after a step, and what was learnt where ℓ is not what it said."""
    lost = numbers[ROUNDING]
    if abs(rise - gain) > 0.5 * gain + lost:
        for i in range(C.shape[0]):
            for j in range(C.shape[1]):
                C[i, j] = 0.0
    if rise + lost < 0.25 * gain:
        numbers[RADIUS] = 0.25 * length
    elif rise > 0.75 * gain and length > 0.9 * numbers[RADIUS]:
        numbers[RADIUS] *= 3.0
