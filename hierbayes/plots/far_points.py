"""Estimates too far out to be drawn beside the others, and what a picture says of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.frames.named_columns import shown

_FENCES = 8.0  # interquartile ranges beyond the quartiles
_MARGIN = 0.05  # of the range, at either side


def far_points(values: Floats) -> Booleans:
    """Which points (m,) lie far beyond the quartiles of all on some axis; values (m, k).

    A group of two rows may have a slope of its own a hundred times as uncertain as that of others;
    drawn, it would leave them no room.

    Examples
    --------
    >>> far_points(np.array([[0.0], [1.0], [2.0], [3.0], [40.0], [np.nan]])).tolist()
    [False, False, False, False, True, False]
    """
    if np.isfinite(values).all(axis=1).sum() < 4:
        return np.zeros(len(values), dtype=bool)
    low, high = np.nanquantile(values, [0.25, 0.75], axis=0)
    reach = _FENCES * (high - low)
    with np.errstate(invalid="ignore"):
        far: Booleans = ((values < low - reach) | (values > high + reach)).any(axis=1)
    return far


def limits(values: Floats) -> tuple[float, float]:
    """Ends of an axis on which all values have room."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = _MARGIN * (high - low)
    return low - margin, high + margin


def in_words(labels: pd.Index, far: Booleans, J: int) -> tuple[str, ...]:
    """How many of J groups are drawn, and whose BLUE lies beyond the picture."""
    lines = [f"{len(labels)} of {J} groups"] if len(labels) < J else []
    if far.any():
        lines.append(f"beyond the picture, hardly estimable alone: BLUE of {shown(labels[far])}")
    return tuple(lines)
