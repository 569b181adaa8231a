"""Rows of Dask dataframes: partitions that are read one by one, or summed up where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hierbayes.errors import DataError, HierbayesError
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
            rows = computed(part, place)
            refuse_other_columns(rows, names, place)
            end = start + len(rows)
            yield Batch(rows.set_axis(range(start, end), axis="index"), place)
            start = end

    def parts(self, names: Sequence[str]) -> list[Any]:
        """The partitions as Dask's promises of frames, of those that know them the columns named.

        A partition that has not the columns that are promised would end in an error of Dask's.
        """
        from dask import delayed

        return [delayed(columns_of)(part, list(names)) for part in self.frame.to_delayed()]


def columns_of(rows: Any, names: list[str]) -> Any:
    """The columns named of a partition, those that it has; it may be no frame at all."""
    if not isinstance(rows, pd.DataFrame):
        return rows
    return rows[[name for name in names if name in rows.columns]]


def computed(part: Any, place: str) -> Any:
    """A partition, computed.

    Raises
    ------
    DataError
        When it cannot be, naming it.
    """
    try:
        return part.compute()
    except HierbayesError:
        raise
    except Exception as error:  # whatever the work behind a partition raises
        said = " ".join(str(error).split())
        raise DataError(f"cannot read {place}: {type(error).__name__}: {said}") from error


def refuse_other_columns(rows: Any, names: Sequence[str], place: str) -> None:
    """Refuse a partition that is no frame, or lacks columns that others have.

    Raises
    ------
    DataError
    """
    if not isinstance(rows, pd.DataFrame):
        raise DataError(f"{place} is no frame of pandas, but of type {type(rows).__name__}")
    for name in names:
        if name not in rows.columns:
            raise DataError(
                f"{place} has no column '{name}', which the dataframe promises; a model reads the "
                "same columns from every partition"
            )
