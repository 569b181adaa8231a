"""The random part of a formula, read: parentheses with a bar, effects and grouping factors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hierbayes.errors import FormulaError, in_quotes
from hierbayes.specification.random_term import RandomTerm, random_terms
from hierbayes.specification.term_parser import outside_backticks
from hierbayes.specification.terms import INTERCEPT, as_named, read_terms

_NAME = re.compile(r"[^\W\d][\w.]*")
_AS_FACTOR = re.compile(r"(?:as\.)?factor\((.*)\)")


def take_random_terms(right: str) -> tuple[str, tuple[str, ...]]:
    """Split "x + (1 | g)" into "x" and ("1 | g",): parentheses with a bar of their own."""
    fixed = ""
    found: list[str] = []
    marks = outside_backticks(right)
    i = 0
    while i < len(right):
        if marks[i] == "(" and not (fixed and (fixed[-1].isalnum() or fixed[-1] in "_.`")):
            close = _closing(right, i)
            inside = right[i + 1 : close]
            if _bar(inside) is not None:
                found.append(inside.strip())
                fixed = _drop_operator(fixed, right)
                i = close + 1
                continue
        fixed += right[i]
        i += 1
    fixed = fixed.strip().removeprefix("+").strip()
    return fixed, tuple(found)


def _drop_operator(before: str, whole: str) -> str:
    """Remove the '+' that joined a random term to what stands before it."""
    before = before.rstrip()
    if not before or before.endswith("+"):
        return before[:-1] if before else before
    raise FormulaError(
        f"cannot read the formula '{whole.strip()}': a random term is joined by '+', "
        f"not by '{before[-1]}'"
    )


def _closing(text: str, start: int) -> int:
    marks = outside_backticks(text)
    depth = 0
    for i in range(start, len(text)):
        depth += (marks[i] == "(") - (marks[i] == ")")
        if depth == 0:
            return i
    pointer = " " * start + "^"
    raise FormulaError(
        f"cannot read the formula: this parenthesis is never closed\n    {text}\n    {pointer}"
    )


def _bar(text: str) -> int | None:
    """Place of the first '|' outside parentheses."""
    depth = 0
    for i, character in enumerate(outside_backticks(text)):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            return i
    return None


def read_random_terms(text: str) -> tuple[RandomTerm, ...]:
    """One term of "effects | group", or one for each effect of "effects || group"."""
    bar = _bar(text)
    if bar is None:
        raise FormulaError(
            f"the random part '{text.strip()}' names no group; write '~ effects | group'"
        )
    effects, rest = text[:bar].strip(), text[bar + 1 :]
    uncorrelated = rest.startswith("|")
    group = rest.removeprefix("|").strip()
    if _bar(group) is not None:
        raise FormulaError(f"cannot read the random part '{text.strip()}': it has two bars")
    terms = read_terms(effects, "random part") if effects else ()
    if not terms:
        raise FormulaError(
            f"the random part '({text.strip()})' has no effects; write '1 | {group}'"
        )
    blocks = [(term,) for term in terms] if uncorrelated else [terms]
    return tuple(
        term
        for columns in _read_factors(group)
        for term in random_terms(":".join(columns), blocks, columns)
    )


def _read_factors(group: str) -> tuple[tuple[str, ...], ...]:
    """The columns of each factor: one for "a" and "a:b", and a and a:b for "a/b"."""
    factors: list[tuple[str, ...]] = []
    before: tuple[str, ...] = ()
    for part in _split(group, "/"):
        before = (*before, *(_group_column(name, group) for name in _split(part, ":")))
        if len(set(before)) < len(before):
            raise FormulaError(f"the group '{group}' names a column twice; name each once")
        factors.append(before)
    return tuple(factors)


def _split(text: str, mark: str) -> list[str]:
    """The parts of a text between marks outside backticks."""
    parts, last = [], 0
    marks = outside_backticks(text)
    for place, character in enumerate(marks):
        if character == mark:
            parts.append(text[last:place].strip())
            last = place + 1
    return [*parts, text[last:].strip()]


def _group_column(part: str, group: str) -> str:
    coded = _AS_FACTOR.fullmatch(part)
    if coded:  # a group is a factor
        return _group_column(coded[1].strip(), group)
    name = part.strip("`")
    if name and (_NAME.fullmatch(name) or (part.startswith("`") and part.endswith("`"))):
        return name
    advice = "make the column first (or put an unusual name in backticks)"
    if crossed := re.fullmatch(r"(\w+)\s*([+*])\s*(\w+)", group):
        a, mark, b = crossed.groups()
        both = f" and (… | {a}:{b})" if mark == "*" else ""
        advice = f"write a term for each factor, (… | {a}), (… | {b}){both}"
    elif inside := re.fullmatch(r"(\w+)\s+%in%\s+(\w+)", group):
        advice = f"write (… | {inside[2]}/{inside[1]})"
    raise FormulaError(
        "the group must be a column, or columns joined by ':' or '/', and "
        f"'{group}' is not; {advice}"
    )


def texts_of_argument(random: str | Mapping[str, str]) -> tuple[str, ...]:
    """The random terms of an argument ``random=``, or of a mapping of nested factors."""
    return _nested_texts(random) if isinstance(random, Mapping) else (_bare(random),)


def _bare(random: str) -> str:
    return random.strip().removeprefix("~")


def _nested_texts(random: Mapping[str, str]) -> tuple[str, ...]:
    """A random term for each factor of a mapping, nested in those before it."""
    texts, groups = [], []
    for group, effects in random.items():
        if not isinstance(group, str) or not isinstance(effects, str) or "|" in effects:
            raise FormulaError(
                "a random part that is a mapping has the effects of nested factors, from the "
                f"outermost to the innermost, as in {{'school': '~ 1 + x', 'class': '~ 1'}}, not "
                f"{group!r}: {effects!r}"
            )
        groups.append(group if group.isidentifier() else f"`{group.strip('`')}`")
        texts.append(f"{_bare(effects)} | {':'.join(groups)}")
    if not texts:
        raise FormulaError("the random part is an empty mapping; name a group and its effects")
    return tuple(texts)


def refuse_repeated_effects(random: tuple[RandomTerm, ...]) -> None:
    """Refuse an effect that stands in two terms of one grouping factor, and two of one name."""
    _refuse_factors_of_one_name(random)
    seen: dict[str, list[str]] = {}
    for part in random:
        mine = seen.setdefault(part.factor, [])
        for term in part.effects:
            if as_named(term, mine) in mine:
                name = "the intercept '1'" if term == INTERCEPT else f"the effect '{term}'"
                where = f" of '{part.factor}'" if len({one.factor for one in random}) > 1 else ""
                raise FormulaError(f"{name} stands in two random terms{where}; keep it in one")
            mine.append(term)


def _refuse_factors_of_one_name(random: tuple[RandomTerm, ...]) -> None:
    """Refuse a column with a colon in its name beside the combination that is called as it."""
    columns_of: dict[str, tuple[str, ...]] = {}
    for part in random:
        columns = columns_of.setdefault(part.factor, part.columns)
        if columns != part.columns:
            one, other = sorted((columns, part.columns), key=len)
            column = next(name for name in (*one, *other) if ":" in name)
            raise FormulaError(
                f"two grouping factors would be called '{part.factor}', of the columns "
                f"{in_quotes(one)} and of {in_quotes(other)}; rename the column '{column}'"
            )
