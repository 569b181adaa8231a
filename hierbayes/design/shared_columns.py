"""Columns of the data that a model is made of: their values are not copied, nor do they change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import overload

import pandas as pd

from hierbayes.frames.seen_columns import DataColumns
from hierbayes.value import value


@value()
class NamedSeries:
    """Columns by name, and the index of their rows, of which no frame is made."""

    columns: dict[str, pd.Series]
    index: pd.Index

    def __getitem__(self, name: str) -> pd.Series:
        return self.columns[name]


class SharedColumns(Sequence[pd.DataFrame]):
    """Some columns of a frame, as the only frame of a sequence, made when it is asked for.

    Parameters
    ----------
    frame : DataFrame
    names : iterable of str

    Examples
    --------
    >>> data = pd.DataFrame({"x": [1, 2], "y": [3, 4]})
    >>> shared = SharedColumns(data, ["x"])
    >>> data.loc[0, "x"] = 5
    >>> shared[0]["x"].tolist()
    [1, 2]
    """

    def __init__(self, frame: DataColumns, names: Iterable[str]) -> None:
        self.seen = NamedSeries({name: frame[name] for name in names}, frame.index)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The frame."""
        return pd.DataFrame(self.seen.columns, index=self.seen.index, copy=False)

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[pd.DataFrame]:
        yield self.frame

    @overload
    def __getitem__(self, at: int) -> pd.DataFrame: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[pd.DataFrame]: ...

    def __getitem__(self, at: int | slice) -> pd.DataFrame | Sequence[pd.DataFrame]:
        return (self.frame,)[at]
