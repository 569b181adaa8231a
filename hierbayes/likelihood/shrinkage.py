"""The shrinkage from a group's BLUE to its BLUP, Λ_j = K_jA_j, at many θ.

Λ_j = G(G + σ²A_j⁻¹)⁻¹ exists even where A_j is singular and the BLUE does not.
"""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import zeros_of
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.conditional_roots import conditional_roots


def shrinkage_of_group(roots: Floats, A: Floats, T: Floats) -> Floats:
    """Λ_j (..., q, q) of one group, A (q, q), at relative roots λ (..., q, q), T (q, q) = T_z."""
    half = np.swapaxes(roots, -1, -2) @ A
    inner = np.eye(len(A)) + half @ roots
    internal = roots @ np.linalg.solve(inner, half)  # K_jA_j = λ(I + λ'A_jλ)⁻¹λ'A_j
    factors: Floats = T @ internal @ np.linalg.inv(T)
    return factors


@compiled()
def shrinkage_moments(
    roots: Floats, A: Floats, T: Floats, T_inverse: Floats
) -> tuple[Floats, Floats]:
    """Mean and sd over M draws λ (M, q, q) of Λ_j = T K_jA_j T⁻¹, both (J, q, q)."""
    M = len(roots)
    J, q = A.shape[0], A.shape[1]
    total = zeros_of((J, q, q))
    square = zeros_of((J, q, q))
    for i in range(M):
        R = conditional_roots(roots[i], A)
        for j in range(J):
            K = R[j].T @ R[j]
            user = T @ (K @ A[j]) @ T_inverse
            total[j] += user
            square[j] += user * user
    mean = total / M
    spread = np.sqrt(np.maximum(square / M - mean * mean, 0.0) * M / max(M - 1, 1))
    return mean, spread
