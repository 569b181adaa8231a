"""Cross-products of several sets of rows added up, by the groups of every grouping factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.change_of_basis import RandomColumns, in_basis, random_between
from hierbayes.design.column_roles import rotated_roles
from hierbayes.design.constancy_watch import joined_ranges
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.factor_watch import FactorFound
from hierbayes.design.group_roots import GroupRoots
from hierbayes.design.level_roots import PairSums
from hierbayes.design.one_pass import ByGroups
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import PairProducts, SparseProducts
from hierbayes.frames.arrays import Integers


@dataclass(frozen=True, slots=True)
class PartGroups:
    """Labels of the groups of a factor in order, and the place of each part's among them.

    Parameters
    ----------
    labels : Index
    codes_of : tuple of (J_part,) int
    """

    labels: pd.Index
    codes_of: tuple[Integers, ...]


def joined_products(
    parts: Sequence[ByGroups],
    basis: Basis,
    random: RandomColumns,
    groups: Sequence[PartGroups],
) -> tuple[tuple[CrossProducts, ...], tuple[PairProducts, ...]]:
    """For each factor the cross-products as if it were the only one, and those of pairs of levels.

    Parameters
    ----------
    parts : sequence of ByGroups
        Each in a basis of its own.
    basis : Basis
        The one that all are brought into.
    random : RandomColumns
    groups : sequence of PartGroups
        For each grouping factor.
    """
    own = tuple(_own(k, parts, basis, random, groups[k]) for k in range(len(groups)))
    pairs = len(groups) * (len(groups) - 1) // 2
    return own, tuple(_pairs(at, parts, basis, random, groups) for at in range(pairs))


def products_of(own: Sequence[CrossProducts], pairs: Sequence[PairProducts]) -> Products:
    """The cross-products of one factor, or of several."""
    first, *others = own
    if not others:
        return first
    levels = tuple(one.levels[0] for one in own)
    return SparseProducts(levels, tuple(pairs), first.C, first.n, first.basis)


def joined_factors(
    parts: Sequence[ByGroups], own: Sequence[CrossProducts], groups: Sequence[PartGroups]
) -> tuple[FactorFound, ...]:
    """What is known of the groups of each factor, with cross-products ``own`` of all parts."""
    return tuple(
        _factor([part.factors[k] for part in parts], cross, groups[k])
        for k, cross in enumerate(own)
    )


def _factor(parts: Sequence[FactorFound], cross: CrossProducts, groups: PartGroups) -> FactorFound:
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


def _own(
    k: int, parts: Sequence[ByGroups], basis: Basis, random: RandomColumns, groups: PartGroups
) -> CrossProducts:
    """The cross-products of factor k as if it were the only one."""
    J = len(groups.labels)
    q = random.spans[k].stop - random.spans[k].start
    roots = GroupRoots(rotated_roles(q, len(basis.taken) + 1))
    for part, codes in zip(parts, groups.codes_of, strict=True):
        roots.join(in_basis(part.factors[k].cross, basis, random, k), codes, J)
    return roots.products(groups.labels, np.arange(J), basis)


def _pairs(
    at: int,
    parts: Sequence[ByGroups],
    basis: Basis,
    random: RandomColumns,
    groups: Sequence[PartGroups],
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
