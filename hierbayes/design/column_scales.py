"""Scales of columns, and how far the columns are from depending on each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for
from hierbayes.frames.arrays import Booleans, Floats

_CONSTANT = 1e-14  # of the size of a column: a spread that is rounding


class ColumnScales(NamedTuple):
    """Columns (n, k) as (columns − shift)/spread.

    Parameters
    ----------
    shift, spread : (k,) float
    share : (k,) float
        The spread of each, of its size; 0 of a second constant.
    matrix : (k, k) float
        T with (columns − shift)/spread = columns @ T, where a combination of columns is 1.
    centred : (n, k) float
        The columns less their shift.
    gram : (k, k) float
        Mean products of these over their spread.
    pivots : (k,) float
        Root mean square of what is left of each of these after those before it; zeros where
        nothing is left of one.
    least : float
        What the least eigenvalue of the gram is at least.
    """

    shift: Floats
    spread: Floats
    share: Floats
    matrix: Floats
    centred: Floats
    gram: Floats
    pivots: Floats
    least: float


def column_scales(columns: Floats, shift: Floats, constant: Floats) -> ColumnScales:
    """The scales of columns (n, k) with a shift (k,); columns @ constant is 1, or constant 0.

    What is of the constant is not scaled, and a second constant is left as it is.
    """
    k, fixed = len(shift), constant != 0.0
    spread, share, pivots, matrix = np.empty(k), np.empty(k), np.zeros(k), np.empty((k, k))
    while True:
        centred = columns - shift
        gram = centred.T @ centred / len(columns)
        least = _write_scales(gram, shift, constant, fixed, spread, share, matrix, pivots)
        if least >= 0.0:
            return ColumnScales(shift, spread, share, matrix, centred, gram, pivots, least)
        shift = np.where(fixed, 0.0, shift)


@compiled(short_loops=True, error_model="numpy")
def _write_scales(
    gram: Floats, shift: Floats, constant: Floats, fixed: Booleans, spread: Floats, share: Floats,
    matrix: Floats, pivots: Floats,
) -> float:  # fmt: skip
    """`ColumnScales` written over, from mean products; −1 where a second constant is found.

    It is then among what is ``fixed``, which is not scaled.
    """
    k, found = len(gram), False
    for c in range(k):
        spread[c] = 1.0 if fixed[c] else np.sqrt(gram[c, c])
        if spread[c] <= _CONSTANT * abs(shift[c]):
            fixed[c] = found = True
    if found:
        return -1.0
    for c in range(k):
        size = np.sqrt(spread[c] * spread[c] + shift[c] * shift[c])
        share[c] = 0.0 if fixed[c] and constant[c] == 0.0 else spread[c] / size
        for r in range(k):
            gram[r, c] /= spread[r] * spread[c]
            matrix[r, c] = ((1.0 if r == c else 0.0) - constant[r] * shift[c]) / spread[c]
    root, inverse, squares = room_for((k, k)), room_for((k, k)), 0.0
    for c in range(k):
        for r in range(c + 1):
            rest = gram[r, c]
            for h in range(r):
                rest -= root[h, r] * root[h, c]
            root[r, c] = rest / root[r, r] if r < c else rest
        if not root[c, c] > 0.0:
            return 0.0
        pivots[c] = root[c, c] = np.sqrt(root[c, c])
        for r in range(c + 1):
            rest = 1.0 if r == c else 0.0
            for h in range(r, c):
                rest -= inverse[r, h] * root[h, c]
            inverse[r, c] = rest / root[c, c]
            squares += inverse[r, c] * inverse[r, c]
    return 1.0 / squares  # the trace of the inverse: the sum of 1/λ
