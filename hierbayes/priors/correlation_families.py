"""Priors of correlations: of random effects, and of errors over gaps in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hierbayes.priors.families import Prior


@dataclass(frozen=True, slots=True)
class LKJ(Prior):
    """Density ∝ ``|R|^(eta − 1)`` on correlation matrices; eta = 1 is uniform."""

    distribution: ClassVar[str] = "LKJCorr"
    positive: ClassVar[tuple[str, ...]] = ("eta",)
    eta: float


@dataclass(frozen=True, slots=True)
class UniformPartials(Prior):
    """Of correlations at lags 1, 2, ...: their partial autocorrelations are uniform on (−1, 1)."""

    distribution: ClassVar[str] = "UniformPartials"


@dataclass(frozen=True, slots=True)
class UniformCorrelation(Prior):
    """Prior of φ of AR(1) errors: uniform is the correlation of errors so far apart in time.

    It is φ^gap; where φ may be negative, ``sign(φ)|φ|^gap``, between −1 and 1.  The unit of time is
    no part of it: with times in hours a ``gap`` of 24 says what 1 says with times in days.

    Parameters
    ----------
    gap : float
        In the unit of the times.

    Examples
    --------
    >>> print(UniformCorrelation(7))
    UniformCorrelation(7)
    """

    distribution: ClassVar[str] = "UniformCorrelation"
    positive: ClassVar[tuple[str, ...]] = ("gap",)
    low: ClassVar[float] = -1.0
    gap: float

    def __str__(self) -> str:
        return f"UniformCorrelation({self.gap:.4g})"

    @property
    def words(self) -> str:
        """What is uniform."""
        return f"uniform on the correlation at a gap of {self.gap:.4g}"


@dataclass(frozen=True, slots=True)
class UniformPositiveCorrelation(UniformCorrelation):
    """The same of a φ that is positive: φ^gap is uniform between 0 and 1.

    A model makes it of a `UniformCorrelation` that is stated.
    """

    low: ClassVar[float] = 0.0
