r"""How much of y the fixed part and the effects of all factors leave, by their products alone.

The effects of the factor with most levels are eliminated level by level; what is left of the
others, of X and of y is a dense matrix, small where the others have few levels:

    W = [Z X y]'[Z X y] − Σ_j B_j'(A_j + εI)⁻¹B_j,    A_j = Z_1j'Z_1j,  B_j = Z_1j'[Z X y]
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats

_MOST = 300  # columns of the dense matrix
_RIDGE = 1e-10  # of the squares of columns: of those that depend on others only it is left


def share_left(cross: SparseProducts, most: int = _MOST) -> float:
    """Share of y°'y° that X° and Z° leave, or somewhat more; 0 where that is much work to know.

    Parameters
    ----------
    cross : SparseProducts
    most : int
        Columns of the dense matrix, beyond which it is.
    """
    first = max(range(len(cross.levels)), key=lambda k: cross.sizes[k])
    if sum(cross.sizes) - cross.sizes[first] + cross.p + 1 > most:
        return 0.0
    A = cross.levels[first].A
    whole, B = _products(cross, first)
    size = A.trace(axis1=1, axis2=2)
    size = np.maximum(size, 1e-6 * size.max())  # a level may know nothing of an effect
    A = A + _RIDGE * size[:, None, None] * np.eye(A.shape[1])
    solved = B / A if A.shape[1] == 1 else np.linalg.inv(A) @ B
    W = whole - B.reshape(-1, B.shape[2]).T @ solved.reshape(-1, B.shape[2])
    unit = np.sqrt(np.maximum(whole.diagonal(), 1e-300))
    W = W / (unit[:, None] * unit)
    inner, right = W[:-1, :-1] + _RIDGE * np.eye(len(W) - 1), W[:-1, -1]
    return float(W[-1, -1] - right @ np.linalg.solve(inner, right))


def _products(cross: SparseProducts, first: int) -> tuple[Floats, Floats]:
    """[Z X y]'[Z X y] (w, w) of all factors but the first, and Z_1j'[Z X y] (J, q, w)."""
    p1, sizes = cross.p + 1, cross.sizes
    starts, end = {}, 0
    for k, size in enumerate(sizes):
        if k != first:
            starts[k], end = end, end + size
    whole = np.zeros((end + p1, end + p1))
    whole[end:, end:] = cross.C
    B = np.zeros((*cross.levels[first].A.shape[:2], end + p1))
    B[:, :, end:] = cross.levels[first].B
    places = {k: start + np.arange(sizes[k]).reshape(-1, cross.levels[k].q)
              for k, start in starts.items()}  # fmt: skip
    for k, at in places.items():
        whole[at[:, :, None], at[:, None, :]] = cross.levels[k].A
        whole[at, end:] = cross.levels[k].B
        whole[end:, at] = cross.levels[k].B.transpose(2, 0, 1)
    for pair in cross.pairs:
        i, j, values = pair.i, pair.j, pair.values
        if pair.second == first:
            i, j, values = j, i, values.transpose(0, 2, 1)
        if first in (pair.first, pair.second):
            at = places[pair.second if pair.first == first else pair.first][j]
            B[i[:, None, None], np.arange(B.shape[1])[:, None], at[:, None, :]] = values
            continue
        at, to = places[pair.first][i][:, :, None], places[pair.second][j][:, None, :]
        whole[at, to] = values
        whole[to, at] = values
    return whole, B
