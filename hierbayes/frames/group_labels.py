"""Groups under names that say something of them, in an order that does so, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.constancy import (
    DATE,
    FACTOR,
    factor_codes,
    kind_of,
    partly_missing,
    varies_within,
)
from hierbayes.frames.grouping import Groups, group_rows, require_groups_of_all
from hierbayes.frames.named_columns import require_column
from hierbayes.frames.native_numbers import native_numbers


def group_labels(
    df: pd.DataFrame,
    group: str,
    *,
    prefix: str | None = None,
    suffix: str | None = None,
    order_by: Any = None,
    sep: str = "",
) -> pd.Series:
    """Informative labels of groups, on every row: ``P5762C`` is a public, coeducational school.

    Parameters
    ----------
    df : DataFrame
    group : str
        The column that names the group of each row.
    prefix, suffix : str, optional
        Columns that are constant within groups; the first letter of their values stands before and
        after the group, or as many letters as keep the values apart.
    order_by : str, (n,) Series, or list of these, optional
        In what order the groups come: by the mean of each in turn, groups that are equal in all
        of them in their own order. A factor, which must be constant within groups, counts by the
        order of its levels, a condition by false before true. Without it the groups keep their
        order.
    sep : str
        Stands between the parts.

    Returns
    -------
    (n,) categorical Series
        The categories are the groups in that order.

    Raises
    ------
    DataError
        When a row has no group; a column is not there, missing somewhere or not constant within
        groups; or two groups get one label.

    Notes
    -----
    The slides "Summary variables and informative labels" paste first letters and sort with R's
    ``reorder(sid, ses + 1000 * (Sector == "Catholic"))``: sectors together, within them by mean
    ses.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> shares = hb.composition(hs["Sex"], hs["school"], level="Female")
    >>> hs["Sex.cat"] = hb.composition_category(shares, labels=("Boys", "Coed", "Girls"))
    >>> order = [hs["Sector"] == "Catholic", "ses"]
    >>> sid = hb.group_labels(hs, "school", prefix="Sector", suffix="Sex.cat", order_by=order)
    >>> sid[0], list(sid.cat.categories[:3]), list(sid.cat.categories[-2:])
    ('C1317G', ['P5762C', 'P2639C', 'P8854C'], ['C1906C', 'C9586G'])
    """
    df = native_numbers(df)
    groups = group_rows(df, group)
    require_groups_of_all(groups)
    parts = [groups.labels.astype(str)]
    if prefix is not None:
        parts.insert(0, _letters(df, prefix, groups))
    if suffix is not None:
        parts.append(_letters(df, suffix, groups))
    labels = [sep.join(pieces) for pieces in zip(*parts, strict=True)]
    _refuse_equal_labels(labels, groups)
    order = np.arange(groups.J) if order_by is None else _order(df, order_by, groups)
    place = np.argsort(order)  # where each group stands in that order
    ordered = [labels[code] for code in order]
    codes = place[groups.codes]
    return pd.Series(pd.Categorical.from_codes(codes, categories=ordered), index=df.index)


def _letters(df: pd.DataFrame, name: str, groups: Groups) -> pd.Index:
    """The beginning of each group's value, long enough to keep the values apart, (J,)."""
    require_column(name, df)
    column = df[name]
    _refuse_varying(column, groups, "a label of groups needs one value in each")
    values = pd.Index(column.astype(object).take(groups.first()))
    if values.hasnans:
        code = int(values.isna().argmax())
        raise DataError(f"'{name}' is missing in group '{groups.label_text(code)}'; fill it first")
    texts = values.map(str)
    longest = max(len(text) for text in texts)
    enough = (k for k in range(1, longest) if texts.str[:k].nunique() == texts.nunique())
    return texts.str[: next(enough, longest)]


def _order(df: pd.DataFrame, order_by: Any, groups: Groups) -> Any:
    """Codes of the groups in order, (J,)."""
    given = order_by if isinstance(order_by, list | tuple) else [order_by]
    if not given:
        raise DataError("order_by names nothing to order the groups by; leave it out")
    keys = [_key(df, one, groups) for one in given]
    return np.lexsort(keys[::-1])


def _key(df: pd.DataFrame, given: Any, groups: Groups) -> Any:
    """What the groups are sorted by, (J,)."""
    column = _column(df, given)
    kind = kind_of(column)
    if kind == FACTOR:
        _refuse_varying(column, groups, "it can order groups only if it is constant within them")
        return factor_codes(column)[0][groups.first()]
    means = groups.means(column)
    if means.isna().any():
        code = int(means.isna().to_numpy().argmax())
        raise DataError(
            f"{_called(column)} is missing in all of group '{groups.label_text(code)}', which "
            "therefore has no place in the order"
        )
    return means.to_numpy(dtype="int64" if kind == DATE else np.float64)


def _column(df: pd.DataFrame, given: Any) -> pd.Series:
    if isinstance(given, str):
        require_column(given, df)
        column: pd.Series = df[given]
        return column
    if not isinstance(given, pd.Series | np.ndarray) or len(given) != len(df):
        raise DataError(
            f"order_by must be columns by name, or Series of {len(df)} rows, not "
            f"{type(given).__name__}"
        )
    column = pd.Series(given)
    if isinstance(given, pd.Series) and not given.index.equals(df.index):
        raise DataError("order_by and the data have different row labels; take both from one")
    return column


def _called(column: pd.Series) -> str:
    return "order_by" if column.name is None else f"'{column.name}'"


def _refuse_varying(column: pd.Series, groups: Groups, why: str) -> None:
    varies = varies_within(column, groups)
    if varies.any():
        code = int(varies.argmax())
        seen = column[groups.codes == code].dropna().unique()
        raise DataError(
            f"{_called(column)} varies within group '{groups.label_text(code)}' "
            f"({', '.join(map(str, seen[:5]))}); {why}"
        )
    partly = partly_missing(column, groups)
    if partly.any():
        raise DataError(
            f"{_called(column)} is missing in some rows of group "
            f"'{groups.label_text(int(partly.argmax()))}'; fill it first"
        )


def _refuse_equal_labels(labels: list[str], groups: Groups) -> None:
    first: dict[str, int] = {}
    for code, label in enumerate(labels):
        if label in first:
            both = groups.label_text(first[label]), groups.label_text(code)
            raise DataError(
                f"groups '{both[0]}' and '{both[1]}' would both be called '{label}'; "
                "give sep='-' or other columns"
            )
        first[label] = code
