"""The between-group design of rows that are only known by their cross-products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Booleans, Floats

_SAME = 1e-8  # as of rows: of the largest value of a column


@dataclass(frozen=True, slots=True, eq=False)
class ColumnRoots:
    """Random and fixed columns of each group, turned: all that lengths and angles depend on.

    Parameters
    ----------
    Z : (J, q, q) float
    X : (J, q, p) float
        What lies in the space of the random columns.
    outside : (p,) float
        Root mean square of what does not, over all rows.
    rows : (J,) float
        n_j.
    largest : (p,) float
        Largest absolute value of each fixed column.
    """

    Z: Floats
    X: Floats
    outside: Floats
    rows: Floats
    largest: Floats


def weights_of_roots(roots: ColumnRoots) -> tuple[Floats, Booleans]:
    """W_j (J, q, p) with X_j = Z_j W_j, and which columns (p,) are such in every group."""
    J, q, p = roots.X.shape
    W, spanned = np.zeros((J, q, p)), np.zeros(p, dtype=np.bool_)
    for c in range(p):
        limit = _SAME * max(float(roots.largest[c]), 1e-300)
        if roots.outside[c] > limit:
            continue
        found = _single(roots, c, limit)
        if found is None:
            found = _solved(roots, c, limit)
        if found is not None:
            W[:, :, c], spanned[c] = found, True
    return W, spanned


def _single(roots: ColumnRoots, c: int, limit: float) -> Floats | None:
    """Weights (J, q) when the column is one random column times a number in each group."""
    J, q, _ = roots.X.shape
    x = roots.X[:, :, c]
    for k in range(q):
        z = roots.Z[:, :, k]
        zz = (z**2).sum(axis=1)
        w = np.divide((z * x).sum(axis=1), zz, out=np.zeros(J), where=zz > 0.0)
        seen = w[zz > 0.0]  # a group in which z is 0 gets the weight that all others share
        if 0 < len(seen) < J and np.ptp(seen) <= _SAME * np.abs(seen).max():
            w[zz == 0.0] = seen[0]
        if _rest(x - w[:, None] * z, roots.rows) <= limit:
            weights = np.zeros((J, q))
            weights[:, k] = w
            return weights
    return None


def _solved(roots: ColumnRoots, c: int, limit: float) -> Floats | None:
    """Weights (J, q) by least squares in each group; what small groups lack all others share."""
    x, q = roots.X[:, :, c], roots.Z.shape[2]
    weights: Floats = np.einsum("jkr,jr->jk", np.linalg.pinv(roots.Z, rcond=1e-10), x)
    if _rest(x - np.einsum("jrk,jk->jr", roots.Z, weights), roots.rows) > limit:
        return None
    determined = np.linalg.matrix_rank(roots.Z, rtol=1e-10) == q
    if determined.any() and not determined.all():
        common = weights[determined]
        shared = np.ptp(common, axis=0) <= _SAME * max(np.abs(common).max(), 1e-300)
        weights[np.ix_(~determined, shared)] = common[0, shared]
    return weights


def _rest(x: Floats, rows: Floats) -> float:
    """Largest root mean square of what is left of a column in a group."""
    return float(np.sqrt((x**2).sum(axis=1) / rows).max())
