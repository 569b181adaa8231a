"""Intervals: one place that computes them and names their columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierbayes.errors import IntervalError

type _Floats = NDArray[np.float64]

DEFAULT_PROB = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """An equal-tailed interval of a given probability.

    Parameters
    ----------
    prob : float
        Probability inside, between 0 and 1.
    """

    prob: float

    def __post_init__(self) -> None:
        if not isinstance(self.prob, int | float) or not 0.0 < self.prob < 1.0:
            raise IntervalError(f"prob must lie between 0 and 1, not {self.prob!r}")

    @property
    def tails(self) -> tuple[float, float]:
        """Lower and upper probability."""
        return (1.0 - self.prob) / 2.0, (1.0 + self.prob) / 2.0

    def of_draws(self, draws: _Floats) -> tuple[_Floats, _Floats]:
        """Lower and upper quantiles over the first two axes (chain, draw)."""
        low, high = np.quantile(draws, self.tails, axis=(0, 1))
        return np.asarray(low), np.asarray(high)

    def __str__(self) -> str:
        return f"{100 * self.prob:g}% equal-tailed"
