"""Stata: ``residuals()`` of ``mixed``, written and read.

With by() each stratum has a correlation of its own too, so that strata stand by themselves.

Source: the Stata Multilevel Mixed-Effects Reference Manual, ``mixed``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hierbayes.errors import FormulaError
from hierbayes.residuals.autoregression import AR1, CAR1
from hierbayes.residuals.exchangeable import CompoundSymmetry
from hierbayes.residuals.stationary import Toeplitz
from hierbayes.residuals.structure import ResidualStructure
from hierbayes.residuals.unstructured import Unstructured
from hierbayes.residuals.variances import Strata
from hierbayes.translation.dialect import ModelToWrite
from hierbayes.translation.error_structures import longest_lag
from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.known_columns import KnownColumns

STRUCTURES = frozenset({"AR1", "CAR1", "CompoundSymmetry", "Unstructured", "Toeplitz", "Strata"})
_KINDS = ("independent", "exchangeable", "ar", "toeplitz", "unstructured", "exponential")


def residuals_option(model: ModelToWrite, numbers: Callable[[Sequence[str]], str]) -> str:
    """The option of a residual structure.

    Parameters
    ----------
    model : ModelToWrite
        With one.
    numbers : callable
        Name of the column that numbers the values of columns.

    Raises
    ------
    FormulaError
        Naming a product, or the order of rows as the time.
    """
    structure, times = model.specification.residual, model.variables.times
    assert structure is not None
    part, variances = structure.correlation, structure.variances
    if part is None and len(variances) == 1 and isinstance(variances[0], Strata):
        return f"residuals(independent, by({numbers(variances[0].by)}))"
    if part is None or variances:
        raise FormulaError(
            f"Stata cannot say {structure.text}: with by() each stratum has a correlation of its "
            "own too; nlme has it"
        )
    assert times is not None
    time = getattr(part, "time", "")
    if time is None:
        raise FormulaError(
            f"Stata orders errors by a column of times, and {part!r} has none; name one, as in "
            f"{type(part).__name__}('week')"
        )
    match part:
        case AR1():
            return f"residuals(ar 1, t({time}))"
        case CAR1():
            return f"residuals(exponential, t({time}))"
        case Toeplitz():
            order = int(times.labels[-1]) - int(times.labels[0])
            return f"residuals(toeplitz {order}, t({time}))"
        case Unstructured():
            named = str(time) if times.whole else numbers((str(time),))
            return f"residuals(unstructured, t({named}))"
    return "residuals(exchangeable)"


def read_residuals(
    value: Sequence[Word],
    word: Word,
    part: Cursor,
    known: KnownColumns,
    level: tuple[str, ...],
    *,
    innermost: bool,
) -> ResidualStructure | None:
    """The residual structure of an option.

    Parameters
    ----------
    value : sequence of Word
        In its parentheses.
    word : Word
        ``residuals``.
    part : Cursor
    known : KnownColumns
    level : tuple of str
        Columns of the last equation's groups.
    innermost : bool
        Whether that level has random effects.

    Raises
    ------
    FormulaError
        Pointing at a structure that models here do not have.
    """
    body = part.part(value)
    said = body.take("a structure")
    found = [one for one in _KINDS if len(said.text) >= 2 and one.startswith(said.text)]
    order = body.take("a number").text if body.peek() and not body.sees(",") else "1"
    given: dict[str, list[Word]] = {}
    body.take_if(",")
    while not body.done:
        name = body.take_name("t() or by()")
        body.expect("(")
        key = "t" if "time".startswith(name.text) else name.text
        given[key] = body.until(")")
        body.expect(")")
    text = "".join(one.text for one in value)
    if not found or set(given) - {"t", "by"} or (found[0] == "ar" and order != "1"):
        raise part.refuse(
            f"residuals({text}) is not supported; read are {', '.join(_KINDS)}, of ar the order 1",
            word,
        )
    columns = {key: known.groups(words[0], part) for key, words in given.items() if words}
    if found[0] == "independent":
        return Strata(*columns["by"]) if "by" in columns else None
    if "by" in columns:
        raise part.refuse(
            f"residuals({text}) has a correlation for each stratum, and models here one for all; "
            "by() is read of independent residuals",
            word,
        )
    if not level or (len(level) > 1 and not innermost):
        raise part.refuse("correlated residuals need the groups of one column", word)
    group = None if innermost else level[-1]
    if found[0] == "exchangeable":
        return CompoundSymmetry(group)
    if len(columns.get("t", ())) != 1:
        raise part.refuse(f"residuals({text}) names no time; write t(time)", word)
    (time,) = columns["t"]
    if found[0] == "toeplitz" and order != str(longest_lag(known.given, time, level)):
        raise part.refuse(
            f"residuals({text}) has correlations up to a lag, and models here all of the data; "
            "write the longest lag",
            word,
        )
    made: dict[str, Callable[[str, str | None], ResidualStructure]] = {
        "ar": AR1,
        "exponential": CAR1,
        "toeplitz": Toeplitz,
        "unstructured": Unstructured,
    }
    return made[found[0]](time, group)
