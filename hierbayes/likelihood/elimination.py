r"""Every u_j integrated out, group by group, and what a group says of G.

With Z_j = Q_jR_j, T_j = Q_j'[X_j y_j] and a relative root λ, all that follows has the small
matrices N_j = I + (R_jλ)(R_jλ)' = Q_j'(V_j/σ²)Q_j for the large V_j.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.likelihood.triangular import cholesky_in_place


@compiled(error_model="numpy")
def reduce_groups(root, R, T, W):
    """Σ_j log|N_j|, S (p+1, p+1), every N_j^-½R_j (J, r, q) and N_j^-½T_j (J, r, p+1).

    N_j = I + (R_jλ)(R_jλ)' at the relative root λ.  The log determinant is nan when some N_j
    cannot be factored.
    """
    J, r, m = T.shape
    q = R.shape[2]
    S = W.copy()
    half, turned = room_for((J, r, q)), room_for((J, r, m))
    work, N = room_for((r, root.shape[1])), room_for((r, r))
    log_det = 0.0
    for j in range(J):
        for i in range(r):
            for k in range(root.shape[1]):
                total = 0.0
                for h in range(q):
                    total += R[j, i, h] * root[h, k]
                work[i, k] = total
            for k in range(i + 1):
                total = 1.0 if i == k else 0.0
                for h in range(root.shape[1]):
                    total += work[i, h] * work[k, h]
                N[i, k] = total
        if not cholesky_in_place(N):
            log_det = np.nan
            break
        det = 1.0
        for i in range(r):
            det *= N[i, i]
            for c in range(q):
                total = R[j, i, c]
                for k in range(i):
                    total -= N[i, k] * half[j, k, c]
                half[j, i, c] = total / N[i, i]
            for c in range(m):
                total = T[j, i, c]
                for k in range(i):
                    total -= N[i, k] * turned[j, k, c]
                turned[j, i, c] = total / N[i, i]
                for d in range(c + 1):
                    S[c, d] += turned[j, i, c] * turned[j, i, d]
        log_det += 2.0 * math.log(det)
    for c in range(m):
        for d in range(c):
            S[d, c] = S[c, d]
    return log_det, S, half, turned


@inner
def group_score_parts(j, half, turned, gamma, F, sigma, vE):
    """What a group says of γ and u: [v_j/σ, E_jF] (q, 1+k), written over.

    v_j = Z_j'(V_j/σ²)⁻¹(y_j − X_jγ), E_j = Z_j'(V_j/σ²)⁻¹X_j, F (p, k).
    """
    r, q = half.shape[1], half.shape[2]
    p, columns = turned.shape[2] - 1, F.shape[1]
    for i in range(q):
        for c in range(columns + 1):
            vE[i, c] = 0.0
    for k in range(r):
        total = turned[j, k, p]
        for d in range(p):
            total -= turned[j, k, d] * gamma[d]
        for i in range(q):
            vE[i, 0] += half[j, k, i] * total / sigma
        for c in range(columns):
            total = 0.0
            for d in range(p):
                total += turned[j, k, d] * F[d, c]
            for i in range(q):
                vE[i, c + 1] += half[j, k, i] * total


@compiled(error_model="numpy")
def group_score(half, turned, gamma, precision_factor, sigma):
    r"""∂ log p / ∂(λλ') = ½ Σ_j [ v_jv_j'/σ² − D_j + E_jQ⁻¹E_j' ], a (q, q) matrix.

    v_j and E_j are those of `group_score_parts`, D_j = Z_j'(V_j/σ²)⁻¹Z_j; ``precision_factor``
    (p, k) is any F with FF' = Q⁻¹ (k = 0: γ not integrated).
    """
    J, r, q = half.shape
    columns = precision_factor.shape[1] + 1
    score = zeros_of((q, q))
    vE = room_for((q, columns))
    for j in range(J):
        group_score_parts(j, half, turned, gamma, precision_factor, sigma, vE)
        for i in range(q):
            for k in range(i + 1):
                total = 0.0
                for h in range(r):
                    total -= half[j, h, i] * half[j, h, k]
                for c in range(columns):
                    total += vE[i, c] * vE[k, c]
                score[i, k] += 0.5 * total
    for i in range(q):
        for k in range(i):
            score[k, i] = score[i, k]
    return score
