"""Successes out of trials: single ones (Bernoulli) and counts (binomial)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln

from hierbayes.compilation import inner
from hierbayes.families import response as responses
from hierbayes.families.count_sums import summed_below
from hierbayes.families.family import TRIALS, ResponseFamily
from hierbayes.families.links import LATENT_VARIANCE, SIDED, predictor, probability
from hierbayes.families.response import Response
from hierbayes.families.row_sums import logit_each, logit_sums
from hierbayes.families.rows import Formulas, no_dispersion
from hierbayes.frames.arrays import Floats


def _row_of(link: str) -> Any:
    sided = SIDED[link]

    def row(y, m, eta, phi):
        return sided(y, m - y, eta)

    return inner(row, f"binomial_row_{link}")


_FORMULAS = {link: Formulas(f"binomial_{link}", _row_of(link), no_dispersion) for link in SIDED} | {
    "logit": Formulas(
        "binomial_logit", _row_of("logit"), no_dispersion, logit_sums, each=logit_each
    )
}


@dataclass(frozen=True, slots=True)
class Binomial(ResponseFamily):
    """Successes k out of m trials with probability p, link(p) = η.

    The response is ``cbind(k, failures)`` or ``k | trials(size)``.  One column of 0 and 1, of
    False and True, or of two levels, is single trials, and the family `Bernoulli`.
    """

    name: ClassVar[str] = "Binomial"
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog")
    link: str = "logit"

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _FORMULAS[self.link]

    @property
    def adds_up(self) -> str:
        """Successes and trials of rows with the same p."""
        return TRIALS

    @property
    def is_whole(self) -> bool:
        """True."""
        return True

    @property
    def mean_range(self) -> tuple[float, float]:
        """That of a share."""
        return 0.0, 1.0

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """Log of the number of ways to have y successes."""
        return gammaln(m + 1) - gammaln(y + 1) - gammaln(m - y + 1)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """p."""
        return probability(self.link, eta)

    def predictor_of_mean(self, mean: float) -> float:
        """The link of p."""
        return float(predictor(self.link, mean))

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """p(1 − p)/m, of a share."""
        p = probability(self.link, eta)
        return p * (1.0 - p) / m

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """Sums of the probabilities of 0 up to y."""
        return summed_below(self, y, m, eta, phi)

    def start(self, y: Floats, m: Floats) -> Floats:
        """The link of (y + ½)/(m + 1)."""
        return predictor(self.link, (y + 0.5) / (m + 1.0))

    @property
    def latent_constant(self) -> float | None:
        """π²/3 (logit), 1 (probit) or π²/6 (cloglog)."""
        return float(LATENT_VARIANCE[self.link])

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Counts of successes."""
        return rng.binomial(m.astype(np.int64), probability(self.link, eta)).astype(float)

    def of_response(self, response: Response) -> ResponseFamily:
        """`Bernoulli` of single trials."""
        return Bernoulli(self.link) if responses.is_single_trials(response) else self

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Successes and trials, refused with decimals, or k above m, or without trials.

        Single trials need not say so.
        """
        if responses.is_single_trials(response):
            y, _ = responses.two_outcomes(response, self.name)
            return y, np.ones(len(y))
        return responses.trials(response, self.name)


@dataclass(frozen=True, slots=True)
class Bernoulli(Binomial):
    """One trial with probability p of success, link(p) = η.

    The response is 0 or 1, False or True, or a categorical of two levels, of which the second is
    the success.
    """

    name: ClassVar[str] = "Bernoulli"
    link: str = "logit"

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """0 of single trials."""
        single = bool((m == 1.0).all())
        return np.zeros(np.shape(y)) if single else Binomial.log_constants(self, y, m)

    def of_response(self, response: Response) -> ResponseFamily:
        """Itself."""
        return self

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """0 or 1, and one trial each; anything else is refused."""
        y, _ = responses.two_outcomes(response, self.name)
        return y, np.ones(len(y))

    def outcomes(self, response: Response) -> tuple[str, ...]:
        """Labels of failure and success, where they are not numbers."""
        return responses.labels_of_outcomes(response, self.name)
