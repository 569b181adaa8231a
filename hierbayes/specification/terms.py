"""Terms of a formula: products of factors, read by formulaic."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from keyword import iskeyword

from formulaic.errors import FormulaicError
from formulaic.parser.algos.tokenize import tokenize
from formulaic.parser.types import Factor, Term, Token

from hierbayes.errors import FormulaError
from hierbayes.specification.expression import columns_in, read_expression
from hierbayes.specification.foreign_spellings import (
    CONSTANTS,
    read_powers,
    refuse_foreign_spellings,
)
from hierbayes.specification.formula_parser import parse_formula, tokens_of

INTERCEPT = "1"

_BACKTICKS = re.compile(r"`([^`]*)`")
_HIGHEST = 5  # k terms to the power p multiply out to k^p products
_NO_NAMES = ("0", "1", "")
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


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
    return tuple(term_text(term) for term in _parse(right, role))


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
    return tuple(
        factor_text(factor) for parsed in _parse(f"0 + {term}", "term") for factor in parsed.factors
    )


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


def outside_backticks(text: str) -> str:
    """The text with quoted names blanked, at the same places.

    Examples
    --------
    >>> outside_backticks("(1 + `a|b` | g)")
    '(1 + `___` | g)'
    """
    return _BACKTICKS.sub(lambda found: f"`{'_' * len(found[1])}`", text)


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


def _parse(right: str, role: str) -> tuple[Term, ...]:
    if not isinstance(right, str):
        raise FormulaError(f"the {role} must be text, not {right!r}")
    for name in _BACKTICKS.findall(right):
        if name in _NO_NAMES:
            raise FormulaError(
                f"cannot read the {role} '{right}': a column called '{name}' cannot stand in a "
                "formula; rename it"
            )
    try:
        _refuse_high_powers(right, role)
        _refuse_other_sides(right, role)
        _refuse_names_of_expressions(right, role)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            formula = parse_formula(_read_calls(right, role))
    except FormulaError:
        raise
    except FormulaicError as error:
        raise FormulaError(f"cannot read the {role} '{right}': {_pointed(error)}") from error
    except (SyntaxError, ValueError) as error:
        raise FormulaError(f"cannot read the {role} '{right}': {error}") from error
    except Exception as error:  # formulaic stumbled: reading runs nothing, so the text is at fault
        raise FormulaError(
            f"cannot read the {role} '{right}': its brackets and operators do not fit together"
            f"{_unmatched(right)}"
        ) from error
    return tuple(formula)


def _refuse_high_powers(right: str, role: str) -> None:
    """Refuse a power that multiplies out to more terms than can be handled."""
    tokens = list(tokenize(right))
    for sign, power in pairwise(tokens):
        if sign.token in ("**", "^") and power.token.isdigit() and int(power.token) > _HIGHEST:
            raise FormulaError(
                f"cannot read the {role} '{right}': products of more than {_HIGHEST} terms must be "
                f"written out\n    {right}\n    {' ' * (power.source_start or 0)}^"
            )


def _refuse_other_sides(right: str, role: str) -> None:
    signs = {sign for t in tokenize(right) if t.kind is Token.Kind.OPERATOR for sign in t.token}
    if signs & {"~", "|"}:
        raise FormulaError(f"cannot read the {role} '{right}': '|' and '~' have no place in it")


def _refuse_names_of_expressions(right: str, role: str) -> None:
    """Refuse a quoted column with the text of an expression that stands beside it."""
    if "`" not in right:
        return
    tokens = list(tokens_of(right))
    quoted = {token.token for token in tokens if token.kind is Token.Kind.NAME}
    for token in tokens:
        if token.kind in (Token.Kind.PYTHON, Token.Kind.VALUE):
            text = token.token
            if text in quoted:
                raise FormulaError(
                    f"cannot read the {role} '{right}': the column `{text}` has the name of the "
                    f"expression {text}, which stands beside it; rename the column"
                )


def _read_calls(right: str, role: str) -> str:
    """The text with powers in its calls as Python writes them; what is in braces is Python."""
    text, end = "", 0
    for token in tokenize(right):
        start, stop = token.source_start or 0, (token.source_end or 0) + 1
        code = right[start:stop]
        called = token.kind is Token.Kind.PYTHON and not code.startswith("{")
        if called or (token.kind is Token.Kind.NAME and not code.startswith("`")):
            try:
                refuse_foreign_spellings(code)
            except FormulaError as error:
                raise FormulaError(
                    f"cannot read the {role} '{right}': {error}\n    {right}\n    {' ' * start}^"
                ) from None
        text += right[end:start] + (read_powers(code) if called else code)
        end = stop
    return text + right[end:]


def _unmatched(text: str) -> str:
    """A caret under the first bracket without its partner; nothing where all have theirs."""
    opened: list[int] = []
    for i, character in enumerate(outside_backticks(text)):
        if character in "([":
            opened.append(i)
        elif character in ")]" and not (opened and text[opened.pop()] + character in ("()", "[]")):
            opened = [i]
            break
    return f"\n    {text}\n    {' ' * opened[0]}^" if opened else ""


def term_text(term: Term) -> str:
    """A term of formulaic's as it must be written in a formula to be read as the same."""
    return ":".join(factor_text(factor) for factor in term.factors)


def _is_word(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text) and text not in CONSTANTS


def _reads_as_one(text: str) -> bool:
    """Whether Python code stands in a formula without braces: a column, a call, or 1."""
    if _is_word(text) or text == INTERCEPT or _BACKTICKS.fullmatch(text):
        return True
    try:
        tokens = list(tokenize(text))
    except FormulaicError:
        return False
    return len(tokens) == 1 and tokens[0].kind is Token.Kind.PYTHON


def _pointed(error: FormulaicError) -> str:
    """Formulaic's message, with a caret under the place instead of its colours."""
    lines = [_ANSI.sub("", line) for line in str(error).strip().splitlines()]
    message = lines[0].rstrip(".") if lines else type(error).__name__
    drawn = next((line for line in lines[1:] if "⧛" in line), None)
    if drawn is None:
        return message
    place = drawn.index("⧛")
    return f"{message}\n    {drawn.replace('⧛', '').replace('⧚', '')}\n    {' ' * place}^"
