"""What the reader of another system's code knows of the data: names, and levels of factors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import pandas as pd
from pandas.api.types import is_bool_dtype

from hierbayes.design.variables import factor_levels

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?")


class Columns(tuple[str, ...]):
    """Names of the columns of a data set, and the levels of those that are factors.

    Where a system codes a factor by columns of its own, whether a name is a factor decides
    what the code means; of a plain sequence of names none is taken to be one.

    Parameters
    ----------
    names : sequence of str
    levels : mapping of str to tuple of str
        Levels of each factor, the reference first.
    data : DataFrame, optional
        The data, where code says at which level a variable is.
    booleans : frozenset of str
        Columns of truth values, which are numbers here and factors in R and patsy.
    """

    levels: Mapping[str, tuple[str, ...]]
    data: pd.DataFrame | None
    booleans: frozenset[str]

    def __new__(
        cls,
        names: Sequence[str],
        levels: Mapping[str, tuple[str, ...]] | None = None,
        data: pd.DataFrame | None = None,
        booleans: frozenset[str] | None = None,
    ) -> Columns:
        """Names with levels and data; those that ``names`` carries already by default."""
        made = super().__new__(cls, names)
        known = names if isinstance(names, Columns) else None
        made.levels = dict((known.levels if known else {}) if levels is None else levels)
        made.data = known.data if known and data is None else data
        made.booleans = (known.booleans if known else frozenset()) if booleans is None else booleans
        return made


def columns_of(data: pd.DataFrame) -> Columns:
    """The columns of data as a reader sees them."""
    names = [str(name) for name in data.columns]
    levels = {name: factor_levels(data[name]) for name in data.columns if isinstance(name, str)}
    booleans = frozenset(str(n) for n, kind in data.dtypes.items() if is_bool_dtype(kind))
    return Columns(names, {name: found for name, found in levels.items() if found}, data, booleans)


def booleans_among(columns: Sequence[str]) -> frozenset[str]:
    """Those of the columns that are known to hold truth values."""
    return columns.booleans if isinstance(columns, Columns) else frozenset()


def without_booleans(columns: Sequence[str], numbers: frozenset[str]) -> Columns:
    """The columns after code has made numbers of some."""
    return Columns(columns, booleans=booleans_among(columns) - numbers)


def look_like_numbers(levels: tuple[str, ...]) -> bool:
    """Whether data read from a file would hold these labels as numbers or as yes and no."""
    return all(_NUMBER.fullmatch(level) for level in levels) or {
        level.upper() for level in levels
    } <= {"TRUE", "FALSE", "T", "F"}


def no_such_column(name: str, columns: Sequence[str]) -> str:
    """Words for a name that is none of the columns, with the nearest that is."""
    lower = {column.lower(): column for column in columns}
    near = get_close_matches(name.lower(), lower, n=1)
    meant = f"; did you mean '{lower[near[0]]}'?" if near else ""
    return f"the data have no column '{name}'{meant or f'; they have: {", ".join(columns)}'}"
