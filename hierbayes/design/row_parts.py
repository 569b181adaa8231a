"""Rows of a source as those of a frame, a batch at a time, once the groups are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from hierbayes.design.batch_columns import BatchColumns
from hierbayes.design.matrices import group_labels
from hierbayes.design.rows import Rows
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.sources.source import Source


class RowCases(NamedTuple):
    """Some rows, and how often each of them counts.

    Parameters
    ----------
    rows : Rows
    times : (n,) float, optional
        None where each counts once.
    """

    rows: Rows
    times: Floats | None

    @property
    def weighed(self) -> Rows:
        """The rows, those that count several times weighing as much more.

        That is the same to all sums of products.
        """
        if self.times is None:
            return self.rows
        root, own = np.sqrt(self.times), self.rows.root_weights
        return replace(self.rows, root_weights=root if own is None else root * own)

    @property
    def expanded(self) -> Rows:
        """The rows, each as many times as it counts."""
        if self.times is None:
            return self.rows
        at = np.repeat(np.arange(len(self.times)), self.times.astype(np.intp))
        return self.rows.chosen(at, tuple(codes[at] for codes in self.rows.codes_of))

    def pieces(self, size: int) -> Iterator[RowCases]:
        """The same, so many rows at a time; of a family all at once."""
        if self.rows.family is not None:
            yield self
            return
        for begin in range(0, len(self.rows.response), size):
            at = slice(begin, begin + size)
            rows = self.rows.chosen(at, tuple(codes[at] for codes in self.rows.codes_of))
            yield RowCases(rows, None if self.times is None else self.times[at])


def row_parts(
    source: Source,
    maker: BatchColumns,
    factors: Mapping[str, tuple[str, ...]],
    labels: Sequence[pd.Index],
) -> Iterator[RowCases]:
    """The complete rows, read once more.

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
        weights = made.weights
        rows = Rows(
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
            added=made.observed - y if maker.columns.specification.offsets else None,
            root_weights=None if weights is None else np.sqrt(weights),
        )
        yield RowCases(rows, made.times)


def _codes(frame: pd.DataFrame, columns: tuple[str, ...], labels: pd.Index, place: str) -> Integers:
    if not columns:  # without a random part all rows are one group
        return np.zeros(len(frame), dtype=np.intp)
    own = group_labels(frame, columns)
    codes = labels.get_indexer(pd.Index(np.asarray(own), dtype=labels.dtype))
    if (codes < 0).any():
        raise DataError(
            f"{place}: the group '{own.iloc[int((codes < 0).argmax())]}' was not there when the "
            "rows were summed up: the data have changed"
        )
    return codes
