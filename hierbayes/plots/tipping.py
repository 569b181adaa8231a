"""Tipping points: where a conclusion gives way, over (scale of the priors of sd) × LKJ(η).

Lines are contours of the posterior mean; what each point of the grid concludes stands on it.
Both axes are logarithmic, as the distance of priors from the baseline is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import legend
from hierbayes.plots.look import BLACK, BLUE_INK, GREY, PALE, RED_INK, Look
from hierbayes.studies.sensitivity.tipping import TippingPoints

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STANDS, GIVES_WAY, UNDECIDABLE, MISSING = "stands", "gives way", "no conclusion", "not answered"
_LOOKS = {
    STANDS: Look(BLUE_INK, "o"),
    GIVES_WAY: Look(RED_INK, "X"),
    UNDECIDABLE: Look(BLUE_INK, "o"),
    MISSING: Look(GREY, "s", filled=False),
}


@dataclass(frozen=True, slots=True, eq=False)
class TippingMap:
    """What is drawn of tipping points.

    Parameters
    ----------
    quantity : str
    points : DataFrame
        A row per prior: ``scale``, ``eta`` (missing without correlations), ``mean``, ``lower``,
        ``upper`` and ``conclusion``: ``"stands"``, ``"gives way"``, ``"no conclusion"`` where none
        turns on the quantity, or ``"not answered"``.
    baseline : (scale, eta)
        Where the baseline stands; its priors of sd have scale 1.
    """

    quantity: str
    points: pd.DataFrame
    baseline: tuple[float, float]


def tipping_frame(tipping: TippingPoints) -> TippingMap:
    """The grid of a tipping-point study, with what each of its points concludes.

    Parameters
    ----------
    tipping : TippingPoints
        As ``study.tipping(quantity)`` makes them.

    Raises
    ------
    StudyError
        When it is none.
    """
    refuse_other_than("plot_tipping", tipping, TippingPoints, "study.tipping(quantity)")
    names = ["mean", "lower", "upper", "decision"]
    points = tipping.cells[names].to_dataframe().reset_index()
    if "eta" not in points:
        points["eta"] = np.nan
    columns = ["scale", "eta"]
    flips = tipping.flips.reindex(columns=columns)
    gone = points[columns].fillna(0.0).apply(tuple, axis=1)
    given = set(flips.fillna(0.0).apply(tuple, axis=1)) if len(flips) else set()
    points["conclusion"] = np.select(
        [points["mean"].isna(), points["decision"].isna(), gone.isin(given)],
        [MISSING, UNDECIDABLE, GIVES_WAY], STANDS,
    )  # fmt: skip
    shown = points[[*columns, "mean", "lower", "upper", "conclusion"]]
    return TippingMap(tipping.quantity, shown, (1.0, tipping.eta))


def plot_tipping(
    tipping: TippingPoints, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Draw `tipping_frame`: contours of the mean, and the conclusion at every point.

    Without correlations, or with a single η or scale: the mean and its limits along the other.

    Parameters
    ----------
    tipping : TippingPoints
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    frame = tipping_frame(tipping)
    along = [name for name in ("scale", "eta") if frame.points[name].nunique() > 1]
    with canvas(ax, figsize, beware=tipping.objection, panel=(6.2, 4.4)) as drawn:
        if len(along) == 2:
            _draw_map(drawn.ax, frame)
        else:
            _draw_line(drawn.ax, frame, along[0] if along else "scale")
        shown = [one for one in _LOOKS if one != UNDECIDABLE
                 and (frame.points["conclusion"] == one).any()]  # fmt: skip
        entries = {_said(one): _LOOKS[one].points(6.0) for one in shown}
        entries["baseline"] = _BASELINE
        if len(along) < 2:
            entries["mean and limits"] = {"color": PALE, "linewidth": 7.0}
        legend(drawn, entries, width=1.5)
    return drawn.figure


_BASELINE: dict[str, Any] = {
    "marker": "o", "linestyle": "none", "markersize": 13.0, "markerfacecolor": "none",
    "markeredgecolor": BLACK, "markeredgewidth": 1.4,
}  # fmt: skip
_MARGIN = 1.2  # factor, on either side
_AXES = {"scale": "scale of the priors of sd, relative to the baseline", "eta": "η of LKJ"}


def _said(conclusion: str) -> str:
    return conclusion if conclusion == MISSING else f"conclusion {conclusion}"


def _draw_map(ax: Axes, frame: TippingMap) -> None:
    table = frame.points.pivot(index="eta", columns="scale", values="mean")
    ax.set_xscale("log")
    ax.set_yscale("log")
    if np.isfinite(table.to_numpy()).sum() > 3 and np.ptp(frame.points["mean"].dropna()) > 0.0:
        lines = ax.contour(table.columns, table.index, table, levels=7, colors=GREY,
                           linewidths=0.9, linestyles="solid")  # fmt: skip
        places = _between_columns(lines.allsegs, np.asarray(table.columns, dtype=np.float64))
        for text in ax.clabel(
            lines, fontsize=8.0, fmt=_told_apart(lines.levels), colors=BLACK, manual=places
        ):
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    for conclusion, points in frame.points.groupby("conclusion"):
        ax.plot(points["scale"], points["eta"], **_LOOKS[str(conclusion)].points(5.0), zorder=3.0)
    ax.plot(*frame.baseline, **_BASELINE, zorder=3.5)
    ax.set_xlim(table.columns[0] / _MARGIN, table.columns[-1] * _MARGIN)
    ax.set_ylim(table.index[0] / _MARGIN, table.index[-1] * _MARGIN)
    ax.set_ylabel(_AXES["eta"])
    ax.set_xlabel(_AXES["scale"])
    _name_ticks(ax, "x", table.columns)
    _name_ticks(ax, "y", table.index)
    ax.set_title(f"posterior mean of {frame.quantity}", wrap=True)


def _told_apart(levels: Iterable[float]) -> dict[float, str]:
    """Labels of contours: three digits, or as many more as it takes to tell them apart."""
    labels: dict[float, str] = {}
    for digits in range(3, 16):
        labels = {level: f"{level:.{digits}g}" for level in levels}
        if len(set(labels.values())) == len(labels):
            break
    return labels


def _between_columns(contours: list[list[Floats]], scales: Floats) -> list[tuple[float, float]]:
    """A place for the label of each contour, in the widest gap of the columns that it crosses."""
    logs = np.log(scales)
    middles = (logs[:-1] + logs[1:]) / 2.0
    by_width = middles[np.argsort(-np.diff(logs), kind="stable")]
    places = []
    for segment in (one for segments in contours for one in segments[:1] if len(one)):
        order = np.argsort(segment[:, 0])
        x, y = np.log(segment[order, 0]), segment[order, 1]
        crossed = by_width[(by_width > x[0]) & (by_width < x[-1])]
        if len(crossed):
            at = float(crossed[0])
            places.append((float(np.exp(at)), float(np.interp(at, x, y))))
    return places


def _draw_line(ax: Axes, frame: TippingMap, along: str) -> None:
    points = frame.points.sort_values(along)
    x = points[along]
    ax.set_xscale("log")
    ax.fill_between(x, points["lower"], points["upper"], color=PALE, alpha=0.7, linewidth=0.0)
    ax.plot(x, points["mean"], color=BLACK, linewidth=1.3)
    for conclusion, some in points.groupby("conclusion"):
        ax.plot(some[along], some["mean"], **_LOOKS[str(conclusion)].points(5.5), zorder=3.0)
    place = frame.baseline[0] if along == "scale" else frame.baseline[1]
    known = points.dropna(subset="mean")
    at = np.interp(np.log(place), np.log(known[along]), known["mean"])
    ax.plot(place, at, **_BASELINE, zorder=3.5)
    low, high = ax.get_ylim()
    if low < 0.0 < high:
        ax.axhline(0.0, color=GREY, linewidth=0.8)
    ax.set_xlabel(_AXES[along])
    ax.set_ylabel(frame.quantity)
    _name_ticks(ax, "x", x)


def _name_ticks(ax: Axes, which: str, values: Sequence[float] | pd.Index | pd.Series) -> None:
    """Ticks at the values of the grid, in plain numbers."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    places = sorted({float(value) for value in values})
    axis.set_ticks(places, [f"{place:g}" for place in places])
    axis.set_ticks([], minor=True)
