"""The law of errors under a residual structure, at any coordinates z of its parameters."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from hierbayes.design.blocks import block_slices
from hierbayes.design.error_coefficients import ErrorKernel, class_coefficients
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.residuals.bound import BoundCorrelation, BoundVariance
from hierbayes.residuals.bound_values import INDEPENDENT, NO_NUMBERS, CorrelationKernel, Parameter
from hierbayes.residuals.coordinates import derivative_at_once
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.value import value

_ALONE = CorrelationKernel(INDEPENDENT, NO_NUMBERS, NO_NUMBERS, 0.0)
_FAR = 12.0  # a coordinate, out there at a limit of its parameter
_OUT, _FLAT_THERE = 5.0, 0.1  # the same where its standard error is 3: |φ| > 0.9999, a ratio of 150
_INDEPENDENT = np.array([1.0, 0.0]), np.zeros((2, 0)), np.zeros((2, 0, 0))  # C⁻¹ = I


@value(slots=False)
class ErrorLaw:
    """A residual structure σ²R, whatever rows it is of.

    R⁻¹ = Σ_links c e_ae_b', with c the coefficient of C⁻¹ over the standard deviations of both
    ends.  What shares a coefficient is a *cell class*.

    Parameters
    ----------
    structure : ResidualStructure
    group : str
        The factor whose groups have independent errors; empty where all rows have.
    labels : pandas.Index
        Of its groups.
    level_of : (parts, L) int
        What level of each part of the variance each of the L levels of variance is.
    level_counts : (L,) int
        How many rows have each.
    correlation : BoundCorrelation or None
    variances : tuple of BoundVariance
    """

    structure: ResidualStructure
    group: str
    labels: pd.Index
    level_of: Integers
    level_counts: Integers
    correlation: BoundCorrelation | None
    variances: tuple[BoundVariance, ...]

    @cached_property
    def n(self) -> int:
        """Number of rows."""
        return int(self.level_counts.sum())

    @property
    def parts(self) -> tuple[BoundCorrelation | BoundVariance, ...]:
        """The correlation, where there is one, and the variances."""
        return (*(() if self.correlation is None else (self.correlation,)), *self.variances)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All k of them, in the order of the coordinates."""
        return tuple(parameter for part in self.parts for parameter in part.parameters)

    @cached_property
    def _starts(self) -> list[Floats]:
        return [part.start for part in self.parts]

    @cached_property
    def start(self) -> Floats:
        """Coordinates (k,) from which a search begins."""
        starts = self._starts
        return starts[0] if len(starts) == 1 else np.concatenate([np.zeros(0), *starts])

    @cached_property
    def edges(self) -> Floats:
        """Coordinates (2, k) at a limit which is a covariance, and a little inside; or −∞."""
        found = np.full((2, len(self.start)), -np.inf)
        if self.correlation is not None:
            found[:, self._spans[0]] = self.correlation.edges
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of a fit with it, of the structure and of these rows."""
        found = self.structure.note, "" if self.correlation is None else self.correlation.note
        return tuple(note for note in found if note)

    @property
    def elsewhere(self) -> tuple[Self, ...]:
        """The same with other starts, where a maximum may be out of reach of its own."""
        others = () if self.correlation is None else self.correlation.elsewhere
        return tuple(replace(self, correlation=one) for one in others)

    def with_coordinates_of(self, fitted: ErrorLaw, z: Floats | None) -> Self:
        """The same, whose coordinates say what those on other rows say; there z (k,) was found.

        Raises
        ------
        DataError
            When these rows cannot have that correlation.
        """
        if self.correlation is None:
            return self
        own = None if z is None else z[self._spans[0]]
        same = self.correlation.with_coordinates_of(fitted.correlation, own)
        return replace(self, correlation=same)

    def moving(self, z: Floats) -> Booleans:
        """Which coordinates (k,) are inside, and not at such a limit."""
        found: Booleans = z > self.edges[0]
        return found

    def beyond(self, z: Floats, curvature: Floats) -> Booleans:
        """Which coordinates (k,) stand for a limit of their parameter that is no covariance.

        That is where they are very far out, or far where ℓ of such a curvature (k,) does not fall
        any more. A limit that is a covariance has an edge, and is looked at.
        """
        far = (np.abs(z) > _FAR) | ((np.abs(z) > _OUT) & (curvature < _FLAT_THERE))
        found: Booleans = far & ~(np.isfinite(self.edges[0]) & (z < 0.0))
        return found

    def inside(self, z: Floats) -> Floats:
        """Those coordinates, where a search begins in place of a limit."""
        return np.where(self.moving(z), z, self.start)

    @cached_property
    def _spans(self) -> list[slice]:
        return list(block_slices(map(len, self._starts)))

    def natural(self, z: Any) -> Any:
        """The parameters (..., k) at coordinates z (..., k)."""
        parts = zip(self.parts, self._spans, strict=True)
        found = [part.natural(z[..., at]) for part, at in parts]
        return np.concatenate([z[..., :0], *found], axis=-1)

    def alone(self, z: Any) -> Any:
        """The parameters (k,) that their coordinate tells alone; of others whatever is quick."""
        first = [] if self.correlation is None else [self.correlation.alone(z[self._spans[0]])]
        spans = self._spans[len(first) :]
        found = [part.natural(z[at]) for part, at in zip(self.variances, spans, strict=True)]
        return np.concatenate([z[:0], *first, *found])

    def log_slopes(self, z: Any) -> Any:
        """log ∂ parameter/∂ coordinate (k,); 0 of parameters that are told together."""
        parts = zip(self.parts, self._spans, strict=True)
        return np.concatenate([np.zeros(0), *(part.log_slopes(z[at]) for part, at in parts)])

    def natural_slope(self, z: Floats) -> Floats:
        """∂ parameters/∂z (k, k)."""
        return derivative_at_once(self.natural, z).T

    def log_sd(self, z: Any) -> Any:
        """Log of the standard deviation (L,) of each level of variance, relative to σ."""
        return self.sd_slopes @ z

    def mean_variance(self, z: Floats) -> Floats:
        """Variance of an error relative to σ², averaged over the rows, (...) at z (..., k)."""
        if not self.structure.has_unequal_variances:
            return np.ones(z.shape[:-1])
        distinct, place = np.unique(z.reshape(-1, z.shape[-1]), axis=0, return_inverse=True)
        means = np.array([self._mean_variance(one) for one in distinct])
        return means[place].reshape(z.shape[:-1])

    def _mean_variance(self, z: Floats) -> float:
        """The same at z (k,), where it is told by levels."""
        return float(self.level_counts @ np.exp(2.0 * self.log_sd(z)) / self.n)

    def coefficients(self, z: Any, classes: Integers) -> Any:
        """Coefficients in R⁻¹ of classes, and after them log|R| (K + 1,).

        Parameters
        ----------
        z : (k,) float or complex
        classes : (K, 3) int
            A kind of link, and the levels of variance of its ends.
        """
        log_sd = self.log_sd(z)
        log_det = 2.0 * (self.level_counts * log_sd).sum()
        kind, a, b = classes.T
        if self.correlation is None:
            return np.append(np.exp(-log_sd[a] - log_sd[b]), log_det)
        own, of_correlation = self.correlation.coefficients(z[self._spans[0]])
        return np.append(own[kind] * np.exp(-log_sd[a] - log_sd[b]), log_det + of_correlation)

    def with_slopes(self, z: Floats, classes: Integers) -> tuple[Floats, Floats]:
        """Those coefficients and log|R| (K + 1,), and ∂/∂z of them (K + 1, k)."""
        if self.correlation is None:
            return self.with_bends(z, classes)[:2]
        own, moved = self.correlation.with_slopes(z[self._spans[0]])
        parts = own, moved, np.zeros((*moved.shape, moved.shape[1]))
        return self._by_class(z, classes, parts)[:2]

    def with_bends(self, z: Floats, classes: Integers) -> tuple[Floats, Floats, Floats]:
        """The same with second derivatives (K + 1, k, k), as a search needs them."""
        if self.correlation is None:
            return self._by_class(z, classes, _INDEPENDENT)
        return self._by_class(z, classes, self.correlation.with_bends(z[self._spans[0]]))

    def kernel(self, classes: Integers, share: float) -> ErrorKernel:
        """What compiled code makes the same of, with a share of log|R|."""
        of_correlation = _ALONE if self.correlation is None else self.correlation.kernel
        return ErrorKernel(*of_correlation, classes, self.sd_slopes, self._counts, share)

    def _by_class(
        self, z: Floats, classes: Integers, parts: tuple[Floats, Floats, Floats]
    ) -> tuple[Floats, Floats, Floats]:
        found: tuple[Floats, Floats, Floats] = class_coefficients(
            classes, *parts, z, self.sd_slopes, self._counts
        )
        return found

    @cached_property
    def _counts(self) -> Floats:
        return self.level_counts.astype(np.float64)

    def coefficient_slopes(self, z: Floats, classes: Integers) -> Floats:
        """∂/∂z of the coefficients of classes, and after them of log|R| (K + 1, k)."""
        return self.with_slopes(z, classes)[1]

    @cached_property
    def sd_slopes(self) -> Floats:
        """D (L, k): log standard deviations of the levels, relative to σ, are Dz."""
        slopes = np.zeros((self.level_of.shape[1], len(self.start)))
        if not self.variances:
            return slopes
        first = len(self.parts) - len(self.variances)
        for part, at, level in zip(self.variances, self._spans[first:], self.level_of, strict=True):
            own = part.sd_slopes  # of one part, whose levels are those of all
            slopes[:, at] = own if len(self.variances) == 1 else own[level]
        return slopes

    def row_sd_of(self, frame: pd.DataFrame, z: Floats) -> Floats:
        """The same of other rows (m,).

        Raises
        ------
        DataError
            When they lack a column, or have levels that the fit has not seen.
        """
        require_columns(frame, self.structure, but=self.group)  # which no variance depends on
        sd = self.level_sd_of(frame, z)
        if self.correlation is not None and self.structure.has_occasion_variances:
            sd = sd * self._own_sd(self.correlation.times_of(frame), z)
        return sd

    def level_sd_of(self, frame: pd.DataFrame, z: Floats) -> Floats:
        """Standard deviation (m,) that the variances give other rows, relative to σ."""
        log_sd = np.zeros(len(frame))
        first = len(self.parts) - len(self.variances)
        for part, at in zip(self.variances, self._spans[first:], strict=True):
            log_sd = log_sd + part.log_sd_of(frame, z[at])
        sd: Floats = np.exp(log_sd)
        return sd

    def correlation_matrix(self, times: Floats, z: Any) -> Any:
        """C (m, m) of errors of one group at such times; z may be complex."""
        assert self.correlation is not None
        return self.correlation.matrix(times, z[self._spans[0]])

    def _own_sd(self, times: Floats, z: Floats) -> Floats:
        """Standard deviations that C itself has: other than 1 of occasions with variances."""
        if not self.structure.has_occasion_variances:
            return np.ones(len(times))
        found, place = np.unique(times, return_inverse=True)
        sd: Floats = np.sqrt(np.diag(self.correlation_matrix(found, z)))[place]
        return sd


def require_columns(frame: pd.DataFrame, structure: ResidualStructure, *, but: str = "") -> None:
    """Refuse rows that lack a column of the structure, ``but`` for one.

    Raises
    ------
    DataError
    """
    missing = [name for name in structure.columns if name not in frame.columns and name != but]
    if missing:
        raise DataError(
            f"the errors of these rows need column '{missing[0]}', of {structure.text}; add it"
        )
