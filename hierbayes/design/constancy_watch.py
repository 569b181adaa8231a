"""Which columns are constant within groups, of rows that come a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
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

    def add(self, columns: Floats, codes: Integers, J: int) -> None:
        """Add rows of the columns (n, k), of groups whose codes are below J."""
        for place, x in enumerate(columns.T):
            self.low[place] = min(self.low[place], float(x.min()))
            self.high[place] = max(self.high[place], float(x.max()))
            known = self._ranges[place]
            if known is None:
                continue
            ranges = np.empty((2, J))
            ranges[0], ranges[1] = np.inf, -np.inf
            ranges[:, : known.shape[1]] = known
            np.minimum.at(ranges[0], codes, x)
            np.maximum.at(ranges[1], codes, x)
            self._ranges[place] = None if self._widest(place, ranges) > _SURELY else ranges

    def found(self, order: Integers) -> Ranges:
        """What has been seen, of groups in another order (J,) than that of their codes."""
        within = tuple(None if one is None else one[:, order] for one in self._ranges)
        return Ranges(self.low.copy(), self.high.copy(), within)

    def _widest(self, place: int, ranges: Floats) -> float:
        return Ranges(self.low, self.high, ()).widest(place, ranges)
