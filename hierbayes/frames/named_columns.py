"""Data frames and their columns by name: known, unambiguous, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

import pandas as pd

from hierbayes.errors import DataError, FormulaError
from hierbayes.specification.term_parser import outside_backticks

_LISTED = 12  # columns that a message names
_SHOWN = 5  # values that a message names
_EXAMPLE = "columns joined by '+', as in '~ Sex + school'"
_NO_NAME = set("~|*/^()[]{}-%,'\"")  # what a name has only between backticks


def require_frame(data: Any, name: str = "data") -> None:
    """Refuse what is no DataFrame, and one without rows."""
    if not isinstance(data, pd.DataFrame):
        kind = type(data).__name__
        if kind == "DataFrame":
            kind = f"one of {type(data).__module__.partition('.')[0]}; take data.to_pandas()"
        raise DataError(f"{name} must be a pandas DataFrame, not {kind}")
    if len(data) == 0:
        raise DataError(f"the {name} are empty: there are no rows")


def require_distinct_columns(data: pd.DataFrame, name: str = "data") -> None:
    """Refuse data with two columns of one name."""
    twice = data.columns[data.columns.duplicated()]
    if len(twice):
        raise DataError(f"the {name} have more than one column called '{twice[0]}'")


def require_column(name: str, data: pd.DataFrame, of: str = "data") -> None:
    """Refuse a column that the data do not have, with the nearest name."""
    if name in data.columns:
        return
    if data.columns.nlevels > 1:
        raise DataError(
            f"there is no column '{name}' in the {of}, whose columns have names of "
            f"{data.columns.nlevels} parts; make one of each: "
            "data.columns = ['_'.join(map(str, parts)) for parts in data.columns]"
        )
    other = next((one for one in data.columns if str(one) == str(name)), None)
    if other is not None:
        raise DataError(
            f"there is no column '{name}' in the {of}, only {other!r}, whose name is no text but "
            f"of type {type(other).__name__}; make texts of the names: data.rename(columns=str)"
        )
    if name in data.index.names:
        raise DataError(
            f"there is no column '{name}' in the {of}, but their index has it: make columns of the "
            "index by data.reset_index()"
        )
    near = get_close_matches(name, [str(c) for c in data.columns], n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    hint = "the number is np.pi; " if name == "pi" else hint
    listed = ", ".join(map(str, data.columns[:_LISTED])) + ", ..." * (len(data.columns) > _LISTED)
    raise DataError(f"there is no column '{name}' in the {of}; {hint}its columns are: {listed}")


def column_names(given: str | Sequence[str], role: str) -> tuple[str, ...]:
    """The names of one column or several, none of them twice."""
    names = tuple(given) if isinstance(given, list | tuple) else (given,)
    for name in names:
        if not isinstance(name, str):
            kind = type(name).__name__
            raise DataError(f"{role} must be the name of a column or a list of names, not {kind}")
    if not names:
        raise DataError(f"{role} names no column")
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{role} names '{name}' twice")
    return names


def formula_columns(formula: str, role: str, what: str) -> tuple[str, ...]:
    """The columns of a formula such as ``~ Sector + school``.

    Raises
    ------
    FormulaError
        When it is not of columns joined by "+".
    """
    right = formula.strip().removeprefix("~")
    plain = outside_backticks(right)
    if _NO_NAME & set(plain) or plain.count("`") % 2:
        raise FormulaError(f"cannot read '{formula}': {what} {_EXAMPLE}")
    cuts = [-1, *(place for place, sign in enumerate(plain) if sign == "+"), len(right)]
    pieces = [right[start + 1 : end].strip() for start, end in pairwise(cuts)]
    if not all(pieces):
        raise FormulaError(f"cannot read '{formula}': {what} {_EXAMPLE}")
    return column_names([piece.strip("`") for piece in pieces], role)


def shown(values: Iterable[Any]) -> str:
    """Values for a message: the first five, and how many more there are."""
    texts = [f"'{value}'" for value in values]
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
