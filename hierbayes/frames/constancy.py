"""Whether a column is constant within groups, and what kind of column it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import (
    is_bool_dtype,
    is_complex_dtype,
    is_datetime64_any_dtype,
    is_float_dtype,
    is_numeric_dtype,
    is_timedelta64_dtype,
)

from hierbayes.compilation import compiled
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.frames.grouping import Groups

CONSTANT_TOLERANCE = 1e-9  # of the range of a column

NUMBER, BOOLEAN, DATE, FACTOR = "number", "true/false", "date", "factor"


def kind_of(column: pd.Series) -> str:
    """What a column holds: numbers, true and false, dates, or else labels (a factor)."""
    dtype = column.dtype
    if is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return BOOLEAN
    if is_numeric_dtype(dtype) and not is_complex_dtype(dtype):
        return NUMBER
    if is_datetime64_any_dtype(dtype) or is_timedelta64_dtype(dtype):
        return DATE
    return FACTOR


def as_floats(column: pd.Series) -> Floats:
    """Numbers, or true and false, as floats; missing values are NaN."""
    values: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def factor_codes(column: pd.Series) -> tuple[Any, pd.Index]:
    """Labels as codes, −1 where missing, and the levels in order, sorted if not categories."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), column.cat.categories
    try:
        codes, levels = pd.factorize(column, sort=True)
    except TypeError as error:
        raise DataError(f"'{column.name}' cannot be a factor: {error}") from error
    return codes, pd.Index(levels)


def varies_within(column: pd.Series, groups: Groups) -> Booleans:
    """Whether a column has more than one value in each group, (J,).

    Missing values are left out.  Floats that differ by no more than 1e-9 of the column's range are
    the same, as they are for a model.
    """
    known = column.notna().to_numpy()
    rows = np.flatnonzero(known & (groups.codes >= 0))
    codes = groups.codes[rows]
    if is_float_dtype(column.dtype):
        return columns_vary_within(as_floats(column)[rows, None], codes, groups.J)[:, 0]
    values, leaders = _exact(column), groups.first(known)[codes]
    differs = values[rows] != values[leaders]
    varies: Booleans = np.bincount(codes[differs], minlength=groups.J) > 0
    return varies


def columns_vary_within(columns: Floats, codes: Integers, J: int) -> Booleans:
    """Whether each of k columns of numbers (n, k) has more than one value in each group, (J, k).

    Numbers are the same where their range in a group is at most 1e-9 of that of the column.
    """
    if not len(codes):
        return np.zeros((J, columns.shape[1]), dtype=np.bool_)
    high, low = np.full((2, J, columns.shape[1]), -np.inf)
    low[:] = np.inf
    _write_ranges(np.ascontiguousarray(columns), codes, high, low)
    with np.errstate(invalid="ignore"):  # two infinite values are the same
        varies: Booleans = high - low > CONSTANT_TOLERANCE * _spread(columns, high, low)
    return varies


@compiled()
def _write_ranges(columns: Floats, codes: Integers, high: Floats, low: Floats) -> None:
    """The largest and the smallest value (J, k) of each group over what stands there."""
    n, k = columns.shape
    for i in range(n):
        j = codes[i]
        for c in range(k):
            value = columns[i, c]
            if value > high[j, c]:
                high[j, c] = value
            if value < low[j, c]:
                low[j, c] = value


def _spread(columns: Floats, high: Floats, low: Floats) -> Floats:
    """Range (k,) of the finite values of columns, of which the groups' limits are known."""
    spread: Floats = high.max(axis=0) - low.min(axis=0)
    if not np.isfinite(spread).all():
        finite = np.isfinite(columns)
        top, bottom = (np.where(finite, columns, limit) for limit in (-np.inf, np.inf))
        spread = np.maximum(top.max(axis=0) - bottom.min(axis=0), 0.0)
    return spread


def partly_missing(column: pd.Series, groups: Groups) -> Booleans:
    """Whether a column is missing in some rows of each group and known in others, (J,)."""
    missing = column.isna().to_numpy() & (groups.codes >= 0)
    counts = np.bincount(groups.codes[missing], minlength=groups.J)
    partly: Booleans = (counts > 0) & (counts < groups.sizes)
    return partly


def is_constant_within(column: pd.Series, groups: Groups) -> bool:
    """Whether a column has one value in each group, where missing counts as a value."""
    return not (varies_within(column, groups).any() or partly_missing(column, groups).any())


def _exact(column: pd.Series) -> Any:
    """Values that are equal where the column's are."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iubmM":
        return column.to_numpy()
    return factor_codes(column)[0] if kind_of(column) == FACTOR else pd.factorize(column)[0]
