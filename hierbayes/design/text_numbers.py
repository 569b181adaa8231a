"""Texts numbered in the order in which they come, by a table of their hashes that is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from hierbayes.compilation import compiled, in_loop
from hierbayes.design.lines_ahead import ask_for
from hierbayes.frames.arrays import Integers

_PLACES = 1 << 10  # of a table at first, of which at most half are taken
_BYTES = 1 << 14
_BLOCK = 64  # rows
_NOTHING = -1
_FACTOR, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


class TextNumbers:
    """Numbers of texts, which come as Arrow holds them.

    Examples
    --------
    >>> import pyarrow as pa
    >>> numbers = TextNumbers()
    >>> numbers.of(pa.array(["b", "a", "b"])).tolist(), numbers.texts(0)
    ([0, 1, 0], ['b', 'a'])
    >>> numbers.of(pa.array(["c", "a"])).tolist(), numbers.texts(2)
    ([2, 1], ['c'])
    """

    def __init__(self) -> None:
        self.count = 0
        self._table = _empty(_PLACES)
        self._ends: Integers = np.zeros(_PLACES // 2 + 1, dtype=np.int64)  # of the texts' bytes
        self._bytes: Any = np.empty((_BYTES, 1), dtype=np.uint8)

    def of(self, texts: Any) -> Integers:
        """The number (n,) of each text of an Arrow array without missing values."""
        numbers: Integers = np.empty(len(texts), dtype=np.int64)
        if not len(texts):  # which may have no bytes at all
            return numbers
        data, offsets = _buffers(texts)
        row = 0
        while True:
            row, self.count = number_texts(
                data, offsets, row, self._table, self._ends, self._bytes, self.count, numbers
            )
            if row == len(numbers):
                return numbers
            self._make_room(int(offsets[row + 1] - offsets[row]))

    def texts(self, start: int) -> list[str]:
        """The texts with numbers from ``start`` on."""
        ends = self._ends[start : self.count + 1].tolist()
        return [self._bytes[ends[k] : ends[k + 1]].tobytes().decode() for k in range(len(ends) - 1)]

    def _make_room(self, size: int) -> None:
        """Have room for one text more, of this size, and as many again as there are."""
        used, places = int(self._ends[self.count]), len(self._table)
        if used + size > len(self._bytes):
            self._bytes = _longer(self._bytes, 2 * used + size)
        if 2 * self.count >= places:
            wider = _empty(2 * places)
            move_texts(self._table, wider)
            self._table, self._ends = wider, _longer(self._ends, places + 1)


def _empty(places: int) -> Any:
    """A table of numbers, hashes and where the bytes begin and end, that has nothing yet."""
    return np.full((places, 4), _NOTHING, dtype=np.int64)


def _longer(values: Any, size: int) -> Any:
    made = np.zeros((size, *values.shape[1:]), dtype=values.dtype)
    made[: len(values)] = values
    return made


def _buffers(texts: Any) -> tuple[Any, Integers]:
    """The bytes of texts, and where each begins (n + 1,)."""
    wide = texts.cast("large_string")
    _, where, data = wide.buffers()
    offsets = np.frombuffer(where, dtype=np.int64)[wide.offset :][: len(wide) + 1]
    return np.frombuffer(data or b"", dtype=np.uint8), offsets


@compiled()
def number_texts(
    data: Any, offsets: Integers, row: int, table: Any, ends: Integers, kept: Any, count: int,
    numbers: Integers,
) -> tuple[int, int]:  # fmt: skip
    """Number texts from a row on, until there is no room for a new one: the row, and the count.

    What is needed of a block of rows is asked for before any of them is looked up.
    """
    hashes, n = np.empty(_BLOCK, dtype=np.uint64), len(numbers)
    last = np.uint64(len(table) - 1)
    while row < n:
        block = min(_BLOCK, n - row)
        for b in range(block):
            hashes[b] = _hashed(data, offsets[row + b], offsets[row + b + 1])
            ask_for(table, hashes[b] & last, 0)
        for b in range(block):
            ask_for(kept, np.uint64(max(table[hashes[b] & last, 2], 0)), 0)
        for b in range(block):
            start, end = offsets[row + b], offsets[row + b + 1]
            place = _place_of(data, start, end, hashes[b], table, kept)
            number = table[place, 0]
            if number < 0:
                used = ends[count]
                size = end - start
                if 2 * count >= len(table) or used + size > len(kept):
                    return row + b, count
                for k in range(size):
                    kept[used + k, 0] = data[start + k]
                number, count = count, count + 1
                ends[count] = used + size
                table[place, 0], table[place, 1] = number, np.int64(hashes[b])
                table[place, 2], table[place, 3] = used, used + size
            numbers[row + b] = number
        row += block
    return row, count


@in_loop
def _place_of(
    data: Any, start: int, end: int, hashed: np.uint64, table: Any, kept: Any
) -> np.uint64:
    """Where a text stands in a table, or may."""
    last, sign = np.uint64(len(table) - 1), np.int64(hashed)
    place = hashed & last
    while table[place, 0] >= 0:
        first = table[place, 2]
        if table[place, 1] == sign and table[place, 3] - first == end - start:
            k = 0
            while k < end - start and kept[first + k, 0] == data[start + k]:
                k += 1
            if k == end - start:
                break
        place = (place + np.uint64(1)) & last
    return place


@compiled()
def move_texts(table: Any, wider: Any) -> None:
    """Put the texts of a table into a wider one."""
    last = np.uint64(len(wider) - 1)
    for k in range(len(table)):
        if table[k, 0] >= 0:
            place = np.uint64(table[k, 1]) & last
            while wider[place, 0] >= 0:
                place = (place + np.uint64(1)) & last
            for part in range(4):
                wider[place, part] = table[k, part]


@in_loop
def _hashed(data: Any, start: int, end: int) -> np.uint64:
    """A hash of bytes, eight at a time."""
    made = np.uint64(end - start) * _FACTOR
    while end - start >= 8:
        word = np.uint64(0)
        for k in range(8):
            word |= np.uint64(data[start + k]) << np.uint64(8 * k)
        made = _mixed(made ^ word)
        start += 8
    word = np.uint64(0)
    for k in range(end - start):
        word |= np.uint64(data[start + k]) << np.uint64(8 * k)
    return _mixed(made ^ word)


@in_loop
def _mixed(value: np.uint64) -> np.uint64:
    value *= _FACTOR
    return value ^ (value >> _HALF)
