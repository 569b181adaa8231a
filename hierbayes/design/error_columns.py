"""What the columns of a residual structure hold: times, occasions, and the groups of errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.problem import Problem
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.residuals.variances import Strata


@dataclass(frozen=True, slots=True)
class ErrorTimes:
    """The groups in which errors are correlated, and the times of their rows.

    Parameters
    ----------
    group : str
        The factor.
    columns : tuple of str
        The columns that hold its groups.
    labels : tuple of str
        The distinct times in order; where no column tells them, the places of rows in a group.
    whole : bool
        Whether they are whole numbers.
    consecutive : bool
        Whether neighbours within every group are one apart.
    every : bool
        Whether each whole number between the first and the last is there.
    even : bool
        Whether neighbours within every group are an even number apart.
    repeated : tuple of str
        Columns of strata of which some group has one value twice.
    """

    group: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    whole: bool
    consecutive: bool
    every: bool
    even: bool = False
    repeated: tuple[str, ...] = ()


def time_of_errors(problem: Problem) -> str | None:
    """The column of the times at which errors are correlated; None where no column tells them."""
    if problem.moments is None:
        return None
    return getattr(problem.moments.rows.structure.correlation, "time", None)


def error_times(problem: Problem) -> ErrorTimes | None:
    """Those of a model; None where errors are not correlated."""
    if problem.moments is None or problem.moments.rows.structure.correlation is None:
        return None
    rows, spec = problem.moments.rows, problem.design.specification
    columns = spec.columns_of.get(rows.group, (rows.group,))
    time = time_of_errors(problem)
    if time is None:
        places = tuple(str(k + 1) for k in range(int(np.bincount(rows.codes).max())))
        twice = _repeated(problem)
        return ErrorTimes(rows.group, columns, places, True, True, True, repeated=twice)
    (frame,) = problem.design.rows.frames
    column = frame[time]
    if not is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype):
        levels = column.astype("category").cat.remove_unused_categories().cat.categories
        labels = tuple(levels.astype(str))  # days without a time of day, where none has any
        return ErrorTimes(rows.group, columns, labels, False, False, False)
    times = column.to_numpy(dtype=np.float64)
    distinct = np.unique(times)
    gaps = _gaps(times, rows.codes)
    whole = bool((distinct == np.round(distinct)).all())
    return ErrorTimes(
        rows.group,
        columns,
        tuple(f"{value:.15g}" for value in distinct),
        whole,
        bool((gaps == 1.0).all()),
        whole and bool((np.diff(distinct) == 1.0).all()),
        len(gaps) > 0 and bool((gaps % 2.0 == 0.0).all()),
    )


def _repeated(problem: Problem) -> tuple[str, ...]:
    """Columns of strata of which some group of correlated errors has one value twice."""
    assert problem.moments is not None
    rows = problem.moments.rows
    names = [
        name
        for part in rows.structure.variances
        if isinstance(part, Strata)
        for name in part.own_columns
    ]
    frames = problem.design.rows.frames
    return tuple(
        name
        for name in names
        if pd.DataFrame({"group": rows.codes, "by": frames[0][name].array}).duplicated().any()
    )


def _gaps(times: Floats, codes: Integers) -> Floats:
    """Time between each row and the next of its group."""
    order = np.lexsort((times, codes))
    same = codes[order][1:] == codes[order][:-1]
    gaps: Floats = np.diff(times[order])[same]
    return gaps
