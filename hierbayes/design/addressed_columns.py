"""Columns of numbers that compiled code finds by their addresses, wherever each of them stands.

Columns that are read from a file stand apart from each other; a table of them would be a copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from hierbayes.frames.arrays import Floats

_COLUMN = types.Array(types.float64, 1, "C", readonly=True)


def addressed(columns: Iterable[Floats]) -> tuple[list[Floats], Any]:
    """Columns (n,), each in one piece, and their addresses (d,), good while the columns are kept.

    Examples
    --------
    >>> columns, addresses = addressed(np.arange(6.0).reshape(3, 2).T)
    >>> len(columns), addresses.shape, columns[1].tolist()
    (2, (2,), [1.0, 3.0, 5.0])
    """
    whole = [np.ascontiguousarray(one, dtype=np.float64) for one in columns]
    places = [one.__array_interface__["data"][0] for one in whole]
    return whole, np.array(places, dtype=np.uint64)


def _pointer(context, builder, signature, arguments):
    """Pointer to the numbers of the column that the first two arguments name."""
    array = make_array(signature.args[0])(context, builder, arguments[0])
    address = builder.load(builder.gep(array.data, [arguments[1]]))
    return builder.inttoptr(address, context.get_data_type(types.float64).as_pointer())


@intrinsic
def column_at(typing_context, addresses, column, n):
    """A column (n,) of those with these addresses (d,)."""

    def make(context, builder, signature, arguments):
        size = context.get_constant(types.intp, 8)
        made = make_array(_COLUMN)(context, builder)
        populate_array(
            made, data=_pointer(context, builder, signature, arguments),
            shape=cgutils.pack_array(builder, [arguments[2]]),
            strides=cgutils.pack_array(builder, [size]), itemsize=size, meminfo=None,
        )  # fmt: skip
        return made._getvalue()

    return _COLUMN(addresses, types.intp, types.intp), make


@intrinsic
def value_at(typing_context, addresses, column, row):
    """The number in a row of a column of those with these addresses (d,)."""

    def make(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments)
        return builder.load(builder.gep(pointer, [arguments[2]]))

    return types.float64(addresses, types.intp, types.intp), make
