"""Stata: lists of variables with factor-variable operators, read."""

from __future__ import annotations

import re

from hierbayes.translation.programs.code_words import NAME, Cursor, Word
from hierbayes.translation.programs.effect_terms import bar_expansion, product_term
from hierbayes.translation.programs.known_columns import KnownColumns

_LABELS = re.compile(r"i|i?b(\d+|n)?")


def read_terms_of(
    body: Cursor, known: KnownColumns, *, plain: bool = False, constant: bool = True
) -> list[str]:
    """Terms of a list of variables.

    Parameters
    ----------
    body : Cursor
    known : KnownColumns
    plain : bool
        Whether only columns may stand in it, as in a random-effects equation.
    constant : bool
        Whether there is an intercept; without one Stata still leaves out base levels.

    Raises
    ------
    FormulaError
        For a word that is no term, pointing at it.
    """
    terms: list[str] = []
    based: Word | None = None
    full = False
    while not body.done:
        found, operands = _read_item(body, known, plain=plain)
        terms += found
        if all(kind and kind != "c" for _, _, kind in operands):
            full |= all(kind == "ibn" for _, _, kind in operands)
            based = based or operands[0][1]
    if based is not None and not (constant or full or plain):
        raise body.refuse(
            f"without a constant Stata leaves out the base level of '{based.text}' all the same; "
            f"write ibn.{based.text} for a column of every level",
            based,
        )
    return terms


def read_column(body: Cursor, known: KnownColumns) -> str:
    """The response: a column without operators."""
    return known.factor(body.take_name("the response"), body)


type _Operand = tuple[str, Word, str]


def _read_item(
    body: Cursor, known: KnownColumns, *, plain: bool
) -> tuple[list[str], list[_Operand]]:
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
    return [product_term(product, labels) for product in products], operands


def _refuse_qualifiers(body: Cursor) -> None:
    if body.sees("if", "in"):
        raise body.refuse("'if' and 'in' choose rows; choose the rows of the data instead")
    if body.sees("["):
        kind = body.peek(1)
        counted = kind is not None and kind.says("fw", "fweight", "fweights")
        hint = "; counts of equal rows are counts= of the model, and not in code" if counted else ""
        raise body.refuse(f"weights are not supported{hint}")


def _read_operand(body: Cursor, known: KnownColumns) -> _Operand:
    """A column with its operator: (factor, word, operator).

    The operator is empty, ``c``, ``ibn`` or another that begins with ``i``.
    """
    word = body.take("a variable")
    operator = ""
    if word.kind != NAME:
        raise body.refuse(_no_variable(word), word)
    after = body.peek()
    if word.says("i", "ib", "b") and after is not None and after.says("("):
        _refuse_picked_levels(word, body)
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
    if operator in ("", "c") and known.holds_labels(word):
        raise body.refuse(
            f"Stata takes '{word.text}' for numbers here, and it holds labels; write i.{word.text}",
            word,
        )
    if operator in ("", "c"):
        return factor, word, operator
    _refuse_other_base(operator, word, known.levels(factor), body)
    return known.as_labels(factor), word, operator


def _refuse_picked_levels(word: Word, body: Cursor) -> None:
    """Refuse ``i(1 3).x`` and bases other than ``ib(first).x``, which is taken."""
    body.expect("(")
    picked = " ".join(inner.text for inner in body.until(")"))
    body.expect(")")
    if word.text == "i":
        raise body.refuse(
            f"'i({picked}).' picks levels, which is not read; choose the rows of the data, and "
            "name the whole factor with i.",
            word,
        )
    if picked != "first":
        raise body.refuse(
            f"'{word.text}({picked}).' is not read; put the reference first in the data, as a "
            "category, and write i.",
            word,
        )


def _refuse_other_base(operator: str, word: Word, levels: tuple[str, ...], body: Cursor) -> None:
    """Refuse a base level that is not the first of the data."""
    number = operator.removeprefix("i").removeprefix("b")
    if not number.isdigit() or not levels:
        return
    coded = all(level.isdigit() for level in levels)
    first = levels[0] if coded else "1"
    if number != first:
        raise body.refuse(
            f"'{operator}.' makes level {number} of '{word.text}' the reference, and in the data "
            f"it is {levels[0]}; put that level first in the data, as a category",
            word,
        )


def _operator(word: Word, body: Cursor) -> str:
    if word.text == "c":
        return "c"
    if _LABELS.fullmatch(word.text):
        return "ibn" if word.text in ("ibn", "bn") else word.text
    what = f"the operator '{word.text}.' is not read; only i., ib#. and c. are"
    if word.text == "R":
        what = "R. makes an effect of every level, which stands by itself after a level, as in "
        what += "|| _all: R.group"
    raise body.refuse(what, word)


def _no_variable(word: Word) -> str:
    if word.text.endswith("."):
        return f"the operator '{word.text}' picks one level; name the whole factor with i."
    if word.text == "(":
        return "parentheses in a list of variables are not read; write the terms one by one"
    return f"a variable is expected here, not '{word.text}'"
