"""The group of each row, by the column or the columns of a grouping factor."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.close_integers import codes_of_close
from hierbayes.design.level_labels import JoinedLabels, Labels, LevelLabels, texts_of
from hierbayes.design.text_codes import texts_in_order
from hierbayes.errors import DataError
from hierbayes.frames.arrays import Integers
from hierbayes.frames.seen_columns import DataColumns

ALL_ROWS = "all rows"  # what the only group is called where nothing groups the rows


def group_codes(column: pd.Series) -> tuple[Integers, LevelLabels]:
    """Position of each row's group (n,) among the labels of the groups, in order."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes, labels = column.array.codes, LevelLabels(dtype.categories, column.name)
    else:
        codes, labels = _factorized(column, dtype)
    return codes.astype(np.intp, copy=False), labels


def factor_codes(
    frame: DataColumns, name: str, columns: tuple[str, ...]
) -> tuple[Integers, Labels]:
    """Those of a grouping factor, which may be each combination of several columns that occurs.

    The groups of a combination are called as their parts, with a colon between; of no columns all
    rows are one group.
    """
    return codes_of_factors(frame, {name: columns})[0]


def codes_of_factors(
    frame: DataColumns, factors: Mapping[str, tuple[str, ...]]
) -> list[tuple[Integers, Labels]]:
    """Those of several grouping factors, by the columns of each."""
    coded = {
        column: group_codes(frame[column])
        for column in dict.fromkeys(chain.from_iterable(factors.values()))
    }
    return [
        _combined(name, [coded[column] for column in columns], len(frame))
        for name, columns in factors.items()
    ]


def _combined(
    name: str, parts: Sequence[tuple[Integers, LevelLabels]], n: int
) -> tuple[Integers, Labels]:
    """Codes (n,) of the combinations of columns, and their labels."""
    if not parts:
        return np.zeros(n, dtype=np.intp), _only_group()
    if len(parts) == 1:
        return parts[0]
    sizes = [len(labels) for _, labels in parts]
    place = np.ravel_multi_index([codes for codes, _ in parts], sizes)
    close = codes_of_close(place, name)
    if close is None:
        combined, codes = np.unique(place, return_inverse=True)
    else:
        codes, combined = close[0], np.asarray(close[1].values)
    at = np.unravel_index(combined, sizes)
    return codes, joined_labels(name, [labels.texts for _, labels in parts], at)


@lru_cache(maxsize=1)
def _only_group() -> pd.Index:
    return pd.Index([ALL_ROWS])


def joined_labels(name: str, parts: Sequence[list[str]], at: Sequence[Integers]) -> JoinedLabels:
    """What the groups (J,) of a combination of columns are called.

    Parameters
    ----------
    name : str
        The grouping factor.
    parts : sequence of list of str
        Labels of each column.
    at : sequence of (J,) int
        Their places.

    Raises
    ------
    DataError
        When two groups would have one name.
    """
    labels = JoinedLabels(parts, at, name)
    if not labels.may_be_equal:
        return labels
    texts = labels.texts
    if len(set(texts)) < len(texts):
        first = next(text for k, text in enumerate(texts) if text in texts[:k])
        raise DataError(
            f"two groups of '{name}' would both be called '{first}'; make the colons in the labels "
            "of its columns another character"
        )
    return labels


def group_labels(data: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    """What the group of each row is called: its label, or the labels of a combination joined."""
    if len(columns) == 1:
        return data[columns[0]]
    texts = [_texts(data[column]) for column in columns]
    joined: pd.Series = texts[0].str.cat(texts[1:], sep=":")
    return joined


def _texts(column: pd.Series) -> pd.Series:
    """The label of each row as a text, missing where it is."""
    if column.dtype == "object":  # 1 and True are one label to Pandas
        codes, labels = np.arange(len(column)), pd.Index(column)
        codes[column.isna()] = -1
    else:
        codes, labels = pd.factorize(column)
    texts = np.array([*texts_of(pd.Index(labels)), None], dtype=object)
    return pd.Series(texts[codes], column.index, dtype="str")


def _factorized(column: pd.Series, dtype: Any) -> tuple[Integers, LevelLabels]:
    """Codes and labels in order, in order of appearance where the labels have none."""
    if isinstance(dtype, np.dtype) and dtype.kind == "i" and len(column):
        close = codes_of_close(column.to_numpy(), column.name)
        if close is not None:
            return close
    if dtype == "str":
        codes, texts = texts_in_order(column)
        return codes, LevelLabels(texts, column.name, dtype)
    codes, labels = _in_order(column)
    return codes, LevelLabels(labels, column.name)


def _in_order(column: pd.Series) -> tuple[Integers, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # values without an order
            return pd.factorize(column, sort=True)
    except (TypeError, RuntimeWarning):
        pass
    try:
        return pd.factorize(column)
    except TypeError as error:
        raise DataError(
            f"the group column '{column.name}' holds values that are no labels; make text of them"
        ) from error
