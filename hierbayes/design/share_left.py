r"""How much of y the fixed part and the effects of all factors leave, by their products alone.

The effects of the factor with most levels are eliminated level by level; what is left of the
others, of X and of y is a dense matrix, small where the others have few levels:

    W = [Z X y]'[Z X y] − Σ_j B_j'(A_j + εI)⁻¹B_j,    A_j = Z_1j'Z_1j,  B_j = Z_1j'[Z X y]
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf

from hierbayes.design.level_products import LevelProducts
from hierbayes.design.remembered import remembered
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats

_MOST = 300  # columns of the dense matrix
_RIDGE = 1e-10  # of the squares of columns: of those that depend on others only it is left


@remembered
def share_left(cross: SparseProducts, most: int = _MOST) -> float:
    """Share of y°'y° that X° and Z° leave, or somewhat more; 0 where that is much work to know.

    Parameters
    ----------
    cross : SparseProducts
    most : int
        Columns of the dense matrix, beyond which it is.
    """
    first = max(range(len(cross.levels)), key=cross.sizes.__getitem__)
    if sum(cross.sizes) - cross.sizes[first] + cross.p + 1 > most:
        return 0.0
    whole, B = _products(cross, first)
    J, q, w = B.shape
    A = cross.levels[first].A.copy()
    squares = A.reshape(J, q * q)[:, :: q + 1]  # a view of the diagonals
    size = squares.sum(axis=1)
    squares += (_RIDGE * np.maximum(size, 1e-6 * size.max()))[:, None]  # levels may know nothing
    solved = B / A if q == 1 else np.linalg.inv(A) @ B
    W = whole - B.reshape(J * q, w).T @ solved.reshape(J * q, w)
    own = np.maximum(whole.diagonal(), 1e-300)
    W.ravel()[:: w + 1][:-1] += _RIDGE * own[:-1]
    root, failed = dpotrf(W, lower=1)
    return 0.0 if failed else float(root[-1, -1] ** 2 / own[-1])


def _products(cross: SparseProducts, first: int) -> tuple[Floats, Floats]:
    """[Z X y]'[Z X y] (w, w) of all factors but the first, and Z_1j'[Z X y] (J, q, w).

    Of the former the lower triangle.
    """
    p1, levels, end = cross.p + 1, cross.levels, 0
    at: dict[int, slice] = {}
    for k, size in enumerate(cross.sizes):
        if k != first:
            at[k] = slice(end, end := end + size)
    whole, B = np.zeros((end + p1, end + p1)), np.zeros((*levels[first].A.shape[:2], end + p1))
    whole[end:, end:], B[:, :, end:] = cross.C, levels[first].B
    for k, own in at.items():
        each = np.arange(levels[k].J)
        _by_levels(whole[own, own], levels[k], levels[k])[each, :, each] = levels[k].A
        whole[end:, own] = levels[k].B.reshape(-1, p1).T
    for pair in cross.pairs:
        for k, i, m, j, values in (
            (pair.first, pair.i, pair.second, pair.j, pair.values),
            (pair.second, pair.j, pair.first, pair.i, pair.values.transpose(0, 2, 1)),
        ):
            if m != first:
                strip = B.reshape(-1, end + p1) if k == first else whole[at[k]]
                _by_levels(strip[:, at[m]], levels[k], levels[m])[i, :, j] = values
    return whole, B


def _by_levels(block: Floats, rows: LevelProducts, columns: LevelProducts) -> Floats:
    """A view (J_k, q_k, J_m, q_m) of a block of effects of two factors (J_k q_k, J_m q_m)."""
    return block.reshape(rows.J, rows.q, columns.J, columns.q)
