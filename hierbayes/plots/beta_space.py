"""A fit in beta space: from each group's own estimate to its prediction.

Two random effects span a plane in which every group is a point: its BLUE (least squares on its own
rows) and its BLUP, with an arrow from one to the other.  The population is a point as well, with
the dispersion ellipse of G (whose shadows are one standard deviation of the groups) and the
confidence ellipse of its own estimate.

Source: the lecture slides *Mixed Models with R*, Figures 13 and 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB
from hierbayes.fit.effects import fixef, vcov
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.plots.canvas import canvas
from hierbayes.plots.choice import (
    ENGINES,
    chosen_groups,
    owner_of_effects,
    refuse_other_than,
    two_effects,
)
from hierbayes.plots.draw import (
    Entries,
    coefficient_label,
    draw_arrows,
    heading,
    legend,
    write_note,
)
from hierbayes.plots.ellipse import Ellipse, confidence_radius, data_ellipse
from hierbayes.plots.far_points import far_points, in_words, limits
from hierbayes.plots.look import BLUE, BLUP, DISPERSION, GREY, PALE, POPULATION, SOLID, Look
from hierbayes.plots.populations import ALL, points_of_groups, populations
from hierbayes.plots.response_scale import link_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DRAWS = 25  # ellipses of G that show how uncertain it is
_MARKERS = "Ds^vph"  # of populations
_DRAW = Look(PALE, "none", SOLID)
_OF_POINTS = {"BLUEs": ["blue_x", "blue_y"], "BLUPs": ["blup_x", "blup_y"]}
_LOOKS = {
    "draw of G": (_DRAW, 0.8), "G": (DISPERSION, 1.8), "confidence": (POPULATION, 1.8),
    "BLUEs": (BLUE, 1.4), "BLUPs": (BLUP, 1.4),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class BetaSpace:
    """What is drawn of a fit in beta space.

    Parameters
    ----------
    effects : (str, str)
        The random effects on the two axes.
    groups : DataFrame
        Index group: ``level``, ``n``, ``blue_x``, ``blue_y``, ``blup_x``, ``blup_y``,
        ``population_x``, ``population_y``; BLUEs are missing where they do not exist.
    populations : DataFrame
        Index level: ``x``, ``y``.
    ellipses : DataFrame
        A row per point: ``kind``, ``level``, ``draw``, ``x``, ``y``.  Kinds are ``"G"`` (for a
        posterior its mean), ``"confidence"``, for a posterior ``"draw of G"``, several, and where
        asked for ``"BLUEs"`` and ``"BLUPs"``, of the points themselves.
    """

    effects: tuple[str, str]
    groups: pd.DataFrame
    populations: pd.DataFrame
    ellipses: pd.DataFrame


def beta_space_frame(
    fit: Fitted,
    *,
    effects: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    max_groups: int | None = None,
    factor: str | None = None,
    spread: bool = False,
    prob: float = DEFAULT_PROB,
) -> BetaSpace:
    """Points and ellipses of a fit in the plane of two random effects.

    Of a family that is not Gaussian they are on the scale of the link, and without BLUEs.

    Parameters
    ----------
    fit : Fit
        By any engine.
    effects : two names, optional
        Random effects on the axes; by default the first two.
    groups : sequence, optional
        Labels of the groups to show.
    max_groups : int, optional
        Show at most so many, spread over their numbers of rows.
    factor : str, optional
        The grouping factor whose groups these are, where there are several.
    spread : bool
        Whether there are data ellipses of the BLUEs and of the BLUPs, one standard deviation of
        the points of each population: BLUEs vary more than G, by their errors, and BLUPs less.
    prob : float
        Of the confidence ellipse, which has two degrees of freedom and is given θ̂; for a posterior
        it is that of a normal distribution with its mean and covariance.

    Raises
    ------
    StudyError
        When the factor has one random effect, or an effect or a group does not exist.
    DataError
        When there is no such factor, or several and none is named.
    """
    refuse_other_than("plot_beta_space", fit, Fitted, ENGINES)
    fit.design.specification.refuse_no_random_part("plot_beta_space()")
    k = fit.design.place_of_factor(factor)
    span = fit.design.spans[k]
    names = fit.design.effects[span]
    pair = list(two_effects(names, effects, owner_of_effects(fit.design, k)))
    shown = chosen_groups(fit, groups, max_groups, k)
    found = populations(fit, k)
    W = found.W[:, pair]
    centres = W @ fixef(fit).to_numpy()
    radius = confidence_radius(prob)
    confidence = W @ vcov(fit).to_numpy() @ np.swapaxes(W, 1, 2)
    parts = []
    for level, centre, cov in zip(found.labels, centres, confidence, strict=True):
        for draw, G in enumerate(_some_draws(fit, span, len(W))[:, pair][:, :, pair]):
            parts.append(_boundary("draw of G", level, draw, Ellipse(centre, G)))
        mean = fit.G[span, span][np.ix_(pair, pair)]
        parts.append(_boundary("G", level, 0, Ellipse(centre, mean)))
        parts.append(_boundary("confidence", level, 0, Ellipse(centre, cov, radius)))
    table = points_of_groups(fit, k, pair, np.array(found.labels)[found.of])
    parts += _spread(table) if spread else []
    first, second = (names[place] for place in pair)
    return BetaSpace(
        effects=(first, second),
        groups=table.iloc[shown],
        populations=pd.DataFrame(
            centres, index=pd.Index(found.labels, name="level"), columns=["x", "y"]
        ),
        ellipses=pd.concat(parts, ignore_index=True),
    )


def plot_beta_space(
    fit: Fitted,
    *,
    effects: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    max_groups: int | None = None,
    factor: str | None = None,
    spread: bool = False,
    prob: float = DEFAULT_PROB,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `beta_space_frame`: arrows from BLUEs to BLUPs, populations, ellipses of G and γ̂.

    Other parameters are those of `beta_space_frame`.

    Parameters
    ----------
    ax : Axes, optional
        To draw on.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs).reml()
    >>> figure = hb.plots.plot_beta_space(fit)
    >>> figure.axes[0].get_xlabel()
    'Intercept'
    """
    frame = beta_space_frame(
        fit, effects=effects, groups=groups, max_groups=max_groups, factor=factor,
        spread=spread, prob=prob,
    )  # fmt: skip
    J = fit.design.factors[fit.design.place_of_factor(factor)].J
    with canvas(ax, figsize, beware=fit.objection, panel=(7.0, 5.4)) as drawn:
        _draw_ellipses(drawn.ax, frame)
        _draw_groups(drawn.ax, frame.groups)
        _draw_populations(drawn.ax, frame.populations)
        scale = link_label(fit)
        drawn.ax.set_xlabel(coefficient_label(frame.effects[0]) + scale)
        drawn.ax.set_ylabel(coefficient_label(frame.effects[1]) + scale)
        of = "" if factor is None else f" of {factor}"
        heading(drawn, f"Beta space{of}, {fit.engine}")
        far = far_points(frame.groups[["blue_x", "blue_y"]].to_numpy())
        if far.any():
            _leave_out(drawn.ax, frame, far)
        legend(drawn, _entries(fit, frame, f"{100 * prob:g}%"))
        write_note(drawn, *in_words(frame.groups.index, far, J))
    return drawn.figure


def _leave_out(ax: Axes, frame: BetaSpace, far: Booleans) -> None:
    """Axes on which all has room but the BLUEs that are far."""
    for axis, set_limits in (("x", ax.set_xlim), ("y", ax.set_ylim)):
        own = frame.groups[f"blue_{axis}"].to_numpy()[~far]
        others = (frame.groups[f"blup_{axis}"], frame.populations[axis], frame.ellipses[axis])
        set_limits(*limits(np.concatenate([own, *others])))


def _entries(fit: Fitted, frame: BetaSpace, prob: str) -> Entries:
    """The legend, in the words of the engine."""
    sampled = fit.sampled
    own = {"BLUE (own least squares)": BLUE.points(5.0)}
    kinds = set(frame.ellipses["kind"]) & _OF_POINTS.keys()
    own_ellipse = {f"{kind}, one sd": _LOOKS[kind][0].lines(1.4) for kind in sorted(kinds)}
    entries = {
        **(own if fit.problem.family is None else {}),
        fit.prediction: BLUP.points(4.5),
        **_population_entries(frame.populations),
        f"{prob} of γ" if sampled else f"{prob} confidence of γ": POPULATION.lines(),
        "mean G (one sd)" if sampled else "G (one sd)": DISPERSION.lines(1.8),
        **own_ellipse,
    }
    return entries | {"draws of G": _DRAW.lines(1.2)} if sampled else entries


def _some_draws(fit: Fitted, span: slice, populations: int) -> Floats:
    """A block of G at a few draws (m, q, q), evenly spread over the chains; none of a point fit."""
    q = span.stop - span.start
    G = fit.theta.G[..., span, span].reshape(-1, q, q)
    if not fit.sampled:
        return G[:0]
    few = min(_DRAWS // populations, len(G))
    return G[np.linspace(0, len(G) - 1, few).round().astype(np.intp)]


def _spread(groups: pd.DataFrame) -> list[pd.DataFrame]:
    """Data ellipses of the BLUEs and of the BLUPs of each population with three points or more."""
    found = []
    for kind, columns in _OF_POINTS.items():
        for level, rows in groups.groupby("level", sort=False):
            points = rows[columns].dropna().to_numpy()
            if len(points) > 2:
                found.append(_boundary(kind, str(level), 0, data_ellipse(points)))
    return found


def _boundary(kind: str, level: str, draw: int, ellipse: Ellipse) -> pd.DataFrame:
    points = pd.DataFrame(ellipse.points(), columns=["x", "y"])
    return points.assign(kind=kind, level=level, draw=draw)[["kind", "level", "draw", "x", "y"]]


def _draw_ellipses(ax: Axes, frame: BetaSpace) -> None:
    for (kind, _, _), points in frame.ellipses.groupby(["kind", "level", "draw"], sort=False):
        look, width = _LOOKS[str(kind)]
        ax.plot(points["x"], points["y"], **look.lines(width), zorder=1.5 if width > 1.0 else 1.0)


def _draw_groups(ax: Axes, groups: pd.DataFrame) -> None:
    size = 5.0 if len(groups) <= 60 else 3.2
    own, predicted = groups[["blue_x", "blue_y"]], groups[["blup_x", "blup_y"]]
    if own.notna().any(axis=None):
        draw_arrows(ax, own.to_numpy(), predicted.to_numpy(), Look(GREY, "none"), size / 7.0)
        ax.plot(*own.to_numpy().T, **BLUE.points(size), zorder=2.1)
    ax.plot(*predicted.to_numpy().T, **BLUP.points(size - 0.8), zorder=2.3)


def _draw_populations(ax: Axes, table: pd.DataFrame) -> None:
    for look, (_, (x, y)) in zip(_population_looks(table), table.iterrows(), strict=True):
        ax.plot(x, y, **look.points(8.5, markeredgecolor="white"), zorder=3.0)


def _population_looks(table: pd.DataFrame) -> list[Look]:
    """A marker for each population."""
    return [replace(POPULATION, marker=_MARKERS[k]) for k in range(len(table))]


def _population_entries(table: pd.DataFrame) -> Entries:
    looks = zip(table.index, _population_looks(table), strict=True)
    return {
        "population" if level == ALL else f"population: {level}": look.points(8.0)
        for level, look in looks
    }
