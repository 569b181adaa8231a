r"""The loop of `row_rotations` where each group has one random column or two.

All that is kept of a group stands in one or two lines of memory, and a row's rotations depend on
little else.  So each row is turned at once, with one fixed column; what is kept of the group of a
row some way ahead is asked for meanwhile.  The other fixed columns follow, a block of rows at a
time, while the groups of these are near.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from hierbayes.compilation import compiled, in_loop
from hierbayes.compiled_arrays import room_for
from hierbayes.design.addressed_columns import column_at
from hierbayes.design.lines_ahead import ask_for
from hierbayes.design.row_rotations import (
    BLOCK,
    LINE,
    NEGLIGIBLE,
    add_squares,
    held_otherwise,
    turned,
)
from hierbayes.frames.arrays import Floats, Integers

_AHEAD = 32  # rows after this one, whose groups are asked for
_contracted = partial(in_loop, fastmath={"contract"})


@compiled(error_model="numpy")
def rotate_few(
    table: Integers, codes: Integers, times: Floats, weights: Floats, start: int,
    of_z: Floats, of_x: Floats, z_at: Integers, x_at: Integers, held_at: Integers, held_from: int,
    own: Floats, W: Floats,
) -> int:  # fmt: skip
    """As `rotate_rows`, of one random column or two."""
    n, q, m, h = len(codes), len(z_at), len(x_at), len(held_at)
    steps, w, weight = room_for((4, BLOCK)), room_for((m, BLOCK)), room_for(BLOCK)
    while start < n:
        count = min(BLOCK, n - start)
        if q == 1:
            count, stopped = _turn_rows(
                False, table, codes, times, weights, start, count, of_z, of_x, z_at, x_at,
                held_at, held_from, own, steps, w[0], weight,
            )  # fmt: skip
        else:
            count, stopped = _turn_rows(
                True, table, codes, times, weights, start, count, of_z, of_x, z_at, x_at,
                held_at, held_from, own, steps, w[0], weight,
            )  # fmt: skip
        for c in range(1, m):
            _turn_column(q == 2, table, codes, start, count, of_x, x_at, c, own, steps, w[c])
        add_squares(w, weight, count, W)
        start += count
        if stopped >= 0:
            return start * h + stopped
    return -1


@_contracted
def _turn_rows(
    is_pair: bool, table: Integers, codes: Integers, times: Floats, weights: Floats, start: int,
    count: int, of_z: Floats, of_x: Floats, z_at: Integers, x_at: Integers, held_at: Integers,
    held_from: int, own: Floats, steps: Floats, left: Floats, weight: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Rows from ``start`` on, with the first fixed column: how many, and what stopped them, or −1.

    ``left`` (n,) is what is left of that column, of the ``weight`` (n,); ``steps`` (4, n) are the
    values and shares of both steps, for the others.
    """
    m, h, n, x = len(x_at), len(held_at), len(codes), x_at[0]
    first, second = column_at(table, z_at[0], n), column_at(table, z_at[-1], n)
    fixed, held = column_at(table, x, n), column_at(table, held_at[0] if h else x, n)
    are_more, are_weighted = len(times) > 0, len(weights) > 0
    at, alone = 4 if is_pair else 2, m == 1
    shift, inverse = of_x[0, x], of_x[1, x]
    shift_1, inverse_1, shift_2, inverse_2 = of_z[0, 0], of_z[1, 0], of_z[0, -1], of_z[1, -1]
    value_1, share_1, value_2, share_2 = steps[0], steps[1], steps[2], steps[3]
    one_line, last = own.shape[1] <= LINE, n - 1
    for b in range(count):
        i = start + b
        ahead = np.uint64(codes[min(i + _AHEAD, last)])
        ask_for(own, ahead, 0)
        if not one_line:
            for part in range(LINE, own.shape[1], LINE):
                ask_for(own, ahead, part)
        j = np.uint64(codes[i])
        rows = own[j, 0]
        if h and (h > 1 or rows == 0.0 or own[j, held_from] != held[i]):
            differs = held_otherwise(table, i, j, held_at, own, held_from)
            if differs >= 0:
                return b, differs
        precision = times[i] if are_more else 1.0
        own[j, 0] = rows + precision
        if are_weighted:
            precision *= weights[i]
        y = (fixed[i] - shift) * inverse
        z = (first[i] - shift_1) * inverse_1
        kept = own[j, at]
        size, share, precision = turned(z, precision, own[j, 1])
        if is_pair:
            z2 = (second[i] - shift_2) * inverse_2
            least, between, kept_2 = NEGLIGIBLE * abs(z2), own[j, 3], own[j, at + m]
            z2 -= z * between
            between += share * z2
            z2 = z2 if abs(z2) > least else 0.0
            size_2, share_of_2, precision = turned(z2, precision, own[j, 2])
            own[j, 2], own[j, 3] = size_2, between
        y -= z * kept
        own[j, 1], own[j, at] = size, kept + share * y
        if is_pair:
            y -= z2 * kept_2
            own[j, at + m] = kept_2 + share_of_2 * y
        left[b], weight[b] = y, precision
        if not alone:
            value_1[b], share_1[b] = z, share
            if is_pair:
                value_2[b], share_2[b] = z2, share_of_2
    return count, -1


@_contracted
def _turn_column(
    is_pair: bool, table: Integers, codes: Integers, start: int, count: int, of_x: Floats,
    x_at: Integers, c: int, own: Floats, steps: Floats, left: Floats,
) -> None:  # fmt: skip
    """Another fixed column of rows that were turned."""
    m, x = len(x_at), x_at[c]
    column, at = column_at(table, x, len(codes)), c + (4 if is_pair else 2)
    for b in range(count):
        j = np.uint64(codes[start + b])
        y = (column[start + b] - of_x[0, x]) * of_x[1, x]
        kept = own[j, at]
        y -= steps[0, b] * kept
        own[j, at] = kept + steps[1, b] * y
        if is_pair:
            kept = own[j, at + m]
            y -= steps[2, b] * kept
            own[j, at + m] = kept + steps[3, b] * y
        left[b] = y
