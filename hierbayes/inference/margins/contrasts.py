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

type Variables = str | Sequence[str] | Mapping[str, Any] | None
_OF_LABELS = ("reference", "sequential", "pairwise")
_OF_NUMBERS = ("sd", "2sd", "iqr", "minmax")
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
        asked = dict(variables)
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
    x = rows[name].astype(np.float64)
    width = _WIDTH * (float(np.ptp(x)) or max(abs(float(x.iloc[0])), 1.0))
    return Contrast(name, x + width / 2.0, x - width / 2.0, "", ""), width


def levels_of(columns: Columns, column: pd.Series) -> list[Any] | None:
    """Levels of a column of labels, the reference first; None of numbers."""
    coded = coded_levels(columns, str(column.name))
    if coded is not None and column.isin(coded).all():  # and not intervals made of a number
        return coded
    if is_bool_dtype(column.dtype):
        return [False, True]
    if is_numeric_dtype(column.dtype):
        return None
    return list(column.astype("category").cat.remove_unused_categories().cat.categories)


def _of_labels(name: str, levels: list[Any], how: Any) -> list[Contrast]:
    if _are_two(how):
        for value in how:
            if value not in levels:
                listed = ", ".join(map(str, levels))
                raise DataError(f"{value!r} is no level of '{name}'; they are: {listed}")
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


def _of_number(x: pd.Series, how: Any) -> Contrast:
    name = str(x.name)
    if how is None:
        if x.isin((0.0, 1.0)).all():
            return _between(name, 0, 1)
        how = 1
    if _is_number(how) and how != 0:
        half = float(how) / 2.0
        return Contrast(name, x + half, x - half, f"x+{half:g}", f"x-{half:g}", f"+{how:g}")
    if _are_two(how) and all(map(_is_number, how)):
        return _between(name, *how)
    if isinstance(how, str) and how in _OF_NUMBERS:
        return _of_word(name, x, how)
    raise DataError(
        f"'{name}' is a number, and is varied by a step, two values [lo, hi] or one of "
        f"{in_quotes(_OF_NUMBERS)}, not by {how!r}"
    )


def _of_word(name: str, x: pd.Series, word: str) -> Contrast:
    sd = float(x.std())
    if word == "sd":
        return Contrast(name, x + sd / 2.0, x - sd / 2.0, "x+sd/2", "x-sd/2", "+sd")
    if word == "2sd":
        return Contrast(name, x + sd, x - sd, "x+sd", "x-sd", "+2sd")
    if word == "iqr":
        lo, hi = np.quantile(x, (0.25, 0.75))
        return Contrast(name, float(hi), float(lo), "Q3", "Q1")
    return Contrast(name, float(x.max()), float(x.min()), "max", "min")


def _between(name: str, lo: Any, hi: Any) -> Contrast:
    return Contrast(name, hi, lo, _text(hi), _text(lo))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _are_two(how: Any) -> bool:
    return isinstance(how, list | tuple | np.ndarray) and len(how) == 2


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
