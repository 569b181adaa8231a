"""Rows of tables that export streams of Arrow, as DuckDB's relations do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hierbayes.errors import DataError
from hierbayes.sources.arrow_batches import ROWS, frames_of
from hierbayes.sources.source import Batch

type Read = Callable[[list[str]], Iterator[tuple[str, Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class TableSource:
    """A table that is read as record batches of Arrow, anew each time.

    Parameters
    ----------
    text : str
        What it is called.
    read : callable
        From names of columns to the batches that have them, each after where it comes from.
    columns : tuple of str
    rows : int, optional
    """

    text: str
    read: Read
    columns: tuple[str, ...]
    rows: int | None = None

    def batches(self, names: Sequence[str], labels: Sequence[str] = ()) -> Iterator[Batch]:
        """As in `Source`."""
        start, read = 0, self.read(list(names))
        while True:  # what is done with a batch is not within
            with in_words(self.text):
                found = next(read, None)
            if found is None:
                return
            place, whole = found
            parts = (whole.slice(at, ROWS) for at in range(0, whole.num_rows, ROWS))
            yield from frames_of(parts, labels, place, start)
            start += whole.num_rows


@contextmanager
def in_words(text: str) -> Iterator[None]:
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
    text = f"the {_library(table)} table"
    with in_words(text):
        schema = pa.RecordBatchReader.from_stream(table).schema

    def read(names: list[str]) -> Iterator[tuple[str, Any]]:
        for batch in pa.RecordBatchReader.from_stream(_chosen(table, names)):
            yield text, batch.select(names)

    return TableSource(text, read, tuple(schema.names))


def _library(table: Any) -> str:
    return type(table).__module__.partition(".")[0].strip("_")


def _chosen(table: Any, names: list[str]) -> Any:
    """The columns named alone, of a table of a library that is known to take them."""
    if _library(table) == "pyarrow":
        return table.select(names)
    if _library(table) == "duckdb":
        quoted = ['"' + name.replace('"', '""') + '"' for name in names]
        return table.project(", ".join(quoted))
    return table
