"""Frames of polars: those in memory as frames of pandas, lazy ones as rows that stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from hierbayes.errors import DataError
from hierbayes.sources.arrow_batches import ROWS
from hierbayes.sources.tables import TableSource, in_words

_TEXT = "the lazy frame"


def is_lazy(given: Any) -> bool:
    """Whether something is a lazy frame, which polars is not imported for."""
    return hasattr(given, "collect") and hasattr(given, "collect_schema")


def is_polars_frame(given: Any) -> bool:
    """Whether something is a frame of polars in memory."""
    return hasattr(given, "to_arrow") and hasattr(given, "height")


def frame_of_polars(given: Any) -> pd.DataFrame:
    """The frame of pandas with the rows of one of polars."""
    frame: pd.DataFrame = _labels_as_texts(given).to_arrow().to_pandas()
    return frame


def rows_of_lazy(lazy: Any) -> TableSource:
    """The rows of a lazy frame, whose query is done anew in each reading, a batch at a time.

    Raises
    ------
    DataError
        When its columns cannot be found, or polars is older than its batches.
    """
    if not hasattr(lazy, "collect_batches"):
        raise DataError(
            "rows of a lazy frame stream from polars 1.34 on: upgrade it, or give the rows in "
            "memory, lazy.collect()"
        )
    with in_words(_TEXT):
        schema = lazy.collect_schema()

    def read(names: list[str]) -> Iterator[tuple[str, Any]]:
        chosen = _labels_as_texts(lazy.select(names))
        for part in chosen.collect_batches(chunk_size=ROWS, maintain_order=True):
            for batch in part.to_arrow().to_batches():
                yield _TEXT, batch

    return TableSource(_TEXT, read, tuple(schema))


def _labels_as_texts(given: Any) -> Any:
    """A frame with texts in place of polars' categories, whose order is that of the alphabet.

    As Arrow they would stand in the order in which the process first met them; those of an Enum
    have an order, and keep it.
    """
    import polars as pl

    kinds = given.collect_schema().items()
    named = [name for name, kind in kinds if kind == pl.Categorical]
    return given.with_columns(pl.col(named).cast(pl.String)) if named else given
