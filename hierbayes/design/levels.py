"""Which columns are constant within groups."""

from __future__ import annotations

from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.frames.constancy import columns_vary_within


def is_outer(columns: Floats, codes: Integers, J: int) -> Booleans:
    """Whether each column is constant within every group (level 2), (k,)."""
    outer: Booleans = ~columns_vary_within(columns, codes, J).any(axis=0)
    return outer
