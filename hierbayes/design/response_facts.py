"""What is asked of every response before a fit: range, mean and size, in passes of compiled code.

Of few rows a call of NumPy takes longer than what it computes, and these would be nine.  Responses
are as they are made, contiguous and the model's own: of what is read only numba would compile these
anew.
"""

from __future__ import annotations

import math

from hierbayes.compilation import compiled
from hierbayes.frames.arrays import Floats


@compiled(side_by_side=True, error_model="numpy", fastmath={"nnan", "nsz"})
def extent(y: Floats) -> tuple[float, float]:
    """The least and the largest of y (n,)."""
    low = high = y[0]
    for i in range(len(y)):
        low = min(low, y[i])
        high = max(high, y[i])
    return low, high


@compiled(side_by_side=True, error_model="numpy", fastmath={"reassoc"})
def mean(y: Floats) -> float:
    """The mean of y (n,)."""
    total = 0.0
    for i in range(len(y)):
        total += y[i]
    return total / len(y)


@compiled(side_by_side=True, error_model="numpy", fastmath={"reassoc"})
def size_about(y: Floats, center: float) -> float:
    """Root mean square of y (n,) about a center."""
    total = 0.0
    for i in range(len(y)):
        total += (y[i] - center) ** 2
    return math.sqrt(total / len(y))
