"""Formulaic's reading of a formula, with code written one way and looked at by nobody else.

Formulaic's own tokens would ask what the code on the left of a tilde reads, and evaluate the
functions in it to find out; and it cannot write code with a column named like a keyword of Python.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

from formulaic import Formula
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.algos.tokenize import tokenize
from formulaic.parser.types import Token
from formulaic.parser.utils import merge_operator_tokens, replace_tokens

from hierbayes.errors import FormulaError
from hierbayes.specification.expression_reader import normal_code


def tokens_of(right: str) -> Iterator[Token]:
    """Tokens of a one-sided formula, the code in them written one way."""
    for token in tokenize(right):
        if token.kind is Token.Kind.PYTHON:
            token.token = normal_code(token.token)
        yield token


class FormulaParser(DefaultFormulaParser):
    """The grammar of formulaic for one-sided formulas, with an intercept unless they say 0."""

    def get_tokens_from_formula(
        self, formula: str, *, context: MutableMapping[str, Any]
    ) -> list[Token]:
        """The tokens with the intercept in front, and 0 as −1."""
        one, plus = Token("1", kind=Token.Kind.VALUE), Token("+", kind=Token.Kind.OPERATOR)
        minus = Token("-", kind=Token.Kind.OPERATOR)
        tokens = list(replace_tokens(tokens_of(formula), "0", [minus, one], kind=Token.Kind.VALUE))
        _refuse_idle_minus(tokens)
        tokens = [one, plus, *tokens] if tokens else [one]
        return list(merge_operator_tokens(tokens, symbols={"+", "-"}))


def _refuse_idle_minus(tokens: list[Token]) -> None:
    """Refuse code behind a minus that stands nowhere else: as arithmetic it would do nothing.

    Raises
    ------
    FormulaError
        Saying how a difference is written.
    """
    code = [token.token for token in tokens if token.kind is Token.Kind.PYTHON]
    for before, token in pairwise(tokens):
        taken_out = token.kind is Token.Kind.PYTHON and before.token == "-"
        if taken_out and code.count(token.token) == 1:
            raise FormulaError(
                f"'- {token.token}' takes out a term that is not in the formula; write a "
                "difference as one term, as in I(x - 1)"
            )


_PARSER = FormulaParser()


@lru_cache(maxsize=512)
def parse_formula(right: str) -> Formula:
    """A one-sided formula, parsed once.

    Examples
    --------
    >>> [str(term) for term in parse_formula("x * log(`class`) - 1")]
    ['x', 'log(`class`)', 'x:log(`class`)']
    """
    return Formula(right, _parser=_PARSER, _nested_parser=_PARSER)
