"""Successes out of trials whose probability has a beta distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hierbayes.compilation import inner
from hierbayes.families.binomial import Binomial
from hierbayes.families.family import ResponseFamily
from hierbayes.families.links import SHARE, SIDED, probability, probability_slope
from hierbayes.families.response import Response, refuse_single_trials
from hierbayes.families.rows import Formulas
from hierbayes.families.special import log_rising, rising_slopes
from hierbayes.frames.arrays import Floats


def _row_of(link: str) -> Any:
    """With a = φp and b = φ(1 − p), ℓ = log a(a + 1)⋯ + log b(b + 1)⋯ − log φ(φ + 1)⋯.

    The first factor of each product goes by the logarithms of the link: what is left is smooth
    where p is 0 or 1.
    """
    sided, share = SIDED[link], SHARE[link]

    def row(y, m, eta, phi):
        v, f = phi[0], m - y
        if m <= 0.0:
            return 0.0, 0.0, 0.0, 0.0
        p, q, p1, p2, p3 = share(eta)
        value, first, second, third = sided(min(y, 1.0), min(f, 1.0), eta)
        value -= log_rising(v, m)
        slope, curve, bend = 0.0, 0.0, 0.0
        if y > 1.0:
            a = v * p + 1.0
            value += log_rising(a, y - 1.0) + (y - 1.0) * math.log(a / v)
            slope, curve, bend = rising_slopes(a, y - 1.0)
        if f > 1.0:
            b = v * q + 1.0
            value += log_rising(b, f - 1.0) + (f - 1.0) * math.log(b / v)
            d, e, g = rising_slopes(b, f - 1.0)
            slope, curve, bend = slope - d, curve + e, bend - g
        w = v * p1
        first += w * slope
        second += v * p2 * slope + w * w * curve
        third += v * p3 * slope + 3.0 * w * v * p2 * curve + w * w * w * bend
        return value, first, second, third

    return inner(row, f"beta_binomial_row_{link}")


def _row_phi_of(link: str) -> Any:
    share = SHARE[link]

    def row_phi(y, m, eta, phi, out):
        v, f = phi[0], m - y
        p, q, p1, p2, _ = share(eta)
        a1, a2, a3 = rising_slopes(v * p + 1.0, y - 1.0)
        b1, b2, b3 = rising_slopes(v * q + 1.0, f - 1.0)
        whole, _, _ = rising_slopes(v + 1.0, m - 1.0)
        both = 1.0 / v if y > 0.0 and f > 0.0 else 0.0
        slope, change, curve = a1 - b1, p * a2 - q * b2, a2 + b2
        out[0, 0] = p * a1 + q * b1 + both - whole
        out[1, 0] = p1 * (slope + v * change)
        out[2, 0] = p2 * (slope + v * change)
        out[2, 0] += v * p1 * p1 * (2.0 * curve + v * (p * a3 + q * b3))

    return inner(row_phi, f"beta_binomial_row_phi_{link}")


_FORMULAS = {
    link: Formulas(f"beta_binomial_{link}", _row_of(link), _row_phi_of(link)) for link in SIDED
}


@dataclass(frozen=True, slots=True)
class BetaBinomial(Binomial):
    """Successes out of m trials, with probability from a beta distribution.

    The distribution's mean is p, link(p) = η, and its precision φ: Beta(φp, φ(1 − p)).  The share
    has the variance p(1 − p)/m · (1 + (m − 1)/(1 + φ)).
    """

    name: ClassVar[str] = "BetaBinomial"
    link: str = "logit"

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _FORMULAS[self.link]

    @property
    def dispersion(self) -> tuple[str, ...]:
        """The precision, which goes to infinity as the counts become binomial."""
        return ("precision",)

    @property
    def limits(self) -> tuple[tuple[ResponseFamily, str], ...]:
        """Binomial counts."""
        return ((Binomial(self.link), "the precision is infinite"),)

    @property
    def adds_up(self) -> str:
        """Not: trials of two rows have no probability in common."""
        return ""

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """(∂p/∂η)² over the variance of a share: ℓ is not concave."""
        variance = np.maximum(self.variance(eta, m, phi), np.finfo(float).tiny)
        weights = probability_slope(self.link, eta) ** 2 / variance
        return np.maximum(weights, np.finfo(float).tiny)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """Of a share, as the class says."""
        p = probability(self.link, eta)
        return p * (1.0 - p) / m * (1.0 + (m - 1.0) / (1.0 + phi[0]))

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """Ten: half-way between binomial counts and very scattered ones."""
        return np.array([10.0])

    @property
    def latent_constant(self) -> float | None:
        """None: a latent response is that of one trial, and trials of a row are alike."""
        return None

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Counts of successes."""
        p = probability(self.link, eta)
        tiny = np.finfo(float).tiny
        p = rng.beta(np.maximum(phi[0] * p, tiny), np.maximum(phi[0] * (1.0 - p), tiny))
        return rng.binomial(m.astype(np.int64), p).astype(float)

    def of_response(self, response: Response) -> ResponseFamily:
        """Itself."""
        return self

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """As `Binomial`; single trials, whose variance is p(1 − p) for any φ, are refused."""
        y, m = Binomial.read(self, response)
        refuse_single_trials(m, response, self.name, "which any precision leaves a Bernoulli one")
        return y, m
