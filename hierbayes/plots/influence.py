"""Influence: an index plot of what leaving out each case changes, its limit, and the flagged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit
from hierbayes.inference.influence.influence import influence
from hierbayes.inference.influence.influence_tables import Influence
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.look import BLACK, BLUE_INK, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURES = ("cook", "covratio", "displacement", "dfbetas")
_WORDS = {
    "cook": "Cook's distance",
    "covratio": "COVRATIO",
    "displacement": "likelihood displacement",
}
_NAMED = 8  # cases in a panel
_TICKS = 12  # cases that have their label at the axis, at most
_WIDTH = 24  # characters of labels side by side; longer ones are turned


def influence_frame(
    source: Influence | Fit, *, measure: str = "cook", factor: str | None = None
) -> pd.DataFrame:
    """A measure of influence of each case, of `hb.influence`, with its limits.

    Parameters
    ----------
    source : Influence or Fit
        What `hb.influence` returned, of groups or of rows; or a REML or ML fit, each of whose
        groups is left out.
    measure : str
        ``"cook"``, ``"covratio"``, ``"displacement"`` (of the likelihood; it has no limit) or
        ``"dfbetas"`` (a panel per fixed term).
    factor : str, optional
        Of a fit with several grouping factors: whose groups are left out.

    Returns
    -------
    DataFrame
        ``panel``, ``position``, ``case``, ``value``, ``lower`` and ``upper`` (limits of the rules,
        missing where there is none) and ``flagged``.

    Raises
    ------
    StudyError
        When there is no such measure, nothing it could be taken from, or a factor where
        `hb.influence` had one.
    InferenceError
        When the fit is not by REML or ML.
    """
    if measure not in MEASURES:
        raise StudyError(f"there is no measure {measure!r}; it is one of: {', '.join(MEASURES)}")
    if not isinstance(source, Influence | Fit):
        raise StudyError(
            f"plot_influence() takes what hb.influence() returns, or a fit, not an object of type "
            f"{type(source).__name__}"
        )
    if isinstance(source, Influence):
        if factor is not None:
            raise StudyError(
                f"factor={factor!r} belongs to hb.influence(), whose result already says what is "
                "left out"
            )
        found = source
    else:
        found = influence(source, factor, progress=False)
    table = found.dfbetas if measure == "dfbetas" else found.frame[[measure]]
    lower, upper = _limits(found, measure)
    parts = []
    for name, values in table.items():
        flagged = (values > upper) | (values < lower)
        parts.append(
            pd.DataFrame(
                {
                    "panel": _WORDS.get(str(name), str(name)),
                    "position": np.arange(len(values)),
                    "case": values.index,
                    "value": values.to_numpy(),
                    "lower": lower,
                    "upper": upper,
                    "flagged": flagged.to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def plot_influence(
    source: Influence | Fit,
    *,
    measure: str = "cook",
    factor: str | None = None,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `influence_frame`; cases beyond the limits are filled, the farthest are named.

    Other parameters are those of `influence_frame`.

    Parameters
    ----------
    ax : Axes, optional
        One, or for ``"dfbetas"`` as many as there are fixed terms.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
    >>> hb.plots.plot_influence(hb.influence(fit, refit=0)).axes[0].get_ylabel()
    "Cook's distance"
    """
    frame = influence_frame(source, measure=measure, factor=factor)
    names = list(frame["panel"].unique())
    several = measure == "dfbetas"
    shape = panel_grid(len(names), 2)
    size = (4.4, 2.9) if several else (6.6, 4.0)
    with canvas(ax, figsize, shape=shape, panel=size, count=len(names)) as drawn:
        for panel, name in zip(drawn.panels, names, strict=True):
            rows = frame[frame["panel"] == name]
            _draw_measure(panel, rows)
            panel.set_ylabel("DFBETAS" if several else name)
            panel.set_xlabel("case left out, in the order of the data")
            panel.set_title(
                name if several else f"Influence: {name} without each case", wrap=not several
            )
    return drawn.figure


def _limits(found: Influence, measure: str) -> tuple[float, float]:
    match measure:
        case "cook":
            return np.nan, float(found.limits["cook"])
        case "covratio":
            return 1.0 - float(found.limits["covratio"]), 1.0 + float(found.limits["covratio"])
        case "dfbetas":
            return -float(found.limits["dfbetas"]), float(found.limits["dfbetas"])
    return np.nan, np.nan


def _draw_measure(ax: Axes, rows: pd.DataFrame) -> None:
    middle = 1.0 if rows["panel"].iloc[0] == _WORDS["covratio"] else 0.0
    many = len(rows) > 200
    ax.vlines(rows["position"], middle, rows["value"], color=GREY, linewidth=0.4 if many else 0.8)
    ax.axhline(middle, color=BLACK, linewidth=0.8)
    flagged = rows["flagged"].to_numpy()
    for chosen, face in ((~flagged, "white"), (flagged, BLUE_INK)):
        ax.plot(rows["position"][chosen], rows["value"][chosen], linestyle="none", marker="o",
                markersize=2.0 if many else 4.0, color=BLUE_INK, markerfacecolor=face,
                markeredgewidth=0.7)  # fmt: skip
    for limit in rows[["lower", "upper"]].iloc[0].dropna():
        ax.axhline(limit, color=BLACK, linewidth=0.9, linestyle=":")
    size = (rows["value"] - middle).abs()
    far = (size[flagged].nlargest(_NAMED) if flagged.any() else size.nlargest(2)).index
    for place in far:
        row = rows.loc[place]
        above = row["value"] >= middle
        ax.annotate(
            str(row["case"]), (row["position"], row["value"]), ha="center", fontsize=7.5,
            xytext=(0, 4 if above else -4), textcoords="offset points",
            va="bottom" if above else "top",
        )  # fmt: skip
    ax.margins(y=0.12)
    _name_cases(ax, rows)
    if (rows["value"].dropna() >= 0.0).all() and middle == 0.0:
        ax.set_ylim(bottom=0.0)


def _name_cases(ax: Axes, rows: pd.DataFrame) -> None:
    """Labels of cases at the axis, evenly chosen where they are many."""
    n = len(rows)
    places = np.unique(np.linspace(0, n - 1, min(n, _TICKS)).round().astype(np.intp))
    labels = [str(case) for case in rows["case"].iloc[places]]
    ax.set_xticks(rows["position"].iloc[places].to_numpy(), labels)
    if sum(map(len, labels)) > _WIDTH:
        ax.tick_params(axis="x", labelrotation=90.0)
