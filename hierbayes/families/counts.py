"""What families of counts have in common: log link, and whole numbers as response."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import gammaln

from hierbayes.families.count_sums import summed_below
from hierbayes.families.family import ResponseFamily
from hierbayes.families.response import Response
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True)
class Counts(ResponseFamily):
    """Counts with mean μ = e^η."""

    links: ClassVar[tuple[str, ...]] = ("log",)
    link: str = "log"

    @property
    def is_whole(self) -> bool:
        """True."""
        return True

    @property
    def mean_range(self) -> tuple[float, float]:
        """That of positive numbers."""
        return 0.0, np.inf

    def log_constants(self, y: Floats, m: Floats) -> Floats:
        """−log y!."""
        return -gammaln(y + 1)

    def mean(self, eta: Floats, m: Floats, phi: Floats) -> Floats:
        """e^η."""
        with np.errstate(over="ignore"):
            return np.exp(eta)

    def predictor_of_mean(self, mean: float) -> float:
        """Log μ."""
        return math.log(mean)

    def below(self, y: Floats, m: Floats, eta: Floats, phi: Floats) -> tuple[Floats, Floats]:
        """Sums of the probabilities of 0 up to y."""
        return summed_below(self, y, m, eta, phi)

    def start(self, y: Floats, m: Floats) -> Floats:
        """log(y + ½)."""
        return np.log(y + 0.5)

    def read(self, response: Response) -> tuple[Floats, Floats]:
        """Counts; decimals and negative numbers are refused."""
        response.one_column(self.name)
        y = response.counts(self.name)
        return y, np.full(len(y), self.constant)
