"""Errors each of which depends on that before it alone, at whole times or at any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.residuals.bound import StructuredRows
from hierbayes.residuals.bound_values import (
    CONTINUOUS,
    NO_LINKS,
    WHOLE,
    CorrelationKernel,
    Floats,
    Integers,
    KeptPart,
    Links,
    Parameter,
    in_parts,
    no_edges,
)
from hierbayes.residuals.coordinates import log_logistic_slope, log_one_less_square
from hierbayes.residuals.correlation_kernels import chain_parts
from hierbayes.residuals.row_kernels import (
    chain_links,
    distinct_places,
    is_in_order,
    neighbours,
)
from hierbayes.residuals.times import refuse_lone_rows, times_of_new_rows

_START = 0.3  # the correlation of neighbours from which a search begins
_EXACT = 2.0**53  # whole numbers below are what they are
_NOTHING = 800.0  # −log of a correlation that is 0
_LITTLE = 7.0  # −log of one that is so small that the likelihood is straight


@dataclass(frozen=True, slots=True, eq=False)
class MarkovChain:
    """φ^gap between neighbours, of which the precision joins no others.

    With r the correlation of two neighbours, C⁻¹ has r²/(1 − r²) for each of both beside 1, and
    −r/(1 − r²) between them; log|C| = Σ log(1 − r²).

    Parameters
    ----------
    links : Links
        Kind 0 of every row with itself; then for each gap g the kinds 1 + 2g of the
        neighbours with themselves and 2 + 2g between them.
    gaps : (G,) float
        The distinct gaps.
    counts : (G,) float
        How many neighbours have each.
    unit : float
        The gap whose correlation is the coordinate: 1, or of continuous time the middle one.
    continuous : bool
        Whether φ is positive, and gaps any numbers.
    times : (n,) float
    time : str or None
        The column they are.
    """

    links: Links
    gaps: Floats
    counts: Floats
    unit: float
    continuous: bool
    times: Floats
    time: str | None

    def refuse_untold(self, group: str) -> None:
        """As in `BoundCorrelation`."""
        if not len(self.gaps):
            refuse_lone_rows(group)

    def joined(self, others: Sequence[MarkovChain]) -> tuple[MarkovChain, tuple[Integers, ...]]:
        """As in `BoundCorrelation`."""
        parts = (self, *others)
        every = np.concatenate([part.gaps for part in parts])
        gaps, place = np.unique(every, return_inverse=True)
        counts = np.bincount(place, np.concatenate([part.counts for part in parts]), len(gaps))
        kinds = tuple(
            np.concatenate([[0], np.stack([1 + 2 * at, 2 + 2 * at], axis=1).ravel()])
            for at in in_parts(place, [len(part.gaps) for part in parts])
        )
        return chain_of_gaps(gaps, counts, self.time, continuous=self.continuous), kinds

    @property
    def kept(self) -> KeptPart:
        """As in `BoundCorrelation`."""
        return KeptPart({"gaps": self.gaps, "counts": self.counts}, pd.DataFrame())

    def log_slopes(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        if not self.continuous:
            return log_one_less_square(z)
        log_s = -_fall(z)  # φ = s^(1/unit)
        return log_logistic_slope(z) + (1.0 / self.unit - 1.0) * log_s - np.log(self.unit)

    def times_of(self, frame: pd.DataFrame) -> Floats:
        """As in `BoundCorrelation`."""
        if self.time is None:
            raise DataError(
                "the time of errors is the order of the rows here, which new rows do not have; "
                "name a column, as in hb.residuals.AR1('week')"
            )
        return times_of_new_rows(frame, self.time, whole=not self.continuous)

    def matrix(self, times: Floats, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        lags = np.abs(np.subtract.outer(times, times))
        if self.continuous:  # φ itself may be no number, or 1, where times have a unit of their own
            return np.exp(-_fall(z[0]) * lags / self.unit)
        return _whole_power(self.natural(z)[0], lags.astype(np.int64))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """φ; of continuous time its correlation over the middle gap is usually uniform."""
        if self.continuous:
            return (Parameter("phi", "bounded", (0.0, 1.0), ("Beta", (self.unit, 1.0))),)
        return (Parameter("phi", "bounded", (-1.0, 1.0), ("Uniform", (-1.0, 1.0))),)

    @property
    def start(self) -> Floats:
        """As in `BoundCorrelation`."""
        return np.array(
            [np.log(_START / (1.0 - _START)) if self.continuous else np.arctanh(_START)]
        )

    @property
    def edges(self) -> Floats:
        """As in `BoundCorrelation`: φ = 0 of continuous time, where errors are independent."""
        if not self.continuous or not len(self.gaps):
            return no_edges(1)
        nearest = self.gaps[0]
        fall = self.unit * np.array([_NOTHING / min(nearest, 1.0), _LITTLE / nearest])
        found: Floats = (-fall - np.log1p(-np.exp(-fall)))[:, None]
        return found

    @property
    def kernel(self) -> CorrelationKernel:
        """As in `BoundCorrelation`."""
        kind = CONTINUOUS if self.continuous else WHOLE
        return CorrelationKernel(kind, self.gaps, self.counts, self.unit)

    def natural(self, z: Any) -> Any:
        """φ (1,)."""
        if not self.continuous:
            return np.tanh(z)
        return np.exp(-_fall(z) / self.unit)

    def alone(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return self.natural(z)

    def coefficients(self, z: Any) -> tuple[Any, Any]:
        """As in `BoundCorrelation`."""
        return self._coefficients(*self._correlations(z[0]))

    def with_slopes(self, z: Floats) -> tuple[Floats, Floats]:
        """As in `BoundCorrelation`."""
        return self.with_bends(z)[:2]

    def with_bends(self, z: Floats) -> tuple[Floats, Floats, Floats]:
        """As in `BoundCorrelation`."""
        at = float(z[0])
        found: tuple[Floats, Floats, Floats] = chain_parts(
            at, self.gaps, self.counts, self.unit, self.continuous
        )
        return found

    def _coefficients(self, r: Any, lost: Any) -> tuple[Any, Any]:
        found = np.ones(1 + 2 * len(r), dtype=r.dtype)
        found[1::2] = r * r / lost
        found[2::2] = -r / lost
        return found, self.counts @ np.log(lost)

    def _correlations(self, z: Any) -> tuple[Any, Any]:
        """φ^g of every gap, and 1 − φ^2g."""
        if self.continuous:  # log φ^g, and 1 − φ^2g kept where φ is near 1
            exponent = -2.0 * _fall(z) * self.gaps / self.unit
            return np.exp(0.5 * exponent), -np.expm1(exponent)
        r = _whole_power(np.tanh(z), self.gaps.astype(np.int64))
        return r, 1.0 - r * r


def _fall(z: Any) -> Any:
    """−log s of the logistic function s of z, real or complex, however far out."""
    below = np.real(z) < 0.0
    return np.where(below, -z, 0.0) + np.log1p(np.exp(np.where(below, z, -z)))


def _whole_power(phi: Any, gaps: Integers) -> Any:
    """φ^g; of complex φ near the negative axis without crossing the cut of the logarithm."""
    square = phi * phi
    return square ** (gaps // 2) * np.where(gaps % 2 == 1, phi, 1.0)


def chain(
    rows: StructuredRows, times: Floats, time: str | None, *, continuous: bool
) -> MarkovChain:
    """Each row joined to the next of its group."""
    every = np.arange(rows.n)
    order = every if is_in_order(rows.codes, times) else np.lexsort((times, rows.codes))
    before, after, lags = np.empty_like(every), np.empty_like(every), np.empty(rows.n)
    m = neighbours(order, rows.codes, times, before, after, lags)
    before, after, lags = before[:m], after[:m], lags[:m]
    gaps, place, counts = _gaps(lags, continuous)
    links = Links(*chain_links(rows.n, before, after, place))
    sizes = counts.astype(np.float64)
    unit = _middle(gaps, sizes) if continuous else 1.0
    return MarkovChain(links, gaps, sizes, unit, continuous, times, time)


def _gaps(lags: Floats, continuous: bool) -> tuple[Floats, Integers, Integers]:
    """Distinct lags (G,), ascending, which of them each is (m,), and how many are (G,)."""
    longest = float(lags.max(initial=0.0))
    if not continuous and len(lags) and lags.min() == longest:  # rows follow each other
        every = np.zeros(len(lags), dtype=np.intp)
        return np.array([longest]), every, np.array([len(lags)])
    if not continuous and 0.0 < longest < _EXACT:
        found, place = distinct_places(lags.astype(np.intp), int(longest) + 1)
        return found.astype(np.float64), place, np.bincount(place)
    if continuous and len(lags):  # of whole times differences are exact
        size = math.floor(math.log10(longest))
        lags = np.round(lags, 10 - min(size, 0))  # equal ones are told as such
    return np.unique(lags, return_inverse=True, return_counts=True)


def chain_of_gaps(
    gaps: Floats, counts: Floats, time: str | None, *, continuous: bool
) -> MarkovChain:
    """That of rows which are not there."""
    unit = _middle(gaps, counts) if continuous else 1.0
    return MarkovChain(NO_LINKS, gaps, counts, unit, continuous, np.zeros(0), time)


def _middle(gaps: Floats, counts: Floats) -> float:
    """The median of gaps (G,), ascending, of which there are so many; 1 of none."""
    if not len(gaps):
        return 1.0
    n = int(counts.sum())
    at = np.searchsorted(np.cumsum(counts), [(n - 1) // 2, n // 2], side="right")
    return float(gaps[at].mean())
