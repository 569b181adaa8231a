"""Sums over the rows of each group: Z_j'Z_j, Z_j'[X_j y_j] and the number of rows."""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.frames.arrays import Floats, Integers


def group_sums(
    columns: Floats, Z: Floats, codes: Integers, J: int
) -> tuple[Floats, Floats, Floats]:
    """The upper triangle of Z_j'Z_j (J, q, q), Z_j'[X_j y_j] (J, q, p+1) and n_j (J,).

    Parameters
    ----------
    columns : (n, p+1) float
        [X y].
    Z : (n, q) float
    codes : (n,) int
        The group of each row.
    J : int
    """
    q, m = Z.shape[1], columns.shape[1]
    A, B, counts = np.zeros((J, q, q)), np.zeros((J, q, m)), np.zeros(J)
    _add_rows(columns, Z, codes, A, B, counts)
    return A, B, counts


@compiled()
def _add_rows(
    columns: Floats, Z: Floats, codes: Integers, A: Floats, B: Floats, counts: Floats
) -> None:
    """Add the rows to the sums of their groups."""
    n, m = columns.shape
    q = Z.shape[1]
    for i in range(n):
        j = codes[i]
        counts[j] += 1.0
        for k in range(q):
            z = Z[i, k]
            for h in range(k, q):
                A[j, k, h] += z * Z[i, h]
            for c in range(m):
                B[j, k, c] += z * columns[i, c]
