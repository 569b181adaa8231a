"""Rows of tables that export streams of Arrow: DuckDB relations, lazy frames of polars, Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

        chosen = self.table.select(list(names)) if _selects(self.table) else self.table
        try:
            reader = pa.RecordBatchReader.from_stream(chosen)
            parts = (batch.select(list(names)) for batch in reader)
            yield from frames_of(parts, labels, self.text, 0)
        except (OSError, RuntimeError, pa.ArrowInvalid) as error:
            raise DataError(f"cannot read {self.text}: {' '.join(str(error).split())}") from error


def _selects(table: Any) -> bool:
    """Whether ``select`` takes a list of names."""
    return type(table).__module__.partition(".")[0] in ("polars", "pyarrow")


def stream_of(table: Any) -> TableSource:
    """The rows of a table that exports streams of Arrow.

    Raises
    ------
    DataError
        When it can be read but once.
    """
    import pyarrow as pa

    if isinstance(table, pa.RecordBatchReader):
        raise DataError(
            "a RecordBatchReader can be read once, and rows that stream are read more often: give "
            "what it reads, a table, a relation or files; or its rows in memory, reader.read_all()"
        )
    kind = type(table).__module__.partition(".")[0].strip("_")
    schema = pa.RecordBatchReader.from_stream(table).schema
    return TableSource(f"the {kind} table", table, tuple(schema.names))
