"""The log density of every model with built-in priors: one compiled function, fed with data.

All that distinguishes one model from another is data (`density_layout`): sizes, families and
transforms too.  So nothing is compiled for another number of effects, another structure or
another prior, and the machine code is made once and kept on disk.  `_evaluate` stands behind
a C symbol, so that the callbacks a sampler takes merely call it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import llvmlite.binding as llvm
import numpy as np
from numba import carray, types

from hierbayes.compilation import callback, inner, is_kept, is_on_disk
from hierbayes.compiled_arrays import room_for
from hierbayes.compiling_process import provided_beside
from hierbayes.display.steps import announce
from hierbayes.estimation import density_kernels, density_layout, normalised_rows, shares_kernels
from hierbayes.estimation.density_kernels import density_along
from hierbayes.estimation.density_layout import Head
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood import native
from hierbayes.priors import joint_kernels, scalar_density

SYMBOL = "hierbayes_log_density"
_KERNELS = (density_kernels, density_layout, normalised_rows, shares_kernels, joint_kernels,
            scalar_density)  # fmt: skip
_pointer = types.CPointer(types.float64)
_EVALUATE = types.void(types.boolean, types.boolean, _pointer, _pointer, _pointer)
_LOG_DENSITY = types.int64(types.uint64, _pointer, _pointer, _pointer, _pointer)
_EXPAND = types.int64(types.uint64, types.uint64, _pointer, _pointer, _pointer)
_evaluate_symbol = types.ExternalFunction(SYMBOL, _EVALUATE)
_COORDINATES, _LATENT, _EFFECTS, _TERMS = map(
    int, (Head.COORDINATES, Head.LATENT, Head.EFFECTS, Head.TERMS)
)


@dataclass(frozen=True, slots=True, eq=False)
class Callbacks:
    """The log density as C functions (numba's CFunc).

    Parameters
    ----------
    evaluate : (with_gradient, along, x, data, out) -> nothing
        See `density_kernels.density_along`.
    log_density : (dim, w, gradient, value, data) -> status
        As nutpie calls it: 0, or why the point is refused: 3 for a gradient that is not
        finite, 4 for such a value.  x is w, or an affine function
        of it.
    expand : (dim, expanded, w, out, data) -> status
        Root, σ, γ and the latent coordinates there.
    """

    evaluate: Any
    log_density: Any
    expand: Any


@contextmanager
def compiled_beside(likelihood: str, is_there: bool, *, progress: bool) -> Iterator[None]:
    """Have another process compile a likelihood while the block runs; at its end `callbacks` are.

    Parameters
    ----------
    likelihood : str
        Name of the module that provides it.
    is_there : bool
        Whether its machine code is on disk already.
    progress : bool
        Whether to say so when something is compiled.
    """
    if progress and not (is_there and is_compiled()):
        announce("compiling the log density, once on this machine: 10 to 40 s")
    if is_there or not is_kept(_log_density):
        yield
        callbacks()
        return
    with provided_beside(likelihood):
        yield
        callbacks()


@cache
def callbacks() -> Callbacks:
    """The C functions: compiled once on a machine, then loaded."""
    evaluate = callback(_EVALUATE)(_evaluate_of(_key()))
    llvm.add_symbol(SYMBOL, evaluate.address)
    return Callbacks(
        evaluate,
        callback(_LOG_DENSITY)(_log_density),
        callback(_EXPAND)(_expand),
    )


def is_compiled() -> bool:
    """Whether the machine code of the likelihood and of the density is on disk already."""
    return is_on_disk(_evaluate_of(_key()), _EVALUATE)


def density_at(x: Floats, data: Floats) -> tuple[float, Floats, Floats]:
    """Value, gradient (n,) and parameters at one point x.

    The parameters are root (q, q), σ, γ (p,) and the latent coordinates (m,), raveled.
    """
    n, m, q, p = _sizes.py_func(data)
    out = np.empty(2 + n + q * q + p + m)
    pointers = [
        np.ascontiguousarray(array, np.float64).ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        for array in (x, data, out)
    ]
    callbacks().evaluate.ctypes(True, False, *pointers)
    return float(out[0]), out[1 : 1 + n], out[1 + n :]


@inner
def _sizes(head):
    """Numbers of all coordinates and of latent ones, of random and of fixed effects."""
    return int(head[_COORDINATES]), int(head[_LATENT]), int(head[_EFFECTS]), int(head[_TERMS])


@cache
def _key() -> int:
    """Changes with any of the kernels: numba itself looks at the file of the caller alone."""
    sources = [Path(str(module.__file__)).read_bytes() for module in _KERNELS]
    return crc32(native.SYMBOL.encode() + b"".join(sources))


@cache
def _evaluate_of(key: int) -> Any:
    """The function behind the symbol; what it closes over is part of what it is cached under."""

    def _evaluate(with_gradient, along, x_, data_, out_):
        if key < 0:
            return
        data = carray(data_, (int(carray(data_, (1,))[0]),))
        n, m, q, p = _sizes(data)
        x, out = carray(x_, (n,)), carray(out_, (2 + n + q * q + p + m,))
        density_along(with_gradient, along, x, data, out)

    return _evaluate


def _log_density(dim, w_, gradient_, value_, data_):
    n, m, q, p = _sizes(carray(data_, (_TERMS + 1,)))
    out = room_for(2 + n + q * q + p + m)
    _evaluate_symbol(True, True, w_, data_, out.ctypes)
    carray(value_, (1,))[0] = out[0]
    if not np.isfinite(out[0]):
        return 4
    gradient = carray(gradient_, (n,))
    for i in range(n):
        gradient[i] = out[1 + i]
        if not np.isfinite(out[1 + i]):
            return 3
    return 0


def _expand(dim, expanded, w_, out_, data_):
    n, m, q, p = _sizes(carray(data_, (_TERMS + 1,)))
    out = room_for(2 + n + q * q + p + m)
    _evaluate_symbol(False, True, w_, data_, out.ctypes)
    parameters = carray(out_, (expanded,))
    for i in range(expanded):
        parameters[i] = out[1 + n + i]
    return 0
