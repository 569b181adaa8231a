"""Which columns are constant within groups, of rows that come a few at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.frames.constancy import CONSTANT_TOLERANCE

_SURELY = 1e-3  # of a column's range so far: a range within a group that settles it


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """The ranges of columns, in all rows and within groups.

    Parameters
    ----------
    low, high : (k,) float
        Least and largest values in all rows.
    within : tuple of (2, J) float or None
        The same in each group; None of a column that varies within one.
    """

    low: Floats
    high: Floats
    within: tuple[Floats | None, ...]

    @property
    def constant(self) -> Booleans:
        """Which columns (k,) are constant within every group."""
        return np.array(
            [
                ranges is not None and self.widest(place, ranges) <= CONSTANT_TOLERANCE
                for place, ranges in enumerate(self.within)
            ]
        )

    def widest(self, place: int, ranges: Floats) -> float:
        """The widest range (2, J) in a group, of that of the column."""
        whole = float(self.high[place] - self.low[place])
        return float((ranges[1] - ranges[0]).max()) / whole if whole else 0.0


def joined_ranges(parts: Sequence[Ranges], codes_of: Sequence[Integers], J: int) -> Ranges:
    """The ranges in all rows of several parts, whose groups have codes among J."""
    within: list[Floats | None] = []
    for columns in zip(*(part.within for part in parts), strict=True):
        ranges = np.full((2, J), [[np.inf], [-np.inf]])
        for known, codes in zip(columns, codes_of, strict=True):
            if known is not None:
                np.minimum.at(ranges[0], codes, known[0])
                np.maximum.at(ranges[1], codes, known[1])
        within.append(None if any(known is None for known in columns) else ranges)
    low: Floats = np.array([part.low for part in parts]).min(axis=0)
    high: Floats = np.array([part.high for part in parts]).max(axis=0)
    return Ranges(low, high, tuple(within))


class ConstancyWatch:
    """The ranges of columns in all rows, and in each group for as long as those may be nothing.

    Parameters
    ----------
    columns : int
    """

    def __init__(self, columns: int) -> None:
        self.low: Floats = np.full(columns, np.inf)
        self.high: Floats = np.full(columns, -np.inf)
        self._ranges: list[Floats | None] = [np.empty((2, 0))] * columns  # None once it varies
        self._shared: list[Floats | None] = [None] * columns  # a constant that batches share
        self._J = 0

    def add(
        self, columns: Sequence[Floats], codes: Integers, J: int, held: Collection[int] = ()
    ) -> None:
        """Add rows of k columns (n,), of groups whose codes are below J.

        Of those ``held`` it is known otherwise what they are in each group.
        """
        for place, x in enumerate(columns):
            low, high = self.low[place], self.high[place]
            if place in held or (low == high and x is self._shared[place]):
                continue
            self.low[place] = min(low, float(x.min()))
            self.high[place] = max(high, float(x.max()))
            known = self._ranges[place]
            if self.low[place] == self.high[place]:
                self._shared[place] = None if x.flags.writeable else x
                continue
            if known is None:
                continue
            if low == high:  # in every group, till now
                known = np.full((2, self._J), low)
            ranges = np.empty((2, J))
            ranges[0], ranges[1] = np.inf, -np.inf
            ranges[:, : known.shape[1]] = known
            np.minimum.at(ranges[0], codes, x)
            np.maximum.at(ranges[1], codes, x)
            self._ranges[place] = None if self._widest(place, ranges) > _SURELY else ranges
        self._J = J

    def release(self, place: int, values: Floats) -> None:
        """Watch a column that was held, of groups in whose rows it had these values (J,).

        They are NaN where there were none.
        """
        self.low[place], self.high[place] = np.nanmin(values), np.nanmax(values)
        self._ranges[place] = np.array([np.fmin(values, np.inf), np.fmax(values, -np.inf)])

    def found(self, order: Integers, held: Mapping[int, Floats] | None = None) -> Ranges:
        """What has been seen, of groups in another order (J,) than that of their codes.

        With the values (J,) of columns that are ``held``.
        """
        within: list[Floats | None] = []
        low, high = self.low.copy(), self.high.copy()
        for place, known in enumerate(self._ranges):
            if held and place in held:
                values = held[place][order]
                low[place], high[place] = values.min(), values.max()
                within.append(np.array([values] * 2))
            elif self.low[place] == self.high[place]:
                within.append(np.full((2, len(order)), self.low[place]))
            else:
                within.append(None if known is None else known[:, order])
        return Ranges(low, high, tuple(within))

    def _widest(self, place: int, ranges: Floats) -> float:
        return Ranges(self.low, self.high, ()).widest(place, ranges)
