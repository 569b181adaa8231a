"""A source of rows: batches of bounded size, as often as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pandas as pd

AS_THEY_CAME = "(texts, as they came)"  # name of categories that stand for texts, in no order


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some rows of a source.

    Parameters
    ----------
    frame : DataFrame
        Their columns; the index numbers the rows of the source.
    place : str
        The file or the part they come from, for messages.
    """

    frame: pd.DataFrame
    place: str


@runtime_checkable
class Source(Protocol):
    """Rows that can be read more than once, a batch at a time."""

    @property
    def text(self) -> str:
        """What it is called."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""

    @property
    def rows(self) -> int | None:
        """How many rows there are, where that is known beforehand."""

    def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
        """All rows, of the columns named; of ``labels`` texts are categories of each batch.

        Raises
        ------
        DataError
            When the rows cannot be read, naming the file or the part.
        """
