"""Stata: ``gsem`` of nominal categories, read.

Source: the Stata Structural Equation Modeling Reference Manual, ``gsem``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from hierbayes.families.categorical import Categorical
from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import INTERCEPT
from hierbayes.translation.dialect import StatedModel
from hierbayes.translation.programs.code_words import NAME, NUMBER, Cursor, Word
from hierbayes.translation.programs.effect_terms import specify, varying_over
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.stata.gsem_options import GsemOptions, read_gsem_options
from hierbayes.translation.stata.terms import read_terms_of


@dataclass(frozen=True, slots=True)
class _Latent:
    """A latent variable of an equation: its name, its level, and the term it multiplies."""

    name: Word
    level: tuple[str, ...]
    term: str


@dataclass(frozen=True, slots=True)
class _Equation:
    """The equation of a category.

    Parameters
    ----------
    outcome : Word
        Its number.
    response : str
    terms : list of str
    latent : list of _Latent
    """

    outcome: Word
    response: str
    terms: list[str] = field(default_factory=list)
    latent: list[_Latent] = field(default_factory=list)

    @property
    def number(self) -> str:
        """That of its category."""
        return self.outcome.text.rstrip(".")


def read_gsem(command: Cursor, known: KnownColumns) -> StatedModel:
    """The model of a command ``gsem (2.y <- x M1[g]) (3.y <- x M2[g]), mlogit ...``.

    Raises
    ------
    FormulaError
        Pointing at what models here do not have, such as effects that two categories share.
    """
    first = command.take("gsem")
    paths = command.part(command.until(","))
    options = read_gsem_options(command)
    equations: list[_Equation] = []
    while not paths.done:
        paths.expect("(")
        equations.append(_read_path(paths.part(paths.until(")")), known, options))
        paths.expect(")")
    stated = [one for one in equations if one.terms or one.latent]
    if not options.mlogit or not stated:
        raise command.refuse(
            "gsem is read of nominal categories alone: with mlogit, and an equation for each "
            "category but the first",
            first,
        )
    _refuse_other_categories(stated, known, command)
    model = stated[0]
    for one in stated[1:]:
        _refuse_unlike(one, model, command)
    blocks = [_blocks(one.latent, options, command) for one in stated]
    _refuse_shared(stated, options, command)
    if any(found != blocks[0] for found in blocks):
        raise command.refuse("categories have the same effects, and the same correlated", first)
    found = specify(model.response, model.terms, blocks[0], "equation of a category")
    return StatedModel(known.checked(found, "drop if missing({})"), Categorical())


def _read_path(path: Cursor, known: KnownColumns, options: GsemOptions) -> _Equation:
    """``2.y <- x M1[g]@1``, or ``1b.y``, the category that others are compared with."""
    number = path.take("the number of a category")
    if number.kind != NUMBER:
        raise path.refuse(
            "an equation is of one category, as in (2.y <- x M2[g]); effects of all together "
            "models here do not have",
            number,
        )
    base = path.take_if("b")
    path.take_if(".")
    response = known.factor(path.take_name("the response"), path)
    if path.done or base:
        return _Equation(number, response)
    path.expect("<")
    path.expect("-")
    body = path.part(path.until(","))
    constant = not options.noconstant
    path.take_if(",")
    while not path.done:
        word = path.take_name("an option")
        if len(word.text) >= 5 and "noconstant".startswith(word.text):
            constant = False
        elif word.text == "mlogit":
            options.mlogit = True
        else:
            raise path.refuse(f"the option '{word.text}' of an equation is not read", word)
    plain, latent = _apart(body, known)
    terms = [INTERCEPT] if constant else []
    terms += read_terms_of(path.part(plain), known, constant=constant)
    return _Equation(number, response, terms, latent)


def _apart(body: Cursor, known: KnownColumns) -> tuple[list[Word], list[_Latent]]:
    """The words of columns, and the latent variables; what stands together is one item."""
    items: list[list[Word]] = []
    for word in body.words:
        together = items and items[-1][-1].end == word.start
        items = [*items[:-1], [*items[-1], word]] if together else [*items, [word]]
    plain: list[Word] = []
    latent: list[_Latent] = []
    for item in items:
        if any(word.text == "[" for word in item):
            latent.append(_read_latent(body.part(item), known))
        else:
            plain += item
    return plain, latent


def _read_latent(item: Cursor, known: KnownColumns) -> _Latent:
    """``M1[g]@1``, ``M1[g>h]`` or ``c.x#M1[g]``."""
    term = INTERCEPT
    if any(word.text == "#" for word in item.words):
        (term,) = read_terms_of(item.part(item.until("#")), known)
        item.expect("#")
    name = item.take("a latent variable")
    if name.kind != NAME or not name.text[0].isupper():
        raise item.refuse("a latent variable begins with a capital, as M1[g] does", name)
    item.expect("[")
    level: list[str] = []
    while not item.take_if("]"):
        level += known.groups(item.take_name("a level"), item)
        item.take_if(">")
    if item.take_if("@"):
        one = item.take("1")
        if one.text != "1":
            raise item.refuse(f"a latent variable has the coefficient 1 here, not {one.text}", one)
    return _Latent(name, tuple(dict.fromkeys(level)), term)


def _blocks(latent: Sequence[_Latent], options: GsemOptions, command: Cursor) -> list[RandomTerm]:
    """The random terms of a category: latent variables of a level are correlated by themselves."""
    found: list[RandomTerm] = []
    for level in sorted({one.level for one in latent}, key=len):
        blocks: list[list[_Latent]] = []
        for one in (other for other in latent if other.level == level):
            tied = [b for b in blocks if any(options.correlated(one.name, o.name) for o in b)]
            whole = [o for block in tied for o in block]
            if not all(options.correlated(one.name, other.name) for other in whole):
                raise command.refuse(
                    f"'{one.name.text}' is correlated with some of the effects that are with each "
                    "other; a block of G has all covariances",
                    one.name,
                )
            blocks = [*(block for block in blocks if block not in tied), [*whole, one]]
        found += varying_over(level, [[one.term for one in block] for block in blocks])
    return found


def _refuse_shared(equations: Sequence[_Equation], options: GsemOptions, command: Cursor) -> None:
    """Refuse a latent variable of two categories, and correlations between categories."""
    for one, other in combinations(equations, 2):
        for a in one.latent:
            for b in other.latent:
                if a.name.text == b.name.text:
                    raise command.refuse(
                        f"'{b.name.text}' is one effect of two categories, and effects here are "
                        "of each; name another",
                        b.name,
                    )
                if a.level == b.level and options.correlated(a.name, b.name):
                    group = b.level[-1]
                    raise command.refuse(
                        f"'{a.name.text}' and '{b.name.text}' of two categories are correlated, "
                        "as gsem has it by itself, and here they are independent; write "
                        f"covariance({a.name.text}[{group}]*{b.name.text}[{group}]@0)",
                        b.name,
                    )


def _refuse_unlike(one: _Equation, other: _Equation, command: Cursor) -> None:
    if one.response != other.response:
        raise command.refuse("gsem is read with one response", one.outcome)
    if one.terms != other.terms:
        raise command.refuse(
            f"category {one.number} has other terms than category {other.number}; models"
            " here have the same for all",
            one.outcome,
        )


def _refuse_other_categories(
    stated: Sequence[_Equation],
    known: KnownColumns,
    command: Cursor,
) -> None:
    """Refuse equations that are not of every category but the first of the data."""
    levels = known.levels(stated[0].response)
    whole = all(level.isdigit() for level in levels)
    numbers = list(levels) if whole else [str(k + 1) for k in range(len(levels))]
    given = [one.number for one in stated]
    left = [number for number in numbers if number not in given]
    if not levels or (left == numbers[:1] and len(given) == len(numbers) - 1):
        return
    raise command.refuse(
        f"the categories of '{stated[0].response}' are {', '.join(numbers)}, and equations are "
        f"of all but the first; those here are of {', '.join(given)}",
        stated[0].outcome,
    )
