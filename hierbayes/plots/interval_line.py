"""An interval as a line, with an arrow where it leaves the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hierbayes.frames.arrays import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_interval(ax: Axes, ends: Floats, y: float, color: str) -> None:
    """A line between two ends (2,) at height y, inside the limits that the axes have."""
    shown = np.clip(ends, *ax.get_xlim())
    ax.plot(shown, [y, y], color=color, linewidth=1.7)
    for end, at, arrow in zip(ends, shown, "<>", strict=True):
        marker = "|" if end == at else arrow
        ax.plot(at, y, color=color, marker=marker, markersize=6.0, clip_on=False)


def span_without_outliers(values: Floats, ends: Floats, reach: float) -> tuple[float, float]:
    """Limits (lower, upper) that show all values, and ends of intervals that are not too far.

    Parameters
    ----------
    values : (m,) float
    ends : (k,) float
        Missing ones are left out, and so are those farther than `reach` beyond the values.
    reach : float

    Examples
    --------
    >>> low, high = span_without_outliers(np.array([0.0, 1.0]), np.array([-2.0, 50.0]), 10.0)
    >>> round(low, 2), round(high, 2)
    (-2.12, 1.12)
    """
    low, high = float(values.min()), float(values.max())
    near = ends[(ends >= low - reach) & (ends <= high + reach)].tolist()
    low, high = min([low, *near]), max([high, *near])
    margin = 0.04 * (high - low)
    return low - margin, high + margin
