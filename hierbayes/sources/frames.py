"""Rows of a frame in memory as a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from hierbayes.sources.arrow_batches import ROWS
from hierbayes.sources.source import Batch


@dataclass(frozen=True, slots=True, eq=False)
class FrameSource:
    """A frame of pandas, read in batches.

    Parameters
    ----------
    frame : DataFrame
    text : str
        What it is called.
    """

    frame: pd.DataFrame
    text: str = "the frame"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(self.frame.columns)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.frame)

    def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
        """As in `Source`."""
        for start in range(0, len(self.frame), ROWS):
            part = self.frame[list(names)].iloc[start : start + ROWS]
            index = pd.RangeIndex(start, start + len(part))
            yield Batch(part.set_axis(index, axis="index"), self.text)
