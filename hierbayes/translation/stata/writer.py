"""Stata: ``mixed``, and ``melogit`` and its sisters of other responses, written.

Source: the Stata Multilevel Mixed-Effects Reference Manual, ``mixed``; the Data Management
Reference Manual, ``encode`` and ``egen``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.families.cumulative import Cumulative
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.coding import all_factors
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.nested_levels import blocks_of, levels_of, longest_chain
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
from hierbayes.translation.stata.errors import STRUCTURES, residuals_option
from hierbayes.translation.stata.families import FAMILIES, words_of
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
    """The model as a command, with the commands that make its columns.

    Other responses are fitted by Laplace's approximation; Stata's default is quadrature.

    Parameters
    ----------
    model : ModelToWrite

    Raises
    ------
    FormulaError
        When Stata has no name for a column, or a term has no counterpart there.
    """
    spec = model.specification
    plan = ColumnPlan(model.variables, _RULES, (*spec.group_columns, *model.variables.errors))
    words = words_of(model, plan)
    fixed = _fixed_part(spec, plan)
    groups = _Groups(model, plan)
    random = _random_part(model, plan, groups) if spec.random else ""
    options = list(words.options)
    if spec.residual is not None:
        random = " ".join(filter(None, [random, _groups_of_errors(model)]))
        options.append(residuals_option(model, groups.numbers))
    # A comma before the first || belongs to the fixed part.
    ordered = isinstance(model.family, Cumulative)  # thresholds stand for its constant
    of_fixed = [*(["noconstant"] if INTERCEPT not in spec.fixed and not ordered else [])]
    of_fixed += words.of_fixed
    noconstant = f", {' '.join(of_fixed)}" if of_fixed else ""
    tail = f"{' ' if ',' in random.rpartition('||')[2] else ', '}{' '.join(options)}"
    command = " ".join([words.command, words.response, *fixed])
    lines = [*_complete_rows(model, plan), *_encodings(model, plan)]
    lines += [*_commands(plan), *groups.commands]
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


class _Groups:
    """Columns of groups as ``mixed`` takes them, and the commands that make those it needs.

    Parameters
    ----------
    model : ModelToWrite
    plan : ColumnPlan
    """

    def __init__(self, model: ModelToWrite, plan: ColumnPlan) -> None:
        self._model = model
        self._plan = plan
        self.commands: list[str] = []

    def level(self, columns: Sequence[str]) -> str:
        """Name of a level: a column of any kind, or one made of a combination."""
        return columns[0] if len(columns) == 1 else self._made("_".join(columns), columns)

    def numbers(self, columns: Sequence[str]) -> str:
        """Name of groups as whole numbers, as ``R.`` takes them."""
        variables = self._model.variables
        levels = {**variables.groups, **variables.errors}[columns[0]].levels
        encoded = columns[0] in _coded(self._model) or _codes(levels) is not None
        if len(columns) == 1 and encoded:
            return columns[0]
        return self._made("_".join([*columns, *(["number"] if len(columns) == 1 else [])]), columns)

    def _made(self, name: str, columns: Sequence[str]) -> str:
        fresh = self._plan.fresh(name)
        self.commands.append(f"egen long {fresh} = group({' '.join(columns)})")
        return fresh


def _groups_of_errors(model: ModelToWrite) -> str:
    """An equation without effects, where errors have groups that no effect has."""
    spec, times = model.specification, model.variables.times
    if times is not None and times.group not in spec.factors:
        return f"|| {times.columns[0]}:, noconstant"
    if not spec.random:
        raise FormulaError(
            "mixed of Stata needs groups, and this model has none; nlme has gls without any"
        )
    return ""


def _random_part(model: ModelToWrite, plan: ColumnPlan, groups: _Groups) -> str:
    """The random-effects equations: crossed intercepts, then levels, each within the one before.

    Raises
    ------
    FormulaError
        For several crossed factors with other effects than an intercept.
    """
    spec = model.specification
    kept = [name for name in spec.factors if blocks_of(name, model) != ((INTERCEPT,),)]
    chain = longest_chain(model, kept)
    if not chain:
        raise FormulaError(
            "Stata has slopes over one of several crossed factors only, and here over "
            f"{in_quotes(kept)}; lmer of lme4 has them all"
        )
    crossed = [name for name in spec.factors if name not in chain]
    parts = [f"|| _all: R.{groups.numbers(spec.columns_of[name])}" for name in crossed]
    for level in levels_of(chain, model):
        parts += _equations(groups.level(level.columns), level.blocks, plan)
    return " ".join(parts)


def _equations(group: str, blocks: Sequence[tuple[str, ...]], plan: ColumnPlan) -> list[str]:
    """The equations of one level; they are independent of each other.

    The equation of independent effects is the default of ``mixed``; here it says so.
    """
    columns = [_random_columns(block, plan) for block in blocks]
    single = all(len(names) == 1 for names in columns)
    if len(columns) > 1 and single and all(names != [""] for names in columns[1:]):
        names = [name for (name,) in columns if name]
        constant = "" if columns[0] == [""] else " noconstant"
        return [f"|| {group}: {' '.join(names)}, covariance(independent){constant}"]
    return [_equation(group, names) for names in columns]


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
        yield f"drop if missing({', '.join(model.variables.needed)})"


def _coded(model: ModelToWrite) -> frozenset[str]:
    """Columns of labels that stand in a term."""
    factors = {factor.strip("`") for factor in all_factors(model.specification)}
    return frozenset(model.variables.factors) & factors


def _encodings(model: ModelToWrite, plan: ColumnPlan) -> Iterator[str]:
    """Columns of labels as numbers with value labels, the reference level first.

    Columns whose labels are whole numbers are numbers in Stata already.
    """
    for name in model.variables.factors:
        levels = plan.levels(name)
        only_groups = name in model.variables.groups and name not in _coded(model)
        if only_groups or _codes(levels) is not None:
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


DIALECT = Dialect(
    "stata",
    "Stata: mixed, melogit ...",
    emit_stata,
    read_stata,
    FAMILIES,
    STRUCTURES,
    without_random=True,
    instead="its gsem ..., mlogit of nominal categories is not written; zeros apart its commands "
    "do not have",
)
