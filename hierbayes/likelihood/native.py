"""The collapsed likelihood as a C function under a process-wide symbol.

Numba copies the machine code of every function it calls into its caller and
optimises the whole again.  A sampler's log density stands several compiled
layers above the likelihood, so each layer would pay for it anew.  Behind a C
symbol the likelihood is compiled once, cached on disk, and merely called.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from hierbayes.code_version import version_of
from hierbayes.compilation import callback, compiled, is_on_disk
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.likelihood.collapsed import collapsed

_pointer = types.CPointer(types.float64)
SIGNATURE = types.void(
    types.int64,  # J
    types.int64,  # q
    types.int64,  # p
    types.int64,  # m
    types.int64,  # reading
    types.float64,  # sigma
    types.float64,  # n
    _pointer,  # root (q, q)
    _pointer,  # gamma (p,)
    _pointer,  # latent (m,): not read where u is integrated out
    _pointer,  # to_internal (q, q)
    _pointer,  # R (J, q, q)
    _pointer,  # T (J, q, p+1)
    _pointer,  # W (p+1, p+1)
    _pointer,  # precision (p, p)
    _pointer,  # mean (p,)
    _pointer,  # out (2 + q² + p + m,): value, ∂/∂σ, ∂/∂L, ∂/∂γ, ∂/∂latent
)


@intrinsic
def pointer_at(typing_context, array, place):
    """Pointer to an element of a contiguous array of one dimension or more, counted flat.

    It does not keep the array alive: the caller uses the array again after the pointer.
    """

    def element(context, builder, signature, arguments):
        data = make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.gep(data, [arguments[1]])

    return types.CPointer(array.dtype)(array, types.int64), element


def caller_of(form: Any) -> Any:
    """What calls, in compiled code, a C function of this form by its address.

    It takes a pointer to the address, which stands there as the bits of a float (`bits_of`), and
    a tuple of the arguments.
    """

    @intrinsic
    def call(typing_context, slot, arguments):
        def written(context, builder, signature, values):
            wanted = [context.get_value_type(one) for one in form.args]
            function = ir.FunctionType(ir.VoidType(), wanted)
            address = builder.load(builder.bitcast(values[0], ir.IntType(64).as_pointer()))
            given = [
                context.cast(builder, value, kind, one)
                for value, kind, one in zip(
                    cgutils.unpack_tuple(builder, values[1]), signature.args[1], form.args,
                    strict=True,
                )
            ]  # fmt: skip
            builder.call(builder.inttoptr(address, function.as_pointer()), given)
            return context.get_dummy_value()

        return types.void(slot, arguments), written

    return call


call_likelihood = caller_of(SIGNATURE)


def bits_of(address: int) -> float:
    """The float that has the bits of an address."""
    return float(np.array([address], dtype=np.int64).view(np.float64)[0])


def _collapsed_c(
    J, q, p, m, reading, sigma, n, root_, gamma_, latent_, change_, R_, T_, W_, precision_,
    mean_, out_,
):  # fmt: skip
    root, change = carray(root_, (q, q)), carray(change_, (q, q))
    out = carray(out_, (2 + q * q + p,))
    internal = zeros_of((q, q))
    for i in range(q):
        for k in range(q):
            for h in range(q):
                internal[i, k] += change[i, h] * root[h, k]
    R, T, W = carray(R_, (J, q, q)), carray(T_, (J, q, p + 1)), carray(W_, (p + 1, p + 1))
    gamma, mean, precision = (
        carray(gamma_, (p,)),
        carray(mean_, (p,)),
        carray(precision_, (p, p)),
    )
    value, d_internal, d_sigma, d_gamma = collapsed(
        internal, sigma, gamma, R, T, W, n, precision, mean, reading
    )
    out[0], out[1] = value, d_sigma
    for i in range(q):
        for k in range(q):
            total = 0.0
            for h in range(q):
                total += change[h, i] * d_internal[h, k]
            out[2 + i * q + k] = total
    for c in range(p):
        out[2 + q * q + c] = d_gamma[c]


def array_form(function: types.ExternalFunction) -> Any:
    """A C function of ``SIGNATURE`` as one of arrays, compiled."""

    @compiled()
    def native(root, sigma, gamma, to_internal, first, second, third, n, precision, mean, reading):
        """Value, ∂/∂root (q, q), ∂/∂σ and ∂/∂γ (p,) at ``to_internal @ root``.

        ``first``, ``second`` and ``third`` are what stands for the rows: R, T and W.
        """
        q, p = root.shape[0], gamma.shape[0]
        out = room_for(2 + q * q + p)
        function(
            first.shape[0], q, p, 0, reading, sigma, n, pointer_at(root, 0), pointer_at(gamma, 0),
            pointer_at(gamma, p), pointer_at(to_internal, 0), pointer_at(first, 0),
            pointer_at(second, 0), pointer_at(third, 0), pointer_at(precision, 0),
            pointer_at(mean, 0), pointer_at(out, 0),
        )  # fmt: skip
        return out[0], out[2 : 2 + q * q].copy().reshape((q, q)), out[1], out[2 + q * q :].copy()

    return native


# Changes with the likelihood: compiled code that is kept on disk knows it by its symbol alone.
VERSION = version_of(_collapsed_c)
SYMBOL = f"hierbayes_collapsed_density_{VERSION}"
collapsed_native = array_form(types.ExternalFunction(SYMBOL, SIGNATURE))


@cache
def provide() -> Any:
    """Put the likelihood behind its symbol: compiled once on a machine, then loaded."""
    function = callback(SIGNATURE)(_collapsed_c)
    llvm.add_symbol(SYMBOL, function.address)
    return function


def is_compiled() -> bool:
    """Whether the machine code is on disk already."""
    return is_on_disk(_collapsed_c, SIGNATURE)
