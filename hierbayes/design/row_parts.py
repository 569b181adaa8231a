"""Rows of a source as those of a frame, a batch at a time, once the groups are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from hierbayes.design.batch_columns import BatchColumns, Columned
from hierbayes.design.factor_coder import FactorCoder
from hierbayes.design.group_codes import group_labels
from hierbayes.design.group_readings import GroupReadings
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
    whole : (n,) int, optional
        Groups whose rows stay together in pieces.
    """

    rows: Rows
    times: Floats | None
    whole: Integers | None = None

    @property
    def weighed(self) -> Rows:
        """The rows, those that count several times weighing as much more.

        That is the same to all sums of products.
        """
        if self.times is None:
            return self.rows
        root, own = np.sqrt(self.times), self.rows.root_weights
        return replace(self.rows, root_weights=root if own is None else root * own)

    def each(self, size: int) -> Iterator[Rows]:
        """The rows, each as many times as it counts, about so many at a time."""
        if self.times is None:
            yield from (piece.rows for piece in self.pieces(size))
            return
        ends = np.cumsum(self.times.astype(np.intp))
        for begin in range(0, int(ends[-1]), size):
            places = np.arange(begin, min(begin + size, int(ends[-1])))
            yield self._some(np.searchsorted(ends, places, side="right"))

    def pieces(self, size: int) -> Iterator[RowCases]:
        """The same, about so many rows at a time; of a family all at once."""
        if self.rows.family is not None:
            yield self
            return
        for at in self._places(size):
            yield RowCases(self._some(at), None if self.times is None else self.times[at])

    def _places(self, size: int) -> Iterator[Integers]:
        """The rows of each piece, as many as a size, or whole groups of at least so many."""
        n = len(self.rows.response)
        if self.whole is None:
            yield from (np.arange(at, min(at + size, n)) for at in range(0, n, size))
            return
        order = np.argsort(self.whole, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(self.whole[order])) + 1, n)
        begin = 0
        while begin < n:
            end = int(ends[np.searchsorted(ends, min(begin + size, n))])
            yield order[begin:end]
            begin = end

    def _some(self, at: Integers) -> Rows:
        rows = self.rows
        some = rows.chosen(at, tuple(codes[at] for codes in rows.codes_of))
        family = None if rows.family is None else rows.family.some(at)
        return replace(some, family=family, frames=tuple(one.iloc[at] for one in rows.frames))


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
        if len(made.y):
            yield cases_of(made, factors, labels, batch.place)


def whole_row_parts(
    readings: GroupReadings,
    count: int,
    factors: Mapping[str, tuple[str, ...]],
    labels: Sequence[pd.Index],
) -> Iterator[RowCases]:
    """The complete rows, read once more, each as often as it counts, in parts of whole groups.

    Parameters
    ----------
    readings : GroupReadings
    count : int
        In how many readings scattered groups are gathered.
    factors, labels : mapping, sequence of Index
        As of `row_parts`.
    """
    place = readings.source.text
    for made in readings.whole(count):
        if made:
            one = Columned.joined(made)
            groups = FactorCoder(readings.group, readings.own).codes(one.frame, place)
            yield cases_of(one, factors, labels, place)._replace(whole=groups)


def cases_of(
    made: Columned, factors: Mapping[str, tuple[str, ...]], labels: Sequence[pd.Index], place: str
) -> RowCases:
    """Complete rows as those of a frame; other parameters and errors are those of `row_parts`."""
    X, Z, y = made.rows()
    rows = Rows(
        response=y,
        X=X,
        Z=Z,
        codes_of=tuple(
            _codes(made.frame, columns, own, place)
            for columns, own in zip(factors.values(), labels, strict=True)
        ),
        index=made.frame.index,
        kept=np.ones(len(y), dtype=bool),
        frames=(made.frame,),
        added=None if (made.observed == y).all() else made.observed - y,
        root_weights=None if made.weights is None else np.sqrt(made.weights),
    )
    return RowCases(rows, made.times)


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
