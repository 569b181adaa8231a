"""Which variables are varied, and between which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.columns import Columns
from hierbayes.design.matrices import columns_needed
from hierbayes.design.variables import coded_levels
from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.named_columns import column_names, require_column
from hierbayes.specification.terms import factors_of, names_in

type Variables = str | Sequence[str] | Mapping[str, Any] | None
_OF_LABELS = ("reference", "sequential", "pairwise")
_OF_NUMBERS = ("sd", "2sd", "iqr", "minmax")
_OF_GROUPS = ("cvar(", "dvar(", "lvar(")  # in which a group is a group
_LISTED = 12  # levels, in a message
_WIDTH = 1e-4  # of a difference that stands for a slope, by the range of x


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """A variable at a higher and a lower value in every row.

    Parameters
    ----------
    term : str
    hi, lo : object
        A value, or a value of each row.
    hi_label, lo_label : str
    step : str
        What the variable is raised by, where that is all there is to say; otherwise empty.
    """

    term: str
    hi: Any
    lo: Any
    hi_label: str
    lo_label: str
    step: str = ""

    def sides(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows with it at each."""
        return rows.assign(**{self.term: self.hi}), rows.assign(**{self.term: self.lo})


def asked_variables(columns: Columns, rows: pd.DataFrame, variables: Variables) -> dict[str, Any]:
    """Which variables, and how each is varied: None, a step, a word, or two values.

    Raises
    ------
    DataError
        When one is no column of the rows, or nothing that the model reads.
    """
    spec = columns.specification
    if variables is None:
        named = columns_needed(spec.fixed)
        asked: dict[str, Any] = {n: None for n in named if n not in spec.group_columns}
        if not asked:
            raise DataError("the fixed part has no variables; name those to vary in variables=")
    elif isinstance(variables, Mapping):
        asked = {name: variables[name] for name in column_names(list(variables), "variables")}
    else:
        asked = dict.fromkeys(column_names(variables, "variables"))
    known = columns_needed(spec.fixed, *spec.random_effects, spec.offsets)
    for name in asked:
        require_column(name, rows, "newdata")
        if name not in known and name not in spec.group_columns:
            raise DataError(
                f"the model does not read '{name}', so that nothing changes with it; its variables "
                f"are: {in_quotes(known)}"
            )
    return asked


def contrasts_of(columns: Columns, rows: pd.DataFrame, name: str, how: Any) -> list[Contrast]:
    """The contrasts of one variable.

    Raises
    ------
    DataError
        When it cannot be varied so.
    """
    levels = levels_of(columns, rows[name])
    if levels is not None:
        return _of_labels(name, levels, how)
    return [_of_number(rows[name].astype(np.float64), how)]


def slope_of(columns: Columns, rows: pd.DataFrame, name: str) -> tuple[Contrast, float] | None:
    """A small difference about every value of a number, and how wide it is; None of labels."""
    if levels_of(columns, rows[name]) is not None:
        return None
    x = rows[name].astype(np.float64)  # missing rows are refused where they are predicted
    width = _WIDTH * (float(x.max() - x.min()) or max(abs(float(x.iloc[0])), 1.0))
    if not isfinite(width):
        width = _WIDTH  # of infinite numbers, or of none
    return Contrast(name, x + width / 2.0, x - width / 2.0, "", ""), width


def levels_of(columns: Columns, column: pd.Series) -> list[Any] | None:
    """Levels of a column of labels, the reference first; None of numbers.

    Groups are labels, also where they are numbered, unless the model reads them as a number too.
    """
    coded = coded_levels(columns, str(column.name))
    if coded is not None and column.isin(coded).all():  # and not intervals made of a number
        return coded
    if is_bool_dtype(column.dtype):
        return [False, True]
    if is_numeric_dtype(column.dtype):
        return sorted(column.dropna().unique()) if _are_groups(columns, str(column.name)) else None
    return list(column.astype("category").cat.remove_unused_categories().cat.categories)


def _are_groups(columns: Columns, name: str) -> bool:
    """Whether a column says which group a row is in, and nothing more."""
    spec = columns.specification
    if name not in spec.group_columns:
        return False
    terms = (*spec.fixed, *(term for part in spec.random_effects for term in part))
    plain = (one for term in terms for one in factors_of(term) if not one.startswith(_OF_GROUPS))
    return not any(name in names_in(factor) for factor in plain)


def _of_labels(name: str, levels: list[Any], how: Any) -> list[Contrast]:
    if _are_two(how):
        for value in how:
            refuse_other_level(name, levels, value)
        _refuse_equal(name, how)
        return [_between(name, *how)]
    word = "reference" if how is None else how
    if word == "reference":
        return [_between(name, levels[0], level) for level in levels[1:]]
    if word == "sequential":
        return [_between(name, lo, hi) for lo, hi in pairwise(levels)]
    if word == "pairwise":
        return [_between(name, lo, hi) for lo, hi in combinations(levels, 2)]
    raise DataError(
        f"'{name}' holds labels, and is varied by {in_quotes(_OF_LABELS)} or two of its levels "
        f"[lo, hi], not by {how!r}"
    )


def refuse_other_level(name: str, levels: list[Any], value: Any) -> None:
    """Refuse a value that is no level of a column of labels.

    Raises
    ------
    DataError
        Naming the value and the levels.
    """
    if not pd.api.types.is_scalar(value) or value not in levels:
        listed = ", ".join(map(str, levels[:_LISTED])) + ", ..." * (len(levels) > _LISTED)
        raise DataError(f"{value!r} is no level of '{name}'; they are: {listed}")


def _refuse_equal(name: str, how: Any) -> None:
    if how[0] == how[1]:
        raise DataError(f"'{name}' is to be varied from {how[0]!r} to {how[1]!r}, the same value")


def _of_number(x: pd.Series, how: Any) -> Contrast:
    name = str(x.name)
    if how is None:
        if x.isin((0.0, 1.0)).all():
            return _between(name, 0, 1)
        how = 1
    if is_number(how) and how != 0:
        half = float(how) / 2.0
        return Contrast(name, x + half, x - half, f"x+{half:g}", f"x-{half:g}", f"+{how:g}")
    if _are_two(how) and all(map(is_number, how)):
        _refuse_equal(name, how)
        return _between(name, *how)
    if isinstance(how, str) and how in _OF_NUMBERS:
        return _of_word(name, x, how)
    raise DataError(
        f"'{name}' is a number, and is varied by a step, two values [lo, hi] or one of "
        f"{in_quotes(_OF_NUMBERS)}, not by {how!r}"
    )


def _of_word(name: str, x: pd.Series, word: str) -> Contrast:
    sd = float(x.std())
    if word in ("sd", "2sd") and not isfinite(sd):
        raise DataError(f"'{name}' has no standard deviation over {x.notna().sum()} row(s)")
    if word == "sd":
        return Contrast(name, x + sd / 2.0, x - sd / 2.0, "x+sd/2", "x-sd/2", "+sd")
    if word == "2sd":
        return Contrast(name, x + sd, x - sd, "x+sd", "x-sd", "+2sd")
    if word == "iqr":
        lo, hi = x.quantile((0.25, 0.75))
        return Contrast(name, float(hi), float(lo), "Q3", "Q1")
    return Contrast(name, float(x.max()), float(x.min()), "max", "min")


def _between(name: str, lo: Any, hi: Any) -> Contrast:
    return Contrast(name, hi, lo, _text(hi), _text(lo))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _are_two(how: Any) -> bool:
    return isinstance(how, list | tuple | np.ndarray) and len(how) == 2


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
