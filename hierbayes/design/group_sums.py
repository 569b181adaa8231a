"""Passes over the rows of all groups: sums by group, and what is left outside of their columns."""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import zeros_of
from hierbayes.design.group_cholesky import factor_groups
from hierbayes.frames.arrays import Floats, Integers


def group_sums(
    columns: Floats, Z: Floats, span: slice, codes: Integers, J: int
) -> tuple[Floats, Floats, Floats]:
    """Z_j'Z_j (J, q, q), Z_j'[X_j y_j] (J, q, p+1) and n_j (J,) of one of several factors.

    Parameters
    ----------
    columns : (n, p+1) float
        [X y].
    Z : (n, Q) float
        Random columns of all factors.
    span : slice
        The q of them that vary over the groups.
    codes : (n,) int
        The group of each row.
    J : int
    """
    q, m = span.stop - span.start, columns.shape[1]
    A, B, counts = np.zeros((J, q, q)), np.zeros((J, q, m)), np.zeros(J)
    _sums(columns, Z, span.start, codes, A, B, counts)
    return A, B, counts


def group_roots(
    columns: Floats, Z: Floats, codes: Integers, J: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """R_j (J, q, q), T_j (J, q, p+1), W (p+1, p+1) and n_j (J,), see `crossproducts`.

    Parameters are those of `group_sums`, Z (n, q) those of the only factor; ``columns`` are left
    without what the groups' own coefficients give of them.
    """
    q, m = Z.shape[1], columns.shape[1]
    R, T, counts = np.zeros((J, q, q)), np.zeros((J, q, m)), np.zeros(J)
    _roots(columns, Z, codes, R, T, counts)
    return R, T, columns.T.dot(columns), counts


def products_outside(columns: Floats, Z: Floats, codes: Integers, own: Floats) -> Floats:
    """[X_j y_j]'[X_j y_j] (J, p+1, p+1) without what coefficients (J, q, p+1) give.

    ``columns`` are left so.
    """
    m = columns.shape[1]
    totals = np.zeros((len(own), m, m))
    _products_outside(columns, Z, codes, own, totals)
    return totals


@compiled(short_loops=True)
def _sums(
    columns: Floats, Z: Floats, first: int, codes: Integers, A: Floats, B: Floats, counts: Floats
) -> None:
    """`group_sums`, added to zeros."""
    _add_rows(columns, Z, first, codes, A, B, counts)
    J, q = A.shape[:2]
    for j in range(J):
        for k in range(q):
            for h in range(k):
                A[j, k, h] = A[j, h, k]


@compiled(short_loops=True)
def _roots(
    columns: Floats, Z: Floats, codes: Integers, R: Floats, T: Floats, counts: Floats
) -> None:
    """R_j, T_j and n_j, added to zeros, and what is left of the columns."""
    _add_rows(columns, Z, 0, codes, R, T, counts)
    own = zeros_of(T.shape)
    factor_groups(R, T, own)
    _take_out(columns, Z, codes, own)


@compiled(short_loops=True)
def _products_outside(
    columns: Floats, Z: Floats, codes: Integers, own: Floats, totals: Floats
) -> None:
    """`products_outside`, added to zeros."""
    n, m = columns.shape
    _take_out(columns, Z, codes, own)
    for i in range(n):
        j = codes[i]
        for c in range(m):
            for d in range(m):
                totals[j, c, d] += columns[i, c] * columns[i, d]


@inner
def _add_rows(
    columns: Floats, Z: Floats, first: int, codes: Integers, A: Floats, B: Floats, counts: Floats
) -> None:
    """Add the rows to the sums of their groups, of A the upper triangle."""
    n, m = columns.shape
    q = A.shape[1]
    for i in range(n):
        j = codes[i]
        counts[j] += 1.0
        for k in range(q):
            z = Z[i, first + k]
            for h in range(k, q):
                A[j, k, h] += z * Z[i, first + h]
            for c in range(m):
                B[j, k, c] += z * columns[i, c]


@inner
def _take_out(columns: Floats, Z: Floats, codes: Integers, own: Floats) -> None:
    """Leave each row without what its group's own coefficients give."""
    n, m = columns.shape
    q = Z.shape[1]
    for i in range(n):
        j = codes[i]
        for k in range(q):
            for c in range(m):
                columns[i, c] -= Z[i, k] * own[j, k, c]
