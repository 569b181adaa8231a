"""How an approximate log-likelihood bends, each coordinate in its own scale."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.triangular import cholesky_in_place


class Axes(NamedTuple):
    """How −ℓ bends, each coordinate in its own scale.

    Parameters
    ----------
    size : (h,) float
        Of the curvature of each coordinate the root: one over its scale.
    values, vectors : (h,), (h, h) float
        Eigenvalues of the Hessian in these scales, the least first, and their vectors.
    """

    size: Floats
    values: Floats
    vectors: Floats


def axes_of(hessian: Floats) -> Axes:
    """Those of a Hessian of ℓ (h, h)."""
    size = size_of(hessian)
    return Axes(size, *np.linalg.eigh(-hessian / (size[:, None] * size)))


def size_of(hessian: Floats) -> Floats:
    """Of the curvature of each coordinate the root (h,); the diagonal of a Hessian is read."""
    size = np.empty(len(hessian))
    _write_size(hessian, size)
    return size


def inverse_of(hessian: Floats) -> tuple[Floats, float]:
    """−hessian⁻¹ (h, h), and what the least eigenvalue in the scales of `Axes` is at least.

    The trace of the inverse is no less than one over that eigenvalue, and no more than h times.
    0 where −hessian is not positive definite, and then there is no inverse.
    """
    inverse = np.empty(hessian.shape)
    return inverse, _write_inverse(hessian, inverse)


@compiled(error_model="numpy", short_loops=True)
def _write_size(hessian: Floats, size: Floats) -> None:
    """`size_of`, written over."""
    for c in range(size.shape[0]):
        size[c] = math.sqrt(max(abs(hessian[c, c]), 1e-300))


@compiled(error_model="numpy", short_loops=True)
def _write_inverse(hessian: Floats, inverse: Floats) -> float:
    """`inverse_of`, written over: WᵀW with the inverse W of the root of −hessian in scales."""
    h, squares = hessian.shape[0], 0.0
    size, root, W = room_for(h), room_for((h, h)), room_for((h, h))
    for r in range(h):
        size[r] = math.sqrt(max(abs(hessian[r, r]), 1e-300))
        for c in range(r + 1):
            root[r, c] = -hessian[r, c] / (size[r] * size[c])
    if not cholesky_in_place(root):
        return 0.0
    for c in range(h):
        for r in range(c, h):
            rest = 1.0 if r == c else 0.0
            for k in range(c, r):
                rest -= root[r, k] * W[k, c]
            W[r, c] = rest / root[r, r]
            squares += W[r, c] * W[r, c]
    for r in range(h):
        for c in range(r + 1):
            total = 0.0
            for k in range(r, h):
                total += W[k, r] * W[k, c]
            inverse[r, c] = inverse[c, r] = total / (size[r] * size[c])
    return 1.0 / squares
