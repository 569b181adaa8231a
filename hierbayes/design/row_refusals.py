"""Rows that no model of their kind can be fitted to, refused before anything is summed up."""

from __future__ import annotations

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.family_rows import has_thresholds
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.errors import DataError, FormulaError
from hierbayes.families.family import ResponseFamily

LARGEST = 1e140  # values whose squares, and sums of them, are numbers
_SQUARED = (1e-140, 1e152)  # spreads of a response whose variances and their parts are numbers


def refuse_rows(design: Design) -> None:
    """Refuse a response, groups or a number of rows that cannot carry the model.

    Raises
    ------
    DataError, FormulaError
        Naming the column.
    """
    low, high = design.rows.response_range
    _refuse_constant_response(design, low, high)
    _refuse_no_variance(design, high - low)
    _refuse_huge_columns(design)
    family = None if design.rows.family is None else design.rows.family.family
    for factor in design.factors if design.blocks else ():
        _refuse_one_group(factor)
        if design.specification.known_sd:
            continue
        if family is None or family.name in ("Bernoulli", "Categorical"):
            _refuse_groups_of_one(factor, design.n, family)
    _refuse_thresholds_without_intercept(design)
    _refuse_too_many_columns(design)


def _refuse_constant_response(design: Design, low: float, high: float) -> None:
    rows = design.rows
    if low == high:
        constant = low if rows.family is None else rows.family.first
        raise DataError(
            f"the response '{design.specification.left}' is constant ({constant:g}): "
            "there is nothing to explain; check how the column was made, and which rows were chosen"
        )


def _refuse_no_variance(design: Design, spread: float) -> None:
    """Refuse a response in a unit in which its variance is no floating-point number."""
    smallest, largest = _SQUARED
    if not smallest <= spread <= largest:
        raise DataError(
            f"the response '{design.specification.response}' has a spread of {spread:.1g}, whose "
            "square cannot be computed with: take another unit"
        )


def _refuse_huge_columns(design: Design) -> None:
    """Refuse columns whose squares overflow; the sum of all squares at once is asked first."""
    rows = design.rows.head
    asked = [(design.terms, rows.X)]
    if design.columns.made_by[1:]:  # the other random columns are columns of X
        asked.append((design.effects, rows.Z))
    for names, columns in asked:
        if np.vdot(columns, columns) <= LARGEST**2:  # no number is larger than its root
            continue
        size = np.abs(columns).max(axis=0)
        if size.max() > LARGEST:
            raise DataError(unit_in_words(names[int(size.argmax())], float(size.max())))


def unit_in_words(column: str, size: float) -> str:
    """The refusal of a column whose values are so large or small that squares are no numbers."""
    return (
        f"the column '{column}' has values of the size {size:.1g}, whose squares cannot be "
        "computed with: take another unit"
    )


def _refuse_thresholds_without_intercept(design: Design) -> None:
    rows = design.rows.family
    if rows is not None and has_thresholds(rows.family) and "Intercept" not in design.terms:
        raise FormulaError(
            f"the thresholds of {rows.family} need the place of the intercept, and the fixed part "
            "leaves it out; write 1 for 0"
        )


def _refuse_one_group(factor: GroupingFactor) -> None:
    if factor.J == 1:
        raise DataError(
            f"the group column '{factor.name}' has one group ({factor.labels[0]}); a hierarchical "
            "model needs at least two"
        )


def _refuse_groups_of_one(factor: GroupingFactor, n: int, family: ResponseFamily | None) -> None:
    if n != factor.J:
        return
    why = "group and residual variance cannot be told apart"
    if family is not None:
        why = (
            f"one response of {family.name} says nothing of a variance between such groups; leave "
            f"(1 | {factor.name}) out"
        )
    raise DataError(
        f"the group column '{factor.name}' has as many groups as there are rows ({n}); {why}"
    )


def _refuse_too_many_columns(design: Design) -> None:
    n, p = design.n * design.rows.predictors, len(design.terms)
    if p >= n:
        raise DataError(
            f"the fixed part has {p} columns and there are {n} rows; use fewer terms, or look for "
            "a number that is stored as text"
        )
