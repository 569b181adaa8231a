"""A C function of rows, as a family gives one, of two families at once.

Without φ the rows are counts, Poisson with mean exp η; with φ they are normal with mean η and
standard deviation φ.
"""

import math
from functools import cache

import numpy as np
from numba import carray, cfunc
from numpy.typing import NDArray

from hierbayes.families.rows import SIGNATURE

Array = NDArray[np.float64]


@cache
def address() -> int:
    """Address of the C function."""
    return int(cfunc(SIGNATURE)(_rows).address)


def log_density(y: Array, eta: Array, phi: float | None) -> float:
    """The same Σ ℓ."""
    if phi is None:
        return float((y * eta - np.exp(eta)).sum())
    return float((-0.5 * ((y - eta) / phi) ** 2 - math.log(phi)).sum())


def _rows(n, d, y_, m_, eta_, phi_, out_):  # type: ignore[no-untyped-def]
    y, eta, out = carray(y_, (n,)), carray(eta_, (n,)), carray(out_, (1 + d + n,))
    phi, squares, value = carray(phi_, (1,))[0], 0.0, 0.0
    for r in range(n):
        if d == 0:
            mu = math.exp(eta[r])
            value += y[r] * eta[r] - mu
            out[1 + r] = y[r] - mu
        else:
            away = (y[r] - eta[r]) / phi
            squares += away * away
            out[2 + r] = away / phi
    if d == 1:
        value = -0.5 * squares - n * math.log(phi)
        out[1] = (squares - n) / phi
    out[0] = value
