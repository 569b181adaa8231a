"""The semivariogram of residuals within groups, beside the limits of white noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.inference.residuals.variogram import ResidualVariogram
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.look import BLACK, BLUE_INK
from hierbayes.plots.residual_acf import draw_band, label_band

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SMALLEST, _LARGEST = 12.0, 70.0  # areas of points


def residual_variogram_frame(found: ResidualVariogram) -> pd.DataFrame:
    """The semivariogram that is drawn, with the area of each point by how many pairs it is of.

    Parameters
    ----------
    found : ResidualVariogram
        As `hierbayes.residual_variogram` makes it.

    Returns
    -------
    DataFrame
        Its table, and ``area``.

    Raises
    ------
    StudyError
        When it is something else.
    """
    maker = "hb.residual_variogram()"
    refuse_other_than("plot_residual_variogram", found, ResidualVariogram, maker)
    share = found.table["pairs"] / found.table["pairs"].max()
    return found.table.assign(area=np.maximum(_LARGEST * share, _SMALLEST))


def plot_residual_variogram(
    found: ResidualVariogram,
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `residual_variogram_frame`: a point for each distance in the band of white noise.

    Other parameters are those of `residual_variogram_frame`.

    Parameters
    ----------
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> orthodont = hb.load_dataset("orthodont")
    >>> fit = hb.Model("distance ~ age * Sex + (1 | Subject)", orthodont).reml()
    >>> figure = hb.plots.plot_residual_variogram(hb.residual_variogram(fit, "age"))
    >>> figure.axes[0].get_xlabel()
    'distance in age'
    """
    frame = residual_variogram_frame(found)
    of = found.table.attrs
    with canvas(ax, figsize, beware=found.objection, panel=(5.6, 3.8)) as drawn:
        panel, distances = drawn.ax, frame["distance"]
        draw_band(panel, frame, "distance")
        panel.axhline(of["variance"], color=BLACK, linewidth=0.8)
        panel.plot(distances, frame["variogram"], color=BLUE_INK, linewidth=1.0)
        panel.scatter(distances, frame["variogram"], s=frame["area"], color=BLUE_INK, zorder=2.1)
        panel.set_ylim(bottom=0.0)
        label_band(drawn, of, "distance", "semivariogram")
    return drawn.figure
