"""What pictures of raw data start from: y against x, in groups, by the levels of a factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.complete import complete_rows
from hierbayes.errors import DataError, StudyError
from hierbayes.frames.arrays import Floats
from hierbayes.plots.look import SERIES

POOLED = "all rows"  # the level of rows that no factor tells apart


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """Points of a scatter.

    Parameters
    ----------
    y, x : str
        Columns on the axes.
    panel, by : str or None
        Columns that make groups, and that tell points apart.
    points : DataFrame
        ``panel`` and ``by`` (categories in their order), ``x``, ``y``, with the labels of the rows.
    rows : DataFrame
        The complete rows of the data, in the same order.
    """

    y: str
    x: str
    panel: str | None
    by: str | None
    points: pd.DataFrame
    rows: pd.DataFrame


def read_scatter(
    data: pd.DataFrame, formula: str, by: str | None = None, *more: str
) -> Scatter:  # fmt: skip
    """Points of ``"y ~ x"`` or ``"y ~ x | g"`` by the levels of a factor.

    Parameters
    ----------
    data : DataFrame
    formula : str
        Names of columns: numbers y and x, and a column that makes groups.
    by : str, optional
        A factor of few levels.
    *more : str
        Further columns in which rows must be complete.

    Raises
    ------
    StudyError
        When the formula is none, or there are too many levels to tell apart.
    DataError
        When a column does not exist or is no number, or no row is complete.
    """
    y, x, panel = names_in_formula(formula)
    named = [name for name in (y, x, panel, by, *more) if name is not None]
    rows, _, _ = complete_rows(data, list(dict.fromkeys(named)))
    for name in (y, x):
        refuse_no_number(rows[name])
    points = pd.DataFrame(
        {
            "panel": as_factor(rows, panel),
            "by": as_factor(rows, by),
            "x": rows[x].to_numpy(dtype=np.float64),
            "y": rows[y].to_numpy(dtype=np.float64),
        },
        index=rows.index,
    )
    if by is not None:
        refuse_many_levels(by, len(points["by"].cat.categories))
    return Scatter(y, x, panel, by, points, rows)


def refuse_no_number(column: pd.Series) -> None:
    """Refuse a column that cannot be an axis of numbers.

    Raises
    ------
    DataError
        Naming it.
    """
    if is_bool_dtype(column.dtype) or not is_numeric_dtype(column.dtype):
        raise DataError(f"'{column.name}' holds no numbers, and an axis of this picture needs some")


def refuse_many_levels(name: str, count: int) -> None:
    """Refuse a factor with more levels than can be told apart.

    Raises
    ------
    StudyError
        Naming it.
    """
    if count > len(SERIES):
        raise StudyError(
            f"'{name}' has {count} levels, and by= tells at most {len(SERIES)} apart; group them "
            "first"
        )


def least_squares_line(x: Floats, y: Floats) -> Floats:
    """Ends (2, 2) of the least-squares line of y on x from the smallest to the largest x.

    There are none, (0, 2), where x does not vary.

    Examples
    --------
    >>> least_squares_line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 6.0])).tolist()
    [[0.0, 0.5], [2.0, 5.5]]
    """
    if len(x) < 2 or np.ptp(x) == 0.0:
        return np.empty((0, 2))
    ends = np.array([x.min(), x.max()])
    away = x - x.mean()
    slope = away @ y / (away @ away)
    return np.column_stack([ends, y.mean() + slope * (ends - x.mean())])


def lines_by(points: pd.DataFrame, columns: list[str], name: str) -> pd.DataFrame:
    """The least-squares line in each combination of columns: these, ``x``, ``y``.

    Parameters
    ----------
    points : DataFrame
    columns : list of str
        The last one becomes the column called `name`.
    name : str
    """
    parts = []
    for key, rows in points.groupby(columns, observed=True, sort=True):
        ends = least_squares_line(rows["x"].to_numpy(), rows["y"].to_numpy())
        labels = dict(zip([*columns[:-1], name], key, strict=True))
        parts.append(pd.DataFrame(ends, columns=["x", "y"]).assign(**labels))
    return pd.concat(parts, ignore_index=True)[[*columns[:-1], name, "x", "y"]]


def names_in_formula(formula: str) -> tuple[str, str, str | None]:
    """The columns y, x and, where there are panels, g of ``"y ~ x | g"``.

    Raises
    ------
    StudyError
        When it is no such formula.
    """
    if not isinstance(formula, str):
        raise StudyError(f"a picture of data takes a formula 'y ~ x | group', not {formula!r}")
    left, tilde, right = formula.partition("~")
    x, bar, panel = right.partition("|")
    y, x, panel = (text.strip().strip("`").strip() for text in (left, x, panel))
    if not (tilde and y and x) or bool(bar) != bool(panel):
        raise StudyError(f"cannot read '{formula}': write columns as in 'y ~ x' or 'y ~ x | group'")
    return y, x, panel or None


def as_factor(rows: pd.DataFrame, name: str | None) -> pd.Categorical:
    """A column as categories in use, in their order; one for all rows where there is none."""
    if name is None:
        return pd.Categorical([POOLED] * len(rows))
    found = rows[name].astype("category").cat.remove_unused_categories()
    return pd.Categorical.from_codes(found.cat.codes, found.cat.categories)
