"""HLM: nominal categories (multinomial HGLM), written: equations for each category but one.

    Prob(y_ij = a|β_j) = φ_ij(1)     log[φ_ij(1)/φ_ij(3)] = η_ij(1)
    η_ij(1) = β_0j(1) + ...          β_0j(1) = γ_00(1) + u_0j(1)

HLM numbers categories from 1 and compares with the last, so that the first category of the model
has the last number.  It has one covariance matrix of the effects of all categories; those between
categories are 0 here.

Source: Raudenbush & Bryk (2002), chapter 10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from hierbayes.errors import FormulaError
from hierbayes.translation.dialect import ModelToWrite

_SYMBOL = re.compile(r"η[ijkl]*|[βγπur]\d[\d,]*[ijkl]*")
_EFFECT = re.compile(r"[ur]\d[\d,]*[jkl]*")
_COVARIANCE = re.compile(r"Cov\((\S+), (\S+)\) = 0")


def nominal_text(model: ModelToWrite, equations: str) -> str:
    """The equations of all categories.

    Parameters
    ----------
    model : ModelToWrite
        Of the family Categorical.
    equations : str
        Those of one category, with η on the left.

    Raises
    ------
    FormulaError
        For a label with a bar or a bracket.
    """
    *sections, tail = equations.split("\n\n")
    numbers = range(1, len(model.outcomes))
    found = re.search(r"η([ijkl]+) =", equations)
    assert found is not None
    parts: list[str] = []
    for section in sections:
        title, *lines = section.split("\n")
        head = [f"    {line}" for line in _head(model, found[1])] if not parts else []
        body = "\n".join(lines)
        whole = [_of_category(body, number) for number in numbers]
        parts.append("\n".join([title, *head, *whole]))
    return "\n\n".join([*parts, "\n".join(_tail(tail.split("\n"), equations, len(numbers)))])


def _head(model: ModelToWrite, at_row: str) -> Iterator[str]:
    """The probabilities of the categories and their log odds."""
    response, labels = model.specification.response, model.outcomes
    for label in labels:
        if set(label) & set("|()[]=;\n"):
            raise FormulaError(f"HLM cannot name the category '{label}' of '{response}'; rename it")
    for number, label in enumerate((*labels[1:], labels[0]), 1):
        yield f"Prob({response}{at_row} = {label}|β{at_row[1:]}) = φ{at_row}({number})"
    for number in range(1, len(labels)):
        odds = f"φ{at_row}({number})/φ{at_row}({len(labels)})"
        yield f"log[{odds}] = η{at_row}({number})"


def _of_category(text: str, number: int) -> str:
    """Equations with the number of a category behind each symbol that begins an addend."""
    parts, depth, begins, at = [], 0, True, 0
    while at < len(text):
        found = _SYMBOL.match(text, at) if begins and depth == 0 else None
        if found and not re.match(r"\w|\[", text[found.end() :]):
            parts.append(f"{found[0]}({number})")
            at, begins = found.end(), False
            continue
        depth += (text[at] in "([") - (text[at] in ")]")
        begins = text[at] in "+=\n" or (begins and text[at] == " ")
        parts.append(text[at])
        at += 1
    return "".join(parts)


def _tail(lines: list[str], equations: str, count: int) -> Iterator[str]:
    """What stands beneath: covariances that are 0 within categories, and between them."""
    numbers = range(1, count + 1)
    for line in lines:
        pair = _COVARIANCE.fullmatch(line)
        if pair is None:
            yield line
        else:
            yield from (f"Cov({pair[1]}({c}), {pair[2]}({c})) = 0" for c in numbers)
    mixed = equations.partition("Mixed model")[2].partition("\n\n")[0]
    names = [found[0] for part in mixed.split(" + ") if (found := _EFFECT.match(part))]
    effects = list(dict.fromkeys(names))
    for one, other in combinations(numbers, 2):
        for a in effects:
            same = [b for b in effects if b.lstrip("ur,0123456789") == a.lstrip("ur,0123456789")]
            yield from (f"Cov({a}({one}), {b}({other})) = 0" for b in same)
