"""How an approximate log-likelihood bends, each coordinate in its own scale."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dsyevd

from hierbayes.compilation import compiled
from hierbayes.frames.arrays import Floats


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
    size, scaled = np.empty(len(hessian)), np.empty(hessian.shape)
    _write_scaled(np.ascontiguousarray(hessian), size, scaled)
    values, vectors, failed = dsyevd(scaled, lower=1)
    if failed:
        raise np.linalg.LinAlgError("the eigenvalues of a Hessian did not converge")
    return Axes(size, values, vectors)


def size_of(hessian: Floats) -> Floats:
    """Of the curvature of each coordinate the root (h,); the diagonal of a Hessian is read."""
    size = np.empty(len(hessian))
    _write_scaled(hessian, size, _NOTHING)
    return size


def covariance_of(axes: Axes, flat: float) -> tuple[Floats, int]:
    """The inverse of −hessian (h, h), and how many directions it leaves out: those of less bend."""
    covariance = np.empty(axes.vectors.shape)
    others: int = _write_inverse(*axes, flat, covariance)
    return covariance, others


_NOTHING = np.empty((0, 0))


@compiled(error_model="numpy", short_loops=True)
def _write_scaled(hessian: Floats, size: Floats, scaled: Floats) -> None:
    """The roots of curvatures (h,), and −hessian in units of them, over (h, h) or nothing."""
    for c in range(size.shape[0]):
        size[c] = math.sqrt(max(abs(hessian[c, c]), 1e-300))
    for r in range(scaled.shape[0]):
        for c in range(scaled.shape[0]):
            scaled[r, c] = -hessian[r, c] / (size[r] * size[c])


@compiled(error_model="numpy", short_loops=True)
def _write_inverse(
    size: Floats, values: Floats, vectors: Floats, flat: float, inverse: Floats
) -> int:
    """Σ vv'/λ of eigenvalues λ not below ``flat``, in units of 1/size; how many are below."""
    h, others = size.shape[0], 0
    for i in range(h):
        if values[i] < flat:
            others += 1
    for r in range(h):
        for c in range(r + 1):
            total = 0.0
            for i in range(others, h):
                total += vectors[r, i] * vectors[c, i] / values[i]
            inverse[r, c] = inverse[c, r] = total / (size[r] * size[c])
    return others
