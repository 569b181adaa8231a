"""What is known of the groups of one grouping factor, of rows that come a few at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hierbayes.design.batch_columns import BatchColumns, Columned
from hierbayes.design.constancy_watch import ConstancyWatch, Ranges
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats, Integers

type Released = Sequence[tuple[int, Floats]]  # fixed columns, and their value in each group


@dataclass(frozen=True, slots=True, eq=False)
class FactorFound:
    """What one pass found of a grouping factor.

    Parameters
    ----------
    cross : CrossProducts
        As if it were the only factor.
    columns : Ranges
        Of the fixed columns and the response.
    alone : dict
        From factors of terms to the fixed columns that they have to themselves.
    parts : dict of str to Ranges
        Of the columns of the other factors.
    weights : (J,) float
        Precision of the rows of every group, added up; n_j where all are alike.
    """

    cross: CrossProducts
    columns: Ranges
    alone: dict[str, tuple[int, ...]]
    parts: dict[str, Ranges]
    weights: Floats

    @property
    def between(self) -> frozenset[str]:
        """Factors of terms that are constant within every group."""
        outer = self.columns.constant[:-1]
        alone = {name for name, places in self.alone.items() if outer[list(places)].all()}
        return frozenset(alone | {name for name, one in self.parts.items() if one.constant.all()})


class FactorWatch:
    """What is constant within the groups of a factor, and how much their rows weigh.

    Parameters
    ----------
    maker : BatchColumns
    """

    def __init__(self, maker: BatchColumns) -> None:
        self._factors = maker.factors
        self._ranges = ConstancyWatch(len(maker.columns.terms) + 1)
        self._parts: dict[str, ConstancyWatch] = {}
        self._weights = np.zeros(0)

    def watch(
        self,
        made: Columned,
        codes: Integers,
        J: int,
        held: Collection[int],
        released: Released,
    ) -> None:
        """Watch rows of groups with these codes, below J.

        Of fixed columns that are ``held`` the values in each group are known otherwise; those
        ``released`` were so before these rows.
        """
        for column, values in released:
            self._ranges.release(column, values)
        self._ranges.add(made.fixed, codes, J, held)
        for name, part in made.parts.items():
            watch = self._parts.setdefault(name, ConstancyWatch(part.shape[1]))
            watch.add(list(part.T), codes, J)
        if made.weights is not None:
            weights = made.weights if made.times is None else made.weights * made.times
            self._weights = _longer(self._weights, J)
            self._weights += np.bincount(codes, weights, J)

    def found(self, cross: CrossProducts, at: Integers, held: Mapping[int, Floats]) -> FactorFound:
        """What has been seen, of groups with these cross-products and the codes ``at`` (J,).

        ``held`` are values by code of fixed columns that are the same in all rows of each group.
        """
        return FactorFound(
            cross,
            self._ranges.found(at, held),
            {name: how for name, how in self._factors.items() if isinstance(how, tuple)},
            {name: watch.found(at) for name, watch in self._parts.items()},
            self._weights[at] if len(self._weights) else cross.rows,
        )


def _longer(values: Floats, J: int) -> Floats:
    return np.append(values, np.zeros(J - len(values)))
