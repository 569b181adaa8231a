"""What is looked at in the groups of a response, of their means and of squares within."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.frames.grouping import variance_components


@dataclass(frozen=True, slots=True, eq=False)
class GroupSummary:
    """Means of the groups of a response.

    Parameters
    ----------
    means, sizes : (J,) float
        Means of groups, and their rows.
    inside : float
        Sum of squares within groups.
    """

    means: Floats
    sizes: Floats
    inside: float

    @property
    def spread(self) -> float:
        """Standard deviation of group means."""
        return float(self.means.std(ddof=1))

    @property
    def smallest(self) -> float:
        """The smallest group mean."""
        return float(self.means.min())

    @property
    def largest(self) -> float:
        """The largest group mean."""
        return float(self.means.max())

    @property
    def within(self) -> float:
        """Standard deviation within groups, pooled."""
        freedom = max(self.sizes.sum() - len(self.sizes), 1)
        return float(np.sqrt(self.inside / freedom))

    @property
    def icc(self) -> float:
        """Intraclass correlation by one-way analysis of variance; it may be below 0."""
        n, J = self.sizes.sum(), len(self.sizes)
        if n == J:
            return np.nan
        mean = self.sizes @ self.means / n
        outside = float(self.sizes @ (self.means - mean) ** 2)
        between, inside = variance_components(self.inside, outside, self.sizes)
        total = between + inside
        return float(between / total) if total > 0.0 else np.nan


def spread_of_slopes(slopes: Floats) -> float:
    """Standard deviation of slopes (J,), missing where a group has none."""
    known = slopes[np.isfinite(slopes)]
    return float(known.std(ddof=1)) if len(known) > 1 else np.nan
