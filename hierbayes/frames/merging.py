"""Files of two levels made one, and one made two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.arrays import Booleans, Integers
from hierbayes.frames.constancy import FACTOR, kind_of
from hierbayes.frames.group_statistics import up
from hierbayes.frames.named_columns import (
    column_names,
    require_column,
    require_distinct_columns,
    require_frame,
    shown,
)
from hierbayes.frames.native_numbers import native_numbers

REFUSE, DROP = "refuse", "drop"


def merge_levels(
    schools: pd.DataFrame,
    students: pd.DataFrame,
    on: str | Sequence[str],
    *,
    empty_groups: str = REFUSE,
) -> pd.DataFrame:
    """The long file: the rows of the lower level with the columns of the level above.

    Parameters
    ----------
    schools : DataFrame
        One row a group.
    students : DataFrame
        The rows of the groups.
    on : str or list of str
        The index variable, or those that together name a group; in both files.
    empty_groups : {"refuse", "drop"}
        What becomes of groups without rows in ``students``.

    Returns
    -------
    DataFrame
        The rows of ``students`` in their order and with their labels; their columns, then those of
        ``schools``.

    Raises
    ------
    DataError
        When the index variable is missing in a row, is not in both files, is numbers in one and
        text in the other, or names two rows of ``schools``; when students are of a school that is
        not there, or the reverse; when another column is in both files.

    See Also
    --------
    to_levels : The way back.

    Notes
    -----
    The slides "Easy manipulation of multilevel data" merge with R's ``merge``, which drops what
    does not match and takes equal names for keys, without a word. Three levels are merged from
    above: boards with schools, the result with students.

    Examples
    --------
    >>> import hierbayes as hb
    >>> import pandas as pd
    >>> schools = pd.DataFrame({"school": ["A", "B"], "Size": [455, 400]})
    >>> students = pd.DataFrame({"school": ["B", "A", "B"], "ses": [0.1, -0.4, 0.9]})
    >>> hb.merge_levels(schools, students, on="school")
      school  ses  Size
    0      B  0.1   400
    1      A -0.4   455
    2      B  0.9   400
    """
    names = list(column_names(on, "on"))
    if empty_groups not in (REFUSE, DROP):
        raise DataError(f"empty_groups must be 'refuse' or 'drop', not {empty_groups!r}")
    schools, students = native_numbers(schools), native_numbers(students)
    for data, what in ((schools, "schools"), (students, "students")):
        require_frame(data, what)
        require_distinct_columns(data, what)
        _require_keys(data, names, what)
    _refuse_common_names(schools, students, names)
    _refuse_other_kinds(schools, students, names)
    above, below = _key_codes(schools, students, names)
    _refuse_duplicates(schools, above, names)
    place = np.full(int(max(above.max(), below.max())) + 1, -1, dtype=np.intp)
    place[above] = np.arange(len(schools))
    found = place[below]
    _refuse_unmatched(students, found < 0, names)
    if empty_groups == REFUSE:
        _refuse_empty(schools, ~np.isin(above, below), names)
    added = schools.drop(columns=names).take(found).set_axis(students.index)
    return pd.concat([students, added], axis="columns")


def to_levels(df: pd.DataFrame, group: str | Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A file for each level: the columns that are constant within groups, and the rest.

    Parameters
    ----------
    df : DataFrame
        The long file.
    group : str or list of str
        The column that names the group of each row, or those that do so together.

    Returns
    -------
    schools : DataFrame
        One row a group, as `up` makes it, numbered.
    students : DataFrame
        The rows of the data: what names the group, and the columns that vary within groups.

    Raises
    ------
    DataError
        When a row has no group.

    See Also
    --------
    merge_levels : Puts them together again.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> schools, students = hb.to_levels(hs, "school")
    >>> list(schools), list(students)
    (['school', 'Size', 'Sector', 'PRACAD', 'DISCLIM', 'HIMINTY'],
     ['school', 'mathach', 'ses', 'Sex', 'Minority'])
    >>> hb.merge_levels(schools, students, on="school").equals(hs)
    True
    """
    schools = up(df, group).reset_index(drop=True)
    keys = column_names(group, "group")
    return schools, df[[name for name in df.columns if name in keys or name not in schools]]


def _require_keys(data: pd.DataFrame, names: list[str], what: str) -> None:
    for name in names:
        require_column(name, data, what)
        missing = data[name].isna()
        if missing.any():
            raise DataError(
                f"'{name}' is missing in {int(missing.sum())} of {len(data)} rows of the {what} "
                f"(first at row label {data.index[int(missing.argmax())]}); every row needs one"
            )


def _refuse_common_names(schools: pd.DataFrame, students: pd.DataFrame, names: list[str]) -> None:
    common = [name for name in students.columns if name in schools.columns and name not in names]
    if common:
        raise DataError(
            f"both files have {shown(common)}; names must be unique but for what they are merged "
            "on: rename one, or remove it from the students"
        )


def _refuse_other_kinds(schools: pd.DataFrame, students: pd.DataFrame, names: list[str]) -> None:
    for name in names:
        kinds = [_key_kind(data[name]) for data in (schools, students)]
        if kinds[0] != kinds[1]:
            raise DataError(
                f"'{name}' is {kinds[0]} in the schools and {kinds[1]} in the students; make them "
                f"alike first, as in data['{name}'].astype(str)"
            )


def _key_kind(column: pd.Series) -> str:
    values = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    kind = kind_of(pd.Series(values).infer_objects())
    return {"number": "numbers", FACTOR: "text"}.get(kind, kind)


def _key_codes(
    schools: pd.DataFrame, students: pd.DataFrame, names: list[str]
) -> tuple[Integers, Integers]:
    """Codes of the keys, (schools,) and (students,): the same where they are equal."""
    keys = [data[names].astype(_uncategorised(data, names)) for data in (schools, students)]
    codes = pd.concat(keys, ignore_index=True).groupby(names, sort=False).ngroup().to_numpy()
    return codes[: len(schools)], codes[len(schools) :]


def _uncategorised(data: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """The types of the categories: files may have different ones of the same keys."""
    dtypes = {name: data[name].dtype for name in names}
    return {
        name: dtype.categories.dtype
        for name, dtype in dtypes.items()
        if isinstance(dtype, pd.CategoricalDtype)
    }


def _keys_of(data: pd.DataFrame, rows: Booleans, names: list[str]) -> str:
    """The keys of rows, each once, for a message."""
    keys = data.loc[rows, names].drop_duplicates()
    return shown(", ".join(map(str, key)) for key in keys.itertuples(index=False))


def _refuse_duplicates(schools: pd.DataFrame, codes: Integers, names: list[str]) -> None:
    twice = pd.Series(codes).duplicated().to_numpy()
    if twice.any():
        raise DataError(
            f"the schools have more than one row for {', '.join(names)} "
            f"{_keys_of(schools, twice, names)}; there must be one for each"
        )


def _refuse_unmatched(students: pd.DataFrame, unmatched: Booleans, names: list[str]) -> None:
    if unmatched.any():
        raise DataError(
            f"{int(unmatched.sum())} of {len(students)} rows of the students have a "
            f"{', '.join(names)} that is not among the schools: "
            f"{_keys_of(students, unmatched, names)}"
        )


def _refuse_empty(schools: pd.DataFrame, empty: Booleans, names: list[str]) -> None:
    if empty.any():
        raise DataError(
            f"no row of the students is of {', '.join(names)} {_keys_of(schools, empty, names)}; "
            "give empty_groups='drop' if this is meant"
        )
