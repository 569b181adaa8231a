"""The collapsed likelihood as a C function under a process-wide symbol.

Numba copies the machine code of every function it calls into its caller and
optimises the whole again.  A sampler's log density stands several compiled
layers above the likelihood, so each layer would pay for it anew.  Behind a C
symbol the likelihood is compiled once, cached on disk, and merely called.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from hierbayes.compilation import callback, compiled, is_on_disk
from hierbayes.likelihood import collapsed as reading_source
from hierbayes.likelihood import elimination, triangular
from hierbayes.likelihood.collapsed import collapsed

# Changes with the likelihood: machine code that callers have cached on disk knows the function by
# its symbol alone, and numba itself looks at the file of the cached function only.
_SOURCES = (triangular.__file__, elimination.__file__, reading_source.__file__, __file__)
VERSION = crc32(b"".join(Path(str(path)).read_bytes() for path in _SOURCES))
SYMBOL = f"hierbayes_collapsed_density_{VERSION}"

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


def _collapsed_of(version):
    """The C function; ``version``, closed over, is part of what it is cached under."""

    def _collapsed_c(
        J, q, p, m, reading, sigma, n, root_, gamma_, latent_, change_, R_, T_, W_, precision_,
        mean_, out_,
    ):  # fmt: skip
        root, change = carray(root_, (q, q)), carray(change_, (q, q))
        out = carray(out_, (2 + q * q + p,))
        out[0] = version
        internal = np.zeros((q, q))
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

    return _collapsed_c


def _native_of(version):
    """The C function as an array function; ``version`` as above."""

    @compiled()
    def collapsed_native(root, sigma, gamma, to_internal, R, T, W, n, precision, mean, reading):
        """`collapsed` at ``to_internal @ root``, called through its C symbol.

        Returns the value, ∂/∂root (q, q), ∂/∂σ and ∂/∂γ (p,).
        """
        q, p = root.shape[0], gamma.shape[0]
        out = np.empty(2 + q * q + p)
        out[0] = version
        likelihood(
            R.shape[0], q, p, 0, reading, sigma, n, pointer_at(root, 0), pointer_at(gamma, 0),
            pointer_at(gamma, p), pointer_at(to_internal, 0), pointer_at(R, 0), pointer_at(T, 0),
            pointer_at(W, 0), pointer_at(precision, 0), pointer_at(mean, 0), pointer_at(out, 0),
        )  # fmt: skip
        return out[0], out[2 : 2 + q * q].copy().reshape((q, q)), out[1], out[2 + q * q :].copy()

    return collapsed_native


# As compiled code calls it, once `provide` has put it there.
likelihood = types.ExternalFunction(SYMBOL, SIGNATURE)
collapsed_native = _native_of(VERSION)
_collapsed_c = _collapsed_of(VERSION)


@cache
def provide() -> Any:
    """Put the likelihood behind its symbol: compiled once on a machine, then loaded."""
    function = callback(SIGNATURE)(_collapsed_c)
    llvm.add_symbol(SYMBOL, function.address)
    return function


def is_compiled() -> bool:
    """Whether the machine code is on disk already."""
    return is_on_disk(_collapsed_c, SIGNATURE)
