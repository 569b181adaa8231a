"""The distinct rows of a source, and how often each of them occurs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hierbayes.design.complete import Dropped
from hierbayes.design.counted_rows import RowReader
from hierbayes.design.factor_coder import FactorCoder
from hierbayes.design.row_keys import RowKeys
from hierbayes.errors import DataError, FormulaError
from hierbayes.sources.source import Source

MOST_BYTES = 1 << 31  # that distinct rows may take, with what is made of them
_OF_VALUE = 48  # bytes of a value: the value, its place among those of its column, and its matrices
_OF_ROW = 160  # bytes of a row beside those
TIMES = "(times)"  # the column that says how often each occurs


class DistinctRows(NamedTuple):
    """Those of a source.

    Parameters
    ----------
    frame : DataFrame
        The first of rows that are alike to a model, with the column `TIMES`.
    dropped : Dropped
        Rows of the source that are not complete.
    """

    frame: pd.DataFrame
    dropped: Dropped


def distinct_rows(source: Source, reader: RowReader, labels: Sequence[str]) -> DistinctRows:
    """The distinct complete rows of a source, in the columns that a reader names.

    Raises
    ------
    DataError
        When there are so many that they are too large for the memory, saying how many.
    """
    keys: RowKeys | None = None
    coder = FactorCoder("rows", ())
    frames: list[pd.DataFrame] = []
    times, rows, dropped = np.zeros(0), 0.0, 0
    missing: dict[str, int] = {}
    for batch in source.batches(reader.columns, labels):
        read = reader.of(batch)
        dropped += read.dropped
        for name, count in read.missing.items():
            missing[name] = missing.get(name, 0) + count
        if not len(read.frame):
            continue
        if keys is None:
            keys = RowKeys(reader.spec, reader.names, read.frame)
            coder = FactorCoder("rows", keys.names)
        before = coder.J
        try:
            keyed = keys.of(read.frame)
        except (DataError, FormulaError) as error:
            raise type(error)(f"{batch.place}: {error}") from error
        codes = coder.codes(keyed, batch.place)
        new, first = np.unique(codes, return_index=True)
        frames.append(read.frame.iloc[first[new >= before]][list(reader.names)].copy())
        times = np.append(times, np.zeros(coder.J - before))
        times += np.bincount(codes, read.times, coder.J)
        rows += len(codes) if read.times is None else read.times.sum()
        _refuse_too_many(coder.J, int(rows), len(reader.names), source)
    table = pd.concat(frames) if frames else pd.DataFrame(columns=list(reader.names))
    return DistinctRows(table.assign(**{TIMES: times}), Dropped(dropped, missing))


def _refuse_too_many(distinct: int, rows: int, columns: int, source: Source) -> None:
    needed = distinct * (_OF_ROW + _OF_VALUE * columns)
    if needed > MOST_BYTES:
        raise DataError(
            f"of the first {rows:,} rows of {source.text} {distinct:,} are distinct in the columns "
            f"of the model, and take {needed / 1e9:.1f} GB of memory, of at most "
            f"{MOST_BYTES / 1e9:.1f}: a response that is not Gaussian streams where many rows are "
            "alike; round numbers or make classes of them, or give a frame as data"
        )
