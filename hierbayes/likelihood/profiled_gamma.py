"""γ̂ and what is left of y, from [X y]'(V/σ²)⁻¹[X y]."""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.triangular import cholesky_in_place


@compiled(error_model="numpy", short_loops=True)
def solved(S: Floats) -> tuple[Floats, float, Floats, float]:
    """γ̂ (p,), r, F (p, p) with FF' = S_XX⁻¹, log|S_XX|; r is nan where S is not definite.

    Parameters
    ----------
    S : (p+1, p+1) float
        Symmetric.

    Examples
    --------
    >>> gamma, r, F, log_det = solved(np.array([[4.0, 2.0], [2.0, 10.0]]))
    >>> gamma, r, F, round(log_det, 4)
    (array([0.5]), 3.0, array([[0.5]]), 1.3863)
    """
    p = S.shape[0] - 1
    low = room_for(S.shape)
    for i in range(p + 1):
        for j in range(p + 1):
            low[i, j] = S[i, j]
    if not cholesky_in_place(low):  # the factor of S_XX, and r last
        return zeros_of(p), np.nan, zeros_of((p, p)), np.nan
    F, gamma, log_det = of_factor(low)
    return gamma, low[p, p], F, log_det


@inner
def of_factor(low: Floats) -> tuple[Floats, Floats, float]:
    """F (p, p) with FF' = S_XX⁻¹, γ̂ and log|S_XX| from the factor of S (p+1, p+1)."""
    p = low.shape[0] - 1
    F, gamma, log_det = zeros_of((p, p)), zeros_of(p), 0.0
    for c in range(p):  # F' is the inverse of the factor
        F[c, c] = 1.0 / low[c, c]
        for i in range(c + 1, p):
            total = 0.0
            for k in range(c, i):
                total -= low[i, k] * F[c, k]
            F[c, i] = total / low[i, i]
        log_det += 2.0 * math.log(low[c, c])
        for i in range(c, p):
            gamma[c] += F[c, i] * low[p, i]
    return F, gamma, log_det
