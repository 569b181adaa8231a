"""What the levels of a factor are called, as an Index once one is asked for."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd


@dataclass(frozen=True, eq=False)
class LevelLabels:
    """Distinct labels in their order.

    Pandas makes an Index of a few texts in the time in which a small model is fitted, and a fit
    needs how many they are alone.

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


type Labels = pd.Index | LevelLabels


def index_of(labels: Labels) -> pd.Index:
    """The Index of labels, made or not."""
    return labels.index if isinstance(labels, LevelLabels) else labels
