"""Composition of groups: how many of their rows are of one kind, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import DataError
from hierbayes.frames.group_statistics import capply
from hierbayes.frames.named_columns import shown

LABELS = ("none", "some", "all")


def composition(x: Any, group: Any, level: Any) -> pd.Series:
    """The share of a group's rows where x is ``level``, on every row of the group.

    Parameters
    ----------
    x : (n,) Series or array
        Labels, numbers or truth values.
    group : (n,) Series or array, or DataFrame
        The group of each row.
    level : object
        One of the values of x.

    Returns
    -------
    (n,) Series
        From 0 to 1; rows where x is missing do not count.

    Raises
    ------
    DataError
        When x never takes this value, or is not of the same rows as group.

    Notes
    -----
    A derived variable of level 2: it would have another value with another sample of the group.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> shares = hb.composition(hs["Sex"], hs["school"], level="Female")
    >>> shares[[0, 60, 500]].round(4).tolist()
    [1.0, 0.5094, 0.3585]
    """
    values = x if isinstance(x, pd.Series) else pd.Series(x)
    is_level = values == level
    if not is_level.any():
        raise DataError(f"x is never {level!r}; its values are: {shown(values.dropna().unique())}")
    return capply(is_level.astype(np.float64).where(values.notna()), group, "mean")


def composition_category(shares: Any, labels: Sequence[str] = LABELS) -> pd.Series:
    """Shares in words: none, some or all of a group.

    Parameters
    ----------
    shares : (n,) Series or array
        From 0 to 1, as `composition` makes them.
    labels : three str
        What 0, anything between, and 1 are called.

    Returns
    -------
    (n,) categorical Series
        With the labels that occur as its categories, in the order given; missing where the share
        is.

    Raises
    ------
    DataError
        When a share is below 0 or above 1, or the labels are not three different texts.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> shares = hb.composition(hs["Sex"], hs["school"], level="Female")
    >>> kinds = hb.composition_category(shares, labels=("Boys", "Coed", "Girls"))
    >>> kinds[[0, 60, 300]].tolist()
    ['Girls', 'Coed', 'Boys']
    """
    texts = (labels,) if isinstance(labels, str) else tuple(labels)
    if len(texts) != 3 or len(set(texts)) != 3 or not all(isinstance(t, str) for t in texts):
        raise DataError(
            f"labels must be three different texts, for none, some and all, not {labels!r}"
        )
    values = pd.Series(shares).astype(np.float64)
    outside = values[(values < 0.0) | (values > 1.0)]
    if len(outside):
        raise DataError(
            f"a share must lie between 0 and 1; in row {outside.index[0]} it is {outside.iloc[0]:g}"
        )
    codes = np.where(values == 0.0, 0, np.where(values == 1.0, 2, 1))
    kinds = pd.Categorical.from_codes(np.where(values.isna(), -1, codes), categories=list(texts))
    return pd.Series(kinds.remove_unused_categories(), index=values.index)
