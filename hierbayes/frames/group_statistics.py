"""Statistics of groups: on every row of the group, or one row a group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.constancy import FACTOR, factor_codes, is_constant_within, kind_of
from hierbayes.frames.grouping import Groups, group_rows, group_values, require_groups_of_all
from hierbayes.frames.native_numbers import native_numbers

_NUMERIC = ("mean", "median", "sum", "std", "var", "sem", "skew", "prod", "cumsum", "diff")
_ANY = ("size", "count", "nunique", "first", "last", "min", "max", "any", "all", "rank")
_NAMED: dict[Any, str] = {len: "size", np.mean: "mean", np.median: "median", np.sum: "sum"}


def capply(x: Any, group: Any, statistic: str | Callable[[Any], Any] = "mean") -> pd.Series:
    """A statistic of each group, on every row of the group.

    Parameters
    ----------
    x : (n,) Series or array, or (n, k) DataFrame
        What the statistic is of; a condition such as ``hs["Sex"] == "Female"`` makes proportions.
    group : (n,) Series or array, or DataFrame
        The group of each row; several columns name it together.
    statistic : str or function
        A name (mean, median, sum, std, var, sem, skew, prod, size, count, nunique, first, last,
        min, max, any, all), for which missing values are left out and "size" counts rows; or rank,
        cumsum and diff, which make a value for each row.  Or a function of the rows of one group
        that returns one value or one a row; names are much faster where groups are many.  A
        DataFrame needs a function.

    Returns
    -------
    (n,) Series
        With the row labels of x; missing where the group is.

    Raises
    ------
    DataError
        When x and group are not of the same rows, the statistic is not known, x has no such
        statistic, or a function returns neither one value nor one a row.

    See Also
    --------
    up : One row a group.
    cvar : The group mean as a contextual variable, which a formula remembers.

    Notes
    -----
    ``capply`` of R's spida, on the slides "Summary variables and informative labels".

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> hs["Sex.comp"] = hb.capply(hs["Sex"] == "Female", hs["school"], "mean")
    >>> hs.loc[[0, 60, 500], ["school", "Sex.comp"]]
        school  Sex.comp
    0     1317  1.000000
    60    1906  0.509434
    500   3013  0.358491
    >>> hb.capply(hs["mathach"], hs["school"], lambda y: y.rank(ascending=False)).head(3).tolist()
    [21.0, 38.0, 46.0]
    """
    rows = native_numbers(x if isinstance(x, pd.Series | pd.DataFrame) else pd.Series(x))
    _require_same_rows(rows, group)
    groups = group_values(group)
    named = _NAMED.get(statistic, statistic) if callable(statistic) else statistic
    if callable(named):
        return _by_function(rows, groups, named)
    _require_statistic(rows, named)
    try:
        result: pd.Series = rows.groupby(groups.codes).transform(named)
    except TypeError as error:
        raise DataError(f"x is of type {rows.dtype} and has no {named}: {error}") from error
    return result.where(groups.codes >= 0) if groups.without_group else result


def up(
    df: pd.DataFrame,
    group: str | Sequence[str],
    all: bool = False,
) -> pd.DataFrame:
    """The short file: one row a group.

    Parameters
    ----------
    df : DataFrame
        The long file.
    group : str or list of str
        The column that names the group of each row, or the columns that do so together.
    all : bool
        Whether columns that vary within groups are summed up, too: numbers, truth values (as a
        proportion) and dates by their mean, factors by their mode, the first level in order where
        several are as frequent.  Missing values are left out.

    Returns
    -------
    (J, k) DataFrame
        The columns that are constant within groups, in the order of the data; all of them with
        ``all=True``. A missing value counts as a value, so that nothing is filled in; `levels`
        says of which columns only missing values vary. The group is a column and labels the rows,
        in the order of its categories, or sorted.

    Raises
    ------
    DataError
        When a row has no group.

    Notes
    -----
    ``up`` of R's spida, on the slides "Summary variables and informative labels".  As in a model,
    floats that differ by no more than 1e-9 of their range are the same; the first is kept.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> hb.up(hs, "school").loc[["2771", "4292"]]
         school  Size    Sector  PRACAD  DISCLIM  HIMINTY
    2771   2771   415    Public    0.24    1.048        0
    4292   4292  1328  Catholic    0.76   -0.674        1
    >>> hb.up(hs, "school", all=True).loc[["1317"], ["mathach", "ses", "Sex", "Minority"]]
            mathach       ses     Sex Minority
    1317  13.177687  0.345333  Female      Yes
    """
    df = native_numbers(df)
    groups = group_rows(df, group)
    require_groups_of_all(groups)
    first = groups.first()
    short = {}
    for name in df.columns:
        column = df[name]
        if name in groups.names or is_constant_within(column, groups):
            short[name] = column.array.take(first)
        elif all:
            short[name] = _summary(column, groups)
    labels = groups.labels.set_names([None] * groups.labels.nlevels)
    return pd.DataFrame(short, index=_plain_labels(labels))


def _plain_labels(labels: pd.Index) -> pd.Index:
    """Labels of categories as what they are: rows are looked up by them, not by codes."""
    if isinstance(labels, pd.CategoricalIndex):
        return pd.Index(np.asarray(labels))
    return labels


def _summary(column: pd.Series, groups: Groups) -> Any:
    """Mean or mode of a column in each group, (J,)."""
    if kind_of(column) != FACTOR:
        return groups.means(column).array
    codes, levels = factor_codes(column)
    known = codes >= 0
    pairs, counts = np.unique(groups.codes[known] * len(levels) + codes[known], return_counts=True)
    owner, level = pairs // max(len(levels), 1), pairs % max(len(levels), 1)
    order = np.lexsort((level, -counts, owner))
    _, at = np.unique(owner[order], return_index=True)
    modes = np.full(groups.J, -1, dtype=np.intp)
    modes[owner[order][at]] = level[order][at]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Categorical.from_codes(modes, dtype=column.dtype)
    return pd.Series(levels).reindex(modes).array


def _by_function(rows: Any, groups: Groups, function: Callable[[Any], Any]) -> pd.Series:
    order = np.argsort(groups.codes, kind="stable")[groups.without_group :]
    parts = np.split(order, np.cumsum(groups.sizes)[:-1])
    values = [_of_group(function(rows.iloc[part]), len(part), groups, code)
              for code, part in enumerate(parts)]  # fmt: skip
    joined = pd.Series(np.concatenate(values), index=order).reindex(range(len(rows)))
    name = rows.name if isinstance(rows, pd.Series) else None
    return joined.set_axis(rows.index).rename(name)


def _of_group(value: Any, size: int, groups: Groups, code: int) -> Any:
    """What a function said of one group, a value a row."""
    if np.ndim(value) == 0:
        return np.repeat(np.asarray(value), size)
    if np.ndim(value) == 1 and len(value) == size:
        return np.asarray(value)
    raise DataError(
        f"the statistic returns values of shape {np.shape(value)} for group "
        f"'{groups.label_text(code)}' of {size} rows; it must return one value, or one a row"
    )


def _require_same_rows(x: Any, group: Any) -> None:
    if len(x) != len(group):
        raise DataError(f"x has {len(x)} rows and group has {len(group)}; they must be the same")
    if len(x) == 0:
        raise DataError("the data are empty: there are no rows")
    if isinstance(group, pd.Series | pd.DataFrame) and not x.index.equals(group.index):
        raise DataError("x and group have different row labels; take both from the same data")


def _require_statistic(x: Any, statistic: Any) -> None:
    known = (*_NUMERIC, *_ANY)
    if statistic not in known:
        raise DataError(
            f"there is no statistic {statistic!r}; give a function, or one of: {', '.join(known)}"
        )
    if isinstance(x, pd.DataFrame):
        raise DataError(
            f"'{statistic}' is of one column and x has {x.shape[1]}; give one, or a function"
        )
    if statistic in _NUMERIC and kind_of(x) == FACTOR:
        raise DataError(
            f"x is of type {x.dtype} and has no {statistic}; make a condition of it, "
            "as in x == 'a level'"
        )
