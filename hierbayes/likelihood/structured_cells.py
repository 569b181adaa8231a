"""Cells of groups, weighted and added up, and written side by side, (rows, columns, groups)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from hierbayes.compilation import compiled, lent
from hierbayes.frames.arrays import Floats

_AT_ONCE = 16  # numbers that a processor adds to others in one round of a loop


def upper_triangles(cells: Floats, d: int) -> Floats:
    """The upper triangles (cells, numbers) of symmetric matrices (cells, d²), row by row.

    After them stand zeros, up to a multiple of what is added up at once.  Of few columns this makes
    no fewer numbers, and the matrices are what they were: `row_start` tells where rows begin.
    """
    places = _places(d)
    if len(places) == d * d:
        return cells
    found = np.empty((len(cells), len(places)))
    _choose(cells, places, d * (d + 1) // 2, found)
    return found


@lru_cache(maxsize=64)
def _places(d: int) -> Any:
    """Of the upper triangle in a flat matrix, and anywhere after them; or all of the matrix."""
    upper = np.flatnonzero(np.triu(np.ones((d, d))))
    numbers = -(-len(upper) // _AT_ONCE) * _AT_ONCE
    if numbers >= d * d:
        return np.arange(d * d, dtype=np.uint64)
    return np.append(upper, np.zeros(numbers - len(upper))).astype(np.uint64)


@compiled()
def _choose(cells, places, many, found):
    """Write so many columns, and zeros after them."""
    for c in range(len(cells)):
        for i in range(many):
            found[c, i] = cells[c, places[i]]
        for i in range(many, len(places)):
            found[c, i] = 0.0


@lent
def row_start(i, d, numbers):
    """Where the i-th row of an upper triangle (d, d) begins, with its diagonal."""
    return i * d + i if numbers == d * d else i * d - i * (i - 1) // 2


@lent
def add_weighted(cells, groups, class_of, changes, before, many, first, flat):
    """Write M_j and every Ṁ_j of the groups after ``before``; returns the cell after the last.

    Cells stand in the order of their groups, and ``first`` is the first of these.
    """
    matrices, numbers = flat.shape[1], flat.shape[2]
    for g in range(many):
        for t in range(matrices):
            for i in range(numbers):
                flat[g, t, i] = 0.0
    c = first
    while c < len(groups) and groups[c] < before + many:
        g = groups[c] - before
        if c + 3 < len(groups) and groups[c + 3] == groups[c]:
            for t in range(matrices):
                _add_four(cells, class_of, changes, t, c, flat, g)
            c += 4
        else:
            for t in range(matrices):
                change = changes[t, class_of[c]]
                if change != 0.0:
                    for i in range(numbers):
                        flat[g, t, i] += change * cells[c, i]
            c += 1
    return c


@lent
def _add_four(cells, class_of, changes, t, c, flat, g):
    """Add four weighted cells: the sum is read and written once, where several have weights."""
    w, x = changes[t, class_of[c]], changes[t, class_of[c + 1]]
    y, z = changes[t, class_of[c + 2]], changes[t, class_of[c + 3]]
    if (w != 0.0) + (x != 0.0) + (y != 0.0) + (z != 0.0) > 1:
        for i in range(flat.shape[2]):
            first = w * cells[c, i] + x * cells[c + 1, i]
            flat[g, t, i] += first + (y * cells[c + 2, i] + z * cells[c + 3, i])
        return
    for h in range(c, c + 4):
        change = changes[t, class_of[h]]
        if change != 0.0:
            for i in range(flat.shape[2]):
                flat[g, t, i] += change * cells[h, i]


@lent
def put_triangles_side_by_side(flat, many, M):
    """Write upper triangles of matrices (1 + k, d, d) beside each other."""
    d, numbers = M.shape[1], flat.shape[2]
    for t in range(M.shape[0]):
        for a in range(d):
            at = row_start(a, d, numbers)
            for b in range(a, d):
                for g in range(many):
                    M[t, a, b, g] = flat[g, t, at + b - a]


@lent
def keep_changes(flat, j, many, changed):
    """Copy the rows of Z of every Ṁ_j."""
    k, q, d = flat.shape[1] - 1, changed.shape[2], changed.shape[3]
    for g in range(many):
        for t in range(k):
            for i in range(q):
                at = row_start(i, d, flat.shape[2])
                for a in range(i, d):
                    changed[j + g, t, i, a] = flat[g, 1 + t, at + a - i]
                    if a < q:
                        changed[j + g, t, a, i] = changed[j + g, t, i, a]
