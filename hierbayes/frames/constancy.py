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

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans, Floats
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
    leaders = groups.first(known)[codes]
    if is_float_dtype(column.dtype):
        differs = _floats_differ(as_floats(column), rows, leaders)
    else:
        values = _exact(column)
        differs = values[rows] != values[leaders]
    varies: Booleans = np.bincount(codes[differs], minlength=groups.J) > 0
    return varies


def partly_missing(column: pd.Series, groups: Groups) -> Booleans:
    """Whether a column is missing in some rows of each group and known in others, (J,)."""
    missing = column.isna().to_numpy() & (groups.codes >= 0)
    counts = np.bincount(groups.codes[missing], minlength=groups.J)
    partly: Booleans = (counts > 0) & (counts < groups.sizes)
    return partly


def is_constant_within(column: pd.Series, groups: Groups) -> bool:
    """Whether a column has one value in each group, where missing counts as a value."""
    return not (varies_within(column, groups).any() or partly_missing(column, groups).any())


def _floats_differ(values: Floats, rows: Any, leaders: Any) -> Booleans:
    x, first = values[rows], values[leaders]
    finite = x[np.isfinite(x)]
    spread = np.ptp(finite) if len(finite) else 0.0
    with np.errstate(invalid="ignore"):
        far: Booleans = ~(np.abs(x - first) <= CONSTANT_TOLERANCE * spread)
    return far & (x != first)


def _exact(column: pd.Series) -> Any:
    """Values that are equal where the column's are."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iubmM":
        return column.to_numpy()
    return factor_codes(column)[0] if kind_of(column) == FACTOR else pd.factorize(column)[0]
