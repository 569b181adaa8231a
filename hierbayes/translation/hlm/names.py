"""The variables of HLM equations: columns with subscripts, indicators, means and deviations."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.terms import column_name, factors_of, names_in, read_terms
from hierbayes.translation.expression import factor_tree
from hierbayes.translation.hlm.text import HlmText, Stretch
from hierbayes.translation.programs.stated_columns import Variable

_INDICATOR = re.compile(r"(?P<name>.+?)\[(?:T\.)?(?P<level>[^\]]*)\](?:[_.]?[tijkl]{1,4})?$")
_MEAN = re.compile(r"(?:MEAN[_.]?(?P<plain>\w+)|mean\((?P<called>[^()]+)\))[_.]*$", re.IGNORECASE)
_TWO_LEVELS = ("ij", "j", "i")
_MORE_LEVELS = ("ijkl", "tijk", "ijk", "tij", "jkl", "jk", "ij", "kl", "l", "k", "j", "i")
_MACRONS = "\u0304\u0305"


class HlmNames:
    """What the names in the equations stand for.

    Parameters
    ----------
    text : HlmText
    columns : sequence of str
        Names of the data's columns.  An exact name counts before one in another case.

    Attributes
    ----------
    factors : tuple of tuple of str
        The columns of each grouping factor, the lowest level first, or the row and the column.
    means_over, centred_over : int or None
        Which of them, in the equation at hand, ``MEAN_x`` is over where that is not defined, and
        a variable that a note calls centred; None where that must be told.
    """

    def __init__(self, text: HlmText, columns: Sequence[str]) -> None:
        self.text = text
        self.columns = tuple(columns)
        several = text.levels > 2 or bool(text.sides)
        self.subscripts = _MORE_LEVELS if several else _TWO_LEVELS
        self.factors = tuple(map(self._columns_of, self._group_stretches()))
        self.means_over: int | None = None if several else 0
        self.centred_over = self.means_over
        self.defined: dict[str, str] = {}
        for name, of, by in text.means:
            self.defined[name.text] = self._mean(of, by)
        self.centred = {self.variable(name).factor: kind for name, kind in text.centred}
        self._centred_as: dict[str, Variable] = {}

    @property
    def group(self) -> str:
        """The column of groups of the lowest level."""
        return self.factors[0][-1]

    def group_text(self, place: int) -> str:
        """The groups of a level as formulas write them."""
        return ":".join(map(column_name, self.factors[place]))

    def _group_stretches(self) -> list[Stretch]:
        text, wanted = self.text, range(2, self.text.levels + 1)
        if text.sides:
            for side in ("row", "column"):
                if side not in text.sides:
                    raise FormulaError(
                        f"cannot read the HLM equations: they do not name the {side} factor; write "
                        "it in the heading, as in 'Level-2 model (rows: school, columns: area)'"
                    )
            return [text.sides["row"], text.sides["column"]]
        for level in wanted:
            if level not in text.groups:
                which = "group" if text.levels == 2 else f"groups of level {level}"
                raise FormulaError(
                    f"cannot read the HLM equations: they do not name the {which}; write "
                    f"{'it' if text.levels == 2 else 'them'} in the heading, as in "
                    f"'Level-{level} model (school)'"
                )
        return [text.groups[level] for level in wanted]

    def _columns_of(self, group: Stretch) -> tuple[str, ...]:
        """The columns that make groups, ``school`` or ``school:class``."""
        whole = self._group(group.text)
        if whole is not None or (self.text.levels == 2 and not self.text.sides):
            parts = [whole]
        else:
            parts = [self._group(name.strip()) for name in group.text.split(":")]
        if None in parts:
            raise self._unknown(group)
        return tuple(map(str, parts))

    def _group(self, name: str) -> str | None:
        """A column of groups; what is named without the point at its end, where a line ends."""
        ends = [column for column in self.columns if column.rstrip(".,") == name]
        return self._column(name) or (ends[0] if len(ends) == 1 else None)

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
        for name in self._without_subscript(inside.text):
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
        """The variable as a note says it is centred, in all equations as where it comes first."""
        kind = self.centred.get(variable.factor)
        if kind == "group" and variable.factor not in self._centred_as:
            over = self._single(self.centred_over, variable.factor)
            self._centred_as[variable.factor] = Variable(f"dvar({variable.factor}, {over})")
        grand = Variable(f"center({variable.factor})")
        return grand if kind == "grand" else self._centred_as.get(variable.factor, variable)

    def _deviation(self, first: Stretch, second: Stretch) -> Variable:
        """``x - mean of x``."""
        of, mean = self.variable(first).factor, self.variable(second).factor
        for place in range(len(self.factors)):
            if mean == f"cvar({of}, {self.group_text(place)})":
                return Variable(f"dvar({of}, {self.group_text(place)})")
        raise self.text.refuse(
            f"'{second.text.strip()}' is not the group mean of '{first.text.strip()}'; only "
            "differences from group means are read",
            second,
        )

    def _mean(self, of: Stretch, by: Stretch | None) -> str:
        name = self.variable(of).factor
        group = self.variable(by).factor if by else self._single(self.means_over, name)
        return f"cvar({name}, {group})"

    def _single(self, place: int | None, name: str) -> str:
        """Groups that a mean is taken over: a column, and one that is told."""
        if place is None:
            raise FormulaError(
                f"cannot read the HLM equations: over which groups '{name}' has means is not told; "
                f"define them, as in 'MEAN_{name} = mean of {name} in {self.factors[-1][-1]}'"
            )
        if len(self.factors[place]) > 1:
            raise FormulaError(
                f"cannot read the HLM equations: '{name}' has means over the groups of "
                f"'{self.group_text(place)}', which are no column of the data; make one of them"
            )
        return self.group_text(place)

    def _subscripted(self, stretch: Stretch) -> str | None:
        """The column of a name, with or without a subscript behind it."""
        found = {self._column(name) for name in self._without_subscript(stretch.text)} - {None}
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
        for name in self._without_subscript(stretch.text):
            found = _MEAN.fullmatch(name)
            decomposed = unicodedata.normalize("NFD", name)
            of = found and (found["plain"] or found["called"])
            if any(mark in decomposed for mark in _MACRONS):
                of = re.sub(f"[{_MACRONS}]", "", decomposed).rstrip(".")
            column = self._column(of) if of else None
            if column is not None:
                of = column_name(column)
                self.defined[name] = f"cvar({of}, {self._single(self.means_over, of)})"
                return Variable(self.defined[name])
        return None

    def _expression(self, stretch: Stretch) -> Variable | None:
        """A factor as formulas write it, such as ``np.log(x)``."""
        for name in self._without_subscript(stretch.text):
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

    def _without_subscript(self, name: str) -> Iterator[str]:
        """A name as it is, and without each subscript it may end in."""
        yield name
        for subscript in (mark + one for one in self.subscripts for mark in ("_", ".", "")):
            if name.endswith(subscript) and len(name) > len(subscript):
                yield name.removesuffix(subscript)

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
