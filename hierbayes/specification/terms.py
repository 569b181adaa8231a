"""Terms of a formula: products of factors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from keyword import iskeyword

from formulaic.errors import FormulaicError
from formulaic.parser.algos.tokenize import tokenize
from formulaic.parser.types import Factor, Term, Token

from hierbayes.specification.expression import columns_in
from hierbayes.specification.expression_reader import read_expression
from hierbayes.specification.foreign_spellings import CONSTANTS
from hierbayes.specification.term_parser import BACKTICKS, parse_terms

INTERCEPT = "1"

_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@lru_cache(maxsize=512)
def read_terms(right: str, role: str = "formula") -> tuple[str, ...]:
    """Names of the terms of a one-sided formula, in order; the intercept is ``"1"``.

    Raises
    ------
    FormulaError
        When formulaic cannot read the text; the message points at the place.

    Examples
    --------
    >>> read_terms("ses * Sector")
    ('1', 'ses', 'Sector', 'ses:Sector')
    >>> read_terms("0 + ses")
    ('ses',)
    """
    return tuple(term_text(term) for term in parse_terms(right, role))


@lru_cache(maxsize=512)
def factors_of(term: str) -> tuple[str, ...]:
    """Factors of a term by name, in order; the intercept has none.

    Examples
    --------
    >>> factors_of("ses:Sector")
    ('ses', 'Sector')
    >>> factors_of("1")
    ()
    >>> factors_of("{ses**2}:Sector")
    ('{ses ** 2}', 'Sector')
    """
    if term == INTERCEPT:
        return ()
    parsed = parse_terms(f"0 + {term}", "term")
    return tuple(factor_text(factor) for one in parsed for factor in one.factors)


@lru_cache(maxsize=512)
def names_in(factor: str) -> frozenset[str]:
    """Names a factor reads values from: its column, or the columns in its expression.

    Raises
    ------
    FormulaError
        When it is no expression of a formula.

    Examples
    --------
    >>> sorted(names_in("np.log(x) + cvar(`a b`, g)")), sorted(names_in("`a b`"))
    (['a b', 'g', 'x'], ['a b'])
    >>> sorted(names_in("np.log(float)")), sorted(names_in("{x.astype(float)}"))
    (['float'], ['x'])
    """
    return frozenset(columns_in(read_expression(without_braces(factor))))


def is_number(factor: str) -> bool:
    """Whether a factor only scales its term, as 2 does in ``2:x``.

    Examples
    --------
    >>> is_number("2"), is_number("0.5"), is_number("`2`"), is_number("inf")
    (True, True, False, False)
    """
    return _NUMBER.fullmatch(factor) is not None


def without_braces(factor: str) -> str:
    """A factor without the braces that quote Python in a formula.

    Examples
    --------
    >>> without_braces("{ses ** 2}"), without_braces("C(x, {'a': 1})")
    ('ses ** 2', "C(x, {'a': 1})")
    """
    text = factor.strip()
    return text[1:-1].strip() if text.startswith("{") and text.endswith("}") else factor


def bare(factor: str) -> str:
    """A factor as columns are called: without backticks and braces.

    Examples
    --------
    >>> bare("`a b`"), bare("np.log(`a b`)"), bare("{ses ** 2}")
    ('a b', 'np.log(a b)', 'ses ** 2')
    """
    return without_braces(factor).replace("`", "")


def bare_term(term: str) -> str:
    """A term as columns are called.

    Examples
    --------
    >>> bare_term("`a b`:x"), bare_term("{ses ** 2}:x"), bare_term("1")
    ('a b:x', 'ses ** 2:x', '1')
    """
    return ":".join(map(bare, factors_of(term))) or INTERCEPT


def factor_text(factor: Factor) -> str:
    """A factor of formulaic's as it must be written in a formula to be read as the same.

    Names that are no identifiers stand in backticks, and Python that is no call in braces.
    """
    text = str(factor.expr)
    if factor.eval_method is Factor.EvalMethod.LOOKUP:
        return column_name(text)
    if factor.eval_method is Factor.EvalMethod.PYTHON and not _reads_as_one(text):
        return f"{{{text}}}"
    return text


def column_name(name: str) -> str:
    """A column as a formula names it: in backticks where the name alone says something else.

    Examples
    --------
    >>> column_name("ses"), column_name("a b"), column_name("class"), column_name("TRUE")
    ('ses', '`a b`', '`class`', '`TRUE`')
    """
    return name if _is_word(name) else f"`{name}`"


def product(first: str, second: str) -> str:
    """The product of two terms as one term; the intercept is the unit.

    Examples
    --------
    >>> product("ses", "Sector"), product("1", "Sector"), product("ses", "1")
    ('ses:Sector', 'Sector', 'ses')
    """
    if first == INTERCEPT:
        return second
    if second == INTERCEPT:
        return first
    return f"{first}:{second}"


def as_named(term: str, among: Iterable[str]) -> str:
    """A term as it is named among others, which may have its factors in another order.

    Examples
    --------
    >>> as_named("Sex:ses", ["1", "ses:Sex"]), as_named("Sex:ses", ["1", "ses"])
    ('ses:Sex', 'Sex:ses')
    """
    factors = sorted(factors_of(term))
    return next((other for other in among if sorted(factors_of(other)) == factors), term)


def join_terms(terms: tuple[str, ...]) -> str:
    """The one-sided formula with just these terms, the intercept said outright.

    Examples
    --------
    >>> join_terms(("1", "ses")), join_terms(("ses",)), join_terms(())
    ('1 + ses', '0 + ses', '0')
    """
    if INTERCEPT in terms:
        return " + ".join((INTERCEPT, *(t for t in terms if t != INTERCEPT)))
    return " + ".join(("0", *terms))


def term_text(term: Term) -> str:
    """A term of formulaic's as it must be written in a formula to be read as the same."""
    return ":".join(factor_text(factor) for factor in term.factors)


def _is_word(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text) and text not in CONSTANTS


@lru_cache(maxsize=512)
def _reads_as_one(text: str) -> bool:
    """Whether Python code stands in a formula without braces: a column, a call, or 1."""
    if _is_word(text) or text == INTERCEPT or BACKTICKS.fullmatch(text):
        return True
    try:
        tokens = list(tokenize(text))
    except FormulaicError:
        return False
    return len(tokens) == 1 and tokens[0].kind is Token.Kind.PYTHON
