"""SAS: effects of statements, as terms of a formula."""

from __future__ import annotations

from hierbayes.translation.programs.code_words import Cursor, Word
from hierbayes.translation.programs.effect_terms import bar_expansion, product_term
from hierbayes.translation.programs.known_columns import KnownColumns


def copied(word: Word, known: KnownColumns) -> str:
    """A column that the program made equal to one of the data, by its own name; empty of others.

    As a class it says nothing of the column that it is a copy of.
    """
    made = known.made(word.text)
    plain = made is not None and not made.indicates and made.factor.strip("`") in known.columns
    return f"copy {word.text.lower()}" if plain else ""


def read_effect(
    effects: Cursor, known: KnownColumns, classes: set[str], *, nested: bool = False
) -> list[str]:
    """The terms of one effect: ``a*b``, or ``a | b @ 2`` with all products."""
    parts = [_read_product(effects, known, classes, nested)]
    while effects.take_if("|"):
        parts.append(_read_product(effects, known, classes, nested))
    most = None
    if effects.take_if("@"):
        word = effects.take("a number")
        if not word.text.isdigit() or int(word.text) < 1:
            raise effects.refuse(f"'@' takes a whole number, not '{word.text}'", word)
        most = int(word.text)
    return [product_term(factors, classes) for factors in bar_expansion(parts, most)]


def _read_product(
    effects: Cursor, known: KnownColumns, classes: set[str], nested: bool
) -> list[str]:
    """The factors of a product; of a random effect ``b(a)`` is one, that of a and b."""
    factors: list[str] = []
    while True:
        word = effects.take_name("a column")
        factor = known.factor(word, effects)
        labelled = known.as_labels(factor) if (copied(word, known) or factor) in classes else factor
        if effects.sees("(") and not nested:
            raise effects.refuse(
                f"the nested effect '{word.text}(...)' is not read; write the interaction with '*'",
                word,
            )
        if effects.take_if("("):
            inside = effects.part(effects.until(")"))
            effects.expect(")")
            while not inside.done:
                factors += _read_product(inside, known, classes, nested)
        factors.append(labelled)
        if not effects.take_if("*"):
            return factors
