"""The order of groups of a combination of columns, of which only the joined labels are known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Integers

SEPARATOR = ":"  # between the labels that are joined


def order_of_combinations(labels: pd.Index, parts: Sequence[pd.Index]) -> Integers | None:
    """The order (J,) of joined labels in which those of each part stand; None where there is none.

    Labels such as ``10:2`` are those of numbers or of texts, column by column; which they
    are is seen from the order of the labels that a part has.

    Examples
    --------
    >>> labels = pd.Index(["10:a", "9:b", "9:a"])
    >>> labels[order_of_combinations(labels, [pd.Index(["9:a", "10:a"])])].tolist()
    ['9:a', '9:b', '10:a']
    >>> labels[order_of_combinations(labels, [pd.Index(["10:a", "9:a"])])].tolist()
    ['10:a', '9:a', '9:b']
    """
    columns = pd.DataFrame([label.split(SEPARATOR) for label in labels])
    if columns.isna().any(axis=None):  # a label has the separator in it
        return None
    ways = [[one, numbers] if (numbers := _numbers(one)) is not None else [one]
            for _, one in columns.items()]  # fmt: skip
    places = [labels.get_indexer(part) for part in parts]
    for keys in product(*(reversed(way) for way in ways)):
        order: Integers = np.lexsort([key.rank(method="dense").to_numpy() for key in keys[::-1]])
        rank = np.argsort(order)
        if all((np.diff(rank[at]) > 0).all() for at in places):
            return order
    return None


def _numbers(texts: pd.Series) -> pd.Series | None:
    """Texts as the numbers that they write."""
    made = pd.to_numeric(texts, errors="coerce")
    return None if made.isna().any() else made
