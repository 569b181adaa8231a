"""Tables of counts by one, two or three factors, with totals."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.constancy import factor_codes
from hierbayes.frames.named_columns import (
    column_names,
    formula_columns,
    require_column,
    require_distinct_columns,
    require_frame,
)
from hierbayes.frames.native_numbers import native_numbers

TOTAL, MISSING = "Total", "(missing)"
_CELLS = 10_000_000


def tab(
    df: pd.DataFrame, by: str | Sequence[str], *, proportions: str | None = None
) -> pd.DataFrame | pd.Series:
    """Counts of rows by one to three factors, with totals.

    Parameters
    ----------
    df : DataFrame
    by : str or list of str
        The columns, as a formula (``"~ Sector + school"``; names with blanks or signs between
        backticks) or as a list of names: rows first, then columns, then blocks.
    proportions : {"rows", "columns", "all"}, optional
        Shares in place of counts: of the total of the row, of the total of the column (both
        within a block), or of all rows of the data. One factor has shares of all only.

    Returns
    -------
    Series or DataFrame
        One factor: a Series. Two: the first in the rows, the second in the columns. Three: the
        same, one block of rows for each level of the third and one for their ``Total``, so that
        ``table.loc["Catholic"]`` is a table of two. ``Total`` stands last everywhere. Levels come
        in the order of their categories, or sorted; those without rows are left out; missing
        values are counted under ``(missing)``. Shares of nothing are missing.

    Raises
    ------
    FormulaError
        When the formula is not of columns joined by "+".
    DataError
        When a column is not there, there are more than three, a level is called like a margin, or
        the table would be too large.

    Notes
    -----
    ``tab`` of R's spida, on the slides "Looking at hierarchical data".

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> hb.tab(hs, "~ Sector + Sex")
    Sex       Female  Male  Total
    Sector
    Catholic     651   493   1144
    Public       423   410    833
    Total       1074   903   1977

    A table for each sector, as R's ``by`` makes them:

    >>> for sector, rows in hs.groupby("Sector"):
    ...     print(sector, hb.tab(rows, "~ Sex + school").shape)
    Catholic (3, 22)
    Public (3, 20)
    """
    if isinstance(df, str) and isinstance(by, pd.DataFrame):
        raise DataError(f"the data come first: tab(data, '{df}')")
    df = native_numbers(df)
    require_frame(df)
    names = (
        formula_columns(by, "by", "a table is of")
        if isinstance(by, str)
        else column_names(by, "by")
    )
    _require_columns(names, df)
    _require_proportions(proportions, len(names))
    factors = [_levels(df[name]) for name in names]
    shape = [len(levels) for _, levels in factors]
    if prod(shape) > _CELLS:
        sizes = " x ".join(f"{size:,}" for size in shape)
        raise DataError(f"a table of {sizes} levels is too large; count fewer columns, or cut them")
    flat = np.ravel_multi_index([codes for codes, _ in factors], shape)
    counts = np.bincount(flat, minlength=prod(shape)).reshape(shape)
    for axis in range(counts.ndim):
        counts = np.concatenate([counts, counts.sum(axis=axis, keepdims=True)], axis=axis)
    labels = [pd.Index([*levels, TOTAL], dtype=object) for _, levels in factors]
    return _labelled(_shares(counts, proportions), labels, names)


def _require_columns(names: tuple[str, ...], df: pd.DataFrame) -> None:
    for name in names:
        require_column(name, df)
    require_distinct_columns(df)
    if len(names) > 3:
        raise DataError(f"a table is of one to three columns, not of {len(names)}")


def _require_proportions(proportions: str | None, dimensions: int) -> None:
    if proportions not in (None, "rows", "columns", "all"):
        raise DataError(
            f"proportions must be 'rows', 'columns' or 'all', or left out, not {proportions!r}"
        )
    if dimensions == 1 and proportions in ("rows", "columns"):
        raise DataError(f"one factor has no {proportions}; give proportions='all'")


def _levels(column: pd.Series) -> tuple[Any, list[Any]]:
    """Codes of a column and the levels in use, missing values as a level of their own."""
    codes, levels = factor_codes(column)
    codes = np.where(codes < 0, len(levels), codes)
    used, codes = np.unique(codes, return_inverse=True)
    named = [*levels, MISSING]
    for margin in (TOTAL, MISSING):
        if margin in set(map(str, levels)):
            raise DataError(
                f"'{column.name}' has a level called '{margin}', as a margin of the table is; "
                "rename the level"
            )
    return codes, [named[code] for code in used]


def _shares(counts: Any, proportions: str | None) -> Any:
    """Counts with their totals as shares, or as they are."""
    if proportions is None:
        return counts
    if proportions == "all":
        return counts / counts.flat[-1]
    axis = 1 if proportions == "rows" else 0
    whole = counts.take([-1], axis=axis)
    return np.divide(counts, whole, out=np.full(counts.shape, np.nan), where=whole > 0)


def _labelled(
    cells: Any, labels: list[pd.Index], names: tuple[str, ...]
) -> pd.DataFrame | pd.Series:
    if cells.ndim == 1:
        return pd.Series(cells, index=labels[0].rename(names[0]))
    columns = labels[1].rename(names[1])
    if cells.ndim == 2:
        return pd.DataFrame(cells, index=labels[0].rename(names[0]), columns=columns)
    rows = pd.MultiIndex.from_product([labels[2], labels[0]], names=[names[2], names[0]])
    stacked = np.moveaxis(cells, 2, 0).reshape(len(rows), len(columns))
    return pd.DataFrame(stacked, index=rows, columns=columns)
