"""What passes over several sets of rows found, as one pass over all of them would have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.change_of_basis import (
    RandomColumns,
    columns_between,
    in_basis,
    random_between,
)
from hierbayes.design.column_moments import Moments
from hierbayes.design.column_roles import rotated_roles
from hierbayes.design.common_basis import common_basis, of_all_responses, with_own_parts
from hierbayes.design.constancy_watch import joined_ranges
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.factor_watch import FactorFound
from hierbayes.design.group_coder import GroupCoder
from hierbayes.design.group_roots import GroupRoots
from hierbayes.design.level_roots import PairSums
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import PairProducts, SparseProducts
from hierbayes.design.streamed_sums import Pass
from hierbayes.design.sums import little_is_left, without_fixed
from hierbayes.frames.arrays import Floats, Integers


@dataclass(frozen=True, slots=True)
class _Groups:
    """Labels of the groups of a factor in order, and the place of each part's among them."""

    labels: pd.Index
    codes_of: tuple[Integers, ...]


def joined_passes(
    parts: Sequence[Pass], random: RandomColumns, factors: Sequence[str], places: Sequence[str]
) -> Pass:
    """Join passes over rows of one design, in whatever order; groups are known by their labels.

    Parameters
    ----------
    parts : sequence of Pass
        Each in a basis of its own.
    random : RandomColumns
        Of the random columns.
    factors : sequence of str
        The grouping factors.
    places : sequence of str
        What each part is called, for messages.

    Raises
    ------
    DataError
        When groups are numbers in one part and texts in another.
    """
    if len(parts) == 1:
        return parts[0]
    groups = [_groups(k, name, parts, places) for k, name in enumerate(factors)]
    sums = _Sums.of(parts, random, groups).with_digits(random)
    missing: Counter[str] = Counter()
    for part in parts:
        missing.update(part.missing)
    return Pass(
        cross=sums.products,
        factors=tuple(
            _factor([part.factors[k] for part in parts], own, groups[k])
            for k, own in enumerate(sums.own)
        ),
        moments=sums.moments,
        log_root_weights=sum(part.log_root_weights for part in parts),
        two_valued=all(part.two_valued for part in parts),
        sample=parts[0].sample,
        missing=dict(missing),
        dropped=sum(part.dropped for part in parts),
    )


def in_one_basis(found: Pass) -> Pass:
    """The same, what is known by factor in the basis of the whole."""
    basis = found.cross.basis
    factors = []
    for one in found.factors:
        M = columns_between(one.cross.basis, basis)
        factors.append(replace(one, cross=replace(one.cross.turned(M), basis=basis)))
    cross = factors[0].cross if len(factors) == 1 else found.cross
    return replace(found, cross=cross, factors=tuple(factors))


def _groups(k: int, name: str, parts: Sequence[Pass], places: Sequence[str]) -> _Groups:
    coder = GroupCoder(name)
    codes_of = [
        coder.codes(pd.Series(part.factors[k].cross.groups), place)
        for part, place in zip(parts, places, strict=True)
    ]
    labels, order = coder.sorted()
    rank: Integers = np.argsort(order)
    return _Groups(labels, tuple(rank[codes] for codes in codes_of))


def _factor(parts: Sequence[FactorFound], cross: CrossProducts, groups: _Groups) -> FactorFound:
    """What is known of the groups of one factor."""
    J, codes_of = len(groups.labels), groups.codes_of
    weights = np.zeros(J)
    for part, codes in zip(parts, codes_of, strict=True):
        weights[codes] += part.weights
    columns = {
        name: joined_ranges([part.parts[name] for part in parts], codes_of, J)
        for name in parts[0].parts
    }
    ranges = joined_ranges([part.columns for part in parts], codes_of, J)
    return FactorFound(cross, ranges, parts[0].alone, columns, weights)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over the rows of all parts, in one basis."""

    own: tuple[CrossProducts, ...]
    pairs: tuple[PairProducts, ...]
    moments: Moments

    @classmethod
    def of(cls, parts: Sequence[Pass], random: RandomColumns, groups: Sequence[_Groups]) -> _Sums:
        basis = common_basis(parts, random)
        own = [_own(k, parts, basis, random, groups[k]) for k in range(len(groups))]
        pairs = [
            _pairs(at, parts, basis, random, groups)
            for at in range(len(groups) * (len(groups) - 1) // 2)
        ]
        return cls(tuple(own), tuple(pairs), _moments(parts, basis, random))

    @property
    def products(self) -> Products:
        first = self.own[0]
        if len(self.own) == 1:
            return first
        levels = tuple(one.levels[0] for one in self.own)
        return SparseProducts(levels, self.pairs, first.C, first.n, first.basis)

    def turned(self, basis: Basis) -> _Sums:
        """In a basis with other fixed columns or another response."""
        M = columns_between(self.own[0].basis, basis)
        own = tuple(replace(one.turned(M), basis=basis) for one in self.own)
        return _Sums(own, self.pairs, self.moments.turned(M))

    def with_digits(self, random: RandomColumns) -> _Sums:
        """In a basis as that of rows in memory is, without Xγ where it is nearly all of y."""
        sums = self.turned(with_own_parts(self.own[0].basis, self.moments))
        sums = sums.turned(of_all_responses(sums.own[0].basis, sums.moments))
        if little_is_left(sums.products):
            for _ in range(2):
                sums = sums.turned(without_fixed(sums.products))
        return sums


def _own(
    k: int, parts: Sequence[Pass], basis: Basis, random: RandomColumns, groups: _Groups
) -> CrossProducts:
    """The cross-products of factor k as if it were the only one."""
    J = len(groups.labels)
    q = random.spans[k].stop - random.spans[k].start
    roots = GroupRoots(rotated_roles(q, len(basis.taken) + 1))
    for part, codes in zip(parts, groups.codes_of, strict=True):
        roots.join(in_basis(part.factors[k].cross, basis, random, k), codes, J)
    return roots.products(groups.labels, np.arange(J), basis)


def _pairs(
    at: int, parts: Sequence[Pass], basis: Basis, random: RandomColumns, groups: Sequence[_Groups]
) -> PairProducts:
    """The products of levels of two factors that occur together in any part."""
    found: PairSums | None = None
    for number, part in enumerate(parts):
        assert isinstance(part.cross, SparseProducts)
        pair = part.cross.pairs[at]
        k, m = pair.first, pair.second
        M = random_between(part.cross.basis.z, basis.z, random.blocks)
        left, right = (M[span, span] for span in (random.spans[k], random.spans[m]))
        found = PairSums(k, m) if found is None else found
        codes, others = (groups[one].codes_of[number] for one in (k, m))
        found.add(left.T @ pair.values @ right, codes[pair.i], others[pair.j])
    assert found is not None
    return found.products(*(np.arange(len(groups[one].labels)) for one in (k, m)))


def _moments(parts: Sequence[Pass], basis: Basis, random: RandomColumns) -> Moments:
    n, total = 0.0, None
    for part in parts:
        rows, old = part.cross.n, part.cross.basis
        found = part.moments.turned(columns_between(old, basis))
        Mz = random_between(old.z, basis.z, random.blocks)
        mine: tuple[Floats, ...] = (found.mean, found.fixed, Mz.T @ found.random @ Mz)
        weighed = [rows * one for one in mine]
        total = weighed if total is None else [a + b for a, b in zip(total, weighed, strict=True)]
        n += rows
    assert total is not None
    return Moments(*(one / n for one in total))
