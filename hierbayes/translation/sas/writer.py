"""SAS: PROC MIXED, and PROC GLIMMIX of other responses, written.

Spelling: the lecture slides *Mixed Models with R*, where each model stands beside its
SAS commands, and the SAS/STAT User's Guide, "The MIXED Procedure".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hierbayes.errors import FormulaError
from hierbayes.families.cumulative import Cumulative
from hierbayes.specification.formula import Specification
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.dialect import Dialect, ModelToWrite
from hierbayes.translation.programs.arithmetic import Arithmetic
from hierbayes.translation.programs.column_plan import ColumnPlan, NameRules
from hierbayes.translation.programs.derived_columns import (
    Computed,
    DerivedColumn,
    Deviation,
    GroupMean,
    Indicator,
    made_of,
    usual_factor,
)
from hierbayes.translation.programs.factor_coding import level_choices, refuse_unclear_coding
from hierbayes.translation.sas.errors import STRUCTURES, Repeated
from hierbayes.translation.sas.families import FAMILIES, words_of
from hierbayes.translation.sas.reader import read_sas

_RULES = NameRules(
    "PROC MIXED",
    reserved=frozenset({"intercept", "int", "_all_", "_numeric_", "_character_", "_n_", "_error_"}),
    ignores_case=True,
)
_ARITHMETIC = Arithmetic(
    "PROC MIXED",
    {"log": "LOG", "log10": "LOG10", "exp": "EXP", "sqrt": "SQRT", "abs": "ABS"},
    "**",
    str,
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
    random = [_random_statement(term, _subject(term, spec), plan) for term in spec.random]
    repeated = None if spec.residual is None else Repeated(model, plan, _subject_of_errors(model))
    prelude, data = _prelude(model, plan, complete=repeated is not None and repeated.in_order)
    classes = {name.partition("(")[0]: name for name in _class_variables(model, plan)}
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
            *prelude,
            *([words.note] if words.note else []),
            f"PROC {procedure} DATA={data} METHOD={method};",
            *([f"  CLASS {' '.join(classes.values())};"] if classes else []),
            f"  MODEL {words.response} = {' '.join([*fixed, '/'])} SOLUTION{noint}{words.options};",
            *random,
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


def _random_statement(term: RandomTerm, subject: str, plan: ColumnPlan) -> str:
    """One RANDOM statement: the effects of one block are correlated, statements are independent.

    A CLASS effect has a column for every level.  Where the block has a column less, it is
    written as indicators, or G would have a row that the data cannot estimate.
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
    return f"  RANDOM {' '.join(effects)} / SUBJECT={subject}{kind};"


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
            yield f"{name}(REF={_quoted(plan.levels(used[name])[0])})"
        elif name in used and name in spec.group_columns:
            raise FormulaError(
                f"PROC MIXED takes '{name}' for labels, as the groups of CLASS are, and the model "
                "has it as a number too; make a second column of it"
            )
        elif name in spec.group_columns:
            yield name


def _prelude(model: ModelToWrite, plan: ColumnPlan, *, complete: bool) -> tuple[list[str], str]:
    """The steps that make columns, and the name of the data set they end in.

    Where the order of rows counts, those with missing values go.
    """
    _refuse_odd_data_set(model.data)
    lines: list[str] = []
    source = model.data
    for made, batch in enumerate(_batches(plan.steps), 1):
        target = "derived" if made == 1 else f"derived{made}"
        if isinstance(batch[0], GroupMean | Deviation):
            lines += _sql_step(batch, source, target, model, plan)
        else:
            lines += _data_step(batch, source, target, model, plan)
        source = target
    if complete:
        step = ["DATA complete;", f"  SET {source};", f"  WHERE {_complete(model)};", "RUN;", ""]
        return [*lines, *step], "complete"
    return lines, source


def _refuse_odd_data_set(name: str) -> None:
    """Refuse what is neither a name nor a library and a name."""
    parts = name.split(".")
    if len(parts) > 2 or not all(re.fullmatch(r"[A-Za-z_]\w{0,31}", part) for part in parts):
        raise FormulaError(
            f"PROC MIXED cannot name the data set '{name}'; call the data by letters, digits and "
            "underscores"
        )


def _batches(steps: Sequence[DerivedColumn]) -> Iterator[list[DerivedColumn]]:
    """Steps that one DATA step or one SELECT makes, each after what it needs."""
    left = list(steps)
    while left:
        waiting = {step.name for step in left}
        ready = [step for step in left if not made_of(step) & waiting]
        batch: list[DerivedColumn] = [s for s in ready if isinstance(s, Computed | Indicator)]
        if not batch:
            group = next(s.group for s in ready if isinstance(s, GroupMean | Deviation))
            batch = [s for s in ready if isinstance(s, GroupMean | Deviation) and s.group == group]
        yield batch
        left = [step for step in left if step not in batch]


def _sql_step(
    batch: Sequence[DerivedColumn], source: str, target: str, model: ModelToWrite, plan: ColumnPlan
) -> list[str]:
    """A SELECT that puts group means beside the rows they are means of.

    The model uses complete rows only, and so must the means.
    """
    items = []
    for step in batch:
        if isinstance(step, GroupMean | Deviation):
            mean = f"MEAN({step.of})"
            value = mean if isinstance(step, GroupMean) else f"{step.of} - {mean}"
            label = _label(step, plan)
            items.append(f"    {value} AS {step.name}" + (f" LABEL={label}" if label else ""))
            group = step.group
    return [
        "PROC SQL;",
        f"  CREATE TABLE {target} AS",
        "  SELECT *,",
        ",\n".join(items),
        f"  FROM {source}",
        f"  WHERE {_complete(model)}",
        f"  GROUP BY {group};",
        "QUIT;",
        "",
    ]


def _data_step(
    batch: Sequence[DerivedColumn], source: str, target: str, model: ModelToWrite, plan: ColumnPlan
) -> list[str]:
    """A DATA step.  A comparison with a missing label would be 0, so that such rows go first."""
    lines = [f"DATA {target};", f"  SET {source};"]
    if any(isinstance(step, Indicator) for step in batch):
        lines.append(f"  WHERE {_complete(model)};")
    for step in batch:
        if isinstance(step, Computed):
            lines.append(f"  {step.name} = {_ARITHMETIC.write(step.tree, step.factor)};")
        elif isinstance(step, Indicator):
            lines.append(f"  {step.name} = ({step.of} = {_quoted(step.level)});")
    labels = [(step.name, _label(step, plan)) for step in batch]
    lines += [f"  LABEL {name} = {label};" for name, label in labels if label]
    return [*lines, "RUN;", ""]


def _complete(model: ModelToWrite) -> str:
    """The condition that no column of the model is missing."""
    return f"CMISS({', '.join(model.variables.needed)}) = 0"


def _label(step: DerivedColumn, plan: ColumnPlan) -> str:
    """The factor as a label, where the definition alone does not say it."""
    said = usual_factor(step, plan.steps) == step.factor
    return "" if said else _quoted(step.factor)


def _quoted(text: str) -> str:
    """A text in quotes; in double ones SAS would take & and % for macros."""
    if "\n" in text or len(text) > 200:
        raise FormulaError(f"PROC MIXED cannot quote the text {text!r}; rename the level")
    if any(mark in text for mark in '&%"'):
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


DIALECT = Dialect(
    "sas",
    "SAS: PROC MIXED and GLIMMIX",
    emit_sas,
    read_sas,
    FAMILIES,
    STRUCTURES,
    without_random=True,
    instead="its LINK=GLOGIT of nominal categories, with GROUP= of the response, is not written; "
    "zeros apart PROC GLIMMIX does not have",
)
