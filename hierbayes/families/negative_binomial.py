"""Counts with more variance than Poisson's: a Poisson whose mean has a gamma distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hierbayes.compilation import inner
from hierbayes.families.counts import Counts
from hierbayes.families.family import ResponseFamily
from hierbayes.families.links import logit_share
from hierbayes.families.poisson import Poisson
from hierbayes.families.rows import Formulas
from hierbayes.families.special import log_rising, rising_slopes
from hierbayes.frames.arrays import Floats


@inner
def quadratic_row(y, m, eta, phi):
    """ℓ = log φ(φ + 1)⋯(φ + y − 1)/φ^y + yη − (y + φ) log(1 + μ/φ); p = μ/(μ + φ)."""
    x = eta - math.log(phi[0])
    p, q, slope, _, _ = logit_share(x)
    total = y + phi[0]
    value = log_rising(phi[0], y) + y * eta - total * (max(x, 0.0) + math.log1p(math.exp(-abs(x))))
    return value, y * q - phi[0] * p, -total * slope, total * slope * (p - q)


@inner
def quadratic_row_phi(y, m, eta, phi, out):
    """∂ℓ/∂φ, ∂ℓ′/∂φ = p ℓ′/φ, ∂ℓ″/∂φ."""
    x = eta - math.log(phi[0])
    p, q, slope, _, _ = logit_share(x)
    first, _, _ = rising_slopes(phi[0], y)
    out[0, 0] = first - max(x, 0.0) - math.log1p(math.exp(-abs(x))) + p - y / phi[0] * q
    out[1, 0] = p * (y * q / phi[0] - p)
    out[2, 0] = -slope * (2.0 * p + y / phi[0] * (p - q))


@inner
def linear_row(y, m, eta, phi):
    """ℓ = log s(s + 1)⋯(s + y − 1) + y log φ − (y + s) log(1 + φ), s = μ/φ.

    Log of the first factor is η − log φ: what is left is smooth where s is 0.
    """
    mu, log, value, one = math.exp(eta), math.log1p(phi[0]), 0.0, 0.0
    s = mu / phi[0]
    if y > 0.0:
        value = eta + log_rising(s + 1.0, y - 1.0) + (y - 1.0) * math.log(mu + phi[0])
        one = 1.0
    a, b, c = rising_slopes(s + 1.0, y - 1.0)
    first, second = s * (a - log), s * s * b
    third = first + 3.0 * second + s * s * s * c
    return value - (y + s) * log, one + first, first + second, third


@inner
def linear_row_phi(y, m, eta, phi, out):
    """∂/∂φ of ℓ, ℓ′ and ℓ″: each is minus the next derivative by η over φ, and a rest."""
    s = math.exp(eta) / phi[0]
    _, first, second, third = linear_row(y, m, eta, phi)
    rest = s / (1.0 + phi[0])
    out[0, 0] = -first / phi[0] + y / (phi[0] * (1.0 + phi[0])) - rest
    out[1, 0] = -second / phi[0] - rest
    out[2, 0] = -third / phi[0] - rest


_QUADRATIC = Formulas("negative_binomial_log", quadratic_row, quadratic_row_phi)
_LINEAR = Formulas("negative_binomial1_log", linear_row, linear_row_phi)


def _moments(y: Floats) -> tuple[float, float]:
    """Mean, and variance beyond it, both positive."""
    mean = max(float(y.mean()), 0.1)
    return mean, max(float(y.var()) - mean, 0.05 * mean)


@dataclass(frozen=True, slots=True)
class NegativeBinomial(Counts):
    """Counts with mean μ = e^η and variance μ + μ²/φ ("NB2", glmmTMB's ``nbinom2``)."""

    name: ClassVar[str] = "NegativeBinomial"

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _QUADRATIC

    @property
    def dispersion(self) -> tuple[str, ...]:
        """φ, which goes to infinity as the counts become Poisson's."""
        return ("phi",)

    @property
    def limits(self) -> tuple[tuple[ResponseFamily, str], ...]:
        """Poisson's counts."""
        return ((Poisson(self.link), "phi is infinite"),)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """μ + μ²/φ."""
        mean = self.mean(eta, m, phi)
        return mean + mean**2 / phi[0]

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """From mean and variance of all counts."""
        mean, beyond = _moments(y)
        return np.array([np.clip(mean**2 / beyond, 0.1, 100.0)])

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Counts."""
        mean = self.mean(eta, m, phi)
        return rng.negative_binomial(phi[0], phi[0] / (phi[0] + mean)).astype(float)


@dataclass(frozen=True, slots=True)
class NegativeBinomial1(Counts):
    """Counts with mean μ = e^η and variance μ(1 + φ) ("NB1", glmmTMB's ``nbinom1``)."""

    name: ClassVar[str] = "NegativeBinomial1"

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _LINEAR

    @property
    def dispersion(self) -> tuple[str, ...]:
        """φ, which goes to zero as the counts become Poisson's."""
        return ("phi",)

    @property
    def limits(self) -> tuple[tuple[ResponseFamily, str], ...]:
        """Poisson's counts."""
        return ((Poisson(self.link), "phi is zero"),)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """μ(1 + φ)."""
        return self.mean(eta, m, phi) * (1.0 + phi[0])

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """μ/(1 + φ), of quasi-likelihood: ℓ is not concave."""
        return np.maximum(self.mean(eta, m, phi) / (1.0 + phi[0]), np.finfo(float).tiny)

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """From mean and variance of all counts."""
        mean, beyond = _moments(y)
        return np.array([np.clip(beyond / mean, 0.05, 10.0)])

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Counts."""
        size = self.mean(eta, m, phi) / phi[0]
        return rng.negative_binomial(size, 1.0 / (1.0 + phi[0])).astype(float)
