"""Rows of Dask dataframes: partitions that are read one by one, or summed up where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hierbayes.errors import DataError
from hierbayes.sources.source import Batch


def is_dask_frame(given: object) -> bool:
    """Whether something is a dataframe of Dask, which is not imported for that."""
    return type(given).__module__.startswith("dask") and hasattr(given, "to_delayed")


@dataclass(frozen=True, slots=True, eq=False)
class DaskSource:
    """A Dask dataframe.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
    text : str
        What it is called.
    rows : None
        Not known before they are read.
    """

    frame: Any
    text: str = "the Dask dataframe"
    rows: None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(self.frame.columns)

    @property
    def kinds(self) -> pd.DataFrame:
        """A frame without rows whose columns are of the same types."""
        none: pd.DataFrame = self.frame._meta
        return none

    def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
        """As in `Source`: each partition is computed, and comes to this process."""
        start = 0
        for k, part in enumerate(self.parts(names)):
            place = f"partition {k} of {self.text}"
            try:
                rows = part.compute()
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                raise DataError(f"cannot read {place}: {' '.join(str(error).split())}") from error
            end = start + len(rows)
            yield Batch(rows.set_axis(range(start, end), axis="index"), place)
            start = end

    def parts(self, names: Sequence[str]) -> list[Any]:
        """The partitions as Dask's promises of frames of the columns named."""
        found: list[Any] = self.frame[list(names)].to_delayed()
        return found
