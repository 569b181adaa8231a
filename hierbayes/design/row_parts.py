"""Rows of a source as those of a frame, a batch at a time, once the groups are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from hierbayes.design.batch_columns import BatchColumns, Columned
from hierbayes.design.matrices import group_labels
from hierbayes.design.rows import Rows
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.sources.source import Source


def row_parts(
    source: Source,
    maker: BatchColumns,
    factors: Mapping[str, tuple[str, ...]],
    labels: Sequence[pd.Index],
) -> Iterator[Rows]:
    """The complete rows, read once more.

    Rows that count several times weigh as much more, which is the same to all sums of products.

    Parameters
    ----------
    source : Source
    maker : BatchColumns
    factors : mapping
        From each grouping factor to the columns that hold its groups.
    labels : sequence of Index
        Of the groups of each.

    Raises
    ------
    DataError
        When a group was not there when the rows were summed up, naming the file or the part.
    """
    names = list(dict.fromkeys([*maker.levels, *sum(factors.values(), ())]))
    for batch in source.batches(maker.reader.columns, names):
        made = maker.of(batch)
        if not len(made.y):
            continue
        X, Z, y = made.rows()
        yield Rows(
            response=y,
            X=X,
            Z=Z,
            codes_of=tuple(
                _codes(made.frame, columns, own, batch.place)
                for columns, own in zip(factors.values(), labels, strict=True)
            ),
            index=made.frame.index,
            kept=np.ones(len(y), dtype=bool),
            frames=(made.frame,),
            root_weights=_root_weights(made),
        )


def _codes(frame: pd.DataFrame, columns: tuple[str, ...], labels: pd.Index, place: str) -> Integers:
    own = group_labels(frame, columns)
    codes = labels.get_indexer(pd.Index(np.asarray(own), dtype=labels.dtype))
    if (codes < 0).any():
        raise DataError(
            f"{place}: the group '{own.iloc[int((codes < 0).argmax())]}' was not there when the "
            "rows were summed up: the data have changed"
        )
    return codes


def _root_weights(made: Columned) -> Floats | None:
    of_rows = [one for one in (made.times, made.weights) if one is not None]
    return np.sqrt(np.prod(of_rows, axis=0)) if of_rows else None
