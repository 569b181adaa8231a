"""Laplace's approximation for several grouping factors and one linear predictor, compiled.

The same Newton's method and gradient as those of `laplace`, with M factored by elimination.
Effects stand in the order of elimination here.  `laplace` is asked where no mode is found.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.elimination import Elimination
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.factor_rows import (
    FactorRows,
    gather,
    lowered,
    pull_log_det,
    raised,
    row_effects,
    weigh,
)
from hierbayes.likelihood.group_slopes import dot, linear, rooted, sum_of
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.mode_search import (
    MOVES,
    Gradients,
    ModeSearch,
    Points,
    room_for_gradients,
)
from hierbayes.likelihood.native import pointer_at
from hierbayes.likelihood.selected_inverse import selected_inverse
from hierbayes.likelihood.sparse_elimination import factorise
from hierbayes.likelihood.sparse_solves import solve_backward, solve_forward
from hierbayes.likelihood.transported import call_rows


class FactorMode(NamedTuple):
    """The mode at the last of some points.

    Parameters
    ----------
    b : (effects,) float
        Spherical effects.
    found : (5 + 3d, n) float
        The derivatives of rows, and η.
    omega, inverse : float
        M's factor, and M⁻¹ where M has entries.
    log_det : (1,) float
        log|M|.
    moves, half : (effects, p + m + d) float
        As of `mode_search.Slopes`.
    """

    b: Floats
    found: Floats
    omega: Floats
    inverse: Floats
    log_det: Floats
    moves: Floats
    half: Floats


def factor_modes(
    rows: LatentRows, places: FactorRows, e: Elimination, points: Points, search: ModeSearch
) -> tuple[FactorMode, Gradients] | None:
    """The last mode, and the gradients at all points; None where one has no mode.

    Parameters
    ----------
    rows : LatentRows
        Of one linear predictor.
    places : FactorRows
    e : Elimination
        Of the effects alone; its products are written over.
    points : Points
    search : ModeSearch
    """
    (n, p), q, effects = rows.X.shape, rows.Z.shape[1], points.start.shape[1]
    d = points.at.shape[1] - p - q * q
    k = p + search.lower.shape[1] + d if search.wanted >= MOVES else 0
    room = np.empty(effects), np.empty((5 + 3 * d, n)), np.empty(e.size)
    mode = FactorMode(*room, np.empty(e.size), np.empty(1), *np.empty((2, effects, k)))
    found = room_for_gradients(points, search.wanted)
    limits = search.tolerance, rows.log_constant
    is_found = _approximated(
        rows.of_rows, rows.offset, places, e, points, limits, search.lower, mode, found
    )
    return (mode, found) if is_found else None


@inner
def _place(Z, places, root, b, u, fixed, found):
    """η of spherical effects b, over the last of ``found``; ½b'b."""
    raised(places, root, b, u)
    half = 0.0
    for t in range(b.shape[0]):
        half += 0.5 * b[t] * b[t]
    for i in range(fixed.shape[0]):
        found[found.shape[0] - 1, i] = fixed[i] + row_effects(Z, places, u, i)
    return half


@inner
def _newton(Z, places, e, root, mode, u, step):
    """M factored with the weights there, and Newton's step; half its squared length, or nan."""
    weigh(places, e, mode.found[2])
    mode.log_det[0], _ = factorise(root, e, mode.omega)
    gather(Z, places, mode.found[1], u)
    lowered(places, root, u, step, 0)
    for t in range(step.shape[0]):
        step[t, 0] -= mode.b[t]
    solve_forward(e, mode.omega, step)
    decrement = 0.0
    for t in range(step.shape[0]):
        decrement += 0.5 * step[t, 0] * step[t, 0]
    solve_backward(e, mode.omega, step)
    return decrement if math.isfinite(mode.log_det[0]) else np.nan


@inner
def _climb(of_rows, places, e, fixed, root, phi, d, limits, mode, trial):
    """Σℓ − ½b'b at the mode, nan where there is none, from ``trial``, which is written over."""
    slot, y, m, Z = of_rows[0], of_rows[1], of_rows[2], of_rows[3]
    b, found, n = mode.b, mode.found, fixed.shape[0]
    count = b.shape[0]
    u, step = room_for(count), room_for((count, 1))
    value, decrement, size = np.nan, 0.0, 0.0  # size 0: no step is made yet
    for _ in range(1000):
        reached = -_place(Z, places, root, trial, u, fixed, found)
        call_rows(
            pointer_at(slot, 0),
            (n, d, pointer_at(y, 0), pointer_at(m, 0), pointer_at(found, (4 + 3 * d) * n), phi,
             pointer_at(found, 0)),
        )  # fmt: skip
        reached += sum_of(found)
        near = decrement < 1e-12 * (1.0 + abs(value))  # the value cannot show it; the step is good
        if size == 0.0 or near:
            if not (math.isfinite(reached) and (size == 0.0 or size == 1.0)):
                return np.nan
        elif not (math.isfinite(reached) and reached >= value + 1e-4 * size * decrement):
            size *= 0.5
            if size < 1e-9:
                return np.nan
            for t in range(count):
                trial[t] = b[t] + size * step[t, 0]
            continue
        value = reached
        for t in range(count):
            b[t] = trial[t]
        decrement = _newton(Z, places, e, root, mode, u, step)
        if not math.isfinite(decrement):
            return np.nan
        if decrement <= limits[0] * (1.0 + abs(value + limits[1])) + 1e-29 * abs(value) + 1e-24:
            return value
        size = 1.0
        for t in range(count):
            trial[t] = b[t] + step[t, 0]
    return np.nan


@inner
def _differentiate(columns, Z, places, e, root, mode, slopes, point):
    """Adds to the gradient at the mode of a point, in the words of `laplace`."""
    found, b, count, (n, q), p = mode.found, mode.b, mode.b.shape[0], Z.shape, columns.shape[0]
    by_phi, d_root = p + q * q, zeros_of((q, q))
    d = slopes.shape[1] - by_phi
    u, a, v = room_for(count), room_for((count, 1)), room_for(count)
    h, slope = room_for(n), room_for(n)
    selected_inverse(e, e.C, mode.omega, mode.inverse)
    for i in range(n):
        h[i] = 0.0
    pull_log_det(places, e, root, mode.inverse, room_for(root.shape), h, d_root)
    for i in range(n):
        slope[i] = 0.5 * h[i] * found[3, i]
    gather(Z, places, slope, u)
    lowered(places, root, u, a, 0)
    solve_forward(e, mode.omega, a)
    solve_backward(e, mode.omega, a)
    for t in range(count):
        v[t] = a[t, 0]
    raised(places, root, v, u)
    for i in range(n):
        s = row_effects(Z, places, u, i)
        slope[i] += found[1, i] + found[2, i] * s
        for c in range(d):
            own = found[4 + c, i] + s * found[4 + d + c, i]
            slopes[point, by_phi + c] += own + 0.5 * h[i] * found[4 + 2 * d + c, i]
    for c in range(p):
        slopes[point, c] += dot(columns[c], slope)
    for i in range(n):
        for r in range(Z.shape[1]):
            t, z = places.place[i, r], Z[i, r]
            for c in range(places.begin[t], places.end[t]):
                own = t + c - r
                d_root[r, c] += z * (slope[i] * b[own] + found[1, i] * v[own])
    for r in range(q):
        for c in range(q):
            slopes[point, p + r * q + c] += d_root[r, c]


@inner
def _move(columns, Z, places, e, root, lower, mode):
    """How b moves with γ, free entries (r, c) of L, and φ: M⁻¹ times the slopes of its own slope.

    By L_rc that is L'Z'ℓ″Z_r b_c + Z_r'ℓ′ in the place of c, level by level.
    """
    found, moves, n, p, m = mode.found, mode.moves, Z.shape[0], columns.shape[0], lower.shape[1]
    d, count = moves.shape[1] - p - m, mode.b.shape[0]
    by_row, u = room_for(n), room_for(count)
    for column in range(p + m + d):
        r, c = 0, 0
        if p <= column < p + m:
            r, c = lower[0, column - p], lower[1, column - p]
        for i in range(n):
            if column < p:
                by_row[i] = found[2, i] * columns[column, i]
            elif column < p + m:
                by_row[i] = found[2, i] * Z[i, r] * mode.b[places.place[i, r] + c - r]
            else:
                by_row[i] = found[4 + d + column - p - m, i]
        gather(Z, places, by_row, u)
        lowered(places, root, u, moves, column)
        if p <= column < p + m:
            for i in range(n):
                moves[places.place[i, r] + c - r, column] += Z[i, r] * found[1, i]
    solve_forward(e, mode.omega, moves)
    for t in range(count):
        for column in range(p + m + d):
            mode.half[t, column] = moves[t, column]
    solve_backward(e, mode.omega, moves)


@compiled(error_model="numpy")
def _approximated(of_rows, offset, places, e, points, limits, lower, mode, gradients):
    """Whether every point has a mode; the last one and the gradients at all are written over."""
    fixed, Z, columns, size = room_for(offset.shape[0]), of_rows[3], of_rows[5], points.at.shape[1]
    q = Z.shape[1]
    root, d = room_for((q, q)), size - columns.shape[0] - q * q
    for point in range(points.at.shape[0]):
        linear(offset, columns, points.at, point, fixed)
        rooted(points.at, point, columns.shape[0], root)
        start, phi = points.start[point], pointer_at(points.at, (point + 1) * size - d)
        reached = _climb(of_rows, places, e, fixed, root, phi, d, limits, mode, start)
        if not math.isfinite(reached):
            return False
        if gradients.value.shape[0] > 0:
            gradients.value[point] = reached - 0.5 * mode.log_det[0]
            _differentiate(columns, Z, places, e, root, mode, gradients.slope, point)
        if mode.moves.shape[1] > 0:
            _move(columns, Z, places, e, root, lower, mode)
    return True
