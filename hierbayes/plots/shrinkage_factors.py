"""How much of its own deviation each group keeps, and how uncertain that is.

The factor is a diagonal entry of Λ_j: 1 keeps the group's own estimate, 0 puts the population in
its place; beside other random effects it may lie a little outside.  Given θ it is known; a
posterior has a distribution of it, where REML has a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError
from hierbayes.fit.effects import shrinkage_of_groups
from hierbayes.fit.fit import Fit
from hierbayes.fit.maximised import maximum_likelihood
from hierbayes.likelihood.reading import REML
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import chosen_groups, one_effect, refuse_point
from hierbayes.plots.draw import heading, legend
from hierbayes.plots.look import LIKELIHOOD, POSTERIOR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TALLEST = 9.0  # inches
_LABELLED = 60  # groups whose labels can be read
_PER_INCH, _AROUND = 11.0, 1.2  # labels in an inch of the panel, and inches of the figure around it


def shrinkage_factors_frame(
    fit: Fit,
    effect: str | None = None,
    *,
    groups: Sequence[Any] | None = None,
    max_groups: int | None = None,
    factor: str | None = None,
    prob: float = DEFAULT_PROB,
) -> pd.DataFrame:
    """The shrinkage factor of each group, from the smallest mean to the largest.

    Parameters
    ----------
    fit : Fit
        A posterior.
    effect : str, optional
        Random effect; by default the first.
    groups : sequence, optional
        Labels of the groups to show.
    max_groups : int, optional
        Show at most so many, spread over their numbers of rows.
    factor : str, optional
        The grouping factor whose groups these are, where there are several; of the draws 200 are
        taken then.
    prob : float
        Of the equal-tailed interval.

    Returns
    -------
    DataFrame
        Index group: ``n``, ``mean``, ``lower``, ``25%``, ``75%``, ``upper``, and ``REML``, its
        factor at REML's θ.

    Raises
    ------
    StudyError
        When the fit is no posterior, or an effect or a group does not exist.
    DataError
        When there is no such factor, or several and none is named.
    FormulaError
        When the response is not Gaussian.
    """
    if isinstance(fit, Fit):
        fit.problem.refuse_other_families("plot_shrinkage_factors()")
    refuse_point("plot_shrinkage_factors", fit)
    fit.design.specification.refuse_no_random_part("plot_shrinkage_factors()")
    if effect is not None and not isinstance(effect, str):
        raise StudyError(f"effect must be the name of a random effect, not {effect!r}")
    at = fit.design.place_of_factor(factor)
    k = one_effect(fit.design.effects[fit.design.spans[at]], effect)
    shown = chosen_groups(fit, groups, max_groups, at)
    reml = maximum_likelihood(fit.problem, REML)
    tails = Interval(prob).tails
    rows = []
    for sampled, maximum in zip(
        shrinkage_of_groups(fit, at, shown), shrinkage_of_groups(reml, at, shown), strict=True
    ):
        draws = sampled[:, k, k]
        low, first, third, high = np.quantile(draws, [tails[0], 0.25, 0.75, tails[1]])
        rows.append([draws.mean(), low, first, third, high, float(maximum[0, k, k])])
    columns = ["mean", "lower", "25%", "75%", "upper", "REML"]
    index = pd.Index(fit.design.factors[at].labels[shown], name="group")
    frame = pd.DataFrame(rows, index=index, columns=columns)
    frame.insert(0, "n", fit.problem.products.levels[at].rows[shown].astype(int))
    return frame.sort_values("mean", kind="stable")


def plot_shrinkage_factors(
    fit: Fit,
    effect: str | None = None,
    *,
    groups: Sequence[Any] | None = None,
    max_groups: int | None = 40,
    factor: str | None = None,
    prob: float = DEFAULT_PROB,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `shrinkage_factors_frame`: an interval for each group, thick between the quartiles.

    Other parameters are those of `shrinkage_factors_frame`.

    Parameters
    ----------
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    max_groups = None if groups is not None else max_groups
    frame = shrinkage_factors_frame(
        fit, effect, groups=groups, max_groups=max_groups, factor=factor, prob=prob
    )
    k = fit.design.place_of_factor(factor)
    of = fit.design.factors[k]
    with canvas(
        ax,
        figsize,
        beware=fit.objection,
        panel=(5.0, min(1.2 + 0.13 * max(len(frame), 12), _TALLEST)),
    ) as drawn:
        panel, at = drawn.ax, np.arange(len(frame))
        panel.hlines(at, frame["lower"], frame["upper"], color=POSTERIOR.color, linewidth=0.9)
        panel.hlines(at, frame["25%"], frame["75%"], color=POSTERIOR.color, linewidth=3.0)
        panel.plot(frame["mean"], at, **POSTERIOR.points(3.6, markerfacecolor="white"))
        panel.plot(frame["REML"], at, **LIKELIHOOD.points(3.8))
        panel.set_xlim(*_span(frame))
        panel.set_ylim(-0.8, len(frame) - 0.2)
        named = effect or fit.design.effects[fit.design.spans[k]][0]
        panel.set_xlabel(f"shrinkage factor of {named}")
        few = len(frame) < of.J
        panel.set_ylabel(f"{len(frame)} of {of.J} groups ({of.name})" if few else of.name)
        heading(drawn, f"Shrinkage factors, {fit.engine}")
        room = _PER_INCH * (drawn.figure.get_size_inches()[1] - _AROUND)
        if len(frame) <= (min(_LABELLED, room) if drawn.is_new else _LABELLED):
            panel.set_yticks(at, [str(one) for one in frame.index], fontsize=7.0)
        else:
            panel.set_yticks([])
        legend(drawn, {
            "posterior mean": POSTERIOR.points(4.0, markerfacecolor="white"),
            "its quartiles": POSTERIOR.lines(3.0), f"{100 * prob:g}%": POSTERIOR.lines(0.9),
            "REML": LIKELIHOOD.points(4.5),
        }, width=1.2)  # fmt: skip
    return drawn.figure


def _span(frame: pd.DataFrame) -> tuple[float, float]:
    """From 0 to 1, or less where all factors are small; further where one lies outside."""
    shown = frame[["lower", "upper", "REML"]].to_numpy()
    low, high = min(0.0, float(shown.min())), float(shown.max())
    high = max(1.0, high) if high > 0.5 else 1.6 * high
    margin = 0.02 * (high - low)
    return low - margin, high + margin
