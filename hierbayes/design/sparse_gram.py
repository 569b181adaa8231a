r"""How alike the derivatives of V by two variance parameters are, for several grouping factors.

V_i = Z_k S_i Z_k' for a direction S_i of the G of factor k, and I for σ².  All that
tr(P V_i P V_m), P = I − XΦX', Φ = (X'X)⁻¹, needs are the blocks A_j = Z_kj'Z_lj of levels that
occur together and B_kj = Z_kj'X: with E_j = B_kj Φ B_lj',

    tr V_iV_m − 2 tr ΦX'V_iV_mX = Σ_abcd S_i[a, b] S_m[c, d] Σ_j A_j[b, c] (A_j − 2E_j)[a, d]
"""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats


def sparse_gram(cross: SparseProducts, S: Floats) -> Floats:
    """tr(P V_i P V_m) (k+1, k+1) along directions S (k, Q, Q) of G, σ² last.

    Parameters
    ----------
    cross : SparseProducts
    S : (k, Q, Q) float
        Each within the G of one factor, factor by factor.
    """
    inverse, B = np.linalg.inv(cross.C[:-1, :-1]), [level.B[:, :, :-1] for level in cross.levels]
    ends = [0, *accumulate(int(S[:, at].any(axis=(1, 2)).sum()) for at in cross.spans)]
    own = [slice(start, end) for start, end in pairwise(ends)]
    parts = [S[chosen, at, at] for chosen, at in zip(own, cross.spans, strict=True)]
    gram, first = np.empty((len(S) + 1, len(S) + 1)), np.empty((len(S), cross.p, cross.p))
    for k, level in enumerate(cross.levels):
        first[own[k]] = inverse @ _fixed(parts[k], B[k])
        traces = (parts[k] * level.A.sum(axis=0)).sum(axis=(1, 2))
        gram[own[k], -1] = gram[-1, own[k]] = traces - first[own[k]].trace(axis1=1, axis2=2)
        gram[own[k], own[k]] = _alike(parts[k], parts[k], level.A, B[k], B[k] @ inverse)
    for pair in cross.pairs:
        k, m = pair.first, pair.second
        B_k, B_m = B[k][pair.i], B[m][pair.j] @ inverse
        alike = _alike(parts[k], parts[m], pair.values, B_k, B_m)
        gram[own[k], own[m]] = alike
        gram[own[m], own[k]] = alike.T
    gram[:-1, :-1] += np.einsum("ipr,krp->ik", first, first)
    gram[-1, -1] = cross.n - cross.p
    return gram


def _fixed(S: Floats, B: Floats) -> Floats:
    """X'V_iX (k, p, p) of directions S (k, q, q)."""
    J, q, p = B.shape
    flat = B.reshape(J, q * p)
    products = (flat.T @ flat).reshape(q, p, q, p)
    fixed: Floats = np.einsum("iab,apbr->ipr", S, products)
    return fixed


def _alike(S: Floats, T: Floats, A: Floats, left: Floats, right: Floats) -> Floats:
    """tr V_iV_m − 2 tr ΦX'V_iV_mX (k, m) of directions S (k, q, q) and T (m, r, r), see the module.

    Parameters
    ----------
    A : (J, q, r) float
    left, right : (J, q, p) and (J, r, p) float
        B of the one factor, and BΦ of the other.
    """
    alike = np.empty((len(S), len(T)))
    _write_alike(*map(np.ascontiguousarray, (S, T, A, left, right)), alike)
    return alike


@compiled(short_loops=True)
def _write_alike(
    S: Floats, T: Floats, A: Floats, left: Floats, right: Floats, alike: Floats
) -> None:
    """`_alike`, written over; K[bc, ad] = Σ_j A_j[b, c] (A_j − 2E_j)[a, d] is made first."""
    (J, q, r), p = A.shape, left.shape[2]
    K, rest = zeros_of((q, r, q, r)), room_for((q, r))
    for j in range(J):
        for a in range(q):
            for d in range(r):
                rest[a, d] = A[j, a, d]
                for c in range(p):
                    rest[a, d] -= 2.0 * left[j, a, c] * right[j, d, c]
        for b in range(q):
            for c in range(r):
                for a in range(q):
                    for d in range(r):
                        K[b, c, a, d] += A[j, b, c] * rest[a, d]
    for i in range(len(S)):
        for m in range(len(T)):
            total = 0.0
            for a in range(q):
                for b in range(q):
                    for c in range(r):
                        for d in range(r):
                            total += S[i, a, b] * K[b, c, a, d] * T[m, c, d]
            alike[i, m] = total
