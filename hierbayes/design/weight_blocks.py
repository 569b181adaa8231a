"""Weights of rows: one number each, or a block for the P linear predictors of each row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.frames.arrays import Floats, Integers


@dataclass(frozen=True)
class WeightBlocks:
    """Which two rows each entry of the weights of n rows belongs to.

    Parameters
    ----------
    n : int
        Rows, those of the P predictors of each row of the data in turn.
    size : int
        P.  Weights are blocks P × P, flat (n P,); of one predictor a number a row.
    """

    n: int
    size: int

    @cached_property
    def left(self) -> slice | Integers:
        """The row of each entry."""
        return slice(None) if self.size == 1 else np.repeat(np.arange(self.n), self.size)

    @cached_property
    def right(self) -> slice | Integers:
        """Its column, a row too."""
        if self.size == 1:
            return slice(None)
        of_blocks = np.arange(self.n).reshape(-1, 1, self.size)
        return np.broadcast_to(of_blocks, (len(of_blocks), self.size, self.size)).ravel()

    def weighted(self, weights: Floats, columns: Floats) -> Floats:
        """Weights times columns (n,) or (n, k)."""
        if self.size == 1:
            return weights * columns if columns.ndim == 1 else weights[:, None] * columns
        of_rows = columns.reshape(len(columns) // self.size, self.size, *columns.shape[1:])
        found = np.einsum("icd,id...->ic...", weights.reshape(-1, self.size, self.size), of_rows)
        return np.asarray(found.reshape(columns.shape))

    def diagonal(self, weights: Floats) -> Floats:
        """The weight (n,) of each row by itself."""
        if self.size == 1:
            return weights
        return np.einsum("icc->ic", weights.reshape(-1, self.size, self.size)).ravel()
