"""Columns that say how much each row tells: precision weights, and known standard deviations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Floats
from hierbayes.frames.seen_columns import DataColumns
from hierbayes.specification.formula import Specification

_SQUARED = (1e-140, 1e140)  # values whose squares, and sums of their products, are numbers
_APART = 1e8  # of standard deviations: the squares of farther ones have no digits beside each other


def refuse_bad_weights(spec: Specification, data: DataColumns) -> None:
    """Refuse weights of rows that are not positive numbers, whether or not the row is used.

    Raises
    ------
    DataError
        Naming the column and the first such row.
    """
    for name, argument in ((spec.weights, "weights"), (spec.known_sd, "known_sd")):
        if name:
            refuse_not_positive(data, name, argument)
    if spec.known_sd:
        _refuse_far_apart(data, spec.known_sd)


def root_weights_of(spec: Specification, frame: DataColumns) -> Floats | None:
    """√w (n,) of rows, or one over their known standard deviation; None where all are alike."""
    if spec.known_sd:
        return 1.0 / frame[spec.known_sd].to_numpy(dtype=np.float64)
    if not spec.weights:
        return None
    return np.sqrt(frame[spec.weights].to_numpy(dtype=np.float64))


def whole_counts(data: DataColumns, name: str) -> Floats:
    """How often each row (n,) counts.

    Raises
    ------
    DataError
        When a count is no whole number; the row is named.
    """
    column = data[name]
    values = _numbers(column)
    if values is None:
        raise DataError(f"counts must be numbers, not {column.dtype}")
    refuse_no_counts(values, data.index)
    return values


def refuse_no_counts(values: Floats, index: pd.Index) -> None:
    """Refuse counts (n,) of rows that are no whole numbers.

    Raises
    ------
    DataError
        Naming the first such row.
    """
    bad = ~(np.isfinite(values) & (values >= 0.0) & (values == np.round(values)))
    if bad.any():
        at = int(bad.argmax())
        what = "missing" if np.isnan(values[at]) else f"{values[at]:g}"
        raise DataError(
            f"counts: a row stands for a whole number of equal rows, and that of row label "
            f"{index[at]} is {what}; rows that weigh more than others are weights="
        )


def refuse_not_positive(data: DataColumns, name: str, argument: str) -> None:
    """Refuse a column that is not there, or of which a value is not a positive number.

    Raises
    ------
    DataError
        Naming the column and the first such row.
    """
    column = data[name]
    values = _numbers(column)
    if values is None:
        raise DataError(f"{argument}: column '{name}' must be of numbers, not {column.dtype}")
    bad = ~(np.isfinite(values) & (values > 0.0))
    if bad.any():
        at = int(bad.argmax())
        what = "missing" if np.isnan(values[at]) else f"{values[at]:g}"
        raise DataError(
            f"{argument}: '{name}' is {what} at row label {data.index[at]}"
            f"{f' and not usable in {bad.sum() - 1} more' if bad.sum() > 1 else ''}; every row "
            "needs a finite number above 0: leave such rows out"
        )
    low, high = _SQUARED
    if len(values) and not (low <= values.min() and values.max() <= high):
        far = float(values.min() if values.min() < low else values.max())
        raise DataError(
            f"{argument}: column '{name}' has values of the size {far:.1g}, whose squares cannot "
            "be computed with: take another unit"
        )


def _refuse_far_apart(data: DataColumns, name: str) -> None:
    """Refuse known standard deviations one of which leaves no digits to rows of others."""
    values = data[name].to_numpy(dtype=np.float64)
    if not len(values) or values.max() <= _APART * values.min():
        return
    raise DataError(
        f"known_sd: '{name}' is {values.min():.3g} at row label {data.index[int(values.argmin())]} "
        f"and {values.max():.3g} at row label {data.index[int(values.argmax())]}, too far apart to "
        "compute with: check the unit of the least, or leave those rows out"
    )


def _numbers(column: pd.Series) -> Floats | None:
    """Numbers (n,), missing ones NaN; None where they are none, or truth values."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        return column.to_numpy(dtype=np.float64)
    if not is_numeric_dtype(dtype) or is_bool_dtype(dtype):
        return None
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
