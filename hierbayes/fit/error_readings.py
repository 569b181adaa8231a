"""What a residual structure adds to a fit: nothing, but where there is one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.display.interval import Interval
from hierbayes.fit.degrees_of_freedom.error_directions import ErrorDirections
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.theta import Theta


class ErrorReadings:
    """The parameters of a residual structure, as a fit without one has them: none."""

    theta: Theta

    def error_intervals(self, interval: Interval) -> list[pd.DataFrame]:
        """Limits of the parameters of a residual structure; none where there is none."""
        return []

    @property
    def error_draws(self) -> tuple[tuple[str, ...], Floats]:
        """Names of the parameters of a residual structure, and their draws (chains, draws, k)."""
        return (), self.error_coordinates

    @property
    def error_coordinates(self) -> Floats:
        """Coordinates (chains, draws, k) of a residual structure; k = 0 without one."""
        return np.zeros((*self.theta.shape, 0))

    @property
    def error_se(self) -> Floats:
        """Standard errors (k,) of the parameters of a residual structure; none without one."""
        return np.empty(0)

    @property
    def error_directions(self) -> ErrorDirections | None:
        """How the covariance of γ̂ moves with those parameters; None where there are none."""
        return None
