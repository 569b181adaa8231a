"""R code around a call: what must be prepared, and formulas as R writes them."""

from __future__ import annotations

from collections.abc import Sequence

from hierbayes.errors import FormulaError
from hierbayes.families.cumulative import Cumulative
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.coding import (
    all_factors,
    booleans_used,
    coded_variables,
    compact,
    refuse_other_coding,
)
from hierbayes.translation.columns import look_like_numbers
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.expression import functions_in
from hierbayes.translation.r.expression import to_r
from hierbayes.translation.r.words import r_name, r_string
from hierbayes.translation.responses import trials_of

DEFINITIONS = {
    "cvar": "cvar <- function(x, g) ave(x, g)",
    "dvar": "dvar <- function(x, g) x - ave(x, g)",
}
_OF_ALL_ROWS = {"cvar", "dvar", "center", "scale", "poly"}  # what other rows change


def r_term(term: str, model: ModelToWrite) -> str:
    """A term as R writes it."""
    return ":".join(to_r(factor, model.variables) for factor in factors_of(term)) or INTERCEPT


def r_formula(model: ModelToWrite) -> str:
    """The fixed part as a two-sided formula, ``*`` where it is shorter."""
    spec = model.specification
    return f"{r_term(spec.response, model)} ~ {r_fixed(model)}"


def r_fixed(model: ModelToWrite) -> str:
    """The fixed part as a one-sided formula."""
    return compact(model.specification.fixed, lambda term: r_term(term, model))


def r_block(block: tuple[str, ...], model: ModelToWrite) -> str:
    """A block of random effects, the intercept said outright: ``"1 + ses"``."""
    parts = [r_term(term, model) for term in block]
    return " + ".join(parts if INTERCEPT in block else ["0", *parts])


def mixed_formula(
    model: ModelToWrite, fixed: str = "", left: str = "", further: Sequence[str] = ()
) -> str:
    """The whole model as lme4 writes it; the random part on a line of its own where it is long.

    Parameters
    ----------
    model : ModelToWrite
    fixed : str
        Fixed part, where it is not that of the model.
    left : str
        Left-hand side, where it is not the response alone.
    further : sequence of str
        Terms that stand behind the random part.
    """
    left = left or r_term(model.specification.response, model)
    offsets = [f"offset({r_term(one, model)})" for one in model.specification.offsets]
    right = " + ".join([fixed or r_fixed(model), *offsets])
    rest = " + ".join([*([bars(model)] if model.specification.random else []), *further])
    if not rest:
        return f"{left} ~ {right}"
    short = len(left) + len(right) + len(rest) < 84
    return f"{left} ~ {right} +{' ' if short else '\n    '}{rest}"


def r_trials(model: ModelToWrite) -> tuple[str, str, bool]:
    """Successes, the column beside them as R writes it, and whether that counts failures."""
    other, failures = trials_of(model)
    counted = r_term(model.specification.response, model)
    written = to_r(f"I({other})", model.variables)[2:-1] if other else ""
    return counted, written, failures


def bound_counts(model: ModelToWrite) -> str:
    """The response as ``cbind(k, n - k)``; empty of a response of one column."""
    counted, other, failures = r_trials(model)
    rest = other if failures else f"{other} - {counted}"
    return f"cbind({counted}, {rest})" if other else ""


def bars(model: ModelToWrite) -> str:
    """The random part as lme4 writes it, one parenthesis for each block."""
    return " + ".join(
        f"({r_block(term.effects, model)} | {':'.join(map(r_name, term.columns))})"
        for term in model.specification.random
    )


def program(model: ModelToWrite, package: str, call: str, system: str) -> str:
    """A whole program: packages, preparations, and the call.

    Raises
    ------
    FormulaError
        When the data have no name that R can read, or factors are coded otherwise.
    """
    if r_name(model.data) != model.data:
        raise FormulaError(f"R cannot call the data '{model.data}'; give a plain name")
    refuse_other_coding(model.specification, model.variables, system)
    lines = [f"library({package})", "", *_preparations(model)]
    return "\n".join([*lines, call, ""])


def _preparations(model: ModelToWrite) -> list[str]:
    """Definitions, complete rows and orders of levels that the call relies on."""
    used = functions_in(all_factors(model.specification))
    lines = [text for name, text in DEFINITIONS.items() if name in used]
    if used & _OF_ALL_ROWS:
        listed = ", ".join(map(r_string, model.variables.needed))
        lines.append(f"{model.data} <- na.omit({model.data}[c({listed})])")
    for name in sorted(booleans_used(model)):
        column = f"{model.data}${r_name(name)}"
        lines.append(f"{column} <- as.numeric({column})")
    response = model.specification.response.strip("`")
    if model.outcomes:
        lines.append(_response(model, response))
    for variable in coded_variables(model.specification, model.variables):
        if variable.name == response and model.outcomes:
            continue
        if not _sorted_everywhere(variable.levels):
            labels = [level.removesuffix(".0") for level in variable.levels]  # as R writes numbers
            levels = ", ".join(map(r_string, labels))
            column = f"{model.data}${r_name(variable.name)}"
            lines.append(f"{column} <- factor({column}, levels = c({levels}))")
    return [*lines, ""] if lines else []


def _response(model: ModelToWrite, name: str) -> str:
    """The statement that makes a factor of a response of labels: its first level is a failure."""
    column = f"{model.data}${r_name(name)}"
    levels = ", ".join(map(r_string, model.outcomes))
    ordered = ", ordered = TRUE" if isinstance(model.family, Cumulative) else ""
    return f"{column} <- factor({column}, levels = c({levels}){ordered})"


def _sorted_everywhere(levels: tuple[str, ...]) -> bool:
    """Whether R, whatever its collation, would take these for labels and sort them like this."""
    if look_like_numbers(levels):
        return False
    plain = all(level.isascii() and level.isalnum() for level in levels)
    folded = [level.casefold() for level in levels]
    return plain and sorted(levels) == list(levels) and sorted(folded) == folded
