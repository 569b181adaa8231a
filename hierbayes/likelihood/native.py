"""The collapsed likelihood as a C function under a process-wide symbol.

Numba copies the machine code of every function it calls into its caller and
optimises the whole again.  A sampler's log density stands several compiled
layers above the likelihood, so each layer would pay for it anew.  Behind a C
symbol the likelihood is compiled once, cached on disk, and merely called.
"""

from __future__ import annotations

import llvmlite.binding as llvm
import numpy as np
from numba import carray, cfunc, njit, types

from hierbayes.likelihood.collapsed import collapsed_absolute

SYMBOL = "hierbayes_collapsed_density"

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
    _pointer,  # A (J, q, q)
    _pointer,  # B (J, q, p+1)
    _pointer,  # C (p+1, p+1)
    _pointer,  # precision (p, p)
    _pointer,  # mean (p,)
    _pointer,  # out (2 + q² + p,): value, ∂/∂σ, ∂/∂L, ∂/∂γ
)


@cfunc(_SIGNATURE, cache=True)
def _collapsed_c(
    J, q, p, reading, sigma, n, root_, gamma_, A_, B_, C_, precision_, mean_, out_
):
    value, d_root, d_sigma, d_gamma = collapsed_absolute(
        carray(root_, (q, q)),
        sigma,
        carray(gamma_, (p,)),
        carray(A_, (J, q, q)),
        carray(B_, (J, q, p + 1)),
        carray(C_, (p + 1, p + 1)),
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
            out[2 + i * q + k] = d_root[i, k]
    for c in range(p):
        out[2 + q * q + c] = d_gamma[c]


llvm.add_symbol(SYMBOL, _collapsed_c.address)
_collapsed_symbol = types.ExternalFunction(SYMBOL, _SIGNATURE)


@njit(cache=True, nogil=True)
def collapsed_native(root, sigma, gamma, A, B, C, n, precision, mean, reading):
    """`collapsed_absolute`, called through its C symbol: same arguments, same results."""
    q = root.shape[0]
    p = gamma.shape[0]
    out = np.empty(2 + q * q + p)
    _collapsed_symbol(
        A.shape[0], q, p, reading, sigma, n, root.ctypes, gamma.ctypes, A.ctypes,
        B.ctypes, C.ctypes, precision.ctypes, mean.ctypes, out.ctypes,
    )  # fmt: skip
    return out[0], out[2 : 2 + q * q].copy().reshape((q, q)), out[1], out[2 + q * q :].copy()
