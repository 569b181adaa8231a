r"""Cross-products of one grouping factor or several, of rows that come a few at a time.

What is by level of a factor is kept as roots; the blocks Z_ki'Z_lj of levels of two factors that
occur together are added up, those of many batches at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.column_roles import ColumnRoles
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.group_roots import GroupRoots
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import PairProducts, SparseProducts, added_pairs
from hierbayes.frames.arrays import Floats, Integers

_LATER = 1 << 16  # blocks that wait to be added to those before, at least


class LevelRoots:
    """Roots by level of every factor, and products by pair of levels.

    Parameters
    ----------
    roles : sequence of ColumnRoles
        What is done with each column, for each factor.
    """

    def __init__(self, roles: Sequence[ColumnRoles]) -> None:
        self.roots = [GroupRoots(one) for one in roles]
        pairs = combinations(range(len(self.roots)), 2)
        self._pairs = {pair: PairSums(*pair) for pair in pairs}

    def add(
        self,
        table: Sequence[Floats],
        codes_of: Sequence[Integers],
        sizes: Sequence[int],
        times: Floats | None,
        weights: Floats | None,
    ) -> list[list[tuple[int, Floats]]]:
        """Add rows, the d columns (n,) of a table; codes of factor k are below ``sizes[k]``.

        Each as often as ``times`` says (n,), with the precision ``weights`` (n,); None for 1.
        Returns for each factor what `GroupRoots.add` does.
        """
        parts = [_random(table, roots.roles) for roots in self.roots] if self._pairs else []
        released = [
            roots.add(table, codes, J, times, weights)
            for roots, codes, J in zip(self.roots, codes_of, sizes, strict=True)
        ]
        for (k, m), pair in self._pairs.items():
            left = parts[k]
            for factor in (times, weights):
                left = left if factor is None else factor[:, None] * left
            pair.add(left[:, :, None] * parts[m][:, None, :], codes_of[k], codes_of[m])
        return released

    def products(
        self, sorted_of: Sequence[tuple[pd.Index, Integers]], basis: Basis
    ) -> tuple[Products, tuple[CrossProducts, ...]]:
        """The cross-products, and those of each factor as if it were the only one.

        Parameters
        ----------
        sorted_of : sequence of (Index, (J,) int)
            For each factor its labels in order, and the code that each has had.
        basis : Basis
        """
        own = tuple(
            roots.products(labels, order, basis)
            for roots, (labels, order) in zip(self.roots, sorted_of, strict=True)
        )
        if len(own) == 1:
            return own[0], own
        levels = tuple(one.levels[0] for one in own)
        orders = [order for _, order in sorted_of]
        pairs = tuple(pair.products(orders[k], orders[m]) for (k, m), pair in self._pairs.items())
        return SparseProducts(levels, pairs, own[0].C, own[0].n, basis), own


def _random(table: Sequence[Floats], roles: ColumnRoles) -> Floats:
    """Z° (n, q) of rows."""
    shift, inverse = roles.of_z
    columns: Floats = (np.stack([table[at] for at in roles.z_at], axis=1) - shift) * inverse
    return columns


class PairSums:
    """Blocks Z_ki'Z_lj of the levels of two factors.

    Parameters
    ----------
    first, second : int
        The factors k < l.
    """

    def __init__(self, first: int, second: int) -> None:
        self._place = first, second
        self._waiting: list[PairProducts] = []
        self._known = 0

    def add(self, values: Floats, i: Integers, j: Integers) -> None:
        """Add the blocks (n, q_k, q_l) of rows, whose levels are i and j (n,)."""
        self._waiting.append(added_pairs(*self._place, i, j, values))
        blocks = sum(len(one.i) for one in self._waiting)
        if blocks > 2 * self._known + _LATER:
            self._waiting = [self._whole()]
            self._known = len(self._waiting[0].i)

    def _whole(self) -> PairProducts:
        i, j, values = (
            np.concatenate([getattr(one, name) for one in self._waiting])
            for name in ("i", "j", "values")
        )
        return added_pairs(*self._place, i, j, values)

    def products(self, first: Integers, second: Integers) -> PairProducts:
        """All of them, of levels in another order (J_k,), (J_l,) than that they came in.

        Levels that have none of them may be left out.
        """
        found = self._whole()
        i, j = _places(first)[found.i], _places(second)[found.j]
        return added_pairs(*self._place, i, j, found.values)


def _places(order: Integers) -> Integers:
    """Where each code stands in an order of codes; 0 of those that do not."""
    places = np.zeros(int(order.max(initial=-1)) + 1, dtype=np.intp)
    places[order] = np.arange(len(order))
    return places
