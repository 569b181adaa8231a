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
from numba import carray, types

from hierbayes.compilation import callback, compiled, is_on_disk
from hierbayes.likelihood.collapsed import collapsed

# Counts up when the signature or the likelihood changes: machine code that callers have cached on
# disk knows the function by its symbol alone.
VERSION = 6
SYMBOL = f"hierbayes_collapsed_density_{VERSION}"

_pointer = types.CPointer(types.float64)
_SIGNATURE = types.void(
    types.int64,  # J
    types.int64,  # q
    types.int64,  # p
    types.int64,  # reading
    types.float64,  # sigma
    types.float64,  # n
    _pointer,  # root (q, q)
    _pointer,  # gamma (p,)
    _pointer,  # to_internal (q, q)
    _pointer,  # R (J, q, q)
    _pointer,  # T (J, q, p+1)
    _pointer,  # W (p+1, p+1)
    _pointer,  # precision (p, p)
    _pointer,  # mean (p,)
    _pointer,  # out (2 + q² + p,): value, ∂/∂σ, ∂/∂L, ∂/∂γ
)


def _collapsed_c(
    J, q, p, reading, sigma, n, root_, gamma_, change_, R_, T_, W_, precision_, mean_, out_
):
    root = carray(root_, (q, q))
    change = carray(change_, (q, q))
    internal = np.zeros((q, q))
    for i in range(q):
        for k in range(q):
            for h in range(q):
                internal[i, k] += change[i, h] * root[h, k]
    value, d_internal, d_sigma, d_gamma = collapsed(
        internal,
        sigma,
        carray(gamma_, (p,)),
        carray(R_, (J, q, q)),
        carray(T_, (J, q, p + 1)),
        carray(W_, (p + 1, p + 1)),
        n,
        carray(precision_, (p, p)),
        carray(mean_, (p,)),
        reading,
    )
    out = carray(out_, (2 + q * q + p,))
    out[0] = value
    out[1] = d_sigma
    for i in range(q):
        for k in range(q):
            total = 0.0
            for h in range(q):
                total += change[h, i] * d_internal[h, k]
            out[2 + i * q + k] = total
    for c in range(p):
        out[2 + q * q + c] = d_gamma[c]


# As compiled code calls it, once `provide` has put it there.
likelihood = types.ExternalFunction(SYMBOL, _SIGNATURE)


@cache
def provide() -> Any:
    """Put the likelihood behind its symbol: compiled once on a machine, then loaded."""
    function = callback(_SIGNATURE)(_collapsed_c)
    llvm.add_symbol(SYMBOL, function.address)
    return function


def is_compiled() -> bool:
    """Whether the machine code is on disk already."""
    return is_on_disk(_collapsed_c, _SIGNATURE)


@compiled()
def collapsed_native(root, sigma, gamma, to_internal, R, T, W, n, precision, mean, reading):
    """`collapsed` at ``to_internal @ root``, called through its C symbol.

    Returns the value, ∂/∂root (q, q), ∂/∂σ and ∂/∂γ (p,).
    """
    q = root.shape[0]
    p = gamma.shape[0]
    out = np.empty(2 + q * q + p)
    likelihood(
        R.shape[0], q, p, reading, sigma, n, root.ctypes, gamma.ctypes, to_internal.ctypes,
        R.ctypes, T.ctypes, W.ctypes, precision.ctypes, mean.ctypes, out.ctypes,
    )  # fmt: skip
    return out[0], out[2 : 2 + q * q].copy().reshape((q, q)), out[1], out[2 + q * q :].copy()
