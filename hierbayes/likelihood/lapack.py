"""Dense factorisations by LAPACK, as compiled code calls them.

Matrices are row-major: their lower triangle is the upper one of what LAPACK sees.  The routines
are those that SciPy hands to Cython; behind symbols of our own, so that machine code which calls
them can be kept on disk.
"""

from __future__ import annotations

import math

import llvmlite.binding as llvm
import numpy as np
from numba import types
from numba.extending import get_cython_function_address

from hierbayes.compilation import inner, lent, lent_in_loop
from hierbayes.compiled_arrays import c_integers_of
from hierbayes.design.elimination import SMALL
from hierbayes.likelihood.native import pointer_at

_doubles, _ints = types.CPointer(types.float64), types.CPointer(types.int32)
_letters = types.CPointer(types.uint8)


def _routine(library: str, name: str, *arguments: types.Type) -> types.ExternalFunction:
    symbol = f"hierbayes_{name}"
    llvm.add_symbol(symbol, get_cython_function_address(f"scipy.linalg.{library}", name))
    return types.ExternalFunction(symbol, types.void(*arguments))


_potrf = _routine("cython_lapack", "dpotrf", _letters, _ints, _doubles, _ints, _ints)
_potri = _routine("cython_lapack", "dpotri", _letters, _ints, _doubles, _ints, _ints)
_trsm = _routine(
    "cython_blas", "dtrsm", _letters, _letters, _letters, _letters, _ints, _ints, _doubles,
    _doubles, _ints, _doubles, _ints,
)  # fmt: skip
_LETTERS = np.frombuffer(b"ULNT", np.uint8)  # constants of the machine code: always there
_UPPER, _LEFT, _NO, _TRANSPOSED = range(4)
_ONE = np.ones(1)


@inner
def _sizes(first, second):
    """Two sizes, and room for what went wrong: read after a call, so that it is alive then."""
    sizes = c_integers_of(3)
    sizes[0], sizes[1] = first, second
    return sizes


@inner
def _factor_large(a, at, n):
    """That of a large matrix, by LAPACK."""
    sizes = _sizes(n, 0)
    _potrf(
        pointer_at(_LETTERS, _UPPER), pointer_at(sizes, 0), pointer_at(a, at),
        pointer_at(sizes, 0), pointer_at(sizes, 2),
    )  # fmt: skip
    return sizes[2] == 0 and math.isfinite(a[at + n * n - 1])


@lent_in_loop
def factor_lower(a, at, n):
    """Cholesky factor of the (n, n) matrix at a place of a flat array, over its lower triangle.

    False where a pivot is not a positive finite number.
    """
    if n > SMALL:
        return _factor_large(a, at, n)
    for i in range(n):
        for j in range(i + 1):
            total = a[at + i * n + j]
            for k in range(j):
                total -= a[at + i * n + k] * a[at + j * n + k]
            if i == j:
                if not (total > 0.0 and total < np.inf):
                    return False
                a[at + i * n + i] = math.sqrt(total)
            else:
                a[at + i * n + j] = total / a[at + j * n + j]
    return True


@inner
def _solve_large(a, at, n, b, place, k, letter):
    """Those of a large L, by LAPACK."""
    sizes = _sizes(n, k)
    _trsm(
        pointer_at(_LETTERS, _LEFT), pointer_at(_LETTERS, _UPPER),
        pointer_at(_LETTERS, letter), pointer_at(_LETTERS, _NO),
        pointer_at(sizes, 0), pointer_at(sizes, 1), pointer_at(_ONE, 0), pointer_at(a, at),
        pointer_at(sizes, 0), pointer_at(b, place), pointer_at(sizes, 0),
    )  # fmt: skip
    return sizes[2] == 0


@lent
def solve_rows(a, at, n, b, place, k):
    """Each of k rows (n,) x of b becomes L⁻¹x; L (n, n) at a place of a."""
    if n > SMALL:
        return _solve_large(a, at, n, b, place, k, np.int64(_TRANSPOSED))
    for c in range(k):
        o = place + c * n
        for i in range(n):
            total = b[o + i]
            for j in range(i):
                total -= a[at + i * n + j] * b[o + j]
            b[o + i] = total / a[at + i * n + i]
    return True


@lent
def solve_rows_transposed(a, at, n, b, place, k):
    """Each of k rows (n,) x of b becomes L'⁻¹x; L (n, n) at a place of a."""
    if n > SMALL:
        return _solve_large(a, at, n, b, place, k, np.int64(_NO))
    for c in range(k):
        o = place + c * n
        for i in range(n - 1, -1, -1):
            total = b[o + i]
            for j in range(i + 1, n):
                total -= a[at + j * n + i] * b[o + j]
            b[o + i] = total / a[at + i * n + i]
    return True


@inner
def _invert_large(a, at, n):
    """That of a large L, by LAPACK."""
    sizes = _sizes(n, 0)
    _potri(
        pointer_at(_LETTERS, _UPPER), pointer_at(sizes, 0), pointer_at(a, at),
        pointer_at(sizes, 0), pointer_at(sizes, 2),
    )  # fmt: skip
    return sizes[2] == 0


@lent_in_loop
def invert_from_factor(a, at, n):
    """(LL')⁻¹ over the lower triangle, from L (n, n) at a place of a."""
    if n > SMALL:
        return _invert_large(a, at, n)
    for c in range(n):  # L⁻¹ in place, column by column
        a[at + c * n + c] = 1.0 / a[at + c * n + c]
        for i in range(c + 1, n):
            total = 0.0
            for k in range(c, i):
                total -= a[at + i * n + k] * a[at + k * n + c]
            a[at + i * n + c] = total / a[at + i * n + i]
    for i in range(n):  # L'⁻¹L⁻¹ row by row, the diagonal last: rows below are L⁻¹ still
        for j in range(i + 1):
            total = 0.0
            for k in range(i, n):
                total += a[at + k * n + i] * a[at + k * n + j]
            a[at + i * n + j] = total
    return True
