r"""The conditional covariance of the random effects, σ²K_j, as a root of K_j.

    K_j = λ M_j⁻¹ λ',     M_j = I + λ'A_jλ = CC',     K_j = R_j'R_j with R_j = C⁻¹λ'

at a relative root λ, so that K_j keeps its digits where λ is singular or large.
"""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.triangular import cholesky_in_place, solve_lower


@compiled(error_model="numpy")
def conditional_roots(root: Floats, A: Floats) -> Floats:
    """R_j (J, k, q) with K_j = R_j'R_j at λ (q, k), A (J, q, q); nan where M_j has no root."""
    J, q = A.shape[0], A.shape[1]
    size = root.shape[1]
    roots = room_for((J, size, q))
    half, M, low = room_for((q, size)), room_for((size, size)), room_for((size, q))
    for j in range(J):
        for i in range(q):
            for k in range(size):
                total = 0.0
                for h in range(q):
                    total += A[j, i, h] * root[h, k]
                half[i, k] = total
        for i in range(size):
            for k in range(i + 1):
                total = 1.0 if i == k else 0.0
                for h in range(q):
                    total += root[h, i] * half[h, k]
                M[i, k] = total
            for h in range(q):
                low[i, h] = root[h, i]
        found = cholesky_in_place(M)
        if found:
            solve_lower(M, low)
        for i in range(size):
            for h in range(q):
                roots[j, i, h] = low[i, h] if found else np.nan
    return roots
