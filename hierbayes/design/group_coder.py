"""Groups numbered in the order in which their labels come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hierbayes.compilation import compiled
from hierbayes.design.levels_seen import StatedOrder
from hierbayes.design.text_numbers import TextNumbers
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Integers

_WIDEST = 1 << 26  # range of whole numbers that are looked up in a table
_SIGNED = 1 << 63  # numbers without a sign that are below have their like with one


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
        self._places: Any = np.empty(0, dtype=np.int32)
        self._texts = TextNumbers()
        self._of_text: Integers = np.empty(0, dtype=np.intp)
        self._order = StatedOrder()

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
        self._order.see(column)
        if isinstance(column.dtype, pd.CategoricalDtype):
            own, distinct = column.array.codes, column.array.categories
            seen = _distinct(own, len(distinct))
            codes = np.empty(len(distinct), dtype=np.intp)
            codes[seen] = self._of_distinct(distinct.take(seen), place)
            return codes[own]
        if getattr(column.dtype, "storage", "") == "pyarrow":
            return self._of_texts(column.array.__arrow_array__(), place)
        values = column.to_numpy()
        if values.dtype.kind == "u" and len(values) and int(values.max()) < _SIGNED:
            values = values.astype(np.int64)
        if values.dtype.kind == "i" and len(values):
            looked_up = self._looked_up(values, place)
            if looked_up is not None:
                return looked_up
        own, found = pd.factorize(column)
        return self._of_distinct(pd.Index(found), place)[own]

    def sorted(self) -> tuple[pd.Index, Integers]:
        """The labels in their order, and the number (J,) that each has had.

        It is the one that all rows state as that of categories, or else that of their values.
        """
        if self._order.stated:
            places = pd.Index(self._order.stated, tupleize_cols=False).get_indexer(self.labels)
            found: Integers = np.argsort(places, kind="stable")
            return self.labels.take(found).rename(self.name), found
        codes, ordered = pd.factorize(self.labels, sort=True)
        order: Integers = np.argsort(codes, kind="stable")
        return pd.Index(ordered, name=self.name, tupleize_cols=False), order

    def _looked_up(self, values: Any, place: str) -> Integers | None:
        """The numbers of the groups (n,) of whole numbers; None where their range is too wide."""
        codes: Integers = np.empty(len(values), dtype=np.intp)
        if _look_up(values, self._first, self._places, codes):
            if not self._widened(int(values.min()), int(values.max())):
                return None
            _look_up(values, self._first, self._places, codes)
            new = _distinct(values[codes < 0] - self._first, len(self._places)) + self._first
            self._places[new - self._first] = self._of_distinct(pd.Index(new), place)
            _look_up(values, self._first, self._places, codes)
        return codes

    def _widened(self, low: int, high: int) -> bool:
        """Whether there is a table for whole numbers from low to high; it is made longer."""
        known, first = self._places, low
        if len(known):
            first, high = min(low, self._first), max(high, self._first + len(known) - 1)
        if high - first >= _WIDEST:
            return False
        if high - first + 1 == len(known):
            return True
        table = np.full(high - first + 1, -1, dtype=np.int32)
        start = self._first - first
        table[start : start + len(known)] = known
        self._first, self._places = first, table
        labels = self.labels
        if len(labels) and labels.dtype.kind in "iu":
            at = labels.to_numpy() - first
            inside = np.flatnonzero((at >= 0) & (at < len(table)))
            table[at[inside]] = inside
        return True

    def _of_texts(self, texts: Any, place: str) -> Integers:
        """The numbers of the groups (n,) of texts, in chunks as Arrow holds them."""
        before = self._texts.count
        numbers = [self._texts.of(chunk) for chunk in texts.chunks]
        if self._texts.count > before:
            new = pd.Index(self._texts.texts(before))
            no_others = before == self.J  # among the labels that are known
            codes = self._of_distinct(new, place, are_new=no_others)
            self._of_text = np.concatenate([self._of_text, codes])
        codes = np.concatenate(numbers) if len(numbers) != 1 else numbers[0]
        return self._of_text[codes]

    def _of_distinct(self, distinct: pd.Index, place: str, are_new: bool = False) -> Integers:
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
        at = np.full(len(distinct), -1) if are_new else self.labels.get_indexer(distinct)
        new = distinct[at < 0]
        if len(new):
            at[at < 0] = np.arange(len(new)) + len(self.labels)
            self.labels = self.labels.append(new)
        return at


def _distinct(values: Any, end: int) -> Integers:
    """The distinct ones, in order, of whole numbers below ``end``."""
    if end > 8 * len(values):
        return np.unique(values)
    there = np.zeros(end, dtype=np.bool_)
    there[values] = True
    return np.flatnonzero(there)


@compiled()
def _look_up(values: Any, first: int, places: Any, codes: Integers) -> bool:
    """The places of values, less the first of them; whether some have none, −1."""
    some, end = False, len(places)
    for i in range(len(values)):
        at = values[i] - first
        code = places[np.uint64(at)] if 0 <= at < end else -1
        some |= code < 0
        codes[i] = code
    return some
