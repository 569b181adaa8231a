"""Names for the array types that signatures speak of, their rows, and a view that holds them."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Integers = NDArray[np.intp]
type Booleans = NDArray[np.bool_]


def stacked(values: Floats) -> Floats:
    """Rows (..., k) one below the other, (m, k); k may be 0, of which numpy makes no shape."""
    return values.reshape(prod(values.shape[:-1]), values.shape[-1])


def read_only(values: Floats) -> Floats:
    """The same numbers, which who asks for them cannot change."""
    view = values.view()
    view.flags.writeable = False
    return view
