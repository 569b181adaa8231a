"""The rows a model can use: complete, finite, in known groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows left out because a value the model needs is missing.

    Parameters
    ----------
    rows : int
        How many rows in all.
    by_column : dict
        Missing values in each column the model uses, where there are any.
    """

    rows: int
    by_column: dict[str, int]

    def __str__(self) -> str:
        if not self.rows:
            return "no rows dropped"
        parts = ", ".join(f"{count} in '{name}'" for name, count in self.by_column.items())
        return f"{self.rows} {'row' if self.rows == 1 else 'rows'} dropped for missing values ({parts})"


def complete_rows(
    data: pd.DataFrame, columns: Iterable[str]
) -> tuple[pd.DataFrame, Booleans, Dropped]:
    """The columns a model uses, on the rows where none is missing.

    Returns
    -------
    frame : DataFrame
        Only ``columns`` and only complete rows; factor levels that no longer
        occur are removed.
    kept : (rows of data,) bool
    dropped : Dropped

    Raises
    ------
    DataError
        When the data are no DataFrame or empty, a column does not exist, nothing
        is left, or a number is infinite.
    """
    if not isinstance(data, pd.DataFrame):
        raise DataError(f"data must be a pandas DataFrame, not {type(data).__name__}")
    if len(data) == 0:
        raise DataError("the data are empty: there are no rows")
    names = list(columns)
    for name in names:
        require_column(name, data)
        if isinstance(data[name], pd.DataFrame):
            raise DataError(f"the data have more than one column called '{name}'")
    missing = {name: data[name].isna().to_numpy() for name in names}
    gone = np.logical_or.reduce([*missing.values(), np.zeros(len(data), dtype=bool)])
    counts = {name: int(mask.sum()) for name, mask in missing.items() if mask.any()}
    if gone.all():
        worst = max(counts, key=lambda name: counts[name])
        raise DataError(
            f"no row is complete: '{worst}' is missing in {counts[worst]} of {len(data)} rows"
        )
    frame = data[names]
    if gone.any():
        frame = frame.loc[~gone]
    frame = _without_unused_levels(frame)
    _refuse_infinite(frame)
    return frame, ~gone, Dropped(int(gone.sum()), counts)


def require_column(name: str, data: pd.DataFrame) -> None:
    """Refuse a column that the data do not have, with the nearest name."""
    if name in data.columns:
        return
    near = get_close_matches(name, [str(c) for c in data.columns], n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    listed = ", ".join(map(str, data.columns[:12])) + ", ..." * (len(data.columns) > 12)
    raise DataError(f"there is no column '{name}' in the data; {hint}its columns are: {listed}")


def _without_unused_levels(frame: pd.DataFrame) -> pd.DataFrame:
    unused = {}
    for name, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.CategoricalDtype):
            column = frame[name].cat
            if len(np.unique(column.codes)) < len(dtype.categories):
                unused[name] = column.remove_unused_categories()
    return frame.assign(**{str(k): v for k, v in unused.items()}) if unused else frame


def _refuse_infinite(frame: pd.DataFrame) -> None:
    for name, dtype in frame.dtypes.items():
        if dtype.kind != "f":
            continue
        values = frame[name].to_numpy(dtype=np.float64)
        if not np.isfinite(values.sum()) and np.isinf(values).any():
            bad = np.isinf(values)
            raise DataError(
                f"'{name}' is infinite in {int(bad.sum())} of {len(bad)} rows (first at row label "
                f"{frame.index[int(bad.argmax())]}); remove those rows or make them missing"
            )
