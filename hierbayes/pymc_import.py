"""PyMC, imported whatever NumPy does at the time about results that underflow."""

import numpy as np

with np.errstate(all="ignore"):  # it looks for the number next to 0 when it is imported
    import pymc as pm

__all__ = ["pm"]
