"""The rows of a design as they are in a frame, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from hierbayes.design.design import Design
from hierbayes.design.row_parts import RowCases
from hierbayes.design.streamed_families import distinct_cases
from hierbayes.design.streamed_rows import StreamedRows


def row_cases(design: Design) -> Iterator[RowCases]:
    """All rows: of a frame at once, those that stream a part at a time, of families the distinct.

    Raises
    ------
    DataError
        When rows that stream are not at hand.
    """
    rows = design.rows
    if not rows.streams:
        yield RowCases(rows, None)
        return
    streamed = cast(StreamedRows, rows)
    if streamed.distinct is not None:
        yield distinct_cases(design)
    else:
        yield from streamed.cases()
