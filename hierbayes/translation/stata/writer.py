"""Stata: ``mixed``, ``melogit`` and its sisters, ``meta meregress`` and ``gsem``, written.

Source: the Stata Multilevel Mixed-Effects Reference Manual, ``mixed``; the Data Management
Reference Manual, ``encode`` and ``egen``.
"""

from __future__ import annotations

from hierbayes.errors import FormulaError
from hierbayes.families.categorical import Categorical
from hierbayes.families.cumulative import Cumulative
from hierbayes.specification.formula import Specification
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.programs.column_plan import ColumnPlan, NameRules
from hierbayes.translation.programs.factor_coding import coded_in_full
from hierbayes.translation.stata.data_steps import codes_of, commands_of, complete_rows, encodings
from hierbayes.translation.stata.errors import STRUCTURES, residuals_option
from hierbayes.translation.stata.families import FAMILIES, words_of
from hierbayes.translation.stata.gsem import gsem_command
from hierbayes.translation.stata.known_errors import known_errors
from hierbayes.translation.stata.random_part import Groups, random_part
from hierbayes.translation.stata.reader import read_stata

_RESERVED = frozenset({
    "_all", "_b", "byte", "_coef", "_cons", "double", "float", "if", "in", "int", "long",
    "_n", "_N", "_pi", "_pred", "_rc", "_skip", "strL", "using", "with",
})  # fmt: skip
_RULES = NameRules(
    "Stata",
    reserved=_RESERVED,
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
    fixed = _fixed_part(spec, plan)
    if isinstance(model.family, Categorical):
        command = gsem_command(model, plan, fixed)
        return "\n".join([*_columns(model, plan), command])
    words = words_of(model, plan)
    groups = Groups(model, plan)
    random = random_part(model, plan, groups) if spec.random else ""
    options, name = list(words.options), words.command
    if spec.known_sd:
        name, options = "meta meregress", known_errors(spec.known_sd, random, options)
    if spec.residual is not None:
        random = " ".join(filter(None, [random, _groups_of_errors(model)]))
        options.append(residuals_option(model, groups.numbers))
    # A comma before the first || belongs to the fixed part.
    ordered = isinstance(model.family, Cumulative)  # thresholds stand for its constant
    of_fixed = [*(["noconstant"] if INTERCEPT not in spec.fixed and not ordered else [])]
    of_fixed += words.of_fixed
    noconstant = f", {' '.join(of_fixed)}" if of_fixed else ""
    tail = f"{' ' if ',' in random.rpartition('||')[2] else ', '}{' '.join(options)}"
    command = " ".join([name, words.response, *fixed])
    lines = [*_columns(model, plan), *groups.commands]
    return "\n".join([*lines, f"{command}{noconstant} {random}{tail}"])


def _columns(model: ModelToWrite, plan: ColumnPlan) -> list[str]:
    """The commands that make the columns planned so far."""
    return [*complete_rows(model, plan), *encodings(model, plan), *commands_of(plan)]


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
    numbers = codes_of(plan.levels(factor))
    lowest = numbers is None or numbers[0] == min(numbers)
    return f"i.{name}" if lowest else f"ib{(numbers or (1,))[0]}.{name}"


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


DIALECT = Dialect(
    "stata",
    "Stata: mixed, melogit, gsem ...",
    emit_stata,
    read_stata,
    FAMILIES,
    STRUCTURES,
    without_random=True,
    drops_aliased=True,
    instead="zeros apart its commands do not have",
)
