"""Shares strictly between 0 and 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import betainc, polygamma

from hierbayes.compilation import inner
from hierbayes.families.family import ResponseFamily
from hierbayes.families.links import logit_share, logit_sided, predictor, probability
from hierbayes.families.response import Response
from hierbayes.families.rows import Formulas
from hierbayes.families.special import digamma, tetragamma, trigamma
from hierbayes.frames.arrays import Floats


@inner
def _parts(y, eta, v):
    """ℓ, ℓ′, ∂ℓ/∂φ, and the derivative by φp of what goes by Γ(a + 1) and Γ(b + 1).

    ℓ = log Γ(φ) − log Γ(a) − log Γ(b) + a log y + b log(1 − y), a = φp, b = φ(1 − p).  Γ(a) is
    Γ(a + 1)/a, and log a goes by the link: what is left is smooth where p is 0 or 1.
    """
    p, q, p1, _, _ = logit_share(eta)
    a, b = v * p + 1.0, v * q + 1.0
    value, first, _, _ = logit_sided(1.0, 1.0, eta)
    yes, no = math.log(y), math.log1p(-y)
    value += math.lgamma(v) + 2.0 * math.log(v) - math.lgamma(a) - math.lgamma(b)
    value += v * (p * yes + q * no)
    up, down = yes - digamma(a), no - digamma(b)
    by_phi = digamma(v) + 2.0 / v + p * up + q * down
    return value, first + v * p1 * (up - down), by_phi, up - down


@inner
def beta_slopes(y, m, eta, phi, out):
    """ℓ and ℓ′; fills ``out`` (1,) with ∂ℓ/∂φ."""
    value, first, out[0], _ = _parts(y, eta, phi[0])
    return value, first


@inner
def beta_row(y, m, eta, phi):
    """ℓ with its derivatives by η."""
    v = phi[0]
    value, first, _, slope = _parts(y, eta, v)
    p, q, p1, p2, p3 = logit_share(eta)
    a, b = v * p + 1.0, v * q + 1.0
    curve, bend = trigamma(a) + trigamma(b), tetragamma(a) - tetragamma(b)
    _, _, second, third = logit_sided(1.0, 1.0, eta)
    w = v * p1
    second += v * p2 * slope - w * w * curve
    third += v * p3 * slope - 3.0 * w * v * p2 * curve - w * w * w * bend
    return value, first, second, third


@inner
def beta_row_phi(y, m, eta, phi, out):
    """∂/∂φ of ℓ, ℓ′ and ℓ″."""
    v = phi[0]
    p, q, p1, p2, _ = logit_share(eta)
    a, b = v * p + 1.0, v * q + 1.0
    a1, b1 = trigamma(a), trigamma(b)
    _, _, out[0, 0], slope = _parts(y, eta, v)
    change = slope + v * (q * b1 - p * a1)
    out[1, 0] = p1 * change
    out[2, 0] = p2 * change
    out[2, 0] -= v * p1 * p1 * (2.0 * (a1 + b1) + v * (p * tetragamma(a) + q * tetragamma(b)))


_FORMULAS = Formulas("beta_logit", beta_row, beta_row_phi, slopes=beta_slopes)


@dataclass(frozen=True, slots=True)
class Beta(ResponseFamily):
    """Shares with mean p, logit p = η, and precision φ: Beta(φp, φ(1 − p)).

    The variance is p(1 − p)/(1 + φ).
    """

    name: ClassVar[str] = "Beta"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    link: str = "logit"

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _FORMULAS

    @property
    def dispersion(self) -> tuple[str, ...]:
        """The precision."""
        return ("precision",)

    @property
    def mean_range(self) -> tuple[float, float]:
        """That of a share."""
        return 0.0, 1.0

    @property
    def is_boundless_where_exact(self) -> bool:
        """True."""
        return True

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """−log y(1 − y)."""
        return -np.log(y) - np.log1p(-y)

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """The expected information: ℓ is not concave."""
        p, q = probability("logit", eta), probability("logit", -eta)
        tiny = np.finfo(float).tiny
        curve = polygamma(1, phi[0] * p + 1.0) + polygamma(1, phi[0] * q + 1.0)
        # ψ′(a) is ψ′(a + 1) + 1/a², which overflows where a is next to nothing.
        return np.maximum((phi[0] * p * q) ** 2 * curve + p**2 + q**2, tiny)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """p."""
        return probability("logit", eta)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """p(1 − p)/(1 + φ)."""
        return probability("logit", eta) * probability("logit", -eta) / (1.0 + phi[0])

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """The incomplete beta function."""
        total = betainc(phi[0] * probability("logit", eta), phi[0] * probability("logit", -eta), y)
        return total, total

    def start(self, y: Floats, m: Floats) -> Floats:
        """Logit y."""
        return predictor("logit", y)

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """From mean and variance of all shares."""
        mean, variance = float(y.mean()), max(float(y.var()), 1e-12)
        return np.array([np.clip(mean * (1.0 - mean) / variance - 1.0, 1.0, 1e4)])

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Shares, none of them rounded to 0 or 1."""
        p, q = probability("logit", eta), probability("logit", -eta)
        tiny = np.finfo(float).tiny
        drawn = rng.beta(np.maximum(phi[0] * p, tiny), np.maximum(phi[0] * q, tiny))
        return np.clip(drawn, tiny, 1.0 - np.finfo(float).epsneg)

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Shares; 0, 1 and what is outside are refused."""
        response.one_column(self.name)
        y = response.numbers()
        wanted = (
            "shares are above 0 and below 1; counts of successes have the family Binomial or "
            "BetaBinomial"
        )
        response.refuse(~((y > 0) & (y < 1)), self.name, wanted, y)
        return y, np.full(len(y), self.constant)
