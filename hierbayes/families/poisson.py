"""Counts with a Poisson distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import gammaln

from hierbayes.compilation import inner
from hierbayes.families.family import Family
from hierbayes.families.response import Response
from hierbayes.families.rows import Formulas, no_dispersion
from hierbayes.frames.arrays import Floats


@inner
def poisson_row(y, m, eta, phi):
    """ℓ = yη − μ, μ = e^η, with its derivatives."""
    mu = math.exp(eta)
    return y * eta - mu, y - mu, -mu, -mu


_FORMULAS = Formulas("poisson_log", poisson_row, no_dispersion, __file__)


@dataclass(frozen=True, slots=True)
class Poisson(Family):
    """Counts with mean and variance μ = e^η."""

    name: ClassVar[str] = "Poisson"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: str = "log"

    def formulas(self) -> Formulas:
        """As in `Family`."""
        return _FORMULAS

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """−log y!."""
        return -gammaln(y + 1)

    def mean(self, eta: Floats, phi: Floats) -> Floats:
        """e^η."""
        with np.errstate(over="ignore"):
            return np.exp(eta)

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """e^η."""
        return self.mean(eta, phi)

    def start(self, y: Floats, m: Floats) -> Floats:
        """log(y + ½)."""
        return np.log(y + 0.5)

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Counts."""
        return rng.poisson(self.mean(eta, phi)).astype(float)

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Counts; decimals and negative numbers are refused."""
        response.one_column(self.name)
        y = response.counts(self.name)
        return y, np.full(len(y), self.constant)
