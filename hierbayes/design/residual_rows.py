"""A residual structure on the rows of a design: checked, and joined into one set of links."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from hierbayes.design.error_law import ErrorLaw
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.residuals.bound_values import Links
from hierbayes.value import value


@value(slots=False)
class ResidualRows(ErrorLaw):
    """A residual structure σ²R on n rows.

    Parameters
    ----------
    codes : (n,) int
        Group of each row, among the labels of the `ErrorLaw`.
    levels : (n,) int
        Which of the L levels of variance each row has.
    fitted : (n,) float, optional
        Fitted values that the variances follow, where they do.
    """

    codes: Integers
    levels: Integers
    fitted: Floats | None = None

    @cached_property
    def links(self) -> Links:
        """Those of the correlation, or of every row with itself."""
        if self.correlation is not None:
            return self.correlation.links
        every = np.arange(self.n)
        return Links(every, every, np.zeros(self.n, dtype=np.intp))

    @cached_property
    def node_levels(self) -> Integers:
        """The level of variance of every node: rows, and sums of rows after them."""
        sums = self.links.sums
        if sums is None:
            return self.levels
        of_sums = np.zeros(int(sums.max()) + 1, dtype=np.intp)
        of_sums[sums] = self.levels
        return np.concatenate([self.levels, of_sums])

    @property
    def times(self) -> Floats:
        """Where each row stands in its group (n,)."""
        assert self.correlation is not None
        return self.correlation.times

    def level_sd(self, z: Floats) -> Floats:
        """Standard deviation (n,) that the variances give each row, relative to σ."""
        sd: Floats = np.exp(self.log_sd(z))[self.levels]
        return sd

    def row_sd(self, z: Floats) -> Floats:
        """Standard deviation (n,) of the error of each row, relative to σ."""
        if self.correlation is None:
            return self.level_sd(z)
        return self.level_sd(z) * self._own_sd(self.times, z)

    def _mean_variance(self, z: Floats) -> float:
        return float((self.row_sd(z) ** 2).mean())
