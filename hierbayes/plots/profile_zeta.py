"""Profile zeta plots: how far from a parabola a likelihood is, parameter by parameter.

ζ = ±√(deviance − minimum) against the parameter is a straight line where the likelihood is that
of a normal estimate; where it bends, symmetric intervals are wrong.  Intervals are read off at
±1.96 and its like.

Source: Bates, Mächler, Bolker & Walker (2015), doi:10.18637/jss.v067.i01, section 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hierbayes.display.interval import Interval
from hierbayes.errors import StudyError
from hierbayes.inference.profiles.profile import Profile
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import Entries, heading, legend
from hierbayes.plots.look import BLACK, BLUE_INK, DASHED, GREY, SOLID, Look
from hierbayes.plots.profile_curve import points_of, rows_of, value_at, zeta_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS = (0.5, 0.8, 0.95)
_POINTS = 201
_ESTIMATE: dict[str, Any] = {
    "marker": "|", "linestyle": "none", "color": BLACK, "markersize": 9.0, "markeredgewidth": 1.4,
}  # fmt: skip
_PROFILE, _BOUND = Look(BLUE_INK, "o", SOLID), Look(GREY, "none", DASHED)


@dataclass(frozen=True, slots=True, eq=False)
class ProfileZeta:
    """What is drawn of profiles.

    Parameters
    ----------
    points : DataFrame
        Index (block, parameter, point): ``value`` and ``zeta``, as computed.
    curve : DataFrame
        ``block``, ``parameter``, ``value``, ``zeta``: monotone between the points.
    bounds : DataFrame
        ``block``, ``parameter``, ``prob``, ``side`` (−1, +1), ``value``, ``zeta``: the ends of
        intervals, where the profile reaches them.
    labels : Series
        By (block, parameter): what the panel is called.
    """

    points: pd.DataFrame
    curve: pd.DataFrame
    bounds: pd.DataFrame
    labels: pd.Series


def profile_zeta_frame(profile: Profile, levels: Sequence[float] = LEVELS) -> ProfileZeta:
    """Profiles as curves of ζ, with the bounds of intervals.

    Parameters
    ----------
    profile : Profile
        As `hierbayes.profile` makes it.
    levels : sequence of float
        Probabilities of the intervals shown, up to that of the profile, whose own are exact;
        others are read off the curve.

    Raises
    ------
    StudyError
        When it is no profile, levels are no list, or a level reaches beyond it.
    IntervalError
        When a level is no probability.
    """
    refuse_other_than("plot_profile_zeta", profile, Profile, "hb.profile()")
    if isinstance(levels, Real) or not len(levels):
        raise StudyError(f"levels must be a list of probabilities, not {levels!r}")
    beyond = [level for level in levels if Interval(level).prob > profile.interval.prob + 1e-12]
    if beyond:
        raise StudyError(
            f"the profile reaches {profile.interval.prob:g}, and not the level {beyond[0]:g}; "
            f"make it with hb.profile(..., prob={beyond[0]:g})"
        )
    keys = list(profile.limits.index)
    curves, bounds = [], []
    for key in keys:
        points = points_of(profile, key)
        x = np.linspace(points["value"].iloc[0], points["value"].iloc[-1], _POINTS)
        named = {"block": key[0], "parameter": key[1]}
        curves.append(pd.DataFrame({**named, "value": x, "zeta": zeta_at(points, x)}))
        bounds.append(_bounds(profile, key, points, levels).assign(**named))
    table = profile.table[["value", "zeta"]]
    return ProfileZeta(
        points=table.astype(np.float64),
        curve=pd.concat(curves, ignore_index=True),
        bounds=pd.concat(bounds, ignore_index=True)[
            ["block", "parameter", "prob", "side", "value", "zeta"]
        ],
        labels=pd.Series([label(*key) for key in keys], index=profile.limits.index, name="label"),
    )


def plot_profile_zeta(
    profile: Profile,
    levels: Sequence[float] = LEVELS,
    *,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `profile_zeta_frame`: a panel for each parameter, ζ against it.

    Parameters
    ----------
    profile : Profile
    levels : sequence of float
        Of the intervals shown.
    ax : Axes, or as many as there are parameters, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
    >>> figure = hb.plots.plot_profile_zeta(hb.profile(fit))
    >>> [one.get_xlabel() for one in figure.axes]
    ['Intercept', 'ses', 'sd(Intercept)', 'sigma']
    """
    frame = profile_zeta_frame(profile, levels)
    count = len(frame.labels)
    shape = panel_grid(count, 4)
    panel_size = (2.7, 2.4) if count > 1 else (5.4, 3.8)
    with canvas(ax, figsize, shape=shape, panel=panel_size, count=count) as drawn:
        for place, (panel, key) in enumerate(zip(drawn.panels, frame.labels.index, strict=True)):
            _draw(panel, frame, key)
            if not drawn.is_new or place % drawn.columns == 0:
                panel.set_ylabel("ζ")
        heading(drawn, f"Profile ζ, {' and '.join(profile.limits['criterion'].unique())}")
        legend(drawn, _entries(levels))
    return drawn.figure


def label(block: str, parameter: str) -> str:
    """A parameter as profiles ask for it."""
    return parameter if block in ("gamma", "sigma") else f"{block}({parameter})"


def _bounds(
    profile: Profile, key: tuple[str, str], points: pd.DataFrame, levels: Sequence[float]
) -> pd.DataFrame:
    """Ends of intervals of one parameter: the profile's own, and others off its curve."""
    rows = []
    for prob in levels:
        zeta = float(ndtri(Interval(prob).tails[1]))
        own = np.isclose(prob, profile.interval.prob)
        for side, name in ((-1, "lower"), (1, "upper")):
            ends = profile.limits.at[key, "boundary"] in (name, "both")
            if own and not ends:
                value = float(profile.limits.at[key, name])
            else:
                value = value_at(points, side * zeta)
            rows.append((prob, side, value, side * zeta))
    table = pd.DataFrame(rows, columns=["prob", "side", "value", "zeta"])
    return table.dropna(subset="value")


def _draw(ax: Axes, frame: ProfileZeta, key: tuple[str, str]) -> None:
    def of(table: pd.DataFrame) -> pd.DataFrame:
        return table[(table["block"] == key[0]) & (table["parameter"] == key[1])]

    bounds, curve, points = of(frame.bounds), of(frame.curve), rows_of(frame.points, key)
    ax.axhline(0.0, color=GREY, linewidth=0.6)
    for _, pair in bounds.groupby("prob"):
        for _, end in pair.iterrows():
            ax.plot([end["value"]] * 2, [0.0, end["zeta"]], **_BOUND.lines(0.9))
    ax.plot(curve["value"], curve["zeta"], **_PROFILE.lines(1.6))
    ax.plot(points["value"], points["zeta"], **_PROFILE.points(2.6))
    at = points.loc[points["zeta"].abs().idxmin(), "value"]
    ax.plot(at, 0.0, **_ESTIMATE)
    ax.set_xlabel(frame.labels[key])
    ax.locator_params(axis="x", nbins=5)


def _entries(levels: Sequence[float]) -> Entries:
    percent = ", ".join(f"{100 * level:g}" for level in sorted(levels))
    return {
        "profile": _PROFILE.both(3.0),
        f"ends of intervals ({percent}%)": _BOUND.lines(0.9),
        "estimate": _ESTIMATE,
    }
