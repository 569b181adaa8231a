"""Coordinates of the parameters of a residual structure: derivatives, and densities.

Formulas in z are written in operations that complex numbers have, of which derivatives are
taken exactly by a step in the imaginary direction (Squire & Trapp 1998,
doi:10.1137/S003614459631241X).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

type Floats = NDArray[np.float64]

IMAGINARY = 1e-30  # a step along the imaginary axis: its square is lost beside 1
_REAL = 1e-3  # for second derivatives, of which 12 digits are left


def log_power_of_tanh(z: Any, power: Any) -> Any:
    """Log densities of z where tanh z has one proportional to (1 − tanh²z)^power on (−1, 1)."""
    constant = (2.0 * power + 1.0) * np.log(2.0) + betaln(power + 1.0, power + 1.0)
    return (power + 1.0) * log_one_less_square(z) - constant


def log_one_less_square(z: Any) -> Any:
    """log(1 − tanh²z), kept where tanh z is near ±1."""
    size = np.where(np.real(z) < 0.0, -z, z)
    return 2.0 * (np.log(2.0) - size - np.log1p(np.exp(-2.0 * size)))


def log_logistic_slope(z: Any) -> Any:
    """log ds/dz of the logistic function s of z."""
    size = np.where(np.real(z) < 0.0, -z, z)
    return -size - 2.0 * np.log1p(np.exp(-size))


def derivative(function: Any, z: Floats) -> Floats:
    """d function(z)/dz (..., k), exact: function takes complex z (k,) and gives one array."""
    columns = []
    for i in range(len(z)):
        step = z.astype(np.complex128)
        step[i] += 1j * IMAGINARY
        columns.append(np.imag(function(step)) / IMAGINARY)
    if not columns:
        return np.zeros((*np.shape(function(z)), 0))
    found: Floats = np.stack(columns, axis=-1)
    return found


def second_derivative(function: Any, z: Floats) -> Floats:
    """∂² function(z)/∂z² (..., k, k), by differences of fourth order of the exact first ones."""
    columns = []
    for i in range(len(z)):
        step = _REAL * (np.arange(len(z)) == i)
        near = derivative(function, z + step) - derivative(function, z - step)
        far = derivative(function, z + 2.0 * step) - derivative(function, z - 2.0 * step)
        columns.append((8.0 * near - far) / (12.0 * _REAL))
    if not columns:
        return np.zeros((*np.shape(function(z)), 0, 0))
    found: Floats = np.stack(columns, axis=-1)
    return 0.5 * (found + np.swapaxes(found, -1, -2))


def derivative_at_once(function: Any, z: Floats) -> Floats:
    """The same, the k first (k, ...), of a function that takes several z at once (..., k)."""
    found: Floats = np.imag(function(z + 1j * IMAGINARY * np.eye(len(z)))) / IMAGINARY
    return found
