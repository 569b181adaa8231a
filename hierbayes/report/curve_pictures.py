"""Fitted curves: the expected response against the variables of the fixed part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hierbayes.design.matrices import columns_needed
from hierbayes.design.variables import is_factor
from hierbayes.errors import HierbayesError, StudyError
from hierbayes.fit.fit import Fit
from hierbayes.inference.margins.datagrid import datagrid
from hierbayes.inference.margins.margins import Margins
from hierbayes.inference.margins.predictions import predictions
from hierbayes.plots.effects import effects_frame, levels_of, plot_effects
from hierbayes.plots.fit_rows import fixed_variables, own_rows, value_text
from hierbayes.plots.look import SERIES
from hierbayes.plots.margins import plot_margins
from hierbayes.report.picture import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 4  # pictures
_LEVELS = 30  # of a factor along the axis
_POINTS = 21  # of curves of probabilities


def curve_pictures(fit: Fit) -> Iterator[Picture]:
    """One for each variable of the fixed part, or for two that stand in one term."""
    family = fit.problem.family
    categories = family is not None and family.has_categories
    try:
        pairs = shown_pairs(fit, own_rows(fit))
    except HierbayesError as error:
        yield Picture("effect", "fitted curves", partial(_refused, str(error)), lambda: "")
        return
    group = ", in a group with u = 0" if fit.design.specification.random else ""
    for k, (x, by) in enumerate(pairs, 1):
        of = x if by is None else f"{x} by {by}"
        if categories:
            made = cache(partial(_probabilities, fit, x, by))
            yield Picture(
                f"effect_{k}",
                f"probability of each category against {of}{group}; {fit.engine}",
                partial(_draw_probabilities, made, x, by),
                partial(_of_probabilities, made, x),
            )
            continue
        where = "" if family is None else f", on the scale of the response{group}"
        yield Picture(
            f"effect_{k}",
            f"expected response against {of}{where}, with pointwise limits; {fit.engine}",
            partial(plot_effects, fit, None, x, by=by),
            partial(_of_effects, fit, x, by),
        )


def shown_pairs(fit: Fit, rows: pd.DataFrame) -> list[tuple[str, str | None]]:
    """Variables along the axis, numbers first, each with one that tells lines apart, or None.

    The other one shares a term with it, and has no picture of its own; a factor rather than a
    number.
    """
    groups = fit.design.specification.group_columns
    names = [one for one in fixed_variables(fit) if one in rows.columns and one not in groups]
    factors = [one for one in names if is_factor(fit.design.columns, rows[one])]
    levels = {one: len(levels_of(rows[one])) for one in factors}
    terms = [set(columns_needed((term,))) for term in fit.design.specification.fixed]
    pairs: list[tuple[str, str | None]] = []
    for x in (*(one for one in names if one not in factors), *factors):
        beside = [one for _, one in pairs]
        if x in beside or levels.get(x, 0) > _LEVELS or len(pairs) == _MOST:
            continue
        drawn = [one for one, _ in pairs]
        others = [one for one in names if one != x and any({x, one} <= term for term in terms)]
        few = [one for one in others if levels.get(one, 3) <= len(SERIES) and one not in drawn]
        by = sorted(few, key=lambda one: one not in factors)
        pairs.append((x, by[0] if by else None))
    return pairs


def _refused(why: str) -> Figure:
    raise StudyError(why)


def _of_effects(fit: Fit, x: str, by: str | None) -> str:
    """Both ends of each line; of a factor the lowest and the highest level."""
    found = effects_frame(fit, None, x, by=by)
    frame = found.frame
    if "of" in frame:
        frame = frame[frame["of"] == frame["of"].iloc[0]]
    said = []
    for level, own in frame.groupby("by", sort=False):
        ends = own.iloc[[0, -1]] if found.along else own.sort_values("estimate").iloc[[0, -1]]
        (a, b), (low, high) = ends["x"], ends["estimate"]
        of = f"{by} {level}: " if by else ""
        said.append(f"{of}{low:.3g} at {_text(a)}, {high:.3g} at {_text(b)}")
    return f"{'; '.join(said)}."


def _text(value: object) -> str:
    return value_text(float(value) if isinstance(value, int | float | np.number) else value)


def _probabilities(fit: Fit, x: str, by: str | None) -> Margins:
    """Probabilities of categories along x, the other variables where a data grid has them."""
    rows = own_rows(fit)
    values = {name: levels_of(rows[name]) for name in (x, *([by] if by else []))}
    for name, found in values.items():
        if not is_factor(fit.design.columns, rows[name]):
            numbers = rows[name].to_numpy(np.float64)
            at = np.linspace(numbers.min(), numbers.max(), _POINTS if name == x else 3)
            values[name] = found if len(found) <= 3 else at.tolist()
    grid = datagrid(fit, rows, **values)
    return predictions(fit, grid, effects="none", kind="probability")


def _draw_probabilities(made: Callable[[], Margins], x: str, by: str | None) -> Figure:
    return plot_margins(made(), x, by)


def _of_probabilities(made: Callable[[], Margins], x: str) -> str:
    """The likeliest category at both ends."""
    table = made().table
    ends = [table[x].iloc[0], table[x].iloc[-1]]
    best = [table.loc[table.loc[table[x] == end, "estimate"].idxmax()] for end in ends]
    said = [
        f"{row['category']} ({row['estimate']:.2f}) at {_text(end)}"
        for row, end in zip(best, ends, strict=True)
    ]
    return f"Likeliest: {', '.join(said)}."
