"""Factors of a formula as expressions of a small grammar: nothing else can be said in one.

expression  a column, a number, a text
+ − * / // % ** and comparisons, & | ~ of comparisons
a function that formulas know, or one that the caller hands over
C(column, coding)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the data."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, true, false, none, or a list of these."""

    value: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator between parts, or in front of one; ``"float"`` makes numbers."""

    mark: str
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function of values of rows, and constants that follow them.

    Parameters
    ----------
    function : str
        As it is called, ``"np.log"``.
    values : tuple
        Expressions of rows.
    rest : tuple
        Constants by position after them.
    options : tuple of (str, Constant or Coding)
        Constants by name.
    text : str
        The call as it is written, which is what its state is remembered under.
    """

    function: str
    values: tuple[Expression, ...]
    rest: tuple[Constant | Coding, ...]
    options: tuple[tuple[str, Constant | Coding], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Coding:
    """Contrasts of a factor, ``contr.treatment('a')``."""

    name: str
    rest: tuple[Constant, ...]
    options: tuple[tuple[str, Constant], ...]


type Expression = Column | Constant | Operation | Call


def columns_in(expression: Expression) -> Iterator[str]:
    """Names of the columns of an expression, in order of appearance, some more than once."""
    match expression:
        case Column(name):
            yield name
        case Operation(parts=parts) | Call(values=parts):
            for part in parts:
                yield from columns_in(part)


def functions_in(expression: Expression) -> Iterator[str]:
    """Names of the functions that an expression calls, in order of appearance."""
    if isinstance(expression, Call):
        yield expression.function
    match expression:
        case Operation(parts=parts) | Call(values=parts):
            for part in parts:
                yield from functions_in(part)
