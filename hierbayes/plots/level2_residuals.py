"""Level-2 residuals: normal quantiles of each effect, pairs of effects, Mahalanobis distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtri, ndtr

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit
from hierbayes.inference.residuals.level2 import OUTLYING, level2_residuals
from hierbayes.inference.residuals.normal_scores import normal_scores
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.draw import heading, name_points, zero_lines
from hierbayes.plots.look import BLACK, BLUP, GREY
from hierbayes.plots.normal_quantiles import draw_normal_quantiles, normal_band

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED = 3  # groups


@dataclass(frozen=True, slots=True, eq=False)
class Level2Picture:
    """What is drawn of the residuals of groups.

    Parameters
    ----------
    effects : DataFrame
        ``effect``, ``group``, ``u``, ``standardized``, ``normal_score``, ``lower`` and ``upper``
        (of a normal sample at that score). No rows of effects without variance.
    distances : DataFrame
        Index group: ``mahalanobis``, ``df``, ``p``, ``distance`` (the χ² of as many degrees of
        freedom as the largest df that has the same p; where all df are alike it is
        ``mahalanobis``), ``expected`` (the quantile of that χ² at its rank), ``far`` (p below
        0.05 divided by the number of groups). No rows where G is zero.
    """

    effects: pd.DataFrame
    distances: pd.DataFrame


def level2_residuals_frame(
    fit: Fit, *, factor: str | None = None, prob: float = DEFAULT_PROB
) -> Level2Picture:
    """Random effects and distances, of `hb.level2_residuals`, beside what would be expected.

    Parameters
    ----------
    fit : Fit
        By any engine.
    factor : str, optional
        The grouping factor whose groups these are, where there are several.
    prob : float
        Of the band of a normal sample, at each score by itself.

    Raises
    ------
    StudyError
        When G is zero and every random effect with it.
    HypothesisError
        When it is no fit.
    DataError
        When there is no such factor, or several and none is named.
    """
    table, interval = level2_residuals(fit, factor).frame, Interval(prob)
    parts = []
    for effect in fit.design.effects[fit.design.spans[fit.design.place_of_factor(factor)]]:
        scores = table[f"normal_score[{effect}]"].to_numpy()
        if np.isnan(scores).all():
            continue
        lower, upper = normal_band(scores, interval)
        parts.append(
            pd.DataFrame(
                {
                    "effect": effect,
                    "group": table.index,
                    "u": table[f"u[{effect}]"].to_numpy(),
                    "standardized": table[f"standardized[{effect}]"].to_numpy(),
                    "normal_score": scores,
                    "lower": lower,
                    "upper": upper,
                }
            )
        )
    if not parts:
        raise StudyError(
            "G is zero, and every random effect is predicted as 0: there are no level-2 residuals "
            "to show"
        )
    distances = table.loc[table["df"] > 0, ["mahalanobis", "df", "p"]].copy()
    most = float(distances["df"].max())
    distances["distance"] = chdtri(most, distances["p"])
    rank = ndtr(normal_scores(-distances["p"].to_numpy()))
    distances["expected"] = chdtri(most, 1.0 - rank)
    distances["far"] = distances["p"] < OUTLYING / len(table)
    return Level2Picture(pd.concat(parts, ignore_index=True), distances)


def plot_level2_residuals(
    fit: Fit,
    *,
    factor: str | None = None,
    prob: float = DEFAULT_PROB,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `level2_residuals_frame`: a panel per effect, per pair of effects, and one of distances.

    With one random effect there is no pair. Other parameters are those of `level2_residuals_frame`.

    Parameters
    ----------
    ax : Axes, optional
        As many as there are panels: q + q(q − 1)/2 + 1 for q effects with variance.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 + ses | school)", data=hs).reml()
    >>> [panel.get_title("left") for panel in hb.plots.plot_level2_residuals(fit).axes]
    ['u[Intercept]', 'u[ses]', 'Intercept and ses', 'Mahalanobis distances']
    """
    found = level2_residuals_frame(fit, factor=factor, prob=prob)
    names = list(found.effects["effect"].unique())
    pairs = list(combinations(names, 2))
    count = len(names) + len(pairs) + 1
    with canvas(
        ax, figsize, beware=fit.objection, shape=panel_grid(count), panel=(3.5, 3.2), count=count
    ) as drawn:
        panels = iter(drawn.panels)
        for name in names:
            rows, panel = found.effects[found.effects["effect"] == name], next(panels)
            size = 4.0 if len(rows) <= 60 else 2.8
            draw_normal_quantiles(panel, rows, "standardized", labels=rows["group"], size=size,
                                  color=BLUP.color)  # fmt: skip
            panel.set_ylabel("standardized")
            panel.set_title(f"u[{name}]")
        for first, second in pairs:
            _draw_pair(next(panels), found, first, second)
        _draw_distances(next(panels), found.distances)
        whose = "Level-2 residuals" if factor is None else f"Residuals of the groups of {factor}"
        heading(drawn, f"{whose}, {fit.engine}; bands {100 * prob:g}%")
    return drawn.figure


def _draw_pair(ax: Axes, found: Level2Picture, first: str, second: str) -> None:
    u = found.effects.pivot(index="group", columns="effect", values="u")
    ax.plot(u[first], u[second], linestyle="none", marker="o", markersize=4.0, color=BLUP.color,
            markerfacecolor="white", markeredgewidth=0.8)  # fmt: skip
    zero_lines(ax)
    far = found.distances.nlargest(_NAMED, "distance").index
    name_points(ax, [(str(one), u.at[one, first], u.at[one, second]) for one in far])
    ax.set_xlabel(f"u[{first}]")
    ax.set_ylabel(f"u[{second}]")
    ax.set_title(f"{first} and {second}")


def _draw_distances(ax: Axes, distances: pd.DataFrame) -> None:
    most = int(distances["df"].max())
    beyond = distances["far"].to_numpy()
    for chosen, face in ((~beyond, "white"), (beyond, BLUP.color)):
        ax.plot(distances["expected"][chosen], distances["distance"][chosen], linestyle="none",
                marker="o", markersize=4.0, color=BLUP.color, markerfacecolor=face,
                markeredgewidth=0.8)  # fmt: skip
    end = float(distances["expected"].max())
    ax.plot([0.0, end], [0.0, end], color=BLACK, linewidth=0.9, linestyle="--", zorder=0.8)
    limit = float(chdtri(most, OUTLYING / len(distances)))
    if limit < 1.6 * max(float(distances["distance"].max()), end):
        ax.axhline(limit, color=GREY, linestyle=":", linewidth=0.9)
        ax.annotate("all below with p = 0.95", (0.0, limit), xytext=(2, 3),
                    textcoords="offset points", fontsize=7.5, color=GREY)  # fmt: skip
    far = distances.nlargest(_NAMED, "distance")
    name_points(ax, zip(far.index.astype(str), far["expected"], far["distance"], strict=True))
    ax.set_xlabel(f"quantile of χ², {most} df")
    ax.set_ylabel("distance")
    ax.set_title("Mahalanobis distances")
