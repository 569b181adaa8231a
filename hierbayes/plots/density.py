r"""Densities of weighted draws, on their range and not beyond it.

A kernel estimate with Silverman's bandwidth, h = 0.9 min(sd, IQR/1.349) m^(−1/5), where m is the
number of equally weighted draws of the same worth.  What it would put beyond a bound is
reflected back, so that the density of a standard deviation ends at 0 with its whole mass inside.

References
----------
Silverman (1986), *Density Estimation for Statistics and Data Analysis*, sections 2.10 and 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.errors import StudyError
from hierbayes.frames.arrays import Floats

FREE, POSITIVE = (-np.inf, np.inf), (0.0, np.inf)
CORRELATION, SHARE = (-1.0, 1.0), (0.0, 1.0)
POINTS = 201
_FEWEST = 10  # different values that make a density
_EDGE = 5e-4  # of the draws on either side that do not widen a picture
_GROUPS = 8.0  # groups of draws in a bandwidth
_FAR = 8.0  # bandwidths, beyond which a kernel is nothing
_REACH = 3.0  # bandwidths beyond the outermost draws shown

type Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Draws of one quantity.

    Parameters
    ----------
    name : str
        For messages.
    values : (M,) float
    weights : (M,) float
        Not negative, with sum 1.
    bounds : (lower, upper)
        The range of the quantity.

    Raises
    ------
    StudyError
        When fewer than ten different values have weight: there is no density of them.
    """

    name: str
    values: Floats
    weights: Floats
    bounds: Bounds = FREE

    def __post_init__(self) -> None:
        different = len(np.unique(self.values[self.weights > 0.0]))
        if different < _FEWEST:
            raise StudyError(
                f"the draws of '{self.name}' have {different} different values, and no density; "
                "its mean and limits are in the tables"
            )

    def quantile(self, probability: float) -> float:
        """The value below which the draws have this weight."""
        order = np.argsort(self.values, kind="stable")
        level = np.cumsum(self.weights[order]) - 0.5 * self.weights[order]
        return float(np.interp(probability, level, self.values[order]))

    @property
    def bandwidth(self) -> float:
        """Silverman's."""
        mean = self.weights @ self.values
        sd = float(np.sqrt(self.weights @ (self.values - mean) ** 2))
        middle = (self.quantile(0.75) - self.quantile(0.25)) / 1.349
        worth = 1.0 / float((self.weights**2).sum())
        return 0.9 * (min(sd, middle) if middle > 0.0 else sd) * worth**-0.2

    def span(self) -> tuple[float, float]:
        """Where there is something to see of the density."""
        reach = _REACH * self.bandwidth
        low, high = self.quantile(_EDGE) - reach, self.quantile(1.0 - _EDGE) + reach
        return max(low, self.bounds[0]), min(high, self.bounds[1])

    def density(self, x: Floats) -> Floats:
        """Density at points x (m,); 0 outside the range."""
        from scipy.stats import gaussian_kde

        values, weights = self._grouped()
        sd = float(np.sqrt(np.cov(values, aweights=weights)))
        smooth = gaussian_kde(values, self.bandwidth / sd, weights=weights)
        total = smooth(x)
        for bound in self.bounds:
            if np.abs(values - bound).min() < _FAR * self.bandwidth:
                total = total + smooth(2.0 * bound - x)
        inside = (x >= self.bounds[0]) & (x <= self.bounds[1])
        return np.where(inside, total, 0.0)

    def _grouped(self) -> tuple[Floats, Floats]:
        """Draws within an eighth of a bandwidth put together at their mean: fewer kernels."""
        held = self.weights > 0.0
        values, weights = self.values[held], self.weights[held]
        place = np.round(values * (_GROUPS / self.bandwidth)).astype(np.int64)
        _, group = np.unique(place, return_inverse=True)
        total = np.bincount(group, weights)
        return np.bincount(group, weights * values) / total, total


def sample_of(name: str, draws: Floats, bounds: Bounds = FREE) -> Sample:
    """Draws of any shape, with equal weights; those that do not exist are left out."""
    values = draws[np.isfinite(draws)]
    return Sample(name, values, np.full(len(values), 1.0 / max(len(values), 1)), bounds)


def common_grid(samples: list[Sample]) -> Floats:
    """Points (m,) over everything that there is to see of several densities."""
    spans = np.array([one.span() for one in samples])
    return np.linspace(spans[:, 0].min(), spans[:, 1].max(), POINTS)
