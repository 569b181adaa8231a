"""Lines of memory that are asked for some time before they are needed."""

from __future__ import annotations

import llvmlite.ir as ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

_HINT = "llvm.prefetch.p0i8"
_BYTE, _WORD, _PLACE = ir.IntType(8).as_pointer(), ir.IntType(32), ir.IntType(64)


@intrinsic
def ask_for(typing_context, kept, row, column):
    """Have the line of memory with ``kept[row, column]`` brought near, to be changed.

    It is a hint, after which work goes on at once; nothing is read.
    """

    def make(context, builder, signature, arguments):
        array = make_array(signature.args[0])(context, builder, arguments[0])
        steps = cgutils.unpack_tuple(builder, array.strides)
        address = builder.ptrtoint(array.data, _PLACE)
        for place, step in zip(arguments[1:], steps, strict=True):
            address = builder.add(address, builder.mul(place, step))
        hint = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [_BYTE, _WORD, _WORD, _WORD]), _HINT
        )
        to_write, as_near_as_can_be, data = _WORD(1), _WORD(3), _WORD(1)
        builder.call(hint, [builder.inttoptr(address, _BYTE), to_write, as_near_as_can_be, data])
        return context.get_dummy_value()

    return types.void(kept, types.uint64, types.int64), make
