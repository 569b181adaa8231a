r"""How much of y the fixed part and the effects of all factors leave, by their products alone.

The effects of the factor with most levels are eliminated level by level; what is left of the
others, of X and of y is a dense matrix, small where the others have few levels:

    [Z X y]'[Z X y] − Σ_j B_j'A_j⁻B_j,    A_j = Z_1j'Z_1j,  B_j = Z_1j'[Z X y]
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg.lapack import dpotrf

from hierbayes.compilation import compiled, inner
from hierbayes.design.elimination import COLUMN, COLUMN_PLACE, PRODUCTS, ROW, ROW_PLACE
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.group_cholesky import root_group
from hierbayes.design.remembered import remembered
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers

_MOST = 300  # columns of the dense matrix
_FEW = 20_000  # products that loops take sooner than BLAS
_RIDGE = 1e-10  # of the squares of columns: of those that depend on others only it is left


@remembered
def share_left(cross: SparseProducts) -> float:
    """Share of y°'y° that X° and Z° leave, or somewhat more; 0 where that is much work to know."""
    return share_left_of(cross, _MOST)


def share_left_of(cross: SparseProducts, most: int) -> float:
    """The same, 0 where the dense matrix (w, w) would have more than ``most`` columns."""
    counts, sizes = cross.group_counts, cross.sizes
    first = counts.index(max(counts))
    w = sum(sizes) - sizes[first] + cross.p + 1
    if w > most:
        return 0.0
    e = elimination_of(cross).elimination  # whose first effects are those of the first factor
    A = cross.levels[first].A.copy()
    B, W = np.zeros((*A.shape[:2], w)), np.zeros((w, w))
    left = _eliminate(e.blocks, e.products, e.q, e.C, A, B, W, _FEW)
    if math.isnan(left):
        T = B.reshape(-1, w)
        root, failed = dpotrf(W - T.T @ T, lower=1)
        left = 0.0 if failed else float(root[-1, -1] ** 2)
    return left / max(float(e.C[-1, -1]), 1e-300)


@compiled(short_loops=True, error_model="numpy")
def _eliminate(
    blocks: Integers, products: Floats, q: Integers, C: Floats, A: Floats, B: Floats, W: Floats,
    few: int,
) -> float:  # fmt: skip
    """Of all but the first factor the lower triangle of [Z X y]'[Z X y] (w, w), written over zeros.

    All of its columns but y have a ridge.  R_j and T_j (J, q, w) of the first factor, R_j'R_j = A_j
    and R_j'T_j = B_j, are written over A_j and zeros.  What all columns leave of y'y; nan where
    more than ``few`` products of T_j are to be taken, which BLAS takes sooner.
    """
    J, width, w = B.shape
    own, p1 = J * width, len(C)
    for b in range(len(blocks)):
        row, at, columns = blocks[b, ROW], blocks[b, PRODUCTS], q[blocks[b, COLUMN]]
        r0, c0 = blocks[b, ROW_PLACE] - own, blocks[b, COLUMN_PLACE]
        rows, down, along = q[row], columns, 1
        if row < 0:
            r0, rows, down, along = w - p1, p1, 1, p1
        elif r0 < 0:  # an A_j
            continue
        for r in range(rows):
            for c in range(columns):
                value = products[at + r * down + c * along]
                if c0 < own:
                    B[c0 // width, c, r0 + r] = value
                else:
                    W[r0 + r, c0 - own + c] = value
    for r in range(p1):
        for c in range(r + 1):
            W[w - p1 + r, w - p1 + c] = C[r, c]
    for r in range(w - 1):
        W[r, r] += _RIDGE * max(W[r, r], 1e-300)
    for j in range(J):
        root_group(A, B, j)
    return _left(B, W) if J * width * w * w <= few else np.nan


@inner
def _left(T: Floats, W: Floats) -> float:
    """The last pivot of the Cholesky factor of W − Σ_j T_j'T_j, squared, written over W.

    0 where it has none.
    """
    J, width, w = T.shape
    for j in range(J):
        for k in range(width):
            for r in range(w):
                for c in range(r + 1):
                    W[r, c] -= T[j, k, r] * T[j, k, c]
    for c in range(w):
        for h in range(c):
            for r in range(c, w):
                W[r, c] -= W[r, h] * W[c, h]
        if not W[c, c] > 0.0:
            return 0.0
        if c == w - 1:
            return W[c, c]
        scale = 1.0 / math.sqrt(W[c, c])
        for r in range(c, w):
            W[r, c] *= scale
    return 0.0
