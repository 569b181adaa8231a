r"""Cross-products of several grouping factors: all that a fit keeps of its rows.

For each factor k and each of its levels j, Z_kj'Z_kj and Z_kj'[X y]; for every two factors the
blocks Z_ki'Z_lj of the levels that occur together, which are few; and [X y]'[X y].

They form a commutative monoid: those of two sets of rows in the same basis add up to those of
both, in any order and however levels are spread over the sets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field, replace
from functools import cached_property
from itertools import combinations
from operator import mul
from typing import NamedTuple

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import integers_for, zeros_of
from hierbayes.design.basis import Basis
from hierbayes.design.blocks import block_slices, free_entries
from hierbayes.design.group_sums import group_sums
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.level_products import LevelProducts
from hierbayes.design.rows import Rows
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.value import value


@value()
class PairProducts:
    """Cross-products Z_ki'Z_lj of the levels of two factors that occur together.

    Parameters
    ----------
    first, second : int
        The factors k < l.
    i, j : (m,) int
        Levels, sorted by i and then j.
    values : (m, q_k, q_l) float
    """

    first: int
    second: int
    i: Integers
    j: Integers
    values: Floats


class SummedRows(NamedTuple):
    """Rows in the user's units, and the M by which [X y] is multiplied; None for the identity."""

    rows: Rows
    change: Floats | None = None


class RowsRoot(NamedTuple):
    """A root of rows that are not in memory: R with R'R = [Z X y]'[Z X y].

    The effects stand in the order of elimination; ``change`` is as of `SummedRows`.
    """

    R: Floats
    change: Floats | None = None


@value(slots=False)
class SparseProducts:
    """Cross-products of Z, X and y by level and pair of levels, in an internal basis.

    Parameters
    ----------
    levels : tuple of LevelProducts
        One for each factor.
    pairs : tuple of PairProducts
        One for every two factors.
    C : (p+1, p+1) float
        [X y]'[X y].
    n : float
        Number of rows.
    basis : Basis
        In which X, Z and y are meant; the columns of Z stand factor by factor.
    rows : SummedRows or RowsRoot, optional
        What they are of, or a root of it, where that is at hand: very small residuals are computed
        from there.
    """

    levels: tuple[LevelProducts, ...]
    pairs: tuple[PairProducts, ...]
    C: Floats
    n: float
    basis: Basis
    rows: SummedRows | RowsRoot | None = None
    p: int = field(init=False)  # fixed columns
    group_counts: tuple[int, ...] = field(init=False)  # J_k: how many levels each factor has
    widths: tuple[int, ...] = field(init=False)  # q_k: how many effects each factor has
    sizes: tuple[int, ...] = field(init=False)  # J_k q_k: how many random effects in all
    total_squares: tuple[Floats, ...] = field(init=False)  # (q_k,): of the columns of each Z_k
    least_squares: tuple[Floats, ...] = field(init=False)  # (q_k,): the least of one level
    noise: Floats = field(init=False)  # (Q,): error of an effect that a level estimates by itself

    def __post_init__(self) -> None:
        """Count effects and columns, and size them up, which everything asks for.

        The noise is against σ, on average; infinite where no row says anything of the effect.
        """
        counts = tuple([one.J for one in self.levels])
        widths = tuple([one.q for one in self.levels])
        squares = [one.squares for one in self.levels]
        noise = [
            math.sqrt(J / one) if one > 0.0 else math.inf
            for J, (total, _) in zip(counts, squares, strict=True)
            for one in total.tolist()
        ]
        vars(self).update(
            p=len(self.C) - 1, group_counts=counts, widths=widths,
            sizes=tuple(map(mul, counts, widths)), noise=np.array(noise),
            total_squares=tuple([total for total, _ in squares]),
            least_squares=tuple([least for _, least in squares]),
        )  # fmt: skip

    @cached_property
    def spans(self) -> tuple[slice, ...]:
        """The places of each factor's effects among those of all."""
        return tuple(block_slices(self.widths))

    @cached_property
    def entries(self) -> tuple[Integers, Integers]:
        """Where the entries of G's lower triangle stand that lie within a factor."""
        return free_entries(self.widths)

    def largest_group(self, k: int) -> tuple[Floats, Floats]:
        """Z_j'Z_j (q, q) and Z_j'[X_j y_j] (q, p+1) of the level of factor k of most rows."""
        j = self.levels[k].rows.argmax()
        return self.levels[k].A[j], self.levels[k].B[j]

    def turned(self, M: Floats) -> SparseProducts:
        """Those of the columns [X y] M, M (p+1, m)."""
        levels = tuple(replace(level, B=level.B @ M) for level in self.levels)
        rows = self.rows
        if rows is not None:
            rows = rows._replace(change=M if rows.change is None else rows.change @ M)
        return replace(self, levels=levels, C=M.T @ self.C @ M, rows=rows)

    def __add__(self, other: SparseProducts) -> SparseProducts:
        """Those of both sets of rows; a level present in both becomes one.

        Raises
        ------
        DataError
            When the two are not in the same basis.
        """
        self.basis.refuse_other(other.basis)
        labels = [
            mine.labels.append(theirs.labels).unique()
            for mine, theirs in zip(self.levels, other.levels, strict=True)
        ]
        parts = [
            [one.placed(index) for one, index in zip(part.levels, labels, strict=True)]
            for part in (self, other)
        ]
        levels = tuple(
            LevelProducts(a.labels, a.A + b.A, a.B + b.B, a.rows + b.rows)
            for a, b in zip(*parts, strict=True)
        )
        pairs = []
        for mine, theirs in zip(self.pairs, other.pairs, strict=True):
            first, second = labels[mine.first], labels[mine.second]
            i, j = (
                np.concatenate(
                    [
                        index.get_indexer(part.levels[place].labels)[at]
                        for part, at in ((self, a), (other, b))
                    ]
                )
                for index, place, a, b in (
                    (first, mine.first, mine.i, theirs.i),
                    (second, mine.second, mine.j, theirs.j),
                )
            )
            values = np.concatenate([mine.values, theirs.values])
            pairs.append(added_pairs(mine.first, mine.second, i, j, values))
        return SparseProducts(levels, tuple(pairs), self.C + other.C, self.n + other.n, self.basis)


def added_pairs(first: int, second: int, i: Integers, j: Integers, values: Floats) -> PairProducts:
    """Blocks (m, q_k, q_l) of levels i and j, those of the same two levels added."""
    i, j = i.astype(np.int64, copy=False), j.astype(np.int64, copy=False)
    return PairProducts(first, second, *_added(i, j, np.ascontiguousarray(values)))


@compiled(short_loops=True)
def _added(i: Integers, j: Integers, values: Floats) -> tuple[Integers, Integers, Floats]:
    """The distinct pairs in order, and the sum of the blocks of each."""
    place, levels, others = _placed(i, j)
    m, a, b = values.shape
    total = zeros_of((len(levels), a, b))
    for row in range(m):
        for c in range(a):
            for d in range(b):
                total[place[row], c, d] += values[row, c, d]
    return levels, others, total


@compiled(short_loops=True)
def _products(
    i: Integers, j: Integers, Z: Floats, first: int, a: int, second: int, b: int
) -> tuple[Integers, Integers, Floats]:
    """The same of the products of a columns of Z (n, Q) and b others, by the first of each."""
    place, levels, others = _placed(i, j)
    total = zeros_of((len(levels), a, b))
    for row in range(len(Z)):
        for c in range(a):
            for d in range(b):
                total[place[row], c, d] += Z[row, first + c] * Z[row, second + d]
    return levels, others, total


@inner
def _placed(i: Integers, j: Integers) -> tuple[Integers, Integers, Integers]:
    """The place of each row's pair among the distinct ones, and these in order.

    Two sorts by counting.
    """
    m, count, before = len(i), 0, -1
    place = integers_for(m)
    for row in range(m):
        place[row] = row
    order = _counted(i, _counted(j, place))
    for at in range(m):
        row = order[at]
        if at == 0 or i[row] != i[before] or j[row] != j[before]:
            count += 1
        place[row], before = count - 1, row
    levels, others = integers_for(count), integers_for(count)
    for row in range(m):
        levels[place[row]], others[place[row]] = i[row], j[row]
    return place, levels, others


@inner
def _counted(keys: Integers, order: Integers) -> Integers:
    """Rows in the order of their keys, else as they stand in ``order``."""
    m, size = len(keys), 0
    for row in range(m):
        if keys[row] >= size:
            size = keys[row] + 1
    begin, sorted_rows = integers_for(size + 1), integers_for(m)
    for key in range(size + 1):
        begin[key] = 0
    for row in range(m):
        begin[keys[row] + 1] += 1
    for key in range(size):
        begin[key + 1] += begin[key]
    for at in range(m):
        key = keys[order[at]]
        sorted_rows[begin[key]] = order[at]
        begin[key] += 1
    return sorted_rows


def sparse_products(
    rows: Rows, factors: Sequence[GroupingFactor], spans: Sequence[slice], basis: Basis
) -> SparseProducts:
    """Cross-products of several factors in one pass over the rows.

    Parameters
    ----------
    rows : Rows
        In the user's units.
    factors : sequence of GroupingFactor
    spans : sequence of slice
        The columns of Z that vary over each factor.
    basis : Basis
    """
    columns, Z = rows.internal(basis)
    codes = rows.codes_of
    levels = [
        LevelProducts(factor.held, *group_sums(columns, Z, span, at, factor.J))
        for factor, at, span in zip(factors, codes, spans, strict=True)
    ]
    pairs = [
        PairProducts(k, m, *_products(
            codes[k], codes[m], Z, spans[k].start, levels[k].q, spans[m].start, levels[m].q
        ))
        for k, m in combinations(range(len(factors)), 2)
    ]  # fmt: skip
    C, n = columns.T.dot(columns), float(len(columns))
    return SparseProducts(tuple(levels), tuple(pairs), C, n, basis, SummedRows(rows))
