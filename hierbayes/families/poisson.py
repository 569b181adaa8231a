"""Counts with a Poisson distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hierbayes.compilation import inner
from hierbayes.families.counts import Counts
from hierbayes.families.family import EXPOSURE
from hierbayes.families.row_sums import poisson_sums
from hierbayes.families.rows import Formulas, no_dispersion
from hierbayes.frames.arrays import Floats


@inner
def poisson_row(y, m, eta, phi):
    """ℓ = yη − μ, μ = e^η, with its derivatives."""
    mu = math.exp(eta)
    return y * eta - mu, y - mu, -mu, -mu


_FORMULAS = Formulas("poisson_log", poisson_row, no_dispersion, poisson_sums)


@dataclass(frozen=True, slots=True)
class Poisson(Counts):
    """Counts with mean and variance μ = e^η."""

    name: ClassVar[str] = "Poisson"

    def formulas(self) -> Formulas:
        """As in `ResponseFamily`."""
        return _FORMULAS

    @property
    def adds_up(self) -> str:
        """A sum of counts has the sum of their means."""
        return EXPOSURE

    def variance(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """e^η."""
        return self.mean(eta, m, phi)

    def draw(self, rng: np.random.Generator, m: Floats, eta: Floats, phi: Floats) -> Floats:
        """Counts."""
        return rng.poisson(self.mean(eta, m, phi)).astype(float)
