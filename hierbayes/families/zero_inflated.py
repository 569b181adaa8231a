"""Counts with more zeros, or other zeros, than a family of counts has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from hierbayes.compilation import inner
from hierbayes.families.beta_binomial import BetaBinomial
from hierbayes.families.binomial import Binomial
from hierbayes.families.count_sums import summed_below
from hierbayes.families.family import ResponseFamily
from hierbayes.families.negative_binomial import NegativeBinomial, NegativeBinomial1
from hierbayes.families.poisson import Poisson
from hierbayes.families.response import Response, refuse_single_trials
from hierbayes.families.rows import Formulas
from hierbayes.families.zero_part import ZeroPart, log_shares
from hierbayes.frames.arrays import Floats


@inner
def _mixture(zero, z):
    """log((π + (1 − π)e^ℓ₀), π = logit⁻¹ z; the share w of ℓ₀ in it; π.

    Every family of counts has ℓ₀, its log density at 0, without a constant.
    """
    _, low = log_shares(z)
    x = zero - z
    e = math.exp(-abs(x))
    w = 1.0 / (1.0 + e) if x > 0.0 else e / (1.0 + e)
    return low + max(zero, z) + math.log1p(e), w, math.exp(low + z), low


def _row_of(name: str, row_inside: Any) -> Any:
    """ℓ = log(1 − π) + ℓ of the family inside; of a zero log(π + (1 − π)e^ℓ₀)."""

    def row(y, m, eta, phi):
        value, first, second, third = row_inside(y, m, eta, phi)
        mixed, w, _, low = _mixture(value, phi[phi.shape[0] - 1])
        if y > 0.0:
            return low + value, first, second, third
        if w == 0.0:  # also where ℓ₀ overflows
            return mixed, 0.0, 0.0, 0.0
        v, square = w * (1.0 - w), first * first
        third = w * third + v * first * (3.0 * second + (1.0 - 2.0 * w) * square)
        return mixed, w * first, w * second + v * square, third

    return inner(row, f"row_{name}")


def _row_phi_of(name: str, row_inside: Any, row_phi_inside: Any) -> Any:
    def row_phi(y, m, eta, phi, out):
        last = phi.shape[0] - 1
        row_phi_inside(y, m, eta, phi, out)
        value, first, second, _ = row_inside(y, m, eta, phi)
        _, w, inflation, _ = _mixture(value, phi[last])
        out[0, last], out[1, last], out[2, last] = -inflation, 0.0, 0.0
        if y > 0.0:
            return
        if w == 0.0:
            for c in range(last):
                out[0, c], out[1, c], out[2, c] = 0.0, 0.0, 0.0
            out[0, last] += 1.0
            return
        v = w * (1.0 - w)
        turn = v * (second + (1.0 - 2.0 * w) * first * first)
        for c in range(last):
            g, g1, g2 = out[0, c], out[1, c], out[2, c]
            out[0, c] = w * g
            out[1, c] = v * g * first + w * g1
            out[2, c] = turn * g + w * g2 + 2.0 * v * first * g1
        out[0, last] += 1.0 - w
        out[1, last] = -v * first
        out[2, last] = -turn

    return inner(row_phi, f"row_phi_{name}")


@cache
def _formulas_of(inside: Formulas) -> Formulas:
    name = f"zero_inflated_{inside.name}"
    row = _row_of(name, inside.row)
    row_phi = _row_phi_of(name, inside.row, inside.row_phi)
    return Formulas(name, row, row_phi)


@dataclass(frozen=True, slots=True, init=False)
class ZeroInflated(ZeroPart):
    """With probability π a zero, otherwise counts of another family, which may be zeros too.

    ``inside`` is Poisson, NegativeBinomial, NegativeBinomial1, Binomial or BetaBinomial.
    """

    name: ClassVar[str] = "ZeroInflated"
    holds_inside: ClassVar[bool] = True
    what: ClassVar[str] = "zeros are inflated in families of counts"
    holds: ClassVar[tuple[type[ResponseFamily], ...]] = (
        Poisson, NegativeBinomial, NegativeBinomial1, Binomial, BetaBinomial,
    )  # fmt: skip

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return self.with_columns(_formulas_of(self.inside.formulas()))

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """Those of the family inside."""
        return self.inside.log_constants(y, self.size(m))

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Weights of the family inside, of a zero times the probability that it is one of its."""
        m, inside, logit = self.parts(m, phi)
        weights = self.inside.weights(y, m, eta, inside)
        at_zero = self.inside.derivatives(np.zeros(len(y)), m, eta, inside)[0]
        own = np.where(y > 0, 1.0, expit(at_zero - logit))
        return np.maximum(weights * own, np.finfo(float).tiny)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """(1 − π) times the mean of the family inside."""
        m, inside, logit = self.parts(m, phi)
        return expit(-logit) * self.inside.mean(eta, m, inside)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """(1 − π)(V + πμ²), V and μ of the family inside."""
        m, inside, logit = self.parts(m, phi)
        mean, variance = self.inside.mean(eta, m, inside), self.inside.variance(eta, m, inside)
        return expit(-logit) * (variance + expit(logit) * mean**2)

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """Sums of the probabilities of 0 up to y."""
        return summed_below(self, y, m, eta, phi)

    def start(self, y: Floats, m: Floats) -> Floats:
        """That of the family inside."""
        return self.inside.start(y, self.size(m))

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """Those of the family inside, and half of the zeros."""
        share = float(np.clip(0.5 * np.mean(y == 0), 0.02, 0.5))
        return self.with_share(self.inside.dispersion_start(y, self.size(m)), m, share)

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Counts."""
        m, inside, logit = self.parts(m, phi)
        kept = rng.random(len(eta)) >= expit(logit)
        return np.where(kept, self.inside.draw(rng, m, eta, inside), 0.0)

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """As the family inside; of single trials further zeros cannot be told from failures."""
        y, m = self.inside.read(response)
        if isinstance(self.inside, Binomial):
            why = "of which a further zero cannot be told from a failure"
            refuse_single_trials(m, response, self.title, why)
        return y, m
