"""The rows of data behind a fit, and average rows with some variables at stated values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.complete import complete_rows
from hierbayes.design.design import Design
from hierbayes.design.family_rows import read_family_rows
from hierbayes.design.group_codes import group_labels
from hierbayes.design.matrices import columns_needed
from hierbayes.design.variables import is_factor
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats
from hierbayes.frames.native_numbers import native_numbers


@dataclass(frozen=True, slots=True, eq=False)
class AverageRows:
    """Fixed columns at stated values, averaged over what is not stated.

    Parameters
    ----------
    X : (m P, p) float
    further : (m, k) float or None
        Columns that the response depends on beside η, likewise; None where there are none.
    held : str
        At which values the other variables are, in words; empty where there are none.
    """

    X: Floats
    further: Floats | None
    held: str


def own_rows(fit: Fitted) -> pd.DataFrame:
    """The columns of data that a fit was made of, on its rows.

    Raises
    ------
    StudyError
        When it has none in memory.
    """
    rows = fit.design.rows
    if rows.streams or not rows.frames:
        raise StudyError(
            "the rows of this fit are not in memory, and a picture against a variable needs them; "
            "give data="
        )
    return native_numbers(pd.concat(list(rows.frames)))


def fit_rows(fit: Fitted, data: pd.DataFrame | None) -> pd.DataFrame:
    """The rows of the data that a fit used, in its order; of no data those it was made of.

    Raises
    ------
    StudyError
        When these are not the data of the fit.
    """
    design = fit.design
    if data is None:
        return own_rows(fit)
    if not isinstance(data, pd.DataFrame):
        raise StudyError(f"data must be the DataFrame of the fit, not {type(data).__name__}")
    if len(data) != len(design.rows.kept):
        raise StudyError(
            f"these data have {len(data)} rows and those of the fit {len(design.rows.kept)}; "
            "give the data of the fit"
        )
    spec = design.specification
    rows, response = native_numbers(data.loc[design.rows.kept]), spec.response.strip("`")
    same = _same_groups(design, rows)
    if same and response in rows:
        same = _same_responses(design, rows, response)
    if not same:
        *first, last = spec.group_columns or ("its rows",)
        raise StudyError(
            f"{in_quotes((response, *first))} or '{last}' differ from those of the fit; give the "
            "data of the fit"
        )
    beside = () if design.rows.family is None else design.rows.family.family.further_terms
    needed = columns_needed(spec.offsets, spec.fixed, *spec.random_effects, beside)
    names = [*needed, *spec.group_columns]
    frame, _, _ = complete_rows(rows, [name for name in dict.fromkeys(names) if name in rows])
    return frame


def _same_responses(design: Design, rows: pd.DataFrame, response: str) -> bool:
    """Whether every row has the response that the design has of it."""
    family = design.rows.family
    if family is None:
        observed, offset = rows[response].to_numpy(dtype=np.float64), design.rows.offset
        return bool((observed - offset == design.rows.response).all())
    read = read_family_rows(family.family, design.specification, rows)
    return bool((read.y == family.y).all() and (read.m == family.m).all())


def _same_groups(design: Design, rows: pd.DataFrame) -> bool:
    """Whether every row is in the groups in which the design has it."""
    columns_of = design.specification.columns_of  # of nothing, where there are no random effects
    P = design.columns.n_predictors
    return all(
        set(columns_of[factor.name]) <= set(rows)
        and (factor.find(group_labels(rows, columns_of[factor.name])) == codes[::P]).all()
        for factor, codes in zip(design.factors, design.rows.codes_of, strict=True)
        if factor.name in columns_of
    )


def fixed_variables(fit: Fitted) -> tuple[str, ...]:
    """Columns of the data that the fixed part reads."""
    return columns_needed(fit.design.specification.fixed)


def expected_variables(fit: Fitted) -> tuple[str, ...]:
    """Those, and the columns that a probability of zeros depends on."""
    family = fit.problem.design.rows.family
    beside = () if family is None or family.further is None else family.further.needed
    return tuple(dict.fromkeys((*fixed_variables(fit), *beside)))


def refuse_no_variable(fit: Fitted, name: str, zeros: bool = False) -> None:
    """Refuse a name that the fixed part does not read, nor the zeros where they count.

    Raises
    ------
    StudyError
        Listing those it does.
    """
    names = expected_variables(fit) if zeros else fixed_variables(fit)
    if name in names:
        return
    listed = in_quotes(names) or "none"
    hint = "; make a column of the data of it, and fit with that" if "(" in str(name) else ""
    part = "fixed part, nor of the zeros" if names != fixed_variables(fit) else "fixed part"
    raise StudyError(f"'{name}' is no variable of the {part}; its variables are: {listed}{hint}")


def average_rows(
    fit: Fitted,
    rows: pd.DataFrame,
    varied: pd.DataFrame,
    at: Mapping[str, Any] | None = None,
    *,
    zeros: bool = True,
) -> AverageRows:
    """Fixed columns where some variables have stated values.

    Numbers that are not stated are at their mean over the rows; factors, and the groups where the
    fixed part reads them (group means), are averaged over the rows.

    Parameters
    ----------
    fit : Fitted
    rows : DataFrame
        As of `fit_rows`.
    varied : DataFrame
        Variables with their values, m rows.
    at : mapping, optional
        Values of other variables.
    zeros : bool
        Whether what a probability of zeros depends on is wanted too.

    Raises
    ------
    StudyError
        When a name is no variable of the fixed part, is stated twice, or at several values.
    DataError
        When a level does not exist.
    """
    stated = dict(at or {})
    for name, value in stated.items():
        if np.ndim(value) or isinstance(value, Mapping | set):
            raise StudyError(
                f"at= holds each variable at one value, and '{name}' has several: {value!r}; name "
                "it in by= to see it at each of them"
            )
    for name in (*varied.columns, *stated):
        refuse_no_variable(fit, name, zeros)
        if name in stated and name in varied.columns:
            raise StudyError(f"'{name}' is drawn and stated in at=; leave it out there")
    read = expected_variables(fit) if zeros else fixed_variables(fit)
    others = [n for n in read if n not in stated and n not in varied.columns]
    groups = fit.design.specification.group_columns
    averaged = [
        name for name in others if name in groups or is_factor(fit.design.columns, rows[name])
    ]
    means = {name: float(rows[name].mean()) for name in others if name not in averaged}
    kinds = _kinds(rows, averaged)
    m = len(varied)
    grid = varied.iloc[np.tile(np.arange(m), len(kinds))].reset_index(drop=True)
    grid = grid.assign(**means, **stated)
    for name in averaged:
        values = rows[name].iloc[np.repeat(kinds["first"].to_numpy(), m)]
        grid[name] = values.reset_index(drop=True)
    X, _ = fit.design.columns.new_matrices(grid, random=False)
    weights = kinds["n"].to_numpy() / kinds["n"].sum()

    def mean(columns: Floats) -> Floats:
        of_kinds = columns.reshape(len(kinds), len(columns) // len(kinds), -1)
        return np.asarray(np.einsum("k,kmp->mp", weights, of_kinds))

    family = fit.problem.design.rows.family
    beside = None if not zeros or family is None else family.further
    further = None if beside is None else mean(beside.of_new_rows(np.ones(len(grid)), grid)[:, 1:])
    return AverageRows(mean(X), further, _in_words(fit, means, stated, averaged))


def _kinds(rows: pd.DataFrame, averaged: list[str]) -> pd.DataFrame:
    """Combinations of factors that occur: position of the ``first`` row, and number ``n``."""
    if not averaged:
        return pd.DataFrame({"first": [0], "n": [len(rows)]})
    codes = rows.groupby(averaged, observed=True, sort=False).ngroup().to_numpy()
    _, first, count = np.unique(codes, return_index=True, return_counts=True)
    return pd.DataFrame({"first": first, "n": count})


def _in_words(
    fit: Fitted, means: dict[str, float], stated: dict[str, Any], averaged: list[str]
) -> str:
    parts = [f"{name} = {value_text(value)} (mean)" for name, value in means.items()]
    parts += [f"{name} = {value_text(value)}" for name, value in stated.items()]
    if averaged:
        groups = fit.design.specification.group_columns
        words = "the groups" if len(groups) == 1 else "the groups of {}"
        names = [words.format(name) if name in groups else name for name in averaged]
        parts.append(f"averaged over {', '.join(names)}")
    return ", ".join(parts)


def value_text(value: Any) -> str:
    """A level as it is, a number in three digits and no exponent before the millions.

    Examples
    --------
    >>> value_text(1107.6), value_text(-0.02677), value_text("Male")
    ('1108', '-0.0268', 'Male')
    """
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:z.3g}"
