"""The columns of a frame, each taken out of it once."""

from __future__ import annotations

from functools import cached_property

import pandas as pd


class SeenColumns:
    """A frame with the columns that were taken out of it.

    Pandas makes a Series anew each time, which takes as long as what a small model does with it.

    Parameters
    ----------
    frame : DataFrame
    known : dict of str to Series
        Columns of it, by name.

    Examples
    --------
    >>> seen = SeenColumns(pd.DataFrame({"x": [1, 2]}), {})
    >>> seen["x"] is seen["x"]
    True
    """

    def __init__(self, frame: pd.DataFrame, known: dict[str, pd.Series]) -> None:
        self._frame, self.index, self._known = frame, frame.index, known

    @property
    def frame(self) -> pd.DataFrame:
        """The frame."""
        return self._frame

    def __getitem__(self, name: str) -> pd.Series:
        column = self._known.get(name)
        if column is None:
            column = self._known.setdefault(name, self.frame[name])
        return column

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
        self.index, self._known = index, known

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The frame."""
        return pd.DataFrame(self._known, index=self.index, copy=False)


type DataColumns = pd.DataFrame | SeenColumns


def frame_of(columns: DataColumns) -> pd.DataFrame:
    """The frame."""
    return columns.frame if isinstance(columns, SeenColumns) else columns
