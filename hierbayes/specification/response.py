"""The left side of a formula: a column, or counts out of trials; and offsets on the right.

``cbind(k, failures)`` as in R and ``k | trials(size)`` as in brms are read; so is
``offset(log(exposure))``, which is added to η with a coefficient of 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hierbayes.errors import FormulaError
from hierbayes.specification.term_parser import outside_backticks
from hierbayes.specification.terms import read_terms

FAILURES, TRIALS = "failures", "trials"
_BOUND = re.compile(r"cbind\s*\((.*)\)", re.DOTALL)
_OF_TRIALS = re.compile(r"(.*?)\|\s*trials\s*\((.*)\)", re.DOTALL)
_NUMBER = re.compile(r"\d+(?:\.0*)?")
_SUM = re.compile(r"[\w.\s()`]+(?:[-+*/^]+[\w.\s()`]+)+")
_OFFSET = re.compile(r"(?<![\w.])offset\s*\(")


@dataclass(frozen=True, slots=True)
class ResponseTerm:
    """A response as written.

    Parameters
    ----------
    counted : str
        A column or an expression: the response, or the successes among trials.
    other : str
        The failures or the trials; empty for a response of one column.
    kind : str
        ``"failures"``, ``"trials"``, or empty.
    """

    counted: str
    other: str = ""
    kind: str = ""

    def __str__(self) -> str:
        if not self.other:
            return self.counted
        other = self.other[2:-1] if self.other.startswith("I(") else self.other
        if self.kind == FAILURES:
            return f"cbind({self.counted}, {other})"
        return f"{self.counted} | trials({other})"


def read_response_term(left: str) -> ResponseTerm:
    """The response of a formula or an equation.

    Raises
    ------
    FormulaError
        When it cannot be read or is not one column or expression.

    Examples
    --------
    >>> read_response_term("cbind(k, n - k)")
    ResponseTerm(counted='k', other='I(n - k)', kind='failures')
    >>> str(read_response_term("k|trials(n)"))
    'k | trials(n)'
    >>> str(read_response_term("k | trials(5)"))
    'k | trials(5)'
    """
    bound, of_trials = _BOUND.fullmatch(left.strip()), _OF_TRIALS.fullmatch(left.strip())
    if bound:
        parts = _split_at_commas(bound[1])
        if len(parts) != 2:
            raise FormulaError(
                f"the response '{left}' must bind two columns, successes and failures, as in "
                "cbind(k, n - k)"
            )
        return ResponseTerm(_expression(parts[0], left), _expression(parts[1], left), FAILURES)
    if of_trials:
        counted, trials = _expression(of_trials[1], left), _expression(of_trials[2], left)
        return ResponseTerm(counted, trials, TRIALS)
    return ResponseTerm(_one_term(left, left))


def take_offsets(fixed: str) -> tuple[str, tuple[str, ...]]:
    """The fixed part without its offsets, and what each offset is of.

    Raises
    ------
    FormulaError
        When an offset is not joined by '+', or cannot be read.

    Examples
    --------
    >>> take_offsets("x + offset(log(n)) + z")
    ('x + z', ('log(n)',))
    """
    found: list[str] = []
    while match := _OFFSET.search(outside_backticks(fixed)):
        before = fixed[: match.start()].rstrip()
        close = _closing(fixed, match.end() - 1)
        inside, after = fixed[match.end() : close], fixed[close + 1 :].lstrip()
        if (before and not before.endswith("+")) or (after and not after.startswith("+")):
            raise FormulaError(
                f"cannot read the fixed part '{fixed}': an offset is joined by '+', as in "
                "x + offset(log(n))"
            )
        found.append(_expression(inside, f"offset({inside})"))
        parts = [before.removesuffix("+").strip(), after.removeprefix("+").strip()]
        fixed = " + ".join(part for part in parts if part)
    return fixed or "1", tuple(found)


def _expression(text: str, whole: str) -> str:
    """A column, a number or an expression of columns, whose arithmetic need not stand in I()."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return f"I({text.partition('.')[0]})"
    arithmetic = any(mark in outside_backticks(text) for mark in "+-*/")
    is_call = re.fullmatch(r"[\w.]+\s*\(.*\)", text, re.DOTALL) is not None
    return _one_term(f"I({text})" if arithmetic and not is_call else text, whole)


def _one_term(text: str, whole: str) -> str:
    """A column or an expression of columns."""
    try:
        terms = read_terms(f"0 + {text}", "response") if read_terms(text or "1", "response") else ()
    except FormulaError:
        if not _SUM.fullmatch(outside_backticks(text)):
            raise
        terms = ()
    if len(terms) != 1:
        remedy = f"; arithmetic stands in I(), as in I({text.strip()})"
        raise FormulaError(
            f"the response '{whole}' must be one column or one expression"
            f"{remedy if _SUM.fullmatch(outside_backticks(text)) else ''}"
        )
    return terms[0]


def _split_at_commas(text: str) -> list[str]:
    parts, depth, last = [], 0, 0
    for place, mark in enumerate(outside_backticks(text)):
        depth += (mark in "([{") - (mark in ")]}")
        if mark == "," and depth == 0:
            parts.append(text[last:place])
            last = place + 1
    return [*parts, text[last:]]


def _closing(text: str, start: int) -> int:
    depth = 0
    marks = outside_backticks(text)
    for place in range(start, len(text)):
        depth += (marks[place] == "(") - (marks[place] == ")")
        if depth == 0:
            return place
    raise FormulaError(f"cannot read the fixed part '{text}': a parenthesis is never closed")
