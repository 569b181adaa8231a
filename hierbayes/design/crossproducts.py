"""The cross-products of a design: all that a fit keeps of its rows.

They form a commutative monoid: cross-products of two sets of rows in the same
basis add up to those of both, in any order and however groups are spread over
the sets.  So they can be made from chunks, files or machines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit

from hierbayes.design.basis import Basis
from hierbayes.design.rows import Rows
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class CrossProducts:
    """Z'Z and Z'[X y] of every group and [X y]'[X y] of all, in an internal basis.

    Parameters
    ----------
    A : (J, q, q) float
        Z_j'Z_j.
    B : (J, q, p+1) float
        Z_j'[X_j y_j].
    C : (p+1, p+1) float
        Σ_j [X_j y_j]'[X_j y_j].
    rows : (J,) float
        n_j.
    groups : pandas.Index
        Labels of the J groups.
    basis : Basis
        In which X, Z and y are meant.
    """

    A: Floats
    B: Floats
    C: Floats
    rows: Floats
    groups: pd.Index
    basis: Basis

    @property
    def n(self) -> float:
        """Number of rows in all."""
        return float(self.rows.sum())

    def __add__(self, other: CrossProducts) -> CrossProducts:
        """Those of both sets of rows; a group present in both becomes one.

        Raises
        ------
        DataError
            When the two are not in the same basis.
        """
        if other.basis is not self.basis:
            raise DataError(
                "cross-products in different bases do not add up; make both with one Basis"
            )
        groups = self.groups.append(other.groups).unique()
        mine, theirs = groups.get_indexer(self.groups), groups.get_indexer(other.groups)
        J = len(groups)
        A = np.zeros((J, *self.A.shape[1:]))
        B = np.zeros((J, *self.B.shape[1:]))
        rows = np.zeros(J)
        for part, at in ((self, mine), (other, theirs)):
            A[at] += part.A
            B[at] += part.B
            rows[at] += part.rows
        return CrossProducts(A, B, self.C + other.C, rows, groups, self.basis)


def cross_products(rows: Rows, groups: pd.Index, basis: Basis) -> CrossProducts:
    """Cross-products in one pass over the rows, in whatever order they come.

    Parameters
    ----------
    rows : Rows
        In the user's units.
    groups : pandas.Index
        Labels of the J groups.
    basis : Basis
    """
    W, Z = basis.internal_rows(rows.X, rows.Z, rows.y)
    A, B, C, counts = _accumulate(W, Z, rows.codes, len(groups))
    return CrossProducts(A, B, C, counts, groups, basis)


def group_totals(rows: Rows, J: int, basis: Basis) -> Floats:
    """[X_j y_j]'[X_j y_j] of every group (J, p+1, p+1), which add up to C."""
    W, _ = basis.internal_rows(rows.X, rows.Z, rows.y)
    return _totals(W, rows.codes, J)


@njit(cache=True, nogil=True)
def _totals(W: Floats, codes: Integers, J: int) -> Floats:
    n, m = W.shape
    totals = np.zeros((J, m, m))
    for i in range(n):
        for c in range(m):
            for d in range(m):
                totals[codes[i], c, d] += W[i, c] * W[i, d]
    return totals


@njit(cache=True, nogil=True)
def _accumulate(
    W: Floats, Z: Floats, codes: Integers, J: int
) -> tuple[Floats, Floats, Floats, Floats]:
    n, m = W.shape
    q = Z.shape[1]
    A = np.zeros((J, q, q))
    B = np.zeros((J, q, m))
    C = np.zeros((m, m))
    counts = np.zeros(J)
    for i in range(n):
        j = codes[i]
        counts[j] += 1.0
        for k in range(q):
            z = Z[i, k]
            for h in range(k + 1):
                A[j, k, h] += z * Z[i, h]
            for c in range(m):
                B[j, k, c] += z * W[i, c]
        for c in range(m):
            w = W[i, c]
            for d in range(c + 1):
                C[c, d] += w * W[i, d]
    for k in range(q):
        for h in range(k):
            for j in range(J):
                A[j, h, k] = A[j, k, h]
    for c in range(m):
        for d in range(c):
            C[d, c] = C[c, d]
    return A, B, C, counts
