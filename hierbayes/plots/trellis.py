"""Data in panels, one for each group, with a least-squares line or the three lines of a fit.

Source: the lecture slides *Mixed Models with R*, Figures 2, 3 and 18, and "Lattice graphics".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.errors import StudyError
from hierbayes.fit.fitted import Fitted
from hierbayes.plots.canvas import Canvas, canvas
from hierbayes.plots.choice import choose
from hierbayes.plots.draw import legend
from hierbayes.plots.look import Look
from hierbayes.plots.response_scale import refuse_categories
from hierbayes.plots.scatter import as_factor, lines_by, names_in_formula, read_scatter
from hierbayes.plots.trellis_lines import lines_of_fit
from hierbayes.plots.trellis_looks import LEAST_SQUARES, TrellisLooks, curves_of_family, looks_of
from hierbayes.plots.trellis_panels import (
    inner_factor,
    panel_order,
    refuse_other_fit,
    with_factors,
    with_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEGIBLE = 40  # panels, unless more are asked for
_GAP = np.full((1, 2), np.nan)
_DENSE = 200  # points from which on a line stands out by a white edge


@dataclass(frozen=True, slots=True, eq=False)
class Trellis:
    """What is drawn in each panel.

    Parameters
    ----------
    y, x, panel : str
        Columns.
    by : str or None
    panels : DataFrame
        Index panel, in order: ``n`` rows, ``title``.
    points : DataFrame
        ``panel``, ``by``, ``x``, ``y``.
    lines : DataFrame
        ``panel``, ``line``, ``x``, ``y``. Lines are ``"least squares"``, one for each level of
        `by`, or of a fit ``"BLUE"``, ``"BLUP"`` and ``"population"``; where `by` is another
        grouping factor of the fit there is a line, ``"BLUP of"`` it, for each ``level``.
    shown : str
        Which groups are shown, where not all are; otherwise empty.
    """

    y: str
    x: str
    panel: str
    by: str | None
    panels: pd.DataFrame
    points: pd.DataFrame
    lines: pd.DataFrame
    shown: str


def trellis_frame(
    data: pd.DataFrame,
    formula: str,
    *,
    by: str | None = None,
    fit: Fitted | None = None,
    order: str | None = None,
    groups: Sequence[Any] | None = None,
    max_groups: int | None = None,
) -> Trellis:
    """Points and lines of y against x in each group.

    Parameters
    ----------
    data : DataFrame
    formula : str
        ``"y ~ x | g"``, names of columns; g makes the panels. Of a fit with several grouping
        factors g is one of them, and may be a combination, as ``school:class``.
    by : str, optional
        A factor whose levels have marks of their own and, without a fit, lines of their own; or
        another grouping factor of the fit, whose groups have lines of their own in each panel.
    fit : Fit, optional
        Of y on x in the groups g, on these data: draws each group's BLUE, BLUP and population
        line (see `lines_of_fit`) and not least-squares lines; of a family that is not Gaussian
        curves on the scale of the response, and no BLUE.
    order : str, optional
        Of the panels: ``"mean"`` (of y), ``"size"``, or a column that is constant within groups;
        by default that of the labels.
    groups : sequence, optional
        Labels of the panels to show.
    max_groups : int, optional
        Show at most so many, spread over their numbers of rows; 40 by default.

    Raises
    ------
    StudyError
        When the formula names no panels, or a fit, an order or a group does not suit.
    DataError
        When a column does not exist or cannot be drawn.
    """
    ordering = () if order in (None, "mean", "size") else (str(order),)
    inner = None
    if fit is not None:
        refuse_other_fit(fit)
        refuse_categories("plot_trellis", fit)
        data = with_numbers(fit, with_factors(fit, data))
        inner = inner_factor(fit, names_in_formula(formula)[2], by)
    if inner is None:
        found = read_scatter(data, formula, by, *ordering)
    else:
        found = read_scatter(data, formula, None, str(by), *ordering)
        found.points["by"] = as_factor(found.rows, by)
    if found.panel is None:
        raise StudyError(f"'{formula}' names no panels; write '{formula.strip()} | group'")
    labels = pd.Index(found.points["panel"].cat.categories)
    codes = found.points["panel"].cat.codes.to_numpy()
    rows = np.bincount(codes, minlength=len(labels)).astype(np.float64)
    by_default = groups is None and max_groups is None
    most = LEGIBLE if by_default else max_groups
    chosen = choose(GroupingFactor(str(found.panel), labels), rows, groups, most)
    values, words = panel_order(found, codes, order)
    placed = chosen[np.argsort(values[chosen], kind="stable")]
    points = found.points[np.isin(codes, placed)]
    if fit is None:
        lines = lines_by(points, ["panel", "by"], "line")
        lines["line"] = lines["line"].astype(str) if by else LEAST_SQUARES
    else:
        lines = lines_of_fit(fit, data, found, labels[placed], inner)
    texts = labels.astype(str)
    titles = [" · ".join(filter(None, [texts[j], words[j]])) for j in placed]
    panels = pd.DataFrame(
        {"n": rows[placed].astype(int), "title": titles},
        index=pd.Index(labels[placed], name="panel"),
    )
    shown = _shown(len(placed), len(labels), found.panel, chosen=not by_default)
    return Trellis(found.y, found.x, found.panel, by, panels, points, lines, shown)


def plot_trellis(
    data: pd.DataFrame,
    formula: str,
    *,
    by: str | None = None,
    fit: Fitted | None = None,
    order: str | None = None,
    groups: Sequence[Any] | None = None,
    max_groups: int | None = None,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `trellis_frame`.

    Other parameters are those of `trellis_frame`.

    Parameters
    ----------
    ax : Axes, optional
        As many as there are panels.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> figure = hb.plots.plot_trellis(hs, "mathach ~ ses | Sector", by="Sex")
    >>> [panel.get_title() for panel in figure.axes]
    ['Catholic', 'Public']
    """
    frame = trellis_frame(
        data, formula, by=by, fit=fit, order=order, groups=groups, max_groups=max_groups
    )
    count = len(frame.panels)
    shape, size = _layout(count)
    looks = looks_of(frame.points, frame.lines, frame.panel, by)
    if fit is not None and fit.problem.family is not None:
        looks = curves_of_family(looks, fit.prediction)
    beware = "" if fit is None else fit.objection
    with canvas(
        ax, figsize, beware=beware, shape=shape, panel=(size, size), count=count, share=True
    ) as drawn:
        for place, (panel, (name, about)) in enumerate(
            zip(drawn.panels, frame.panels.iterrows(), strict=True)
        ):
            _draw_panel(panel, frame, name, looks, small=count > 4)
            panel.set_title(
                about["title"], loc="center", fontsize=7.5 if count > 12 else 10.0,
                fontweight="normal", pad=2.5,
            )  # fmt: skip
            if drawn.is_new and place + shape[1] >= count:  # nothing stands below it
                panel.tick_params(labelbottom=True)
        _finish(drawn, frame, looks, _label(frame.y, fit))
    return drawn.figure


def _shown(shown: int, total: int, panel: str, *, chosen: bool) -> str:
    if shown == total:
        return ""
    hint = "" if chosen else "; groups= or max_groups= choose others"
    return f"{shown} of {total} groups ({panel}){hint}"


def _layout(count: int) -> tuple[tuple[int, int], float]:
    """Rows and columns, and the size of a panel in inches."""
    columns = count
    if count > 4:  # between as many rows as columns and half as many, with the fewest gaps
        widths = range(int(np.ceil(np.sqrt(count))), int(np.ceil(np.sqrt(2.0 * count))) + 1)
        columns = max(widths, key=lambda width: (-(-count % width), width))
    size = 3.4 if count <= 4 else 2.2 if count <= 12 else 1.35 if count <= 60 else 0.95
    return (-(-count // columns), columns), size


def _draw_panel(ax: Axes, frame: Trellis, name: object, looks: TrellisLooks, small: bool) -> None:
    points = frame.points[frame.points["panel"] == name]
    size = float(np.clip((18.0 if small else 55.0) / np.sqrt(len(points)), 1.4, 3.5))
    for look, rows in _by_look(points, points["by"], looks.points):
        size_here = size if frame.by else 1.5 * size
        ax.plot(rows["x"], rows["y"], **look.points(size_here, markeredgewidth=0.6, alpha=0.75))
    lines = frame.lines[frame.lines["panel"] == name]
    width = 1.5 if small else 2.2
    if looks.levels:
        own = lines[lines["level"].notna()]
        for look, rows in _by_look(own, own["level"], looks.levels):
            _draw_apart(ax, rows, look.lines(0.4 * width))
        lines = lines[lines["level"].isna()]
    drawn = list(lines.groupby("line", sort=False))
    if len(points) > _DENSE:  # all edges first, so that none hides a line
        for _, rows in drawn:
            ax.plot(rows["x"], rows["y"], color="white", linewidth=width + 2.0)
    for line, rows in drawn:
        ax.plot(rows["x"], rows["y"], **looks.lines[str(line)].lines(width))


def _by_look(
    rows: pd.DataFrame, levels: pd.Series, looks: dict[str, Look]
) -> list[tuple[Look, pd.DataFrame]]:
    """Rows whose levels look alike, together."""
    look_of = [looks[str(level)] for level in levels]
    present = [look for look in dict.fromkeys(looks.values()) if look in look_of]
    return [(look, rows[[one == look for one in look_of]]) for look in present]


def _draw_apart(ax: Axes, rows: pd.DataFrame, how: dict[str, Any]) -> None:
    """The line of each level, all as one artist."""
    parts = [
        part for _, one in rows.groupby("level", sort=False) for part in (one[["x", "y"]], _GAP)
    ]
    ends = np.vstack(parts)
    ax.plot(*ends.T, **how)


def _label(y: str, fit: Fitted | None) -> str:
    """What stands beside the axis of the response: of two outcomes which is 1."""
    outcomes = () if fit is None or fit.problem.family is None else fit.problem.family_rows.outcomes
    return f"{y} (1: {outcomes[1]})" if len(outcomes) == 2 else y


def _finish(drawn: Canvas, frame: Trellis, looks: TrellisLooks, label: str) -> None:
    count = len(frame.panels)
    for panel in drawn.panels:
        panel.tick_params(labelsize=6.5 if count > 12 else 9.0, pad=2.0)
        panel.locator_params(nbins=3 if count > 12 else 5)
        panel.locator_params(axis="x", integer=bool((frame.points["x"] % 1.0 == 0.0).all()))
    if not drawn.is_new:
        for panel in drawn.panels:
            panel.set_xlabel(frame.x)
            panel.set_ylabel(label)
    else:
        (rows, columns), _ = _layout(count)
        last = drawn.panels[(rows - 1) * columns :]
        for panel in last if count <= 4 else last[len(last) // 2 :][:1]:
            panel.set_xlabel(frame.x)
        drawn.figure.supylabel(label, fontsize=10)
        title = f"{frame.y} against {frame.x} by {frame.panel}"
        lines = "\n".join(filter(None, (title, frame.shown)))
        drawn.figure.suptitle(lines, x=0.01, ha="left", wrap=True)
    legend(drawn, looks.entries)
