"""Row labels at several levels that keep the order they are written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd


def ordered_index(keys: Iterable[tuple[Any, ...]], names: Sequence[str]) -> pd.MultiIndex:
    """A MultiIndex whose levels stand in the order of their first appearance.

    Pandas sorts the levels otherwise, takes rows in any other order for unsorted, and warns
    at each look-up by some of the levels.

    Examples
    --------
    >>> table = ordered_index([("sd", "b"), ("sd", "a"), ("corr", "b")], ["block", "name"])
    >>> [list(level) for level in table.levels]
    [['sd', 'corr'], ['b', 'a']]
    """
    columns = list(zip(*keys, strict=True)) or [()] * len(names)
    levels, codes = [], []
    for column in columns:
        values = list(dict.fromkeys(column))
        place = {value: at for at, value in enumerate(values)}
        levels.append(pd.Index(values, tupleize_cols=False))
        codes.append([place[value] for value in column])
    return pd.MultiIndex(levels=levels, codes=codes, names=list(names))
