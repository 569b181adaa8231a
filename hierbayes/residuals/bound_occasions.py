"""A covariance over occasions on the rows of a data set, in which groups have some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.residuals.bound_values import (
    GIVEN,
    NO_LINKS,
    NO_NUMBERS,
    NO_ROWS,
    CorrelationKernel,
    Floats,
    Integers,
    KeptPart,
    Links,
    Parameter,
    no_edges,
)
from hierbayes.residuals.occasion_kernels import inverse_parts
from hierbayes.residuals.occasion_matrices import Matrices
from hierbayes.residuals.row_kernels import lower_links
from hierbayes.residuals.times import times_of_new_rows

_STEP = 1e-5  # of coordinates, for second derivatives that a search takes its curvature from


class OccasionLaw(Protocol):
    """What `Occasions` ask of their structure."""

    @property
    def time(self) -> str | None:
        """The column of occasions."""

    def matrices(self, labels: tuple[str, ...]) -> Matrices:
        """The covariance over occasions of such names."""

    def refuse_untold(self, group: str, occasions: Occasions) -> None:
        """Refuse occasions of which the rows do not tell enough."""

    def joined_keys(self, parts: Sequence[pd.Index]) -> pd.Index:
        """The occasions of all parts."""


@dataclass(frozen=True, eq=False)
class Occasions:
    """A covariance over occasions, of which each group has some.

    Parameters
    ----------
    of : OccasionLaw
        The structure.
    links : Links
        For each pattern of occasions the entries of the inverse, its lower triangle row by row.
    patterns : tuple of (m,) int
        The occasions of each.
    counts : (patterns,) float
        How many groups have each.
    places : (n,) int
        The occasion of each row.
    keys : pandas.Index
        The occasions, in their order.
    begins : (k,) float, optional
        Coordinates from which a search begins, by default those of the structure.
    """

    of: OccasionLaw
    links: Links
    patterns: tuple[Integers, ...]
    counts: Floats
    places: Integers
    keys: pd.Index
    begins: Floats | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Made again of its structure: functions of coordinates are not copied."""
        parts = (self.of, self.links, self.patterns, self.counts, self.places, self.keys)
        return Occasions, (*parts, self.begins)

    @property
    def kernel(self) -> CorrelationKernel:
        """As in `BoundCorrelation`: Python makes them."""
        return CorrelationKernel(GIVEN, NO_NUMBERS, NO_NUMBERS, 0.0)

    @property
    def edges(self) -> Floats:
        """As in `BoundCorrelation`: none."""
        return no_edges(len(self.start))

    @property
    def note(self) -> str:
        """As in `BoundCorrelation`: nothing."""
        return ""

    @property
    def time(self) -> str | None:
        """The column of occasions."""
        return self.of.time

    @cached_property
    def matrices(self) -> Matrices:
        """The functions of coordinates that their structure has for them."""
        return self.of.matrices(self.labels)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What occasions are called."""
        return _labels(self.keys)

    def refuse_untold(self, group: str) -> None:
        """As in `BoundCorrelation`."""
        self.of.refuse_untold(group, self)

    def joined(self, others: Sequence[Occasions]) -> tuple[Occasions, tuple[Integers, ...]]:
        """As in `BoundCorrelation`: patterns in the order of their occasions."""
        parts = (self, *others)
        keys = self.of.joined_keys([part.keys for part in parts])
        found: dict[tuple[int, ...], float] = {}
        of_parts = []
        for part in parts:
            to = keys.get_indexer(part.keys)
            own = [tuple(to[pattern].tolist()) for pattern in part.patterns]
            of_parts.append(own)
            for one, count in zip(own, part.counts, strict=True):
                found[one] = found.get(one, 0.0) + float(count)
        every = sorted(found)
        sizes = [len(one) * (len(one) + 1) // 2 for one in every]
        first = dict(zip(every, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
        kinds = tuple(
            np.concatenate([first[one] + np.arange(len(one) * (len(one) + 1) // 2) for one in own])
            for own in of_parts
        )
        joined = Occasions(
            self.of,
            NO_LINKS,
            tuple(np.array(one, dtype=np.intp) for one in every),
            np.array([found[one] for one in every]),
            NO_ROWS,
            keys,
        )
        return joined, kinds

    @property
    def kept(self) -> KeptPart:
        """As in `BoundCorrelation`: the places of all patterns one after the other."""
        places, ends = self._flat
        arrays = {"places": places, "ends": ends, "counts": self.counts}
        return KeptPart(arrays, pd.DataFrame({"key": self.keys}))

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
        if self.matrices.at_lags is not None:
            return times_of_new_rows(frame, self.time, whole=True) - float(self.keys[0])
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
        at, at_lags = times.astype(np.int64), self.matrices.at_lags
        if at_lags is not None and len(at):
            return at_lags(np.abs(np.subtract.outer(at, at)), z)
        return self.matrices.matrix(z)[np.ix_(at, at)]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """As in `BoundCorrelation`."""
        return self.matrices.parameters

    @property
    def start(self) -> Floats:
        """As in `BoundCorrelation`."""
        return self.matrices.start if self.begins is None else self.begins

    @property
    def elsewhere(self) -> tuple[Occasions, ...]:
        """As in `BoundCorrelation`."""
        return tuple(replace(self, begins=one) for one in self.matrices.others)

    def with_coordinates_of(self, fitted: Occasions, z: Floats | None) -> Occasions:
        """As in `BoundCorrelation`: those of the same parameters say the same."""
        return self

    def natural(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return self.matrices.natural(z)

    def alone(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return self.natural(z) if self.matrices.alone is None else self.matrices.alone(z)

    def coefficients(self, z: Any) -> tuple[Any, Any]:
        """As in `BoundCorrelation`."""
        whole = self.matrices.matrix(z)
        found, log_det = [], 0.0
        for pattern, count in zip(self.patterns, self.counts, strict=True):
            part = whole[pattern[:, None], pattern]
            found.append(np.linalg.inv(part)[_lower_triangle(len(pattern))])
            log_det = log_det + count * _log_det(part)
        return np.concatenate(found), log_det

    def with_slopes(self, z: Floats) -> tuple[Floats, Floats]:
        """As in `BoundCorrelation`."""
        own, moved = self._at_all(z[None])
        return own[0], moved[0]

    def with_bends(self, z: Floats) -> tuple[Floats, Floats, Floats]:
        """As in `BoundCorrelation`, by steps."""
        steps = np.concatenate([np.zeros((1, len(z))), _STEP * np.eye(len(z))])
        own, moved = self._at_all(z + steps)
        bent = (moved[1:] - moved[0]) / _STEP
        return own[0], moved[0], np.ascontiguousarray(bent.transpose(1, 2, 0))

    def _at_all(self, z: Floats) -> tuple[Floats, Floats]:
        """Coefficients and log|C| (N, kinds + 1), and ∂ (N, kinds + 1, k), at several z (N, k)."""
        found: tuple[Floats, Floats] = inverse_parts(
            *self.matrices.with_slopes(z), *self._flat, self.counts
        )
        return found

    @cached_property
    def _flat(self) -> tuple[Integers, Integers]:
        """Occasions of all patterns one after the other, and where each begins."""
        ends = np.cumsum([0, *map(len, self.patterns)])
        return np.concatenate(self.patterns), ends


def _labels(keys: pd.Index) -> tuple[str, ...]:
    """What occasions are called."""
    if not isinstance(keys, pd.CategoricalIndex):
        return tuple(map(as_label, keys))
    words = [as_label(value) for value in keys.categories.tolist()]
    return tuple(words[code] for code in keys.codes.tolist())


def as_label(value: object) -> str:
    """A time as it is called among the occasions, 2.0 as 2."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def bound_occasions(
    of: OccasionLaw, codes: Integers, places: Integers, keys: pd.Index
) -> Occasions:
    """The links of rows at occasions, groups with the same occasions sharing coefficients."""
    order = np.lexsort((places, codes))
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    there = np.bitwise_or.reduceat(np.left_shift(1, places[order]), starts)  # 60 occasions at most
    _, some, kind_of = np.unique(there, return_index=True, return_inverse=True)
    sizes = np.diff(np.append(starts, len(order)))
    as_found = np.argsort(some)  # patterns in the order of the first groups that have them
    number = np.empty_like(as_found)
    number[as_found] = np.arange(len(as_found))
    pattern_of, firsts = number[kind_of], starts[some[as_found]].tolist()
    many = sizes[some[as_found]]
    patterns = tuple(
        places[order[at : at + m]] for at, m in zip(firsts, many.tolist(), strict=True)
    )
    kinds = np.append(0, np.cumsum(many * (many + 1) // 2))
    links = np.empty((3, int((sizes * (sizes + 1) // 2).sum())), dtype=np.intp)
    lower_links(order, starts, sizes, kinds[pattern_of], *links)
    counts = np.bincount(pattern_of).astype(np.float64)
    return Occasions(of, Links(*links), patterns, counts, places, keys)


def occasions_again(of: OccasionLaw, kept: KeptPart, keys: pd.Index) -> Occasions:
    """Those of rows which are gone."""
    arrays = kept.arrays
    patterns = tuple(np.split(arrays["places"], arrays["ends"][1:-1]))
    return Occasions(of, NO_LINKS, patterns, arrays["counts"], NO_ROWS, keys)


@cache
def _lower_triangle(m: int) -> tuple[Integers, Integers]:
    return np.tril_indices(m)


def _log_det(matrix: Any) -> Any:
    """Log of a determinant, of complex matrices too."""
    sign, size = np.linalg.slogdet(matrix)
    return size + 1j * np.angle(sign) if np.iscomplexobj(matrix) else size
