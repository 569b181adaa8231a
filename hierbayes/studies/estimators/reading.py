"""From a formula and data to grouped rows, or a refusal in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from formulaic.parser.types import Factor
from pandas.api.types import is_bool_dtype

from hierbayes.design.built_design import build_design
from hierbayes.design.design import Design
from hierbayes.errors import DataError, FormulaError
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.constancy import columns_vary_within
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.random_term import random_terms
from hierbayes.specification.term_parser import outside_backticks
from hierbayes.specification.terms import INTERCEPT, bare_term, factors_of
from hierbayes.studies.estimators.grouped_rows import GroupedRows

_FEWEST = 3  # groups with a slope in each level: a line through two means leaves nothing over


def read_question(formula: Any, group: Any, data: Any) -> tuple[Specification, GroupedRows]:
    """Read ``y ~ x`` or ``y ~ x * factor`` in groups.

    Returns
    -------
    specification : Specification
        The formula with random intercepts and slopes of x.
    rows : GroupedRows
        Complete rows only.

    Raises
    ------
    FormulaError
        When the formula is not of this form.
    DataError
        When the data cannot answer it, see `refuse_unanswerable`.
    """
    stated = _read(formula, group)
    design = build_design(stated, data)
    factor = _between_factor(stated, design, data)
    predictor = next(term for term in _singles(stated) if term != factor)
    rows = _grouped(stated, design, predictor, factor)
    refuse_unanswerable(rows)
    random = random_terms(stated.group, [(INTERCEPT, predictor)])
    return Specification(stated.response, stated.fixed, random), rows


def refuse_unanswerable(rows: GroupedRows) -> None:
    """Refuse rows in which some of the six estimators do not exist.

    Raises
    ------
    DataError
        When no group has a slope, a level has too few groups with one, the means of x are all
        equal, or no group has more rows than coefficients.
    """
    x, g = rows.predictor, rows.group
    if rows.n.max() == 1:
        raise DataError(f"every group of '{g}' has one row: there is nothing within groups")
    if not rows.sloped.any():
        raise DataError(
            f"'{x}' is constant within every group of '{g}': it has no slope within groups; "
            "choose a predictor that varies within groups"
        )
    counts = rows.by_level(rows.sloped.astype(np.float64)).astype(int)
    for level, count in zip(rows.levels, counts, strict=True):
        if count < _FEWEST:
            where = f"the level '{level}' of '{rows.factor}' has" if rows.factor else f"'{g}' has"
            remedy = "join levels or leave out the factor" if rows.factor else "use more groups"
            raise DataError(
                f"{where} {count} {'group' if count == 1 else 'groups'} in which a slope of '{x}' "
                f"can be estimated, and at least {_FEWEST} are needed; {remedy}"
            )
    _refuse_equal_means(rows)
    if (rows.n[rows.sloped] <= 2).all():
        raise DataError(
            f"no group of '{g}' has more than two rows with different '{x}': the regressions in "
            "the groups leave no residuals; use groups with more rows"
        )


def _refuse_equal_means(rows: GroupedRows) -> None:
    for at, level in enumerate(rows.levels):
        means = rows.x_mean[rows.level_of == at]
        if np.ptp(means) <= 1e-9 * np.ptp(rows.x):
            where = f"at the level '{level}' of '{rows.factor}'" if rows.factor else "of the data"
            raise DataError(
                f"the mean of '{rows.predictor}' is the same in every group {where}: there is no "
                "slope between groups, and nothing for the estimators to differ by; "
                "fit one model instead"
            )


def _read(formula: Any, group: Any) -> Specification:
    if not isinstance(formula, str):
        raise FormulaError(
            f"the formula must be text such as 'y ~ x * w', not {type(formula).__name__}"
        )
    if not isinstance(group, str) or not group.strip():
        several = isinstance(group, (list, tuple)) and len(group) > 1
        remedy = "; the estimators are of groups of one factor: ask for each apart" * several
        raise FormulaError(f"group must name the column of groups, not {group!r}{remedy}")
    if "|" in outside_backticks(formula):
        raise FormulaError(
            f"'{formula}' states a random part; leave it out: the estimators make their own from "
            "group='...'"
        )
    stated = read_combined(formula, f"~ 1 | `{group.strip('`')}`")
    singles = _singles(stated)
    products = [frozenset(factors_of(t)) for t in stated.fixed if len(factors_of(t)) > 1]
    wanted = [frozenset(singles)] if len(singles) == 2 else []
    if INTERCEPT not in stated.fixed or len(singles) not in (1, 2) or products != wanted:
        raise FormulaError(
            f"the estimators are those of 'y ~ x' or 'y ~ x * factor', and '{formula}' is neither; "
            "other models are for Model()"
        )
    return stated


def _singles(stated: Specification) -> list[str]:
    return [term for term in stated.fixed if len(factors_of(term)) == 1]


def _between_factor(stated: Specification, design: Design, data: pd.DataFrame) -> str | None:
    """Which of the two terms is the factor; the other must be a number.

    A column of True and False is one where the other is none.
    """
    singles = _singles(stated)
    kinds = design.columns.fixed_spec.encoder_state
    factors = [term for term in singles if kinds[term.strip("`")][0] is Factor.Kind.CATEGORICAL]
    truths = [term for term in singles if _is_true_or_false(term, data)]
    if len(singles) == 2 and not factors and len(truths) == 1:
        factors = truths
    if len(factors) == len(singles):
        raise DataError(
            f"'{factors[0]}' is a factor, and the predictor within groups must be a number; "
            "make a column of numbers from it"
        )
    if len(singles) == 2 and not factors:
        raise DataError(
            f"neither '{singles[0]}' nor '{singles[1]}' is a factor; the variable between groups "
            f"must be one: write C({singles[1]}), or make levels of it"
        )
    return factors[0] if factors else None


def _is_true_or_false(term: str, data: pd.DataFrame) -> bool:
    name = term.strip("`")
    return name in data.columns and is_bool_dtype(data[name].dtype)


def _grouped(
    stated: Specification, design: Design, predictor: str, factor: str | None
) -> GroupedRows:
    owners = [owner.replace("`", "") for owner in design.columns.term_of]
    columns = {
        term: [k for k, owner in enumerate(owners) if owner == bare_term(term)]
        for term in stated.fixed
    }
    product = [term for term in stated.fixed if len(factors_of(term)) > 1]
    if len(columns[predictor]) != 1:
        raise FormulaError(
            f"'{predictor}' makes {len(columns[predictor])} columns; the predictor must be one"
        )
    order = [*columns[INTERCEPT], *columns[predictor]]
    levels: tuple[str, ...] = ("",)
    row_level = np.zeros(design.n, dtype=np.intp)
    if factor is not None:
        order += [*columns[factor], *columns[product[0]]]
        levels = _levels(design, factor, columns[factor])
        row_level = _row_levels(design.rows.X[:, columns[factor]])
        _refuse_varying_factor(factor, row_level, levels, design)
    level_of = np.zeros(design.J, dtype=np.intp)
    level_of[design.rows.codes] = row_level
    return GroupedRows(
        response=stated.response.strip("`"), predictor=predictor.strip("`"), group=stated.group,
        factor=None if factor is None else factor.strip("`"), levels=levels,
        terms=tuple(design.terms[k] for k in order), y=design.rows.plain_response("estimators()"),
        x=np.ascontiguousarray(design.rows.X[:, columns[predictor][0]]), codes=design.rows.codes,
        groups=design.groups, level_of=level_of, dropped=design.dropped,
    )  # fmt: skip


def _levels(design: Design, factor: str, columns: list[int]) -> tuple[str, ...]:
    """The levels of a factor, its coding refused unless it compares each with the first."""
    name = factor.strip("`")
    if design.columns.fixed_spec.encoder_state[name][0] is not Factor.Kind.CATEGORICAL:
        return "False", "True"
    categories = design.columns.fixed_spec.encoder_state[name][1]["categories"]
    levels = tuple(str(level) for level in categories)
    found = [design.terms[k] for k in columns]
    if found != [f"{name}[T.{level}]" for level in levels[1:]]:
        raise FormulaError(
            f"'{factor}' has a coding of its own; the estimators compare each level with the "
            "first: leave the coding out, and order the levels in the data"
        )
    return levels


def _row_levels(dummies: Floats) -> Integers:
    level: Integers = np.where(dummies.any(axis=1), dummies.argmax(axis=1) + 1, 0)
    return level


def _refuse_varying_factor(
    factor: str, row_level: Integers, levels: tuple[str, ...], design: Design
) -> None:
    level = row_level[:, None].astype(np.float64)
    varies = np.flatnonzero(columns_vary_within(level, design.rows.codes, design.J))
    if len(varies):
        j = int(varies[0])
        both = [levels[k] for k in np.unique(row_level[design.rows.codes == j])[:2]]
        group = design.specification.group
        raise DataError(
            f"'{factor}' varies within groups: {group} {design.groups[j]} has both '{both[0]}' "
            f"and '{both[1]}' ({len(varies)} of {design.J} groups do); the factor must be one of "
            "the groups"
        )
