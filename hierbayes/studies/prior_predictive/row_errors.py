"""Standard deviations of the errors of rows, relative to σ, at draws from the priors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class RowErrors:
    """What the error of each row has beside σ.

    Parameters
    ----------
    problem : Problem
        Of a Gaussian response.
    z : (draws, k) float
        Coordinates of the parameters of a residual structure; no columns without one.
    """

    problem: Problem
    z: Floats

    @property
    def depend_on_draws(self) -> bool:
        """Whether the errors of rows differ as parameters of their structure do."""
        moments = self.problem.moments
        return moments is not None and moments.rows.structure.has_unequal_variances

    def mean_squares(self) -> Floats | float:
        """Their mean square over the rows, (draws,) where it depends on them."""
        if self.depend_on_draws:
            return np.array([np.mean(one**2) for one in self._by_draw(slice(None))])
        return float(np.mean(np.square(self._stated)))

    def at(self, draws: slice, rows: Integers) -> Floats | float:
        """Those of some rows (draws, m) at some draws."""
        if self.depend_on_draws:
            pairs = zip(self._by_draw(draws), rows, strict=True)
            return np.array([one[chosen] for one, chosen in pairs])
        stated = self._stated
        return stated[rows] if isinstance(stated, np.ndarray) else stated

    @property
    def _stated(self) -> Floats | float:
        """What weights, or known standard deviations, say of every row."""
        return self.problem.design.rows.row_sd

    def _by_draw(self, draws: slice) -> Iterator[Floats]:
        moments = self.problem.moments
        assert moments is not None
        for z in self.z[draws]:
            yield self._stated * moments.rows.row_sd(z)
