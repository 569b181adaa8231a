"""Positive responses: gamma and lognormal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import gammainc, ndtr

from hierbayes.compilation import inner
from hierbayes.families.family import ResponseFamily
from hierbayes.families.response import Response
from hierbayes.families.rows import Formulas
from hierbayes.families.special import gamma_gap
from hierbayes.frames.arrays import Floats


@inner
def _gamma_parts(y, eta, shape):
    """ℓ, ℓ′, ∂ℓ/∂φ and u.

    ℓ = φ(u − t + 1) + φ log φ − φ − log Γ(φ), t = y/μ, u = log t.
    """
    u = math.log(y) - eta
    beyond = math.expm1(u)
    gap, slope = gamma_gap(shape)
    return shape * (u - beyond) + gap, shape * beyond, u - beyond + slope, u


@inner
def gamma_slopes(y, m, eta, phi, out):
    """ℓ and ℓ′; fills ``out`` (1,) with ∂ℓ/∂φ."""
    value, first, out[0], _ = _gamma_parts(y, eta, phi[0])
    return value, first


@inner
def gamma_row(y, m, eta, phi):
    """ℓ with its derivatives by η."""
    value, first, _, u = _gamma_parts(y, eta, phi[0])
    curve = phi[0] * math.exp(u)
    return value, first, -curve, curve


@inner
def gamma_row_phi(y, m, eta, phi, out):
    """∂/∂φ of ℓ, ℓ′ and ℓ″."""
    _, _, out[0, 0], u = _gamma_parts(y, eta, phi[0])
    out[1, 0] = math.expm1(u)
    out[2, 0] = -math.exp(u)


@inner
def lognormal_row(y, m, eta, phi):
    """ℓ = −log σ − (log y − η)²/2σ²."""
    z, precision = (math.log(y) - eta) / phi[0], 1.0 / (phi[0] * phi[0])
    return -math.log(phi[0]) - 0.5 * z * z, z / phi[0], -precision, 0.0


@inner
def lognormal_row_phi(y, m, eta, phi, out):
    """∂/∂σ of ℓ, ℓ′ and ℓ″."""
    z, precision = (math.log(y) - eta) / phi[0], 1.0 / (phi[0] * phi[0])
    out[0, 0] = (z * z - 1.0) / phi[0]
    out[1, 0] = -2.0 * z * precision
    out[2, 0] = 2.0 * precision / phi[0]


_GAMMA = Formulas("gamma_log", gamma_row, gamma_row_phi, slopes=gamma_slopes)
_LOGNORMAL = Formulas("lognormal_identity", lognormal_row, lognormal_row_phi)


@dataclass(frozen=True, slots=True)
class Positive(ResponseFamily):
    """What gamma and lognormal have in common."""

    @property
    def mean_range(self) -> tuple[float, float]:
        """That of positive numbers."""
        return 0.0, np.inf

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Positive numbers; others are refused."""
        response.one_column(self.name)
        y = response.numbers()
        bad = ~((y > 0) & np.isfinite(y))
        response.refuse(bad, self.name, "it takes numbers above 0", y)
        return y, np.full(len(y), self.constant)


@dataclass(frozen=True, slots=True)
class Gamma(Positive):
    """Positive responses with mean μ = e^η, shape φ and variance μ²/φ."""

    name: ClassVar[str] = "Gamma"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: str = "log"

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _GAMMA

    @property
    def dispersion(self) -> tuple[str, ...]:
        """The shape, 1/φ being the squared coefficient of variation."""
        return ("shape",)

    @property
    def is_boundless_where_exact(self) -> bool:
        """True."""
        return True

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """−log y."""
        return -np.log(y)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """e^η."""
        with np.errstate(over="ignore"):
            return np.exp(eta)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """μ²/φ."""
        return self.mean(eta, m, phi) ** 2 / phi[0]

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """The incomplete gamma function."""
        with np.errstate(over="ignore"):
            total = gammainc(phi[0], phi[0] * y * np.exp(-eta))
        return total, total

    def start(self, y: Floats, m: Floats) -> Floats:
        """Log y."""
        return np.log(y)

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """From mean and variance of all responses."""
        scaled = y / y.max()
        return np.array([np.clip(scaled.mean() ** 2 / max(scaled.var(), 1e-12), 0.1, 1e4)])

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Positive numbers, none of them rounded to 0."""
        drawn = rng.gamma(phi[0], self.mean(eta, m, phi) / phi[0])
        return np.maximum(drawn, np.finfo(float).tiny)


@dataclass(frozen=True, slots=True)
class Lognormal(Positive):
    """Positive responses whose logarithm is normal with mean η and standard deviation σ.

    e^η is the median, and e^(η + σ²/2) the mean.
    """

    name: ClassVar[str] = "Lognormal"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    link: str = "identity"

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _LOGNORMAL

    @property
    def dispersion(self) -> tuple[str, ...]:
        """σ, of log y."""
        return ("sigma",)

    @property
    def dispersion_moves_mean(self) -> bool:
        """True."""
        return True

    @property
    def is_boundless_where_exact(self) -> bool:
        """True."""
        return True

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """−log y − ½ log 2π."""
        return -np.log(y) - 0.5 * math.log(2.0 * math.pi)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """e^(η + σ²/2)."""
        with np.errstate(over="ignore"):
            return np.exp(eta + 0.5 * phi[0] ** 2)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """(e^σ² − 1) times the squared mean."""
        with np.errstate(over="ignore"):
            return np.expm1(phi[0] ** 2) * self.mean(eta, m, phi) ** 2

    def latent_variance(self, phi: Floats) -> Floats | None:
        """σ²: the latent response is log y."""
        return np.asarray(phi[..., 0] ** 2)

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """The normal distribution of log y."""
        total = ndtr((np.log(y) - eta) / phi[0])
        return total, total

    def start(self, y: Floats, m: Floats) -> Floats:
        """Log y."""
        return np.log(y)

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """Standard deviation of log y."""
        return np.array([max(float(np.log(y).std()), 1e-6)])

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Positive numbers."""
        return rng.lognormal(eta, phi[0])
