"""Errors at a few occasions that the groups share, told by a matrix over all of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.residuals.bound import StructuredRows
from hierbayes.residuals.bound_occasions import (
    Occasions,
    bound_occasions,
    occasions_again,
)
from hierbayes.residuals.bound_values import Booleans, Integers, KeptPart
from hierbayes.residuals.occasion_matrices import Matrices
from hierbayes.residuals.structure import OrderedCorrelation
from hierbayes.residuals.times import refuse_fractions, refuse_lone_rows, times_of

MOST_OCCASIONS = 60  # each pattern of occasions has a matrix of that size


@dataclass(frozen=True, repr=False)
class OfOccasions(OrderedCorrelation):
    """A correlation that is told by a matrix over all occasions."""

    def bind(self, rows: StructuredRows) -> Occasions:
        """As in `Correlation`."""
        places, keys = self._places(rows)
        self._refuse_many(keys)
        return bound_occasions(self, rows.codes, places, keys)

    def again(self, kept: KeptPart) -> Occasions:
        """As in `Correlation`."""
        return occasions_again(self, kept, self._keys_again(kept.frame["key"]))

    def _keys_again(self, keys: pd.Series) -> pd.Index:
        """The occasions, of a column of them."""
        return pd.RangeIndex(int(keys.iloc[0]), int(keys.iloc[-1]) + 1)

    def _refuse_many(self, keys: pd.Index) -> None:
        if len(keys) > MOST_OCCASIONS:
            raise DataError(
                f"there are {len(keys)} occasions ({self.time or 'rows of a group'}), and this "
                f"structure takes {MOST_OCCASIONS} at most; hb.residuals.AR1 and CAR1 take any "
                "number"
            )

    def refuse_untold(self, group: str, occasions: Occasions) -> None:
        """Refuse occasions of which the rows do not tell enough.

        Raises
        ------
        DataError
        """
        T = len(occasions.labels)
        seen = _seen_together(occasions.patterns, T)
        if not seen[~np.eye(T, dtype=bool)].any():
            refuse_lone_rows(group)
        self._refuse(occasions.labels, seen)

    def joined_keys(self, parts: Sequence[pd.Index]) -> pd.Index:
        """The occasions of all parts."""
        low, high = min(int(one[0]) for one in parts), max(int(one[-1]) for one in parts)
        found = pd.RangeIndex(low, high + 1)
        self._refuse_many(found)
        return found

    def _places(self, rows: StructuredRows) -> tuple[Integers, pd.Index]:
        """The occasion of each row among those there are: whole times."""
        times = times_of(rows, self.time)
        refuse_fractions(rows, self.time, times)
        places = times.astype(np.int64)
        first = int(places.min())
        return places - first, pd.RangeIndex(first, int(places.max()) + 1)

    def _refuse(self, labels: tuple[str, ...], seen: Booleans) -> None:
        """Refuse occasions of which the rows do not tell enough."""

    @abstractmethod
    def matrices(self, labels: tuple[str, ...]) -> Matrices:
        """The covariance over occasions of such names."""


def _seen_together(patterns: Sequence[Integers], T: int) -> Booleans:
    """Which two occasions (T, T) some group has both of."""
    there = np.zeros((len(patterns), T))
    for one, pattern in zip(there, patterns, strict=True):
        one[pattern] = 1.0
    return there.T @ there > 0.0
