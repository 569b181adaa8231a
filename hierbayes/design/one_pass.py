"""What one pass over rows found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hierbayes.design.column_moments import Moments
from hierbayes.design.factor_watch import FactorFound
from hierbayes.design.products import Products
from hierbayes.frames.arrays import Floats


class ByGroups(Protocol):
    """What is known of some rows by the groups of every grouping factor."""

    @property
    def cross(self) -> Products:
        """Their cross-products."""

    @property
    def factors(self) -> tuple[FactorFound, ...]:
        """What was found of each grouping factor."""


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """What one pass found.

    Parameters
    ----------
    cross : CrossProducts or SparseProducts
    factors : tuple of FactorFound
        What was found of each grouping factor.
    moments : Moments
        Of the internal columns, whatever rows weigh.
    log_root_weights : float
        Sum of log √w over all rows.
    two_valued : bool
        Whether each response is 0 or 1.
    sample : tuple of array
        X, Z and y of rows from all over the source.
    missing : dict
        Missing values by column.
    dropped : int
        Rows that are not complete.
    """

    cross: Products
    factors: tuple[FactorFound, ...]
    moments: Moments
    log_root_weights: float
    two_valued: bool
    sample: tuple[Floats, Floats, Floats]
    missing: dict[str, int]
    dropped: int

    @property
    def low(self) -> Floats:
        """Least values (p + 1,) of the fixed columns and the response."""
        return self.factors[0].columns.low

    @property
    def high(self) -> Floats:
        """Largest values (p + 1,) of the fixed columns and the response."""
        return self.factors[0].columns.high
