"""Missing and infinite values of a column, and levels that do not occur."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import integers_for
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans, Integers


def held_values(column: pd.Series, dtype: Any) -> Any:
    """Numbers (n,) with a decimal point, or codes (n,) of a factor; None of other columns."""
    if isinstance(dtype, np.dtype):
        return column.to_numpy() if dtype.kind == "f" else None
    return column.array.codes if isinstance(dtype, pd.CategoricalDtype) else None


def missing_values(column: pd.Series, dtype: Any, held: Any) -> tuple[Booleans | None, bool]:
    """Which values are missing, None where none is or is infinite; and whether a level is idle.

    What the column holds, see `held_values`, is handed over.
    """
    if isinstance(dtype, np.dtype):
        if dtype.kind in "iub":
            return None, False
        if dtype.kind == "f":
            if math.isfinite(np.vdot(held, held)):  # the squares may overflow where none is
                return None, False
            return None if np.isfinite(held).all() else np.isnan(held), False
    elif isinstance(dtype, pd.CategoricalDtype):
        return _missing_levels(held, len(dtype.categories))
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
    factors = [one for one in columns.items() if isinstance(one[1].dtype, pd.CategoricalDtype)]
    return [
        name
        for name, one in factors
        if _missing_levels(one.array.codes, len(one.dtype.categories))[1]
    ]


def _missing_levels(codes: Any, levels: int) -> tuple[Booleans | None, bool]:
    """Which values are missing, None where none is; and whether a level does not occur."""
    missing, occurring = _occurring(codes.astype(np.intp), levels)
    return (codes < 0 if missing else None), occurring < levels


@compiled(short_loops=True)
def _occurring(codes: Integers, levels: int) -> tuple[int, int]:
    """How many codes (n,) are below 0, and how many of the levels occur."""
    occurs, missing, count = integers_for(levels), 0, 0
    for level in range(levels):
        occurs[level] = 0
    for code in codes:
        if code < 0:
            missing += 1
        elif occurs[code] == 0:
            occurs[code] = 1
            count += 1
    return missing, count


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
