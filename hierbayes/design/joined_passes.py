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
    random_between,
)
from hierbayes.design.column_moments import Moments
from hierbayes.design.combination_order import SEPARATOR, order_of_combinations, order_of_parts
from hierbayes.design.common_basis import common_basis, of_all_responses, with_own_parts
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.group_coder import GroupCoder
from hierbayes.design.joined_groups import (
    PartGroups,
    joined_factors,
    joined_products,
    products_of,
)
from hierbayes.design.one_pass import Pass
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import PairProducts
from hierbayes.design.sums import little_is_left, without_fixed
from hierbayes.frames.arrays import Floats, Integers


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
        factors=joined_factors(parts, sums.own, groups),
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


def _groups(k: int, name: str, parts: Sequence[Pass], places: Sequence[str]) -> PartGroups:
    coder = GroupCoder(name)
    codes_of = [
        coder.codes(pd.Series(part.factors[k].cross.groups), place)
        for part, place in zip(parts, places, strict=True)
    ]
    labels, order = coder.sorted()
    own = [part.factors[k].cross.groups for part in parts]
    if SEPARATOR in name and (found := order_of_combinations(labels, own)) is not None:
        labels, order = labels[found], order[found]
    elif (kept := order_of_parts(labels, own)) is not None:
        labels, order = labels[kept], order[kept]
    rank: Integers = np.argsort(order)
    return PartGroups(labels, tuple(rank[codes] for codes in codes_of))


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over the rows of all parts, in one basis."""

    own: tuple[CrossProducts, ...]
    pairs: tuple[PairProducts, ...]
    moments: Moments

    @classmethod
    def of(
        cls, parts: Sequence[Pass], random: RandomColumns, groups: Sequence[PartGroups]
    ) -> _Sums:
        basis = common_basis(parts, random)
        own, pairs = joined_products(parts, basis, random, groups)
        return cls(own, pairs, _moments(parts, basis, random))

    @property
    def products(self) -> Products:
        return products_of(self.own, self.pairs)

    def turned(self, basis: Basis) -> _Sums:
        """In a basis with other fixed columns or another response."""
        M = columns_between(self.own[0].basis, basis)
        own = tuple(replace(one.turned(M), basis=basis) for one in self.own)
        return _Sums(own, self.pairs, self.moments.turned(M))

    def with_digits(self, random: RandomColumns) -> _Sums:
        """In a basis as that of rows in memory is, without Xγ where it is nearly all of y."""
        sums = self.turned(with_own_parts(self.own[0].basis, self.moments, random.blocks))
        sums = sums.turned(of_all_responses(sums.own[0].basis, sums.moments))
        if little_is_left(sums.products):
            for _ in range(2):
                sums = sums.turned(without_fixed(sums.products))
        return sums


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
