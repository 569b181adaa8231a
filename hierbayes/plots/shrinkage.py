"""Shrinkage of one coefficient: from each group's BLUE to its BLUP, by group size or by group.

Against n_j the arrows are short where groups are large, and the BLUEs of small groups are more
spread.  Against the groups in order the same points show who moves, and which way.

Source: the lecture slides *Mixed Models with R*, "Shrinking from the BLUE to the BLUP --
relationship with n".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.fit.effects import shrinkage
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import ENGINES, chosen_groups, one_effect, refuse_other_than
from hierbayes.plots.draw import coefficient_label, draw_arrows, heading, legend, write_note
from hierbayes.plots.far_points import far_points, in_words, limits
from hierbayes.plots.look import BLACK, BLUE, BLUP, POPULATION, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AGAINST = ("n", "group")
_LABELLED = 45  # groups whose labels stand on the axis
_SHARED = 3.0  # groups of one number of rows, on average, that would hide each other
_SPREAD = 0.8  # of the least distance of two numbers of rows, which groups of one number fill


def shrinkage_frame(
    fit: Fitted,
    effect: str | None = None,
    *,
    groups: Sequence[Any] | None = None,
    max_groups: int | None = None,
    factor: str | None = None,
) -> pd.DataFrame:
    """BLUE, BLUP and population value of one coefficient.

    Parameters
    ----------
    fit : Fit
        By any engine.
    effect : str, optional
        A random effect; by default the first.
    groups : sequence, optional
        Labels of the groups to show.
    max_groups : int, optional
        Show at most so many, spread over their numbers of rows.
    factor : str, optional
        The grouping factor whose groups these are, where there are several.

    Returns
    -------
    DataFrame
        Index group; ``n``, ``blue`` (missing where it does not exist), ``blup``, ``population``
        and ``moved``, the way from BLUE to BLUP.

    Raises
    ------
    StudyError
        When the effect or a group does not exist.
    DataError
        When there is no such factor, or several and none is named.
    """
    refuse_other_than("plot_shrinkage", fit, Fitted, ENGINES)
    fit.design.specification.refuse_no_random_part("plot_shrinkage()")
    fit.problem.refuse_other_families("plot_shrinkage()")
    k = fit.design.place_of_factor(factor)
    name = _effect(fit, k, effect)
    shown = chosen_groups(fit, groups, max_groups, k)
    table = shrinkage(fit, k).xs(name, level="effect").iloc[shown]
    table = table[["n", "blue", "blup", "population"]]
    return table.assign(moved=table["blup"] - table["blue"])


def plot_shrinkage(
    fit: Fitted,
    effect: str | None = None,
    *,
    against: str = "n",
    groups: Sequence[Any] | None = None,
    max_groups: int | None = None,
    factor: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `shrinkage_frame`: arrows from BLUE to BLUP, and the population.

    Other parameters are those of `shrinkage_frame`.

    Parameters
    ----------
    against : str
        ``"n"``, groups of one number of rows beside each other where many are, or ``"group"``
        for the groups ordered by their BLUP.
    ax : Axes, optional
        To draw on.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Raises
    ------
    StudyError
        When `against` is neither, or as `shrinkage_frame` does.

    Examples
    --------
    >>> import hierbayes as hb
    >>> fit = hb.Model("mathach ~ 1 + (1 | school)", data=hb.load_dataset("hs")).reml()
    >>> figure = hb.plots.plot_shrinkage(fit)
    >>> figure.axes[0].get_xlabel()
    'rows of the group'
    """
    if against not in AGAINST:
        raise StudyError(f"against must be 'n' or 'group', not {against!r}")
    frame = shrinkage_frame(fit, effect, groups=groups, max_groups=max_groups, factor=factor)
    k = fit.design.place_of_factor(factor)
    name, of = _effect(fit, k, effect), fit.design.factors[k]
    if against == "group":
        frame = frame.sort_values("blup", kind="stable")
    x = _beside_each_other(frame) if against == "n" else np.arange(len(frame), dtype=float)
    with canvas(ax, figsize, beware=fit.objection, panel=(7.0, 4.8)) as drawn:
        one = _draw_population(drawn.ax, x, frame["population"].to_numpy())
        _draw_points(drawn.ax, x, frame)
        drawn.ax.set_ylabel(coefficient_label(name))
        where = name if factor is None else f"{name} by {of.name}"
        heading(drawn, f"Shrinking from the BLUE to the BLUP: {where}, {fit.engine}")
        if against == "n":
            spread = "" if (x == frame["n"]).all() else ", those of one number beside each other"
            drawn.ax.set_xlabel(f"rows of the group{spread}")
            drawn.ax.locator_params(axis="x", integer=True)
            if frame["n"].nunique() == 1:
                drawn.ax.set_xlim(frame["n"].iloc[0] - 1.0, frame["n"].iloc[0] + 1.0)
        else:
            _label_groups(drawn.ax, frame.index, of.name)
        far = far_points(frame[["blue"]].to_numpy())
        if far.any():
            near = frame[["blue", "blup", "population"]].to_numpy(copy=True)
            near[far, 0] = np.nan
            drawn.ax.set_ylim(*limits(near))
        write_note(drawn, *in_words(frame.index, far, of.J))
        population = POPULATION.lines() if one else _TICK.points(8.0)
        legend(drawn, {
            "BLUE (own least squares)": BLUE.points(5.0),
            fit.prediction: BLUP.points(4.5),
            "population" if one else "population of the group": population,
        })  # fmt: skip
    return drawn.figure


def _beside_each_other(frame: pd.DataFrame) -> Floats:
    """Places of the groups at their numbers of rows; those of one number about it, if many are."""
    n = frame["n"].to_numpy(float)
    if len(n) < _SHARED * frame["n"].nunique():
        return n
    gap = np.diff(np.unique(n)).min(initial=np.inf)
    width = _SPREAD * (gap if np.isfinite(gap) else 1.0)
    same = frame.groupby("n")["blup"]
    rank, count = same.rank(method="first").to_numpy(), same.transform("size").to_numpy()
    x: Floats = n + width * ((rank - 0.5) / count - 0.5)
    return x


def _effect(fit: Fitted, k: int, stated: str | None) -> str:
    """The column of the random effect of factor k that is meant."""
    names = fit.design.effects[fit.design.spans[k]]
    return names[one_effect(names, stated)]


_TICK = Look(POPULATION.color, "_")


def _draw_population(ax: Axes, x: Floats, population: Floats) -> bool:
    """A line where all groups have one population value, else a tick for each; which it was."""
    one = bool(np.ptp(population) <= 1e-9 * max(np.abs(population).max(), 1e-300))
    if one:
        ax.axhline(float(population[0]), **POPULATION.lines(1.6), zorder=1.0)
    else:
        ax.plot(x, population, **_TICK.points(8.0, markeredgewidth=1.8), zorder=1.0)
    return one


def _draw_points(ax: Axes, x: Floats, frame: pd.DataFrame) -> None:
    size = 5.5 if len(frame) <= 60 else 3.6
    tails = np.column_stack([x, frame["blue"]])
    heads = np.column_stack([x, frame["blup"]])
    draw_arrows(ax, tails, heads, Look(BLACK, "none"), size / 7.0)
    ax.plot(*tails.T, **BLUE.points(size), zorder=2.0)
    ax.plot(*heads.T, **BLUP.points(size - 0.8), zorder=2.2)


def _label_groups(ax: Axes, labels: pd.Index, group: str) -> None:
    """Labels of the groups where there is room, else how many there are."""
    if len(labels) > _LABELLED:
        ax.set_xticks([])
        ax.set_xlabel(f"{len(labels)} groups of {group}, by BLUP")
        return
    ax.set_xticks(range(len(labels)), [str(label) for label in labels], rotation=90)
    ax.set_xlabel(group)
