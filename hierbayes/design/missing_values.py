"""Missing and infinite values of a column, and levels that do not occur."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans


def missing_values(column: pd.Series, dtype: Any) -> tuple[Booleans | None, bool]:
    """Which values are missing, None where none is or is infinite; and whether a level is idle."""
    if isinstance(dtype, np.dtype):
        if dtype.kind in "iub":
            return None, False
        if dtype.kind == "f":
            values = column.to_numpy()
            if math.isfinite(np.vdot(values, values)):  # the squares may overflow where none is
                return None, False
            return None if np.isfinite(values).all() else np.isnan(values), False
    elif isinstance(dtype, pd.CategoricalDtype):
        return _missing_levels(column.array)
    elif getattr(dtype, "storage", "") == "pyarrow" and not _nulls(column):
        return None, False
    missing = np.asarray(column.array.isna())
    return missing if missing.any() else None, False


def _nulls(column: pd.Series) -> int:
    """How many texts are missing, as Arrow counts them."""
    count: int = column.array.__arrow_array__().null_count
    return count


def with_idle_levels(columns: dict[str, pd.Series]) -> list[str]:
    """Columns with levels that do not occur."""
    factors = [name for name, one in columns.items() if isinstance(one.dtype, pd.CategoricalDtype)]
    return [name for name in factors if _missing_levels(columns[name].array)[1]]


def _missing_levels(column: pd.Categorical) -> tuple[Booleans | None, bool]:
    """Which values are missing, None where none is; and whether a level does not occur."""
    codes, levels = column.codes, len(column.categories)
    seen = np.bincount(codes + 1, minlength=levels + 1)  # the first are missing
    return (codes < 0 if seen[0] else None), int(np.count_nonzero(seen[1:])) < levels


def refuse_infinite(name: str, column: pd.Series) -> None:
    """Refuse infinite numbers.

    Raises
    ------
    DataError
    """
    if column.dtype.kind != "f":
        return
    bad = np.isinf(column.to_numpy(dtype=np.float64))
    if bad.any():
        raise DataError(
            f"'{name}' is infinite in {int(bad.sum())} of {len(bad)} rows (first at row label "
            f"{column.index[int(bad.argmax())]}); remove those rows or make them missing"
        )
