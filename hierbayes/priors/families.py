"""Priors of single parameters: light values.

They are turned into PyMC distributions only when a graph is built; `prior_blocks` says
which may stand where.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from math import isfinite, log
from numbers import Real
from typing import Any, ClassVar

from hierbayes.errors import PriorError


@dataclass(frozen=True, slots=True)
class Prior:
    """A family of priors with its parameters.

    The class variables say how PyMC knows it: ``distribution`` and the parameters
    fixed by the family; ``signed`` names the symmetric distribution whose absolute
    value this is, where there is one; ``has_density`` is false of a prior through latent
    variables, whose density has no closed form; ``is_elsewhere`` is true of what stands where
    a joint prior has the density.
    """

    distribution: ClassVar[str]
    has_density: ClassVar[bool] = True
    is_elsewhere: ClassVar[bool] = False
    fixed: ClassVar[dict[str, float]] = {}
    signed: ClassVar[str | None] = None
    positive: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, Real) or not isfinite(value):
                raise PriorError(
                    f"{type(self).__name__}: {field.name} must be a number, not {value!r}"
                )
        for name in self.positive:
            value = getattr(self, name)
            if not value > 0:
                raise PriorError(f"{type(self).__name__}: {name} must be positive, not {value}")

    @property
    def parameters(self) -> dict[str, float]:
        """Parameters as PyMC names them, without those the family fixes."""
        return {f.name: float(getattr(self, f.name)) for f in fields(self)}

    @property
    def words(self) -> str:
        """What it says, where its name and its numbers do not; else nothing."""
        return ""

    def __str__(self) -> str:
        values = ", ".join(f"{value:z.4g}" for value in self.parameters.values())
        return f"{type(self).__name__}({values})"


@dataclass(frozen=True, slots=True)
class Normal(Prior):
    """Normal prior with mean ``mu`` and standard deviation ``sigma``; on γ it is collapsed."""

    distribution: ClassVar[str] = "Normal"
    positive: ClassVar[tuple[str, ...]] = ("sigma",)
    mu: float
    sigma: float


@dataclass(frozen=True, slots=True)
class DesignNormal(Normal):
    """Normal prior of a fixed effect, correlated with its like as X makes estimates.

    ``mu`` and ``sigma`` are mean and sd of the coefficient in the columns as written; all terms
    of a model with this prior have one joint distribution, which no shift or change of unit of
    a column alters (`design_normal`).  Beside terms with priors of their own they are mean and
    sd given those.
    """


@dataclass(frozen=True, slots=True)
class StudentT(Prior):
    """Student's t with ``nu`` degrees of freedom, location ``mu`` and scale ``sigma``."""

    distribution: ClassVar[str] = "StudentT"
    positive: ClassVar[tuple[str, ...]] = ("nu", "sigma")
    nu: float
    mu: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Flat(Prior):
    """No information: density 1 wherever the parameter lives (improper)."""

    distribution: ClassVar[str] = "Flat"
    signed: ClassVar[str | None] = "Flat"


@dataclass(frozen=True, slots=True)
class Known(Prior):
    """A number that is known, as 1 for the dispersion of a family that has none."""

    distribution: ClassVar[str] = "Known"
    value: float


@dataclass(frozen=True, slots=True)
class HalfNormal(Prior):
    """Absolute value of a normal number with mean 0 and standard deviation ``sigma``."""

    distribution: ClassVar[str] = "HalfNormal"
    signed: ClassVar[str | None] = "Normal"
    positive: ClassVar[tuple[str, ...]] = ("sigma",)
    sigma: float


@dataclass(frozen=True, slots=True)
class HalfT(Prior):
    """Absolute value of a Student t number: ``HalfT(nu, scale)``, or ``HalfT(nu, 0, scale)``.

    The location is always 0.

    Examples
    --------
    >>> HalfT(3, 2.5) == HalfT(3, 0, 2.5)
    True
    """

    distribution: ClassVar[str] = "HalfStudentT"
    signed: ClassVar[str | None] = "StudentT"
    positive: ClassVar[tuple[str, ...]] = ("nu", "sigma")
    nu: float
    mu: float = 0.0
    sigma: float = math.nan  # not stated: the last number is the scale

    def __post_init__(self) -> None:
        if isinstance(self.sigma, float) and math.isnan(self.sigma):
            if self.mu == 0:
                raise PriorError("HalfT needs its scale, as in HalfT(3, 2.5)")
            object.__setattr__(self, "sigma", self.mu)
            object.__setattr__(self, "mu", 0.0)
        Prior.__post_init__(self)
        if self.mu != 0:
            raise PriorError(f"HalfT: the location must be 0, not {self.mu}")

    @property
    def parameters(self) -> dict[str, float]:
        """Degrees of freedom and scale; the location is 0."""
        return {"nu": float(self.nu), "sigma": float(self.sigma)}

    def __str__(self) -> str:
        return f"HalfT({self.nu:.4g}, 0, {self.sigma:.4g})"


@dataclass(frozen=True, slots=True)
class HalfCauchy(Prior):
    """Absolute value of a Cauchy number with scale ``beta``."""

    distribution: ClassVar[str] = "HalfCauchy"
    signed: ClassVar[str | None] = "Cauchy"
    positive: ClassVar[tuple[str, ...]] = ("beta",)
    beta: float


@dataclass(frozen=True, slots=True)
class Exponential(Prior):
    """Exponential prior with rate ``lam`` (mean 1/lam)."""

    distribution: ClassVar[str] = "Exponential"
    positive: ClassVar[tuple[str, ...]] = ("lam",)
    lam: float


@dataclass(frozen=True, slots=True)
class PC(Prior):
    """Penalised-complexity prior of a standard deviation: P(sd > ``upper``) = ``prob``.

    The exponential distribution with that tail, rate −log(prob)/upper: each further step
    away from sd = 0, the simpler model, costs the same.

    References
    ----------
    Simpson, Rue, Riebler, Martins & Sørbye (2017), *Penalising Model Component
    Complexity*, doi:10.1214/16-STS576.
    """

    distribution: ClassVar[str] = "Exponential"
    positive: ClassVar[tuple[str, ...]] = ("upper",)
    upper: float
    prob: float

    def __post_init__(self) -> None:
        Prior.__post_init__(self)
        if not 0 < self.prob < 1:
            raise PriorError(f"PC: prob must lie between 0 and 1, not {self.prob}")

    @property
    def parameters(self) -> dict[str, float]:
        """The rate of the exponential distribution."""
        return {"lam": -log(self.prob) / self.upper}

    def __str__(self) -> str:
        return f"PC({self.upper:.4g}, {self.prob:.4g})"


@dataclass(frozen=True, slots=True)
class Uniform(Prior):
    """Uniform prior between ``lower`` and ``upper``."""

    distribution: ClassVar[str] = "Uniform"
    lower: float
    upper: float

    def __post_init__(self) -> None:
        Prior.__post_init__(self)
        if not self.upper > self.lower:
            raise PriorError(f"Uniform: upper ({self.upper}) must exceed lower ({self.lower})")


@dataclass(frozen=True, slots=True)
class Gamma(Prior):
    """Gamma prior with shape ``alpha`` and rate ``beta``; shape above 1 avoids zero."""

    distribution: ClassVar[str] = "Gamma"
    positive: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    alpha: float
    beta: float


@dataclass(frozen=True, slots=True)
class InverseGamma(Prior):
    """Inverse-gamma prior with shape ``alpha`` and scale ``beta``."""

    distribution: ClassVar[str] = "InverseGamma"
    positive: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    alpha: float
    beta: float


@dataclass(frozen=True, slots=True)
class LogNormal(Prior):
    """Prior of a positive number whose logarithm is normal with mean ``mu`` and sd ``sigma``."""

    distribution: ClassVar[str] = "LogNormal"
    positive: ClassVar[tuple[str, ...]] = ("sigma",)
    mu: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Centred(Prior):
    """The prior of the sd of a random effect, its column centred (`centred_effects`).

    Stated of all effects of a block of G; the prior of their correlations is then of the
    centred columns too.
    """

    distribution: ClassVar[str] = "Centred"
    prior: Any

    def __post_init__(self) -> None:
        if not isinstance(self.prior, Prior) or isinstance(self.prior, Centred):
            raise PriorError(
                f"Centred takes a prior of a standard deviation, such as HalfNormal(5), "
                f"not {self.prior!r}"
            )

    @property
    def parameters(self) -> dict[str, float]:
        """Those of the prior that is centred."""
        found: dict[str, float] = self.prior.parameters
        return found

    def __str__(self) -> str:
        return f"Centred({self.prior})"
