"""Rows of data in space, before any model: y over two variables.

Source: the lecture slides *Mixed Models with R*, Lab 1, "Seeing data in 3d".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.plots.canvas import canvas
from hierbayes.plots.draw import heading, legend
from hierbayes.plots.look import GREY, SERIES, Look
from hierbayes.plots.scatter import read_scatter, refuse_no_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ALONE = (Look(GREY, "o"),)


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """What is drawn of rows in space.

    Parameters
    ----------
    y, x, w : str
    by : str or None
    points : DataFrame
        The complete rows: ``by``, ``x``, ``w``, ``y``.
    """

    y: str
    x: str
    w: str
    by: str | None
    points: pd.DataFrame


def cloud_frame(data: pd.DataFrame, formula: str, *, by: str | None = None) -> Cloud:
    """The rows as points (x, w, y).

    Parameters
    ----------
    data : DataFrame
    formula : str
        ``"y ~ x + w"``, columns of numbers; w may be one of groups, as a group mean is.
    by : str, optional
        A factor whose levels are told apart.

    Raises
    ------
    StudyError
        When the formula is none, or there are too many levels.
    DataError
        When a column does not exist or cannot be drawn.
    """
    left, _, right = str(formula).partition("~")
    x, plus, w = (part.strip().strip("`") for part in right.partition("+"))
    if not (isinstance(formula, str) and left.strip() and x and plus and w and "+" not in w):
        raise StudyError(f"cannot read {formula!r}: write columns as in 'y ~ x + w'")
    found = read_scatter(data, f"{left} ~ `{x}`", by, w)
    refuse_no_number(found.rows[w])
    points = found.points[["by", "x", "y"]].copy()
    points.insert(2, "w", found.rows[w].to_numpy(dtype=np.float64))
    return Cloud(found.y, found.x, w, by, points)


def plot_cloud(
    data: pd.DataFrame,
    formula: str,
    *,
    by: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `cloud_frame`.

    Other parameters are those of `cloud_frame`.

    Parameters
    ----------
    ax : Axes, optional
        Made with ``projection="3d"``.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> figure = hb.plots.plot_cloud(hs, "mathach ~ ses + PRACAD", by="Sector")
    >>> figure.axes[0].get_zlabel()
    'mathach'
    """
    frame = cloud_frame(data, formula, by=by)
    size = float(np.clip(90.0 / np.sqrt(len(frame.points)), 1.2, 4.5))
    levels = frame.points["by"].cat.categories
    looks = dict(zip(levels, SERIES if by else _ALONE, strict=False))
    with canvas(ax, figsize, panel=(6.8, 5.6), projection="3d") as drawn:
        space: Any = drawn.ax
        for level, rows in frame.points.groupby("by", observed=True):
            how = looks[level].points(size, alpha=0.5, markeredgewidth=0.5)
            space.plot(rows["x"], rows["w"], rows["y"], **how, rasterized=True)
        space.set_xlabel(frame.x)
        space.set_ylabel(frame.w, labelpad=10.0)  # clear of numbers with signs and decimals
        space.set_zlabel(frame.y)
        heading(drawn, f"{frame.y} over {frame.x} and {frame.w}")
        space.set_box_aspect(None, zoom=0.88)  # or the label of the third axis is cut
        if by:
            legend(drawn, {str(level): looks[level].points(5.0) for level in levels})
    return drawn.figure
