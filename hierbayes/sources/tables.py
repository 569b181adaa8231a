"""Rows of tables that export streams of Arrow: DuckDB relations, lazy frames of polars, Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hierbayes.errors import DataError
from hierbayes.sources.arrow_batches import frames_of
from hierbayes.sources.source import Batch


@dataclass(frozen=True, slots=True, eq=False)
class TableSource:
    """A table that is read as a stream of Arrow record batches, anew each time.

    Parameters
    ----------
    text : str
        What it is called.
    table : object
        With ``__arrow_c_stream__``.
    columns : tuple of str
    rows : int, optional
    """

    text: str
    table: Any
    columns: tuple[str, ...]
    rows: int | None = None

    def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
        """As in `Source`."""
        import pyarrow as pa

        with _in_words(self.text):
            chosen = self.table.select(list(names)) if _selects(self.table) else self.table
            reader = pa.RecordBatchReader.from_stream(chosen)
            parts = (batch.select(list(names)) for batch in reader)
        batches = frames_of(parts, labels, self.text, 0)
        while True:  # what is done with a batch is not within
            with _in_words(self.text):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch


@contextmanager
def _in_words(text: str) -> Iterator[None]:
    """Says that a table cannot be read, whatever engine is behind it.

    Raises
    ------
    DataError
    """
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # each engine has errors of its own
        raise DataError(f"cannot read {text}: {' '.join(str(error).split())}") from error


def collected(lazy: Any) -> Any:
    """The rows of a lazy frame.

    Raises
    ------
    DataError
        When they cannot be read.
    """
    with _in_words("the lazy frame"):
        return lazy.collect()


def _selects(table: Any) -> bool:
    """Whether ``select`` takes a list of names."""
    return type(table).__module__.partition(".")[0] in ("polars", "pyarrow")


def stream_of(table: Any) -> TableSource:
    """The rows of a table that exports streams of Arrow.

    Raises
    ------
    DataError
        When it can be read but once, or cannot be read.
    """
    import pyarrow as pa

    if isinstance(table, pa.RecordBatchReader):
        raise DataError(
            "a RecordBatchReader can be read once, and rows that stream are read more often: give "
            "what it reads, a table, a relation or files; or its rows in memory, reader.read_all()"
        )
    kind = type(table).__module__.partition(".")[0].strip("_")
    text = f"the {kind} table"
    with _in_words(text):
        schema = pa.RecordBatchReader.from_stream(table).schema
    return TableSource(text, table, tuple(schema.names))
