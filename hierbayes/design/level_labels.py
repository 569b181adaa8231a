"""What the levels of a factor are called, as an Index once one is asked for.

Pandas makes an Index of a few texts in the time in which a small model is fitted, and a fit needs
how many they are alone.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import pandas as pd
from pandas.api.types import is_integer_dtype

from hierbayes.frames.arrays import Integers
from hierbayes.value import value


@value(slots=False)
class LevelLabels:
    """Distinct labels in their order.

    Parameters
    ----------
    values : sequence, array or Index
        The labels.
    name : object
        The column.
    dtype : object, optional
        Of the Index, where the labels do not say it.

    Examples
    --------
    >>> labels = LevelLabels(range(2, 5), "batch")
    >>> len(labels), labels.index
    (3, RangeIndex(start=2, stop=5, step=1, name='batch'))
    """

    values: Sequence[Any] | Any
    name: Hashable
    dtype: Any = None

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def index(self) -> pd.Index:
        """The labels."""
        if isinstance(self.values, range):
            return pd.RangeIndex.from_range(self.values, name=self.name)
        if isinstance(self.values, pd.Index):
            return self.values.rename(self.name)
        return pd.Index(self.values, self.dtype, name=self.name, tupleize_cols=False, copy=False)

    @cached_property
    def texts(self) -> list[str]:
        """The labels as texts."""
        if isinstance(self.values, list) and self.dtype == "str":
            return self.values
        if isinstance(self.values, range):
            return list(map(str, self.values))
        return texts_of(self.index)


@dataclass(frozen=True, eq=False)
class JoinedLabels:
    """Labels of combinations of levels, those of their parts with a colon between.

    Parameters
    ----------
    parts : sequence of list of str
        Labels of each part.
    at : sequence of (J,) int
        Their places.
    name : object

    Examples
    --------
    >>> import numpy as np
    >>> JoinedLabels([["a", "b"], ["1", "2"]], [np.array([0, 1]), np.array([1, 0])], "f:g").index
    Index(['a:2', 'b:1'], dtype='str', name='f:g')
    """

    parts: Sequence[list[str]]
    at: Sequence[Integers]
    name: Hashable

    def __len__(self) -> int:
        return len(self.at[0])

    @property
    def texts(self) -> list[str]:
        """The labels as texts."""
        columns = [
            map(part.__getitem__, places.tolist())
            for part, places in zip(self.parts, self.at, strict=True)
        ]
        return list(map(":".join, zip(*columns, strict=True)))

    @property
    def may_be_equal(self) -> bool:
        """Whether two could be called the same, as one of a part has a colon."""
        return any(":" in text for part in self.parts for text in part)

    @cached_property
    def index(self) -> pd.Index:
        """The labels."""
        return pd.Index(self.texts, name=self.name)


type Labels = pd.Index | LevelLabels | JoinedLabels


def index_of(labels: Labels) -> pd.Index:
    """The Index of labels, made or not."""
    return labels if isinstance(labels, pd.Index) else labels.index


def texts_of(labels: pd.Index) -> list[str]:
    """Labels as texts, which do not depend on what type a column of them has.

    A column of whole numbers has a decimal point as soon as one is missing, one of days an hour as
    soon as one is not midnight.

    Examples
    --------
    >>> texts_of(pd.Index([1.0, 2.5])), texts_of(pd.Index([1, 2]))
    (['1', '2.5'], ['1', '2'])
    >>> texts_of(pd.to_datetime(["2026-01-01 00:00", "2026-01-02 12:00"]))
    ['2026-01-01', '2026-01-02 12:00:00']
    """
    if labels.dtype == "str" or is_integer_dtype(labels.dtype):
        return list(map(str, labels.tolist()))
    return list(map(text_of, labels))


def text_of(label: Any) -> str:
    """The same of one label."""
    if isinstance(label, Real | Decimal) and not isinstance(label, Integral):
        value = float(label)
        return str(math.floor(label) if value.is_integer() else value)
    if isinstance(label, pd.Timestamp) and label.tz is None and label == label.normalize():
        return str(label.date())
    return str(label)
