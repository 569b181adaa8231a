"""Means by visit: what was observed, and what the fixed part of a fit says of the same rows.

The fitted mean of some rows is Lγ̂ with L the mean of their rows of X, so that it is of the same
people as the observed one: where rows are missing, both are of those that are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.error_columns import time_of_errors
from hierbayes.design.variables import is_factor
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.plots.band import band_in_words, pointwise_band
from hierbayes.plots.canvas import canvas
from hierbayes.plots.draw import heading, legend, name_levels, write_note
from hierbayes.plots.effects import levels_of
from hierbayes.plots.fit_rows import fixed_variables, own_rows
from hierbayes.plots.look import BLACK, SERIES, Look
from hierbayes.plots.scatter import POOLED, refuse_many_levels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 30  # visits
_APART = 0.08  # of levels, of the distance between two visits


@dataclass(frozen=True, slots=True, eq=False)
class VisitMeans:
    """What is drawn of means by visit.

    Parameters
    ----------
    time : str
    by : str or None
        A factor whose levels are apart.
    frame : DataFrame
        A row per level and visit: ``by``, ``visit``, ``n`` rows, the ``observed`` mean, the
        ``fitted`` one, its ``lower`` and ``upper`` limits.
    band : str
        What the limits are.
    along : bool
        Whether visits are numbers.
    """

    time: str
    by: str | None
    frame: pd.DataFrame
    band: str
    along: bool


def visit_means_frame(
    fit: Fit,
    time: str | None = None,
    by: str | None = None,
    *,
    df: str | None = None,
    prob: float = DEFAULT_PROB,
) -> VisitMeans:
    """Observed and fitted means of the rows of each visit.

    Parameters
    ----------
    fit : Fit
        By any engine, of a Gaussian response.
    time : str, optional
        A column that the model reads and that says which visit a row is of; by default that of the
        correlation of the errors.
    by : str, optional
        A factor of the fixed part; by default its first other than `time`, where there is one.
    df : str, optional
        As in `hb.wald`; by default Satterthwaite's, none for a MAP fit. Posteriors have none.
    prob : float
        Inside the limits of each mean by itself.

    Raises
    ------
    StudyError
        When no column says which visit rows are of, there are more than 30 visits, or rows are not
        in memory.
    FormulaError
        When the response is not Gaussian.
    HypothesisError
        When it is no fit.
    """
    refuse_other_than_fit(fit, "plot_visit_means", structured=True)
    fit.problem.refuse_other_families()
    rows = own_rows(fit)
    time = _time(fit, rows, time)
    by = _usual_factor(fit, rows, time) if by is None else by
    for name in (time, *(() if by is None else (by,))):
        _refuse_unread(rows, name)
    visits = levels_of(rows[time])
    if len(visits) > _MOST:
        raise StudyError(
            f"'{time}' has {len(visits)} values, and means are shown of at most {_MOST} visits; "
            "plot_effects() draws a line along it"
        )
    levels = [POOLED] if by is None else levels_of(rows[by])
    refuse_many_levels(by or "", len(levels))
    frame, L = _means(fit, rows, (time, visits), (by, levels))
    band = pointwise_band(fit, L, df, Interval(prob))
    shown = {"fitted": band["estimate"], "lower": band["lower"], "upper": band["upper"]}
    offset = frame.pop("offset")
    frame = frame.assign(**{name: values + offset for name, values in shown.items()})
    words = band_in_words(fit, df, Interval(prob))
    column = rows[time]
    along = is_numeric_dtype(column.dtype) and not is_bool_dtype(column.dtype)
    return VisitMeans(time, by, frame, words, along)


def plot_visit_means(
    fit: Fit,
    time: str | None = None,
    by: str | None = None,
    *,
    df: str | None = None,
    prob: float = DEFAULT_PROB,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `visit_means_frame`: lines of fitted means with limits, crosses of observed ones.

    Other parameters are those of `visit_means_frame`.

    Parameters
    ----------
    ax : Axes, optional
    figsize : (width, height), optional
        Of a new figure in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> orthodont = hb.load_dataset("orthodont")
    >>> errors = hb.residuals.Unstructured("age", group="Subject")
    >>> fit = hb.Model("distance ~ C(age) * Sex", orthodont, residual=errors).reml()
    >>> hb.plots.plot_visit_means(fit).axes[0].get_xlabel()
    'age'
    """
    found = visit_means_frame(fit, time, by, df=df, prob=prob)
    levels = list(found.frame["by"].unique())
    looks = dict(zip(levels, SERIES if found.by else (Look(BLACK, "o"),), strict=False))
    with canvas(ax, figsize, beware=fit.objection, panel=(6.4, 4.4)) as drawn:
        _draw(drawn.ax, found, looks)
        drawn.ax.set_xlabel(found.time)
        drawn.ax.set_ylabel(f"mean of {fit.design.specification.response}")
        heading(drawn, f"Means by {found.time}, {fit.engine}")
        named = {
            f"{found.by}: {level}" if found.by else "fitted mean": look.both(5.0, 1.6)
            for level, look in looks.items()
        }
        legend(drawn, named | {"observed mean": Look(BLACK, "x").points(6.0)})
        write_note(drawn, found.band)
    return drawn.figure


def _time(fit: Fit, rows: pd.DataFrame, stated: str | None) -> str:
    time = time_of_errors(fit.problem) if stated is None else stated
    if time is None:
        raise StudyError(
            "no column of this model says which visit rows are of; name one that it reads, as in "
            f"time='{next(iter(rows.columns), 'visit')}'"
        )
    return time


def _usual_factor(fit: Fit, rows: pd.DataFrame, time: str) -> str | None:
    """The first factor of the fixed part that is neither the visit nor a group."""
    groups = fit.design.specification.group_columns
    names = [one for one in fixed_variables(fit) if one != time and one not in groups]
    return next((one for one in names if is_factor(fit.design.columns, rows[one])), None)


def _refuse_unread(rows: pd.DataFrame, name: str) -> None:
    if name not in rows.columns:
        raise StudyError(
            f"the model reads no column '{name}'; its columns are: {in_quotes(rows.columns)}"
        )


def _means(
    fit: Fit,
    rows: pd.DataFrame,
    visits: tuple[str, list[Any]],
    by: tuple[str | None, list[Any]],
) -> tuple[pd.DataFrame, Floats]:
    """A row for each level and visit that occur, and the mean row of X of each (m, p)."""
    X, y = fit.design.rows.X, fit.design.rows.observed
    offset = np.broadcast_to(fit.design.rows.offset, len(y))
    time, factor = rows[visits[0]].to_numpy(), None if by[0] is None else rows[by[0]].to_numpy()
    found, L = [], []
    for level in by[1]:
        of = np.ones(len(y), dtype=np.bool_) if factor is None else factor == level
        for visit in visits[1]:
            at = of & (time == visit)
            if at.any():
                own = (str(level), visit, int(at.sum()), y[at].mean(), offset[at].mean())
                found.append(own)
                L.append(X[at].mean(axis=0))
    columns = ["by", "visit", "n", "observed", "offset"]
    return pd.DataFrame(found, columns=columns), np.asarray(L)


def _draw(ax: Axes, found: VisitMeans, looks: dict[str, Look]) -> None:
    visits = list(dict.fromkeys(found.frame["visit"]))
    places = dict(zip(visits, visits if found.along else range(len(visits)), strict=True))
    gap = float(np.min(np.diff(np.sort(list(places.values()))))) if len(visits) > 1 else 1.0
    middle = (len(looks) - 1) / 2.0
    for k, (level, look) in enumerate(looks.items()):
        rows = found.frame[found.frame["by"] == level]
        x = rows["visit"].map(places).to_numpy(np.float64) + _APART * gap * (k - middle)
        ax.vlines(x, rows["lower"], rows["upper"], color=look.color, linewidth=1.2)
        ax.plot(x, rows["fitted"], **look.both(5.0, 1.6))
        ax.plot(x, rows["observed"], linestyle="none", marker="x", markersize=6.0, color=BLACK,
                zorder=3.0)  # fmt: skip
    if found.along:
        ax.set_xticks(list(places.values()))
    else:
        name_levels(ax, visits)
