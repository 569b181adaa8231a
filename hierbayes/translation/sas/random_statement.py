"""SAS: the RANDOM statement, read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hierbayes.specification.random_term import RandomTerm
from hierbayes.specification.terms import INTERCEPT, factors_of
from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.effect_terms import varying_over
from hierbayes.translation.programs.known_columns import KnownColumns
from hierbayes.translation.sas.effects import read_effect
from hierbayes.translation.sas.options import (
    RANDOM_OPTIONS,
    Option,
    is_unstructured,
    read_options_behind,
)


@dataclass(frozen=True, slots=True)
class RandomStatement:
    """What a RANDOM statement says.

    Parameters
    ----------
    terms : list of RandomTerm
    statement : Cursor
    word : Word
        RANDOM.
    group : Option or None
        GROUP=, whose levels have a G each.
    """

    terms: list[RandomTerm]
    statement: Cursor
    word: Word
    group: Option | None


def read_random(
    statement: Cursor,
    known: KnownColumns,
    classes: set[str],
    first: Word,
    *,
    others: bool,
) -> RandomStatement:
    """One RANDOM statement; without TYPE= its effects are independent, as in SAS.

    Parameters
    ----------
    statement : Cursor
        Behind the word RANDOM.
    known : KnownColumns
    classes : set of str
        Classification variables.
    first : Word
    others : bool
        Whether it is of PROC GLIMMIX.
    """
    effects = statement.part(statement.until("/"))
    table = RANDOM_OPTIONS | ({"group"} if others else frozenset())
    options = {o.name: o for o in read_options_behind(statement, table, "RANDOM")}
    subject = read_subject(options["subject"], known, statement) if "subject" in options else []
    terms: dict[str, Word] = {}
    while not effects.done:
        word = effects.words[effects.at]
        if word.says("intercept", "int"):
            effects.take("INTERCEPT")
            terms[INTERCEPT] = word
        else:
            for term in read_effect(effects, known, classes, nested=True):
                terms.setdefault(term, word)
    if not terms:
        raise statement.refuse("the RANDOM statement has no effects; write INTERCEPT", first)
    kind = options.get("type")
    if kind is not None and is_unstructured(kind, len(effects.words), statement):
        if not subject:
            raise statement.refuse(
                f"TYPE={kind.value.upper()} without SUBJECT= ties the levels of a factor to each "
                "other, which has no counterpart; name the subject",
                kind.word,
            )
        found = list(varying_over(subject, [list(terms)]))
    else:
        found = [
            _independent(term, subject, known, classes, statement, word)
            for term, word in terms.items()
        ]
    return RandomStatement(found, statement, first, options.get("group"))


def _independent(
    term: str,
    subject: Sequence[str],
    known: KnownColumns,
    classes: set[str],
    statement: Cursor,
    word: Word,
) -> RandomTerm:
    """An effect by itself; one of CLASS has one variance for all levels, which are groups."""
    factors = [] if term == INTERCEPT else factors_of(term)
    groups = [factor for factor in factors if factor in classes]
    columns = [factor.removeprefix("C(").removesuffix(")").strip("`") for factor in groups]
    odd = [name for name in columns if name not in known.columns]
    if known.indicates(word) or odd:
        raise statement.refuse(
            f"'{term}' has several columns, and without TYPE=UN one variance for all of them, "
            "or one each, which has no counterpart; write TYPE=UN",
            word,
        )
    if not (subject or groups):
        raise statement.refuse(
            "the RANDOM statement has no SUBJECT=; write RANDOM INTERCEPT / SUBJECT=group", word
        )
    effect = ":".join(factor for factor in factors if factor not in classes) or INTERCEPT
    (random,) = varying_over(list(dict.fromkeys((*subject, *columns))), [[effect]])
    return random


def read_subject(option: Option, known: KnownColumns, statement: Cursor) -> list[str]:
    """Columns of the groups: ``a``, ``a*b``, or ``b(a)``, which is the same as ``a*b``."""
    value = statement.part(option.words)
    columns: list[str] = []
    while not value.done:
        name = known.column(value.take_name("a column"), value)
        if value.take_if("("):
            inside = [word for word in value.until(")") if not word.says("*")]
            value.expect(")")
            columns += [known.column(word, value) for word in inside]
        columns.append(name)
        if not value.done:
            value.expect("*")
    if not columns:
        raise statement.refuse("the subject is missing after SUBJECT=", option.word)
    return list(dict.fromkeys(columns))
