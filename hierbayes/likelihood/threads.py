"""Compiled functions of many θ or of many groups, in threads where they take long."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

from hierbayes.frames.arrays import Floats

_LONG = 2e7  # numbers read for all θ, from which on threads are worth while
_LONG_PASS = 1e6  # the same of one pass over groups, which computes more with each


def in_threads(function: Callable[..., Floats], size: float, *arrays: Floats) -> Floats:
    """A function of arrays (M, ...), each row by itself, by as many threads as processors.

    Parameters
    ----------
    function : callable
        Gives (m, ...) of arrays (m, ...), without Python's lock.
    size : float
        Numbers that it reads for each row, about.
    *arrays : (M, ...) float

    Examples
    --------
    >>> in_threads(lambda x, y: x + y, 1e9, np.arange(3.0), np.ones(3))
    array([1., 2., 3.])
    """
    threads = min(_threads(size * len(arrays[0]), _LONG), len(arrays[0]))
    if threads < 2:
        return function(*arrays)
    parts = [np.array_split(one, threads) for one in arrays]
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(function, *parts)))


def spans(J: int, size: float, threads: int | None = None) -> list[slice]:
    """Groups (J,) in spans one after the other, as many as threads that are worth while.

    Parameters
    ----------
    J : int
        How many groups there are.
    size : float
        Numbers that are read of one.
    threads : int, optional
        So many, whatever is read.
    """
    count = max(min(_threads(size * J, _LONG_PASS) if threads is None else threads, J), 1)
    ends = [J * k // count for k in range(count + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def of_each[A, B](function: Callable[[A], B], parts: Sequence[A]) -> list[B]:
    """A function of every part, in their order, each by a thread of its own."""
    if len(parts) == 1:
        return [function(parts[0])]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(function, parts))


def added(parts: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """What stands at each place of the parts, added up in their order.

    Examples
    --------
    >>> added([(1.0, 10), (2.0, 20)])
    (3.0, 30)
    """
    first, *others = parts
    if not others:
        return first
    return tuple(sum(values[1:], values[0]) for values in zip(*parts, strict=True))


def _threads(size: float, least: float) -> int:
    return (os.cpu_count() or 1) if size > least else 1
