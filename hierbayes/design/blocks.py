"""The diagonal blocks of G, which random terms with variances of their own make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from hierbayes.frames.arrays import Floats, Integers


def block_slices(sizes: Iterable[int]) -> Iterator[slice]:
    """The places of each block among all effects, in their order.

    Parameters
    ----------
    sizes : iterable of int
        Effects of each block of G (q, q), summing to q.

    Examples
    --------
    >>> [(at.start, at.stop) for at in block_slices((2, 1))]
    [(0, 2), (2, 3)]
    """
    start = 0
    for size in sizes:
        yield slice(start, start + size)
        start += size


@lru_cache(maxsize=64)
def free_entries(blocks: tuple[int, ...]) -> tuple[Integers, Integers]:
    """Rows and columns of the lower-triangular entries within the blocks of G.

    Examples
    --------
    >>> rows, columns = free_entries((2, 1))
    >>> list(zip(rows.tolist(), columns.tolist()))
    [(0, 0), (1, 0), (1, 1), (2, 2)]
    """
    rows: list[int] = []
    columns: list[int] = []
    for at in block_slices(blocks):
        lower = np.tril_indices(at.stop - at.start)
        rows.extend(lower[0] + at.start)
        columns.extend(lower[1] + at.start)
    return np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp)


@lru_cache(maxsize=64)
def entry_directions(blocks: tuple[int, ...]) -> Floats:
    """∂G/∂(free entry) (k, q, q), not to be written to: one 1 on the diagonal, two off it."""
    rows, columns = free_entries(blocks)
    k, directions = np.arange(len(rows)), np.zeros((len(rows), sum(blocks), sum(blocks)))
    directions[k, rows, columns] = directions[k, columns, rows] = 1.0
    return directions  # not locked: compiled code would be made twice, for such arrays and others


def count_free_entries(blocks: tuple[int, ...]) -> int:
    """Free entries of G.

    Examples
    --------
    >>> count_free_entries((2,)), count_free_entries((1, 1)), count_free_entries((3, 1))
    (3, 2, 7)
    """
    return sum(size * (size + 1) // 2 for size in blocks)
