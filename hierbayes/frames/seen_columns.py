"""The columns of a frame, each taken out of it once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats


class SeenColumns:
    """A frame with the columns that were taken out of it.

    Pandas makes a Series anew each time, which takes as long as what a small model does with it.

    Parameters
    ----------
    frame : DataFrame
    known : dict of str to Series
        Columns of it, by name.
    held : dict of str to array
        What columns hold, where that was taken out of them: numbers of 64 bits, codes of factors.

    Examples
    --------
    >>> seen = SeenColumns(pd.DataFrame({"x": [1, 2]}), {})
    >>> seen["x"] is seen["x"]
    True
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        known: dict[str, pd.Series],
        held: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._frame, self.index, self._known, self._held = frame, frame.index, known, held

    @property
    def frame(self) -> pd.DataFrame:
        """The frame."""
        return self._frame

    def __getitem__(self, name: str) -> pd.Series:
        column = self._known.get(name)
        if column is None:
            column = self._known.setdefault(name, self.frame[name])
        return column

    def numbers(self, name: str) -> Floats:
        """The numbers (n,) of a column of numbers, not to be changed."""
        held: Floats | None = self._held.get(name)
        return self[name].to_numpy(dtype=np.float64) if held is None else held

    def codes(self, name: str) -> Any:
        """The codes (n,) of a categorical column."""
        held = self._held.get(name)
        return self[name].array.codes if held is None else held

    def __len__(self) -> int:
        return len(self.index)


class ColumnsApart(SeenColumns):
    """Columns of the same rows, of which a frame is made when it is asked for.

    Parameters
    ----------
    known : dict of str to Series
    index : Index
        Labels of the rows, which all columns have.

    Examples
    --------
    >>> apart = ColumnsApart({"x": pd.Series([1, 2])}, pd.RangeIndex(2))
    >>> apart.frame is apart.frame, list(apart.frame)
    (True, ['x'])
    """

    def __init__(self, known: dict[str, pd.Series], index: pd.Index) -> None:
        self.index, self._known, self._held = index, known, {}

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The frame."""
        return pd.DataFrame(self._known, index=self.index, copy=False)


type DataColumns = pd.DataFrame | SeenColumns


def frame_of(columns: DataColumns) -> pd.DataFrame:
    """The frame."""
    return columns.frame if isinstance(columns, SeenColumns) else columns


def seen(columns: DataColumns) -> SeenColumns:
    """The same, of which columns are taken out once."""
    return columns if isinstance(columns, SeenColumns) else SeenColumns(columns, {})
