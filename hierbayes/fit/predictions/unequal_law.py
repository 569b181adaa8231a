"""What a Gaussian response is where the variances of errors have parameters of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hierbayes.design.residual_rows import ResidualRows
from hierbayes.fit.predictions.response_law import GaussianLaw
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class ErrorSds:
    """Standard deviations of errors beside σ, of rows of a fit or of others, at any coordinates z.

    Parameters
    ----------
    errors : ResidualRows
    frame : DataFrame, optional
        Other rows; by default those of the fit.
    at : slice
        Which of them.
    """

    errors: ResidualRows
    frame: pd.DataFrame | None = None
    at: slice = slice(None)

    def __call__(self, z: Floats) -> Floats:
        """Of the rows (m,), at z (k,)."""
        if self.frame is None:
            return self.errors.row_sd(z)[self.at]
        return self.errors.row_sd_of(self.frame.iloc[self.at], z)

    def part(self, at: slice) -> ErrorSds:
        """Of some of the rows."""
        return replace(self, at=at)


@dataclass(frozen=True, slots=True, eq=False)
class UnequalLaw(GaussianLaw):
    """y = η + ε, φ = (σ,), or (σ, z) where coordinates of the structure are drawn with it.

    ``row_sd`` are standard deviations that weights give, beside those of the structure.

    Parameters
    ----------
    sds : ErrorSds
    z : (k,) float
        Coordinates where φ has none.
    times : int
        How often the rows stand after each other.
    """

    sds: ErrorSds
    z: Floats
    times: int = 1

    def sd(self, phi: Floats) -> Floats | float:
        """Standard deviation of ε (n,)."""
        own = self.sds(phi[1:] if len(phi) > 1 else self.z)
        return GaussianLaw.sd(self, phi[:1]) * np.tile(own, self.times)

    def part(self, at: slice) -> UnequalLaw:
        """That of some of the rows."""
        weighed = GaussianLaw(self.row_sd).part(at).row_sd
        return UnequalLaw(weighed, self.sds.part(at), self.z, lacking=self.lacking)

    def repeated(self, times: int) -> UnequalLaw:
        """That of the rows so many times."""
        weighed = GaussianLaw(self.row_sd).repeated(times).row_sd
        return UnequalLaw(weighed, self.sds, self.z, times, lacking=self.lacking)
