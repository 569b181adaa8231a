"""Where a climb to a maximum of Laplace's approximation goes next, one grouping factor, compiled.

Newton's method in the coordinates γ and the free entries of L.  Of −∂²ℓ the part of γ is that of
the Gaussian model with the weights of the rows, X'V⁻¹X = X'κX − half'half; rows of the entries of
L are differences of the gradient at points aside, where the mode has moved along its slopes.  Near
the maximum the gradient behind each step teaches the rest (BFGS).

A climb may begin without random effects.  At L = 0 the approximation is the likelihood of the
generalised linear model, and even in L, so that the entries of L stay where they are.  Near its
maximum effects are let in, with variances that fit the scores of the groups: those of an effect,
A = Z'κZ of a group, vary by A + AΓA.
"""

from __future__ import annotations

import math

from hierbayes.compilation import lent
from hierbayes.likelihood.group_slopes import dot
from hierbayes.likelihood.mode_search import (
    GAIN,
    LAST,
    MOST_AT_LAST,
    SHARE,
    VALUE,
    VISITS,
    WITHOUT,
)
from hierbayes.likelihood.triangular import cholesky_in_place

STUCK, _END = -2, -1  # of no point the place
_AT, _SLOPE, _STEP, _ASIDE = range(4)  # rows of ``last``
_LEAST_SD, _MOST_SD = 0.2, 1.5  # of effects that are let in, on the scale of η
_ENOUGH = 1.0  # gain of ℓ without random effects, behind which these are let in
_NEARBY = 1e-2  # gain of ℓ, behind which steps teach
_FAR = 1.0  # of a spherical effect: its slopes lead no further
_CLIMBS, _SHORTEST, _MOST = 1e-4, 1e-9, 1000.0  # of a step what it must gain, its share; visits
_ROUNDING, _NOISE = 1e-12, 1e-15  # of a value, and of what the responses alone add to it
_LARGE = 1e300


@lent
def next_point(columns, points, gradients, lower, mode, first, climb, constant, room, point):
    """The place of the point to visit next, which is written; below 0 where the climb ends.

    ``first`` (J, q) is Z'ℓ′.  ``room`` is a row of numbers (n,); coordinates and gradient of the
    last point from which a step was made, the step, and one aside (4, k); and (k + 1, k + 1).
    """
    free, steps, hessian, state = climb
    row, last, C = room
    at, start, slopes, moves = points.at, points.start, gradients.slope, mode.moves
    h, asides = steps.shape[0], steps.shape[0]
    state[VISITS] += 1.0
    if point > 0:
        _bend_of_root(slopes, free, steps, hessian, last, point)
    elif _is_higher(gradients.value[0], constant, state):
        is_near = state[SHARE] == 1.0 and state[GAIN] < _NEARBY
        if is_near:
            _learn(slopes, free, hessian, last, state[GAIN])
        state[VALUE] = gradients.value[0]
        _keep(at, start, slopes, free, mode.b, last)
        size = 1.0 + abs(state[VALUE] + constant)
        if state[GAIN] <= LAST * size and state[GAIN] <= MOST_AT_LAST:
            return _END
        if not is_near:
            _bend_of_gamma(columns, mode.found, moves, hessian, row)
        if is_near or state[WITHOUT] > 0.0:
            asides = 0
    else:
        state[SHARE] *= 0.5
        if not state[SHARE] > _SHORTEST or state[VISITS] > _MOST:
            return STUCK
        return _displaced(at, start, free, moves, last, state[SHARE], point)
    if point < asides:
        for c in range(last.shape[1]):
            last[_ASIDE, c] = 0.0
        last[_ASIDE, last.shape[1] - h + point] = steps[point]
        return _displaced(at, start, free, moves, last, 1.0, point + 1)
    state[GAIN] = _find_step(hessian, last, C, columns.shape[0])
    if state[GAIN] < 0.0:
        return STUCK
    state[SHARE] = 1.0
    if state[WITHOUT] > 0.0 and state[GAIN] < _ENOUGH:
        _let_in(lower, mode.blocks, first, last)
        state[WITHOUT], state[SHARE], state[GAIN] = 0.0, 0.0, math.inf
    return _displaced(at, start, free, moves, last, 1.0, point - point)


@lent
def spread(points, free, steps, moves):
    """Points on both sides of the first one in each coordinate, and what their modes may be.

    Of k coordinates there are 2k points, which are written over.
    """
    at, start = points.at, points.start
    _, J, q, k = moves.shape
    for place in range(2 * k - 1, -1, -1):  # the first one last
        c = place % k
        step = steps[c] if place < k else -steps[c]
        for e in range(at.shape[1]):
            at[place, e] = at[0, e]
        at[place, free[c]] += step
        for j in range(J):
            for a in range(q):
                effect = j * q + a
                start[place, effect] = start[0, effect] + step * moves[0, j, a, c]


@lent
def central_differences(slopes, free, steps, hessian):
    """The Hessian (k, k) of gradients on both sides in each coordinate."""
    k = free.shape[0]
    for c in range(k):
        for e in range(k):
            hessian[c, e] = (slopes[c, free[e]] - slopes[k + c, free[e]]) / (2.0 * steps[c])
    for c in range(k):
        for e in range(c):
            hessian[c, e] = hessian[e, c] = 0.5 * (hessian[c, e] + hessian[e, c])


@lent
def _is_higher(value, constant, state):
    """Whether the value is what a step of this share leads one to expect, but for rounding."""
    if state[SHARE] == 0.0:
        return math.isfinite(value)
    rounding = _ROUNDING * (1.0 + abs(state[VALUE] + constant)) + _NOISE * abs(constant)
    return value >= state[VALUE] + _CLIMBS * state[SHARE] * state[GAIN] - rounding


@lent
def _keep(at, start, slopes, free, b, last):
    """The point that was visited as the one from which the next step is made."""
    for c in range(free.shape[0]):
        last[_AT, c] = at[0, free[c]]
        last[_SLOPE, c] = slopes[0, free[c]]
    J, q = b.shape
    for j in range(J):
        for a in range(q):
            start[0, j * q + a] = b[j, a]


@lent
def _displaced(at, start, free, moves, last, share, place):
    """The place of a point, which is written: behind a step, or aside, and what its mode may be.

    Where a step was too long its share leads there, and its mode is looked for from 0.
    """
    _, J, q, k = moves.shape
    move = _STEP if place == 0 else _ASIDE
    for c in range(k):
        at[place, free[c]] = last[_AT, c] + share * last[move, c]
    for j in range(J):
        for a in range(q):
            moved = 0.0
            for c in range(k):
                moved += moves[0, j, a, c] * last[move, c]
            effect = j * q + a
            if share < 1.0:
                start[place, effect] = 0.0
            elif abs(moved) < _FAR:
                start[place, effect] = start[0, effect] + moved
    return place


@lent
def _bend_of_gamma(columns, found, moves, hessian, row):
    """X'V⁻¹X, and below it 1."""
    (p, n), (_, J, q, k) = columns.shape, moves.shape
    for c in range(k):
        for e in range(c):
            hessian[c, e] = 0.0
        hessian[c, c] = 1.0
    for c in range(p):
        for i in range(n):
            row[i] = -found[2, i] * columns[c, i]
        for e in range(c + 1):
            total = dot(columns[e], row)
            for j in range(J):
                for a in range(q):
                    total -= moves[1, j, a, c] * moves[1, j, a, e]
            hessian[c, e] = total


@lent
def _bend_of_root(slopes, free, steps, hessian, last, place):
    """The row of a free entry of L, from the gradient at the point aside in it."""
    at = free.shape[0] - steps.shape[0] + place - 1
    for c in range(at + 1):
        hessian[at, c] = (last[_SLOPE, c] - slopes[place, free[c]]) / steps[place - 1]


@lent
def _find_step(hessian, last, C, p):
    """What a whole step promises, which is written; below 0 where there is none.

    Where ℓ bends up, entries of L go each by itself, as far as the size of its bend says.  The
    gradient is one more row of the matrix: its row of the factor is what half a solution leaves.
    """
    k, gain = hessian.shape[0], 0.0
    for attempt in range(2):
        for c in range(k):
            for e in range(c + 1):
                if attempt > 0 and c >= p:
                    hessian[c, e] = abs(hessian[c, c]) if c == e else 0.0
                C[c, e] = hessian[c, e]
            C[k, c] = last[_SLOPE, c]
        C[k, k] = _LARGE
        if cholesky_in_place(C):
            for c in range(k - 1, -1, -1):
                total = C[k, c]
                gain += 0.5 * total * total
                for e in range(c + 1, k):
                    total -= C[e, c] * last[_STEP, e]
                last[_STEP, c] = total / C[c, c]
            return gain
    return -1.0


@lent
def _let_in(lower, blocks, first, last):
    """The part of a step that L takes from 0: variances that fit the squares of Z'ℓ′."""
    h, k = lower.shape[1], last.shape[1]
    for c in range(h):
        a, excess, size = lower[0, c], 0.0, 0.0
        for j in range(first.shape[0]):
            A = blocks[0, j, a, a]
            excess += first[j, a] * first[j, a] - A
            size += A * A
        sd = _MOST_SD
        if excess < _MOST_SD * _MOST_SD * size:
            sd = _LEAST_SD
            if excess > _LEAST_SD * _LEAST_SD * size:
                sd = math.sqrt(excess / size)
        last[_STEP, k - h + c] = sd if a == lower[1, c] else 0.0


@lent
def _learn(slopes, free, hessian, last, gain):
    """BFGS behind a whole step s from Bs = g: B + yy'/s'y − gg'/s'g, y less gradient there."""
    k, along = free.shape[0], 0.0
    for c in range(k):
        last[_ASIDE, c] = last[_SLOPE, c] - slopes[0, free[c]]
        along += last[_STEP, c] * last[_ASIDE, c]
    if along > 1e-3 * gain:
        for c in range(k):
            for e in range(c + 1):
                hessian[c, e] += last[_ASIDE, c] * last[_ASIDE, e] / along
                hessian[c, e] -= 0.5 * last[_SLOPE, c] * last[_SLOPE, e] / gain
