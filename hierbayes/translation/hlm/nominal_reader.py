"""HLM: nominal categories (multinomial HGLM), read.

The equations of a category are those with its number behind each coefficient, ``β0j(1)``.  Those of
every category are read like equations of a Gaussian response, and must say the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from hierbayes.errors import FormulaError
from hierbayes.families.categorical import Categorical
from hierbayes.translation.columns import Columns
from hierbayes.translation.dialect import StatedModel
from hierbayes.translation.hlm.reader import read_hlm
from hierbayes.translation.hlm.text import plain_signs

_SHARE = r"(?:φ|ϕ|phi|P)\*?_?[ijkl]*\(\s*(?P<{}>\d+)\s*\)[ijkl]*"
_PROBABILITY = re.compile(
    r"Prob\w*\s*[\[(]\s*(?P<name>[^=|()]+?)\s*(?:\(\s*\d+\s*\))?\s*=\s*(?P<label>[^|\])]+?)\s*"
    rf"(?:\|[^\])]*)?[\])]\s*=\s*{_SHARE.format('number')}[^\n;]*",
    re.IGNORECASE,
)
_ODDS = re.compile(
    rf"log\s*[\[({{]\s*{_SHARE.format('number')}\s*/\s*{_SHARE.format('base')}\s*[\])}}]\s*=\s*"
    r"(?P<right>[^\n;]*)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"(?P<symbol>[^\W\d]+_?\d*[\d,_]*[ijkl]*)\(\s*(?P<number>\d+)\s*\)(?P<at>[ijkl]*)"
)
_EFFECT = re.compile(r"(?<![\w*(])(?P<name>[uUυrR]_?\d[\d,_]*)(?P<at>[jkl]*)(?!\w|\[)")
_COVARIANCE = re.compile(r"cov\s*\(\s*(\S+?)\s*,\s*(\S+?)\s*\)\s*=\s*0\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Head:
    """What is said of the response.

    Parameters
    ----------
    response : str
        Its name in the text.
    labels : dict of str to str
        Of the categories by number.
    base : str
        The number of the category that others are compared with.
    numbers : list of str
        Those of the others.
    text : str
        The other equations, with η on the left.
    """

    response: str
    labels: dict[str, str]
    base: str
    numbers: list[str]
    text: str


def read_nominal(text: str, columns: Sequence[str]) -> StatedModel | None:
    """The model of equations of nominal categories; None of other equations.

    Parameters
    ----------
    text : str
    columns : sequence of str

    Raises
    ------
    FormulaError
        When categories are compared with another than the first of the data, their equations
        differ, or their effects are correlated.
    """
    head = _read_head(plain_signs(text))
    if head is None:
        return None
    lines = re.sub(r"\n\s*(?=[+-])", " ", head.text).replace(";", "\n").split("\n")
    stated = []
    for number in head.numbers:
        own = _own_lines(lines, number)
        stated.append(
            read_hlm(re.sub(r"(?<!\w)(?:η|eta)_?[ijkl]*(?!\w)", head.response, own), columns)
        )
        if stated[-1] != stated[0]:
            raise FormulaError(
                f"cannot read the HLM equations: category {number} has other ones than category "
                f"{head.numbers[0]}; models here have the same columns and effects for all"
            )
    _refuse_other_base(head, stated[0].response, columns)
    _refuse_correlated(lines, head.numbers)
    return StatedModel(stated[0], Categorical())


def _read_head(source: str) -> _Head | None:
    odds = list(_ODDS.finditer(source))
    if not odds:
        return None
    said = {found["number"]: found for found in _PROBABILITY.finditer(source)}
    bases = {found["base"] for found in odds}
    if not said or len(bases) != 1:
        raise FormulaError(
            "cannot read the HLM equations: log odds are of one category each against one and the "
            "same, and what each is stands in lines such as 'Prob(yij = a|βj) = φij(1)'"
        )
    plain = source
    for found in odds:
        linked = re.fullmatch(r"(?:η|eta)_?[ijkl]*\(\s*\d+\s*\)[ijkl]*\s*", found["right"])
        equation = "" if linked else f"η({found['number']}) = {found['right']}"
        plain = plain.replace(found[0], equation)
    for found in said.values():
        plain = plain.replace(found[0], "")
    labels = {number: found["label"] for number, found in said.items()}
    if len(labels) > 1 and set(labels.values()) == {"1"}:  # HLM's indicators, y(2) = 1
        labels = {number: number for number in labels}
    response = next(iter(said.values()))["name"].strip()
    return _Head(response, labels, bases.pop(), [found["number"] for found in odds], plain)


def _refuse_other_base(head: _Head, response: str, columns: Sequence[str]) -> None:
    """Refuse comparisons with another category than the first, and categories left out."""
    name = response.strip("`")
    levels = columns.levels.get(name, ()) if isinstance(columns, Columns) else ()
    label = head.labels.get(head.base, head.base)
    if levels and label != levels[0]:
        raise FormulaError(
            f"cannot read the HLM equations: they compare categories of '{name}' with '{label}', "
            f"and models here with the first, '{levels[0]}'; order the levels in the data"
        )
    if levels and len(set(head.numbers)) != len(levels) - 1:
        raise FormulaError(
            f"cannot read the HLM equations: '{name}' has {len(levels)} categories, and the "
            f"equations are of {len(set(head.numbers))} beside '{label}'"
        )


def _own_lines(lines: Sequence[str], number: str) -> str:
    """The lines of a category without its number, and those that have none."""
    own = []
    for line in lines:
        found = {match["number"] for match in _NUMBERED.finditer(line)}
        if not found or found == {number}:
            own.append(_NUMBERED.sub(lambda match: match["symbol"] + match["at"], line))
    return "\n".join(own)


def _refuse_correlated(lines: Sequence[str], numbers: Sequence[str]) -> None:
    """Refuse effects of two categories whose covariance is not said to be 0."""
    zero = {
        frozenset(map(_plain, found.groups()))
        for line in lines
        if (found := _COVARIANCE.search(line.strip()))
    }
    effects: dict[str, dict[str, str]] = {number: {} for number in numbers}
    for line in lines:
        if "=" not in line or _COVARIANCE.search(line.strip()):
            continue
        found = next(_NUMBERED.finditer(line), None)
        if found is not None:
            for match in _EFFECT.finditer(_own_lines([line], found["number"])):
                effects[found["number"]][match["name"]] = match["at"]
    for one, other in combinations(numbers, 2):
        for a, at in effects[one].items():
            for b, level in effects[other].items():
                pair = f"{a}{at}({one})", f"{b}{level}({other})"
                if at == level and frozenset(map(_plain, pair)) not in zero:
                    raise FormulaError(
                        f"cannot read the HLM equations: {pair[0]} and {pair[1]} of two categories "
                        "are correlated in HLM, and independent in models here; write "
                        f"Cov({pair[0]}, {pair[1]}) = 0"
                    )


def _plain(name: str) -> str:
    """The name of an effect without subscripts of groups: ``u0(1)``."""
    return re.sub(r"[_jkl\s]", "", name)
