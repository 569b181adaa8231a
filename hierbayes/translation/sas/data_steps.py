"""SAS: the steps before a procedure that make its columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hierbayes.errors import FormulaError
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.programs.arithmetic import Arithmetic
from hierbayes.translation.programs.column_plan import ColumnPlan
from hierbayes.translation.programs.derived_columns import (
    Computed,
    DerivedColumn,
    Deviation,
    GroupMean,
    Indicator,
    made_of,
    usual_factor,
)

_ARITHMETIC = Arithmetic(
    "PROC MIXED",
    {"log": "LOG", "log10": "LOG10", "exp": "EXP", "sqrt": "SQRT", "abs": "ABS"},
    "**",
    str,
)


def prelude(model: ModelToWrite, plan: ColumnPlan, *, complete: bool) -> tuple[list[str], str]:
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
            lines.append(f"  {step.name} = ({step.of} = {quoted(step.level)});")
    labels = [(step.name, _label(step, plan)) for step in batch]
    lines += [f"  LABEL {name} = {label};" for name, label in labels if label]
    return [*lines, "RUN;", ""]


def _complete(model: ModelToWrite) -> str:
    """The condition that no column of the model is missing."""
    return f"CMISS({', '.join(model.variables.needed)}) = 0"


def _label(step: DerivedColumn, plan: ColumnPlan) -> str:
    """The factor as a label, where the definition alone does not say it."""
    said = usual_factor(step, plan.steps) == step.factor
    return "" if said else quoted(step.factor)


def quoted(text: str) -> str:
    """A text in quotes; in double ones SAS would take & and % for macros."""
    if "\n" in text or len(text) > 200:
        raise FormulaError(f"PROC MIXED cannot quote the text {text!r}; rename the level")
    if any(mark in text for mark in '&%"'):
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'
