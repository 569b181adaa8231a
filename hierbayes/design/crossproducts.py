r"""The cross-products of a design: all that a fit keeps of its rows.

They are kept as roots.  With Z_j = Q_jR_j, Q_j'Q_j = I,

    T_j = Q_j'[X_j y_j],      W = Σ_j [X_j y_j]'(I − Q_jQ_j')[X_j y_j]

from which Z_j'Z_j = R_j'R_j, Z_j'[X_j y_j] = R_j'T_j and [X y]'[X y] = W + Σ_j T_j'T_j.  What
the groups' own columns explain is taken out row by row before W is summed, so that residuals
that are very small beside the random effects keep their digits.

Cross-products form a commutative monoid: those of two sets of rows in the same basis add up to
those of both, in any order and however groups are spread over the sets.  So they can be made
from chunks, files or machines.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.group_cholesky import factored, root_blocks
from hierbayes.design.group_sums import group_roots, products_outside
from hierbayes.design.level_labels import Labels, index_of
from hierbayes.design.level_products import LevelProducts
from hierbayes.design.rows import Rows
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.value import value

_ROUNDING = 1e-13  # of a column of Z_j: what rounding leaves of it in a row of R_j


@value(slots=False)
class CrossProducts:
    """Cross-products of Z, X and y as roots, in an internal basis.

    Parameters
    ----------
    R : (J, r, q) float
        R_j'R_j = Z_j'Z_j.
    T : (J, r, p+1) float
        R_j'T_j = Z_j'[X_j y_j].
    W : (p+1, p+1) float
        [X y]'[X y] of what the columns of Z_j do not explain, all groups together.
    rows : (J,) float
        n_j.
    held : Index or LevelLabels
        Labels of the J groups.
    basis : Basis
        In which X, Z and y are meant.
    """

    R: Floats
    T: Floats
    W: Floats
    rows: Floats
    held: Labels
    basis: Basis

    @classmethod
    def from_sums(
        cls, A: Floats, B: Floats, C: Floats, rows: Floats, groups: Labels, basis: Basis
    ) -> CrossProducts:
        """From Z_j'Z_j (J, q, q), Z_j'[X_j y_j] (J, q, p+1) and [X y]'[X y] (p+1, p+1)."""
        R, T = np.triu(A), B.copy()
        factored(R, T)
        flat = T.reshape(-1, len(C))
        W = C - flat.T @ flat
        return cls(R, T, W, rows, groups, basis)

    @classmethod
    def from_blocks(
        cls, M: Floats, q: int, rows: Floats, groups: Labels, basis: Basis
    ) -> CrossProducts:
        """From [Z_j X_j y_j]'[Z_j X_j y_j] (J, d, d) of every group, Z_j the first q columns."""
        J, d = M.shape[:2]
        R, T, W = np.zeros((J, q, q)), np.empty((J, q, d - q)), np.zeros((d - q, d - q))
        root_blocks(M, R, T, W)
        return cls(R, T, W, rows, groups, basis)

    @classmethod
    def without_effects(
        cls, C: Floats, rows: Floats, groups: Labels, basis: Basis
    ) -> CrossProducts:
        """From [X y]'[X y] (p+1, p+1) alone, where there is no Z."""
        J = len(rows)
        return cls(np.zeros((J, 0, 0)), np.zeros((J, 0, len(C))), C, rows, groups, basis)

    @cached_property
    def n(self) -> float:
        """Number of rows in all."""
        return float(self.rows.sum())

    @property
    def p(self) -> int:
        """How many columns X has."""
        return len(self.W) - 1

    @property
    def J(self) -> int:
        """Number of groups."""
        return len(self.R)

    @property
    def groups(self) -> pd.Index:
        """Labels of the groups."""
        return index_of(self.held)

    @property
    def group_counts(self) -> tuple[int, ...]:
        """How many groups each factor has: of the only one."""
        return (self.J,)

    @property
    def widths(self) -> tuple[int, ...]:
        """How many effects each factor has: the only one."""
        return (self.R.shape[2],)

    @cached_property
    def A(self) -> Floats:
        """Z_j'Z_j (J, q, q)."""
        return np.swapaxes(self.R, 1, 2) @ self.R

    @cached_property
    def levels(self) -> tuple[LevelProducts, ...]:
        """The same as products, for the one grouping factor there is."""
        return (LevelProducts(self.held, self.A, self.B, self.rows),)

    @property
    def spans(self) -> tuple[slice, ...]:
        """The places of the factor's effects among those of all: everything."""
        return (slice(0, *self.widths),)

    @cached_property
    def noise(self) -> Floats:
        """Error of an effect (q,) that one group estimates by itself on average, against σ."""
        noise: Floats = np.sqrt(self.J / self.total_squares[0])
        return noise

    @cached_property
    def _squares(self) -> Floats:
        squares: Floats = np.einsum("jrq,jrq->jq", self.R, self.R)
        return squares

    @property
    def least_squares(self) -> tuple[Floats, ...]:
        """The least squares (q,) of the columns of one Z_j."""
        return (self._squares.min(axis=0),)

    @cached_property
    def total_squares(self) -> tuple[Floats, ...]:
        """Their sums (q,) over the groups."""
        return (self._squares.sum(axis=0),)

    def largest_group(self, k: int) -> tuple[Floats, Floats]:
        """Z_j'Z_j (q, q) and Z_j'[X_j y_j] (q, p+1) of the group of most rows."""
        j = self.rows.argmax()
        return self.R[j].T @ self.R[j], self.R[j].T @ self.T[j]

    @cached_property
    def B(self) -> Floats:
        """Z_j'[X_j y_j] (J, q, p+1)."""
        return np.swapaxes(self.R, 1, 2) @ self.T

    @cached_property
    def C(self) -> Floats:
        """[X y]'[X y] (p+1, p+1)."""
        flat = self.T.reshape(-1, self.p + 1)
        return self.W + flat.T @ flat

    def turned(self, M: Floats) -> CrossProducts:
        """Those of the columns [X y] M, M (p+1, m)."""
        return replace(self, T=self.T @ M, W=M.T @ self.W @ M)

    def __add__(self, other: CrossProducts) -> CrossProducts:
        """Those of both sets of rows; a group present in both becomes one.

        Raises
        ------
        DataError
            When the two are not in the same basis.
        """
        self.basis.refuse_other(other.basis)
        groups = self.groups.append(other.groups).unique()
        mine, theirs = groups.get_indexer(self.groups), groups.get_indexer(other.groups)
        (r, q), m = self.R.shape[1:], len(self.W)
        stack = np.zeros((len(groups), 2 * r, q + m))
        rows = np.zeros(len(groups))
        for part, at, start in ((self, mine, 0), (other, theirs, r)):
            stack[at, start : start + r, :q] = part.R
            stack[at, start : start + r, q:] = part.T
            rows[at] += part.rows
        both = np.bincount(np.append(mine, theirs), minlength=len(groups)) > 1
        once = np.setdiff1d(theirs, mine)
        stack[once, :r], stack[once, r:] = stack[once, r:], 0.0
        stack[both], outside = _merged(stack[both], q)
        W = self.W + other.W + outside
        return CrossProducts(stack[:, :r, :q], stack[:, :r, q:], W, rows, groups, self.basis)


def _merged(stack: Floats, q: int) -> tuple[Floats, Floats]:
    """Rows [R_j T_j] of both parts (J, 2r, q+m) made r rows each, and what they add to W."""
    size = np.sqrt((stack[:, :, :q] ** 2).sum(axis=1, keepdims=True))
    square = np.zeros_like(stack)
    upper = np.linalg.qr(stack, mode="r")
    square[:, : upper.shape[1]] = upper
    inside: Booleans = (np.abs(square[:, :, :q]) > _ROUNDING * size).any(axis=2)
    outside = square[~inside][:, q:]
    square[~inside] = 0.0
    return square, outside.T @ outside


def cross_products(rows: Rows, groups: Labels, basis: Basis) -> CrossProducts:
    """Cross-products in two passes over the rows, in whatever order they come.

    Parameters
    ----------
    rows : Rows
        In the user's units.
    groups : Index or LevelLabels
        Labels of the J groups.
    basis : Basis
    """
    return products_of(*rows.internal(basis), rows.codes, groups, basis)


def products_of(
    columns: Floats, Z: Floats, codes: Integers, groups: Labels, basis: Basis
) -> CrossProducts:
    """The same of rows [X° y°] (n, p+1), which are written over, and Z° (n, q) in the basis."""
    return CrossProducts(*group_roots(columns, Z, codes, len(groups)), groups, basis)


def whole_rows(columns: Floats, Z: Floats) -> Floats:
    """[Z X y] (n, d) of [X y] and Z; where there is no Z the same array."""
    return np.concatenate([Z, columns], axis=1) if Z.shape[1] else columns


def within_totals(rows: Rows, cross: CrossProducts) -> Floats:
    """What every group adds to W (J, p+1, p+1); rows that stream are read once more."""
    R, T = np.triu(cross.A), cross.B.copy()
    own, totals = factored(R, T), np.zeros((cross.J, *cross.W.shape))
    for part in rows.parts():
        columns, Z = part.internal(cross.basis)
        totals += products_outside(columns, Z, part.codes, own)
    return totals
