r"""Sums over groups at weights of classes of cells: all that ℓ and its slopes need, in one pass.

With F_j = [Z_j X_j y_j], M_j = F_j'R_j⁻¹F_j and V_j = R_j + Z_jΓZ_j', P_j = F_j'V_j⁻¹F_j has the
parts D̂_j of Z, h_j between Z and [X y], and S_j of [X y].  Where M_j moves by Ṁ_j along t,

    S = Σ_j S_j,      ∂ℓ/∂Γ = ½ Σ_j (h_jΩh_j' − D̂_j),      Ω the mean of (−γ, 1)(−γ, 1)' over σ²
    −2 ∂ℓ/∂t = Σ_j [ tr ΩC_j'Ṁ_jC_j + tr D_jṀ_j,ZZ ],      C_j = [−Γh_j; I],  D_j = Γ − ΓD̂_jΓ

so that what is summed depends neither on γ nor on σ, which are known at the end.  With
M_j = [R_j T_j]'[R_j T_j] + W_j and N_j = I + (R_jλ)(R_jλ)', P_j = [R_j T_j]'N_j⁻¹[R_j T_j] + W_j:
small errors beside large effects keep their digits.

The matrices of a block of groups stand side by side, (rows, columns, groups): the innermost of all
loops is over groups, several at once, and what is made of a block stays at hand.
"""

from __future__ import annotations

import math

from hierbayes.compilation import inner, lent
from hierbayes.compiled_arrays import room_for
from hierbayes.design.group_cholesky import DEPENDENT
from hierbayes.likelihood.side_by_side import sums
from hierbayes.likelihood.structured_cells import (
    add_weighted,
    keep_changes,
    put_triangles_side_by_side,
)

_NUMBERS = 2048  # of matrices of a block
_FEWEST = 24  # groups of it


@inner
def sums_of_groups(
    cells, groups, class_of, changes, Gamma, root, R, T, half, turned, changed, keeps, W, S, D,
    H, moved, own, traces,
):  # fmt: skip
    """Σ_j log|N_j|; added are S and W = Σ W_j, D = Σ D̂_j and H = Σ h_j ⊗ h_j (q, q, m, m).

    Of cells there are `upper_triangles`.  S and W are upper triangles, D a lower one, as H by its
    first two.  The ``changes`` (1 + k, K) are the weights and, after them, their slopes along k
    directions: of these Σ C_j'Ṁ_jC_j, upper, is added to ``moved`` after its first ``own``, and
    Σ tr D_jṀ_j,ZZ to ``traces`` (k,).  R_j (J, q, q) and T_j (J, q, m) are written, and if it
    ``keeps`` them N_j^-½R_j and N_j^-½T_j, the same shapes, and the rows of Z of every Ṁ_j
    (J, k, q, d).
    """
    J, q, m = T.shape
    d, k, numbers = q + m, len(traces), cells.shape[1]
    size = groups_at_once(J, d)
    flat, M = room_for((size, 1 + k, numbers)), room_for((1 + k, d, d, size))
    P, least, scale = room_for((q + d, q + d, size)), room_for((q, size)), room_for(size)
    turn, V = room_for((q, q, size)), room_for((q, q, size))
    C, G = room_for((q, d, size)), room_for((q, m, size))
    log_det, c = 0.0, 0
    for j in range(0, J, size):
        many = size if j + size <= J else J - j
        c = add_weighted(cells, groups, class_of, changes, j, many, c, flat)
        put_triangles_side_by_side(flat, many, M)
        for i in range(q):
            for g in range(many):
                least[i, g] = DEPENDENT * M[0, i, i, g]
        _eliminate(M[0], q, many, least, scale)
        _keep(M[0], 0, j, many, R, T)
        _relate(M[0], root, many, turn, P)
        for i in range(q):
            for g in range(many):
                least[i, g] = 0.0
        _eliminate(P, q, many, least, scale)
        if keeps:
            _keep(P, q, j, many, half, turned)
            keep_changes(flat, j, many, changed)
        log_det += _add_parts(M[0], P, q, many, W, S, D, H)
        _find_means(P, Gamma, many, V, C)
        for t in range(k):
            traces[t] += _add_along(M[1 + t], many, V, C, G, moved[own + t])
    return log_det


@lent
def groups_at_once(J, d):
    """Groups of a block, of J with matrices (d, d)."""
    size = _NUMBERS // (d * d) if _FEWEST * d * d < _NUMBERS else _FEWEST
    return size if size < J else J


@lent
def _eliminate(P, pivots, many, least, scale):
    """Cholesky rows of so many pivots over upper triangles, and what these leave of the others.

    A pivot that is no more than ``least`` has a row of zeros.
    """
    d = P.shape[0]
    for k in range(pivots):
        for g in range(many):
            pivot = P[k, k, g]
            scale[g] = 0.0 if pivot <= least[k, g] else 1.0 / math.sqrt(pivot)
        for a in range(k, d):
            for g in range(many):
                P[k, a, g] *= scale[g]
        for a in range(k + 1, d):
            for b in range(a, d):
                for g in range(many):
                    P[a, b, g] -= P[k, a, g] * P[k, b, g]


@lent
def _keep(P, after, j, many, left, right):
    """Copy what is ``after`` so many columns: (q, q), upper where it is none, and (q, m) beside."""
    q, m = right.shape[1], right.shape[2]
    for k in range(q):
        for a in range(0 if after else k, q):
            for g in range(many):
                left[j + g, k, a] = P[k, after + a, g]
        for a in range(m):
            for g in range(many):
                right[j + g, k, a] = P[k, after + q + a, g]


@lent
def _relate(M, root, many, turn, P):
    """Write [N R T; · 0 0; · · −W], of which elimination of N leaves −[D̂ h; · S]."""
    q, d = len(root), M.shape[0]
    for i in range(q):
        for k in range(q):
            for g in range(many):
                turn[i, k, g] = 0.0
            for h in range(i, q):
                for g in range(many):
                    turn[i, k, g] += M[i, h, g] * root[h, k]
        for k in range(i + 1):
            for g in range(many):
                P[k, i, g] = 1.0 if i == k else 0.0
            for h in range(q):
                for g in range(many):
                    P[k, i, g] += turn[i, h, g] * turn[k, h, g]
    for a in range(d):
        for i in range(q):
            for g in range(many):
                P[i, q + a, g] = M[i, a, g] if i <= a else 0.0
        for b in range(a, d):
            for g in range(many):
                P[q + a, q + b, g] = 0.0 if a < q else -M[a, b, g]


@sums
def _add_parts(M, P, q, many, W, S, D, H):
    """Add W_j, S_j, D̂_j and h_j ⊗ h_j of −[D̂ h; · S]; returns Σ log|N_j|."""
    m, log_det = len(S), 0.0
    for a in range(m):
        for b in range(a, m):
            outside, whole = 0.0, 0.0
            for g in range(many):
                outside += M[q + a, q + b, g]
                whole -= P[2 * q + a, 2 * q + b, g]
            W[a, b] += outside
            S[a, b] += whole
    for i in range(q):
        for k in range(i + 1):
            total = 0.0
            for g in range(many):
                total -= P[q + k, q + i, g]
            D[i, k] += total
            for a in range(m):
                for b in range(m):
                    total = 0.0
                    for g in range(many):
                        total += P[q + i, 2 * q + a, g] * P[q + k, 2 * q + b, g]
                    H[i, k, a, b] += total
    for g in range(many):
        det = 1.0
        for i in range(q):
            det *= P[i, i, g]
        log_det += 2.0 * math.log(det)
    return log_det


@lent
def _find_means(P, Gamma, many, V, C):
    """Write D_j = Γ − ΓD̂_jΓ, lower, and −Γ[D̂_j h_j], of −[D̂ h; · S]."""
    q, d = C.shape[0], C.shape[1]
    for i in range(q):
        for a in range(d):
            for g in range(many):
                C[i, a, g] = 0.0
            for e in range(q):
                k, h = (e, a) if e <= a else (a, e)
                for g in range(many):
                    C[i, a, g] += Gamma[i, e] * P[q + k, q + h, g]
        for k in range(i + 1):
            for g in range(many):
                V[i, k, g] = Gamma[i, k]
            for e in range(q):
                for g in range(many):
                    V[i, k, g] += C[i, e, g] * Gamma[e, k]


@sums
def _add_along(M, many, V, C, G, along):
    """Add C_j'MC_j to an upper triangle, −Γh_j last in C; returns Σ tr D_jM_ZZ.  G is written."""
    q, m = G.shape[0], G.shape[1]
    trace = 0.0
    for i in range(q):
        for e in range(i + 1):
            share = 1.0 if i == e else 2.0
            for g in range(many):
                trace += share * V[i, e, g] * M[e, i, g]
        for a in range(m):
            for g in range(many):
                G[i, a, g] = M[i, q + a, g]
            for e in range(q):
                k, h = (i, e) if i <= e else (e, i)
                for g in range(many):
                    G[i, a, g] += M[k, h, g] * C[e, q + a, g]
    for a in range(m):
        for b in range(a, m):
            total = 0.0
            for g in range(many):
                total += M[q + a, q + b, g]
            for e in range(q):
                for g in range(many):
                    total += M[e, q + a, g] * C[e, q + b, g] + C[e, q + a, g] * G[e, b, g]
            along[a, b] += total
    return trace
