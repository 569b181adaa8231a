"""Degrees of freedom of one linear hypothesis on γ, and what belongs to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.fit.degrees_of_freedom.sandwich import KINDS
from hierbayes.frames.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class ContrastDf:
    """Degrees of freedom of the m rows of a hypothesis, and what belongs to them.

    Parameters
    ----------
    method : str
        A key of `source.METHODS`, or the kind of a cluster-robust covariance.
    rows : (m,) float
        Of the t of each row; infinite for a normal distribution.
    joint : float
        Denominator degrees of freedom of the F of all rows; missing where Kenward and
        Roger's do not exist.
    scaling : float
        What F is multiplied with; 1 but for Kenward–Roger, missing where ``joint`` is.
    gamma_cov : (p, p) float
        The covariance of γ̂ the method goes with, in the user's units.
    """

    method: str
    rows: Floats
    joint: float
    scaling: float
    gamma_cov: Floats

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know about the joint test."""
        if not np.isnan(self.joint) or self.method == "inner-outer":
            return ()
        rows = f"these {len(self.rows)} rows together"
        if self.method in KINDS:
            return (f"there are too few clusters for a test of {rows}; test them one by one",)
        return (
            f"no F has the moments Kenward and Roger find for {rows}: there are too few groups; "
            "test them one by one, or with df='satterthwaite'",
        )
