"""Batches that are read while those before them are worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hierbayes.sources.source import Batch

_AHEAD = 8  # batches


def read_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, read by a thread of its own."""
    with ThreadPoolExecutor(1) as reading:
        waiting = deque(reading.submit(next, batches, None) for _ in range(_AHEAD))
        while (batch := waiting.popleft().result()) is not None:
            waiting.append(reading.submit(next, batches, None))
            yield batch
