"""Names for the array types that signatures speak of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Integers = NDArray[np.intp]
type Booleans = NDArray[np.bool_]
