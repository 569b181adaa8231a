"""Formulas of R, read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hierbayes.errors import FormulaError
from hierbayes.specification.terms import column_name, factors_of
from hierbayes.translation.columns import Columns
from hierbayes.translation.dialect import pointed
from hierbayes.translation.r.factor import term_factor, to_python
from hierbayes.translation.r.syntax import Node

# What ``d$x <- factor(...)``, ``d[["x"]] <- ...`` and ``mutate(d, x = factor(...))`` make.
_MADE_FACTORS = re.compile(
    r"([\w.]+)`?(?:[\"']\]\]?)?\s*(?:<<?-|=)\s*(?:as\.)?(?:factor|ordered|character)\("
)
_FORMULA_MARKS = ("+", "-", "*", "/", ":", "^", "**", "%in%", "|", "||")


def formula_text(node: Node, columns: Sequence[str], text: str) -> str:
    """A formula, or a part of one, as formulas are written here.

    Raises
    ------
    FormulaError
        When it names no column, or says what has no translation.
    """
    match node.kind:
        case "infix" if node.text == "~":
            left = _response(node.parts[0], columns, text)
            right = formula_text(node.parts[1], columns, text)
            _refuse_bare_bar(node.parts[1], text)
            return f"{left} ~ {right}"
        case "infix" if node.text in ("|", "||"):
            left = formula_text(node.parts[0], columns, text)
            return f"{left} {node.text} {group_text(node.parts[1], columns, text)}"
        case "infix" if node.text in _FORMULA_MARKS:
            left, right = (formula_text(part, columns, text) for part in node.parts)
            if node.text in (":", "%in%"):  # b %in% a is the product, without a itself
                return f"{left}:{right}" if node.text == ":" else f"{right}:{left}"
            mark = {"^": "**"}.get(node.text, node.text)
            return f"{left} {mark} {right}"
        case "prefix" if node.text in "+-":
            return f"{node.text}{formula_text(node.parts[0], columns, text)}"
        case "paren":
            return f"({formula_text(node.parts[0], columns, text)})"
        case "number":
            return node.text.removesuffix("L")
        case "name" if node.text == ".":
            raise pointed(text, node.place, "'.' means every other column; name the columns")
    if node.function == "offset":
        return f"offset({_translated(node.parts[-1], columns, text)})"
    if node.kind == "name":
        _refuse_number_made_factor(node, columns, text)
    return _translated(node, columns, text, term_factor)


def _response(node: Node, columns: Sequence[str], text: str) -> str:
    """The response: arithmetic stands for itself there, and ``cbind`` counts failures."""
    if node.function == "cbind" and len(node.parts) == 3:
        counted, failures = (_translated(part, columns, text) for part in node.parts[1:])
        return f"cbind({counted}, {failures})"
    if node.kind == "infix" and node.text == "|" and node.parts[1].function == "trials":
        counted, trials = (
            _translated(part, columns, text) for part in (node.parts[0], node.parts[1].parts[-1])
        )
        return f"{counted} | trials({trials})"
    written = _translated(node, columns, text)
    return f"I({written})" if node.kind in ("infix", "paren", "prefix") else written


def group_text(node: Node, columns: Sequence[str], text: str) -> str:
    """What stands after the bar; ``factor(g)`` is g."""
    if node.function in ("factor", "as.factor") and len(node.parts) == 2:
        node = node.parts[1]
    if node.kind == "name":
        return _translated(node, columns, text)
    if node.kind == "infix" and node.text in ("/", ":", "+", "*"):
        return f" {node.text} ".join(group_text(part, columns, text) for part in node.parts)
    return formula_text(node, columns, text)


def _translated(
    node: Node,
    columns: Sequence[str],
    text: str,
    translate: Callable[[Node, Sequence[str]], str] = to_python,
) -> str:
    try:
        return translate(node, columns)
    except FormulaError as error:
        raise pointed(text, node.place, str(error)) from error


def _refuse_number_made_factor(node: Node, columns: Sequence[str], text: str) -> None:
    """Refuse a column of numbers that the code makes a factor of before it uses it."""
    if not isinstance(columns, Columns) or node.text in columns.levels:
        return
    if node.text in _MADE_FACTORS.findall(text):
        raise pointed(
            text,
            node.place,
            f"the code makes a factor of '{node.text}', which holds numbers in the data; write "
            f"factor({node.text}) here, or make text of the column",
        )


def refuse_split_factors(
    terms: Sequence[str], columns: Sequence[str], spelling: str, system: str
) -> None:
    """Refuse independent effects of a factor, which are then of single columns of its coding.

    Raises
    ------
    FormulaError
        Naming the factor and what to write.
    """
    for name in factors_among(terms, columns)[:1]:
        raise FormulaError(
            f"{system}: in '{spelling}' the factor '{name}' is split into independent effects of "
            "its levels, which models here cannot say; make columns of numbers of them"
        )


def factors_among(terms: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Factors in these terms, by name: what C(...) makes, and columns known to hold labels."""
    levels = columns.levels if isinstance(columns, Columns) else {}
    named = {column_name(name): name for name in levels}
    parts = [part for term in terms for part in factors_of(term)]
    return [named.get(part, part) for part in parts if part in named or part.startswith("C(")]


def _refuse_bare_bar(node: Node, text: str) -> None:
    if node.kind == "infix" and node.text in ("|", "||"):
        raise pointed(
            text, node.place, "the random part needs parentheses, as in y ~ x + (1 | group)"
        )
