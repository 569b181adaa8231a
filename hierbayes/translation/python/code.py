"""Python code around a call: the definitions and columns that it relies on."""

from __future__ import annotations

from collections.abc import Callable

from hierbayes.errors import FormulaError
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.coding import all_factors, booleans_used, coded_variables
from hierbayes.translation.columns import look_like_numbers
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.expression import functions_in, spelled_factor
from hierbayes.translation.responses import success_of

DEFINITIONS = {
    "cvar": '''def cvar(x, g):
    """Mean of x in the group of each row."""
    return (1.0 * x).groupby(g).transform("mean")''',
    "dvar": '''def dvar(x, g):
    """Deviation of x from the mean of its group."""
    return x - (1.0 * x).groupby(g).transform("mean")''',
}


def contextual_in(model: ModelToWrite) -> tuple[str, ...]:
    """Those of cvar and dvar that a model calls."""
    used = functions_in(all_factors(model.specification))
    return tuple(name for name in DEFINITIONS if name in used)


def definitions(model: ModelToWrite) -> str:
    """Definitions of the contextual functions that the model calls, each with space after it."""
    return "".join(f"\n\n{DEFINITIONS[name]}\n" for name in contextual_in(model))


def complete_rows(model: ModelToWrite) -> str:
    """The statement that leaves the rows which the model uses."""
    listed = ", ".join(map(quoted, model.variables.needed))
    return f"{model.data} = {model.data}.dropna(subset=[{listed}])"


def numbers_of_truths(model: ModelToWrite) -> list[str]:
    """Statements that make numbers of truth values, where a system would make labels of them."""
    columns = (f"{model.data}[{quoted(name)}]" for name in sorted(booleans_used(model)))
    return [f"{column} = 1.0 * {column}" for column in columns]


def orders_of_levels(model: ModelToWrite) -> list[str]:
    """Statements that make factors whose levels sorting would not order, or would not see."""
    lines = []
    response = model.specification.response.strip("`") if model.outcomes else ""
    for variable in coded_variables(model.specification, model.variables):
        if variable.name == response:
            continue
        numbers = look_like_numbers(variable.levels)
        if numbers or list(variable.levels) != sorted(variable.levels):
            column = f"{model.data}[{quoted(variable.name)}]"
            levels = ", ".join(map(quoted, variable.levels))
            labels = f"{column}.astype(str)" if numbers else column
            lines.append(f"{column} = pd.Categorical({labels}, [{levels}], ordered=True)")
    return lines


def successes(model: ModelToWrite) -> list[str]:
    """The statement that makes 1 of the label of a success and 0 of the other."""
    labelled, success = success_of(model)
    if not labelled:
        return []
    name = quoted(labelled)
    column = f"{model.data}[{name}]"
    return [
        f"{model.data} = {model.data}.assign(**{{{name}: 1 * ({column} == {quoted(success)})}})"
    ]


def quoted(text: str) -> str:
    """A text as Python reads it, in double quotes where they do."""
    return repr(text) if '"' in text or "\\" in text else f'"{text}"'


def python_term(
    term: str,
    model: ModelToWrite,
    functions: frozenset[str],
    column: Callable[[str], str],
    system: str,
) -> str:
    """A term as a Python system spells it; `functions` are those it knows."""
    if term == INTERCEPT:
        return term
    return ":".join(
        spelled_factor(factor, model.variables, functions, column, system)
        for factor in factors_of(term)
    )


def refuse_data_name(model: ModelToWrite, system: str) -> None:
    """Refuse a name of the data that is none in Python."""
    if not model.data.isidentifier():
        raise FormulaError(f"{system} cannot call the data '{model.data}'; give a plain name")
