"""Predictions, comparisons and slopes against what they are of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.errors import StudyError, in_quotes
from hierbayes.inference.margins.averages import RESERVED
from hierbayes.inference.margins.margins import Margins
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import heading, legend, name_levels
from hierbayes.plots.look import GREY, SERIES, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_APART = 0.16  # of what is beside each other at one level
_PANELS = 12  # at most
MAKERS = "hb.predictions(), comparisons() or slopes()"


def margins_frame(margins: Margins, x: str | None = None, by: str | None = None) -> pd.DataFrame:
    """Estimates and limits by panel, line and place on the horizontal axis.

    Parameters
    ----------
    margins : Margins
        As `hierbayes.predictions`, `comparisons` or `slopes` make them.
    x : str, optional
        The column of the table along the axis; by default the first that holds numbers, or the
        first of those that say which rows an estimate is of, or, where none does, ``"contrast"``.
    by : str, optional
        The column that tells lines apart; by default the next of them, where there is one.

    Returns
    -------
    DataFrame
        ``panel``, what is varied or the category; ``line``, a value of ``by``; ``x``, ``estimate``,
        ``lower``, ``upper``.

    Raises
    ------
    StudyError
        When they are no margins, a column is not there, several rows have one place, or there are
        more lines or panels than can be told apart.
    """
    refuse_other_than("plot_margins", margins, Margins, MAKERS)
    table = margins.table
    free = [name for name in table.columns if name not in RESERVED]
    for role, name in (("x", x), ("by", by)):
        if name is not None and name not in (*free, "row", "contrast", "category"):
            raise StudyError(
                f"{role}={name!r} is no column that says which rows an estimate is of; they are: "
                + (in_quotes(free) or "none")
            )
    rest = [name for name in free if name != by]
    x = _usual_x(table, rest) if x is None else x
    if by is None:
        others = [name for name in free if name != x and table[name].nunique(dropna=False) > 1]
        by = others[0] if others else None
    of = [name for name in ("term", "contrast") if name in table and name != by]
    along = _joined(table, of) if x == "contrast" else table.get(x, "")
    panel = [name for name in (*of, "category") if name in table and name not in (x, by)]
    panel = [name for name in panel if x != "contrast" or name not in of]
    frame = pd.DataFrame({
        "panel": _joined(table, panel), "line": "" if by is None else table[by].astype(str),
        "x": along, **table[["estimate", "lower", "upper"]],
    })  # fmt: skip
    _refuse_too_many(frame, x, by)
    frame.attrs |= {"x": x, "by": by or ""}
    return frame


def plot_margins(
    margins: Margins,
    x: str | None = None,
    by: str | None = None,
    *,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `margins_frame`: lines with bands over a number, points with limits over labels.

    Other parameters are those of `margins_frame`.

    Parameters
    ----------
    ax : Axes, or as many as there are panels, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses * Sector + (1 | school)", data=hs).reml()
    >>> grid = hb.datagrid(fit, hs, ses=[-1, 0, 1], Sector=["Catholic", "Public"])
    >>> figure = hb.plots.plot_margins(hb.predictions(fit, grid, effects="none"))
    >>> figure.axes[0].get_xlabel()
    'ses'
    """
    frame = margins_frame(margins, x, by)
    names, lines = list(frame["panel"].unique()), list(frame["line"].unique())
    looks = dict(zip(lines, SERIES, strict=False))
    null = margins.table.attrs["null"] if "term" in margins.table else None
    shape = panel_grid(len(names))
    size = (6.4, 4.4) if len(names) == 1 else (4.2, 3.2)
    with canvas(ax, figsize, shape=shape, panel=size, count=len(names)) as drawn:
        for panel, name in zip(drawn.panels, names, strict=True):
            if null is not None:
                panel.axhline(null, color=GREY, linewidth=0.8, zorder=0.4)
            _draw(panel, frame[frame["panel"] == name], looks)
            if len(names) > 1:
                panel.set_title(name)
            panel.set_xlabel("" if frame.attrs["x"] == "contrast" else frame.attrs["x"])
        drawn.ax.set_ylabel(names[0] if len(names) == 1 and names[0] else "Estimate")
        heading(drawn, f"{margins.title.split(',')[0]}: {margins.table.attrs['of']}")
        if len(lines) > 1:
            shown = {f"{frame.attrs['by']} {line}": look.both() for line, look in looks.items()}
            legend(drawn, shown)
    return drawn.figure


def _usual_x(table: pd.DataFrame, free: list[str]) -> str:
    several = [name for name in free if table[name].nunique(dropna=False) > 1]
    numbers = [name for name in several if _is_number(table[name]) and table[name].nunique() > 2]
    if numbers or several or free:
        return (numbers or several or free)[0]
    return "row" if "row" in table else "contrast"


def _is_number(column: pd.Series) -> bool:
    return bool(is_numeric_dtype(column.dtype) and not is_bool_dtype(column.dtype))


def _joined(table: pd.DataFrame, names: list[str]) -> pd.Series:
    """Texts of several columns in one."""
    text = pd.Series("", index=table.index)
    for name in names:
        text = text + np.where(text == "", "", ": ") + table[name].astype(str)
    return text


def _refuse_too_many(frame: pd.DataFrame, x: str, by: str | None) -> None:
    if frame.duplicated(["panel", "line", "x"]).any():
        beside = "" if by is None else f" and '{by}'"
        raise StudyError(
            f"several estimates have one value of '{x}'{beside}, and cannot stand beside each "
            "other; average them (by=), or hold the other columns with hb.datagrid()"
        )
    for what, most in (("line", len(SERIES)), ("panel", _PANELS)):
        count = frame[what].nunique()
        if count > most:
            raise StudyError(
                f"{count} {what}s cannot be told apart, at most {most}; state x= and by=, or fewer "
                "values"
            )


def _draw(ax: Axes, frame: pd.DataFrame, looks: dict[str, Look]) -> None:
    if _is_number(frame["x"]) and frame["x"].nunique() > 1:
        for line, look in looks.items():
            own = frame[frame["line"] == line].sort_values("x")
            ax.fill_between(own["x"], own["lower"], own["upper"], color=look.color, alpha=0.16,
                            linewidth=0.0)  # fmt: skip
            ax.plot(own["x"], own["estimate"], **look.lines(1.8))
        return
    levels = list(frame["x"].unique())
    for k, (line, look) in enumerate(looks.items()):
        own = frame[frame["line"] == line]
        at = own["x"].map(levels.index).to_numpy() + _APART * (k - (len(looks) - 1) / 2.0)
        ax.vlines(at, own["lower"], own["upper"], color=look.color, linewidth=1.4)
        ax.plot(at, own["estimate"], **look.points(6.0))
    name_levels(ax, levels)
