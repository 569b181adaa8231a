"""Errors each of which depends on that before it alone, at whole times or at any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from hierbayes.residuals.correlation_kernels import chain_parts
from hierbayes.residuals.decay import Decay, whole_powers
from hierbayes.residuals.gaps import (
    any_odd,
    distinct_gaps,
    middle_gap,
    said_of_sign,
    said_of_unit,
    short_gap,
)
from hierbayes.residuals.row_kernels import (
    chain_links,
    is_in_order,
    neighbours,
)
from hierbayes.residuals.times import refuse_lone_rows, times_of_new_rows

_START = 0.3  # the correlation of neighbours from which a search begins
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
        A short gap, whose correlation is the coordinate of a positive φ; the middle one where φ
        has a sign.
    whole : bool
        Whether gaps are whole numbers.
    signed : bool
        Whether φ may be negative: gaps are whole, and not all of them even, of which φ and −φ
        are the same.
    times : (n,) float
    time : str or None
        The column they are.
    first : float
        The correlation over that gap from which a search begins.
    """

    links: Links
    gaps: Floats
    counts: Floats
    unit: float
    whole: bool
    signed: bool
    times: Floats
    time: str | None
    first: float = _START

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
        return chain_of_gaps(gaps, counts, self.time, whole=self.whole), kinds

    @property
    def kept(self) -> KeptPart:
        """As in `BoundCorrelation`."""
        return KeptPart({"gaps": self.gaps, "counts": self.counts}, pd.DataFrame())

    def with_coordinates_of(self, fitted: MarkovChain, z: Floats | None) -> MarkovChain:
        """As in `BoundCorrelation`: gaps tell the unit and the sign."""
        return replace(self, unit=fitted.unit, signed=fitted.signed)

    def log_slopes(self, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        return self.decay.log_slope(z, 1.0)

    def times_of(self, frame: pd.DataFrame) -> Floats:
        """As in `BoundCorrelation`."""
        if self.time is None:
            raise DataError(
                "the time of errors is the order of the rows here, which new rows do not have; "
                "name a column, as in hb.residuals.AR1('week')"
            )
        return times_of_new_rows(frame, self.time, whole=self.whole)

    def matrix(self, times: Floats, z: Any) -> Any:
        """As in `BoundCorrelation`."""
        lags = np.abs(np.subtract.outer(times, times))
        if self.signed:
            return whole_powers(z[0], lags)[0]
        # φ itself may be no number, or 1, where times have a unit of their own
        return np.exp(self.decay.log_power(z[0], lags))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """φ, whose usual prior is uniform in the correlation that the data see.

        That is over a short gap of a positive φ, for a long one has hardly a correlation whichever
        φ there is over the short ones; and over the least one where φ has a sign: over a longer
        one its density would be 0 at φ = 0.
        """
        low, of = self.decay.low, self.unit
        if self.signed:
            of = float(self.gaps[0]) if len(self.gaps) else 1.0
        usual: tuple[str, tuple[float, ...]] = ("UniformCorrelation", (of,))
        if self.signed and of == 1.0:
            usual = ("Uniform", (low, 1.0))
        return (Parameter("phi", "bounded", (low, 1.0), usual, decay=self.decay),)

    @property
    def decay(self) -> Decay:
        """How powers of φ depend on its coordinate."""
        return Decay(self.unit, self.signed)

    @property
    def note(self) -> str:
        """As in `BoundCorrelation`: that φ has no sign, or no digits in this unit of time."""
        if self.time is None:
            return ""
        of_sign = "" if self.signed or not self.whole else said_of_sign(self.time)
        of_unit = said_of_unit(self.time, middle_gap(self.gaps, self.counts))
        return "; ".join(note for note in (of_sign, of_unit) if note)

    @property
    def start(self) -> Floats:
        """As in `BoundCorrelation`: that correlation over the unit.

        Over far longer gaps than it is made for, φ^g is 0 in all digits, and nothing has a slope.
        """
        if not self.signed:
            return np.array([np.log(self.first / (1.0 - self.first))])
        return np.array([np.arctanh(np.copysign(abs(self.first) ** (1.0 / self.unit), self.first))])

    @property
    def elsewhere(self) -> tuple[MarkovChain, ...]:
        """As in `BoundCorrelation`: beginning at a negative φ, if no search comes there by itself.

        Where no gap is 1, all φ^g are flat at φ = 0, which no search crosses.
        """
        if not self.signed or not len(self.gaps) or self.gaps[0] == 1.0:
            return ()
        return (replace(self, first=-self.first),)

    @property
    def edges(self) -> Floats:
        """As in `BoundCorrelation`: φ = 0 of a positive one, where errors are independent."""
        if self.signed or not len(self.gaps):
            return no_edges(1)
        nearest = self.gaps[0]
        fall = self.unit * np.array([_NOTHING / min(nearest, 1.0), _LITTLE / nearest])
        found: Floats = (-fall - np.log1p(-np.exp(-fall)))[:, None]
        return found

    @property
    def kernel(self) -> CorrelationKernel:
        """As in `BoundCorrelation`."""
        kind = WHOLE if self.signed else CONTINUOUS
        return CorrelationKernel(kind, self.gaps, self.counts, self.unit)

    def natural(self, z: Any) -> Any:
        """φ (1,)."""
        return self.decay.power(z, 1.0)

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
            at, self.gaps, self.counts, self.unit, not self.signed
        )
        return found

    def _coefficients(self, r: Any, lost: Any) -> tuple[Any, Any]:
        found = np.ones(1 + 2 * len(r), dtype=r.dtype)
        found[1::2] = r * r / lost
        found[2::2] = -r / lost
        return found, self.counts @ np.log(lost)

    def _correlations(self, z: Any) -> tuple[Any, Any]:
        """φ^g of every gap, and 1 − φ^2g."""
        if self.signed:
            return whole_powers(z, self.gaps)
        log_r = self.decay.log_power(z, self.gaps)
        return np.exp(log_r), -np.expm1(2.0 * log_r)  # kept where φ is near 1


def chain(rows: StructuredRows, times: Floats, time: str | None, *, whole: bool) -> MarkovChain:
    """Each row joined to the next of its group."""
    every = np.arange(rows.n)
    order = every if is_in_order(rows.codes, times) else np.lexsort((times, rows.codes))
    before, after, lags = np.empty_like(every), np.empty_like(every), np.empty(rows.n)
    m = neighbours(order, rows.codes, times, before, after, lags)
    before, after, lags = before[:m], after[:m], lags[:m]
    gaps, place, counts = distinct_gaps(lags, whole)
    links = Links(*chain_links(rows.n, before, after, place))
    sizes = counts.astype(np.float64)
    signed = whole and any_odd(gaps)
    unit = middle_gap(gaps, sizes) if signed else short_gap(gaps, sizes)
    return MarkovChain(links, gaps, sizes, unit, whole, signed, times, time)


def chain_of_gaps(gaps: Floats, counts: Floats, time: str | None, *, whole: bool) -> MarkovChain:
    """That of rows which are not there."""
    signed = whole and any_odd(gaps)
    unit = middle_gap(gaps, counts) if signed else short_gap(gaps, counts)
    return MarkovChain(NO_LINKS, gaps, counts, unit, whole, signed, np.zeros(0), time)
