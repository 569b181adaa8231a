"""What is remembered of the columns of data that were read, so that a design is made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from hierbayes.design.batch_columns import needed_names
from hierbayes.design.first_pass import columns_of_labels, pilot_rows
from hierbayes.specification.formula import Specification

_ROWS = 8
_GOLDEN = 0.6180339887498949  # multiples of it lie evenly in the unit interval, however many


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A column of numbers or truth values.

    Parameters
    ----------
    dtype : str
    low, high : float
        Between which an expression of it can be computed.
    """

    dtype: str
    low: float
    high: float

    @property
    def kind(self) -> str:
        """What its values are."""
        return "truth values" if self.dtype == "bool" else "a number"

    def joined(self, other: NumberColumn) -> NumberColumn:
        """That of both."""
        dtype = np.result_type(self.dtype, other.dtype)
        return NumberColumn(str(dtype), min(self.low, other.low), max(self.high, other.high))

    def values(self, place: int, rows: int) -> Any:
        """Some values; those of columns at different places are not in step."""
        share = (_GOLDEN * np.arange(1, rows + 1) * (place + 1)) % 1.0
        values = self.low + (self.high - self.low) * share
        dtype = np.dtype(self.dtype)
        return (np.rint(values) if dtype.kind in "iub" else values).astype(dtype)


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """A column of labels.

    Parameters
    ----------
    levels : tuple
        In the order of their coding, the reference first.
    dtype : str
        Of the levels.
    is_category : bool
        Whether the column is one of categories, also where its levels are numbers.
    """

    levels: tuple[Any, ...]
    dtype: str
    is_category: bool = False

    kind = "a factor"

    @property
    def index(self) -> pd.Index:
        """The levels as pandas has them."""
        return pd.Index(list(self.levels), dtype=self.dtype)

    def nothing(self, rows: int) -> Any:
        """Rows without a level."""
        return pd.Categorical([None] * rows) if self.is_category else [None] * rows


type RecordedColumn = NumberColumn | LabelColumn


def record_columns(spec: Specification, pilot: pd.DataFrame) -> dict[str, RecordedColumn]:
    """What is remembered of the columns of a few rows in which every level occurs.

    Of groups nothing is, nor of what only the errors depend on.
    """
    labels = columns_of_labels(spec, pilot)
    apart = {*spec.group_columns}
    if spec.residual is not None:
        apart |= {*spec.residual.columns} - {*needed_names(replace(spec, residual=None))}
    found: dict[str, RecordedColumn] = {}
    for name in pilot.columns:
        column = pilot[name]
        if name in labels:
            levels = _levels(column)
            is_category = isinstance(column.dtype, pd.CategoricalDtype)
            found[name] = LabelColumn(tuple(levels.tolist()), str(levels.dtype), is_category)
        elif name not in apart and is_numeric_dtype(column.dtype):
            found[name] = NumberColumn(str(column.dtype), float(column.min()), float(column.max()))
    return found


def pilot_of(recorded: Mapping[str, RecordedColumn], needed: Sequence[str]) -> pd.DataFrame:
    """A few rows that make the same design as those that were read, none of which they are.

    Columns that are needed and of which nothing is remembered, as of groups, are numbered here,
    two rows in each.
    """
    levels = {name: one.index for name, one in recorded.items() if isinstance(one, LabelColumn)}
    rows = max([_ROWS, *map(len, levels.values())])
    head = {
        name: one.values(place, rows) if isinstance(one, NumberColumn) else one.nothing(rows)
        for place, (name, one) in enumerate(recorded.items())
    }
    numbers = {name: np.arange(rows) // 2 for name in needed if name not in head}
    return pilot_rows(pd.DataFrame(head | numbers), levels)


def _levels(column: pd.Series) -> pd.Index:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.categories
    return pd.Index(np.sort(column.unique()))


def levels_in_order(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, pd.Index]:
    """The levels of those columns of a frame that are categories, in their order.

    On the rows that have a value in every column of ``names``.
    """
    complete = frame[list(names)].dropna()
    return {
        name: pd.Index(complete[name].cat.remove_unused_categories().cat.categories, name=name)
        for name in names
        if isinstance(frame[name].dtype, pd.CategoricalDtype)
    }
