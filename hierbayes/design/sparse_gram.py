r"""How alike the derivatives of V by two variance parameters are, for several grouping factors.

V_i = Z_k S_i Z_k' for a direction S_i of the G of factor k, and I for σ².  All that
tr(P V_i P V_m), P = I − XΦX', Φ = (X'X)⁻¹, needs are the blocks Z_k'Z_l of levels that occur
together and Z_k'X.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats


def sparse_gram(cross: SparseProducts, S: Floats) -> Floats:
    """tr(P V_i P V_m) (k+1, k+1) along directions S (k, Q, Q) of G, σ² last.

    Parameters
    ----------
    cross : SparseProducts
    S : (k, Q, Q) float
        Each within the G of one factor.
    """
    XtX, spans = cross.C[:-1, :-1], cross.spans
    inverse = np.linalg.inv(XtX)
    owner = [next(k for k, at in enumerate(spans) if one[at, at].any()) for one in S]
    parts = [one[spans[k], spans[k]] for one, k in zip(S, owner, strict=True)]
    B = [level.B[:, :, :-1] for level in cross.levels]
    first = np.array(
        [
            inverse @ _summed(B[k], np.einsum("ab,jbr->jar", part, B[k]))
            for k, part in zip(owner, parts, strict=True)
        ]
    )
    k = len(S)
    gram = np.empty((k + 1, k + 1))
    for i in range(k):
        for m in range(i + 1):
            whole, through_X = _products(cross, B, (owner[i], parts[i]), (owner[m], parts[m]))
            gram[i, m] = whole - 2.0 * (through_X * inverse).sum() + (first[i] * first[m].T).sum()
            gram[m, i] = gram[i, m]
        of_level = np.einsum("jab,ba->", cross.levels[owner[i]].A, parts[i])
        gram[i, -1] = gram[-1, i] = of_level - np.trace(first[i])
    gram[-1, -1] = cross.n - cross.p
    return gram


def _products(
    cross: SparseProducts, B: list[Floats], one: tuple[int, Floats], other: tuple[int, Floats]
) -> tuple[float, Floats]:
    """tr V_iV_m, and X'V_iV_mX (p, p) or its transpose."""
    if one[0] > other[0]:
        one, other = other, one
    (k, S), (m, T) = one, other
    if k == m:
        A, left, right = cross.levels[k].A, B[k], B[k]
    else:
        (pair,) = (p for p in cross.pairs if (p.first, p.second) == (k, m))
        A, left, right = pair.values, B[k][pair.i], B[m][pair.j]
    turned = np.einsum("jab,bc->jac", np.einsum("ab,jbc->jac", S, A), T)
    moved = np.einsum("jab,jbr->jar", turned, right)
    return float((turned * A).sum()), _summed(left, moved)


def _summed(left: Floats, right: Floats) -> Floats:
    """Σ_j left_j'right_j (p, r) of matrices (J, a, p) and (J, a, r)."""
    p, r = left.shape[2], right.shape[2]
    total: Floats = left.reshape(-1, p).T @ right.reshape(-1, r)
    return total
