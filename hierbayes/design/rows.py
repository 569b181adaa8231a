"""The rows that a model uses, as matrices in the user's units."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from hierbayes.frames.arrays import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Everything of a design that grows with the number of rows n.

    Parameters
    ----------
    y, X, Z : (n,), (n, p), (n, q) float
        Response, fixed columns, random columns.
    codes_of : tuple of (n,) int
        For each grouping factor the position of each row's group among its labels.
    index : pandas.Index
        Labels of the rows.
    kept : (rows of the data,) bool
        Which rows of the data these are.
    """

    y: Floats
    X: Floats
    Z: Floats
    codes_of: tuple[Integers, ...]
    index: pd.Index
    kept: Booleans

    @property
    def codes(self) -> Integers:
        """Those of the only grouping factor."""
        (codes,) = self.codes_of
        return codes

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)
