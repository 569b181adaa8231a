"""The best step that a quadratic promises within a ball, whatever its curvature.

References
----------
Moré & Sorensen (1983), *Computing a trust region step*, doi:10.1137/0904038.
"""

from __future__ import annotations

import numpy as np

from hierbayes.frames.arrays import Floats

_FLAT = 1e-9  # of the largest curvature
_NO_GAIN = 1e-10  # of an objective, at the edge of the ball


def best_step(slope: Floats, information: Floats, radius: float) -> tuple[Floats, float]:
    """The s with ‖s‖ ≤ radius that maximises slope·s − ½ s'·information·s, and the maximum.

    Directions that are flat but for rounding are not gone along.

    Parameters
    ----------
    slope : (k,) float
    information : (k, k) float
        Symmetric; where it is not positive definite, the step ends on the edge.
    radius : float

    Examples
    --------
    >>> best_step(np.array([2.0, 0.0]), np.diag([4.0, 1.0]), 1.0)
    (array([0.5, 0. ]), 0.5)
    >>> step, gain = best_step(np.array([0.0, 0.0]), np.diag([4.0, -1.0]), 2.0)
    >>> np.abs(step), gain
    (array([0., 2.]), 2.0)
    """
    size, vectors = np.linalg.eigh(information)
    along = vectors.T @ slope
    floor = _FLAT * max(float(np.abs(size).max()), 1e-300)
    told = (np.abs(size) > floor) | (np.abs(along) * radius > _NO_GAIN)
    size = np.where(np.abs(size) > floor, size, floor)
    along = np.where(told, along, 0.0)
    lowest = int(np.argmin(np.where(told, size, np.inf)))
    shift = 0.0 if size[lowest] > 0.0 else -float(size[lowest]) * (1.0 + 1e-10)
    step = along / (size + shift)
    length = float(np.sqrt(step @ step))
    if length > radius:
        step = _on_the_edge(along, size, shift, radius)
    elif shift > 0.0:  # the slope has no part along the upward curvature
        step[lowest] += np.copysign(np.sqrt(radius**2 - length**2), step[lowest])
    gain = float(along @ step - 0.5 * (size * step) @ step)
    return vectors @ step, gain


def _on_the_edge(along: Floats, size: Floats, shift: float, radius: float) -> Floats:
    """The step of length ``radius``: Newton's method on the reciprocal of its length."""
    least = shift
    for _ in range(100):
        step = along / (size + shift)
        length = float(np.sqrt(step @ step))
        if abs(length - radius) < 1e-6 * radius:
            break
        slope = float((step**2 / (size + shift)).sum()) / length
        change = (length - radius) / radius * length / slope
        shift = float(max(shift + change, least + 0.1 * (shift - least)))
    return np.asarray(step)
