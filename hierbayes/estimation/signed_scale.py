r"""The coordinate of a standard deviation with a sign: x = asinh(s/c), s = c sinh x.

Near 0 it is s itself, so that root = s · chol stays smooth where an sd is zero.  Far from 0 it
is ±log|s|: there the likelihood falls like s^−(J−1) to one side and steeply, like
exp(−a/s²), to the other, which no one step size suits, while log s has light tails on both.
The variable of the graph is s/c.  c is the sd that the data of one group can just tell from 0,
the residual sd over the length of the effect's column within a group.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform


class SignedScale(Transform):
    """PyMC transform between s/c and its coordinate x."""

    name = "asinh"  # without an underscore: PyMC cuts names of values at the last one

    def forward(self, value: Any, *inputs: Any) -> Any:
        """The coordinate of s/c."""
        return pt.arcsinh(value)

    def backward(self, value: Any, *inputs: Any) -> Any:
        """s/c at a coordinate."""
        return pt.sinh(value)

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """Log derivative of `backward`."""
        size = pt.abs(value)  # log cosh, without overflow
        return size + pt.log1p(pt.exp(-2.0 * size)) - np.log(2.0)
