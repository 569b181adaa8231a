"""A covariance over occasions as a function of coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hierbayes.residuals.bound_values import Floats, Integers, Parameter
from hierbayes.residuals.coordinates import derivative_at_once


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """A covariance over T occasions as a function of coordinates.

    Parameters
    ----------
    parameters : tuple of Parameter
    start : (k,) float
    matrix : callable
        z (..., k) to the covariance (..., T, T) beside σ².
    natural : callable
        z (..., k) to the parameters (..., k).
    log_slopes : callable
        z to log ∂ parameter/∂ coordinate (k,); 0 of those that are told together.
    faster : callable, optional
        z (N, k) to the covariances (N, T, T) and ∂/∂z of them (N, k, T, T), where there is a faster
        way than by steps in the imaginary direction.
    alone : callable, optional
        As `BoundCorrelation.alone`, where some parameters are told together.
    others : tuple of (k,) float
        Where else a search begins, as there may be several maxima.
    at_lags : callable, optional
        Lags (m, m), whole, and z to the correlations there, where they are told at any lag.
    """

    parameters: tuple[Parameter, ...]
    start: Floats
    matrix: Callable[[Any], Any]
    natural: Callable[[Any], Any]
    log_slopes: Callable[[Any], Any]
    faster: Callable[[Floats], tuple[Floats, Floats]] | None = None
    alone: Callable[[Any], Any] | None = None
    others: tuple[Floats, ...] = ()
    at_lags: Callable[[Integers, Any], Any] | None = None

    def with_slopes(self, z: Floats) -> tuple[Floats, Floats]:
        """Covariances (N, T, T) at coordinates (N, k), and ∂/∂z of them (N, k, T, T)."""
        if self.faster is not None:
            return self.faster(z)
        return self.matrix(z), np.array([derivative_at_once(self.matrix, one) for one in z])
