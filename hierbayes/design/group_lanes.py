"""Sums by group over rows that come in batches, in lanes beside each other.

What takes long is to turn rows into the triangles of their groups.  So batches are added in turns
to sums of their own, by a thread each, and those are added up at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.batch_columns import BatchColumns, Columned
from hierbayes.design.change_of_basis import RandomColumns
from hierbayes.design.column_roles import ColumnRoles, is_plain, plain_roles, rotated_roles
from hierbayes.design.columns import Columns
from hierbayes.design.factor_watch import FactorFound, FactorWatch
from hierbayes.design.joined_groups import (
    PartGroups,
    joined_factors,
    joined_products,
    products_of,
)
from hierbayes.design.level_roots import LevelRoots
from hierbayes.design.products import Products
from hierbayes.frames.arrays import Floats, Integers

WAITING = 2  # batches of a lane that are being added, or wait to be

type Factors = Mapping[str, tuple[str, ...]]  # the columns of each grouping factor


@dataclass(frozen=True, slots=True, eq=False)
class CodedBatch:
    """The columns (n,) of a batch, and for each factor codes (n,) of its groups, below a size."""

    table: Sequence[Floats]
    made: Columned
    codes_of: list[Integers]
    sizes: list[int]


@dataclass(frozen=True, slots=True)
class Part:
    """What was found of some batches, by the groups that they have."""

    cross: Products
    factors: tuple[FactorFound, ...]
    codes_of: tuple[Integers, ...]  # for each factor places (J_part,) among the labels of all


class Lane:
    """Sums by group over some of the batches, the last of which threads may be adding."""

    def __init__(self, maker: BatchColumns, basis: Basis, factors: Factors) -> None:
        self._roots = LevelRoots([_roles(maker, basis, span) for span in maker.columns.spans])
        self._watches = [FactorWatch(maker) for _ in factors]
        self._waiting: deque[Future[None]] = deque()

    def take(self, adding: Executor, batch: CodedBatch) -> None:
        """Add a batch after those before it, of which two at most are left to be added."""
        before = self._waiting[-1] if self._waiting else None
        if len(self._waiting) == WAITING:
            self._waiting.popleft().result()
        self._waiting.append(adding.submit(self._add, batch, before))

    def _add(self, batch: CodedBatch, before: Future[None] | None) -> None:
        if before is not None:
            before.result()
        made = batch.made
        released = self._roots.add(
            batch.table, batch.codes_of, batch.sizes, made.times, made.weights
        )
        for watch, codes, J, own, change in zip(
            self._watches, batch.codes_of, batch.sizes, self._roots.roots, released, strict=True
        ):
            watch.watch(made, codes, J, own.roles.held, change)

    def found(self, sorted_of: Sequence[tuple[pd.Index, Integers]], basis: Basis) -> Part:
        """All that was added, of groups whose labels are sorted, and the codes they have had."""
        for one in self._waiting:
            one.result()
        there = [
            np.flatnonzero(one.rows_of(order) > 0.0)
            for one, (_, order) in zip(self._roots.roots, sorted_of, strict=True)
        ]
        chosen = [
            (labels[at], order[at]) for (labels, order), at in zip(sorted_of, there, strict=True)
        ]
        cross, own = self._roots.products(chosen, basis)
        factors = tuple(
            watch.found(one, order, roots.held)
            for watch, one, (_, order), roots in zip(
                self._watches, own, chosen, self._roots.roots, strict=True
            )
        )
        return Part(cross, factors, tuple(there))


def joined_lanes(
    parts: Sequence[Part], labels_of: Sequence[pd.Index], basis: Basis, columns: Columns
) -> tuple[Products, tuple[FactorFound, ...]]:
    """What all lanes found; ``labels_of`` each factor are those of all groups, in order."""
    if len(parts) == 1:
        return parts[0].cross, parts[0].factors
    groups = [
        PartGroups(labels, tuple(part.codes_of[k] for part in parts))
        for k, labels in enumerate(labels_of)
    ]
    random = RandomColumns(columns.blocks, columns.spans)
    own, pairs = joined_products(parts, basis, random, groups)
    return products_of(own, pairs), joined_factors(parts, own, groups)


def _roles(maker: BatchColumns, basis: Basis, span: slice) -> ColumnRoles:
    """What is done with each column of the tables of batches, for one factor."""
    if is_plain(basis):
        return plain_roles(maker.columns, basis, maker.z_at, span)
    return rotated_roles(len(maker.z_at), len(maker.columns.terms) + 1, span)
