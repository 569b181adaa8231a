"""The likelihood of several grouping factors as a C function of the form of `native`.

It takes the order of elimination, packed into whole numbers, where that of one factor takes R;
the cross-products where it takes T; and [X y]'[X y] where it takes W.  So whatever calls a
likelihood by its address calls either.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numba import carray, types
from numba.extending import intrinsic

from hierbayes.code_version import version_of
from hierbayes.compilation import callback, inner, is_on_disk
from hierbayes.design.elimination import Elimination
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.native import SIGNATURE, array_form
from hierbayes.likelihood.sparse_collapsed import sparse_collapsed

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
        q, start, nodes, ancestors, component, maps, core, components, blocks, offsets,
        index[7], index[8], products, C,
    )  # fmt: skip


def _sparse_c(
    size, q, p, m, reading, sigma, n, root_, gamma_, latent_, change_, index_, products_, C_,
    precision_, mean_, out_,
):  # fmt: skip
    root, change = carray(root_, (q, q)), carray(change_, (q, q))
    out = carray(out_, (2 + q * q + p,))
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


VERSION = version_of(_sparse_c)
SYMBOL = f"hierbayes_sparse_density_{VERSION}"
sparse_native = array_form(types.ExternalFunction(SYMBOL, SIGNATURE))


@cache
def provide() -> Any:
    """Put the likelihood behind its symbol: compiled once on a machine, then loaded."""
    function = callback(SIGNATURE)(_sparse_c)
    llvm.add_symbol(SYMBOL, function.address)
    return function


def is_compiled() -> bool:
    """Whether the machine code is on disk already."""
    return is_on_disk(_sparse_c, SIGNATURE)
