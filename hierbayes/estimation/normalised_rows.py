r"""Kernels of the unconstrained coordinates of correlation matrices.

Row i of the Cholesky factor L of an n × n correlation matrix is the vector
(z_i1, …, z_i,i−1, 1) divided by its length, so any z in R^{n(n−1)/2} makes a valid L.
What is wanted beside L is a sum Σ_i (w + v i) log L_ii over its rows i = 0, 1, …: the
density LKJ is one, and so is the volume of the map, with w = 2 and v = 1.
"""

from __future__ import annotations

import math

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import zeros_of


@inner
def fill_rows(z, start, first, size, w, v, root):
    """L of z[start:], written into the block of ``root`` at ``first``; Σ_i (w + v i) log L_ii."""
    total = 0.0
    for i in range(size):
        square = 1.0
        for k in range(i):
            square += z[start + k] * z[start + k]
        length = math.sqrt(square)
        for k in range(i):
            root[first + i, first + k] = z[start + k] / length
        root[first + i, first + i] = 1.0 / length
        if i > 0:
            total -= 0.5 * (w + v * i) * math.log(square)
        start += i
    return total


@inner
def pull_rows(z, start, first, size, w, v, d_root, d_z):
    """∂/∂z of that sum and of a function with derivatives d_root in L, added to d_z[start:]."""
    for i in range(size):
        square = 1.0
        for k in range(i):
            square += z[start + k] * z[start + k]
        length = math.sqrt(square)
        along = d_root[first + i, first + i]  # d_root_i · (z_i, 1)
        for k in range(i):
            along += d_root[first + i, first + k] * z[start + k]
        along = along / (length * square) + (w + v * i) / square
        for k in range(i):
            d_z[start + k] += d_root[first + i, first + k] / length - along * z[start + k]
        start += i


@compiled()
def correlation_root(z, n):
    """L (n, n) and the log volume of the map, from z (n(n−1)/2,)."""
    root = zeros_of((n, n))
    log_volume = fill_rows(z, 0, 0, n, 2.0, 1.0, root)
    return root, log_volume


@compiled()
def correlation_root_pullback(z, d_root, d_volume):
    """∂/∂z of a function with derivatives d_root (n, n) in L and d_volume in the log volume."""
    d_z = zeros_of(z.shape[0])
    pull_rows(z, 0, 0, d_root.shape[0], 2.0 * d_volume, d_volume, d_root, d_z)
    return d_z
