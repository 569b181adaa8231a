"""Cholesky factors of small matrices, compiled, and systems solved by them."""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import lent


@lent
def cholesky_in_place(a):
    """Lower Cholesky factor of a symmetric matrix, written over its lower triangle.

    Returns False, instead of raising, when a pivot is not a positive finite number.
    """
    size = a.shape[0]
    for i in range(size):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= a[i, k] * a[j, k]
            if i == j:
                if not (total > 0.0 and total < np.inf):
                    return False
                a[i, i] = math.sqrt(total)
            else:
                a[i, j] = total / a[j, j]
        for j in range(i + 1, size):
            a[i, j] = 0.0
    return True


@lent
def solve_lower(low, b):
    """Overwrite b (k, m) with low⁻¹ b, low (k, k) lower triangular."""
    for i in range(low.shape[0]):
        for c in range(b.shape[1]):
            total = b[i, c]
            for k in range(i):
                total -= low[i, k] * b[k, c]
            b[i, c] = total / low[i, i]


@lent
def solve_lower_transposed(low, b):
    """Overwrite b (k, m) with low'⁻¹ b, low (k, k) lower triangular."""
    size = low.shape[0]
    for i in range(size - 1, -1, -1):
        for c in range(b.shape[1]):
            total = b[i, c]
            for k in range(i + 1, size):
                total -= low[k, i] * b[k, c]
            b[i, c] = total / low[i, i]
