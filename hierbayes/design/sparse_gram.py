r"""How alike the derivatives of V by two variance parameters are, for several grouping factors.

V_i = Z_k S_i Z_k' for a direction S_i of the G of factor k, and I for σ².  All that
tr(P V_i P V_m), P = I − XΦX', Φ = (X'X)⁻¹, needs are the blocks A_j = Z_kj'Z_lj of levels that
occur together and B_kj = Z_kj'X: with E_j = B_kj Φ B_lj',

    tr V_iV_m − 2 tr ΦX'V_iV_mX = Σ_abcd S_i[a, b] S_m[c, d] Σ_j A_j[b, c] (A_j − 2E_j)[a, d]
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.blocks import entry_directions
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers


def sparse_gram(cross: SparseProducts, blocks: tuple[int, ...]) -> Floats:
    """tr(P V_i P V_m) (k+1, k+1) along the free entries of G, σ² last.

    Parameters
    ----------
    cross : SparseProducts
    blocks : tuple of int
        Sizes of the diagonal blocks of G, each of one factor.
    """
    inverse, p = np.linalg.inv(cross.C[:-1, :-1]), cross.p
    directions = _by_factor(blocks, cross.spans)
    B = [np.ascontiguousarray(level.B[:, :, :-1]) for level in cross.levels]
    right = [one @ inverse for one in B]
    n = directions[-1][0].stop
    gram, first = np.empty((n + 1, n + 1)), np.empty((n, p * p))
    for (own, S), level, left, its_right in zip(directions, cross.levels, B, right, strict=True):
        flat = S.reshape(len(S), -1)
        first[own] = flat @ _outer(left, its_right)
        gram[own, -1] = flat @ level.A.sum(axis=0).ravel() - first[own, :: p + 1].sum(axis=1)
        same = np.arange(level.J)
        gram[own, own] = _alike(S, S, level.A, (left, same), (its_right, same))
    for pair in cross.pairs:
        k, m = pair.first, pair.second
        (own, S), (other, T) = directions[k], directions[m]
        gram[own, other] = _alike(S, T, pair.values, (B[k], pair.i), (right[m], pair.j))
        gram[other, own] = gram[own, other].T
    gram[:-1, :-1] += first @ first.reshape(n, p, p).transpose(0, 2, 1).reshape(n, p * p).T
    gram[-1, :-1], gram[-1, -1] = gram[:-1, -1], cross.n - p
    return gram


@lru_cache(maxsize=64)
def _by_factor(
    blocks: tuple[int, ...], spans: tuple[slice, ...]
) -> tuple[tuple[slice, Floats], ...]:
    """For each factor which free entries of G are its own, and ∂G/∂(each) (k, q, q)."""
    S = entry_directions(blocks)
    ends = [0, *accumulate(int(S[:, at].any(axis=(1, 2)).sum()) for at in spans)]
    own = [slice(start, end) for start, end in pairwise(ends)]
    return tuple(
        (chosen, np.ascontiguousarray(S[chosen, at, at]))
        for chosen, at in zip(own, spans, strict=True)
    )


def _outer(left: Floats, right: Floats) -> Floats:
    """Σ_j B_j[a]'(B_jΦ)[b] (q², p²) of B and BΦ (J, q, p), by a and b."""
    J, q, p = left.shape
    products = left.reshape(J, q * p).T @ right.reshape(J, q * p)
    by_effects: Floats = products.reshape(q, p, q, p).transpose(0, 2, 1, 3).reshape(q * q, p * p)
    return by_effects


def _alike(
    S: Floats, T: Floats, A: Floats, left: tuple[Floats, Integers], right: tuple[Floats, Integers]
) -> Floats:
    """tr V_iV_m − 2 tr ΦX'V_iV_mX (k, m) of directions S (k, q, q) and T (m, r, r), see the module.

    Parameters
    ----------
    A : (pairs, q, r) float
    left, right : (J, q, p) float and (pairs,) int
        B of the one factor, BΦ of the other, and of which level each pair is.
    """
    alike = np.empty((len(S), len(T)))
    (B, i), (B_right, j) = left, right
    _write_alike(S, T, A, B, i, B_right, j, alike)
    return alike


@compiled(short_loops=True)
def _write_alike(
    S: Floats, T: Floats, A: Floats, B: Floats, i: Integers, right: Floats, j: Integers,
    alike: Floats,
) -> None:  # fmt: skip
    """`_alike`, written over; K[bc, ad] = Σ_j A_j[b, c] (A_j − 2E_j)[a, d] is made first."""
    (pairs, q, r), p = A.shape, B.shape[2]
    K, rest = zeros_of((q, r, q, r)), room_for((q, r))
    for at in range(pairs):
        k, m = i[at], j[at]
        for a in range(q):
            for d in range(r):
                rest[a, d] = A[at, a, d]
                for c in range(p):
                    rest[a, d] -= 2.0 * B[k, a, c] * right[m, d, c]
        for b in range(q):
            for c in range(r):
                for a in range(q):
                    for d in range(r):
                        K[b, c, a, d] += A[at, b, c] * rest[a, d]
    for at in range(len(S)):
        for m in range(len(T)):
            total = 0.0
            for a in range(q):
                for b in range(q):
                    for c in range(r):
                        for d in range(r):
                            total += S[at, a, b] * K[b, c, a, d] * T[m, c, d]
            alike[at, m] = total
