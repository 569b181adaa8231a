"""The normal distribution that a log density is like at its mode."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hierbayes.frames.arrays import Floats

_STEP = 1e-4  # of a coordinate, for the curvature


def normal_at_mode(
    log_density: Callable[[Floats], tuple[float, Floats]], start: Floats
) -> tuple[Floats, Floats]:
    """The mode (d,) of a density and a root (d, d) of the inverse of its curvature there.

    Parameters
    ----------
    log_density : callable
        Value and gradient (d,) at one point, on a scale on which no coordinate is far from 1.
    start : (d,) float
        Where the search for the mode starts.
    """
    from scipy.optimize import minimize

    def minus(x: Floats) -> tuple[float, Floats]:
        value, gradient = log_density(x)
        return (-value, -gradient) if np.isfinite(value) else (1e300, np.zeros(len(x)))

    found = minimize(minus, start, jac=True, method="BFGS", options={"gtol": 1e-3, "maxiter": 100})
    mode = found.x
    curvature = np.empty((len(mode), len(mode)))
    for i, step in enumerate(_STEP * np.eye(len(mode))):
        curvature[i] = (minus(mode + step)[1] - minus(mode - step)[1]) / (2.0 * _STEP)
    size, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    return mode, vectors / np.sqrt(np.maximum(size, 1e-2))  # no coordinate wider than 10
