"""Fits beside each other: estimates and intervals of every parameter, by fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError, in_quotes
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import TITLE_PER_INCH, heading, in_lines
from hierbayes.plots.interval_line import draw_interval, span_without_outliers
from hierbayes.plots.look import GREY, SERIES
from hierbayes.plots.profile_zeta import label
from hierbayes.studies.comparison.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_REACH = 3.0  # lengths of the shortest interval beyond the estimates: farther ends are arrows


def comparison_frame(
    comparison: Comparison, parameters: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Estimates and limits by parameter and fit.

    Parameters
    ----------
    comparison : Comparison
        As `hierbayes.compare` makes it.
    parameters : str or sequence of str, optional
        Labels such as ``"ses"`` or ``"sd(ses)"``, or blocks; by default all.

    Returns
    -------
    DataFrame
        ``label``, ``block``, ``parameter``, ``fit``, ``estimate``, ``lower``, ``upper``; limits
        that a fit cannot give are missing, and fits without the parameter are left out.

    Raises
    ------
    StudyError
        When it is no comparison, or has no such parameter.
    """
    refuse_other_than("plot_comparison", comparison, Comparison, "hb.compare()")
    fixed = pd.concat({"gamma": comparison.fixed}, names=["block"])
    fixed.index = fixed.index.set_names(["block", "parameter", "fit"])
    parts = [part[["estimate", "lower", "upper"]] for part in (fixed, comparison.variance)]
    frame = pd.concat([part.reset_index() for part in parts], ignore_index=True)
    same = frame["block"] == frame["parameter"]
    names = [one if own else label(block, one) for block, one, own in
             zip(frame["block"], frame["parameter"], same, strict=True)]  # fmt: skip
    frame.insert(0, "label", names)
    frame = frame[frame["estimate"].notna()]
    if parameters is not None:
        frame = _chosen(frame, [parameters] if isinstance(parameters, str) else list(parameters))
    return frame.reset_index(drop=True)


def plot_comparison(
    comparison: Comparison,
    parameters: str | Sequence[str] | None = None,
    *,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `comparison_frame`: a panel for each parameter, a row for each fit.

    Parameters
    ----------
    comparison : Comparison
    parameters : str or sequence of str, optional
    ax : Axes, or as many as there are parameters, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses + (1 | school)", data=hs)
    >>> figure = hb.plots.plot_comparison(hb.compare(model.reml(), model.ml()), "ses")
    >>> [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    ['REML', 'ML']
    """
    frame = comparison_frame(comparison, parameters)
    fits = [str(name) for name in comparison.overview.index]
    labels = list(dict.fromkeys(frame["label"]))
    shape = panel_grid(len(labels), 3)
    size = (3.0, 0.75 + 0.27 * len(fits))
    with canvas(
        ax, figsize, beware=comparison.objection, shape=shape, panel=size, count=len(labels)
    ) as drawn:
        for place, (panel, name) in enumerate(zip(drawn.panels, labels, strict=True)):
            _draw(panel, frame[frame["label"] == name], fits)
            title = in_lines(drawn, panel, name, TITLE_PER_INCH)
            panel.set_title(title, fontsize=10.0)
            panel.locator_params(axis="x", nbins=4)
            if drawn.is_new and place % drawn.columns:
                panel.set_yticklabels([])
        heading(drawn, "Estimates and intervals by fit")
    return drawn.figure


def _chosen(frame: pd.DataFrame, asked: list[str]) -> pd.DataFrame:
    parts = []
    for name in asked:
        found = frame[frame["label"] == name]
        found = found if len(found) else frame[frame["block"] == name]
        if found.empty:
            listed = in_quotes(dict.fromkeys(frame["label"]))
            raise StudyError(f"the comparison has no parameter {name!r}; they are: {listed}")
        parts.append(found)
    if not parts:
        raise StudyError("no parameter is named; leave parameters out to have all of them")
    return pd.concat(parts).drop_duplicates(["label", "fit"])


def _draw(ax: Axes, table: pd.DataFrame, fits: list[str]) -> None:
    limits = table[["lower", "upper"]].to_numpy(np.float64)
    widths = limits[:, 1] - limits[:, 0]
    shortest = np.nanmin(widths) if np.isfinite(widths).any() else 0.0
    values = table["estimate"].to_numpy(np.float64)
    low, high = span_without_outliers(values, limits.ravel(), _REACH * shortest)
    ax.set_xlim(low, high if high > low else low + 1.0)
    for _, row in table.iterrows():
        place = fits.index(row["fit"])
        look, y = SERIES[place % len(SERIES)], len(fits) - 1 - place
        if np.isfinite([row["lower"], row["upper"]]).all():
            draw_interval(ax, row[["lower", "upper"]].to_numpy(np.float64), y, look.color)
        ax.plot(row["estimate"], y, **look.points(5.5))
    if low < 0.0 < high:
        ax.axvline(0.0, color=GREY, linewidth=0.7, zorder=0.5)
    ax.set_ylim(-0.6, len(fits) - 0.4)
    ax.set_yticks(np.arange(len(fits))[::-1], fits)
    ax.tick_params(axis="y", length=0.0)
    ax.locator_params(axis="x", nbins=5)
