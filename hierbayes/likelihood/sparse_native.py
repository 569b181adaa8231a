"""The likelihood of several grouping factors as a C function of the form of `native`.

It takes the order of elimination, packed into whole numbers, where that of one factor takes R;
the cross-products where it takes T; and [X y]'[X y] where it takes W.  So whatever calls a
likelihood by its address calls either.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import llvmlite.binding as llvm
import numpy as np
from numba import carray, types
from numba.extending import intrinsic

from hierbayes.compilation import callback, compiled, inner, is_on_disk
from hierbayes.design.elimination_order import Elimination
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood import lapack, native, sparse_kernels
from hierbayes.likelihood.native import SIGNATURE, pointer_at
from hierbayes.likelihood.sparse_kernels import sparse_collapsed

_SOURCES = (__file__, lapack.__file__, sparse_kernels.__file__)
VERSION = crc32(native.SYMBOL.encode() + b"".join(Path(str(p)).read_bytes() for p in _SOURCES))
SYMBOL = f"hierbayes_sparse_density_{VERSION}"
_HEAD = 10
_ARRAYS = ("q", "start", "nodes", "ancestors", "component", "maps", "core", "components",
           "blocks", "offsets")  # fmt: skip


def packed(e: Elimination) -> Floats:
    """Where everything stands as one array: the bits of whole numbers, called floats."""
    head = [
        len(e.q), *e.ancestors.shape, len(e.maps), len(e.core), len(e.components), len(e.blocks),
        e.size, e.effects, len(e.products),
    ]  # fmt: skip
    parts = [np.asarray(head), *(getattr(e, name).ravel() for name in _ARRAYS)]
    return np.concatenate(parts).astype(np.int64).view(np.float64)


@intrinsic
def _as_integers(typing_context, pointer):
    """The same address, of whole numbers."""
    whole = types.CPointer(types.int64)

    def cast(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return whole(pointer), cast


@inner
def _unpacked(index, products, C):
    """The `Elimination` of packed whole numbers."""
    K, N, r, n_maps, n_core, M, B = (
        index[0], index[1], index[2], index[3], index[4], index[5], index[6],
    )  # fmt: skip
    at = _HEAD
    q, start = index[at : at + K], index[at + K : at + 2 * K]
    at += 2 * K
    nodes = index[at : at + 7 * N].reshape((N, 7))
    at += 7 * N
    ancestors = index[at : at + N * r].reshape((N, r))
    at += N * r
    component, maps = index[at : at + N], index[at + N : at + N + n_maps]
    at += N + n_maps
    core = index[at : at + n_core]
    at += n_core
    components = index[at : at + 2 * M].reshape((M, 2))
    at += 2 * M
    blocks = index[at : at + 8 * B].reshape((B, 8))
    at += 8 * B
    offsets = index[at : at + N + M]
    return Elimination(
        q, start, nodes, ancestors, component, maps, core, components, blocks, products, offsets,
        C, index[7], index[8],
    )  # fmt: skip


def _sparse_of(version):
    """The C function; ``version``, closed over, is part of what it is cached under."""

    def _sparse_c(
        size, q, p, m, reading, sigma, n, root_, gamma_, latent_, change_, index_, products_, C_,
        precision_, mean_, out_,
    ):  # fmt: skip
        root, change = carray(root_, (q, q)), carray(change_, (q, q))
        out = carray(out_, (2 + q * q + p,))
        out[0] = version
        internal = change @ root
        index = carray(_as_integers(index_), (size,))
        e = _unpacked(index, carray(products_, (index[_HEAD - 1],)), carray(C_, (p + 1, p + 1)))
        value, d_internal, d_sigma, d_gamma = sparse_collapsed(
            internal, sigma, carray(gamma_, (p,)), e, n, carray(precision_, (p, p)),
            carray(mean_, (p,)), reading,
        )  # fmt: skip
        out[0], out[1] = value, d_sigma
        d_root = change.T @ d_internal
        for i in range(q):
            for k in range(q):
                out[2 + i * q + k] = d_root[i, k]
        for c in range(p):
            out[2 + q * q + c] = d_gamma[c]

    return _sparse_c


def _native_of(version):
    """The C function as an array function; ``version`` as above."""

    @compiled()
    def sparse_native(root, sigma, gamma, to_internal, index, products, C, n, precision, mean,
                      reading):  # fmt: skip
        """`sparse_collapsed` at ``to_internal @ root``, called through its C symbol.

        Returns the value, ∂/∂root (Q, Q), ∂/∂σ and ∂/∂γ (p,).
        """
        q, p = root.shape[0], gamma.shape[0]
        out = np.empty(2 + q * q + p)
        out[0] = version
        sparse_likelihood(
            index.shape[0], q, p, 0, reading, sigma, n, pointer_at(root, 0), pointer_at(gamma, 0),
            pointer_at(gamma, p), pointer_at(to_internal, 0), pointer_at(index, 0),
            pointer_at(products, 0), pointer_at(C, 0), pointer_at(precision, 0),
            pointer_at(mean, 0), pointer_at(out, 0),
        )  # fmt: skip
        return out[0], out[2 : 2 + q * q].copy().reshape((q, q)), out[1], out[2 + q * q :].copy()

    return sparse_native


sparse_likelihood = types.ExternalFunction(SYMBOL, SIGNATURE)
sparse_native = _native_of(VERSION)
_sparse_c = _sparse_of(VERSION)


@cache
def provide() -> Any:
    """Put the likelihood behind its symbol: compiled once on a machine, then loaded."""
    function = callback(SIGNATURE)(_sparse_c)
    llvm.add_symbol(SYMBOL, function.address)
    return function


def is_compiled() -> bool:
    """Whether the machine code is on disk already."""
    return is_on_disk(_sparse_c, SIGNATURE)
