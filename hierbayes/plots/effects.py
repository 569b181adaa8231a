"""Effect plots: the expected response of a population against a variable, with its band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.design.variables import is_factor
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.frames.named_columns import column_names
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.plots.band import band_in_words, pointwise_band
from hierbayes.plots.canvas import canvas, panel_grid
from hierbayes.plots.draw import (
    heading,
    in_lines,
    legend,
    name_levels,
    write_note,
)
from hierbayes.plots.fit_rows import (
    AverageRows,
    average_rows,
    fit_rows,
    refuse_no_variable,
    value_text,
)
from hierbayes.plots.look import BLACK, SERIES, Look
from hierbayes.plots.response_curves import curve_frames, curve_names, has_several_curves
from hierbayes.plots.response_scale import (
    expected_label,
    of_response,
    offset_in_words,
    response_label,
    where_u_is_zero,
)
from hierbayes.plots.scatter import POOLED, refuse_many_levels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

type Values = np.ndarray[Any, np.dtype[Any]]

_POINTS = 61
_UPRIGHT_PER_INCH = 11.0  # letters beside the axis
_FEW = 4  # values of a number that are shown one by one
_QUANTILES = (0.1, 0.5, 0.9)  # at which other numbers are shown


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What is drawn of an effect.

    Parameters
    ----------
    y, x : str
    by : str or None
        Other variables, joined by commas.
    frame : DataFrame
        ``by``, ``x``, ``estimate``, ``se``, ``df``, ``lower``, ``upper``; where there are several
        curves first of all ``of``, what a row is of.
    L : DataFrame
        The combinations of γ these are: rows as in `frame`, by terms; of several curves those of
        one, with a row for each linear predictor.
    band, held : str
        What the limits are, and where the other variables are held.
    along : bool
        Whether x is a number along which there is a line, and not a factor.
    """

    y: str
    x: str
    by: str | None
    frame: pd.DataFrame
    L: pd.DataFrame
    band: str
    held: str
    along: bool


def effects_frame(
    fit: Fit,
    data: pd.DataFrame | None,
    x: str,
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    df: str | None = None,
    prob: float = DEFAULT_PROB,
) -> Effects:
    """The expected response of the population against x, by the levels of other variables.

    Of a family that is not Gaussian it is that of a group whose u is 0, on the scale of the
    response, its limits those of η; ordered categories are shown on the scale of η.  Of nominal
    categories the probability of each is shown, and where zeros have a probability that depends on
    columns that of a zero too; what these have is told by `response_curves`.

    Parameters
    ----------
    fit : Fit
        By any engine; what is shown is its fixed part.
    data : DataFrame or None
        Of the fit; None stands for the rows that it was made of.
    x : str
        A variable of the fixed part, a number or a factor.
    by : str or list of str, optional
        Another, or several, whose combinations are shown; a number of more than four values is
        shown at its 10, 50 and 90% quantiles.
    at : mapping, optional
        A value of each of further variables. Without it numbers are at their mean, and factors,
        and the groups where the fixed part has group means, averaged over the rows.
    df : str, optional
        As in `hb.wald`; by default Satterthwaite's, none for a MAP fit. Posteriors have none.
    prob : float
        Inside the limits, at each x by itself.

    Raises
    ------
    StudyError
        When these are not the data of the fit, a name is no variable of the fixed part, or x and
        by are one variable.
    HypothesisError
        When it is no fit, or df does not suit it.
    """
    refuse_other_than_fit(fit, "plot_effects", structured=True)
    names = () if by is None else column_names(by, "by")
    for name in names:
        refuse_x_twice(x, name)
    rows, interval = fit_rows(fit, data), Interval(prob)
    grid = x_values(fit, rows, x, zeros=True)
    values = {name: shown_values(fit, rows, name) for name in names}
    levels = list(product(*values.values()))  # () alone where there is no other variable
    refuse_many_levels(", ".join(names), len(levels))
    varied = pd.DataFrame({x: list(grid) * len(levels)})
    for place, name in enumerate(names):
        one = np.asarray([level[place] for level in levels], dtype=object)
        varied[name] = np.repeat(one, len(grid))
        varied[name] = varied[name].infer_objects()
    found = average_rows(fit, rows, varied, at)
    words = [", ".join(map(value_text, level)) or POOLED for level in levels]
    lines = np.repeat(np.asarray(words, dtype=object), len(grid)), varied[x].to_numpy()
    frame = _frame(fit, found, df, interval, *lines)
    return Effects(
        fit.design.specification.response, x, ", ".join(names) or None, frame,
        pd.DataFrame(found.X, columns=pd.Index(fit.design.terms, name="term")),
        _band(fit, df, interval),
        ", ".join(part for part in (found.held, offset_in_words(fit)) if part),
        not is_factor(fit.design.columns, rows[x]),
    )  # fmt: skip


def _frame(
    fit: Fit, found: AverageRows, df: str | None, interval: Interval, by: Values, x: Values
) -> pd.DataFrame:
    if not has_several_curves(fit):
        band = pointwise_band(fit, found.X, df, interval)
        frame = of_response(fit, found, band, interval)
        frame.insert(0, "by", by)
        frame.insert(1, "x", x)
        return frame
    names = curve_names(fit, expected_label(fit))
    curves = [
        pd.DataFrame({"of": name, "by": by, "x": x}).join(one)
        for name, one in zip(names, curve_frames(fit, found, interval), strict=True)
    ]
    return pd.concat(curves, ignore_index=True)


def _band(fit: Fit, df: str | None, interval: Interval) -> str:
    """What the limits are, and of several curves on which scale."""
    scale = " on the logit or log scale" if has_several_curves(fit) and not fit.sampled else ""
    return band_in_words(fit, df, interval) + scale


def plot_effects(
    fit: Fit,
    data: pd.DataFrame | None,
    x: str,
    *,
    by: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    df: str | None = None,
    prob: float = DEFAULT_PROB,
    ax: Axes | Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `effects_frame`.

    Other parameters are those of `effects_frame`.

    Parameters
    ----------
    ax : Axes, optional
        To draw on; several where there are several curves.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs).reml()
    >>> figure = hb.plots.plot_effects(fit, hs, "ses", by="Sector")
    >>> figure.axes[0].get_xlabel()
    'ses'
    """
    found = effects_frame(fit, data, x, by=by, at=at, df=df, prob=prob)
    levels = list(found.frame["by"].unique())
    by = found.by
    looks = dict(zip(levels, SERIES if by else (Look(BLACK, "o"),), strict=False))
    names = list(found.frame["of"].unique()) if "of" in found.frame else [response_label(fit)]
    panel, count = (6.4, 4.6) if len(names) == 1 else (4.4, 4.0), len(names)
    with canvas(
        ax, figsize, beware=fit.objection, panel=panel, shape=panel_grid(count), count=count
    ) as drawn:
        for axes, name in zip(drawn.panels, names, strict=True):
            rows = found.frame if count == 1 else found.frame[found.frame["of"] == name]
            (_draw_lines if found.along else _draw_levels)(axes, rows, looks)
            axes.set_xlabel(x)
            axes.set_ylabel(in_lines(drawn, axes, name, _UPRIGHT_PER_INCH, upright=True))
        heading(drawn, f"Effect of {x}" + (f" by {by}" if by else "") + f", {fit.engine}")
        if by:
            how = [look.lines(2.0) if found.along else look.points(6.0) for look in looks.values()]
            legend(drawn, dict(zip([f"{by}: {level}" for level in levels], how, strict=True)))
        where = where_u_is_zero(fit).strip() if count > 1 else ""
        write_note(drawn, found.band, ", ".join(part for part in (where, found.held) if part))
    return drawn.figure


def refuse_x_twice(x: str, by: str | None) -> None:
    """Refuse one variable as both x and by.

    Raises
    ------
    StudyError
    """
    if x == by:
        raise StudyError(f"'{x}' is x and by; by= names another variable")


def x_values(fit: Fit, rows: pd.DataFrame, x: str, *, zeros: bool = False) -> Floats | list[Any]:
    """Where the response is shown: from the smallest to the largest value, or each level."""
    refuse_no_variable(fit, x, zeros)
    if is_factor(fit.design.columns, rows[x]):
        return levels_of(rows[x])
    values = rows[x].to_numpy(dtype=np.float64)
    return np.linspace(values.min(), values.max(), _POINTS)


def shown_values(fit: Fit, rows: pd.DataFrame, name: str) -> list[Any]:
    """Levels of a factor, or a few values of a number."""
    refuse_no_variable(fit, name, zeros=True)
    levels = levels_of(rows[name])
    if is_factor(fit.design.columns, rows[name]) or len(levels) <= _FEW:
        return levels
    return [float(one) for one in np.quantile(rows[name].to_numpy(np.float64), _QUANTILES)]


def levels_of(column: pd.Series) -> list[Any]:
    """Values in use, in their order."""
    return list(column.astype("category").cat.remove_unused_categories().cat.categories)


def _draw_lines(ax: Axes, frame: pd.DataFrame, looks: dict[str, Look]) -> None:
    for level, rows in frame.groupby("by", sort=False):
        look = looks[str(level)]
        ax.fill_between(rows["x"], rows["lower"], rows["upper"], color=look.color, alpha=0.18,
                        linewidth=0.0)  # fmt: skip
        for limit in ("lower", "upper"):
            ax.plot(rows["x"], rows[limit], **look.lines(0.7, alpha=0.8))
        ax.plot(rows["x"], rows["estimate"], **look.lines(2.2))


def _draw_levels(ax: Axes, frame: pd.DataFrame, looks: dict[str, Look]) -> None:
    names = list(dict.fromkeys(frame["x"]))
    shift = np.linspace(-0.12, 0.12, len(looks)) if len(looks) > 1 else np.zeros(1)
    for move, (level, rows) in zip(shift, frame.groupby("by", sort=False), strict=True):
        place = np.arange(len(names)) + move
        look = looks[str(level)]
        ax.vlines(place, rows["lower"], rows["upper"], color=look.color, linewidth=1.4)
        ax.plot(place, rows["estimate"], **look.points(7.0))
    name_levels(ax, names)
