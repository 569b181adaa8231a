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
from hierbayes.families.special import half_gap
from hierbayes.frames.arrays import Floats

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_FIRST_DF = 8.0  # where a search for ν begins


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


@inner
def estimated_row(y, m, eta, phi):
    """The same with ν among φ, and what of the log density depends on it."""
    value, first, second, third = student_row(y, phi[1], eta, phi)
    return value + half_gap(0.5 * phi[1])[0] - _HALF_LOG_TWO_PI, first, second, third


@inner
def estimated_row_phi(y, m, eta, phi, out):
    """∂/∂σ and ∂/∂ν of ℓ, ℓ′ and ℓ″."""
    student_row_phi(y, phi[1], eta, phi, out)
    nu, z, scale = phi[1], (y - eta) / phi[0], 1.0 / phi[0]
    square, a = z * z, 1.0 / (nu + z * z)
    share = square * a
    log = math.log1p(square / nu)
    out[0, 1] = 0.5 * (half_gap(0.5 * nu)[1] - log + (1.0 + 1.0 / nu) * share)
    out[1, 1] = z * scale * a * (share - a)
    out[2, 1] = scale * scale * a * (share * share - 3.0 * (nu + 1.0) * share * a + nu * a * a)


_FORMULAS = Formulas("student_t_identity", student_row, student_row_phi)
_ESTIMATED = Formulas("student_t_estimated_identity", estimated_row, estimated_row_phi)


@dataclass(frozen=True, slots=True)
class StudentT(ResponseFamily):
    """Student's t with location η, scale σ and ν degrees of freedom.

    Attributes
    ----------
    df : float or None
        ν; None where they are estimated, as a dispersion parameter "df".
    """

    name: ClassVar[str] = "StudentT"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    link: str = "identity"
    df: float | None = 4.0

    def __post_init__(self) -> None:
        if isinstance(self.link, Real):
            raise FamilyError(
                f"StudentT: name the degrees of freedom, df={self.link!r}; the link stands first"
            )
        ResponseFamily.__post_init__(self)
        if self.df is not None and not (isinstance(self.df, Real) and 0 < self.df < math.inf):
            raise FamilyError(
                f"StudentT: df must be a positive number, or None to estimate it, not {self.df!r}"
            )
        if self.df is not None:  # 4 and 4.0 are one family, whose text is one
            object.__setattr__(self, "df", float(self.df))

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _ESTIMATED if self.df is None else _FORMULAS

    @property
    def dispersion(self) -> tuple[str, ...]:
        """The scale σ, which is not the standard deviation; ν where it is estimated."""
        return ("sigma", "df") if self.df is None else ("sigma",)

    @property
    def constant(self) -> float:
        """The degrees of freedom where they are given."""
        return 1.0 if self.df is None else float(self.df)

    def degrees(self, m: Floats, phi: Floats) -> Floats:
        """ν of each row (n,)."""
        return np.full(len(m), phi[1]) if self.df is None else m

    @property
    def is_boundless_where_exact(self) -> bool:
        """True."""
        return True

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """Of a given ν: log Γ((ν + 1)/2) − log Γ(ν/2) − ½ log νπ."""
        if self.df is None:
            return np.zeros(len(m))
        return gammaln(0.5 * (m + 1.0)) - gammaln(0.5 * m) - 0.5 * np.log(m * math.pi)

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """The expected information: ℓ is not concave."""
        nu = self.degrees(m, phi)
        return (nu + 1.0) / ((nu + 3.0) * phi[0] ** 2)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """η; none (nan) with one degree of freedom or less."""
        return np.where(self.degrees(m, phi) > 1.0, eta, np.nan)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """σ²ν/(ν − 2); infinite with two degrees of freedom or less."""
        return _variance(phi[0], self.degrees(m, phi))

    def latent_variance(self, phi: Floats) -> Floats | None:
        """That of the response itself."""
        return _variance(phi[..., 0], phi[..., 1] if self.df is None else np.asarray(self.df))

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """Student's distribution."""
        total = stdtr(self.degrees(m, phi), (y - eta) / phi[0])
        return total, total

    def start(self, y: Floats, m: Floats) -> Floats:
        """Y itself."""
        return y

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """From the quartiles of all responses, which far ones do not move."""
        low, high = np.quantile(y, [0.25, 0.75])
        spread = (high - low) / 1.5 or y.std() or 1.0
        return np.array([spread] if self.df is not None else [spread, _FIRST_DF])

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Numbers."""
        return eta + phi[0] * rng.standard_t(self.degrees(m, phi))

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Numbers; missing and infinite ones are refused."""
        response.one_column(self.name)
        y = response.numbers()
        response.refuse(~np.isfinite(y), self.name, "it takes finite numbers", y)
        return y, np.full(len(y), self.constant)


def _variance(scale: Floats, nu: Floats) -> Floats:
    """σ²ν/(ν − 2), infinite for ν ≤ 2."""
    with np.errstate(divide="ignore"):
        return np.where(nu > 2.0, scale**2 * nu / np.abs(nu - 2.0), np.inf)
