"""Caterpillars: the random effects of all groups in order, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError
from hierbayes.fit.effects import ranef
from hierbayes.fit.fitted import Fitted
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import ENGINES, chosen_groups, one_effect, refuse_other_than
from hierbayes.plots.draw import heading
from hierbayes.plots.look import BLACK, BLUP, GREY
from hierbayes.plots.response_scale import link_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED = 60  # groups whose labels are written
_PER_INCH = 9.0  # characters beside the outermost bars, for an inch of the panel
_ENDS = 3  # groups that are named at either end where there are more
_NOTHING = 1e-10  # the largest limit of effects that are 0 but for rounding


@dataclass(frozen=True, slots=True, eq=False)
class Caterpillar:
    """What is drawn of the random effects.

    Parameters
    ----------
    frame : DataFrame
        ``effect``, ``position`` (0 for the smallest), ``group``, ``n`` (rows), ``estimate``,
        ``lower``, ``upper``; a row per effect and group.
    interval : str
        What the limits are, in words.
    """

    frame: pd.DataFrame
    interval: str


def caterpillar_frame(
    fit: Fitted,
    *,
    effects: Sequence[str] | None = None,
    order: str | None = None,
    given_gamma: bool = True,
    groups: Sequence[Any] | None = None,
    max_groups: int | None = None,
    factor: str | None = None,
    prob: float = DEFAULT_PROB,
) -> Caterpillar:
    """Random effects in order, with limits.

    Parameters
    ----------
    fit : Fit
        By any engine.
    effects : sequence of str, optional
        Random effects; by default all.
    order : str, optional
        The random effect that orders every panel; by default each is ordered by itself.
    given_gamma : bool
        Of a REML, ML or MAP fit: whether the variance of an effect is that given γ̂ as well as θ̂
        (lme4's conditional variance), or has the uncertainty of γ. A posterior has both.
    groups : sequence, optional
        Labels of the groups to show.
    max_groups : int, optional
        Show at most so many, spread over their numbers of rows.
    factor : str, optional
        The grouping factor whose groups these are, where there are several.
    prob : float
        Inside the limits: estimate ± z sd, or equal-tailed quantiles of a posterior.

    Raises
    ------
    StudyError
        When it is no fit, or an effect or a group does not exist.
    DataError
        When there is no such factor, or several and none is named.
    IntervalError
        When prob is no probability.
    """
    refuse_other_than("plot_caterpillar", fit, Fitted, ENGINES)
    fit.design.specification.refuse_no_random_part("plot_caterpillar()")
    at, interval = fit.design.place_of_factor(factor), Interval(prob)
    names = fit.design.effects[fit.design.spans[at]]
    if isinstance(effects, str) or (effects is not None and not len(effects)):
        raise StudyError(f"effects must be a list of random effects, not {effects!r}")
    places = range(len(names)) if effects is None else [one_effect(names, e) for e in effects]
    common = None if order is None else one_effect(names, order)
    shown = chosen_groups(fit, groups, max_groups, at)
    u = ranef(fit, at).to_numpy()
    lower, upper = fit.u_limits(at, interval, given_gamma=given_gamma)
    parts = []
    for k in places:
        ordered = shown[np.argsort(u[shown, k if common is None else common], kind="stable")]
        parts.append(
            pd.DataFrame(
                {
                    "effect": names[k],
                    "position": np.arange(len(ordered)),
                    "group": np.asarray(fit.design.factors[at].labels)[ordered],
                    "n": fit.problem.working.levels[at].rows[ordered].astype(int),
                    "estimate": u[ordered, k],
                    "lower": lower[ordered, k],
                    "upper": upper[ordered, k],
                }
            )
        )
    words = _interval_in_words(fit, interval, given_gamma)
    return Caterpillar(pd.concat(parts, ignore_index=True), words)


def plot_caterpillar(
    fit: Fitted,
    *,
    effects: Sequence[str] | None = None,
    order: str | None = None,
    given_gamma: bool = True,
    groups: Sequence[Any] | None = None,
    max_groups: int | None = None,
    factor: str | None = None,
    prob: float = DEFAULT_PROB,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `caterpillar_frame`, a panel per effect.

    Intervals that leave out 0 have filled marks. With more than 60 groups only those at both ends
    are named. Other parameters are those of `caterpillar_frame`.

    Parameters
    ----------
    ax : Axes, optional
        As many as there are effects.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 + ses | school)", data=hs).reml()
    >>> [panel.get_title("left") for panel in hb.plots.plot_caterpillar(fit).axes]
    ['Intercept', 'ses']
    """
    found = caterpillar_frame(
        fit, effects=effects, order=order, given_gamma=given_gamma, groups=groups,
        max_groups=max_groups, factor=factor, prob=prob,
    )  # fmt: skip
    names = found.frame["effect"].unique()
    J = int(found.frame["position"].max()) + 1
    size = (3.6, min(9.0, max(2.6, 0.13 * J + 1.0)))
    with canvas(ax, figsize, beware=fit.objection, shape=(1, len(names)), panel=size) as drawn:
        for panel, name in zip(drawn.panels, names, strict=True):
            room = _PER_INCH * panel.bbox.width / drawn.figure.dpi
            _draw_effect(panel, found.frame[found.frame["effect"] == name], room)
            panel.set_title(str(name))
        group = fit.design.factors[fit.design.place_of_factor(factor)].name
        heading(drawn, f"Random effects by {group}, {fit.engine}")
        if drawn.is_new:
            scale = link_label(fit)
            drawn.figure.supxlabel(f"u{scale}; bars: {found.interval}", fontsize=9)
    return drawn.figure


def _interval_in_words(fit: Fitted, interval: Interval, given_gamma: bool) -> str:
    if fit.sampled:
        return f"{interval} posterior intervals"
    given = "θ̂ and γ̂" if given_gamma else "θ̂, γ estimated"
    return f"{100 * interval.prob:g}%, ±{ndtri(interval.tails[1]):.2f} sd given {given}"


def _draw_effect(ax: Axes, rows: pd.DataFrame, room: float) -> None:
    J = len(rows)
    away = ((rows["lower"] > 0.0) | (rows["upper"] < 0.0)).to_numpy()
    ax.hlines(rows["position"], rows["lower"], rows["upper"], color=GREY,
              linewidth=1.3 if J <= _NAMED else 0.7, zorder=1.0)  # fmt: skip
    size = 4.2 if J <= _NAMED else 2.4
    for chosen, face in ((away, BLUP.color), (~away, "white")):
        ax.plot(rows["estimate"][chosen], rows["position"][chosen], linestyle="none", marker="o",
                markersize=size, markerfacecolor=face, markeredgecolor=BLUP.color,
                markeredgewidth=0.8)  # fmt: skip
    ax.axvline(0.0, color=BLACK, linewidth=0.8, zorder=0.5)
    ax.set_ylim(-0.8, J - 0.2)
    labels = rows["group"].astype(str).to_numpy()
    if J > _NAMED:
        _name_ends(ax, rows, labels, room)
        ax.set_yticks([])
        ax.set_ylabel(f"{J} groups in order")
    else:
        ax.set_yticks(np.arange(J), labels, fontsize=7.0 if J > 20 else 8.5)
        ax.tick_params(axis="y", length=0.0)
    if rows[["estimate", "lower", "upper"]].abs().to_numpy().max() <= _NOTHING:
        ax.text(0.5, 0.5, "no variance: 0 in every group", transform=ax.transAxes, ha="center",
                va="center", bbox={"facecolor": "white", "edgecolor": GREY})  # fmt: skip


def _name_ends(ax: Axes, rows: pd.DataFrame, labels: Any, room: float) -> None:
    """Names of the outermost groups, beside their bars, as many as letters have room."""
    J = len(rows)
    for outermost, place, side in (
        (labels[:_ENDS], 0, "left"),
        (labels[: -_ENDS - 1 : -1], J - 1, "right"),
    ):
        edge = rows["upper" if side == "left" else "lower"].iloc[place]
        ends = np.cumsum([len(name) + 2 for name in outermost])
        text = ", ".join(outermost[: max(1, int((ends <= room).sum()))])
        name = ax.annotate(
            text, (edge, place), xytext=(5 if side == "left" else -5, 0), ha=side, va="center",
            textcoords="offset points", fontsize=7.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
        name.set_in_layout(False)  # a name that is too long must not squeeze the panel
