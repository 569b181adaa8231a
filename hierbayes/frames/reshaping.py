"""Repeated measures: one row an occasion, or one row a group with a column for each occasion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.constancy import is_constant_within, varies_within
from hierbayes.frames.grouping import Groups, group_rows, require_groups_of_all
from hierbayes.frames.named_columns import column_names, require_column, shown
from hierbayes.frames.native_numbers import native_numbers


def to_short(
    df: pd.DataFrame,
    group: str,
    within: str,
    values: str | Sequence[str] | None = None,
    *,
    sep: str = "_",
) -> pd.DataFrame:
    """One row a group, from one row an occasion.

    Parameters
    ----------
    df : DataFrame
        The long file: a row for each occasion of each group.
    group, within : str
        The columns that name the group and the occasion of each row.
    values : str or list of str, optional
        The columns that are measured at each occasion; without it, those that vary within groups.
    sep : str
        Stands between the name of a column and the occasion: ``distance_8``.

    Returns
    -------
    (J, k) DataFrame
        The group, the columns that are constant within groups, and a column for each of ``values``
        and each occasion, missing where a group has no such occasion. Occasions come in the order
        of their categories, or sorted.

    Raises
    ------
    DataError
        When a column is not there, a row has no group or occasion, a group has two rows of one
        occasion, a column that is none of the values varies within groups, or two columns get one
        name.

    See Also
    --------
    to_long : The way back.

    Examples
    --------
    >>> import hierbayes as hb
    >>> import pandas as pd
    >>> long = pd.DataFrame({"child": ["a", "a", "b"], "age": [8, 10, 8], "sex": ["F", "F", "M"],
    ...                      "distance": [21.0, 20.0, 26.5]})
    >>> hb.to_short(long, "child", "age")
      child sex  distance_8  distance_10
    0     a   F        21.0         20.0
    1     b   M        26.5          NaN
    """
    df = native_numbers(df)
    groups = group_rows(df, _one(group, "group"))
    occasions = group_rows(df, _one(within, "within"))
    if group == within:
        raise DataError(
            f"group and within are both '{group}'; occasions need a column of their own"
        )
    for one in (groups, occasions):
        require_groups_of_all(one)
    measured = _measured(df, groups, within, values)
    rows = _row_of_each(groups, occasions)
    fixed = [name for name in df.columns if name not in (within, *measured)]
    short = {name: df[name].array.take(groups.first()) for name in fixed}
    for name in measured:
        column = df[name].reset_index(drop=True)
        for place, occasion in enumerate(occasions.labels):
            title = f"{name}{sep}{occasion}"
            if title in short:
                raise DataError(f"two columns would be called '{title}'; give another sep")
            short[title] = column.reindex(rows[:, place]).array
    return pd.DataFrame(short)


def to_long(
    df: pd.DataFrame,
    group: str,
    within: str,
    values: str | Sequence[str],
    *,
    sep: str = "_",
) -> pd.DataFrame:
    """One row an occasion, from one row a group with a column for each occasion.

    Parameters
    ----------
    df : DataFrame
        The short file, with columns such as ``distance_8`` and ``distance_10``.
    group : str
        The column that names the group of each row.
    within : str
        What the column of the occasions is to be called.
    values : str or list of str
        What is measured at each occasion: the names before ``sep``.
    sep : str
        Stands between the name and the occasion.

    Returns
    -------
    DataFrame
        The group and the other columns, the occasion, and the values; rows in the order of the
        groups, within them of the occasions as their columns stand. Occasions at which no value of
        a group is known have no row. Occasions are numbers where all of them are written as
        numbers are, and text otherwise.

    Raises
    ------
    DataError
        When the group is not there or names two rows, no column belongs to one of the values, or
        the occasions would have the name of another column.

    Examples
    --------
    >>> import hierbayes as hb
    >>> import pandas as pd
    >>> short = pd.DataFrame({"child": ["a", "b"], "sex": ["F", "M"], "distance_8": [21.0, 26.5],
    ...                       "distance_10": [20.0, None]})
    >>> hb.to_long(short, "child", within="age", values="distance")
      child sex  age  distance
    0     a   F    8      21.0
    1     a   F   10      20.0
    2     b   M    8      26.5
    """
    df = native_numbers(df)
    groups = group_rows(df, _one(group, "group"))
    require_groups_of_all(groups)
    if len(df) > groups.J:
        code = int((groups.sizes > 1).argmax())
        raise DataError(
            f"group '{groups.label_text(code)}' has {groups.sizes[code]} rows; a short file has "
            "one for each"
        )
    stems = column_names(values, "values")
    columns = _occasion_columns(df, stems, sep)
    occasions = list(dict.fromkeys(text for found in columns.values() for text in found))
    fixed = [name for name in df.columns if name not in _used(columns)]
    _refuse_taken(within, stems, fixed)
    n, T = len(df), len(occasions)
    long = df[fixed].take(np.repeat(np.arange(n), T)).reset_index(drop=True)
    long[within] = pd.Series(_as_written(occasions)).take(np.tile(np.arange(T), n)).array
    for stem in stems:
        long[stem] = _interleaved(df, columns[stem], occasions)
    known = long[list(stems)].notna().any(axis="columns")
    return long[known].reset_index(drop=True)


def _one(name: Any, role: str) -> str:
    """The name of one column."""
    if not isinstance(name, str):
        raise DataError(f"{role} must be the name of a column, not {name!r}")
    return name


def _measured(
    df: pd.DataFrame, groups: Groups, within: str, values: str | Sequence[str] | None
) -> tuple[str, ...]:
    """The columns with a value for each occasion."""
    others = [name for name in df.columns if name not in (*groups.names, within)]
    varying = [name for name in others if not is_constant_within(df[name], groups)]
    if values is None:
        return tuple(varying)
    names = column_names(values, "values")
    for name in names:
        require_column(name, df)
        if name not in others:
            raise DataError(f"'{name}' names the group or the occasion and is no value")
    for name in varying:
        if name not in names:
            varies = varies_within(df[name], groups)
            where = f" '{groups.label_text(int(varies.argmax()))}'" if varies.any() else "s"
            raise DataError(
                f"'{name}' varies within group{where}; name it among the values, or leave it out "
                "of the data"
            )
    return names


def _row_of_each(groups: Groups, occasions: Groups) -> Any:
    """The row of each group at each occasion, (J, T); −1 where there is none."""
    cells = groups.codes * occasions.J + occasions.codes
    twice = pd.Series(cells).duplicated().to_numpy()
    if twice.any():
        row = int(twice.argmax())
        raise DataError(
            f"group '{groups.label_text(groups.codes[row])}' has more than one row where "
            f"{occasions.name} is '{occasions.label_text(occasions.codes[row])}'; there must be one"
        )
    rows = np.full(groups.J * occasions.J, -1, dtype=np.intp)
    rows[cells] = np.arange(len(cells))
    return rows.reshape(groups.J, occasions.J)


def _occasion_columns(
    df: pd.DataFrame, stems: tuple[str, ...], sep: str
) -> dict[str, dict[str, str]]:
    """For each value, its columns by occasion; a column belongs to the longest name it fits."""
    found: dict[str, dict[str, str]] = {stem: {} for stem in stems}
    for column in map(str, df.columns):
        fitting = [stem for stem in stems if column.startswith(stem + sep)]
        if fitting:
            stem = max(fitting, key=len)
            found[stem][column.removeprefix(stem + sep)] = column
    for stem, columns in found.items():
        if not columns:
            raise DataError(
                f"no column is called '{stem}{sep}...'; the columns are: {shown(df.columns)}"
            )
    return found


def _used(columns: dict[str, dict[str, str]]) -> set[str]:
    return {column for found in columns.values() for column in found.values()}


def _refuse_taken(within: Any, stems: tuple[str, ...], fixed: list[str]) -> None:
    for name in (_one(within, "within"), *stems):
        if name in fixed or (name == within and within in stems):
            raise DataError(f"there would be two columns called '{name}'; rename one first")


def _as_written(occasions: list[str]) -> list[Any]:
    """Texts as numbers where all of them are written as numbers are."""
    for number in (int, float):
        try:
            read = [number(text) for text in occasions]
        except ValueError:
            continue
        if [str(value) for value in read] == occasions:
            return read
    return occasions


def _interleaved(df: pd.DataFrame, columns: dict[str, str], occasions: list[str]) -> Any:
    """The values of all occasions, group by group, (n T,)."""
    n, T = len(df), len(occasions)
    stacked = pd.concat([df[name] for name in columns.values()], ignore_index=True)
    start = {text: place * n for place, text in enumerate(columns)}
    starts = np.array([start.get(text, -1) for text in occasions])
    rows = np.where(starts < 0, -1, starts + np.arange(n)[:, None]).reshape(n * T)
    return stacked.reindex(rows).array
