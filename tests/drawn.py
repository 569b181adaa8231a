"""What stands in axes, read back."""

import numpy as np
from matplotlib.axes import Axes

from tests.dense import Array


def lines_of(ax: Axes) -> list[Array]:
    """The points (m, 2) of every line."""
    return [np.asarray(line.get_xydata(), dtype=np.float64) for line in ax.lines]


def has_line(ax: Axes, points: Array) -> bool:
    """Whether a line goes through exactly these points."""
    wanted = np.asarray(points, dtype=np.float64)
    return any(
        line.shape == wanted.shape and np.allclose(line, wanted, rtol=1e-12, equal_nan=True)
        for line in lines_of(ax)
    )


def legend_of(ax: Axes) -> list[str]:
    """The texts of the legend."""
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]
