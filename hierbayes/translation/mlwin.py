"""MLwiN: a macro of commands, written only.

Commands as the R package R2MLwiN writes them and the Centre for Multilevel Modelling
publishes them: RESP, IDEN, ADDT, FPAR, SETV, CLRE, METH, MLAV, CALC, LINK, NAME, BATC, STAR.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.programs.arithmetic import Arithmetic
from hierbayes.translation.programs.column_plan import ColumnPlan, NameRules
from hierbayes.translation.programs.derived_columns import (
    Computed,
    DerivedColumn,
    Deviation,
    GroupMean,
)
from hierbayes.translation.programs.factor_coding import level_choices, refuse_unclear_coding

_RULES = NameRules("MLwiN")
_ARITHMETIC = Arithmetic(
    "MLwiN",
    {"log": "LOGE", "log10": "LOGT", "exp": "EXPO", "sqrt": "SQRT", "abs": "ABSO"},
    "^",
    lambda name: f"'{name}'",
)


def emit_mlwin(model: ModelToWrite) -> str:
    """The model as a macro.

    Parameters
    ----------
    model : ModelToWrite

    Raises
    ------
    FormulaError
        When MLwiN has no name for a column, or a term has no counterpart there.
    """
    spec = model.specification
    plan = ColumnPlan(model.variables, _RULES, (spec.group,))
    cons, row = plan.fresh("cons"), plan.fresh("row")
    response = plan.column(spec.response)
    fixed = list(_columns(spec.fixed, plan, cons))
    blocks = [list(_columns(block, plan, cons)) for block in spec.random_effects]
    random = [column for block in blocks for column in block]
    only_random = [c for c in dict.fromkeys((*random, (cons,))) if c not in fixed]
    lines = [
        *_notes(model, plan, row),
        *_made(plan, cons, response),
        "",
        f"RESP '{response}'",
        f"IDEN 1 '{row}'",
        f"IDEN 2 '{spec.group}'",
        *(f"ADDT {_listed(column)}" for column in fixed),
        *(f"ADDT {_listed(column)}" for column in only_random),
        *(f"FPAR 0 {_term(column)}" for column in only_random),
        *(f"SETV 2 {_term(column)}" for column in random),
        *_no_covariances(blocks),
        f"SETV 1 '{cons}'",
        "NOTE METH 0 is RIGLS, restricted maximum likelihood; METH 1 is IGLS, maximum likelihood",
        f"METH {int(model.ml)}",
        "BATC 1",
        "STAR",
    ]
    return "\n".join(lines)


def _columns(terms: Sequence[str], plan: ColumnPlan, cons: str) -> Iterator[tuple[str, ...]]:
    """The columns of terms, each as the columns it is a product of."""
    refuse_unclear_coding(terms, plan.is_factor, "MLwiN")
    for term in terms:
        if term == INTERCEPT:
            yield (cons,)
            continue
        for choice in level_choices(term, terms, plan.is_factor, plan.levels):
            yield tuple(
                plan.indicator(factor, level, full=full) if level else plan.column(factor)
                for factor, level, full in choice
            )


def _listed(column: tuple[str, ...]) -> str:
    return " ".join(f"'{name}'" for name in column)


def _term(column: tuple[str, ...]) -> str:
    """Name that ADDT gives to a product."""
    return f"'{'.'.join(column)}'"


def _no_covariances(blocks: Sequence[Sequence[tuple[str, ...]]]) -> Iterator[str]:
    """Covariances between blocks taken out; SETV puts in all of them."""
    for first, second in combinations(blocks, 2):
        yield from (f"CLRE 2 {_term(a)} {_term(b)}" for a in first for b in second)


def _notes(model: ModelToWrite, plan: ColumnPlan, row: str) -> Iterator[str]:
    group = model.specification.group
    yield f"NOTE '{model.data}' has complete rows only, sorted by '{group}'; '{row}' numbers them"
    for factor in model.variables.factors:
        if factor != group:
            coded = ", ".join(f"{i} {level}" for i, level in enumerate(plan.levels(factor), 1))
            yield f"NOTE '{factor}' is coded {coded}"


def _made(plan: ColumnPlan, cons: str, response: str) -> Iterator[str]:
    """Free columns named, then filled."""
    steps = plan.with_means()
    names = [cons, *(step.name for step in steps)]
    yield f"LINK {len(names)} G21"
    yield from (f"NAME G21[{place}] '{name}'" for place, name in enumerate(names, 1))
    means: dict[tuple[str, str], str] = {}
    constant_of = response if response not in names else next(iter(plan.variables.columns))
    yield f"CALC '{cons}' = 0 * '{constant_of}' + 1"
    for step in steps:
        if isinstance(step, GroupMean):
            means[step.of, step.group] = step.name
        yield _command(step, means, plan)


def _command(step: DerivedColumn, means: dict[tuple[str, str], str], plan: ColumnPlan) -> str:
    if isinstance(step, GroupMean):
        return f"MLAV '{step.group}' '{step.of}' '{step.name}'"
    if isinstance(step, Deviation):
        return f"CALC '{step.name}' = '{step.of}' - '{means[step.of, step.group]}'"
    if isinstance(step, Computed):
        return f"CALC '{step.name}' = {_ARITHMETIC.write(step.tree, step.factor)}"
    return f"CALC '{step.name}' = '{step.of}' == {plan.levels(step.of).index(step.level) + 1}"


DIALECT = Dialect("mlwin", "MLwiN: macro", emit_mlwin)
