"""Stata: lists of variables with factor-variable operators, read."""

from __future__ import annotations

import re

from hierbayes.translation.programs.code_words import NAME, Cursor, Word
from hierbayes.translation.programs.effect_terms import bar_expansion, product_term
from hierbayes.translation.programs.known_columns import KnownColumns

_LABELS = re.compile(r"i|i?b(\d+|n)?")


def read_terms_of(body: Cursor, known: KnownColumns, *, plain: bool = False) -> list[str]:
    """Terms of a list of variables.

    Parameters
    ----------
    body : Cursor
    known : KnownColumns
    plain : bool
        Whether only columns may stand in it, as in a random-effects equation.

    Raises
    ------
    FormulaError
        For a word that is no term, pointing at it.
    """
    terms: list[str] = []
    while not body.done:
        terms += _read_item(body, known, plain=plain)
    return terms


def read_column(body: Cursor, known: KnownColumns) -> str:
    """The response: a column without operators."""
    return known.factor(body.take_name("the response"), body)


def _read_item(body: Cursor, known: KnownColumns, *, plain: bool) -> list[str]:
    """One column, ``a#b``, or ``a##b`` with all products."""
    first = body.peek()
    _refuse_qualifiers(body)
    operands = [_read_operand(body, known)]
    signs: set[str] = set()
    while body.sees("#", "##"):
        signs.add(body.take("#").text)
        operands.append(_read_operand(body, known))
    if plain and (signs or operands[0][2]):
        raise body.refuse(
            "a random-effects equation takes columns only, no factor variables and no products; "
            "make the column first",
            first,
        )
    if len(signs) > 1:
        raise body.refuse("'#' and '##' are mixed; write the terms one by one", first)
    if signs:
        for _, word, operator in operands:
            if not operator:
                raise body.refuse(
                    f"in an interaction Stata takes '{word.text}' for a factor; write "
                    f"c.{word.text} or i.{word.text}",
                    word,
                )
    factors = [[factor] for factor, _, _ in operands]
    labels = [factor for factor, _, operator in operands if operator and operator != "c"]
    whole = [[factor for factor, _, _ in operands]]
    products = bar_expansion(factors, None) if "##" in signs else whole
    return [product_term(product, labels) for product in products]


def _refuse_qualifiers(body: Cursor) -> None:
    if body.sees("if", "in"):
        raise body.refuse("'if' and 'in' choose rows; choose the rows of the data instead")
    if body.sees("["):
        raise body.refuse("weights are not supported")


def _read_operand(body: Cursor, known: KnownColumns) -> tuple[str, Word, str]:
    """A column with its operator: (factor, word, operator)."""
    word = body.take("a variable")
    operator = ""
    if word.kind != NAME:
        raise body.refuse(_no_variable(word), word)
    after = body.peek()
    if word.says("i", "ib", "b") and after is not None and after.says("("):
        body.until(".")
    after = body.peek()
    if after is not None and after.text == ".":
        operator = _operator(word, body)
        body.expect(".")
        word = body.take("a variable")
        if word.kind != NAME:
            raise body.refuse(_no_variable(word), word)
    mark = body.peek()
    if mark is not None and mark.text in ("*", "-", "~", "?") and mark.start == word.end:
        raise body.refuse("abbreviated lists of variables are not read; write every name", mark)
    factor = known.factor(word, body)
    return (known.as_labels(factor) if operator == "i" else factor), word, operator


def _operator(word: Word, body: Cursor) -> str:
    if word.text == "c":
        return "c"
    if _LABELS.fullmatch(word.text):
        return "i"
    what = {
        "R": "R. makes a random effect of every level, for crossed effects; models with several "
        "grouping factors are not supported",
    }.get(word.text, f"the operator '{word.text}.' is not read; only i., ib#. and c. are")
    raise body.refuse(what, word)


def _no_variable(word: Word) -> str:
    if word.text.endswith("."):
        return f"the operator '{word.text}' picks one level; name the whole factor with i."
    if word.text == "(":
        return "parentheses in a list of variables are not read; write the terms one by one"
    return f"a variable is expected here, not '{word.text}'"
