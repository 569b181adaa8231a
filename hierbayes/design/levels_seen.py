"""The levels of a column of labels, of rows that come a few at a time, and the order they have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from hierbayes.sources.source import AS_THEY_CAME


class StatedOrder:
    """The order of categories that all rows of a column state, of rows that come in batches."""

    def __init__(self) -> None:
        self._order: tuple[Any, ...] | None = None  # none as yet; () where rows differ

    @property
    def stated(self) -> tuple[Any, ...]:
        """The categories; () where there is no order that all rows state."""
        return self._order or ()

    def see(self, column: pd.Series) -> None:
        """More rows; of no row nothing is said."""
        if len(column) and self._order != ():
            order = stated_order(column)
            self._order = order if self._order in (None, order) else ()


class LevelsSeen:
    """Levels that occur; where all rows state one order of categories, it is theirs."""

    def __init__(self) -> None:
        self.found: set[Any] = set()
        self._order: tuple[Any, ...] | None = (
            None  # none as yet; () where rows differ or state none
        )

    def add(self, values: Iterable[Any], order: tuple[Any, ...]) -> None:
        """More values, of categories in an order; () where it is not stated."""
        self.found.update(values)
        self._order = order if self._order in (None, order) else ()

    def join(self, other: LevelsSeen) -> None:
        """Those of other rows too."""
        if other._order is not None:
            self.add(other.found, other._order)

    def index(self, name: str) -> pd.Index:
        """The levels in their order, which is the one stated or else that of their values."""
        stated = [level for level in self._order or () if level in self.found]
        return pd.Index(stated or sorted(self.found), name=name)


def stated_order(column: pd.Series) -> tuple[Any, ...]:
    """The order of the categories of a column; none of texts that the reader numbered."""
    is_category = isinstance(column.dtype, pd.CategoricalDtype)
    if not is_category or column.cat.categories.name == AS_THEY_CAME:
        return ()
    return tuple(column.cat.categories)
