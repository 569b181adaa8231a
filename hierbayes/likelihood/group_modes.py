"""Laplace's approximation for one grouping factor and one linear predictor, compiled.

The same Newton's method and the same gradient as those of `laplace`, group by group.  `laplace` is
asked where no mode is found here: where M is not positive definite with the weights observed, or
no step climbs.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.group_climb import STUCK, central_differences, next_point, spread
from hierbayes.likelihood.group_slopes import (
    gradient_of_groups,
    linear,
    move_groups,
    rooted,
)
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.mode_of_groups import climb_groups
from hierbayes.likelihood.mode_search import (
    AROUND,
    AS_THEY_ARE,
    GRADIENT,
    MOVES,
    NO_CLIMB,
    VISITS,
    Climb,
    Gradients,
    ModeSearch,
    Points,
    room_for_gradients,
)
from hierbayes.likelihood.native import pointer_at


class GroupMode(NamedTuple):
    """The mode at the last of some points.

    Parameters
    ----------
    b : (J, q) float
        Spherical effects.
    found : (5 + 3d, n) float
        The derivatives of rows, and η.
    blocks : (3, J, q, q) float
        Z'κZ of each group, M and its Cholesky factor.
    moves : (2, J, q, p + m + d) float
        ``moves`` and ``half`` of `mode_search.Slopes`.
    """

    b: Floats
    found: Floats
    blocks: Floats
    moves: Floats


def group_modes(
    rows: LatentRows, points: Points, search: ModeSearch, climb: Climb = NO_CLIMB
) -> tuple[GroupMode, Gradients] | None:
    """The last mode, and the gradients at all points; None where one has no mode.

    Of a climb the mode and the gradient at a maximum, which stands in the place of the first
    point; None where none is reached.

    Parameters
    ----------
    rows : LatentRows
        Of one grouping factor and one linear predictor.
    points : Points
        Of a climb where it begins, and as many more as there are free entries of L.
    search : ModeSearch
    climb : Climb, optional
        Of a family without dispersion.
    """
    (J,), (n, q), p = rows.levels, rows.Z.shape, rows.X.shape[1]
    d = points.at.shape[1] - p - q * q
    k = p + search.lower.shape[1] + d if search.wanted >= MOVES else 0
    mode = GroupMode(
        np.empty((J, q)), np.empty((5 + 3 * d, n)), np.empty((3, J, q, q)), np.empty((2, J, q, k))
    )
    found = room_for_gradients(points, search.wanted)
    limits = search.tolerance, rows.log_constant
    is_found = _approximated(
        rows.of_groups, rows.offset, points, limits, search.lower, mode, found, climb
    )
    return (mode, found) if is_found else None


def group_hessian(rows: LatentRows, points: Points, moves: Floats, climb: Climb) -> bool:
    """Whether there are modes around a point; the Hessian there is written over that of ``climb``.

    Parameters
    ----------
    rows : LatentRows
        Of one grouping factor, one linear predictor and no dispersion.
    points : Points
        The point and its mode, and room for others.
    moves : (effects, k) float
        How the mode moves.
    climb : Climb
        One that looks around.
    """
    (J,), (n, q), k = rows.levels, rows.Z.shape, len(climb.free)
    of_mode = np.empty((J, q)), np.empty((5, n)), np.empty((3, J, q, q))
    mode = GroupMode(*of_mode, moves.reshape(1, J, q, k))
    found = room_for_gradients(points, GRADIENT)
    limits, lower = (AS_THEY_ARE.tolerance, rows.log_constant), AS_THEY_ARE.lower
    is_found = _approximated(rows.of_groups, rows.offset, points, limits, lower, mode, found, climb)
    return bool(is_found)


@compiled(error_model="numpy", short_loops=True)
def _approximated(of_groups, offset, points, limits, lower, mode, gradients, climb):
    """Whether every point has a mode; the last one and the gradients at all are written over.

    Of a climb whether it has come to a maximum, which is then the first point; of a look around
    the Hessian is written over.
    """
    slot, y, m, Z, X, columns, codes = of_groups
    b, found, blocks = mode.b, mode.found, mode.blocks
    (J, q), size, k = b.shape, points.at.shape[1], climb.free.shape[0]
    d = size - columns.shape[0] - q * q
    fixed, first, root = room_for(offset.shape[0]), room_for((J, q)), room_for((q, q))
    room = fixed, zeros_of((4, k)), room_for((k + 1, k + 1))
    of_modes, of_rows = room_for((4, J, q)), room_for((2, offset.shape[0]))
    inverses = room_for((2, J, q, q))
    is_around = climb.state[VISITS] == AROUND
    if is_around:
        spread(points, climb.free, climb.steps, mode.moves)
    point = np.int64(0)
    while 0 <= point < points.at.shape[0]:
        linear(offset, columns, points.at, point, fixed)
        rooted(points.at, point, columns.shape[0], root)
        for j in range(J):
            for a in range(q):
                b[j, a] = points.start[point, j * q + a]
        is_aside = is_around or (k > 0 and point > 0)  # where the start is near enough
        reached = climb_groups(
            slot, y, m, pointer_at(points.at, (point + 1) * size - d), d, fixed, Z, codes, root,
            np.inf if is_aside else limits[0], limits[1], b, found, blocks, first, of_modes,
        )  # fmt: skip
        is_found = math.isfinite(reached)
        if not is_found and (k == 0 or is_aside):
            return False
        if gradients.value.shape[0] > 0:
            gradients.value[point] = reached
            if is_found:
                gradients.value[point] -= gradient_of_groups(
                    columns,
                    Z,
                    codes,
                    root,
                    b,
                    found,
                    blocks,
                    first,
                    gradients.slope,
                    point,
                    inverses,
                    of_modes,
                    of_rows,
                )
        if mode.moves.shape[3] > 0 and is_found and not is_aside:
            move_groups(X, Z, codes, root, lower, mode, first, of_modes)
        if is_around or k == 0:
            point += 1
        else:
            point = next_point(
                columns, points, gradients, lower, mode, first, climb, limits[1], room, point
            )
    if is_around:
        central_differences(gradients.slope, climb.free, climb.steps, climb.hessian)
    return point != STUCK
