r"""Random effects of several factors as nested ones, group by group, and those that are left.

The factors of a chain (child, school) are nested: their effects fall into groups, those of the
levels of the last one, between which Z_1'Z_1 is zero.  The effects of all other factors, the
core, stand beside the columns of X and y as c further columns, [Z_2 X y].  Groups of about one
size are stacked, and padded with effects that no row has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers

_AT_ONCE = 2_000_000  # numbers of one stack of groups


@dataclass(frozen=True, slots=True, eq=False)
class EffectPlaces:
    """What the effects (b, m) of stacked groups are, or those of the core (m,).

    Parameters
    ----------
    factor : (..., m) int
        -1 where an effect is padding.
    effect : (..., m) int
        Which of its factor's effects, from 0.
    first : (..., m) int
        Where the first effect of the same level stands.
    """

    factor: Integers
    effect: Integers
    first: Integers

    def moved(self, entry: tuple[int, int, int], X: Floats) -> Floats:
        """∂Cov(u)/∂(entry of G) X, X (..., m, n); the entry is (factor, row, column)."""
        k, row, column = entry
        partner = self.first + np.where(self.effect == row, column, row)
        of_entry = (self.factor == k) & ((self.effect == row) | (self.effect == column))
        partner = np.where(of_entry, partner, 0)
        if X.ndim == 2:
            return of_entry[:, None] * X[partner]
        return of_entry[..., None] * np.take_along_axis(X, partner[..., None], axis=1)

    def covariance(self, G: tuple[Floats, ...]) -> Floats:
        """Cov(u) (..., m, m), where G_k (q_k, q_k) is that of a level of factor k."""
        m = self.factor.shape[-1]
        result = np.zeros((*self.factor.shape, m))
        at = np.indices(self.factor.shape)
        for k, one in enumerate(G):
            for column in range(len(one)):
                here = self.factor == k
                places = tuple(a[here] for a in at)
                values = one[self.effect[here], column]
                result[(*places, self.first[here] + column)] = values
        return result


@dataclass(frozen=True, slots=True, eq=False)
class GroupStack:
    """b groups of m effects: Z_1'Z_1 (b, m, m) and Z_1'[Z_2 X y] (b, m, c+p+1)."""

    places: EffectPlaces
    A: Floats
    B: Floats


@dataclass(frozen=True, eq=False)
class EffectGroups:
    """The products of several factors, some of which are the chain.

    Parameters
    ----------
    cross : SparseProducts
    chain : tuple of int
        Factors, each nested in the next.
    """

    cross: SparseProducts
    chain: tuple[int, ...]

    @property
    def rest(self) -> tuple[int, ...]:
        """The factors of the core."""
        return tuple(k for k in range(len(self.cross.levels)) if k not in self.chain)

    @property
    def core_size(self) -> int:
        """c: effects of the core."""
        return sum(self.cross.sizes[k] for k in self.rest)

    @property
    def chain_size(self) -> int:
        """Effects of the chain."""
        return sum(self.cross.sizes[k] for k in self.chain)

    def tops(self, k: int) -> Integers:
        """The group (J_k,) of each level of a factor of the chain."""
        if k == self.chain[-1]:
            return np.arange(self.cross.levels[k].J)
        lower, upper, _ = self.blocks_of(k, self.chain[-1])
        top = np.empty(self.cross.levels[k].J, dtype=np.int64)
        top[lower] = upper
        return top

    @property
    def group_sizes(self) -> Integers:
        """Effects of each group of the chain."""
        J = self.cross.levels[self.chain[-1]].J
        counts = [self.cross.levels[k].q * np.bincount(self.tops(k), None, J) for k in self.chain]
        return np.sum(counts, axis=0, dtype=np.int64)

    @property
    def work(self) -> float:
        """About how many multiplications their second derivatives take."""
        sizes, c = self.group_sizes.astype(float), float(self.core_size)
        wide = c + self.cross.p + 1
        return float(24 * (sizes**3).sum() + 6 * (sizes @ (sizes + wide)) * wide + 8 * c**3)

    def blocks_of(self, k: int, m: int) -> tuple[Integers, Integers, Floats]:
        """Levels of k and of m that occur together, and Z_k'Z_m."""
        for pair in self.cross.pairs:
            if (pair.first, pair.second) == (k, m):
                return pair.i, pair.j, pair.values
            if (pair.first, pair.second) == (m, k):
                return pair.j, pair.i, np.swapaxes(pair.values, 1, 2)
        raise KeyError((k, m))

    @property
    def core_starts(self) -> dict[int, int]:
        """Where the effects of each factor of the core begin among those of all."""
        starts, at = {}, 0
        for k in self.rest:
            starts[k], at = at, at + self.cross.sizes[k]
        return starts

    def core_places(self) -> EffectPlaces:
        """What the effects (c,) of the core are."""
        factor, effect = [], []
        for k in self.rest:
            J, q = self.cross.levels[k].J, self.cross.levels[k].q
            factor.append(np.full(J * q, k))
            effect.append(np.tile(np.arange(q), J))
        of_factor, of_effect = (
            np.concatenate([np.zeros(0, dtype=np.int64), *one]) for one in (factor, effect)
        )
        return EffectPlaces(of_factor, of_effect, np.arange(len(of_factor)) - of_effect)

    def core_products(self) -> Floats:
        """[Z_2 X y]'[Z_2 X y] (c+p+1, c+p+1)."""
        c, starts = self.core_size, self.core_starts
        C = np.zeros((c + self.cross.p + 1,) * 2)
        C[c:, c:] = self.cross.C
        for k in self.rest:
            level = self.cross.levels[k]
            at = starts[k] + np.arange(level.J * level.q).reshape(level.J, level.q)
            C[at[:, :, None], at[:, None, :]] = level.A
            C[at, c:] = level.B
            C[c:, at.ravel()] = level.B.reshape(-1, self.cross.p + 1).T
            for m in (m for m in self.rest if m > k):
                i, j, values = self.blocks_of(k, m)
                q = self.cross.levels[m].q
                other = starts[m] + j[:, None] * q + np.arange(q)
                C[at[i][:, :, None], other[:, None, :]] = values
                C[other[:, :, None], at[i][:, None, :]] = np.swapaxes(values, 1, 2)
        return C

    def stacks(self) -> Iterator[GroupStack]:
        """The groups of the chain, those of about one size together."""
        sizes = self.group_sizes
        order = np.argsort(sizes, kind="stable")
        wide = self.core_size + self.cross.p + 1
        cost = sizes[order] * (sizes[order] + wide)
        ends = [0]
        for i in range(len(order)):
            if (i + 1 - ends[-1]) * cost[i] > _AT_ONCE and i > ends[-1]:
                ends.append(i)
        for start, stop in pairwise([*ends, len(order)]):
            yield self._stack(order[start:stop], int(sizes[order[stop - 1]]))

    def _stack(self, groups: Integers, m: int) -> GroupStack:
        """The groups of these numbers, each padded to m effects."""
        J, c, p1 = self.cross.levels[self.chain[-1]].J, self.core_size, self.cross.p + 1
        slot = np.full(J, -1)
        slot[groups] = np.arange(len(groups))
        factor = np.full((len(groups), m), -1)
        effect, first = np.zeros_like(factor), np.zeros_like(factor)
        A, B = np.zeros((len(groups), m, m)), np.zeros((len(groups), m, c + p1))
        filled, of_level = np.zeros(len(groups), dtype=np.int64), {}
        for k in self.chain:
            level = self.cross.levels[k]
            mine = slot[self.tops(k)]
            inside = np.flatnonzero(mine >= 0)
            inside = inside[np.argsort(mine[inside], kind="stable")]
            b = mine[inside]
            counts = np.bincount(b, minlength=len(groups))
            rank = np.arange(len(b)) - np.repeat(np.cumsum(counts) - counts, counts)
            begin = np.full(level.J, -1)
            begin[inside] = filled[b] + rank * level.q
            filled += counts * level.q
            of_level[k] = mine, begin
            at = begin[inside][:, None] + np.arange(level.q)
            factor[b[:, None], at] = k
            effect[b[:, None], at] = np.arange(level.q)
            first[b[:, None], at] = begin[inside][:, None]
            A[b[:, None, None], at[:, :, None], at[:, None, :]] = level.A[inside]
            B[b[:, None], at, c:] = level.B[inside]
            self._fill_core_columns(k, mine, begin, B)
        self._fill_chain_pairs(of_level, A)
        return GroupStack(EffectPlaces(factor, effect, first), A, B)

    def _fill_core_columns(self, k: int, mine: Integers, begin: Integers, B: Floats) -> None:
        """Z_k'Z_2 in its places."""
        for m, start in self.core_starts.items():
            i, j, values = self.blocks_of(k, m)
            here = begin[i] >= 0
            i, j, values = i[here], j[here], values[here]
            rows = begin[i][:, None] + np.arange(values.shape[1])
            columns = start + j[:, None] * values.shape[2] + np.arange(values.shape[2])
            B[mine[i][:, None, None], rows[:, :, None], columns[:, None, :]] = values

    def _fill_chain_pairs(self, of_level: dict[int, tuple[Integers, Integers]], A: Floats) -> None:
        """Z_k'Z_m of two factors of the chain in its places."""
        for a, k in enumerate(self.chain):
            for m in self.chain[a + 1 :]:
                i, j, values = self.blocks_of(k, m)
                (mine, begin), (_, other) = of_level[k], of_level[m]
                here = begin[i] >= 0
                i, j, values = i[here], j[here], values[here]
                rows = begin[i][:, None] + np.arange(values.shape[1])
                columns = other[j][:, None] + np.arange(values.shape[2])
                b = mine[i][:, None, None]
                A[b, rows[:, :, None], columns[:, None, :]] = values
                A[b, columns[:, :, None], rows[:, None, :]] = np.swapaxes(values, 1, 2)
