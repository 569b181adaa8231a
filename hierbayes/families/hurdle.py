"""Hurdles: zeros with a probability of their own, and what is above 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from hierbayes.compilation import inner
from hierbayes.families.count_sums import summed_below
from hierbayes.families.counts import Counts
from hierbayes.families.family import ResponseFamily
from hierbayes.families.negative_binomial import NegativeBinomial, NegativeBinomial1
from hierbayes.families.poisson import Poisson
from hierbayes.families.positive import Gamma, Lognormal
from hierbayes.families.response import Response
from hierbayes.families.rows import Formulas
from hierbayes.families.zero_part import ZeroPart, log_shares
from hierbayes.families.zero_truncated import ZEROS, log_above
from hierbayes.frames.arrays import Floats

_LEAST = 0.05  # of the weight of a row inside: its weight above 0 where −ℓ″ is less
_RARE = -700.0  # η below which counts above 0 are as good as 1


@inner
def _nothing(eta, phi):
    """``zero`` of a family without zeros."""
    return np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0


def _row_of(name: str, row_inside: Any, zero: Any) -> Any:
    """ℓ = log π of a zero; otherwise log(1 − π) + ℓ of the family inside − log(1 − P(0))."""

    def row(y, m, eta, phi):
        here, above = log_shares(phi[phi.shape[0] - 1])
        if y == 0.0:
            return here, 0.0, 0.0, 0.0
        value, first, second, third = row_inside(y, m, eta, phi)
        A, t, t1, t2, t3, _, _, _ = zero(eta, phi)
        c, c1, c2, c3 = log_above(A, t)
        first -= c1 * t1
        second -= c2 * t1 * t1 + c1 * t2
        third -= c3 * t1 * t1 * t1 + 3.0 * c2 * t1 * t2 + c1 * t3
        return above + value - c, first, second, third

    return inner(row, f"row_{name}")


def _row_phi_of(name: str, row_phi_inside: Any, zero: Any) -> Any:
    def row_phi(y, m, eta, phi, out):
        last = phi.shape[0] - 1
        here, above = log_shares(phi[last])
        out[1, last], out[2, last] = 0.0, 0.0
        if y == 0.0:
            for c in range(last):
                out[0, c], out[1, c], out[2, c] = 0.0, 0.0, 0.0
            out[0, last] = np.exp(above)
            return
        row_phi_inside(y, m, eta, phi, out)
        out[0, last] = -np.exp(here)
        if last > 0:
            A, t, t1, t2, _, s, s1, s2 = zero(eta, phi)
            _, c1, c2, c3 = log_above(A, t)
            out[0, 0] -= c1 * s
            out[1, 0] -= c2 * s * t1 + c1 * s1
            out[2, 0] -= c3 * s * t1 * t1 + c2 * (2.0 * t1 * s1 + s * t2) + c1 * s2

    return inner(row_phi, f"row_phi_{name}")


@cache
def _formulas_of(inside: Formulas, family: str) -> Formulas:
    name, zero = f"hurdle_{inside.name}", ZEROS.get(family, _nothing)
    row = _row_of(name, inside.row, zero)
    return Formulas(name, row, _row_phi_of(name, inside.row_phi, zero))


@dataclass(frozen=True, slots=True, init=False)
class Hurdle(ZeroPart):
    """With probability π a zero, otherwise another family given that it is above 0.

    ``inside`` is Poisson, NegativeBinomial, NegativeBinomial1, Gamma or Lognormal.  η is that of
    the family inside: of counts it is of their mean before zeros are taken out.
    """

    name: ClassVar[str] = "Hurdle"
    what: ClassVar[str] = "a hurdle stands before families of counts and of positive numbers"
    holds: ClassVar[tuple[type[ResponseFamily], ...]] = (
        Poisson, NegativeBinomial, NegativeBinomial1, Gamma, Lognormal,
    )  # fmt: skip

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return self.with_columns(_formulas_of(self.inside.formulas(), self.inside.name))

    @property
    def of_counts(self) -> bool:
        """Whether the family inside has zeros of its own, which are taken out."""
        return isinstance(self.inside, Counts)

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """Those of the family inside; none of a zero."""
        above = y > 0.0
        return np.where(
            above, self.inside.log_constants(np.where(above, y, 1.0), self.size(m)), 0.0
        )

    def weights(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """−ℓ″, or some of the weight of the family inside; next to none of a zero."""
        above = y > 0.0
        size, own_phi, _ = self.parts(m, phi)
        inside = self.inside.weights(np.where(above, y, 1.0), size, eta, own_phi)
        curvature = -self.derivatives(y, m, eta, phi)[2]  # no number where it overflows
        own = np.where(np.isfinite(curvature), np.maximum(curvature, _LEAST * inside), inside)
        return np.maximum(np.where(above, own, 0.0), np.finfo(float).tiny)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """(1 − π)μ, divided by the probability of a count above 0."""
        eta, (m, inside, logit) = self._not_too_rare(eta), self.parts(m, phi)
        return expit(-logit) * self.inside.mean(eta, m, inside) / self._above(eta, m, inside)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """(1 − π)(V + μ²), divided by the same, less the squared mean."""
        eta, (m, inside, logit) = self._not_too_rare(eta), self.parts(m, phi)
        above, share = self._above(eta, m, inside), expit(logit)
        mean = self.inside.mean(eta, m, inside) / above
        spread = self.inside.variance(eta, m, inside) / above
        return (1.0 - share) * np.maximum(spread + (share - 1.0 + above) * mean**2, 0.0)

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """Of counts sums of the probabilities; of numbers those of 0, and of what is above."""
        if self.of_counts:
            return summed_below(self, y, m, eta, phi)
        m, own_phi, logit = self.parts(m, phi)
        above, zero = y > 0.0, expit(logit)
        inside = self.inside.below(np.where(above, y, 1.0), m, eta, own_phi)[1]
        total = np.where(above, zero + expit(-logit) * inside, zero)
        return np.where(above, total, 0.0), total

    def start(self, y: Floats, m: Floats) -> Floats:
        """That of the family inside; of a zero, which says nothing of η, the mean of the others."""
        above = y > 0.0
        each = self.inside.start(np.where(above, y, 1.0), self.size(m))
        return np.where(above, each, each[above].mean() if above.any() else 0.0)

    def dispersion_start(self, y: Floats, m: Floats) -> Floats:
        """Those of the family inside from what is above 0, and the share of zeros."""
        above = y > 0.0
        if not above.any():
            above[:] = True
        inside = self.inside.dispersion_start(np.maximum(y[above], 1e-300), self.size(m)[above])
        return self.with_share(inside, m, float(np.clip(np.mean(y == 0.0), 0.02, 0.98)))

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Zeros, and counts or numbers above 0."""
        m, inside, logit = self.parts(m, phi)
        kept = rng.random(len(eta)) >= expit(logit)
        if not self.of_counts:
            return np.where(kept, self.inside.draw(rng, m, eta, inside), 0.0)
        eta = self._not_too_rare(eta)
        beyond = rng.random(len(eta)) * self._above(eta, m, inside)
        return np.where(kept, np.maximum(self._quantile(beyond, eta, m, inside), 1.0), 0.0)

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Counts, or zeros and positive numbers; others are refused, and zeros alone."""
        if self.of_counts:
            y, m = self.inside.read(response)
        else:
            response.one_column(self.title)
            y = response.numbers()
            bad = ~((y >= 0) & np.isfinite(y))
            response.refuse(bad, self.title, "it takes 0 and numbers above 0", y)
            m = np.full(len(y), self.constant)
        wanted = "some must be above 0, for η is of those"
        response.refuse(np.full(len(y), not (y > 0).any()), self.title, wanted, y)
        wanted = (
            "none is above 1, and ones alone say nothing of a mean of what is above 0: take the "
            "family Bernoulli"
        )
        response.refuse(
            np.full(len(y), self.of_counts and not (y > 1).any()), self.title, wanted, y
        )
        return y, m

    def _not_too_rare(self, eta: Floats) -> Floats:
        return np.maximum(eta, _RARE) if self.of_counts else eta

    def _above(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """The probability of a number above 0 in the family inside (n,)."""
        if not self.of_counts:
            return np.ones(len(eta))
        return -np.expm1(self.inside.derivatives(np.zeros(len(eta)), m, eta, phi)[0])

    def _quantile(self, beyond: Floats, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """The count of the family inside that is exceeded with a probability (n,)."""
        from scipy.stats import nbinom, poisson

        mean = self.inside.mean(eta, m, phi)
        if isinstance(self.inside, Poisson):
            return np.asarray(poisson.isf(beyond, mean))
        linear = isinstance(self.inside, NegativeBinomial1)
        size = mean / phi[0] if linear else np.full(len(eta), phi[0])
        share = np.full(len(eta), 1.0 / (1.0 + phi[0])) if linear else size / (size + mean)
        return np.asarray(nbinom.isf(beyond, size, share))
