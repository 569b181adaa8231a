"""Groups numbered in the order in which their labels come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Integers

_WIDEST = 1 << 26  # range of whole numbers that are looked up in a table


class GroupCoder:
    """Numbers of groups, of a column that comes in batches.

    Parameters
    ----------
    name : str
        The column.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.labels = pd.Index([])
        self._kind = ""
        self._first = 0
        self._places: Integers = np.empty(0, dtype=np.intp)

    @property
    def J(self) -> int:
        """How many groups there have been."""
        return len(self.labels)

    def codes(self, column: pd.Series, place: str) -> Integers:
        """The number of each row's group (n,).

        Raises
        ------
        DataError
            When the column holds another type than before, naming the place.
        """
        if isinstance(column.dtype, pd.CategoricalDtype):
            own, distinct = column.array.codes, column.array.categories
            seen = np.unique(own)
            return self._of_distinct(distinct.take(seen), place)[np.searchsorted(seen, own)]
        values = column.to_numpy()
        if values.dtype.kind in "iu" and len(values) and self._is_narrow(values):
            return self._looked_up(values, place)
        own, found = pd.factorize(column)
        return self._of_distinct(pd.Index(found), place)[own]

    def sorted(self) -> tuple[pd.Index, Integers]:
        """The labels in their order, and the number (J,) that each has had."""
        codes, ordered = pd.factorize(self.labels, sort=True)
        order: Integers = np.argsort(codes, kind="stable")
        return pd.Index(ordered, name=self.name, tupleize_cols=False), order

    def _is_narrow(self, values: Any) -> bool:
        low, high = int(values.min()), int(values.max())
        if len(self._places):
            low = min(low, self._first)
            high = max(high, self._first + len(self._places) - 1)
        return high - low < _WIDEST

    def _looked_up(self, values: Any, place: str) -> Integers:
        low, high = int(values.min()), int(values.max())
        last = self._first + len(self._places) - 1 if len(self._places) else high
        first = min(low, self._first) if len(self._places) else low
        if first != self._first or max(high, last) != last or not len(self._places):
            table = np.full(max(high, last) - first + 1, -1, dtype=np.intp)
            start = self._first - first
            table[start : start + len(self._places)] = self._places
            self._first, self._places = first, table
            known = self.labels
            if len(known) and known.dtype.kind in "iu":
                at = known.to_numpy() - first
                inside = np.flatnonzero((at >= 0) & (at < len(table)))
                table[at[inside]] = inside
        at = values - self._first
        codes = self._places[at]
        if (codes < 0).any():
            new = np.unique(values[codes < 0])
            self._places[new - self._first] = self._of_distinct(pd.Index(new), place)
            codes = self._places[at]
        return codes

    def _of_distinct(self, distinct: pd.Index, place: str) -> Integers:
        kind = "number" if distinct.dtype.kind in "iuf" else str(distinct.inferred_type)
        if not len(distinct):
            return np.empty(0, dtype=np.intp)
        self._kind = self._kind or kind
        if kind != self._kind:
            raise DataError(
                f"the group column '{self.name}' holds labels of type {kind} in {place} and of "
                f"type {self._kind} before; write them as the same everywhere"
            )
        if not len(self.labels):
            self.labels = distinct
            return np.arange(len(distinct))
        at = self.labels.get_indexer(distinct)
        new = distinct[at < 0]
        if len(new):
            at[at < 0] = np.arange(len(new)) + len(self.labels)
            self.labels = self.labels.append(new)
        return at
