"""MLwiN: a macro as far as it is read, and its random part."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

from hierbayes.errors import in_quotes
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.mlwin.commands import MadeColumns
from hierbayes.translation.mlwin.response_reader import ReadResponse
from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.effect_terms import product_term, varying_over
from hierbayes.translation.programs.stated_columns import Variable

_LEVEL_ONE = ("bcons.1", "bcons2.1")  # what the variance of other responses is made of


@dataclass(slots=True)
class Level:
    """What varies over a level.

    Parameters
    ----------
    group : str
        The column of its groups.
    varying : dict of str to Word
        Names that SETV gives, in lower case.
    apart : set of frozenset of str
        Pairs of them without a covariance.
    """

    group: str = ""
    varying: dict[str, Word] = field(default_factory=dict)
    apart: set[frozenset[str]] = field(default_factory=set)

    def joins(self, first: Word, second: Word) -> bool:
        """Whether two effects have a covariance."""
        return frozenset((first.text.lower(), second.text.lower())) not in self.apart


@dataclass(slots=True)
class Macro:
    """The commands as far as they are read.

    Parameters
    ----------
    columns : MadeColumns
    response : ReadResponse
    products : dict of str to tuple of Variable
        What is in the model by name, as MLwiN joins the names of columns.
    fixed : dict of str to None
        Those that have coefficients in the fixed part, in order.
    levels : dict of int to Level
    pattern : tuple of str
        Which stacked responses have one coefficient; empty where each has its own.
    shared_intercept : bool
        Whether ordered categories have an intercept beside their thresholds.
    """

    columns: MadeColumns
    response: ReadResponse = field(default_factory=ReadResponse)
    products: dict[str, tuple[Variable, ...]] = field(default_factory=dict)
    fixed: dict[str, None] = field(default_factory=dict)
    levels: dict[int, Level] = field(default_factory=dict)
    pattern: tuple[str, ...] = ()
    shared_intercept: bool = False

    @property
    def lowest(self) -> int:
        """The number of the level of rows; below it are the stacked responses of a row."""
        return 2 if self.response.is_stacked else 1

    def level(self, command: Cursor) -> tuple[int, Level]:
        """The level whose number is next in a command."""
        word = command.take("the number of a level")
        if not word.text.isdecimal():
            raise command.refuse(f"'{word.text}' is no number of a level", word)
        return int(word.text), self.levels.setdefault(int(word.text), Level())

    def named(self, word: Word, command: Cursor) -> tuple[str, str]:
        """A product that is in the model, and the ending that stacked responses give its name.

        Raises
        ------
        FormulaError
            When ADDT has put in no such product.
        """
        name, ending = word.text.lower(), ""
        if self.response.is_stacked and name not in self.products:
            name, _, ending = name.rpartition(".")
        if name not in self.products:
            raise command.refuse(
                f"'{word.text}' is not in the model; ADDT has put in: {in_quotes(self.products)}",
                word,
            )
        return name, ending

    def term(self, name: str) -> str:
        """The term of a product."""
        factors = [one.factor for one in self.products[name]]
        return product_term(factors, self.columns.levels) if factors else INTERCEPT


def random_terms(macro: Macro, command: Cursor) -> list[RandomTerm]:
    """The random part of a macro, the outermost level first.

    Raises
    ------
    FormulaError
        When level 1 varies with columns, or effects are correlated otherwise than in blocks.
    """
    above: tuple[str, ...] = ()
    random: list[RandomTerm] = []
    for number in sorted(macro.levels, reverse=True):
        level = macro.levels[number]
        if number <= macro.lowest:
            _refuse_lowest(level, macro, command)
            continue
        if not level.group:
            raise command.refuse(
                f"IDEN {number} is missing, which names the groups of the level", command.words[0]
            )
        above = tuple(dict.fromkeys((*above, level.group)))
        random += varying_over(above, _blocks(level, macro, command))
    if not random:
        raise command.refuse(
            "nothing varies over groups, as SETV 2 'cons' would say", command.words[0]
        )
    return random


def _refuse_lowest(level: Level, macro: Macro, command: Cursor) -> None:
    """Refuse level 1 whose variance depends on columns."""
    for name, word in level.varying.items():
        constant = macro.columns.is_constant(word)
        if name not in _LEVEL_ONE and not (constant and not macro.response.kind):
            raise command.refuse(f"the variance of level 1 depends on '{word.text}'", word)


def _blocks(level: Level, macro: Macro, command: Cursor) -> list[list[str]]:
    """The effects of a level in blocks between which every covariance is taken out."""
    by_ending: dict[str, dict[str, Word]] = {}
    for word in level.varying.values():
        name, ending = macro.named(word, command)
        by_ending.setdefault(ending, {})[name] = word
    found = [_of_ending(own, level, macro, command) for own in by_ending.values()]
    macro.response.refuse_fewer_categories(len(found), macro.columns, command)
    for (first, one), (second, other) in combinations(zip(by_ending, found, strict=True), 2):
        _refuse_other_category(first, one, second, other, level, by_ending, command)
    return found[0] if found else []


def _of_ending(
    own: dict[str, Word], level: Level, macro: Macro, command: Cursor
) -> list[list[str]]:
    groups: list[set[str]] = []
    for name, word in own.items():
        joined = {name}
        for group in [g for g in groups if any(level.joins(word, own[o]) for o in g)]:
            joined |= group
            groups.remove(group)
        groups.append(joined)
    for group in groups:
        for a, b in combinations(sorted(group), 2):
            if not level.joins(own[a], own[b]):
                raise command.refuse(
                    f"'{a}' and '{b}' have no covariance and others join them; here effects are "
                    "correlated in blocks",
                    own[b],
                )
    ordered = [[name for name in own if name in group] for group in groups]
    ordered.sort(key=lambda block: list(own).index(block[0]))
    return [list(dict.fromkeys(macro.term(name) for name in block)) for block in ordered]


def _refuse_other_category(
    first: str, one: object, second: str, other: object, level: Level,
    by_ending: dict[str, dict[str, Word]], command: Cursor,
) -> None:  # fmt: skip
    """Refuse categories with other effects, or with effects that are correlated."""
    last = next(iter(by_ending[second].values()))
    if one != other:
        raise command.refuse(
            f"category {second} has other random effects than category {first}; models here have "
            "the same of all",
            last,
        )
    for a in by_ending[first].values():
        for b in by_ending[second].values():
            if level.joins(a, b):
                raise command.refuse(
                    f"'{a.text}' and '{b.text}' are of two categories, and independent in models "
                    f"here; take their covariance out, CLRE with both",
                    b,
                )
