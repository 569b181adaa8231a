"""What the rows of each group can estimate: ranks of cross-products, columns on one scale.

The columns of all groups share the scale at which each has unit length in its largest group, so
that a rank does not change with the units of a column.
"""

from __future__ import annotations

import numpy as np

from hierbayes.frames.arrays import Booleans, Floats, Integers

RANK_TOLERANCE = 1e-12  # of an eigenvalue
_LARGE_GROUPS = 20


def column_scale(A: Floats) -> Floats:
    """Length (q,) of each column in its largest group, from Z_j'Z_j (J, q, q)."""
    scale: Floats = np.sqrt(np.maximum(np.diagonal(A, axis1=1, axis2=2).max(axis=0), 1e-300))
    return scale


def unit_columns(A: Floats) -> Floats:
    """Z_j'Z_j (J, q, q) of columns on one scale."""
    scale = column_scale(A)
    scaled: Floats = A / np.outer(scale, scale)
    return scaled


def group_ranks(A: Floats) -> Integers:
    """Rank (J,) of each group's Z_j, from Z_j'Z_j (J, q, q)."""
    return _ranks(unit_columns(A))


def _ranks(unit: Floats) -> Integers:
    """Rank (J,) of Z_j'Z_j (J, q, q) of columns on one scale."""
    ranks: Integers = (np.linalg.eigvalsh(unit) > RANK_TOLERANCE).sum(axis=1)
    return ranks


def estimable_effects(A: Floats) -> Booleans:
    """Which random effects the rows of each group can estimate beside the others (J, q).

    Examples
    --------
    >>> A = np.array([[[3.0, 3.0], [3.0, 3.0]], [[2.0, 1.0], [1.0, 5.0]]])
    >>> estimable_effects(A)  # in the first group the two columns are the same
    array([[False, False],
           [ True,  True]])
    """
    rank, q = group_ranks(A), A.shape[1]
    able = np.empty(A.shape[:2], dtype=np.bool_)
    for k in range(q):
        others = np.delete(np.delete(A, k, axis=1), k, axis=2)
        able[:, k] = rank > (group_ranks(others) if q > 1 else 0)
    return able


def estimable_somewhere(A: Floats, rows: Floats) -> Booleans:
    """Which effects the rows of some group can estimate beside the others (q,).

    A group that can estimate all of them, which large ones mostly can, is looked for first.

    Parameters
    ----------
    A : (J, q, q) float
    rows : (J,) float
        Rows of each group.
    """
    large = np.argsort(rows)[-_LARGE_GROUPS:]
    if (_ranks(unit_columns(A)[large]) == A.shape[1]).any():
        return np.ones(A.shape[1], dtype=np.bool_)
    somewhere: Booleans = estimable_effects(A).any(axis=0)
    return somewhere
