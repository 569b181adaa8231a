"""Autocorrelations of residuals within groups, beside the limits of white noise."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from hierbayes.inference.residuals.autocorrelation import ResidualAcf
from hierbayes.plots.canvas import Canvas, canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import heading
from hierbayes.plots.look import BLACK, BLUE_INK, DASHED, GREY, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WITH_POINTS, _NAMED = 40, 6  # lags, at most


def residual_acf_frame(found: ResidualAcf) -> pd.DataFrame:
    """The autocorrelations that are drawn: those of the table but lag 0, where it is 1.

    Parameters
    ----------
    found : ResidualAcf
        As `hierbayes.residual_acf` makes it.

    Raises
    ------
    StudyError
        When it is something else.
    """
    refuse_other_than("plot_residual_acf", found, ResidualAcf, "hb.residual_acf()")
    return found.table.iloc[1:].reset_index(drop=True)


def plot_residual_acf(
    found: ResidualAcf,
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `residual_acf_frame`: a bar for each lag in the band of white noise.

    Other parameters are those of `residual_acf_frame`.

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
    >>> figure = hb.plots.plot_residual_acf(hb.residual_acf(fit, "age"))
    >>> figure.axes[0].get_xlabel()
    'lag in age'
    """
    frame = residual_acf_frame(found)
    of = frame.attrs
    with canvas(ax, figsize, beware=found.objection, panel=(5.6, 3.8)) as drawn:
        panel, lags = drawn.ax, frame["lag"]
        draw_band(panel, frame, "lag")
        panel.axhline(0.0, color=BLACK, linewidth=0.8)
        panel.vlines(lags, 0.0, frame["acf"], color=BLUE_INK, linewidth=1.6)
        if len(frame) <= _WITH_POINTS:
            panel.plot(lags, frame["acf"], linestyle="none", marker="o", markersize=5.0,
                       color=BLUE_INK)  # fmt: skip
        label_band(drawn, of, "lag", "autocorrelation")
    return drawn.figure


def draw_band(panel: Axes, frame: pd.DataFrame, along: str) -> None:
    """The limits of white noise, each place by itself; few places are named."""
    x, lower, upper = frame[along], frame["lower"], frame["upper"]
    if len(frame) <= _NAMED:
        panel.set_xticks(x)
    if len(frame) == 1:
        panel.vlines(x, lower, upper, color=PALE, linewidth=10.0, zorder=0.3)
        return
    panel.fill_between(x, lower, upper, color=PALE, alpha=0.5, linewidth=0.0, zorder=0.3)
    for limit in (lower, upper):
        panel.plot(x, limit, color=GREY, linestyle=DASHED, linewidth=0.9, zorder=0.4)


def label_band(drawn: Canvas, of: Mapping[Hashable, Any], along: str, what: str) -> None:
    """Both axes, and which residuals and band these are; ``of`` are the ``attrs`` of the table."""
    drawn.ax.set_xlabel(f"{along} in {of['time'] or 'rows'}")
    drawn.ax.set_ylabel(f"{what} of {of['kind']} residuals")
    heading(drawn, f"Residuals within {of['group']}, {100 * of['prob']:g}% band of white noise")
