"""The diagonal blocks of G, which random terms with variances of their own make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


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


def count_free_entries(blocks: tuple[int, ...]) -> int:
    """Free entries of G.

    Examples
    --------
    >>> count_free_entries((2,)), count_free_entries((1, 1)), count_free_entries((3, 1))
    (3, 2, 7)
    """
    return sum(size * (size + 1) // 2 for size in blocks)
