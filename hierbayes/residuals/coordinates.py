"""Coordinates of the parameters of a residual structure: derivatives, and densities.

Formulas in z are written in operations that complex numbers have, of which derivatives are
taken exactly by a step in the imaginary direction (Squire & Trapp 1998,
doi:10.1137/S003614459631241X).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaln

from hierbayes.residuals.bound import Floats

_STEP = 1e-30  # imaginary: its square is lost beside 1


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
        step[i] += 1j * _STEP
        columns.append(np.imag(function(step)) / _STEP)
    if not columns:
        return np.zeros((*np.shape(function(z)), 0))
    found: Floats = np.stack(columns, axis=-1)
    return found


def derivative_at_once(function: Any, z: Floats) -> Floats:
    """The same, the k first (k, ...), of a function that takes several z at once (..., k)."""
    found: Floats = np.imag(function(z + 1j * _STEP * np.eye(len(z)))) / _STEP
    return found
