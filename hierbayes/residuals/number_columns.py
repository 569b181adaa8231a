"""Columns of finite numbers, which times and covariates are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.residuals.bound import Columns
from hierbayes.residuals.bound_values import Floats, Integers
from hierbayes.residuals.row_kernels import number_in_order


def numbers_of(frame: Columns, name: str, what: str) -> Floats:
    """A column (n,) of finite numbers.

    Raises
    ------
    DataError
        Naming the column, and what it is for.
    """
    column = frame[name]
    plain = isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf"
    if not plain and (
        not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)
    ):
        raise DataError(
            f"{what} must be numbers, and column '{name}' is {column.dtype}: "
            f"{_as_numbers(column.dtype, name)}"
        )
    values = column.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        at = frame.index[int(np.flatnonzero(~np.isfinite(values))[0])]
        raise DataError(f"{what} must be finite, and column '{name}' is not in row {at}")
    return values


def distinct_numbers(values: Floats) -> tuple[Floats, Integers]:
    """Distinct ones of n finite numbers, ascending, and which each of the n is.

    Examples
    --------
    >>> distinct, place = distinct_numbers(np.array([2.5, 1.0, 2.5]))
    >>> distinct.tolist(), place.tolist()
    ([1.0, 2.5], [1, 0, 1])
    """
    distinct, place = np.empty(len(values)), np.empty(len(values), dtype=np.intp)
    return distinct[: number_in_order(values, values.argsort(), distinct, place)].copy(), place


def _as_numbers(dtype: Any, name: str) -> str:
    """What makes numbers of a column."""
    kind = getattr(dtype, "kind", "O")
    if kind == "M":
        return f"make days of it, as in (data['{name}'] - data['{name}'].min()).dt.days"
    if kind == "m":
        return f"make days of it, as in data['{name}'].dt.days"
    return "number its values in order, in a column of its own"
