"""Columns centred and scaled: the maps of one set of columns to internal ones and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.design.blocks import block_slices
from hierbayes.design.column_scales import ColumnScales, column_scales
from hierbayes.frames.arrays import Floats
from hierbayes.value import value

SMALLEST = 1e-140  # values whose squares, and sums of them, are numbers
_NEARLY_DEPENDENT = 1e-3  # smallest singular value of centred columns of unit spread


@value(slots=False)
class Standardisation:
    """Columns → (columns − shift) / spread · mix, and the same as one matrix.

    Parameters
    ----------
    shift, spread : (k,) float
    mix : (k, k) float
        Upper triangular; the identity unless centred columns are nearly dependent.
    matrix : (k, k) float
        T with (columns − shift)/spread · mix = columns @ T, using that a combination
        of the columns is constantly 1.
    own : (k,) float
        How much of each column is its own: root mean square of what is left after
        the columns before it, against that of the column.  0 (but for rounding) for
        a column that is a combination of others.
    constant : (k,) float
        e, with columns @ e = 1, or zeros when no such combination exists; of several blocks
        that of each.
    in_parts : bool
        Whether shifts hold in some rows only, those of a column's own linear predictor.
    """

    shift: Floats
    spread: Floats
    mix: Floats
    matrix: Floats
    own: Floats
    constant: Floats
    in_parts: bool = False

    @cached_property
    def is_mixed(self) -> bool:
        """Whether the mix is another than the identity."""
        identity = _identity(len(self.mix))
        return self.mix is not identity and bool((self.mix != identity).any())

    @cached_property
    def least_own(self) -> float:
        """The least of what columns have of their own; 1 of none."""
        return min(self.own.tolist(), default=1.0)

    @cached_property
    def least_spread(self) -> float:
        """The least spread; 1 of no columns."""
        return min(self.spread.tolist(), default=1.0)

    @property
    def log_det(self) -> float:
        """log |det T|: what makes the constant is not shifted, so that shifts change no volume."""
        of_mix = float(np.linalg.slogdet(self.mix)[1]) if self.is_mixed else 0.0
        return of_mix - sum(map(math.log, self.spread.tolist()))

    def leads(self, k: int) -> bool:
        """Whether the first k columns by themselves would be standardised as they are."""
        if k > len(self.mix) or self.is_mixed:
            return False
        return bool(self.constant[:k].any()) and not self.constant[k:].any()

    def leading(self, k: int) -> Standardisation:
        """That of the first k columns, which lead."""
        first = slice(k)
        return Standardisation(
            self.shift[first],
            self.spread[first],
            _identity(k),
            self.matrix[first, first].copy(),
            self.own[first],
            self.constant[first],
        )

    def apply(self, columns: Floats) -> Floats:
        """The internal columns: the difference first, so that no digit is lost."""
        if self is intercepts(len(self.own)):
            return columns
        if self.in_parts:
            return columns @ self.matrix
        result: Floats = (columns - self.shift) / self.spread
        return result @ self.mix if self.is_mixed else result

    def undo(self, internal: Floats) -> Floats:
        """The columns whose internal ones these are."""
        found = np.linalg.solve((self.matrix if self.in_parts else self.mix).T, internal.T).T
        return np.asarray(found if self.in_parts else found * self.spread + self.shift)


@lru_cache(maxsize=64)
def _identity(k: int) -> Floats:
    """The one that is the mix of columns that are far from dependent."""
    identity = np.eye(k)
    identity.flags.writeable = False
    return identity


@lru_cache(maxsize=64)
def intercepts(k: int) -> Standardisation:
    """That of k blocks of an intercept each."""
    none, all_own, identity = np.zeros(k), np.ones(k), _identity(k)
    return Standardisation(none, all_own, identity, identity, all_own, all_own)


def standardised(columns: Floats) -> Standardisation:
    """That of columns (n, k), centred where a combination of them is constant; k may be 0."""
    k = columns.shape[1]
    if k == 0 or (k == 1 and are_ones(columns.ravel())):
        return intercepts(k)
    return _standardise(columns, _constant_combination(columns))


@compiled(short_loops=True)
def are_ones(values: Floats) -> bool:
    """Whether all values (n,) are 1."""
    others = 0
    for i in range(len(values)):
        others += values[i] != 1.0
    return others == 0


def joined(parts: list[Standardisation]) -> Standardisation:
    """The standardisations of the blocks of Z as one; there may be none."""
    if len(parts) < 2:
        return parts[0] if parts else intercepts(0)
    shift, spread, own, constant = (
        np.concatenate(values)
        for values in zip(*((z.shift, z.spread, z.own, z.constant) for z in parts), strict=True)
    )
    mix, matrix = _diagonal([z.mix for z in parts]), _diagonal([z.matrix for z in parts])
    return Standardisation(shift, spread, mix, matrix, own, constant)


def _constant_combination(columns: Floats) -> Floats:
    """e with columns @ e = 1, or zeros."""
    k = columns.shape[1]
    for c in range(k):
        if columns[0, c] == 1.0 and (columns[:, c] == 1.0).all():
            e = np.zeros(k)
            e[c] = 1.0
            return e
    if k == 1:
        value = columns[0, 0]
        return np.array([1.0 / value if value and (columns == value).all() else 0.0])
    scale = np.abs(columns).max(axis=0, initial=1e-300)
    e = np.linalg.lstsq(columns / scale, np.ones(len(columns)), rcond=None)[0] / scale
    exact = np.abs(columns @ e - 1.0).max(initial=0.0) < 1e-10
    return np.where(np.abs(e * scale) > 1e-10, e, 0.0) if exact else np.zeros(k)


def _standardise(columns: Floats, constant: Floats) -> Standardisation:
    """Centred (where ``constant`` allows) and of unit spread, but for the constant itself."""
    scales = column_scales(columns, constant)
    own, mix, matrix = scales.pivots * scales.share, _identity(len(constant)), scales.matrix
    if scales.least < _NEARLY_DEPENDENT**2 and _are_nearly_dependent(scales):
        scales = column_scales(columns, constant, few=0)  # added as the products below are
        left, mix = _orthogonalised(scales.centred / scales.spread)
        own, matrix = left * scales.share, scales.matrix @ mix
    return Standardisation(scales.shift, scales.spread, mix, matrix, own, constant)


def _are_nearly_dependent(scales: ColumnScales) -> bool:
    """Whether the columns have a singular value that is small."""
    if not scales.pivots.all():
        return True
    return bool(np.linalg.eigvalsh(scales.gram)[0] <= _NEARLY_DEPENDENT**2)


def _orthogonalised(Q: Floats) -> tuple[Floats, Floats]:
    """What is left of each column (k,), and the mix (k, k) that makes them independent.

    Gram–Schmidt in the order of the columns (n, k), which are written over.
    """
    k = Q.shape[1]
    left, mix = np.zeros(k), np.eye(k)
    for c in range(k):
        for _ in range(2):  # twice is enough to be orthogonal to rounding
            for before in range(c):
                if left[before] == 0.0:
                    continue
                part = Q[:, before] @ Q[:, c] / len(Q)
                Q[:, c] -= part * Q[:, before]
                mix[:, c] -= part * mix[:, before]
        left[c] = np.sqrt(Q[:, c] @ Q[:, c] / len(Q))
        if left[c] > 1e-13:
            Q[:, c] /= left[c]
            mix[:, c] /= left[c]
        else:
            left[c] = 0.0
    return left, mix


def own_parts(moments: Floats, columns: Standardisation) -> Floats:
    """How much of each column (k,) is its own, as `Standardisation` has it.

    Of ``moments`` (k, k), the mean products of the internal columns of all rows, whose mix is upper
    triangular.
    """
    rest, left = moments.copy(), np.zeros(len(moments))
    for k in range(len(moments)):
        left[k] = max(rest[k, k], 0.0)
        if left[k] > 1e-26:
            rest = rest - np.outer(rest[:, k], rest[k]) / left[k]
    inverse = np.linalg.inv(columns.matrix)
    size = np.sqrt(np.diag(inverse.T @ moments @ inverse))
    own = np.sqrt(left) * columns.spread / np.diag(columns.mix)
    return np.divide(own, size, out=np.zeros(len(left)), where=size > 0.0)


def own_of_blocks(moments: Floats, columns: Standardisation, blocks: Sequence[int]) -> Floats:
    """`own_parts` of random columns (q,), whose blocks of G are standardised each by itself."""
    found = [np.zeros(0)]
    for at in block_slices(blocks):
        block = Standardisation(
            columns.shift[at], columns.spread[at], columns.mix[at, at], columns.matrix[at, at],
            columns.own[at], columns.constant[at],
        )  # fmt: skip
        found.append(own_parts(moments[at, at], block))
    return np.concatenate(found)


def _diagonal(parts: list[Floats]) -> Floats:
    """Square matrices as the diagonal blocks of one."""
    whole = np.zeros((sum(map(len, parts)),) * 2)
    end = 0
    for part in parts:
        at = slice(end, end := end + len(part))
        whole[at, at] = part
    return whole
