"""The times of rows within their groups."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.residuals.bound import Columns, StructuredRows
from hierbayes.residuals.bound_values import Floats, Integers
from hierbayes.residuals.number_columns import numbers_of
from hierbayes.residuals.row_kernels import is_in_order, places_within


def times_of(rows: StructuredRows, time: str | None) -> Floats:
    """The time (n,) of each row: a column, or its place within its group.

    Raises
    ------
    DataError
        When two rows of a group have one time; the group and the time are named.
    """
    if time is None:
        places: Floats = places_within(rows.codes, int(rows.codes.max()) + 1)
        return places
    times = numbers_of(rows.frame, time, "the times of correlated errors")
    refuse_repeated(rows, time, times)
    return times


def refuse_repeated(rows: StructuredRows, time: str, values: Floats | Integers) -> None:
    """Refuse two rows of a group at one time.

    Raises
    ------
    DataError
    """
    if is_in_order(rows.codes, np.asarray(values, dtype=np.float64)):  # so that no two are equal
        return
    order = np.lexsort((values, rows.codes))
    codes, times = rows.codes[order], values[order]
    if not ((codes[1:] == codes[:-1]) & (times[1:] == times[:-1])).any():
        return
    twice = pd.DataFrame({"group": rows.codes, "time": values}).duplicated().to_numpy()
    if twice.any():
        at = int(np.flatnonzero(twice)[0])
        raise DataError(
            f"'{rows.group}' {_label(rows, at)} has two rows with {time} = "
            f"{rows.frame[time].iloc[at]}, so that they have no order in time ({int(twice.sum())} "
            "such rows in all); give a column that tells them apart, or name the innermost group, "
            "as in group='id'"
        )


def refuse_fractions(rows: StructuredRows, time: str | None, times: Floats) -> None:
    """Refuse times that are not whole, as places within groups are.

    Raises
    ------
    DataError
    """
    if time is None:
        return
    broken = times != np.round(times)
    if broken.any():
        at = int(np.flatnonzero(broken)[0])
        raise DataError(
            f"the times of this structure are whole numbers, and '{time}' is {times[at]:g} in row "
            f"{rows.frame.index[at]}; hb.residuals.CAR1('{time}') takes any times"
        )


def times_of_new_rows(frame: Columns, time: str, *, whole: bool) -> Floats:
    """The times (m,) of rows that are not those of the fit.

    Raises
    ------
    DataError
        When they are no numbers, or none that are ``whole``.
    """
    times = numbers_of(frame, time, "the times of correlated errors")
    broken = whole & (times != np.round(times))
    if broken.any():
        at = int(np.flatnonzero(broken)[0])
        raise DataError(
            f"the times '{time}' of correlated errors are whole numbers, and that of row "
            f"{frame.index[at]} is {times[at]:g}; round it, or use hb.residuals.CAR1"
        )
    return times


def refuse_lone_rows(group: str) -> NoReturn:
    """Refuse groups of which none has two rows.

    Raises
    ------
    DataError
    """
    raise DataError(
        f"no '{group}' has two rows, so that the data tell nothing of the correlation of "
        "errors; leave it out, or name the group in which they are correlated"
    )


def _label(rows: StructuredRows, at: int) -> object:
    try:
        return rows.frame[rows.group].iloc[at]
    except KeyError:  # a combination of columns
        return int(rows.codes[at])
