"""Stata: the commands before a model that make its columns, written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hierbayes.errors import FormulaError
from hierbayes.translation.coding import all_factors
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.programs.arithmetic import Arithmetic
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.programs.derived_columns import (
    Computed,
    Deviation,
    GroupMean,
    Indicator,
    usual_factor,
)

_ARITHMETIC = Arithmetic(
    "Stata", {"log": "ln", "log10": "log10", "exp": "exp", "sqrt": "sqrt", "abs": "abs"}, "^", str
)


def complete_rows(model: ModelToWrite, plan: ColumnPlan) -> Iterator[str]:
    """Rows with missing values dropped before means are taken, as the package does."""
    if any(not isinstance(step, Computed) for step in plan.steps):
        yield f"drop if missing({', '.join(model.variables.needed)})"


def coded_columns(model: ModelToWrite) -> frozenset[str]:
    """Columns of labels that stand in a term."""
    factors = {factor.strip("`") for factor in all_factors(model.specification)}
    return frozenset(model.variables.factors) & factors


def encodings(model: ModelToWrite, plan: ColumnPlan) -> Iterator[str]:
    """Columns of labels as numbers with value labels, the reference level first.

    Columns whose labels are whole numbers are numbers in Stata already.
    """
    for name in model.variables.factors:
        levels = plan.levels(name)
        only_groups = name in model.variables.groups and name not in coded_columns(model)
        if only_groups or codes_of(levels) is not None:
            continue
        text = plan.fresh(f"{name}_text")
        yield f"rename {name} {text}"
        if list(levels) == sorted(levels):
            yield f"encode {text}, generate({name})"
        else:
            defined = " ".join(f"{i} {quoted(level)}" for i, level in enumerate(levels, 1))
            yield f"label define {name} {defined}"
            yield f"encode {text}, generate({name}) label({name})"


def commands_of(plan: ColumnPlan) -> Iterator[str]:
    """The commands that make columns, and labels where a definition alone does not say enough.

    In double precision: Stata makes columns of type float unless told otherwise.
    """
    means: dict[tuple[str, str], str] = {}
    steps = plan.with_means()
    for step in steps:
        if isinstance(step, GroupMean):
            means[step.of, step.group] = step.name
            yield f"egen double {step.name} = mean({step.of}), by({step.group})"
        elif isinstance(step, Deviation):
            mean = means[step.of, step.group]
            yield f"generate double {step.name} = {step.of} - {mean}"
        elif isinstance(step, Computed):
            yield f"generate double {step.name} = {_ARITHMETIC.write(step.tree, step.factor)}"
        else:
            yield f"generate {step.name} = ({step.of} == {_code(step, plan)})"
        if usual_factor(step, steps) != step.factor:
            yield f"label variable {step.name} {quoted(step.factor)}"


def _code(step: Indicator, plan: ColumnPlan) -> int:
    """The number that a level has in Stata."""
    levels = plan.levels(step.of)
    place = levels.index(step.level)
    return (codes_of(levels) or range(1, len(levels) + 1))[place]


def codes_of(levels: tuple[str, ...]) -> tuple[int, ...] | None:
    """The numbers that labels are, or None where they are words."""
    whole = all(re.fullmatch(r"0|[1-9][0-9]{0,8}", level) for level in levels)
    return tuple(map(int, levels)) if whole else None


def quoted(text: str) -> str:
    """A text in quotes, in which Stata would take ` and $ for macros."""
    if any(mark in text for mark in '"`$\n') or len(text) > 80:
        raise FormulaError(f"Stata cannot quote the text {text!r}; rename the level or the column")
    return f'"{text}"'
