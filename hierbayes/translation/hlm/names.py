"""The variables of HLM equations: columns with subscripts, indicators, means and deviations."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.terms import column_name, factors_of, names_in, read_terms
from hierbayes.translation.expression import factor_tree
from hierbayes.translation.hlm.text import HlmText, Stretch

_INDICATOR = re.compile(r"(?P<name>.+?)\[(?:T\.)?(?P<level>[^\]]*)\](?:[_.]?(?:ij|j|i))?$")
_MEAN = re.compile(r"(?:MEAN[_.]?(?P<plain>\w+)|mean\((?P<called>[^()]+)\))[_.]*$", re.IGNORECASE)
_MACRONS = "\u0304\u0305"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of an equation: a factor of a formula, and the level an indicator marks."""

    factor: str
    level: str = ""


class HlmNames:
    """What the names in the equations stand for.

    Parameters
    ----------
    text : HlmText
    columns : sequence of str
        Names of the data's columns.  An exact name counts before one in another case.
    """

    def __init__(self, text: HlmText, columns: Sequence[str]) -> None:
        self.text = text
        self.columns = tuple(columns)
        if text.group is None:
            raise FormulaError(
                "cannot read the HLM equations: they do not name the group; write it in the "
                "heading, as in 'Level-2 model (school)'"
            )
        group = self._column(text.group.text)
        if group is None:
            raise self._unknown(text.group)
        self.group = group
        self.defined: dict[str, str] = {}
        for name, of, by in text.means:
            self.defined[name.text] = self._mean(of, by)
        self.centred = {self.variable(name).factor: kind for name, kind in text.centred}

    def product(self, stretch: Stretch) -> list[Variable]:
        """The variables of a product."""
        parts = [part for factor in _inside(stretch).split("*") for part in _side_by_side(factor)]
        return [self._centred(self.variable(part)) for part in parts]

    def variable(self, stretch: Stretch) -> Variable:
        """The variable a stretch of the text names, as it stands in the data."""
        inside = _inside(stretch)
        sides = inside.split("-")
        if len(sides) == 2:
            return self._deviation(*sides)
        for name in _without_subscript(inside.text):
            if name in self.defined:
                return Variable(self.defined[name])
        column = self._subscripted(inside)
        if column is not None:
            return Variable(column_name(column))
        found = self._indicator(inside) or self._contextual(inside) or self._expression(inside)
        if found is None:
            raise self._unknown(inside)
        return found

    def _centred(self, variable: Variable) -> Variable:
        """The variable as a note says it is centred."""
        kind = self.centred.get(variable.factor)
        if kind == "group":
            return Variable(f"dvar({variable.factor}, {column_name(self.group)})")
        return Variable(f"center({variable.factor})") if kind == "grand" else variable

    def _deviation(self, first: Stretch, second: Stretch) -> Variable:
        """``x - mean of x``."""
        of = self.variable(first).factor
        if self.variable(second).factor != f"cvar({of}, {column_name(self.group)})":
            raise self.text.refuse(
                f"'{second.text.strip()}' is not the group mean of '{first.text.strip()}'; only "
                "differences from group means are read",
                second,
            )
        return Variable(f"dvar({of}, {column_name(self.group)})")

    def _mean(self, of: Stretch, by: Stretch | None) -> str:
        group = self.variable(by).factor if by else column_name(self.group)
        return f"cvar({self.variable(of).factor}, {group})"

    def _subscripted(self, stretch: Stretch) -> str | None:
        """The column of a name, with or without a subscript behind it."""
        found = {self._column(name) for name in _without_subscript(stretch.text)} - {None}
        if len(found) > 1:
            raise self.text.refuse(
                f"'{stretch.text}' may be any of the columns {in_quotes(sorted(map(str, found)))}; "
                "rename one",
                stretch,
            )
        return found.pop() if found else None

    def _column(self, name: str) -> str | None:
        name = name.strip("`")
        if name in self.columns:
            return name
        alike = [column for column in self.columns if column.lower() == name.lower()]
        return alike[0] if len(alike) == 1 else None

    def _indicator(self, stretch: Stretch) -> Variable | None:
        """``Sector[Public]``."""
        found = _INDICATOR.match(stretch.text)
        column = self._column(found["name"]) if found else None
        return Variable(column_name(column), found["level"]) if found and column else None

    def _contextual(self, stretch: Stretch) -> Variable | None:
        """``MEAN_x``, ``mean(x)`` or x with a bar, where no column is called so."""
        for name in _without_subscript(stretch.text):
            found = _MEAN.fullmatch(name)
            decomposed = unicodedata.normalize("NFD", name)
            of = found and (found["plain"] or found["called"])
            if any(mark in decomposed for mark in _MACRONS):
                of = re.sub(f"[{_MACRONS}]", "", decomposed).rstrip(".")
            column = self._column(of) if of else None
            if column is not None:
                return Variable(f"cvar({column_name(column)}, {column_name(self.group)})")
        return None

    def _expression(self, stretch: Stretch) -> Variable | None:
        """A factor as formulas write it, such as ``np.log(x)``."""
        for name in _without_subscript(stretch.text):
            try:
                factor_tree(name)
                terms = read_terms(f"0 + {name}", "variable")
                factors = factors_of(terms[0]) if len(terms) == 1 else ()
                named = names_in(factors[0]) if len(factors) == 1 else frozenset()
            except FormulaError:
                continue
            if "(" in name and named and named <= set(self.columns):
                return Variable(factors[0])
        return None

    def _unknown(self, stretch: Stretch) -> FormulaError:
        return self.text.refuse(
            f"'{stretch.text.strip()}' is no column of the data; the columns are: "
            f"{in_quotes(self.columns)}",
            stretch,
        )


def _inside(stretch: Stretch) -> Stretch:
    """A stretch without the parentheses around all of it."""
    inside = stretch.stripped()
    while inside.text.startswith("(") and inside.text.endswith(")"):
        inner = Stretch(inside.text[1:-1], inside.start + 1)
        depth = 0
        for character in inner.text:
            depth += (character == "(") - (character == ")")
            if depth < 0:
                return inside
        inside = inner.stripped()
    return inside


def _side_by_side(stretch: Stretch) -> list[Stretch]:
    """Factors written side by side, as in ``W_j X_ij``."""
    if len(stretch.split("-")) > 1 or "`" in stretch.text:
        return [stretch]
    return [part for part in stretch.split(" ") if part.text.strip()]


def _without_subscript(name: str) -> Iterator[str]:
    """A name as it is, and without each subscript it may end in."""
    yield name
    for subscript in ("_ij", ".ij", "ij", "_j", ".j", "j", "_i", ".i", "i"):
        if name.endswith(subscript) and len(name) > len(subscript):
            yield name.removesuffix(subscript)
