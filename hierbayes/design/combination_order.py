"""The order of groups of several sets of rows, of which only the labels are known."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import pairwise, product

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


def order_of_parts(labels: pd.Index, parts: Sequence[pd.Index]) -> Integers | None:
    """An order (J,) of labels that keeps that of every part, as categories have one.

    None where it is that of the labels already, or parts contradict each other.  What no part
    says is as in ``labels``.

    Examples
    --------
    >>> labels = pd.Index(["high", "low", "mid", "top"])
    >>> parts = [pd.Index(["low", "mid", "high"]), pd.Index(["low", "high", "top"])]
    >>> labels[order_of_parts(labels, parts)].tolist()
    ['low', 'mid', 'high', 'top']
    """
    places = [labels.get_indexer(part).tolist() for part in parts]
    pairs = {pair for at in places for pair in pairwise(at)}
    if all(first < then for first, then in pairs):
        return None
    after: dict[int, list[int]] = {}
    waiting = np.zeros(len(labels), dtype=np.intp)
    for first, then in pairs:
        after.setdefault(first, []).append(then)
        waiting[then] += 1
    ready, order = np.flatnonzero(waiting == 0).tolist(), []
    while ready:
        order.append(heappop(ready))
        for then in after.get(order[-1], ()):
            waiting[then] -= 1
            if not waiting[then]:
                heappush(ready, then)
    return np.array(order, dtype=np.intp) if len(order) == len(labels) else None


def _numbers(texts: pd.Series) -> pd.Series | None:
    """Texts as the numbers that they write."""
    made = pd.to_numeric(texts, errors="coerce")
    return None if made.isna().any() else made
