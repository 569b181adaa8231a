"""Data space: all rows in one panel, with the pooled line of each level and the groups' lines.

Source: the lecture slides *Mixed Models with R*, "Exploring the relationship between mathach and
ses", methods 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.plots.canvas import canvas
from hierbayes.plots.draw import heading, legend
from hierbayes.plots.look import BLACK, SERIES, Look
from hierbayes.plots.scatter import lines_by, read_scatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ALONE = (Look(BLACK, "o"),)


@dataclass(frozen=True, slots=True, eq=False)
class DataSpace:
    """What is drawn in data space.

    Parameters
    ----------
    y, x : str
    group, by : str or None
    points : DataFrame
        ``by``, ``x``, ``y``.
    pooled : DataFrame
        Ends of the least-squares line of all rows of a level: ``by``, ``x``, ``y``.
    groups : DataFrame
        Ends of the least-squares line of each group: ``by``, ``group``, ``x``, ``y``. A group with
        rows in two levels has two; one in which x does not vary has none.
    """

    y: str
    x: str
    group: str | None
    by: str | None
    points: pd.DataFrame
    pooled: pd.DataFrame
    groups: pd.DataFrame


def data_space_frame(data: pd.DataFrame, formula: str, *, by: str | None = None) -> DataSpace:
    """Points, and least-squares lines of levels and of groups.

    Parameters
    ----------
    data : DataFrame
    formula : str
        ``"y ~ x"``, or ``"y ~ x | g"`` for a line in each group g as well.
    by : str, optional
        A factor; there is a pooled line in each level, or else one of all rows.

    Raises
    ------
    StudyError
        When the formula is none, or there are too many levels.
    DataError
        When a column does not exist or cannot be drawn.
    """
    found = read_scatter(data, formula, by)
    points = found.points
    pooled = lines_by(points, ["by"], "by")
    groups = pd.DataFrame(columns=["by", "group", "x", "y"])
    if found.panel is not None:
        groups = lines_by(points, ["by", "panel"], "group")
    return DataSpace(
        found.y, found.x, found.panel, by, points[["by", "x", "y"]], pooled, groups
    )  # fmt: skip


def plot_data_space(
    data: pd.DataFrame,
    formula: str,
    *,
    by: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `data_space_frame`.

    Other parameters are those of `data_space_frame`.

    Parameters
    ----------
    ax : Axes, optional
        To draw on.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> figure = hb.plots.plot_data_space(hs, "mathach ~ ses | school", by="Sector")
    >>> figure.axes[0].get_ylabel()
    'mathach'
    """
    frame = data_space_frame(data, formula, by=by)
    levels = frame.points["by"].cat.categories
    looks = dict(zip(levels, SERIES if by else _ALONE, strict=False))
    size = float(np.clip(90.0 / np.sqrt(len(frame.points)), 1.2, 4.0))
    with canvas(ax, figsize, panel=(6.8, 5.2)) as drawn:
        for level, rows in frame.points.groupby("by", observed=True):
            how = looks[level].points(size, alpha=0.35, markeredgewidth=0.5)
            drawn.ax.plot(rows["x"], rows["y"], **how, zorder=1.0, rasterized=True)
        for (level, _), ends in frame.groups.groupby(["by", "group"], sort=False):
            how = looks[level].lines(0.8, alpha=0.7)
            drawn.ax.plot(ends["x"], ends["y"], **how, zorder=2.0)
        for level, ends in frame.pooled.groupby("by", sort=False):
            drawn.ax.plot(ends["x"], ends["y"], color="white", linewidth=6.0, zorder=2.9)
            drawn.ax.plot(ends["x"], ends["y"], **looks[level].lines(3.2), zorder=3.0)
        drawn.ax.set_xlabel(frame.x)
        drawn.ax.set_ylabel(frame.y)
        heading(drawn, f"Data space: {frame.y} against {frame.x}")
        entries = {f"pooled line, {level}": looks[level].both(4.0, 2.6) for level in levels}
        if frame.group:
            entries[f"a line in each {frame.group}"] = Look(BLACK, "none").lines(0.8)
        legend(drawn, entries, width=2.3)
    return drawn.figure
