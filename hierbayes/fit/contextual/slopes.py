r"""Slopes of x within and between groups as linear functions of γ, in every parametrisation.

Write m for the mean of x in a group.  The slope within groups is what y gains when x rises by one
and m stays; the slope between groups is what it gains when both rise.  Of the columns that contain
x, ∂/∂x and the sum of ∂/∂x and ∂/∂m are

    column         x    cvar(x, g)   dvar(x, g)   lvar(x, g)
    within, W      1        0            1            0
    between, B     1        1            0            1
    contextual     0        1           −1            1          B − W

times whatever else stands in the term; a product of two of them follows the product rule, for a
row at the mean of its group.  So raw x beside cvar has γ_x = β_W and
γ_cvar = β_B − β_W; dvar beside cvar has γ_dvar = β_W and γ_cvar = β_B; and raw x beside dvar has
γ_x = β_B and γ_x + γ_dvar = β_W.

With several grouping factors the groups are those of one of them.  Means over a factor within
whose groups these lie whole (over schools, of classes) are constant within a group and held: the
slope between classes is that between classes of the same school, and dvar(x, school) counts as x.
A mean over any other factor splits the slope within, and is refused.

Source: the lecture slides *Mixed Models with R*, "Contextual effects".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic.parser.types import Factor

from hierbayes.design.columns import term_columns
from hierbayes.design.design import Design
from hierbayes.errors import DataError, in_quotes
from hierbayes.fit.contextual.moderators import Setting, choose_settings, factor_names
from hierbayes.fit.contextual.own_columns import own_columns
from hierbayes.fit.contextual.x_columns import (
    XColumn,
    factors_around,
    forms_of,
    plain,
    refuse_other_means,
    role_of,
    x_columns,
)
from hierbayes.frames.arrays import Floats
from hierbayes.specification.terms import factor_text, is_number

_OF_NUMBERS = {"x": 2.0, "cvar": 1.5, "dvar": 0.5, "lvar": 1.5}  # of x = 2 beside x = 1


@dataclass(frozen=True, slots=True, eq=False)
class ContextualSlopes:
    """Weights of γ in the slopes of x, at settings of what they depend on.

    Parameters
    ----------
    x : str
    mean : str
        What stands for the group mean: ``"cvar"``, ``"lvar"``, or ``"x"`` where it is x itself
        beside its deviation.
    settings : tuple of Setting
        One, and empty, where the slopes depend on nothing.
    within, between : (S, p) float
    own : str
        The column of the data that is the group mean; empty where it is made in the formula.
    factor : str
        The grouping factor.
    held : tuple of str
        Means of x over other grouping factors, which are held.
    """

    x: str
    mean: str
    settings: tuple[Setting, ...]
    within: Floats
    between: Floats
    own: str
    factor: str
    held: tuple[str, ...]

    @property
    def contextual(self) -> Floats:
        """Between less within, (S, p)."""
        return self.between - self.within


def contextual_slopes(
    design: Design, x: str, at: Mapping[str, Any] | None = None, factor: str | None = None
) -> ContextualSlopes:
    """The slopes of x within and between groups, at every level of what they depend on.

    Parameters
    ----------
    design : Design
    x : str
        As it stands in the formula, a column or an expression.
    at : mapping, optional
        Values of variables the slopes depend on: a number, a level, or a list of them.  By
        default every level of a factor, and the mean of a number over the rows.  Where the
        slopes depend on x (as with ``x:cvar(x, g)``), they are those of a row at the mean of its
        group, at this value.
    factor : str, optional
        Whose groups are meant, where there are several grouping factors.

    Raises
    ------
    DataError
        When the model has no slope of x within or between groups, x stands in a term in another
        form, or `at` cannot be used.
    """
    k = design.place_of_factor(factor)
    outer = factors_around(design, k)
    refuse_other_means(design, x, k, outer)
    design = design.of_factor(k)
    columns = x_columns(design, x, outer)
    held = _refuse_bent(design, x, outer)
    _refuse_several_columns(columns, x)
    mean = _refuse_inseparable(columns, x, design)
    theirs = own_columns(design, x)
    others = tuple(dict.fromkeys(factor for column in columns for factor in column.others))
    bent = any(len(column.roles) > 1 for column in columns)
    if bent and own_columns(design, x, exact=True) != theirs:
        raise DataError(
            f"the slopes of '{x}' change with its group mean, and the column that stands for it is "
            f"that mean less a constant; write cvar({x}, {design.specification.group})"
        )
    settings = choose_settings(design, x, others, at or {}, on_itself=bent)
    slopes = np.zeros((2, len(settings), len(design.terms)))
    rest = _rest(design, x, columns, settings) if others else {}
    for column in columns:
        own = np.array([column.slopes(setting.values.get(x, 0.0)) for setting in settings])
        slopes[:, :, column.place] = own.T * rest.get(column.place, 1.0)
    named = next((name for name, role in theirs.items() if role == mean), "")
    group = design.specification.group
    return ContextualSlopes(x, mean, settings, slopes[0], slopes[1], named, group, held)


def _refuse_bent(design: Design, x: str, outer: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse terms in which x stands otherwise than as itself, its mean or its deviation.

    Returns the terms that a mean over an outer factor stands in, without x.
    """
    forms, held = forms_of(design, x, outer), list[str]()
    means = {f"{role}({plain(x)},{plain(one)})" for one in outer for role in ("cvar", "lvar")}
    for part in design.columns.fixed_spec.structure:
        factors = list(map(factor_text, part.term.factors))
        words = [factor for factor in factors if not is_number(factor)]
        other = [factor for factor in words if not role_of(factor, forms)]
        of_x = [factor for factor in other if factor_names(factor) & factor_names(x)]
        if len(other) == len(words) and of_x and {plain(factor) for factor in of_x} <= means:
            held.append(str(part.term))
        elif of_x:
            raise DataError(
                f"the slopes of '{x}' change with '{x}' itself, for it stands in the term "
                f"'{part.term}' otherwise than as {x}, its group mean or its deviation from it"
            )
    return tuple(held)


def _refuse_several_columns(columns: tuple[XColumn, ...], x: str) -> None:
    """Refuse a factor x with more than one column of its own."""
    own = [column for column in columns if column.roles == ("x",) and not column.others]
    if len(own) > 1:
        raise DataError(
            f"'{x}' is a factor with {len(own)} columns in the fixed part; slopes within and "
            "between groups need a number, or two levels beside an intercept"
        )


def _refuse_inseparable(columns: tuple[XColumn, ...], x: str, design: Design) -> str:
    """Refuse a model without one of the two slopes; return what stands for the group mean."""
    group = design.specification.group
    roles = {role for column in columns for role in column.roles}
    if not roles:
        listed = in_quotes(design.terms)
        raise DataError(
            f"'{x}' stands in no fixed term of this model; give it as it stands there: {listed}"
        )
    if "lvar" in roles and roles & {"cvar", "dvar"}:
        other = "cvar" if "cvar" in roles else "dvar"
        raise DataError(
            f"beside the latent mean lvar({x}, {group}) stands {other}({x}, {group}), made of the "
            f"sample mean, so that the two slopes are not corrected for its unreliability; write "
            f"{x} + lvar({x}, {group})"
        )
    if not roles & {"x", "dvar"}:
        raise DataError(
            f"the model has the group mean of '{x}' but no slope within groups: add {x} or "
            f"dvar({x}, {group}) to the fixed part"
        )
    if not (roles & {"cvar", "lvar"} or {"x", "dvar"} <= roles):
        mean = f"cvar({x}, {group})"
        if ":" in group:  # of several columns, of which no formula makes a mean
            mean = f"a column of its mean in each '{group}'"
        raise DataError(
            f"the model has no group mean of '{x}', so that slopes within and between groups are "
            f"one coefficient: add {mean} to the fixed part"
            if roles == {"x"}
            else f"the model has no slope of '{x}' between groups: add {mean} to the fixed part"
        )
    return next(role for role in ("lvar", "cvar", "x") if role in roles)


def _rest(
    design: Design, x: str, columns: tuple[XColumn, ...], settings: tuple[Setting, ...]
) -> dict[int, Floats]:
    """What the other factors of each column make at each setting, (S,) by place.

    Formulaic makes the columns of two rows in a group of their own for each setting, so that
    every coding is its own; what x makes of the first row is divided out.
    """
    levels = _two_levels(design, x)
    grid = {name: np.repeat(_values(settings, name), 2) for name in settings[0].values}
    grid |= {name: np.tile(levels[::-1] or [2.0, 1.0], len(settings)) for name in factor_names(x)}
    grid[design.specification.group] = np.repeat(range(len(settings)), 2)
    for name, role in own_columns(design, x).items():
        deviation = np.tile([0.5, -0.5], len(settings))
        grid[name] = deviation if role == "dvar" else 1.5 + 0.0 * deviation
    terms = tuple(dict.fromkeys(design.columns.term_of[column.place] for column in columns))
    made, names = term_columns(design.columns, terms, pd.DataFrame(grid))
    value = {c.place: made[::2, names.index(design.terms[c.place])] for c in columns}
    by_x: dict[str, Any] = {c.roles[0]: value[c.place] / c.scale for c in columns if c.is_plain}
    if factor_names(x) == {x}:
        by_x = {"x": 1.0, "cvar": 0.5, "dvar": 0.5, "lvar": 0.5} if levels else _OF_NUMBERS
    if any(role not in by_x for column in columns for role in column.roles):
        raise DataError(
            f"the slopes of '{x}' cannot be told from this coding of its terms, because it is an "
            "expression; make a column of it"
        )
    return {c.place: value[c.place] / c.value(by_x) for c in columns}


def _values(settings: tuple[Setting, ...], name: str) -> Any:
    return np.array([setting.values[name] for setting in settings])


def _two_levels(design: Design, x: str) -> list[Any]:
    """The levels of x where it is a factor."""
    kind, state = design.columns.fixed_spec.encoder_state.get(x, (None, {}))
    return list(state["categories"]) if kind is Factor.Kind.CATEGORICAL else []
