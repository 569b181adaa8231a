r"""The map that makes the posterior of random effects nearly standard normal, panel by panel.

A panel is one group of one grouping factor, with random effects u = L b, b ~ N(0, I), and
pseudo-data A (q, q), B = [B_X B_y] (q, p+1): the cross-products of a Gaussian model that its
likelihood is like.  With

    M = I + L'AL = CC',   r = B_y − B_X γ − e,   b₀ = M⁻¹L'r,   b = b₀ + C⁻ᵀz,

b would be N(b₀, M⁻¹) and z standard normal if the panel were that Gaussian.  e (q,) is what
effects of other factors, mapped before, say of its rows.  The map is one to one for any A that
leaves M positive definite, any B and any e, with log |∂b/∂z| = −log |C|.

Arrays of a panel hold it along their first axis.  L need not be triangular.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import inner
from hierbayes.compiled_arrays import room_for
from hierbayes.likelihood.triangular import (
    cholesky_in_place,
    solve_lower,
    solve_lower_transposed,
)


@inner
def map_panels(L, gamma, A, B, e, z, C, AL, b, u):
    """Fill C (J, q, q), AL (J, q, q), u (J, q) and b (3, J, q) = r, b₀, v = C⁻ᵀz.

    Returns −½ Σ b'b − Σ log |C|; −inf where some M is not positive definite.
    """
    J, q, p = A.shape[0], A.shape[1], gamma.shape[0]
    if q == 1:
        return _map_scalars(L[0, 0], gamma, A, B, e, z, C, AL, b, u)
    M, w = room_for((q, q)), room_for((q, 2))
    value = 0.0
    for j in range(J):
        for i in range(q):
            for k in range(q):
                total = 0.0
                for h in range(q):
                    total += A[j, i, h] * L[h, k]
                AL[j, i, k] = total
            total = B[j, i, p] - e[j, i]
            for c in range(p):
                total -= B[j, i, c] * gamma[c]
            b[0, j, i] = total
        for i in range(q):
            for k in range(i + 1):
                total = 1.0 if i == k else 0.0
                for h in range(q):
                    total += L[h, i] * AL[j, h, k]
                M[i, k] = total
            total = 0.0
            for h in range(q):
                total += L[h, i] * b[0, j, h]
            w[i, 0], w[i, 1] = total, 0.0
        if not cholesky_in_place(M):
            return -np.inf
        solve_lower(M, w)
        for i in range(q):
            w[i, 1] = z[j, i]
        solve_lower_transposed(M, w)
        determinant = 1.0
        for i in range(q):
            for k in range(q):
                C[j, i, k] = M[i, k]
            b[1, j, i], b[2, j, i] = w[i, 0], w[i, 1]
            determinant *= M[i, i]
            value -= 0.5 * (w[i, 0] + w[i, 1]) * (w[i, 0] + w[i, 1])
        value -= math.log(determinant)
        for i in range(q):
            total = 0.0
            for h in range(q):
                total += L[i, h] * (w[h, 0] + w[h, 1])
            u[j, i] = total
    return value


@inner
def pull_panels(L, B, C, AL, b, S, d_L, d_gamma, d_z):
    """Add ∂/∂L (q, q) and ∂/∂γ (p,), and fill ∂/∂z (J, q), of what has ∂/∂u = S (J, q).

    S is overwritten with −∂/∂e = L a (J, q).  The value of `map_panels` is part of what is
    differentiated.  With b̄ = L'S − b, z̄ = C⁻¹b̄ and a = C⁻ᵀz̄:

        M̄ = C⁻ᵀ sym Φ(C'C̄) C⁻¹ − sym(a b₀'),  C̄ = −tril(v z̄') − diag(1/C),
        L̄ = S b' + r a' + 2 A L M̄,  γ̄ = −B_X' L a,

    Φ being the lower triangle with half of the diagonal.
    """
    J, q, p = C.shape[0], C.shape[1], d_gamma.shape[0]
    if q == 1:
        d_L[0, 0] += _pull_scalars(L[0, 0], B, C, AL, b, S, d_gamma, d_z)
        return
    low, bar, a = room_for((q, q)), room_for((q, q)), room_for((q, 1))
    for j in range(J):
        for i in range(q):
            total = -(b[1, j, i] + b[2, j, i])
            for h in range(q):
                total += L[h, i] * S[j, h]
                low[i, h] = C[j, i, h]
            a[i, 0] = total
        solve_lower(low, a)
        for i in range(q):
            d_z[j, i] = a[i, 0]
        _cholesky_adjoint(low, b, j, d_z, bar)
        solve_lower_transposed(low, a)
        for i in range(q):
            for k in range(q):
                bar[i, k] -= 0.5 * (a[i, 0] * b[1, j, k] + b[1, j, i] * a[k, 0])
        for i in range(q):
            along = 0.0
            for h in range(q):
                along += L[i, h] * a[h, 0]
            for c in range(p):
                d_gamma[c] -= B[j, i, c] * along
            for k in range(q):
                total = S[j, i] * (b[1, j, k] + b[2, j, k]) + b[0, j, i] * a[k, 0]
                for h in range(q):
                    total += 2.0 * AL[j, i, h] * bar[h, k]
                d_L[i, k] += total
            S[j, i] = along


@inner
def _cholesky_adjoint(C, b, j, d_z, bar):
    """C⁻ᵀ sym Φ(C'C̄) C⁻¹ of panel j, written into ``bar``; symmetric."""
    q = C.shape[0]
    for i in range(q):
        for k in range(i + 1):
            total = -1.0 if i == k else 0.0
            for h in range(i, q):
                total -= C[h, i] * b[2, j, h] * d_z[j, k]
            bar[i, k] = bar[k, i] = 0.5 * total
    solve_lower_transposed(C, bar)
    for i in range(q):
        for k in range(i):
            bar[i, k], bar[k, i] = bar[k, i], bar[i, k]
    solve_lower_transposed(C, bar)


@inner
def _map_scalars(L, gamma, A, B, e, z, C, AL, b, u):
    """`map_panels` of one random effect, in numbers: several times quicker."""
    p, value, determinant = gamma.shape[0], 0.0, 1.0
    for j in range(A.shape[0]):
        AL[j, 0, 0] = A[j, 0, 0] * L
        M = 1.0 + L * AL[j, 0, 0]
        if not 0.0 < M < np.inf:
            return -np.inf
        r = B[j, 0, p] - e[j, 0]
        for c in range(p):
            r -= B[j, 0, c] * gamma[c]
        C[j, 0, 0] = math.sqrt(M)
        b[0, j, 0], b[1, j, 0], b[2, j, 0] = r, L * r / M, z[j, 0] / C[j, 0, 0]
        whole = b[1, j, 0] + b[2, j, 0]
        u[j, 0] = L * whole
        value -= 0.5 * whole * whole
        determinant *= C[j, 0, 0]
        if not 1e-100 < determinant < 1e100:
            value -= math.log(determinant)
            determinant = 1.0
    return value - math.log(determinant)


@inner
def _pull_scalars(L, B, C, AL, b, S, d_gamma, d_z):
    """`pull_panels` of one random effect; ∂/∂L."""
    d_L = 0.0
    for j in range(C.shape[0]):
        M, whole = C[j, 0, 0] * C[j, 0, 0], b[1, j, 0] + b[2, j, 0]
        inward = L * S[j, 0] - whole
        d_z[j, 0] = inward / C[j, 0, 0]
        a = inward / M
        bar = -0.5 * (1.0 + b[2, j, 0] * inward) / M - a * b[1, j, 0]
        d_L += S[j, 0] * whole + b[0, j, 0] * a + 2.0 * AL[j, 0, 0] * bar
        S[j, 0] = L * a
        for c in range(d_gamma.shape[0]):
            d_gamma[c] -= B[j, 0, c] * S[j, 0]
    return d_L
