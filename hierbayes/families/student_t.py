"""Responses with heavy tails: Student's t around η."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np
from scipy.special import gammaln, stdtr

from hierbayes.compilation import inner
from hierbayes.errors import FamilyError
from hierbayes.families.family import ResponseFamily
from hierbayes.families.response import Response
from hierbayes.families.rows import Formulas
from hierbayes.frames.arrays import Floats


@inner
def student_row(y, m, eta, phi):
    """ℓ = −log σ − ½(ν + 1) log(1 + z²/ν), z = (y − η)/σ, ν = m."""
    z = (y - eta) / phi[0]
    square, scale = z * z, 1.0 / phi[0]
    k = (m + 1.0) / (m + square) * scale
    share = scale / (m + square)
    value = -math.log(phi[0]) - 0.5 * (m + 1.0) * math.log1p(square / m)
    second = k * share * (square - m)
    return value, k * z, second, 2.0 * k * z * share * share * (square - 3.0 * m)


@inner
def student_row_phi(y, m, eta, phi, out):
    """∂/∂σ of ℓ, ℓ′ and ℓ″."""
    z = (y - eta) / phi[0]
    square, scale = z * z, 1.0 / phi[0]
    k = (m + 1.0) / (m + square) * scale
    share = scale / (m + square)
    out[0, 0] = m * (square - 1.0) * share
    out[1, 0] = -2.0 * m * k * z * share
    out[2, 0] = -2.0 * m * k * share * (3.0 * square - m) * share


_FORMULAS = Formulas("student_t_identity", student_row, student_row_phi)


@dataclass(frozen=True, slots=True)
class StudentT(ResponseFamily):
    """Student's t with given degrees of freedom, location η and scale σ."""

    name: ClassVar[str] = "StudentT"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    link: str = "identity"
    df: float = 4.0

    def __post_init__(self) -> None:
        ResponseFamily.__post_init__(self)
        if not (isinstance(self.df, Real) and 0 < self.df < math.inf):
            raise FamilyError(f"StudentT: df must be a positive number, not {self.df!r}")

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _FORMULAS

    @property
    def dispersion(self) -> tuple[str, ...]:
        """The scale σ, which is not the standard deviation."""
        return ("sigma",)

    @property
    def constant(self) -> float:
        """The degrees of freedom."""
        return float(self.df)

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """log Γ((ν + 1)/2) − log Γ(ν/2) − ½ log νπ."""
        return gammaln(0.5 * (m + 1.0)) - gammaln(0.5 * m) - 0.5 * np.log(m * math.pi)

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """The expected information: ℓ is not concave."""
        return (m + 1.0) / ((m + 3.0) * phi[0] ** 2)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """η; none (nan) with one degree of freedom or less."""
        return eta if self.df > 1 else np.full(len(eta), np.nan)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """σ²ν/(ν − 2); infinite with two degrees of freedom or less."""
        with np.errstate(divide="ignore"):
            return np.where(m > 2, phi[0] ** 2 * m / np.abs(m - 2.0), np.inf)

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """Student's distribution."""
        total = stdtr(m, (y - eta) / phi[0])
        return total, total

    def start(self, y: Floats, m: Floats) -> Floats:
        """Y itself."""
        return y

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """From the quartiles of all responses, which far ones do not move."""
        low, high = np.quantile(y, [0.25, 0.75])
        spread = (high - low) / 1.5 or y.std() or 1.0
        return np.array([spread])

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Numbers."""
        return eta + phi[0] * rng.standard_t(m)

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Numbers; missing and infinite ones are refused."""
        response.one_column(self.name)
        y = response.numbers()
        response.refuse(~np.isfinite(y), self.name, "it takes finite numbers", y)
        return y, np.full(len(y), self.constant)
