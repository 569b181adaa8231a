"""Estimators in beta space: intercept and slope of each level by every method, and differences.

Each method is a point with an ellipse, in one panel for each level of the factor; the last panel
has the difference between levels, where no group's own variation is to be seen and the methods
disagree on how much is known.  Methods that estimate slopes only (2b and 6) are intervals at the
right-hand side.

Ellipses are of two kinds: ``"confidence"`` has probability `prob` as a whole, with two degrees of
freedom in the numerator of F; ``"shadow"`` has shadows that are intervals of probability `prob`,
so that its vertical shadow is the t interval of the slope.  Degrees of freedom of the variance are
those of the slope in `Estimators.table`.

Source: the lecture slides *Mixed Models with R*, Figures 4 to 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.effects import blue
from hierbayes.frames.arrays import Floats
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.choice import refuse_other_than
from hierbayes.plots.draw import Entries, coefficient_label, heading, legend, zero_lines
from hierbayes.plots.ellipse import Ellipse, confidence_radius, shadow_radius
from hierbayes.plots.look import METHODS, OWN
from hierbayes.plots.populations import populations
from hierbayes.studies.estimators.estimators import Estimators
from hierbayes.studies.estimators.method import Method

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RADII = {"confidence": confidence_radius, "shadow": shadow_radius}
_WORDS = {"confidence": "confidence ellipses", "shadow": "intervals as shadows of ellipses",
          "both": "confidence ellipses, and thin ones with the intervals as shadows"}  # fmt: skip
_REACH = 6.0  # interquartile ranges from the quartiles, within which groups are in sight
_COLUMNS = ["intercept", "intercept_lower", "intercept_upper", "slope", "slope_lower",
            "slope_upper", "df"]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class EstimatorsInBetaSpace:
    """What is drawn of estimators in beta space.

    Parameters
    ----------
    predictor : str
    centres : DataFrame
        Index (level, method key); ``intercept``, ``slope``, their limits by the shadows of the
        ellipse, and ``df``.  Levels are followed by differences from the first.  Intercepts are
        missing for methods without; their slopes have t intervals.
    ellipses : DataFrame
        A row per point: ``level``, ``method``, ``kind``, ``x``, ``y``.
    groups : DataFrame
        Index group: ``level``, ``intercept``, ``slope`` of each group's own line; missing where it
        has none.
    """

    predictor: str
    centres: pd.DataFrame
    ellipses: pd.DataFrame
    groups: pd.DataFrame


def estimators_frame(
    six: Estimators,
    *,
    kind: str = "confidence",
    methods: Sequence[str] | None = None,
    prob: float = DEFAULT_PROB,
) -> EstimatorsInBetaSpace:
    """Centres and ellipses of estimators in each level, and of differences between levels.

    Parameters
    ----------
    six : Estimators
        From `estimators`.
    kind : str
        ``"confidence"`` or ``"shadow"``, see the module, or ``"both"``: two ellipses about each
        centre, with limits by the shadows of the smaller one.
    methods : sequence of str, optional
        Keys such as ``("1", "2a")``; by default all.
    prob : float

    Raises
    ------
    StudyError
        When the kind or a method does not exist.
    """
    refuse_other_than("plot_estimators", six, Estimators, "hb.estimators()")
    if kind not in _WORDS:
        raise StudyError(f"kind must be 'confidence', 'shadow' or 'both', not {kind!r}")
    kinds = list(RADII) if kind == "both" else [kind]
    chosen = _chosen(six, methods)
    centres, boundaries = {}, []
    for method in chosen:
        for number, (level, quantity) in enumerate(_panels(method)):
            value, cov = _line(method, number)
            df = float(method.quantities.loc[quantity, "df"])
            radius = RADII["shadow" if len(value) == 1 else kinds[-1]](prob, df)
            half = radius * np.sqrt(np.diag(cov))
            limits = np.column_stack([value, value - half, value + half])
            missing = np.full((2 - len(value), 3), np.nan)
            centres[level, method.key] = [*np.vstack([missing, limits]).ravel(), df]
            for one in kinds if len(value) == 2 else []:
                ellipse = Ellipse(value, cov, RADII[one](prob, df))
                points = pd.DataFrame(ellipse.points(), columns=["x", "y"])
                boundaries.append(points.assign(level=level, method=method.key, kind=one))
    table = pd.DataFrame.from_dict(centres, orient="index", columns=_COLUMNS)
    table.index = pd.MultiIndex.from_tuples(list(centres), names=["level", "method"])
    empty = pd.DataFrame(columns=["x", "y", "level", "method", "kind"])
    ellipses = pd.concat(boundaries, ignore_index=True) if boundaries else empty
    return EstimatorsInBetaSpace(
        predictor=six.fits["5"].design.effects[1],
        centres=table,
        ellipses=ellipses[["level", "method", "kind", "x", "y"]],
        groups=_own_lines(six),
    )


def plot_estimators(
    six: Estimators,
    *,
    kind: str = "confidence",
    methods: Sequence[str] | None = None,
    prob: float = DEFAULT_PROB,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `estimators_frame`: a panel for each level with its groups, and one for each difference.

    Other parameters are those of `estimators_frame`.

    Parameters
    ----------
    ax : sequence of Axes, optional
        As many as there are panels.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> six = hb.estimators("mathach ~ ses * Sector", group="school", data=hb.load_dataset("hs"))
    >>> figure = hb.plots.plot_estimators(six, methods=("1", "2a", "3"))
    >>> [ax.get_title(loc="left") for ax in figure.axes]
    ['Catholic', 'Public', 'Public − Catholic']
    """
    frame = estimators_frame(six, kind=kind, methods=methods, prob=prob)
    levels = list(dict.fromkeys(frame.centres.index.get_level_values("level")))
    shape = panel_grid(len(levels))
    size = (6.4, 5.2) if len(levels) == 1 else (4.4, 5.2 if shape[0] == 1 else 4.2)
    with canvas(ax, figsize, shape=shape, panel=size, count=len(levels)) as drawn:
        for number, (panel, level) in enumerate(zip(drawn.panels, levels, strict=True)):
            _draw_level(panel, frame, level)
            panel.set_title(level or "All groups")
            panel.set_xlabel("Intercept")
            if number % shape[1] == 0:
                panel.set_ylabel(coefficient_label(frame.predictor))
        _one_scale(drawn.panels, frame, levels)
        heading(drawn, f"{100 * prob:g}% {_WORDS[kind]}")
        legend(drawn, _entries(drawn.panels[0], six, frame), width=2.7)
    return drawn.figure


def _chosen(six: Estimators, methods: Sequence[str] | None) -> list[Method]:
    if isinstance(methods, str):
        raise StudyError(f"methods must be a list of keys, not {methods!r}")
    keys = list(six.methods if methods is None else dict.fromkeys(methods))
    for key in keys:
        if key not in six.methods:
            listed = in_quotes(six.methods)
            raise StudyError(f"there is no method {key!r}; they are: {listed}")
    if not keys:
        raise StudyError("methods names none; leave it out for all of them")
    return [six.methods[key] for key in keys]


def _panels(method: Method) -> list[tuple[str, str]]:
    """Names of the levels and of differences, each with the name of its slope as a quantity."""
    levels = list(dict.fromkeys(method.lines.index.get_level_values("level")))
    differences = [f"{level} − {levels[0]}" for level in levels[1:]]
    return list(zip([*levels, *differences], method.quantities.index, strict=True))


def _line(method: Method, number: int) -> tuple[Floats, Floats]:
    """Intercept (where there is one) and slope of a level or of a difference, with covariance."""
    L = (len(method.quantities) + 1) // 2
    k = len(method.lines) // L  # coefficients of a level: 2, or 1 where there is no intercept
    weights = np.eye(L)[number] if number < L else np.eye(L)[number - L + 1] - np.eye(L)[0]
    both = np.kron(np.eye(k), weights)
    value = both @ method.lines["estimate"].to_numpy()
    return value, both @ method.lines_cov.to_numpy() @ both.T


def _own_lines(six: Estimators) -> pd.DataFrame:
    """The least-squares line of each group, and its level."""
    fit, method = six.fits["5"], six.methods["1"]
    levels = list(dict.fromkeys(method.lines.index.get_level_values("level")))
    of = populations(fit).of if len(levels) > 1 else np.zeros(fit.design.J, dtype=np.intp)
    lines = blue(fit).set_axis(["intercept", "slope"], axis="columns")
    lines.insert(0, "level", [levels[k] for k in of])
    return lines


def _draw_level(ax: Axes, frame: EstimatorsInBetaSpace, level: str) -> None:
    own = frame.groups[frame.groups["level"] == level]
    ax.plot(own["intercept"], own["slope"], **OWN.points(6.0), zorder=1.0)
    here = frame.ellipses[frame.ellipses["level"] == level]
    alone = here["kind"].nunique() == 1
    for (key, kind), points in here.groupby(["method", "kind"], sort=False):
        width = 1.6 if alone or kind == "confidence" else 0.8
        ax.plot(points["x"], points["y"], **METHODS[str(key)].lines(width), zorder=2.0)
    slopes_only = 0
    for number, (key, row) in enumerate(frame.centres.loc[level].iterrows()):
        look = METHODS[str(key)]
        centre = look.points(
            9.5 - 0.5 * number, markeredgecolor="white", markeredgewidth=0.6
        )  # fmt: skip
        if np.isfinite(row["intercept"]):
            ax.plot(row["intercept"], row["slope"], **centre, zorder=3.0)
            continue
        x, transform = 0.93 + 0.05 * slopes_only, ax.get_yaxis_transform()
        slopes_only += 1
        limits = [row["slope_lower"], row["slope_upper"]]
        ax.plot([x, x], limits, **look.lines(1.6), transform=transform)
        ax.plot(x, row["slope"], **centre, transform=transform)


def _one_scale(panels: Sequence[Axes], frame: EstimatorsInBetaSpace, levels: list[str]) -> None:
    """The same limits for all levels; differences have their own, with zero in sight.

    All ellipses are in sight, and the groups' own lines unless they are far off: lines of a few
    rows may lie anywhere.
    """
    single = [k for k, level in enumerate(levels) if level in set(frame.groups["level"])]
    inside = frame.ellipses[frame.ellipses["level"].isin([levels[k] for k in single])]
    spans = frame.centres.loc[[levels[k] for k in single], ["slope_lower", "slope_upper"]]
    near = frame.groups[_near(frame.groups)]
    x = np.concatenate([inside["x"].to_numpy(dtype=float), near["intercept"]])
    y = np.concatenate([inside["y"].to_numpy(dtype=float), near["slope"], spans.to_numpy().ravel()])
    for k, panel in enumerate(panels):
        if k in single:
            panel.set_xlim(x.min() - 0.06 * np.ptp(x), x.max() + 0.2 * np.ptp(x))
            panel.set_ylim(y.min() - 0.06 * np.ptp(y), y.max() + 0.06 * np.ptp(y))
        else:
            (left, right), (low, high) = panel.get_xlim(), panel.get_ylim()
            dx, dy = 0.05 * (right - left), 0.05 * (high - low)
            panel.set_xlim(min(left, -dx), max(right, dx) + 0.2 * (right - left))
            panel.set_ylim(min(low, -dy), max(high, dy))
            zero_lines(panel)


def _near(groups: pd.DataFrame) -> pd.Series:
    """Groups whose own line lies up to `_REACH` interquartile ranges from the quartiles."""
    lines = groups[["intercept", "slope"]]
    low, high = lines.quantile(0.25), lines.quantile(0.75)
    reach = _REACH * (high - low)
    return ((lines >= low - reach) & (lines <= high + reach)).all(axis=1)


def _entries(ax: Axes, six: Estimators, frame: EstimatorsInBetaSpace) -> Entries:
    """The legend: methods, and groups with how many of them are out of sight."""
    keys = list(dict.fromkeys(frame.centres.index.get_level_values("method")))
    entries = {six.methods[key].label: METHODS[key].both() for key in keys}
    lines = frame.groups[["intercept", "slope"]].dropna().to_numpy()
    low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
    beyond = int((~((lines >= low) & (lines <= high)).all(axis=1)).sum())
    outside = f" ({beyond} out of sight)" if beyond else ""
    entries[f"each group's own line{outside}"] = OWN.points(6.0)
    return entries
