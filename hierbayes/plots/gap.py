"""The gap: the difference between two levels of a variable along another, with its bounds.

Two bands stand around it: at each x by itself, and for all x together (see `band`).  Where a band
leaves out 0 the levels differ.

Source: the lecture slides *Mixed Models with R*, "Graphs to show confidence bounds for
hypotheses".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.design.variables import is_factor
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.plots.band import (
    BANDS,
    band_in_words,
    pointwise_band,
    region_sentences,
    simultaneous_radius,
    zero_left_out,
)
from hierbayes.plots.canvas import canvas
from hierbayes.plots.draw import heading, legend, name_levels, write_note
from hierbayes.plots.effects import levels_of, refuse_x_twice, x_values
from hierbayes.plots.fit_rows import (
    average_rows,
    fit_rows,
    refuse_no_variable,
    value_text,
)
from hierbayes.plots.look import BLACK, BLUE_INK, DASHED, DOTTED, RED_INK, Look
from hierbayes.plots.response_scale import difference_label, place_of_category

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROUNDING = 1e-12  # of a difference beside what is subtracted
_LOOKS = {"pointwise": Look(BLUE_INK, "none", DASHED), "together": Look(RED_INK, "none", DOTTED)}


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """What is drawn of a difference.

    Parameters
    ----------
    y, x : str
    name : str
        Of the difference.
    label : str
        What it is a difference in, beside an axis.
    frame : DataFrame
        ``x``, ``estimate``, ``se``, ``df``, ``lower``, ``upper`` (at each x by itself),
        ``lower_together``, ``upper_together`` (for all x together).
    regions : DataFrame
        Where a band leaves out 0: ``band`` (``"pointwise"`` or ``"together"``), ``sign``, and the
        ends ``start`` and ``end`` of the values of x; the same value twice for a level of a factor.
    L : DataFrame
        The combinations of γ these are: rows as in `frame`, by terms.
    radius : float
        Half the width of the second band in standard errors.
    band, held : str
        What the limits are, and where the other variables are held.
    along : bool
        Whether x is a number along which there is a line, and not a factor.
    """

    y: str
    x: str
    name: str
    label: str
    frame: pd.DataFrame
    regions: pd.DataFrame
    L: pd.DataFrame
    radius: float
    band: str
    held: str
    along: bool

    @property
    def findings(self) -> tuple[str, ...]:
        """Where the levels differ, in a sentence for each band."""
        return region_sentences(self.x, self.regions, self.along)


def gap_frame(
    fit: Fit,
    data: pd.DataFrame | None,
    x: str,
    by: str,
    *,
    levels: Sequence[Any] | None = None,
    at: Mapping[str, Any] | None = None,
    category: str | None = None,
    df: str | None = None,
    prob: float = DEFAULT_PROB,
) -> Gap:
    """The difference in the expected response between two levels, along x.

    Of a family that is not Gaussian it is the difference in the linear predictor, on the scale of
    the link; of nominal categories in that of one of them, its log odds against the first.

    Parameters
    ----------
    fit : Fit
        By any engine.
    data : DataFrame or None
        Of the fit; None stands for the rows that it was made of.
    x, by : str
        Two variables of the fixed part.
    levels : (from, to), optional
        Two values of `by`; the gap is the second less the first. By default those of a factor with
        two levels.
    at : mapping, optional
        Values of further variables, as in `effects_frame`.
    category : str, optional
        Of a nominal response, any but the first.
    df : str, optional
        As in `hb.wald`; by default Satterthwaite's, none for a MAP fit. Posteriors have none.
    prob : float
        Inside each of the two bands.

    Raises
    ------
    StudyError
        When these are not the data of the fit, a name is no variable of the fixed part, or it is
        not clear which levels, or which category, are meant.
    HypothesisError
        When it is no fit, or df does not suit it.
    """
    refuse_other_than_fit(fit, "plot_gap", structured=True)
    of_category = place_of_category(fit, category)
    refuse_x_twice(x, by)
    rows, interval = fit_rows(fit, data), Interval(prob)
    refuse_no_variable(fit, by)
    first, second = _two_levels(rows[by], is_factor(fit.design.columns, rows[by]), levels)
    grid = x_values(fit, rows, x)
    m = len(grid)
    ends = np.repeat(np.asarray([first, second], dtype=object), m)
    varied = pd.DataFrame({x: [*grid, *grid], by: ends}).infer_objects()
    found = average_rows(fit, rows, varied, at, zeros=False)
    X = found.X[of_category]
    L = X[m:] - X[:m]
    L[np.abs(L) < _ROUNDING * np.abs(X).max(axis=0)] = 0.0
    if not L.any():
        raise StudyError(f"the fixed part is the same at '{by}' = {first} and {second}: no gap")
    frame = pointwise_band(fit, L, df, interval)
    radius = simultaneous_radius(fit, L, df, interval)
    frame.insert(0, "x", varied[x].to_numpy()[:m])
    frame["lower_together"] = frame["estimate"] - radius * frame["se"]
    frame["upper_together"] = frame["estimate"] + radius * frame["se"]
    along = not is_factor(fit.design.columns, rows[x])
    return Gap(
        y=fit.design.specification.response, x=x,
        name=f"{by}: {value_text(second)} − {value_text(first)}",
        label=difference_label(fit, category), frame=frame, regions=zero_left_out(frame, along),
        L=pd.DataFrame(L, columns=pd.Index(fit.design.terms, name="term")), radius=radius,
        band=band_in_words(fit, df, interval), held=found.held, along=along,
    )  # fmt: skip


def plot_gap(
    fit: Fit,
    data: pd.DataFrame | None,
    x: str,
    by: str,
    *,
    levels: Sequence[Any] | None = None,
    at: Mapping[str, Any] | None = None,
    category: str | None = None,
    df: str | None = None,
    prob: float = DEFAULT_PROB,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `gap_frame`: the gap, its two bands, and bars where they leave out 0.

    Other parameters are those of `gap_frame`.

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
    >>> figure = hb.plots.plot_gap(fit, hs, "ses", "Sector")
    >>> figure.axes[0].get_title("left")
    'Sector: Public − Catholic, REML'
    """
    found = gap_frame(fit, data, x, by, levels=levels, at=at, category=category, df=df, prob=prob)
    with canvas(ax, figsize, beware=fit.objection, panel=(6.4, 4.8)) as drawn:
        (_draw_along if found.along else _draw_levels)(drawn.ax, found)
        drawn.ax.axhline(0.0, color=BLACK, linewidth=0.9)
        drawn.ax.set_xlabel(x)
        drawn.ax.set_ylabel(found.label)
        heading(drawn, f"{found.name}, {fit.engine}")
        line = "-" if found.along else "none"
        legend(drawn, {
            "gap": Look(BLACK, "none" if found.along else "o", line).both(6.0, 2.0),
            f"{100 * prob:g}% at each {x}": _LOOKS["pointwise"].lines(1.4),
            f"{100 * prob:g}% for all {x} at once": _LOOKS["together"].lines(1.8),
        }, width=2.1)  # fmt: skip
        write_note(drawn, *found.findings, found.band, found.held)
    return drawn.figure


def _two_levels(column: pd.Series, factor: bool, levels: Sequence[Any] | None) -> tuple[Any, Any]:
    known = levels_of(column)
    if levels is None:
        if len(known) != 2:
            raise StudyError(
                f"'{column.name}' has {len(known)} values; name two, as in "
                f"levels={tuple(known[:2])!r}"
            )
        return known[0], known[1]
    if isinstance(levels, str) or len(levels) != 2 or levels[0] == levels[1]:
        raise StudyError(f"levels must be two values of '{column.name}', not {levels!r}")
    for level in levels:
        if factor and level not in known:
            listed = ", ".join(map(repr, known))
            raise StudyError(f"'{column.name}' has no level {level!r}; they are: {listed}")
    return levels[0], levels[1]


def _draw_along(ax: Axes, gap: Gap) -> None:
    frame = gap.frame
    ax.fill_between(frame["x"], frame["lower"], frame["upper"], color=BLUE_INK, alpha=0.15,
                    linewidth=0.0)  # fmt: skip
    for band, columns in BANDS.items():
        for column in columns:
            ax.plot(frame["x"], frame[column], **_LOOKS[band].lines(1.3))
    ax.plot(frame["x"], frame["estimate"], color=BLACK, linewidth=2.2)
    for band, width in (("pointwise", 7.0), ("together", 3.0)):
        for row in gap.regions[gap.regions["band"] == band].itertuples():
            color = _LOOKS[band].color
            ax.plot([row.start, row.end], [0.0, 0.0], color=color, linewidth=width,
                    solid_capstyle="butt", alpha=0.45 if band == "pointwise" else 1.0)  # fmt: skip


def _draw_levels(ax: Axes, gap: Gap) -> None:
    place = np.arange(len(gap.frame))
    for band, move in (("pointwise", -0.05), ("together", 0.05)):
        lower, upper = BANDS[band]
        look = _LOOKS[band]
        ax.vlines(place + move, gap.frame[lower], gap.frame[upper], color=look.color,
                  linewidth=2.0, linestyle=look.line)  # fmt: skip
    ax.plot(place, gap.frame["estimate"], linestyle="none", marker="o", color=BLACK, markersize=6.0)
    name_levels(ax, gap.frame["x"].tolist())
