"""The rows of the data in space, with the surface that the fixed part lays through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.design.variables import is_factor
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit
from hierbayes.fit.fitted import Fitted
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import ENGINES, refuse_other_than
from hierbayes.plots.draw import heading, write_note
from hierbayes.plots.fit_rows import average_rows, fit_rows, refuse_no_variable
from hierbayes.plots.look import BLUE_INK, GREY
from hierbayes.plots.response_scale import (
    expected_label,
    of_response,
    offset_in_words,
    refuse_categories,
    response_points,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OF_BAND = ("estimate", "lower", "upper")
_SIDE = 13  # points of the surface along each variable


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """What is drawn in space.

    Parameters
    ----------
    y, x, w : str
    points : DataFrame
        The rows of the fit: ``x``, ``w``, ``y``.
    surface : DataFrame
        ``x``, ``w``, ``y`` on a grid of 13 by 13, row by row along x.
    held : str
        Where the other variables are held; empty where there are none.
    """

    y: str
    x: str
    w: str
    points: pd.DataFrame
    surface: pd.DataFrame
    held: str


def plane_frame(
    fit: Fit, data: pd.DataFrame | None, x: str, w: str, *, at: Mapping[str, Any] | None = None
) -> Plane:
    """Points (x, w, y), and the expected response of the population over x and w.

    Of a family that is not Gaussian it is that of a group whose u is 0, a curved surface.

    Parameters
    ----------
    fit : Fit
        By any engine.
    data : DataFrame or None
        Of the fit; None stands for the rows that it was made of.
    x, w : str
        Two numbers among the variables of the fixed part.
    at : mapping, optional
        Values of further variables; without it numbers are at their mean and factors averaged
        over the rows.

    Raises
    ------
    StudyError
        When it is no fit, these are not its data, x or w is no number of the fixed part, or the
        response is categories.
    """
    refuse_other_than("plot_plane", fit, Fitted, ENGINES)
    refuse_categories("plot_plane", fit)
    rows = fit_rows(fit, data)
    if x == w:
        raise StudyError(f"a surface needs two variables, and both are '{x}'")
    for name in (x, w):
        refuse_no_variable(fit, name)
        if is_factor(fit.design.columns, rows[name]):
            raise StudyError(
                f"'{name}' is a factor, and a surface needs two numbers; plot_effects() shows a "
                "line for each of its levels"
            )
    values = {name: rows[name].to_numpy(dtype=np.float64) for name in (x, w)}
    sides = [np.linspace(one.min(), one.max(), _SIDE) for one in values.values()]
    first, second = (one.ravel() for one in np.meshgrid(*sides, indexing="ij"))
    found = average_rows(fit, rows, pd.DataFrame({x: first, w: second}), at)
    height = pd.DataFrame(dict.fromkeys(_OF_BAND, found.X @ fit.gamma_draws.mean(axis=(0, 1))))
    height = of_response(fit, found, height, Interval(DEFAULT_PROB))["estimate"].to_numpy()
    used, family = fit.design.rows, fit.problem.family
    held = ", ".join(part for part in (found.held, offset_in_words(fit)) if part)
    return Plane(
        fit.design.specification.response if family is None else expected_label(fit), x, w,
        pd.DataFrame({"x": values[x], "w": values[w], "y": response_points(fit)}, index=used.index),
        pd.DataFrame({"x": first, "w": second, "y": height}), held,
    )  # fmt: skip


def plot_plane(
    fit: Fit,
    data: pd.DataFrame | None,
    x: str,
    w: str,
    *,
    at: Mapping[str, Any] | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `plane_frame`.

    Other parameters are those of `plane_frame`.

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
    >>> fit = hb.Model("mathach ~ ses + PRACAD + (1 | school)", data=hs).reml()
    >>> hb.plots.plot_plane(fit, hs, "ses", "PRACAD").axes[0].get_zlabel()
    'mathach'
    """
    frame = plane_frame(fit, data, x, w, at=at)
    size = float(np.clip(70.0 / np.sqrt(len(frame.points)), 0.9, 4.0))
    with canvas(ax, figsize, beware=fit.objection, panel=(6.8, 5.6), projection="3d") as drawn:
        space: Any = drawn.ax
        grid = [frame.surface[k].to_numpy().reshape(_SIDE, _SIDE) for k in ("x", "w", "y")]
        space.plot(frame.points["x"], frame.points["w"], frame.points["y"], linestyle="none",
                   marker="o", markersize=size, color=GREY, markeredgewidth=0.0, alpha=0.55,
                   rasterized=True)  # fmt: skip
        space.plot_surface(*grid, color=BLUE_INK, alpha=0.3, linewidth=0.0)
        space.plot_wireframe(*grid, color=BLUE_INK, linewidth=0.6)
        space.set_xlabel(x)
        space.set_ylabel(w, labelpad=10.0)  # clear of numbers with signs and decimals
        space.set_zlabel(frame.y)
        heading(drawn, f"{frame.y} over {x} and {w}, {fit.engine}")
        space.set_box_aspect(None, zoom=0.88)  # or the label of the third axis is cut
        write_note(drawn, frame.held)
    return drawn.figure
