"""Level-1 residuals: against the fitted values, group by group, and as normal quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hierbayes.design.group_codes import ALL_ROWS
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import refuse_other_than_fit
from hierbayes.inference.residuals.level1 import FAR, level1_residuals
from hierbayes.inference.residuals.normal_scores import normal_scores
from hierbayes.plots.canvas import canvas
from hierbayes.plots.draw import LABEL_PER_INCH, TITLE_PER_INCH, heading, in_lines, name_points
from hierbayes.plots.look import BLACK, BLUE_INK, GREY, PALE
from hierbayes.plots.normal_quantiles import draw_normal_quantiles, normal_band

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("studentized", "standardized", "conditional", "marginal", "marginal_studentized", "within",
         "quantile")  # fmt: skip
_NAMED_GROUPS = 20
_NAMED_ROWS = 3
_SCALED = ("studentized", "standardized", "marginal_studentized", "quantile")


@dataclass(frozen=True, slots=True, eq=False)
class Level1Picture:
    """What is drawn of the residuals of rows.

    Parameters
    ----------
    rows : DataFrame
        ``group``, ``fitted``, ``residual``, ``scaled`` (the residual in units of a standard
        normal), ``normal_score``, ``lower`` and ``upper`` (of a normal sample at that score);
        the rows of the fit.
    groups : DataFrame
        Index group, in the order of their medians: ``n``, ``min``, ``q1``, ``median``, ``q3``,
        ``max`` of the residuals.
    kind : str
        Which residuals, of `KINDS`.
    """

    rows: pd.DataFrame
    groups: pd.DataFrame
    kind: str


def level1_residuals_frame(
    fit: Fit,
    *,
    kind: str = "studentized",
    factor: str | None = None,
    prob: float = DEFAULT_PROB,
    seed: int | None = None,
) -> Level1Picture:
    """Residuals of rows, of `hb.level1_residuals`, with fitted values and normal scores.

    Of a family that is not Gaussian there are ``"quantile"`` residuals alone, which are standard
    normal where the model is right; their fitted values are expected responses.

    Parameters
    ----------
    fit : Fit
        By any engine.
    kind : str
        Which residuals, of `KINDS`. Fitted values are those of the group, or of the population
        for ``"marginal"`` and ``"marginal_studentized"``. Kinds in units of the response are
        divided by their sd to be compared with a normal sample; ``"quantile"`` ones are those of
        ``fit.residuals(kind="quantile")``.
    factor : str, optional
        The grouping factor by whose groups they are shown, where there are several; fitted values
        have the random effects of all.
    prob : float
        Of the band of a normal sample, at each score by itself.
    seed : int, optional
        Of quantile residuals of responses that are whole numbers, which are drawn in part.

    Raises
    ------
    StudyError
        When there is no such kind.
    HypothesisError
        When it is no fit.
    DataError
        When there is no such factor, or several and none is named.
    """
    if kind not in KINDS:
        raise StudyError(f"there are no residuals {kind!r}; kind is one of: {', '.join(KINDS)}")
    refuse_other_than_fit(fit, "level1_residuals", structured=True)
    place = fit.design.place_of_factor(factor)
    residual = _residuals(fit, kind, fit.design.factors[place].name, seed)
    scores = normal_scores(residual)
    lower, upper = normal_band(scores, Interval(prob))
    effects = "none" if kind.startswith("marginal") else "all"
    rows = pd.DataFrame(
        {
            "group": _groups(fit, place),
            "fitted": fit.predict(effects=effects).to_numpy(),
            "residual": residual,
            "scaled": residual if kind in _SCALED else residual / np.nanstd(residual),
            "normal_score": scores,
            "lower": lower,
            "upper": upper,
        },
        index=fit.design.rows.index,
    )
    return Level1Picture(rows, _quartiles(rows), kind)


def _residuals(fit: Fit, kind: str, factor: str, seed: int | None) -> Floats:
    """Residuals (n,) of a kind."""
    if kind == "quantile":
        return np.asarray(fit.residuals(kind=kind, seed=seed), dtype=np.float64)
    if kind == "within":
        fit.design.specification.refuse_no_random_part("plot_level1_residuals()")
        kind += f"[{factor}]" if len(fit.design.factors) > 1 else ""
    return level1_residuals(fit).frame[kind].to_numpy(dtype=np.float64)


def _groups(fit: Fit, place: int) -> Any:
    """The label of each row's group (n,)."""
    if fit.design.factors[place] not in fit.design.named_factors:
        return ALL_ROWS
    codes = fit.design.rows.codes_of[place][:: fit.design.columns.n_predictors]
    return np.asarray(fit.design.factors[place].labels)[codes]


def _quartiles(rows: pd.DataFrame) -> pd.DataFrame:
    """Residuals by group, in the order of their medians."""
    cuts = {"min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1.0}
    grouped = rows.groupby("group", sort=False)["residual"]
    groups = grouped.quantile(list(cuts.values())).unstack().set_axis(list(cuts), axis="columns")
    groups.insert(0, "n", grouped.count())
    return groups.sort_values("median", kind="stable")


def plot_level1_residuals(
    fit: Fit,
    *,
    kind: str = "studentized",
    factor: str | None = None,
    prob: float = DEFAULT_PROB,
    seed: int | None = None,
    ax: Sequence[Axes] | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw `level1_residuals_frame`: against fitted values, by group, normal quantiles.

    Other parameters are those of `level1_residuals_frame`.

    Parameters
    ----------
    ax : three Axes, optional
        To draw on.
    figsize : (width, height), optional
        Of a new figure, in inches.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses + (1 | school)", data=hs).reml()
    >>> len(hb.plots.plot_level1_residuals(fit).axes)
    3
    """
    found = level1_residuals_frame(fit, kind=kind, factor=factor, prob=prob, seed=seed)
    of = fit.design.factors[fit.design.place_of_factor(factor)].name
    one = len(fit.design.factors) == 1
    word = (
        f"{kind.replace('_', ' ')} residual" if one or kind != "within" else f"residual within {of}"
    )
    given = "of the group" if one else "with all random effects"
    with canvas(ax, figsize, beware=fit.objection, shape=(1, 3), panel=(4.3, 3.8)) as drawn:
        first, second, third = drawn.panels
        _draw_against_fitted(first, found)
        marginal = kind.startswith("marginal")
        several = len(found.groups) > 1
        of_what = f" {'of the population' if marginal else given}" if several else ""
        seen = f"fitted value{of_what}"
        first.set_xlabel(in_lines(drawn, first, seen, LABEL_PER_INCH))
        first.set_ylabel(word)
        _draw_by_group(second, found.groups)
        second.set_ylabel(word)
        ordered = f"{of}, in order of the median{_ends(found.groups)}"
        second.set_xlabel(in_lines(drawn, second, ordered, LABEL_PER_INCH) if several else of)
        size = float(np.clip(60.0 / np.sqrt(len(found.rows)), 1.4, 4.0))
        labels = found.rows.index.astype(str)
        draw_normal_quantiles(third, found.rows, "scaled", labels=labels, size=size)
        third.set_ylabel(word if kind in _SCALED else f"{word} / its sd")
        by_group = "By group" if several else "Quartiles"
        titles = ("Against fitted values", by_group, f"Normal quantiles, {100 * prob:g}% band")
        for panel, title in zip(drawn.panels, titles, strict=True):
            panel.set_title(in_lines(drawn, panel, title, TITLE_PER_INCH))
        heading(drawn, f"Level-1 residuals, {fit.engine}")
    return drawn.figure


def _draw_against_fitted(ax: Axes, found: Level1Picture) -> None:
    rows = found.rows
    size = float(np.clip(80.0 / np.sqrt(len(rows)), 1.2, 4.0))
    ax.plot(rows["fitted"], rows["residual"], linestyle="none", marker="o", markersize=size,
            color=BLUE_INK, markeredgewidth=0.0, alpha=0.6, rasterized=True)  # fmt: skip
    ax.axhline(0.0, color=BLACK, linewidth=0.8)
    if found.kind not in _SCALED:
        return
    for limit in (-FAR, FAR):
        ax.axhline(limit, color=GREY, linewidth=0.7, linestyle=":")
    size = rows["residual"].abs().fillna(0.0).to_numpy()
    far = [k for k in np.argsort(-size, kind="stable")[:_NAMED_ROWS] if size[k] > FAR]
    fitted, residual = rows["fitted"].to_numpy(), rows["residual"].to_numpy()
    name_points(ax, [(f"row {rows.index[k]}", fitted[k], residual[k]) for k in far])


def _draw_by_group(ax: Axes, groups: pd.DataFrame) -> None:
    """A box from quartile to quartile, a line from end to end, the median as a dash."""
    J = len(groups)
    place = np.arange(J)
    ax.vlines(place, groups["min"], groups["max"], color=GREY, linewidth=0.7 if J <= 60 else 0.4)
    ax.bar(place, groups["q3"] - groups["q1"], bottom=groups["q1"], width=0.72, color=PALE,
           edgecolor=GREY, linewidth=0.5 if J <= 60 else 0.2)  # fmt: skip
    ax.hlines(groups["median"], place - 0.36, place + 0.36, color=BLACK, linewidth=1.6)
    ax.axhline(0.0, color=BLACK, linewidth=0.6, linestyle="--", zorder=0.4)
    if 1 < J <= _NAMED_GROUPS:
        ax.set_xticks(place, groups.index.astype(str), rotation=90, fontsize=8.0)
        ax.tick_params(axis="x", length=0.0, pad=1.5)
    else:
        ax.set_xticks([])
    ax.set_xlim(-1.0, J)


def _ends(groups: pd.DataFrame) -> str:
    """The lowest and the highest of groups that are too many for all to be named."""
    if len(groups) <= _NAMED_GROUPS:
        return ""
    return f", from {groups.index[0]} to {groups.index[-1]}"
