r"""Score and average information of Γ, of several factors, compiled as one pass.

The score is that of `selected_inverse`.  For the average information:

With v = Z'(V/σ²)⁻¹(y − Xγ), a direction E_i of Γ = ΛΛ' that has ones at an entry of one factor and
at its mirror image, and w_i = E_i v,

    a_i = v'w_i,   b_ij = w_i'Z'Zw_j − h_i'h_j − t_i't_j,
    h_i = L⁻¹Λ'Z'Zw_i,   t_i = F'X'Zw_i − (L⁻¹Λ'Z'XF)'h_i,   FF' = S_XX⁻¹

The rows of W in the factor of Ω are (L⁻¹Λ'Z'W)' already.
"""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled, inner, lent
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.elimination import (
    COLUMN,
    COLUMN_PLACE,
    DIAGONAL,
    PRODUCTS,
    ROW,
    ROW_PLACE,
)  # fmt: skip
from hierbayes.likelihood.selected_inverse import root_gradient, selected_inverse
from hierbayes.likelihood.sparse_solves import (
    multiply,
    solve_backward,
    solve_forward,
    times_rows_of_W,
)


@inner
def _turn(root, e, transposed, columns):
    """Λ columns or Λ' columns (m, k), over them."""
    k, hold = columns.shape[1], room_for((root.shape[0], columns.shape[1]))
    for b in range(e.blocks.shape[0]):
        factor, at = e.blocks[b, ROW], e.blocks[b, ROW_PLACE]
        if factor < 0 or e.blocks[b, DIAGONAL] == 0:
            continue
        q, o = e.q[factor], e.start[factor]
        for i in range(q):
            for c in range(k):
                hold[i, c] = columns[at + i, c]
                columns[at + i, c] = 0.0
        for i in range(q):
            for h in range(q):
                entry = root[o + h, o + i] if transposed else root[o + i, o + h]
                for c in range(k):
                    columns[at + i, c] += entry * hold[h, c]


@inner
def _pull(root, e, omega, gamma, u, v):
    """v = Z'(V/σ²)⁻¹(y − Xγ) = Z'(y − Xγ) − Z'ZΛ L'⁻¹u (m, 1), from u = L⁻¹Λ'Z'(y − Xγ)."""
    p1 = e.C.shape[0]
    solve_backward(e, omega, u)
    _turn(root, e, np.bool_(False), u)
    multiply(e, u, v, room_for((p1, 1)))
    for b in range(e.blocks.shape[0]):
        if e.blocks[b, ROW] >= 0:
            continue
        o, at = e.blocks[b, PRODUCTS], e.blocks[b, COLUMN_PLACE]
        for h in range(e.q[e.blocks[b, COLUMN]]):
            total = e.products[o + h * p1 + p1 - 1]
            for c in range(p1 - 1):
                total -= gamma[c] * e.products[o + h * p1 + c]
            v[at + h, 0] = total - v[at + h, 0]


@lent
def _along(e, v, rows, columns, w):
    """w (m, k): E_i v of the entries of Γ at ``rows`` and ``columns``."""
    for i in range(w.shape[0]):
        for c in range(w.shape[1]):
            w[i, c] = 0.0
    for b in range(e.blocks.shape[0]):
        factor, at = e.blocks[b, ROW], e.blocks[b, ROW_PLACE]
        if factor < 0 or e.blocks[b, DIAGONAL] == 0:
            continue
        o, q = e.start[factor], e.q[factor]
        for c in range(rows.shape[0]):
            i, j = rows[c] - o, columns[c] - o
            if 0 <= i < q:
                w[at + i, c] += v[at + j, 0]
                if i != j:
                    w[at + j, c] += v[at + i, 0]


@inner
def weights_of_W(gamma, F, sigma, integrated):
    """N (p+1, p+1): ww'/σ² + FF', w = (−γ, 1), the second where γ is integrated out."""
    p = gamma.shape[0]
    N = room_for((p + 1, p + 1))
    for c in range(p + 1):
        for d in range(c + 1):
            left = 1.0 if c == p else -gamma[c]
            total = left * (1.0 if d == p else -gamma[d]) / (sigma * sigma)
            if integrated and c < p:
                for h in range(p):
                    total += F[c, h] * F[d, h]
            N[c, d] = N[d, c] = total
    return N


@inner
def _solve_transposed(root, start, q, right):
    """X (q, q) with λ_k'X = ``right``, over it, λ_k the diagonal block of ``root`` there."""
    A = room_for((q, q))
    for i in range(q):
        for j in range(q):
            A[i, j] = root[start + j, start + i]
    for k in range(q):
        best = k
        for i in range(k + 1, q):
            if abs(A[i, k]) > abs(A[best, k]):
                best = i
        for c in range(q):
            A[k, c], A[best, c] = A[best, c], A[k, c]
            right[k, c], right[best, c] = right[best, c], right[k, c]
        for i in range(k + 1, q):
            ratio = A[i, k] / A[k, k]
            for c in range(q):
                A[i, c] -= ratio * A[k, c]
                right[i, c] -= ratio * right[k, c]
    for c in range(q):
        for i in range(q - 1, -1, -1):
            for j in range(i + 1, q):
                right[i, c] -= A[i, j] * right[j, c]
            right[i, c] /= A[i, i]


@inner
def write_score(root, e, N, omega, M):
    """`score_by_products`, over M (Q, Q)."""
    Q, bar, gradient = root.shape[0], room_for(e.size), room_for(root.shape)
    selected_inverse(e, N, omega, bar)
    root_gradient(root, e, bar, gradient)  # −2 ∂ℓ/∂λ
    for i in range(Q):
        for j in range(Q):
            M[i, j] = 0.0
    for k in range(e.q.shape[0]):
        q, o = e.q[k], e.start[k]
        half = room_for((q, q))
        for i in range(q):
            for j in range(q):
                half[i, j] = -0.25 * gradient[o + j, o + i]
        _solve_transposed(root, o, q, half)
        for i in range(q):
            for j in range(q):
                M[o + i, o + j] = 0.5 * (half[i, j] + half[j, i])


@compiled(error_model="numpy", short_loops=True)
def score_by_products(root, e, N, omega):
    """∂ℓ/∂Γ = M (Q, Q) from the factor at a root of full rank: ∂ℓ/∂λ is 2Mλ; N as `weights_of_W`.

    Zero between factors.
    """
    M = room_for(root.shape)
    write_score(root, e, N, omega, M)
    return M


@compiled(error_model="numpy", short_loops=True)
def profile_derivatives(root, e, omega, gamma, F, sigma, integrated, rows, columns):
    """∂ℓ/∂Γ (Q, Q), and `average_information` of the entries of Γ at ``rows`` and ``columns``.

    Parameters
    ----------
    root : (Q, Q) float
        λ, block-diagonal; of full rank, or ∂ℓ/∂Γ is no numbers.
    e : Elimination
    omega : (size,) float
        The factor of Ω at λ.
    gamma, F : (p,) and (p, p) float
        γ̂, and F with FF' = S_XX⁻¹.
    sigma : float
    integrated : bool
        Whether γ is integrated out.
    """
    M = room_for(root.shape)
    write_score(root, e, weights_of_W(gamma, F, sigma, integrated), omega, M)
    a, b, v = average_information(root, e, omega, gamma, F, rows, columns)
    return M, a, b, v


@inner
def average_information(root, e, omega, gamma, F, rows, columns):
    """a (k,), b (k, k) and v (m, 1) of entries of Γ at ``rows`` and ``columns``, see the module."""
    m, p, k = e.effects, gamma.shape[0], rows.shape[0]
    weights, of_W = zeros_of((p + 1, p + 1)), room_for((m, p + 1))  # [F −γ; 0 1]
    for c in range(p):
        weights[c, p] = -gamma[c]
        for d in range(p):
            weights[c, d] = F[c, d]
    weights[p, p] = 1.0
    times_rows_of_W(e, omega, weights, of_W)
    u, v = room_for((m, 1)), room_for((m, 1))
    for i in range(m):
        u[i, 0] = of_W[i, p]
    _pull(root, e, omega, gamma, u, v)
    w, half, outside = room_for((m, k)), room_for((m, k)), room_for((p + 1, k))
    _along(e, v, rows, columns, w)
    multiply(e, w, half, outside)
    a, b, t = zeros_of(k), zeros_of((k, k)), zeros_of((p, k))
    for i in range(m):
        for c in range(k):
            a[c] += v[i, 0] * w[i, c]
            for d in range(c + 1):
                b[c, d] += w[i, c] * half[i, d]
    _turn(root, e, np.bool_(True), half)
    solve_forward(e, omega, half)
    for d in range(p):
        for c in range(k):
            for h in range(p):
                t[d, c] += F[h, d] * outside[h, c]
    for i in range(m):
        for c in range(k):
            for d in range(p):
                t[d, c] -= of_W[i, d] * half[i, c]
            for d in range(c + 1):
                b[c, d] -= half[i, c] * half[i, d]
    for c in range(k):
        for d in range(c + 1):
            for h in range(p):
                b[c, d] -= t[h, c] * t[h, d]
            b[d, c] = b[c, d]
    return a, b, v
