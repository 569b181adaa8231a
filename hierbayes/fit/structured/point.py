"""A maximum with a residual structure: what it says of the errors beside a `PointFit`."""

from __future__ import annotations

from dataclasses import dataclass

from hierbayes.estimation.residual_maximum import ResidualMaximum
from hierbayes.fit.point import PointFit


@dataclass(frozen=True, eq=False, repr=False)
class StructuredPointFit(PointFit):
    """A REML or ML fit whose errors have a structure; θ̂ includes its parameters.

    Parameters
    ----------
    errors : ResidualMaximum
        Where the likelihood stands in the coordinates of the structure.
    """

    errors: ResidualMaximum
