"""SAS: PROC MIXED, and PROC GLIMMIX of other responses, written.

Spelling: the lecture slides *Mixed Models with R*, where each model stands beside its
SAS commands, and the SAS/STAT User's Guide, "The MIXED Procedure".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hierbayes.errors import FormulaError
from hierbayes.families.cumulative import Cumulative
from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.programs.column_plan import ColumnPlan, NameRules
from hierbayes.translation.programs.factor_coding import level_choices, refuse_unclear_coding
from hierbayes.translation.sas.data_steps import prelude, quoted
from hierbayes.translation.sas.errors import STRUCTURES, Repeated
from hierbayes.translation.sas.families import FAMILIES, words_of
from hierbayes.translation.sas.known_errors import held_parameters, inverse_variance
from hierbayes.translation.sas.reader import read_sas

_RULES = NameRules(
    "PROC MIXED",
    reserved=frozenset({"intercept", "int", "_all_", "_numeric_", "_character_", "_n_", "_error_"}),
    ignores_case=True,
)


def emit_sas(model: ModelToWrite) -> str:
    """The model as commands of PROC MIXED or GLIMMIX, with the steps that make its columns.

    Other responses are fitted by Laplace's approximation; GLIMMIX's default is another one.

    Parameters
    ----------
    model : ModelToWrite

    Raises
    ------
    FormulaError
        When SAS has no name for a column, or a term has no counterpart there.
    """
    spec = model.specification
    in_use = (*spec.group_columns, *model.variables.errors)
    plan = ColumnPlan(model.variables, _RULES, in_use)
    words = words_of(model, plan)
    fixed = [_effect(term, plan) for term in spec.fixed if term != INTERCEPT]
    group = f" GROUP={words.nominal}" if words.nominal else ""
    random = [_random_statement(term, _subject(term, spec), plan, group) for term in spec.random]
    weights = inverse_variance(spec.known_sd, plan) if spec.known_sd else spec.weights
    repeated = None if spec.residual is None else Repeated(model, plan, _subject_of_errors(model))
    steps, data = prelude(model, plan, complete=repeated is not None and repeated.in_order)
    classes = {name.partition("(")[0]: name for name in _class_variables(model, plan)}
    classes |= {words.nominal: words.nominal} if words.nominal else {}
    if repeated is not None:
        times = model.variables.times
        own = (*(() if times is None else times.columns), *repeated.classes)
        classes |= {name: name for name in own if name not in classes}
    procedure, method = "MIXED", "ML" if model.ml else "REML"
    if model.family is not None:
        procedure, method = "GLIMMIX", "LAPLACE"
    ordered = isinstance(model.family, Cumulative)  # thresholds stand for its intercept
    noint = "" if INTERCEPT in spec.fixed or ordered else " NOINT"
    return "\n".join(
        [
            *steps,
            *([words.note] if words.note else []),
            f"PROC {procedure} DATA={data} METHOD={method};",
            *([f"  CLASS {' '.join(classes.values())};"] if classes else []),
            f"  MODEL {words.response} = {' '.join([*fixed, '/'])} SOLUTION{noint}{words.options};",
            *([f"  WEIGHT {weights};"] if weights else []),
            *(text for text, _ in random),
            *([held_parameters([size for _, size in random])] if spec.known_sd else []),
            *([] if repeated is None else [repeated.text]),
            "RUN;",
        ]
    )


def _effect(term: str, plan: ColumnPlan) -> str:
    return "*".join(plan.column(factor) for factor in factors_of(term))


def _subject(term: RandomTerm, spec: Specification) -> str:
    """The groups of a random term: a column, or a combination.

    ``class(school)`` where schools are groups of the model too and classes by themselves are not;
    for PROC MIXED it is the same as ``school*class``.
    """
    *outer, inner = term.columns
    if tuple(outer) in spec.columns_of.values() and (inner,) not in spec.columns_of.values():
        return f"{inner}({' '.join(outer)})"
    return "*".join(term.columns)


def _subject_of_errors(model: ModelToWrite) -> str:
    """The groups of correlated errors; empty where they are independent."""
    spec, times = model.specification, model.variables.times
    for term in spec.random if times is not None else ():
        if times is not None and term.factor == times.group:
            return _subject(term, spec)
    return "" if times is None else "*".join(times.columns)


def _random_statement(
    term: RandomTerm, subject: str, plan: ColumnPlan, group: str
) -> tuple[str, int]:
    """One RANDOM statement and how many effects it has.

    The effects of one block are correlated, statements are independent.

    A CLASS effect has a column for every level.  Where the block has a column less, it is
    written as indicators, or G would have a row that the data cannot estimate.  ``group`` is of
    nominal categories, each of which has effects of its own.
    """
    block = term.effects
    refuse_unclear_coding(block, plan.is_factor, "PROC MIXED")
    effects: list[str] = []
    size = 0
    for effect in block:
        if effect == INTERCEPT:
            effects.append("INTERCEPT")
            size += 1
            continue
        columns = level_choices(effect, block, plan.is_factor, plan.levels)
        size += len(columns)
        if all(full for column in columns for _, level, full in column if level):
            effects.append(_effect(effect, plan))
        else:
            effects.extend(_indicated(column, plan) for column in columns)
    kind = " TYPE=UN" if size > 1 else ""
    return f"  RANDOM {' '.join(effects)} / SUBJECT={subject}{kind}{group};", size


def _indicated(column: Sequence[tuple[str, str, bool]], plan: ColumnPlan) -> str:
    return "*".join(
        plan.indicator(factor, level, full=full) if level else plan.column(factor)
        for factor, level, full in column
    )


def _class_variables(model: ModelToWrite, plan: ColumnPlan) -> Iterator[str]:
    """The groups, and every factor that stands in an effect.

    PROC MIXED takes the last level as the reference, formulas the first.  REF= after a
    variable is documented for PROC MIXED from SAS/STAT 12.1 (SAS 9.4) on; before it, the
    levels were reordered by a format.

    Raises
    ------
    FormulaError
        For a column of numbers that is a number in one place and a group in another.
    """
    spec = model.specification
    terms = (*spec.fixed, *(term for block in spec.random_effects for term in block))
    factors = (factor for term in terms for factor in factors_of(term))
    used = {factor.strip("`"): factor for factor in dict.fromkeys(factors)}
    for name in dict.fromkeys((*spec.group_columns, *used)):
        if name in used and plan.is_factor(used[name]):
            yield f"{name}(REF={quoted(plan.levels(used[name])[0])})"
        elif name in used and name in spec.group_columns:
            raise FormulaError(
                f"PROC MIXED takes '{name}' for labels, as the groups of CLASS are, and the model "
                "has it as a number too; make a second column of it"
            )
        elif name in spec.group_columns:
            yield name


DIALECT = Dialect(
    "sas",
    "SAS: PROC MIXED and GLIMMIX",
    emit_sas,
    read_sas,
    FAMILIES,
    STRUCTURES,
    without_random=True,
    drops_aliased=True,
    instead="zeros apart PROC GLIMMIX does not have",
)
