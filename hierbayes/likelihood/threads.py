"""Compiled functions of many θ, in threads where they take long."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hierbayes.frames.arrays import Floats

_LONG = 2e7  # numbers read in all, from which on threads are worth while


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
    threads = min(os.cpu_count() or 1, len(arrays[0])) if size * len(arrays[0]) > _LONG else 1
    if threads < 2:
        return function(*arrays)
    parts = [np.array_split(one, threads) for one in arrays]
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(function, *parts)))
