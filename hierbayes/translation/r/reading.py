"""R code read: the call that fits a model, its arguments, and its formulas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from hierbayes.errors import FormulaError
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.terms import factors_of
from hierbayes.translation.columns import Columns
from hierbayes.translation.dialect import pointed
from hierbayes.translation.r.factor import to_python
from hierbayes.translation.r.syntax import Node, parse_r
from hierbayes.translation.r.words import python_name

# What ``d$x <- factor(...)``, ``d[["x"]] <- ...`` and ``mutate(d, x = factor(...))`` make.
_MADE_FACTORS = re.compile(
    r"([\w.]+)`?(?:[\"']\]\]?)?\s*(?:<<?-|=)\s*(?:as\.)?(?:factor|ordered)\("
)
_FORMULA_MARKS = ("+", "-", "*", "/", ":", "^", "**", "%in%", "|", "||")
_ASSIGN = {"<-": (0, 1), "<<-": (0, 1), "=": (0, 1), "->": (1, 0), "->>": (1, 0)}


@dataclass(frozen=True, slots=True)
class Signature:
    """A function that fits a model, as a reader knows it.

    Parameters
    ----------
    function : str
    formals : tuple of str
        Names of its arguments in order, the formula first.
    refused : mapping of str to str
        Arguments that make another model, and what each asks for.
    others : mapping of str to str
        Functions that are likely instead of it, and what to say of each.
    """

    function: str
    formals: tuple[str, ...]
    refused: Mapping[str, str]
    others: Mapping[str, str]


def find_model(text: str, signature: Signature) -> dict[str, Node]:
    """Arguments by name of the call that fits a model; of a formula alone just that.

    Parameters
    ----------
    text : str
        R code: a program, a call, or a formula.
    signature : Signature

    Raises
    ------
    FormulaError
        When there is none or more than one, or an argument does not exist or is refused.
    """
    nodes = parse_r(text)
    inner = [n for node in nodes for n in node.walk() if n.function]
    calls = [n for n in inner if n.function == signature.function]
    if len(calls) > 1:
        raise pointed(
            text,
            calls[1].place,
            f"the code has {len(calls)} calls of {signature.function}; give one",
        )
    if not calls:
        for other in [n for n in inner if n.function in signature.others]:
            raise pointed(text, other.place, signature.others[other.function])
        if len(nodes) == 1 and nodes[0].kind == "infix" and nodes[0].text == "~":
            return {signature.formals[0]: nodes[0]}
        found = ", ".join(dict.fromkeys(n.function for n in inner))
        raise FormulaError(
            f"the code has no call of {signature.function} and is no formula"
            + (f"; it calls {found}" if found else "")
        )
    values = _assigned(nodes)
    matched = _match(calls[0], signature.formals, text)
    given = {name: _resolve(node, values) for name, node in matched.items()}
    for name, meaning in signature.refused.items():
        if name in given and given[name].text not in ("NULL", ""):
            raise pointed(
                text,
                matched[name].place,
                f"the argument '{name}' of {signature.function} asks for {meaning}, which models "
                "here do not have; leave it out to read the rest",
            )
    return given


def read_bars(node: Node, columns: Sequence[str], text: str) -> Specification:
    """A formula with random terms in parentheses, as lme4 has them, as a specification."""
    if node.kind == "string":
        text = node.text[1:-1]
        node = parse_r(text)[0]
    if node.kind != "infix" or node.text != "~":
        raise pointed(text, node.place, "here a formula is wanted, as in y ~ x + (1 | group)")
    return read_combined(formula_text(node, columns, text))


def formula_text(node: Node, columns: Sequence[str], text: str) -> str:
    """A formula, or a part of one, as formulas are written here.

    Raises
    ------
    FormulaError
        When it names no column, or says what has no translation.
    """
    match node.kind:
        case "infix" if node.text == "~":
            left, right = (formula_text(part, columns, text) for part in node.parts)
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
        raise pointed(
            text, node.place, "offset(...) is a term whose coefficient is 1, which models here "
            "do not have; subtract it from the response"
        )  # fmt: skip
    if node.kind == "name":
        _refuse_number_made_factor(node, columns, text)
    return _translated(node, columns, text)


def group_text(node: Node, columns: Sequence[str], text: str) -> str:
    """What stands after the bar; ``factor(g)`` is g."""
    if node.function in ("factor", "as.factor") and len(node.parts) == 2:
        node = node.parts[1]
    if node.kind == "name":
        return _translated(node, columns, text)
    if node.kind == "infix" and node.text in ("/", ":", "+", "*"):
        return f" {node.text} ".join(group_text(part, columns, text) for part in node.parts)
    return formula_text(node, columns, text)


def _translated(node: Node, columns: Sequence[str], text: str) -> str:
    try:
        return to_python(node, columns)
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
    named = {python_name(name): name for name in levels}
    parts = [part for term in terms for part in factors_of(term)]
    return [named.get(part, part) for part in parts if part in named or part.startswith("C(")]


def _refuse_bare_bar(node: Node, text: str) -> None:
    if node.kind == "infix" and node.text in ("|", "||"):
        raise pointed(
            text, node.place, "the random part needs parentheses, as in y ~ x + (1 | group)"
        )


def _assigned(nodes: Sequence[Node]) -> dict[str, Node]:
    """Values given to names at the top of the program."""
    found: dict[str, Node] = {}
    for node in nodes:
        if node.kind == "infix" and node.text in _ASSIGN:
            target, value = (node.parts[k] for k in _ASSIGN[node.text])
            if target.kind == "name":
                found[target.text] = value
    return found


def _resolve(node: Node, values: Mapping[str, Node]) -> Node:
    """What a name stands for, and the formula in a text that is to be one."""
    if node.kind == "name" and node.text in values:
        node = values[node.text]
    if node.function in ("formula", "as.formula") and len(node.parts) == 2:
        node = node.parts[1]
        return parse_r(node.text[1:-1])[0] if node.kind == "string" else node
    return node


def _match(call: Node, formals: Sequence[str], text: str) -> dict[str, Node]:
    """Arguments by full name, by R's rules: exact names, beginnings of names, then places."""
    found: dict[str, Node] = {}
    unnamed = []
    for name, value in call.arguments:
        if not name:
            unnamed.append(value)
            continue
        full = [formal for formal in formals if formal == name] or [
            formal for formal in formals if formal.startswith(name)
        ]
        if len(full) != 1:
            near = get_close_matches(name, formals, n=1)
            meant = f"did you mean '{near[0]}'? It takes" if near else "it takes"
            raise pointed(
                text, value.place, f"{call.function} has no argument '{name}'; {meant}: "
                f"{', '.join(formals)}"
            )  # fmt: skip
        found[full[0]] = value
    free = [formal for formal in formals if formal not in found]
    if len(unnamed) > len(free):
        raise pointed(text, unnamed[-1].place, f"{call.function} has too many arguments")
    found |= dict(zip(free, unnamed, strict=False))
    if formals[0] not in found:
        raise pointed(text, call.place, f"{call.function} is called without '{formals[0]}'")
    return {name: node for name, node in found.items() if node.kind != "empty"}
