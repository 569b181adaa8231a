"""Stata: ``mixed``, written.

Source: the Stata Multilevel Mixed-Effects Reference Manual, ``mixed``; the Data Management
Reference Manual, ``encode`` and ``egen``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.programs.arithmetic import Arithmetic
from hierbayes.translation.programs.column_plan import ColumnPlan, NameRules
from hierbayes.translation.programs.derived_columns import (
    Computed,
    Deviation,
    GroupMean,
    Indicator,
    usual_factor,
)
from hierbayes.translation.programs.factor_coding import (
    coded_in_full,
    level_choices,
    refuse_unclear_coding,
)
from hierbayes.translation.stata.reader import read_stata

_RESERVED = frozenset({
    "_all", "_b", "byte", "_coef", "_cons", "double", "float", "if", "in", "int", "long",
    "_n", "_N", "_pi", "_pred", "_rc", "_skip", "strL", "using", "with",
})  # fmt: skip
_RULES = NameRules(
    "Stata",
    reserved=_RESERVED,
)
_ARITHMETIC = Arithmetic(
    "Stata", {"log": "ln", "log10": "log10", "exp": "exp", "sqrt": "sqrt", "abs": "abs"}, "^", str
)


def emit_stata(model: ModelToWrite) -> str:
    """The model as a command ``mixed``, with the commands that make its columns.

    Parameters
    ----------
    model : ModelToWrite

    Raises
    ------
    FormulaError
        When Stata has no name for a column, or a term has no counterpart there.
    """
    spec = model.specification
    plan = ColumnPlan(model.variables, _RULES, (spec.group,))
    response = plan.column(spec.response)
    fixed = _fixed_part(spec, plan)
    random = _random_part(spec, plan)
    # A comma before the first || belongs to the fixed part; ML is the default of mixed.
    noconstant = "" if INTERCEPT in spec.fixed else ", noconstant"
    method = "mle" if model.ml else "reml"
    tail = f"{' ' if ',' in random.rpartition('||')[2] else ', '}{method}"
    command = " ".join(["mixed", response, *fixed])
    lines = [*_complete_rows(model, plan), *_encodings(model, plan)]
    lines += _commands(plan)
    return "\n".join([*lines, f"{command}{noconstant} {random}{tail}"])


def _fixed_part(spec: Specification, plan: ColumnPlan) -> list[str]:
    """Effects of the fixed part; ``a##b`` where it is all there is."""
    terms = [term for term in spec.fixed if term != INTERCEPT]
    if len(terms) == 3 and terms[2] == f"{terms[0]}:{terms[1]}" and INTERCEPT in spec.fixed:
        factors = [_operand(factor, terms[2], spec, plan) for factor in factors_of(terms[2])]
        if len(factors) == 2:
            return ["##".join(factors)]
    return [_effect(term, spec, plan) for term in terms]


def _effect(term: str, spec: Specification, plan: ColumnPlan) -> str:
    factors = factors_of(term)
    if len(factors) == 1 and not plan.is_factor(term):
        return plan.column(term)
    return "#".join(_operand(factor, term, spec, plan) for factor in factors)


def _operand(factor: str, term: str, spec: Specification, plan: ColumnPlan) -> str:
    """A column with Stata's operator: ``c.`` for numbers, ``i.`` for labels.

    ``ibn.`` keeps the reference level in; what overlaps with other terms Stata omits.
    """
    name = plan.column(factor)
    if not plan.is_factor(factor):
        return f"c.{name}"
    if factor in coded_in_full(term, spec.fixed, plan.is_factor):
        return f"ibn.{name}"
    numbers = _codes(plan.levels(factor))
    lowest = numbers is None or numbers[0] == min(numbers)
    return f"i.{name}" if lowest else f"ib{(numbers or (1,))[0]}.{name}"


def _random_part(spec: Specification, plan: ColumnPlan) -> str:
    """The random-effects equations; those of one group are independent of each other.

    The equation of independent effects is the default of ``mixed``; here it says so.
    """
    columns = [_random_columns(block, plan) for block in spec.random_effects]
    single = all(len(names) == 1 for names in columns)
    if len(columns) > 1 and single and all(names != [""] for names in columns[1:]):
        names = [name for (name,) in columns if name]
        constant = "" if columns[0] == [""] else " noconstant"
        return f"|| {spec.group}: {' '.join(names)}, covariance(independent){constant}"
    return " ".join(_equation(spec.group, names) for names in columns)


def _equation(group: str, names: Sequence[str]) -> str:
    """One equation; the empty name is the intercept."""
    effects = [name for name in names if name]
    options = ["covariance(unstructured)"] if len(names) > 1 else []
    options += [] if "" in names else ["noconstant"]
    text = f"|| {group}: {' '.join(effects)}".rstrip()
    return f"{text}, {' '.join(options)}" if options else text


def _random_columns(block: tuple[str, ...], plan: ColumnPlan) -> list[str]:
    """Columns of one block.  An equation takes no factor variables, so that they are made."""
    refuse_unclear_coding(block, plan.is_factor, "Stata")
    names: list[str] = []
    for term in block:
        if term == INTERCEPT:
            names.append("")
            continue
        for column in level_choices(term, block, plan.is_factor, plan.levels):
            names.append(_made_effect(column, plan))
    return names


def _made_effect(column: Sequence[tuple[str, str, bool]], plan: ColumnPlan) -> str:
    """Name of one column of a random term: a column, an indicator, or a product of these."""
    parts = [
        plan.indicator(factor, level, full=full) if level else plan.column(factor)
        for factor, level, full in column
    ]
    if len(parts) == 1:
        return parts[0]
    marks = [f"[{'' if full else 'T.'}{level}]" if level else "" for _, level, full in column]
    term = ":".join(f"{factor}{mark}" for (factor, _, _), mark in zip(column, marks, strict=True))
    return plan.product(parts, term)


def _complete_rows(model: ModelToWrite, plan: ColumnPlan) -> Iterator[str]:
    """Rows with missing values dropped before means are taken, as the package does."""
    if any(not isinstance(step, Computed) for step in plan.steps):
        used = dict.fromkeys((*model.variables.columns, model.specification.group))
        yield f"drop if missing({', '.join(used)})"


def _encodings(model: ModelToWrite, plan: ColumnPlan) -> Iterator[str]:
    """Columns of labels as numbers with value labels, the reference level first.

    Columns whose labels are whole numbers are numbers in Stata already.
    """
    for name in model.variables.factors:
        levels = plan.levels(name)
        if name == model.specification.group or _codes(levels) is not None:
            continue
        text = plan.fresh(f"{name}_text")
        yield f"rename {name} {text}"
        if list(levels) == sorted(levels):
            yield f"encode {text}, generate({name})"
        else:
            defined = " ".join(f"{i} {_quoted(level)}" for i, level in enumerate(levels, 1))
            yield f"label define {name} {defined}"
            yield f"encode {text}, generate({name}) label({name})"


def _commands(plan: ColumnPlan) -> Iterator[str]:
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
            yield f"label variable {step.name} {_quoted(step.factor)}"


def _code(step: Indicator, plan: ColumnPlan) -> int:
    """The number that a level has in Stata."""
    levels = plan.levels(step.of)
    place = levels.index(step.level)
    return (_codes(levels) or range(1, len(levels) + 1))[place]


def _codes(levels: tuple[str, ...]) -> tuple[int, ...] | None:
    """The numbers that labels are, or None where they are words."""
    whole = all(re.fullmatch(r"0|[1-9][0-9]{0,8}", level) for level in levels)
    return tuple(map(int, levels)) if whole else None


def _quoted(text: str) -> str:
    """A text in quotes, in which Stata would take ` and $ for macros."""
    if any(mark in text for mark in '"`$\n') or len(text) > 80:
        raise FormulaError(f"Stata cannot quote the text {text!r}; rename the level or the column")
    return f'"{text}"'


DIALECT = Dialect("stata", "Stata: mixed", emit_stata, read_stata)
