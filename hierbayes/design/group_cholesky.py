"""R_j with R_j'R_j = Z_j'Z_j and T_j with R_j'T_j = Z_j'[X_j y_j], of every group.

A column that depends on those before it has a row of zeros in R_j and T_j.
"""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.frames.arrays import Floats

DEPENDENT = 1e-13  # of the square of a column of Z_j: its part outside the columns before it


def factored(A: Floats, B: Floats) -> Floats:
    """R_j over the upper triangle of A_j, T_j over B_j; returns coefficients A_j⁻B_j (J, q, p+1).

    A column that depends on those before it has a row of zeros in R_j and T_j.
    """
    own = np.zeros(B.shape)
    _factored(A, B, own)
    return own


@inner
def root_group(A: Floats, B: Floats, j: int) -> None:
    """R_j over the upper triangle of A_j, and T_j over B_j."""
    q, m = B.shape[1:]
    for k in range(q):
        size = A[j, k, k]
        for i in range(k):
            for h in range(k, q):
                A[j, k, h] -= A[j, i, k] * A[j, i, h]
            for c in range(m):
                B[j, k, c] -= A[j, i, k] * B[j, i, c]
        pivot = np.sqrt(A[j, k, k]) if A[j, k, k] > DEPENDENT * size else 0.0
        scale = 1.0 / pivot if pivot > 0.0 else 0.0
        for h in range(k, q):
            A[j, k, h] *= scale
        for c in range(m):
            B[j, k, c] *= scale


@compiled()
def root_blocks(M: Floats, R: Floats, T: Floats, W: Floats) -> None:
    """R_j, T_j and, added to W, Σ_j [X_j y_j]'[X_j y_j] − T_j'T_j from whole blocks."""
    J, q, m = T.shape
    for j in range(J):
        for k in range(q):
            for h in range(k, q):
                R[j, k, h] = M[j, k, h]
            for c in range(m):
                T[j, k, c] = M[j, k, q + c]
        root_group(R, T, j)
        for a in range(m):
            for c in range(a + 1):
                total = M[j, q + a, q + c]
                for k in range(q):
                    total -= T[j, k, a] * T[j, k, c]
                W[a, c] += total
    for a in range(m):
        for c in range(a):
            W[c, a] = W[a, c]


@compiled()
def _factored(A: Floats, B: Floats, own: Floats) -> None:
    factor_groups(A, B, own)


@inner
def factor_groups(A: Floats, B: Floats, own: Floats) -> None:
    """`factored`, the coefficients written over zeros."""
    J, q, m = B.shape
    for j in range(J):
        root_group(A, B, j)
        for k in range(q - 1, -1, -1):
            if A[j, k, k] > 0.0:
                for c in range(m):
                    total = B[j, k, c]
                    for h in range(k + 1, q):
                        total -= A[j, k, h] * own[j, h, c]
                    own[j, k, c] = total / A[j, k, k]
