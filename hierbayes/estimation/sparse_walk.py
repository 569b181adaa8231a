"""Steps of a climb with several grouping factors, one after the other, compiled as one function.

Each is what `climb` does where nothing is out of the ordinary: Newton's step stays in the trust
region, blocks of several effects have full rank and ℓ rises as far as it should.  At any other
point the walk ends.
"""

from __future__ import annotations

import math

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for
from hierbayes.design.elimination import Elimination
from hierbayes.estimation.local_quadratic import quadratic
from hierbayes.estimation.pivoted_triangle import pivoted
from hierbayes.estimation.secant import LOST, take_up
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.sparse_point import is_plain, sparse_point, value_of_point

VALUE, ROUNDING, SIGMA, LOG_DET, RADIUS, LAST, FLOOR, LEARNS, ENDED = range(9)  # of ``numbers``
COUNT = 9


@compiled(error_model="numpy", short_loops=True)
def walk(
    e: Elimination, freedom: float, integrated: bool, ends: Integers, noise: Floats,
    rows: Integers, columns: Integers, least: float, most: int, order: Integers, root: Floats,
    at: Integers, S: Floats, omega: Floats, gamma: Floats, F: Floats, M: Floats, average: Floats,
    pull: Floats, old_root: Floats, old_M: Floats, old_average: Floats, C: Floats, slope: Floats,
    information: Floats, numbers: Floats,
) -> int:  # fmt: skip
    """Walk on from a point; how many steps were taken.

    With ``most`` 0 what there is to know of the point is written, from its root, and of the numbers
    log|I + Λ'Z'ZΛ|, r and log|X'(V/σ²)⁻¹X| in this order.

    Parameters
    ----------
    e : Elimination
    freedom : float
    integrated : bool
        Whether γ is integrated out.
    ends : (b,) int
        Where the blocks of G end.
    noise : (Q,) float
        Of each effect, against σ.
    rows, columns : (k,) int
        Entries of Γ.
    least : float
        Gain of ℓ that ends a climb.
    most : int
        Steps.
    order : (Q,) int
        Room.

    root, at, S, omega, gamma, F, M, average, pull
        Of the point, written over: λ, the rows of its free entries, and what `sparse_point` writes.
    old_root, old_M, old_average
        Those of the point before, written over.
    C : (k, k) float
        What steps have told of the curvature, written over.
    slope, information : (k,) and (k, k) float
        Written: those of the last point, in the units of `local_quadratic`.
    numbers : (9,) float
        Of the point and of the climb, in the order above, written over.  Where the search ends, as
        no step gains anything, the last is 1.
    """
    if most == 0:
        numbers[0], numbers[1], numbers[2] = sparse_point(
            root, noise, e, freedom, integrated, rows, columns, S, omega, gamma, F, M, average,
            pull,
        )  # fmt: skip
        return 0
    Q, k, p1 = len(root), len(rows), e.C.shape[0]
    p = p1 - 1
    unit, step, before, there = room_for(k), room_for(k), room_for((k, k)), room_for((Q, Q))
    new_S, new_omega, new_gamma, new_F = (
        room_for((p1, p1)),
        room_for(e.size),
        room_for(p),
        room_for((p, p)),
    )
    new_M, new_average, new_pull = room_for((Q, Q)), room_for((k, k)), room_for(Q)
    for taken in range(most):
        _copy(C, before)
        floor = numbers[FLOOR] if numbers[FLOOR] > numbers[ROUNDING] else numbers[ROUNDING]
        if numbers[LEARNS] > 0.0:
            smallest = LOST if 0.01 * floor < LOST else 0.01 * floor
            take_up(C, root, M, average, old_root, old_M, old_average, rows, columns, smallest)
        gain = _promise(
            root, at, rows, columns, M, average, C, noise, unit, slope, information, step
        )
        length = _length(step)
        in_rounding = gain <= numbers[ROUNDING] and gain >= numbers[LAST]
        risen, log_det, r, rounding, is_good = 0.0, 0.0, 0.0, 0.0, False
        if length <= numbers[RADIUS] and (gain <= least or in_rounding):
            numbers[ENDED] = 1.0
            return taken
        if gain > least and length <= numbers[RADIUS]:
            is_good = _moved(root, at, columns, unit, step, ends, noise, order, e, there)
        if is_good:
            log_det, r, log_det_X = sparse_point(
                there, noise, e, freedom, integrated, rows, columns, new_S, new_omega, new_gamma,
                new_F, new_M, new_average, new_pull,
            )  # fmt: skip
            is_good = math.isfinite(log_det) and r > 0.0
        if is_good:
            whole = e.C[p, p] / (r * r)
            risen, rounding = value_of_point(log_det, r, log_det_X, freedom, integrated, whole)
            is_good = risen - numbers[VALUE] + numbers[ROUNDING] >= 1e-3 * gain
        if not is_good:
            _copy(before, C)
            return taken
        _judge(risen - numbers[VALUE], gain, length, C, numbers)
        _copy(root, old_root)
        _copy(M, old_M)
        _copy(average, old_average)
        _copy(there, root)
        _copy(new_S, S)
        _copy(new_F, F)
        _copy(new_M, M)
        _copy(new_average, average)
        for i in range(k):
            at[i] = order[rows[i]]
        for i in range(e.size):
            omega[i] = new_omega[i]
        for i in range(p):
            gamma[i] = new_gamma[i]
        for i in range(Q):
            pull[i] = new_pull[i]
        numbers[VALUE], numbers[ROUNDING], numbers[LOG_DET] = risen, rounding, log_det
        numbers[SIGMA], numbers[LAST] = r / math.sqrt(freedom), gain
        numbers[FLOOR], numbers[LEARNS] = floor, 1.0
    return most


@inner
def _copy(a: Floats, b: Floats) -> None:
    """Write a matrix over another."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            b[i, j] = a[i, j]


@inner
def _promise(
    root: Floats, at: Integers, rows: Integers, columns: Integers, M: Floats, average: Floats,
    C: Floats, noise: Floats, unit: Floats, slope: Floats, information: Floats, step: Floats,
) -> float:  # fmt: skip
    """What Newton's step is to gain; it and what `local_quadratic` makes are written."""
    k = len(rows)
    H = room_for((k, k))
    for i in range(k):
        for j in range(k):
            H[i, j] = average[i, j] + C[i, j]
    return quadratic(root, at, columns, rows, columns, M, H, noise, unit, slope, information, step)


@inner
def _length(step: Floats) -> float:
    total = 0.0
    for i in range(len(step)):
        total += step[i] * step[i]
    return math.sqrt(total)


@inner
def _moved(
    root: Floats, at: Integers, columns: Integers, unit: Floats, step: Floats, ends: Integers,
    noise: Floats, order: Integers, e: Elimination, there: Floats,
) -> bool:  # fmt: skip
    """Write the root after a step; whether `is_plain` says that it can be gone on from."""
    Q = len(root)
    Gamma = room_for((Q, Q))
    _copy(root, there)
    for i in range(len(at)):
        there[at[i], columns[i]] += unit[i] * step[i]
    for i in range(Q):
        order[i] = i
        for j in range(Q):
            total = 0.0
            for h in range(Q):
                total += there[i, h] * there[j, h]
            Gamma[i, j] = total
    pivoted(Gamma, ends, noise, order, there)
    return is_plain(there, noise, e)


@inner
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
