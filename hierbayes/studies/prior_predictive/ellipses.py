r"""Ellipses of G: where the random effects of a group lie, pair by pair.

For G of two effects of one block, the effects b of a group lie with probability prob in

    {b : b'G⁻¹b ≤ c},   c = −2 log(1 − prob), the quantile of χ² with 2 degrees of freedom

an ellipse of area π c sqrt(det G).  Draws of G make as many ellipses; they are ordered
by size and a few are shown, each one draw with its own shape and tilt.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.display.interval import Interval
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import cholesky_psd

SIZES = (0.1, 0.5, 0.9)
_POINTS = 100


def ellipse_points(
    G: Floats, pairs: dict[str, tuple[int, int]], prob: float, sizes: tuple[float, ...] = SIZES
) -> pd.DataFrame:
    """Boundary, semi-axes and tilt of ellipses of G at quantiles of their size.

    Parameters
    ----------
    G : (draws, q, q) float
    pairs : dict
        From the name of a pair to the positions of its two effects.
    prob : float
        Probability that a group's effects lie inside, given G.
    sizes : tuple of float
        Quantiles of sqrt(det G) over the draws; the ellipse is that of the draw there.

    Returns
    -------
    DataFrame
        A row per point of a closed boundary: ``pair``, ``size`` (the quantile), ``x``
        and ``y`` (first and second effect), and of the whole ellipse ``major`` and
        ``minor`` (semi-axes, in the metric of the units of x and y) and ``tilt``
        (degrees from the x-axis to the major axis, above −90 and up to 90).  No rows
        without pairs.

    Raises
    ------
    IntervalError
        When prob is not between 0 and 1.
    """
    c = -2.0 * np.log1p(-Interval(prob).prob)
    frames = []
    for name, (i, k) in pairs.items():
        pair = G[:, [[i], [k]], [[i, k]]]
        order = np.argsort(_size(pair), kind="stable")
        for size in sizes:
            draw = pair[order[int(np.ceil(size * len(order))) - 1]]
            frames.append(boundary(np.sqrt(c) * cholesky_psd(draw)).assign(pair=name, size=size))
    columns = ["pair", "size", "x", "y", "major", "minor", "tilt"]
    if not frames:
        return pd.DataFrame({column: np.empty(0) for column in columns})
    return pd.concat(frames, ignore_index=True)[columns]


def _size(pair: Floats) -> Floats:
    """sqrt(det G) (draws,) of G (draws, 2, 2)."""
    product = pair[:, 0, 0] * pair[:, 1, 1]
    size: Floats = np.sqrt(np.maximum(product - pair[:, 0, 1] ** 2, 0.0))
    return size


def boundary(root: Floats) -> pd.DataFrame:
    """Points root·(cos t, sin t) of an ellipse, with its semi-axes and tilt.

    The ellipse is {b : b'(root root')⁻¹b = 1}; where root is singular it is a segment or a point.
    """
    angle = np.linspace(0.0, 2.0 * np.pi, _POINTS + 1)
    x, y = root @ np.array([np.cos(angle), np.sin(angle)])
    axes, lengths, _ = np.linalg.svd(root)
    tilt = np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
    tilt = tilt - 180.0 if tilt > 90.0 else tilt + 180.0 if tilt <= -90.0 else tilt
    return pd.DataFrame({"x": x, "y": y, "major": lengths[0], "minor": lengths[1], "tilt": tilt})
