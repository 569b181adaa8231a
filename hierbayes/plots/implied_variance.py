"""What the priors imply for variances: the intraclass correlation, and ellipses of G."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.display.interval import Interval
from hierbayes.errors import StudyError
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.density import POINTS, SHARE, sample_of
from hierbayes.plots.draw import Entries, heading, legend, zero_lines
from hierbayes.plots.look import DASHED, DOTTED, PALE, PRIOR, SOLID
from hierbayes.studies.prior_predictive.implications import INTERVAL, icc_by_factor
from hierbayes.studies.prior_predictive.prior_predictive import PriorPredictive

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = (DOTTED, SOLID, DASHED)  # of small, middling and large ellipses


@dataclass(frozen=True, slots=True, eq=False)
class ImpliedICC:
    """What is drawn of the intraclass correlation that priors imply.

    Parameters
    ----------
    curve : DataFrame
        ``x`` from 0 to 1, ``density``.
    median, lower, upper : float
        Of the draws; the limits hold 90% of them, as the tables of the prior predictive have it.
    """

    curve: pd.DataFrame
    median: float
    lower: float
    upper: float


def implied_icc_frame(prior: PriorPredictive, *, factor: str | None = None) -> ImpliedICC:
    """Density of the intraclass correlation under the priors.

    Parameters
    ----------
    prior : PriorPredictive
        As ``model.prior_predictive()`` makes it.
    factor : str, optional
        The grouping factor whose share it is, where there are several.

    Raises
    ------
    StudyError
        When it is none.
    DataError
        When there is no such factor, or several and none is named.
    """
    refuse_other_than("plot_implied_icc", prior, PriorPredictive, "model.prior_predictive()")
    k = prior.design.place_of_factor(factor)
    draws = list(icc_by_factor(prior.draws, prior.design).values())[k]
    x = np.linspace(0.0, 1.0, POINTS)
    curve = pd.DataFrame({"x": x, "density": sample_of("icc", draws, SHARE).density(x)})
    lower, upper = INTERVAL.of_draws(draws[None])
    return ImpliedICC(curve, float(np.median(draws)), float(lower), float(upper))


def plot_implied_icc(
    prior: PriorPredictive,
    *,
    factor: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `implied_icc_frame`.

    Parameters
    ----------
    prior : PriorPredictive
    factor : str, optional
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    frame = implied_icc_frame(prior, factor=factor)
    curve = frame.curve
    with canvas(ax, figsize, panel=(5.2, 3.2)) as drawn:
        inside = curve["x"].between(frame.lower, frame.upper)
        drawn.ax.fill_between(curve["x"], curve["density"], where=inside, color=PALE, alpha=0.7,
                              linewidth=0.0)  # fmt: skip
        drawn.ax.plot(curve["x"], curve["density"], **PRIOR.lines(1.6, linestyle=SOLID))
        height = np.interp(frame.median, curve["x"], curve["density"])
        drawn.ax.plot([frame.median] * 2, [0.0, height], **PRIOR.lines(1.2))
        drawn.ax.set_xlim(0.0, 1.0)
        drawn.ax.set_ylim(bottom=0.0)
        drawn.ax.set_xlabel("intraclass correlation")
        drawn.ax.set_ylabel("density")
        whose = "" if factor is None else f" of {factor}"
        heading(drawn, f"Intraclass correlation{whose} under the priors")
        legend(drawn, {
            "prior": PRIOR.lines(1.6, linestyle=SOLID), "its median": PRIOR.lines(1.2),
            f"its {100 * INTERVAL.prob:g}% interval": {"color": PALE, "linewidth": 7.0},
        }, width=1.6)  # fmt: skip
    return drawn.figure


def implied_ellipses_frame(prior: PriorPredictive, prob: float = 0.5) -> pd.DataFrame:
    """Ellipses of G under the priors, small, middling and large, pair by pair.

    Parameters
    ----------
    prior : PriorPredictive
        As ``model.prior_predictive()`` makes it.
    prob : float
        Probability that a group's two effects lie inside, given G.

    Returns
    -------
    DataFrame
        That of `PriorPredictive.ellipse`: ``pair``, ``size``, ``x``, ``y`` and the axes.

    Raises
    ------
    StudyError
        When it is no prior predictive, or the model has no correlated effects.
    IntervalError
        When prob does not lie between 0 and 1.
    """
    refuse_other_than("plot_implied_ellipses", prior, PriorPredictive, "model.prior_predictive()")
    frame = prior.ellipse(Interval(prob).prob)
    if frame.empty:
        raise StudyError(
            "the model has no correlated random effects, and G no ellipse; plot_implied_icc() "
            "shows what the priors say of its variances"
        )
    return frame


def plot_implied_ellipses(
    prior: PriorPredictive,
    prob: float = 0.5,
    *,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `implied_ellipses_frame`: a panel for each pair of effects.

    Parameters
    ----------
    prior : PriorPredictive
    prob : float
    ax : Axes, or as many as there are pairs, optional
    figsize : (width, height), optional
        Of a new figure in inches.
    """
    frame = implied_ellipses_frame(prior, prob)
    names = list(frame["pair"].unique())
    effects = prior.design.effect_labels
    entries: Entries = {}
    shape = panel_grid(len(names))
    with canvas(ax, figsize, shape=shape, panel=(4.4, 3.6), count=len(names)) as drawn:
        for panel, name in zip(drawn.panels, names, strict=True):
            own = frame[frame["pair"] == name]
            for line, (size, points) in zip(_LINES, own.groupby("size"), strict=True):
                how = PRIOR.lines(1.5, linestyle=line)
                panel.plot(points["x"], points["y"], **how)
                entries[f"{100 * float(str(size)):g}% of the prior is smaller"] = how
            zero_lines(panel)
            i, k = prior.pairs[name]
            panel.set_xlabel(f"random effect of {effects[i]}")
            panel.set_ylabel(f"random effect of {effects[k]}")
        heading(drawn, f"{100 * prob:g}% of the groups, by G under the priors")
        legend(drawn, entries, width=2.4)
    return drawn.figure
