r"""−∂²ℓ by the weights of classes of cells, along directions in which these move.

With D_j = (M_j,ZZ + Γ⁻¹)⁻¹, C_j = [−K_j; I], K_j = D_jM_j,Z·, Ω the mean of (−γ, 1)(−γ, 1)' over
σ², and Ṁ_jt the change of M_j along the t-th direction,

    S_t   = Σ_j C_j'Ṁ_jtC_j,            G_jt = (Ṁ_jtC_j)_Z
    2∂²   = Σ_j [ tr E_jM̈_jts − tr D_jṀ_jtD_jṀ_js − 2 tr ΩG_jt'D_jG_js ] + outer(S_t, S_s)

where outer is the curvature of N log|S| − (N − 1) log|S_XX| itself (with N rows of ML
−N log|S_XX|).  An entry e of λ moves λ'M_jλ and λ'M_j· in the same formulas, with
A_j = I + λ'M_j,ZZλ, κ_j = A_j⁻¹λ'M_j,Z· and h_j = (M_jC_j)_Z.
"""

from __future__ import annotations

from hierbayes.compilation import inner, lent
from hierbayes.compiled_arrays import room_for, zeros_of


@inner
def directions(changed, half, turned, root, mean, rows, columns, second):
    """Add −∂²ℓ (n, n) but for what is outer and of λ alone.

    The directions are the entries of λ at ``rows`` and ``columns``, then those along which M_j
    moves by Ṁ_j, of which the rows of Z are ``changed`` (J, k, q, d).
    """
    J, k, q, d = changed.shape
    m, own = d - q, len(rows)
    D, K, h, kappa = room_for((q, q)), room_for((q, m)), room_for((q, m)), room_for((q, m))
    A, low, turn = room_for((q, q)), room_for((q, q)), room_for((q, q))  # λA⁻¹, λ'D̂, ΓD̂
    G, GO, DGO = room_for((k, q, m)), room_for((q, m)), room_for((k, q, m))
    DM, parts = room_for((k, q, q)), room_for((6, q, q))
    LE, hO, kO = room_for((d, q)), room_for((q, m)), room_for((q, m))
    for j in range(J):
        moved = changed[j]
        _group(j, half, turned, root, D, K, h, kappa, A, low, turn)
        if own and k:
            _from_left(h, mean, hO)
            _from_left(kappa, mean, kO)
            for i in range(q):
                for c in range(q):
                    total = A[i, c]
                    for a in range(m):
                        total += K[i, a] * kO[c, a]
                    LE[i, c] = total
            for a in range(m):
                for c in range(q):
                    LE[q + a, c] = -kO[c, a]
        for t in range(k):
            _find_changes(moved[t], K, G[t])
            _from_left(G[t], mean, GO)
            _from_left(D, GO, DGO[t])
            for i in range(q):
                for c in range(q):
                    total = 0.0
                    for e in range(q):
                        total += D[i, e] * moved[t, e, c]
                    DM[t, i, c] = total
            for s in range(t + 1):
                total = 0.0
                for i in range(q):
                    for c in range(q):
                        total += 0.5 * DM[t, i, c] * DM[s, c, i]
                    for a in range(m):
                        total += DGO[t, i, a] * G[s, i, a]
                second[own + t, own + s] -= total
            if own:
                _mixed(moved[t], G[t], A, turn, LE, hO, kO, parts)
                for e in range(own):
                    i, c = rows[e], columns[e]
                    second[own + t, e] += (
                        parts[0, i, c] - parts[1, c, i] - parts[2, i, c] + parts[3, c, i]
                    )


@inner
def add_outer(S, low, F, gamma, freedom, integrated, own, second):
    """Add the curvature by S itself, but for that of two of the ``own`` entries of λ.

    ``low`` (m, m) is the factor of S, and FF' = S_XX⁻¹, F an upper triangle.
    """
    n, m = len(S), len(low)
    p = m - 1
    B, work, G = zeros_of((n, m, m)), room_for((m, m)), zeros_of((m, m))  # G = low⁻'
    for a in range(p):
        for i in range(a, p):
            G[a, i] = F[a, i]
        G[a, p] = -gamma[a] / low[p, p]
    G[p, p] = 1.0 / low[p, p]
    for t in range(n):
        _turn(S[t], G, work, B[t])
        for s in range(t + 1 if t >= own else 0):
            total = freedom * B[t, p, p] * B[s, p, p]
            for i in range(p):
                total += 2.0 * freedom * B[t, p, i] * B[s, p, i]
                total += integrated * B[t, i, i] * B[s, i, i]
                for c in range(i):
                    total += 2.0 * integrated * B[t, i, c] * B[s, i, c]
            second[t, s] -= 0.5 * total


@lent
def _turn(S, G, work, B):
    """Add G'SG (m, m) of an upper triangle G; ``work`` is written.

    No sum waits for another: the innermost loops are over columns.
    """
    m = len(S)
    for a in range(m):
        for i in range(m):
            work[a, i] = 0.0
        for b in range(m):
            for i in range(b, m):
                work[a, i] += S[a, b] * G[b, i]
    for a in range(m):
        for i in range(a, m):
            for c in range(m):
                B[i, c] += G[a, i] * work[a, c]


@lent
def _group(j, half, turned, root, D, K, h, kappa, A, low, turn):
    """D_j, K_j, h_j, κ_j, λA_j⁻¹, λ'D̂ and ΓD̂ of D̂ = Z'(V/σ²)⁻¹Z."""
    r, q, m = half.shape[1], half.shape[2], turned.shape[2]
    for i in range(q):
        for c in range(m):
            total = 0.0
            for a in range(r):
                total += half[j, a, i] * turned[j, a, c]
            h[i, c] = total
        for c in range(q):
            total = 0.0
            for a in range(r):
                total += half[j, a, i] * half[j, a, c]
            D[i, c] = total  # D̂ for now
    for i in range(q):
        for c in range(m):
            total = 0.0
            for e in range(q):
                total += root[e, i] * h[e, c]
            kappa[i, c] = total
        for c in range(q):
            total = 0.0
            for e in range(q):
                total += root[e, i] * D[e, c]
            low[i, c] = total
    _from_left(root, kappa, K)
    _from_left(root, low, turn)
    for i in range(q):
        for c in range(q):
            total = root[i, c]
            for e in range(q):
                total -= turn[i, e] * root[e, c]
            A[i, c] = total
    _times_transposed(A, root, D)


@lent
def _find_changes(moved, K, G):
    """G = (ṀC)_Z."""
    q, m = K.shape
    for i in range(q):
        for a in range(m):
            total = moved[i, q + a]
            for e in range(q):
                total -= moved[i, e] * K[e, a]
            G[i, a] = total


@lent
def _mixed(moved, G, A, turn, LE, hO, kO, parts):
    """What entries of λ and one direction have together, as four matrices (q, q) and two more."""
    q, m = G.shape
    d = q + m
    for i in range(q):
        for e in range(q):
            of_h, of_k = 0.0, 0.0
            for a in range(m):
                of_h += hO[i, a] * G[e, a]
                of_k += kO[i, a] * G[e, a]
            parts[4, i, e], parts[5, i, e] = of_h, of_k
    for i in range(q):
        for c in range(q):
            total, of_h, of_k = 0.0, 0.0, 0.0
            for a in range(d):
                total += moved[i, a] * LE[a, c]
            parts[0, i, c] = total
            total = 0.0
            for e in range(q):
                for f in range(q):
                    total += A[e, i] * moved[e, f] * turn[f, c]
            parts[1, i, c] = total
            for e in range(q):
                of_h += parts[4, i, e] * A[e, c]
                of_k += parts[5, i, e] * turn[e, c]
            parts[2, i, c] = of_h
            parts[3, i, c] = of_k


@lent
def _times_transposed(a, b, out):
    """Write ab' of a (q, m) and b (m, m)."""
    q, m = a.shape
    for i in range(q):
        for c in range(m):
            total = 0.0
            for e in range(m):
                total += a[i, e] * b[c, e]
            out[i, c] = total


@lent
def _from_left(a, b, out):
    """Write ab of small matrices; no sum waits for another."""
    for i in range(a.shape[0]):
        for c in range(b.shape[1]):
            out[i, c] = 0.0
        for e in range(a.shape[1]):
            for c in range(b.shape[1]):
                out[i, c] += a[i, e] * b[e, c]
