"""Errors at a few occasions that the groups share, told by a matrix over all of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.residuals.bound import Booleans, Floats, Integers, Links, Parameter, StructuredRows
from hierbayes.residuals.coordinates import derivative_at_once
from hierbayes.residuals.structure import Correlation, refuse_no_column
from hierbayes.residuals.times import refuse_fractions, times_of

MOST_OCCASIONS = 60  # each pattern of occasions has a matrix of that size


@dataclass(frozen=True, repr=False)
class OfOccasions(Correlation):
    """A correlation that is told by a matrix over all occasions."""

    time: str | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        for name, argument in ((self.time, "time"), (self.group, "group")):
            if name is not None:
                refuse_no_column(name, argument)

    @property
    def own_columns(self) -> tuple[str, ...]:
        """As in `Part`."""
        return tuple(name for name in (self.time, self.group) if name is not None)

    def bind(self, rows: StructuredRows) -> Occasions:
        """As in `Correlation`."""
        places, labels = self._places(rows)
        if len(labels) > MOST_OCCASIONS:
            raise DataError(
                f"there are {len(labels)} occasions ({self.time or 'rows of a group'}), and this "
                f"structure takes {MOST_OCCASIONS} at most; hb.residuals.AR1 and CAR1 take any "
                "number"
            )
        seen = _seen_together(rows.codes, places, len(labels))
        if not seen[~np.eye(len(labels), dtype=bool)].any():
            raise DataError(
                f"no '{rows.group}' has two rows, so that the data tell nothing of the correlation "
                "of errors; leave it out, or name the group in which they are correlated"
            )
        self._refuse(labels, seen)
        return bound_occasions(rows.codes, places, self._matrices(labels), self.time, labels)

    def _places(self, rows: StructuredRows) -> tuple[Integers, tuple[str, ...]]:
        """The occasion of each row, and what the occasions are called: whole times."""
        times = times_of(rows, self.time)
        refuse_fractions(rows, self.time, times)
        first = int(times.min())
        places = times.astype(np.int64) - first
        return places, tuple(str(first + k) for k in range(int(places.max()) + 1))

    def _refuse(self, labels: tuple[str, ...], seen: Booleans) -> None:
        """Refuse occasions of which the rows do not tell enough."""

    @abstractmethod
    def _matrices(self, labels: tuple[str, ...]) -> Matrices: ...


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """A covariance over T occasions as a function of coordinates.

    Parameters
    ----------
    parameters : tuple of Parameter
    start : (k,) float
    matrix : callable
        z (..., k) to the covariance (..., T, T) beside σ².
    natural : callable
        z (..., k) to the parameters (..., k).
    log_slopes : callable
        z to log ∂ parameter/∂ coordinate (k,); 0 of those that are told together.
    """

    parameters: tuple[Parameter, ...]
    start: Floats
    matrix: Callable[[Any], Any]
    natural: Callable[[Any], Any]
    log_slopes: Callable[[Any], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Occasions:
    """A covariance over occasions, of which each group has some.

    Parameters
    ----------
    links : Links
        For each pattern of occasions the entries of the inverse, its lower triangle row by row.
    patterns : tuple of (m,) int
        The occasions of each.
    counts : (patterns,) float
        How many groups have each.
    matrices : Matrices
    places : (n,) int
        The occasion of each row.
    time : str or None
        The column of occasions.
    labels : tuple of str
        What they are called.
    """

    links: Links
    patterns: tuple[Integers, ...]
    counts: Floats
    matrices: Matrices
    places: Integers
    time: str | None
    labels: tuple[str, ...]

    def log_slopes(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return self.matrices.log_slopes(z)

    @property
    def times(self) -> Floats:
        """As in `BoundCorrelation`: the places of occasions."""
        return self.places.astype(np.float64)

    def times_of(self, frame: pd.DataFrame) -> Floats:
        """As in `BoundCorrelation`."""
        if self.time is None:
            raise DataError(
                "the time of errors is the order of the rows here, which new rows do not have; "
                "name a column of times"
            )
        texts = [as_label(value) for value in frame[self.time]]
        found = pd.Index(self.labels).get_indexer(pd.Index(texts))
        if (found < 0).any():
            new = texts[int(np.flatnonzero(found < 0)[0])]
            raise DataError(
                f"the fit has no occasion {self.time} = {new}; it has: {', '.join(self.labels)}"
            )
        return found.astype(np.float64)

    def matrix(self, times: Floats, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        at = times.astype(np.int64)
        return self.matrices.matrix(z)[np.ix_(at, at)]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """As in `BoundCorrelation`."""
        return self.matrices.parameters

    @property
    def start(self) -> Floats:
        """As in `BoundCorrelation`."""
        return self.matrices.start

    def natural(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return self.matrices.natural(z)

    def coefficients(self, z: Any) -> tuple[Any, Any]:
        """As in `BoundCorrelation`."""
        whole = self.matrices.matrix(z)
        found, log_det = [], 0.0
        for pattern, count in zip(self.patterns, self.counts, strict=True):
            part = whole[pattern[:, None], pattern]
            found.append(np.linalg.inv(part)[_lower_triangle(len(pattern))])
            log_det = log_det + count * _log_det(part)
        return np.concatenate(found), log_det

    def coefficient_slopes(self, z: Floats) -> tuple[Floats, Floats]:
        """As in `BoundCorrelation`: of the inverse P of each part S, −P(∂S)P and tr P∂S."""
        whole = self.matrices.matrix(z)
        moved = derivative_at_once(self.matrices.matrix, z)  # (k, T, T)
        found, of_log_det = [], np.zeros(len(z))
        for pattern, count in zip(self.patterns, self.counts, strict=True):
            inverse = np.linalg.inv(whole[pattern[:, None], pattern])
            turned = inverse @ moved[:, pattern[:, None], pattern]
            rows, columns = _lower_triangle(len(pattern))
            found.append(-(turned @ inverse)[:, rows, columns])
            of_log_det += count * np.trace(turned, axis1=1, axis2=2)
        return np.concatenate(found, axis=1).T, of_log_det


def as_label(value: object) -> str:
    """A time as it is called among the occasions, 2.0 as 2."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def bound_occasions(
    codes: Integers,
    places: Integers,
    matrices: Matrices,
    time: str | None,
    labels: tuple[str, ...],
) -> Occasions:
    """The links of rows at occasions, groups with the same occasions sharing coefficients."""
    order = np.lexsort((places, codes))
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    kinds: dict[bytes, int] = {}
    patterns: list[Integers] = []
    counts: list[float] = []
    members: list[list[Integers]] = []
    for rows in np.split(order, starts[1:]):
        pattern = places[rows]
        k = kinds.setdefault(pattern.tobytes(), len(patterns))
        if k == len(patterns):
            patterns.append(pattern)
            counts.append(0.0)
            members.append([])
        counts[k] += 1.0
        members[k].append(rows)
    left, right, kind, first = [], [], [], 0
    for pattern, groups in zip(patterns, members, strict=True):
        a, b = np.tril_indices(len(pattern))
        stacked = np.stack(groups)
        left.append(stacked[:, a].ravel())
        right.append(stacked[:, b].ravel())
        kind.append(np.tile(first + np.arange(len(a)), len(groups)))
        first += len(a)
    links = Links(np.concatenate(left), np.concatenate(right), np.concatenate(kind))
    return Occasions(links, tuple(patterns), np.array(counts), matrices, places, time, labels)


def _seen_together(codes: Integers, places: Integers, T: int) -> Booleans:
    """Which two occasions (T, T) some group has both of."""
    there = np.zeros((int(codes.max()) + 1, T))
    there[codes, places] = 1.0
    return there.T @ there > 0.0


@cache
def _lower_triangle(m: int) -> tuple[Integers, Integers]:
    return np.tril_indices(m)


def _log_det(matrix: Any) -> Any:
    """Log of a determinant, of complex matrices too."""
    sign, size = np.linalg.slogdet(matrix)
    return size + 1j * np.angle(sign) if np.iscomplexobj(matrix) else size
