"""Cells of groups, weighted and added up, and written side by side, (rows, columns, groups)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from hierbayes.compilation import compiled, lent
from hierbayes.frames.arrays import Floats


def upper_triangles(cells: Floats, d: int) -> Floats:
    """The upper triangles (cells, d(d + 1)/2), row by row, of symmetric matrices (cells, d²)."""
    places = _places(d)
    found = np.empty((len(cells), len(places)))
    _choose(cells, places, found)
    return found


@lru_cache(maxsize=64)
def _places(d: int) -> Any:
    """Of the upper triangle in a flat matrix."""
    return np.flatnonzero(np.triu(np.ones((d, d)))).astype(np.uint64)


@compiled()
def _choose(cells, places, found):
    """Write some columns."""
    for c in range(len(cells)):
        for i in range(len(places)):
            found[c, i] = cells[c, places[i]]


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
        at_once = 4 if c + 3 < len(groups) and groups[c + 3] == groups[c] else 1
        for t in range(matrices):
            _add_some(cells, class_of, changes[t], c, at_once, flat[groups[c] - before, t])
        c += at_once
    return c


@lent
def _add_some(cells, class_of, weights, c, many, total):
    """Add one weighted cell, or four at once, in which the sum is read and written once."""
    if many == 4:
        w, x = weights[class_of[c]], weights[class_of[c + 1]]
        y, z = weights[class_of[c + 2]], weights[class_of[c + 3]]
        if (w != 0.0) + (x != 0.0) + (y != 0.0) + (z != 0.0) > 1:
            for i in range(len(total)):
                first = w * cells[c, i] + x * cells[c + 1, i]
                total[i] += first + (y * cells[c + 2, i] + z * cells[c + 3, i])
            return
    for h in range(c, c + many):
        weight = weights[class_of[h]]
        if weight != 0.0:
            for i in range(len(total)):
                total[i] += weight * cells[h, i]


@lent
def put_triangles_side_by_side(flat, many, M):
    """Write upper triangles of matrices (1 + k, d, d) beside each other."""
    d = M.shape[1]
    for t in range(M.shape[0]):
        at = 0
        for a in range(d):
            for b in range(a, d):
                for g in range(many):
                    M[t, a, b, g] = flat[g, t, at]
                at += 1


@lent
def keep_changes(flat, j, many, changed):
    """Copy the rows of Z of every Ṁ_j."""
    k, q, d = flat.shape[1] - 1, changed.shape[2], changed.shape[3]
    for g in range(many):
        for t in range(k):
            at = 0
            for i in range(q):
                for a in range(i, d):
                    changed[j + g, t, i, a] = flat[g, 1 + t, at]
                    if a < q:
                        changed[j + g, t, a, i] = flat[g, 1 + t, at]
                    at += 1
