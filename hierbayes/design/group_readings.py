"""Rows of a source in pieces of whole groups, wherever the rows of a group lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np

from hierbayes.design.batch_columns import BatchColumns, Columned
from hierbayes.design.factor_coder import FactorCoder
from hierbayes.frames.arrays import Booleans
from hierbayes.sources.source import Source


class GroupReadings:
    """How the rows of a source are read so that those of each group are together.

    Parameters
    ----------
    source : Source
    maker : BatchColumns
    columns : mapping
        From each grouping factor to the columns that hold its groups.
    group : str
        The factor, or a column, whose groups are wanted whole; empty where any rows will do.
    """

    def __init__(
        self,
        source: Source,
        maker: BatchColumns,
        columns: Mapping[str, tuple[str, ...]],
        group: str,
    ) -> None:
        self.source, self.maker, self.group = source, maker, group
        self.own = columns.get(group, (group,))
        self.names = list(dict.fromkeys([*maker.levels, *chain(*columns.values())]))
        self.scattered = False

    def _coder(self) -> FactorCoder:
        return FactorCoder(self.group, self.own)

    def _batches(self) -> Iterator[tuple[Columned, str]]:
        for batch in self.source.batches(self.maker.reader.columns, self.names):
            made = self.maker.of(batch)
            if len(made.y):
                yield made, batch.place

    def whole(self, readings: int) -> Iterator[list[Columned]]:
        """Pieces of whole groups; of scattered ones in so many readings."""
        if self.group and self._is_scattered():
            return self.gathered(readings)
        return self.in_order()

    def _is_scattered(self) -> bool:
        """Whether a group comes again that has ended; a reading of its columns alone."""
        coder, ended, last = self._coder(), np.zeros(0, dtype=bool), -1
        for batch in self.source.batches(self.own, self.own):
            frame = batch.frame.dropna()
            if not len(frame):
                continue
            codes = coder.codes(frame, batch.place)
            ended = np.append(ended, np.zeros(coder.J - len(ended), dtype=bool))
            if ended[codes].any():
                return True
            ended[codes[codes != codes[-1]]] = True
            if last >= 0 and codes[-1] != last:
                ended[last] = True
            last = int(codes[-1])
        return False

    def in_order(self) -> Iterator[list[Columned]]:
        """Pieces of whole groups, until a group comes again that has ended."""
        if not self.group:
            yield from ([made] for made, _ in self._batches())
            return
        coder, held, last = self._coder(), list[Columned](), -1
        ended = np.zeros(0, dtype=bool)
        for made, place in self._batches():
            codes = coder.codes(made.frame, place)
            ended = np.append(ended, np.zeros(coder.J - len(ended), dtype=bool))
            if ended[codes].any():
                self.scattered = True
                return
            still = codes == codes[-1]
            ended[codes[~still]] = True
            whole = _some(made, ~still)
            if held and codes[-1] != last:  # it has ended before this batch did
                ended[last] = True
                whole, held = [*held, *whole], []
            if whole:
                yield whole
            held, last = [*held, *_some(made, still)], int(codes[-1])
        yield held

    def gathered(self, readings: int) -> Iterator[list[Columned]]:
        """The rows of some groups at a time, however they are scattered."""
        for reading in range(readings):
            coder, held = self._coder(), list[Columned]()
            for made, place in self._batches():
                held += _some(made, coder.codes(made.frame, place) % readings == reading)
            if held:
                yield held


def _some(made: Columned, at: Booleans) -> list[Columned]:
    """Some of the rows of a batch, in a list; an empty one where there are none."""
    if at.all():
        return [made]
    if not at.any():
        return []
    return [made.some(at)]
