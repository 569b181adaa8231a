"""One pass over rows: their places within groups, and their neighbours in time, compiled."""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import integers_for, room_for
from hierbayes.residuals.bound_values import Floats, Integers

_FEW = 20_000  # places, of which each may be looked at


def distinct_places(places: Integers, size: int) -> tuple[Integers, Integers]:
    """Which of so many places (n,) occur, ascending, and the number of each row's among them.

    Examples
    --------
    >>> found, number = distinct_places(np.array([5, 2, 5, 0]), 6)
    >>> found.tolist(), number.tolist()
    ([0, 2, 5], [2, 1, 2, 0])
    """
    if size > max(4 * len(places), _FEW):  # sorted, they take less room, and hardly more time
        return np.unique(places, return_inverse=True)
    found, number = np.empty(size, dtype=np.intp), np.empty(len(places), dtype=np.intp)
    return found[: _number(places, found, number)].copy(), number


@compiled()
def _number(places: Integers, found: Integers, number: Integers) -> int:
    """Write both, and return how many occur."""
    size, many = len(found), 0
    rank = integers_for(size)
    for place in range(size):
        rank[place] = -1
    for place in places:
        rank[place] = 0
    for place in range(size):
        if rank[place] == 0:
            found[many] = place
            rank[place] = many
            many += 1
    for i in range(len(places)):
        number[i] = rank[places[i]]
    return many


@compiled()
def number_in_order(values: Floats, order: Integers, distinct: Floats, place: Integers) -> int:
    """Write distinct values, ascending as the order has them, and which each is; how many."""
    many = 0
    for i in order:
        if many == 0 or values[i] != distinct[many - 1]:
            distinct[many] = values[i]
            many += 1
        place[i] = many - 1
    return many


@compiled()
def places_within(codes: Integers, J: int) -> Floats:
    """The place of each row (n,) among those of its group, counted from 0, of J groups."""
    places, seen = room_for(len(codes)), integers_for(J)
    for j in range(J):
        seen[j] = 0
    for i in range(len(codes)):
        places[i] = seen[codes[i]]
        seen[codes[i]] += 1
    return places


@compiled()
def is_in_order(codes: Integers, times: Floats) -> bool:
    """Whether groups follow each other, and the rows of each are at later and later times."""
    for i in range(1, len(codes)):
        if codes[i] < codes[i - 1] or (codes[i] == codes[i - 1] and not times[i] > times[i - 1]):
            return False
    return True


@compiled()
def neighbours(
    order: Integers, codes: Integers, times: Floats, before: Integers, after: Integers, lags: Floats
) -> int:
    """Write each row of a group and the next, rows in such an order, and how far they are apart.

    Returns how many there are; there is room for one a row.
    """
    many = 0
    for i in range(1, len(order)):
        a, b = order[i - 1], order[i]
        if codes[a] == codes[b]:
            before[many], after[many], lags[many] = a, b, times[b] - times[a]
            many += 1
    return many


@compiled()
def chain_links(
    n: int, before: Integers, after: Integers, gap: Integers
) -> tuple[Integers, Integers, Integers]:
    """Both ends and the kind of every link of n rows in chains, as `MarkovChain` has kinds.

    Each row with itself, both of each two neighbours with themselves, and both together.
    """
    m = len(before)
    left, right = integers_for(n + 3 * m), integers_for(n + 3 * m)
    kind = integers_for(n + 3 * m)
    for i in range(n):
        left[i], right[i], kind[i] = i, i, 0
    for i in range(m):
        a, b, of = before[i], after[i], 1 + 2 * gap[i]
        left[n + i], right[n + i], kind[n + i] = a, a, of
        left[n + m + i], right[n + m + i], kind[n + m + i] = b, b, of
        left[n + 2 * m + i], right[n + 2 * m + i], kind[n + 2 * m + i] = a, b, of + 1
    return left, right, kind


@compiled()
def pairs_within(owner: Integers, left: Integers, right: Integers) -> None:
    """Write every two rows (and each with itself) of one group, rows being sorted by group."""
    many, first = 0, 0
    for i in range(len(owner)):
        if owner[i] != owner[first]:
            first = i
        for k in range(first, i + 1):
            left[many], right[many] = k, i
            many += 1


@compiled()
def lower_links(
    order: Integers, starts: Integers, sizes: Integers, first: Integers,
    left: Integers, right: Integers, kind: Integers,
) -> None:  # fmt: skip
    """Write every two rows (and each with itself) of groups of such sizes, rows in such an order.

    Kinds are counted from the first of each group, lower triangles row by row.
    """
    many = 0
    for j in range(len(starts)):
        within = 0
        for a in range(sizes[j]):
            for b in range(a + 1):
                left[many], right[many] = order[starts[j] + a], order[starts[j] + b]
                kind[many] = first[j] + within
                many += 1
                within += 1
