"""The columns of a frame, each taken out of it once."""

from __future__ import annotations

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
        self.frame, self.index = frame, frame.index
        self._known = known

    def __getitem__(self, name: str) -> pd.Series:
        column = self._known.get(name)
        if column is None:
            column = self._known.setdefault(name, self.frame[name])
        return column

    def __len__(self) -> int:
        return len(self.index)


type DataColumns = pd.DataFrame | SeenColumns


def frame_of(columns: DataColumns) -> pd.DataFrame:
    """The frame."""
    return columns.frame if isinstance(columns, SeenColumns) else columns
