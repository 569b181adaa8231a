"""The rows a model can use: complete, finite, in known groups."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_float_dtype, is_string_dtype

from hierbayes.design.missing_values import (
    held_values,
    missing_values,
    refuse_infinite,
    with_idle_levels,
)
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans
from hierbayes.frames.csv_file import MISSING_NUMBERS, NA_LABELS
from hierbayes.frames.named_columns import require_column, require_frame
from hierbayes.frames.seen_columns import ColumnsApart, DataColumns, SeenColumns, frame_of

_WIDE = {"i": np.int64, "u": np.uint64, "f": np.float64}  # by kind of number, native bytes
_PLAIN = frozenset(map(np.dtype, (*_WIDE.values(), np.bool_)))
_TEXT = ("object", "str")  # the types of text that formulaic knows


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows left out because a value the model needs is missing.

    Parameters
    ----------
    rows : int
        How many rows in all.
    by_column : dict
        Missing values in each column the model uses, where there are any.
    words : dict
        What a file wrote for missing numbers, by column, beside empty fields.
    labels : dict
        By column of texts a label that means a missing number elsewhere, and in how many rows.
    """

    rows: int
    by_column: dict[str, int]
    words: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        notes = [f"; {label} is a label of '{name}' ({_rows(count)})"
                 for name, (label, count) in self.labels.items()]  # fmt: skip
        if not self.rows:
            return "".join(["no rows dropped", *notes])
        parts = ", ".join(
            f"{count} in '{name}'" + self._written(name) for name, count in self.by_column.items()
        )
        return "".join([f"{_rows(self.rows)} dropped for missing values ({parts})", *notes])

    def _written(self, name: str) -> str:
        return f", {' and '.join(self.words[name])} among them" if name in self.words else ""


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def complete_rows(
    data: pd.DataFrame, names: Iterable[str]
) -> tuple[pd.DataFrame, Booleans, Dropped]:
    """The columns a model uses, on the rows where none is missing.

    Returns
    -------
    frame : DataFrame
        Complete rows only; factor levels that do not occur in them are removed.  Where all rows
        are complete the other columns of the data stand beside them.
    kept : (rows of data,) bool
    dropped : Dropped

    Raises
    ------
    DataError
        When the data are no DataFrame or empty, a column does not exist, nothing
        is left, or a number is infinite.
    """
    columns, kept, dropped = complete_columns(data, names)
    frame = columns.frame
    if frame is not data and not dropped.rows:
        frame = data.assign(**dict(frame.items()))
    return frame, kept, dropped


def complete_columns(
    data: pd.DataFrame, names: Iterable[str]
) -> tuple[SeenColumns, Booleans, Dropped]:
    """`complete_rows` as columns that are taken out of their frame already."""
    require_frame(data)
    looked = _looked_at(data, names)
    kept, counts = looked.kept, looked.counts
    if counts and not kept.any():
        worst = max(counts, key=lambda name: counts[name])
        raise DataError(nothing_complete(worst, counts[worst], len(data)))
    columns, index = _kept(looked, data.index)
    idle = looked.idle if not counts else with_idle_levels(columns)
    words, labels = _noted(data, MISSING_NUMBERS, columns), _noted(data, NA_LABELS, columns)
    dropped = Dropped(int(np.count_nonzero(~kept)) if counts else 0, counts, words, labels)
    for name in idle:
        columns[name] = columns[name].cat.remove_unused_categories()
    if looked.changed or counts or idle:
        return ColumnsApart(columns, index), kept, dropped
    return SeenColumns(data, columns, looked.held), kept, dropped


def _noted(data: pd.DataFrame, key: str, columns: Container[str]) -> dict[str, Any]:
    """What the reader of a file noted of these columns."""
    noted = data.attrs.get(key)
    return {name: value for name, value in noted.items() if name in columns} if noted else {}


def complete_part(
    data: SeenColumns, names: Iterable[str], place: str
) -> tuple[SeenColumns, dict[str, int]]:
    """The complete rows of a part of the data, with all levels, and missing values by column.

    Raises
    ------
    DataError
        When a number is infinite, naming the place that the part is of.
    """
    looked = _looked_at(data, names)
    try:
        columns, index = _kept(looked, data.index)
    except DataError as error:
        raise DataError(f"{place}: {error}") from error
    if looked.changed or looked.counts:
        return ColumnsApart(columns, index), looked.counts
    return SeenColumns(data.frame, columns, looked.held), looked.counts


def nothing_complete(column: str, missing: int, rows: int) -> str:
    """What is said where no row can be used."""
    return f"no row is complete: '{column}' is missing in {missing} of {rows} rows"


class _Looked(NamedTuple):
    """Columns of types that formulas understand, and what was seen as they were taken out.

    ``changed`` is whether one had another type, ``kept`` which rows are complete, ``counts`` are
    missing values by column; ``doubtful`` are columns that may hold infinities, ``idle`` those with
    levels that do not occur, and ``held`` is what the columns hold, see `held_values`.
    """

    columns: dict[str, pd.Series]
    changed: bool
    kept: Booleans
    counts: dict[str, int]
    doubtful: dict[str, Booleans]
    idle: list[str]
    held: dict[str, Any]


def _looked_at(data: DataColumns, names: Iterable[str]) -> _Looked:
    columns, changed, held = {}, False, {}
    doubtful: dict[str, Booleans] = {}
    idle: list[str] = []
    for name in names:
        column = _column(name, data)
        dtype = column.dtype
        columns[name] = plain = _plain(column, dtype)
        changed = changed or plain is not column
        dtype = dtype if plain is column else plain.dtype
        found = held_values(plain, dtype)
        mask, some_idle = missing_values(plain, dtype, found)
        if found is not None:
            held[name] = found
        if mask is not None:
            doubtful[name] = mask
        if some_idle:
            idle.append(name)
    if not doubtful:
        return _Looked(columns, changed, _every_row(len(data)), {}, doubtful, idle, held)
    absent, counts = np.zeros(len(data), dtype=np.bool_), {}
    for name, mask in doubtful.items():
        if mask.any():
            counts[name] = int(mask.sum())
            absent |= mask
    return _Looked(columns, changed, ~absent, counts, doubtful, idle, held)


@lru_cache(maxsize=2)
def _every_row(n: int) -> Booleans:
    """That each of n rows is complete, which models of the same data share."""
    every = np.ones(n, dtype=np.bool_)
    every.flags.writeable = False
    return every


def _kept(looked: _Looked, index: pd.Index) -> tuple[dict[str, pd.Series], pd.Index]:
    """The complete rows and their labels, refused where a number is infinite."""
    columns = looked.columns
    if looked.counts:
        columns = {name: column[looked.kept] for name, column in columns.items()}
        index = columns[next(iter(columns))].index
    for name in looked.doubtful:
        refuse_infinite(name, columns[name])
    return columns, index


def _column(name: str, data: DataColumns) -> pd.Series:
    try:
        column = data[name]
    except KeyError:
        require_column(name, frame_of(data))
        raise
    if isinstance(column, pd.DataFrame):
        raise DataError(f"the data have more than one column called '{name}'")
    return column


def _plain(column: pd.Series, dtype: Any) -> pd.Series:
    """The same values with a dtype that formulas understand: wide numbers, text, objects."""
    if isinstance(dtype, np.dtype):
        if dtype in _PLAIN:
            return column
        if dtype.kind in _WIDE:
            wide = column.to_numpy(dtype=_WIDE[dtype.kind])  # a copy, of another type
            return pd.Series(wide, column.index, name=column.name, copy=False)
    if dtype == "str":
        return column
    if isinstance(dtype, pd.CategoricalDtype):
        if dtype.categories.dtype.kind == "O" and str(dtype.categories.dtype) not in _TEXT:
            return column.cat.rename_categories(dtype.categories.astype(object))
        return column
    if dtype == "object":
        return _plain_objects(column)
    if is_float_dtype(dtype) or _is_decimal(dtype):
        return pd.Series(
            column.to_numpy(dtype=np.float64, na_value=np.nan), column.index, name=column.name
        )
    if is_string_dtype(dtype) and str(dtype) not in _TEXT:
        return column.astype("str")
    return column


def _plain_objects(column: pd.Series) -> pd.Series:
    """Numbers and truth values that are held as objects, some of them missing, as what they are."""
    held = infer_dtype(column, skipna=True)
    if held == "boolean":
        return column.astype("boolean")
    if held == "integer" and column.notna().all():
        inferred = column.infer_objects()
        return inferred if inferred.dtype.kind in "iu" else column.astype(np.float64)
    others = held in ("mixed", "mixed-integer") and _are_numbers(column)
    if others or held in ("integer", "floating", "mixed-integer-float", "decimal"):
        return column.where(column.notna(), np.nan).astype(np.float64)
    return column.infer_objects()


def _are_numbers(column: pd.Series) -> bool:
    return all(isinstance(value, Real) for value in column[column.notna()])


def _is_decimal(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and "decimal" in str(dtype)
