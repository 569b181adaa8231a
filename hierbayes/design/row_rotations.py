r"""The loop that turns rows into the triangles of their groups, some rows at a time.

A row [z | x y] of group j is turned into R_j = √D_j R̄_j, one random column after the other, by
rotations without square roots; what is left of [x y] then is what the columns of Z_j do not
explain of it, and is squared into W.  Step k reads and changes what is kept of step k alone.  So
the rows of a block take step k one after the other before any takes step k + 1, with the same
results: loops are short, and what they wait for (memory, divisions) overlaps.

References
----------
Gentleman (1973), doi:10.1093/imamat/12.3.329.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from hierbayes.compilation import compiled, in_loop, inner
from hierbayes.compiled_arrays import room_for
from hierbayes.design.addressed_columns import column_at, value_at
from hierbayes.frames.arrays import Floats, Integers

BLOCK = 128  # rows that take each step together
LINE = 8  # numbers that memory hands over at a time
NEGLIGIBLE = 1e-14  # of a random value: what is left of it by those before it, and is rounding


@compiled(error_model="numpy")
def rotate_rows(
    table: Integers, codes: Integers, times: Floats, weights: Floats, start: int,
    of_z: Floats, of_x: Floats, z_at: Integers, x_at: Integers, held_at: Integers, held_from: int,
    own: Floats, W: Floats,
) -> int:  # fmt: skip
    """Rows from ``start`` on into the triangles of their groups ``own``.

    They stand in a table, the addresses (d,) of columns.  Columns are (table − shift)·inverse: the
    random ones at ``z_at`` (q,) with ``of_z`` (2, q), the rotated ones of [x y] at ``x_at`` (m,)
    with ``of_x`` (2, p + 1).  What stands at ``held_at`` (h,) is the same in all rows of a group;
    at the first row in which it is not, the work stops, and row · h + place is returned; otherwise
    −1.  ``times`` and ``weights`` are empty where all rows are alike.  Of a group n_j, D_j (q),
    R̄_j above its diagonal, T̄_j (q, m) and, from
    ``held_from`` on, the held values stand together, for groups come in any order and memory is
    slow; W has its lower triangle only.
    """
    n, q, m, h = len(codes), len(z_at), len(x_at), len(held_at)
    z, w, least = room_for((q, BLOCK)), room_for((m, BLOCK)), room_for((q, BLOCK))
    value, share, weight = room_for(BLOCK), room_for(BLOCK), room_for(BLOCK)
    before, size = room_for(BLOCK), room_for(BLOCK)
    group, touched = np.empty(BLOCK, dtype=np.uint64), 0.0
    while start < n:
        count = min(BLOCK, n - start)
        for b in range(count):
            group[b] = codes[start + b]
        for part in range(0, own.shape[1], LINE):
            for b in range(count):  # waits for all of them at once
                touched += own[group[b], part]
        count, stopped = _counted(
            table, start, count, group, held_at, own, held_from, times, weight
        )
        if len(weights):
            for b in range(count):
                weight[b] *= weights[start + b]
        rows = slice(start, start + count)
        for k in range(q):
            _standardised(column_at(table, z_at[k], n)[rows], of_z[0, k], of_z[1, k], z[k])
            _negligible(z[k], least[k])
        for c in range(m):
            x = x_at[c]
            _standardised(column_at(table, x, n)[rows], of_x[0, x], of_x[1, x], w[c])
        at, at_x = 1 + q, 1 + q + q * (q - 1) // 2
        for k in range(q):
            _lengths(z[k], least[k], count, group, own, 1 + k, value, share, weight, before, size)
            for k2 in range(k + 1, q):
                _rotated(z[k2], count, group, own, at, value, share)
                at += 1
            for c in range(m):
                _rotated(w[c], count, group, own, at_x + k * m + c, value, share)
        add_squares(w, weight, count, W)
        start += count
        if stopped >= 0:
            return start * h + stopped
    return -1 if touched == touched else -2  # so that no compiler leaves the waiting out


@inner
def _counted(
    table: Integers, start: int, count: int, group: Integers, held_at: Integers, own: Floats,
    at: int, times: Floats, weight: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Count rows, until one differs from its group in what is held: how many, and where, or −1."""
    h = len(held_at)
    for b in range(count):
        weight[b] = times[start + b] if len(times) else 1.0
    if not h:
        for b in range(count):
            own[group[b], 0] += weight[b]
        return count, -1
    for b in range(count):
        differs = held_otherwise(table, start + b, group[b], held_at, own, at)
        if differs >= 0:
            return b, differs
        own[group[b], 0] += weight[b]
    return count, -1


@in_loop
def held_otherwise(table: Integers, i: int, j: int, held_at: Integers, own: Floats, at: int) -> int:
    """Which held column of row i differs from its group j, −1 for none; the first row is kept."""
    h = len(held_at)
    if own[j, 0] == 0.0:
        for k in range(h):
            own[j, at + k] = value_at(table, held_at[k], i)
    else:
        for k in range(h):
            if own[j, at + k] != value_at(table, held_at[k], i):
                return k
    return -1


@in_loop
def turned(x: float, weight: float, before: float) -> tuple[float, float, float]:
    """A row's value x into D_jk: what that is then, the row's share, and its weight after it."""
    share = weight * x
    size = before + share * x
    is_new = share != 0.0
    part = 1.0 / (size if is_new else 1.0)
    return size, share * part, weight * (before * part if is_new else 1.0)


@inner
def _standardised(column: Floats, shift: float, inverse: float, made: Floats) -> None:
    for b in range(len(column)):
        made[b] = (column[b] - shift) * inverse


@inner
def _negligible(z: Floats, least: Floats) -> None:
    for b in range(len(z)):
        least[b] = NEGLIGIBLE * abs(z[b])


@inner
def _lengths(
    z: Floats, least: Floats, count: int, group: Integers, own: Floats, at: int, value: Floats,
    share: Floats, weight: Floats, before: Floats, size: Floats,
) -> None:  # fmt: skip
    """Rows into D_jk; what they are multiplied by in the rest of step k, and weigh after it."""
    for b in range(count):
        x = z[b] if abs(z[b]) > least[b] else 0.0
        value[b] = x
        share[b] = weight[b] * x
    for b in range(count):
        j = group[b]
        kept = own[j, at]
        before[b] = kept
        kept += share[b] * value[b]
        size[b] = kept
        own[j, at] = kept
    for b in range(count):
        is_new = share[b] != 0.0
        part = 1.0 / (size[b] if is_new else 1.0)
        share[b] *= part
        weight[b] *= before[b] * part if is_new else 1.0


@inner
def _rotated(
    column: Floats, count: int, group: Integers, own: Floats, at: int, value: Floats, share: Floats
) -> None:
    """What is left of a column after step k, and the entry of R̄_j or T̄_j it goes to."""
    for b in range(count):
        j = group[b]
        kept = own[j, at]
        left = column[b] - value[b] * kept
        column[b] = left
        own[j, at] = kept + share[b] * left


@partial(inner, fastmath={"reassoc", "contract"})
def add_squares(w: Floats, weight: Floats, count: int, W: Floats) -> None:
    """Add what is left of rows (m, n), squared, to the lower triangle of W."""
    for c in range(len(w)):
        for d in range(c + 1):
            total = 0.0
            for b in range(count):
                total += weight[b] * w[c, b] * w[d, b]
            W[c, d] += total
