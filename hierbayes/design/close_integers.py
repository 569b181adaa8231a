"""Codes of whole numbers that lie close together, without sorting."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import integers_for
from hierbayes.design.level_labels import LevelLabels
from hierbayes.frames.arrays import Integers

_CLOSE = 16384  # a range of integers that is gone through faster than few of them are sorted


def codes_of_close(values: Any, name: Hashable) -> tuple[Integers, LevelLabels] | None:
    """Codes (n,) and labels of integers (n,) that lie in a range of a few n; else None.

    Examples
    --------
    >>> codes, labels = codes_of_close(np.array([7, 3, 3, 7]), "g")
    >>> codes.tolist(), labels.index.tolist()
    ([1, 0, 0, 1], [3, 7])
    """
    codes = values.astype(np.intp)
    low, high, distinct = _number(codes, max(4 * len(codes), _CLOSE))
    if not distinct:
        return None
    if distinct == high - low + 1:
        return codes, LevelLabels(range(low, high + 1), name)
    occurs = np.bincount(values - low) > 0
    return codes, LevelLabels(occurs.nonzero()[0] + low, name)


@compiled(short_loops=True)
def _number(values: Integers, most: int) -> tuple[int, int, int]:
    """Write its place among the distinct ones in order over each value (n,).

    The least and the largest, and how many are distinct; 0 where they are more than ``most`` apart.
    """
    low = high = values[0]
    for value in values:
        if value < low:
            low = value
        if value > high:
            high = value
    apart = high - low
    if apart < 0 or apart > most:  # below 0: more than an integer holds
        return low, high, 0
    place, distinct = integers_for(apart + 1), 0
    for k in range(apart + 1):
        place[k] = -1
    for value in values:
        place[value - low] = 0
    for k in range(apart + 1):
        if place[k] == 0:
            place[k] = distinct
            distinct += 1
    for i in range(len(values)):
        values[i] = place[values[i] - low]
    return low, high, distinct
