"""One-sided formulas as formulaic's terms, or refused at the place that cannot be read."""

from __future__ import annotations

import keyword
import re
import warnings
from itertools import pairwise

from formulaic.errors import FormulaicError
from formulaic.parser.algos.tokenize import tokenize
from formulaic.parser.types import Term, Token

from hierbayes.errors import FormulaError
from hierbayes.specification.foreign_spellings import read_spellings, refuse_constant
from hierbayes.specification.formula_parser import parse_formula, tokens_of

BACKTICKS = re.compile(r"`([^`]*)`")

_HIGHEST = 5  # k terms to the power p multiply out to k^p products
_QUOTED = re.compile(r"""("[^"]*"|'[^']*')""")
_WORD = re.compile(r"(?<![\w.`])[a-z]+\b(?!`)", re.IGNORECASE)
_GROUP_OF_SEVERAL = re.compile(r"\b([cdl]var)\([^()]*,\s*([^(),]+:[^(),]+?)\s*\)")
_DOT = re.compile(r"(?<![\w.)\]])\.(?![\w.])")  # neither of a number nor of a name
_NAME_WITH_DOT = re.compile(r"(?<![\w.)\]`])(\.[^\W\d][\w.]*|[^\W\d][\w.]*\.(?![\w.]))")
_CONSTANTS = ("True", "False", "None")
_NO_NAMES = ("0", "1", "")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def parse_terms(right: str, role: str) -> tuple[Term, ...]:
    """Terms of a one-sided formula, as formulaic has them.

    Raises
    ------
    FormulaError
        When the text cannot be read; the message points at the place.
    """
    if not isinstance(right, str):
        raise FormulaError(f"the {role} must be text, not {right!r}")
    for name in BACKTICKS.findall(right):
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
    except SyntaxError as error:
        raise FormulaError(
            f"cannot read the {role} '{right}': {_code_in_words(right, error)}"
        ) from error
    except ValueError as error:
        raise FormulaError(f"cannot read the {role} '{right}': {error}") from error
    except Exception as error:  # formulaic stumbled: reading runs nothing, so the text is at fault
        raise FormulaError(
            f"cannot read the {role} '{right}': its brackets and operators do not fit together"
            f"{_unmatched(right)}"
        ) from error
    return tuple(formula)


def _code_in_words(text: str, error: SyntaxError) -> str:
    """Why Python's parser cannot read the code in a formula, and what to write."""
    code = _QUOTED.sub("", outside_backticks(text))
    group = _GROUP_OF_SEVERAL.search(code)
    if group:
        return (
            f"{group[1]}() takes one column of groups; make a column of the groups of "
            f"'{group[2]}' first"
        )
    words = (word for word in _WORD.findall(code) if keyword.iskeyword(word))
    word = next((word for word in words if word not in _CONSTANTS), "")
    if word:
        return f"'{word}' is a word of Python; a column of that name is written `{word}`"
    if _DOT.search(code):
        return (
            "'.' for all other columns is not read, within a function or outside; name the column "
            "(a point may stand in a number, as 0.5, before a function, as np.log(x), and in a "
            "name in backticks)"
        )
    if name := _NAME_WITH_DOT.search(code):
        return f"a column with a point at an end of its name is written `{name[0]}`"
    return error.msg


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
    """The text with its calls as they are written here; what is in braces is Python."""
    text, end = "", 0
    for token in tokenize(right):
        start, stop = token.source_start or 0, (token.source_end or 0) + 1
        code = right[start:stop]
        text += right[end:start]
        try:
            if token.kind is Token.Kind.PYTHON and not code.startswith("{"):
                code = read_spellings(code)
            elif token.kind is Token.Kind.NAME and not code.startswith("`"):
                refuse_constant(code)
            elif code == ".":
                raise FormulaError("'.' for all other columns is not read; name the columns")
        except FormulaError as error:
            raise FormulaError(
                f"cannot read the {role} '{right}': {error}\n    {right}\n    {' ' * start}^"
            ) from None
        text, end = text + code, stop
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


def outside_backticks(text: str) -> str:
    """The text with quoted names blanked, at the same places.

    Examples
    --------
    >>> outside_backticks("(1 + `a|b` | g)")
    '(1 + `___` | g)'
    """
    return BACKTICKS.sub(lambda found: f"`{'_' * len(found[1])}`", text)


def _pointed(error: FormulaicError) -> str:
    """Formulaic's message, with a caret under the place instead of its colours."""
    lines = [_ANSI.sub("", line) for line in str(error).strip().splitlines()]
    message = lines[0].rstrip(".") if lines else type(error).__name__
    drawn = next((line for line in lines[1:] if "⧛" in line), None)
    if drawn is None:
        return message
    place = drawn.index("⧛")
    return f"{message}\n    {drawn.replace('⧛', '').replace('⧚', '')}\n    {' ' * place}^"
