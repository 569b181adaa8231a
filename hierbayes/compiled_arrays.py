"""Arrays made in compiled code, in place.

``np.empty`` and ``np.zeros`` are functions that numba compiles itself, anew for every number of
dimensions and every set of options of the caller, and then calls: a tenth of what compiling a log
density takes.  These are a few instructions where they stand.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

_ALIGNED = 32  # bytes, as numba's own


def _made(shape: Any, *, cleared: bool, kind: Any = types.float64) -> Any:
    """Type of the array, and how it is made; the shape is a whole number or several."""
    several = isinstance(shape, types.BaseTuple)
    kinds = tuple(shape) if several else (shape,)
    array = types.Array(kind, len(kinds), "C")
    size = kind.bitwidth // 8

    def make(context, builder, signature, arguments):
        given = cgutils.unpack_tuple(builder, arguments[0]) if several else [arguments[0]]
        sizes = [
            context.cast(builder, one, its_kind, types.intp)
            for one, its_kind in zip(given, kinds, strict=True)
        ]
        strides = [context.get_constant(types.intp, size)]
        for length in reversed(sizes):
            strides.insert(0, builder.mul(strides[0], length))
        length = strides.pop(0)  # all of it, in bytes
        room = context.nrt.meminfo_alloc_aligned(
            builder, length, context.get_constant(types.uint32, _ALIGNED)
        )
        data = context.nrt.meminfo_data(builder, room)
        if cleared:
            cgutils.memset(builder, data, length, 0)
        made = make_array(array)(context, builder)
        populate_array(
            made,
            data=builder.bitcast(data, context.get_data_type(kind).as_pointer()),
            shape=cgutils.pack_array(builder, sizes),
            strides=cgutils.pack_array(builder, strides),
            itemsize=strides[-1],
            meminfo=room,
        )
        return made._getvalue()

    return array(shape), make


@intrinsic
def room_for(typing_context, shape):
    """Array of a shape whose numbers are yet to be written."""
    return _made(shape, cleared=False)


@intrinsic
def zeros_of(typing_context, shape):
    """Array of a shape, of zeros."""
    return _made(shape, cleared=True)


@intrinsic
def integers_for(typing_context, length):
    """Array of whole numbers that are yet to be written."""
    return _made(length, cleared=False, kind=types.int64)


@intrinsic
def c_integers_of(typing_context, length):
    """Array of C's whole numbers, of zeros."""
    return _made(length, cleared=True, kind=types.int32)
