"""Scales of columns, and how far the columns are from depending on each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for
from hierbayes.frames.arrays import Booleans, Floats

_CONSTANT = 1e-14  # of the size of a column: a spread that is rounding
_FEW = 4000  # numbers times columns, up to which loops are quicker than calls for whole arrays


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


def column_scales(columns: Floats, constant: Floats, few: int = _FEW) -> ColumnScales:
    """The scales of columns (n, k); columns @ constant is 1, or constant 0.

    Columns are shifted to their mean where there is a constant, whose own are not scaled; a second
    constant is left as it is.  Up to so many (``few``) numbers times columns are added one by one.
    """
    k, fixed = len(constant), constant != 0.0
    spread, share, pivots, matrix = np.empty(k), np.empty(k), np.zeros(k), np.empty((k, k))
    shift, centred, gram = _centred(columns, constant, few)
    while True:
        least = _write_scales(gram, shift, constant, fixed, spread, share, matrix, pivots)
        if least >= 0.0:
            return ColumnScales(shift, spread, share, matrix, centred, gram, pivots, least)
        shift = np.where(fixed, 0.0, shift)
        centred = columns - shift
        gram = centred.T @ centred / len(columns)


def _centred(columns: Floats, constant: Floats, few: int) -> tuple[Floats, Floats, Floats]:
    """Shifts (k,), the columns (n, k) less these, and their mean products (k, k)."""
    n, k = columns.shape
    if n * k * k <= few and columns.flags.carray:
        shift, centred, gram = np.empty(k), np.empty((n, k)), np.empty((k, k))
        _write_centred(columns, constant, shift, centred, gram)
        return shift, centred, gram
    shift = np.zeros(k)
    if np.count_nonzero(constant):
        shift = np.where(constant == 0.0, np.full(n, 1.0 / n) @ columns, 0.0)
    centred = columns - shift
    return shift, centred, centred.T @ centred / n


@compiled(short_loops=True, error_model="numpy")
def _write_centred(
    columns: Floats, constant: Floats, shift: Floats, centred: Floats, gram: Floats
) -> None:
    """What `_centred` makes, written over."""
    (n, k), has_constant = columns.shape, False
    for c in range(k):
        has_constant = has_constant or constant[c] != 0.0
        shift[c] = 0.0
        for r in range(k):
            gram[r, c] = 0.0
    if has_constant:
        for i in range(n):
            for c in range(k):
                shift[c] += columns[i, c] - columns[0, c]  # 0 of a constant, to the last digit
        for c in range(k):
            shift[c] = columns[0, c] + shift[c] / n if constant[c] == 0.0 else 0.0
    for i in range(n):
        for c in range(k):
            centred[i, c] = columns[i, c] - shift[c]
        for c in range(k):
            for r in range(c + 1):
                gram[r, c] += centred[i, r] * centred[i, c]
    for c in range(k):
        for r in range(c + 1):
            gram[r, c] /= n
            gram[c, r] = gram[r, c]


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
