"""The best step that a quadratic promises, anywhere or within a ball.

References
----------
Moré & Sorensen (1983), *Computing a trust region step*, doi:10.1137/0904038.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, lent
from hierbayes.compiled_arrays import room_for
from hierbayes.frames.arrays import Floats

_FLAT = 1e-9  # of the largest curvature
_NO_GAIN = 1e-10  # of an objective, at the edge of the ball
_PLAIN = 1e-5  # of the largest curvature of an entry: a pivot that is far from flat


@compiled(error_model="numpy")
def newton_step(slope: Floats, information: Floats) -> tuple[Floats, float, float]:
    """The step (k,) to where a quadratic is highest, its length, and what is gained.

    Both are nan where curvature is nearly flat or upwards, and there is no such step.
    """
    k = len(slope)
    step, length = room_for(k), 0.0
    gain = solve_quadratic(information, slope, step, room_for((k, k)))
    for i in range(k):
        length += step[i] * step[i]
    return step, math.sqrt(length) + 0.0 * gain, gain


@lent
def solve_quadratic(information: Floats, slope: Floats, step: Floats, L: Floats) -> float:
    """Write the step that the factors LDL' solve for; half of slope·step, nan as above."""
    k, floor = slope.shape[0], 0.0
    for i in range(k):
        if _PLAIN * information[i, i] > floor:
            floor = _PLAIN * information[i, i]
    for i in range(k):  # the pivots stand on the diagonal of L
        for j in range(i + 1):
            total = information[i, j]
            for h in range(j):
                total -= L[i, h] * L[j, h] * L[h, h]
            L[i, j] = total if i == j else total / L[j, j]
        if not L[i, i] > floor:
            return np.nan
        step[i] = slope[i]
        for h in range(i):
            step[i] -= L[i, h] * step[h]
    gain = 0.0
    for i in range(k):
        step[i] /= L[i, i]
    for i in range(k - 1, -1, -1):
        for h in range(i + 1, k):
            step[i] -= L[h, i] * step[h]
        gain += 0.5 * slope[i] * step[i]
    return gain


@lent
def solve_told(H: Floats, x: Floats, told: float) -> None:
    """Write H⁻x (n,) over x by LDL' = H (n, n), over the lower triangle.

    Where a pivot is no more than ``told`` of its entry H says nothing, and 0 is written.
    """
    n = len(x)
    for i in range(n):
        whole = H[i, i]
        for j in range(i):
            for h in range(j):
                H[i, j] -= H[i, h] * H[j, h] * H[h, h]
            H[i, j] = H[i, j] / H[j, j] if H[j, j] > 0.0 else 0.0
            H[i, i] -= H[i, j] * H[i, j] * H[j, j]
            x[i] -= H[i, j] * x[j]
        if not H[i, i] > told * whole:
            H[i, i] = 0.0
    for i in range(n):
        x[i] = x[i] / H[i, i] if H[i, i] > 0.0 else 0.0
    for i in range(n - 1, -1, -1):
        for h in range(i + 1, n):
            x[i] -= H[h, i] * x[h]


def best_step(slope: Floats, information: Floats, radius: float) -> tuple[Floats, float]:
    """The s with ‖s‖ ≤ radius that maximises slope·s − ½ s'·information·s, and the maximum.

    Directions that are flat but for rounding are not gone along.

    Parameters
    ----------
    slope : (k,) float
    information : (k, k) float
        Symmetric; where it is not positive definite, the step ends on the edge.
    radius : float

    Notes
    -----
    Plain numbers: operations on arrays as small as these take longer.

    Examples
    --------
    >>> best_step(np.array([2.0, 0.0]), np.diag([4.0, 1.0]), 1.0)
    (array([0.5, 0. ]), 0.5)
    >>> step, gain = best_step(np.array([0.0, 0.0]), np.diag([4.0, -1.0]), 2.0)
    >>> np.abs(step), gain
    (array([0., 2.]), 2.0)
    """
    values, vectors = np.linalg.eigh(information)
    size, along = values.tolist(), (slope @ vectors).tolist()
    floor = _FLAT * max(abs(size[0]), abs(size[-1]), 1e-300)
    flat = [abs(value) <= floor for value in size]
    told = [not f or abs(a) * radius > _NO_GAIN for f, a in zip(flat, along, strict=True)]
    size = [floor if f else value for f, value in zip(flat, size, strict=True)]
    along = [a if t else 0.0 for t, a in zip(told, along, strict=True)]
    lowest = min(range(len(size)), key=lambda k: size[k] if told[k] else math.inf)
    shift = 0.0 if size[lowest] > 0.0 else -size[lowest] * (1.0 + 1e-10)
    step = _shifted(along, size, shift)
    length = math.hypot(*step)
    if length > radius:
        step = _on_the_edge(along, size, shift, radius)
    elif shift > 0.0:  # the slope has no part along the upward curvature
        step[lowest] += math.copysign(math.sqrt(radius**2 - length**2), step[lowest])
    gain = sum((a - 0.5 * h * s) * s for a, h, s in zip(along, size, step, strict=True))
    return vectors @ np.array(step), gain


def _shifted(along: list[float], size: list[float], shift: float) -> list[float]:
    """The best step where ``shift`` is added to every curvature."""
    return [a / (h + shift) for a, h in zip(along, size, strict=True)]


def _on_the_edge(along: list[float], size: list[float], shift: float, radius: float) -> list[float]:
    """The step of length ``radius``: Newton's method on the reciprocal of its length."""
    least, step = shift, _shifted(along, size, shift)
    for _ in range(100):
        step = _shifted(along, size, shift)
        length = math.hypot(*step)
        if abs(length - radius) < 1e-6 * radius:
            break
        slope = sum(s**2 / (h + shift) for s, h in zip(step, size, strict=True)) / length
        change = (length - radius) / radius * length / slope
        shift = max(shift + change, least + 0.1 * (shift - least))
    return step
