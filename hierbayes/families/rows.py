"""The loops over rows of any family, made of its two formulas and kept on disk.

A family gives ``row(y, m, eta, phi)``, which returns ℓ, ℓ′, ℓ″ and ℓ‴ of one row by η, and
``row_phi(y, m, eta, phi, out)``, which fills ``out`` (3, d) with ∂ℓ/∂φ, ∂ℓ′/∂φ and ∂ℓ″/∂φ.  Two
C functions are made of them: *rows*, the sums that a sampler needs, and *derivatives*, everything
by row.  They are called by their address, so that whatever calls them is compiled once for all
families.
"""

from __future__ import annotations

from ctypes import CFUNCTYPE, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
from numba import carray, types

from hierbayes.compilation import callback, inner, is_on_disk
from hierbayes.frames.arrays import Floats

_pointer = types.CPointer(types.float64)
# n, d, y (n,), m (n,), η (n,), φ (d,), out
_PROTOTYPE = CFUNCTYPE(None, c_int64, c_int64, *[c_void_p] * 5)
SIGNATURE = types.void(types.int64, types.int64, *[_pointer] * 5)


@dataclass(frozen=True)
class Formulas:
    """The compiled formulas of a family with a link.

    Attributes
    ----------
    name : str
        Name of family and link, of letters, digits and underscores.
    row, row_phi : compiled functions
        As the module says.
    sums : compiled function, optional
        ``sums(y, m, eta, first)`` returns Σℓ and fills ``first`` with ℓ′ of all rows of a family
        without dispersion, where that is quicker at once than row by row.
    slopes : compiled function, optional
        ``slopes(y, m, eta, phi, out)`` returns ℓ and ℓ′ of one row and fills ``out`` (d,) with
        ∂ℓ/∂φ, where that is quicker than by ``row`` and ``row_phi``.
    each : compiled function, optional
        ``each(y, m, eta, out)`` fills ``out`` (4, n) with ℓ, ℓ′, ℓ″ and ℓ‴ of all rows of a family
        without dispersion, likewise.
    shared : int, optional
        Where the last φ of ``row`` is a row's own number: how many φ come before it.  m is (n, 1 +
        k) then: the size of a row, and k columns whose products with the further φ add up to it.
    """

    name: str
    row: Any
    row_phi: Any
    sums: Any = None
    slopes: Any = None
    shared: int | None = None
    each: Any = None


@inner
def no_dispersion(y, m, eta, phi, out):
    """``row_phi`` of a family without dispersion."""


_PARTS = ("row", "row_phi", "sums", "each", "slopes", "shared")
row: Any = None  # of the family: each copy of the functions below has its own
row_phi: Any = None
sums: Any = None
each: Any = None
slopes: Any = None
shared: Any = None


def _rows(n, d, y_, m_, eta_, phi_, out_):
    """Out (1 + d + n,): Σℓ, its derivatives by φ, ℓ′ of each row; −∞ where Σℓ overflows."""
    y, m, eta, phi = carray(y_, (n,)), carray(m_, (n,)), carray(eta_, (n,)), carray(phi_, (d,))
    out = carray(out_, (1 + d + n,))
    by_phi = np.empty((3, d))
    total = 0.0
    for c in range(d):
        out[1 + c] = 0.0
    for i in range(n):
        value, first, _, _ = row(y[i], m[i], eta[i], phi)
        total += value
        out[1 + d + i] = first
        if d > 0:
            row_phi(y[i], m[i], eta[i], phi, by_phi)
            for c in range(d):
                out[1 + c] += by_phi[0, c]
    out[0] = total if abs(total) < np.inf else -np.inf


def _rows_at_once(n, d, y_, m_, eta_, phi_, out_):
    """Out (1 + n,) as of `_rows`, by ``sums``."""
    out = carray(out_, (1 + n,))
    total = sums(carray(y_, (n,)), carray(m_, (n,)), carray(eta_, (n,)), out[1:])
    out[0] = total if abs(total) < np.inf else -np.inf


def _rows_by_slopes(n, d, y_, m_, eta_, phi_, out_):
    """Out (1 + d + n,) as of `_rows`, by ``slopes``."""
    y, m, eta, phi = carray(y_, (n,)), carray(m_, (n,)), carray(eta_, (n,)), carray(phi_, (d,))
    out = carray(out_, (1 + d + n,))
    by_phi = np.empty(d)
    total = 0.0
    for c in range(d):
        out[1 + c] = 0.0
    for i in range(n):
        value, first = slopes(y[i], m[i], eta[i], phi, by_phi)
        total += value
        out[1 + d + i] = first
        for c in range(d):
            out[1 + c] += by_phi[c]
    out[0] = total if abs(total) < np.inf else -np.inf


def _derivatives(n, d, y_, m_, eta_, phi_, out_):
    """Out (4 + 3d, n): ℓ, ℓ′, ℓ″, ℓ‴; then the d derivatives by φ of ℓ, of ℓ′ and of ℓ″."""
    y, m, eta, phi = carray(y_, (n,)), carray(m_, (n,)), carray(eta_, (n,)), carray(phi_, (d,))
    out = carray(out_, (4 + 3 * d, n))
    by_phi = np.empty((3, d))
    for i in range(n):
        out[0, i], out[1, i], out[2, i], out[3, i] = row(y[i], m[i], eta[i], phi)
        if d > 0:
            row_phi(y[i], m[i], eta[i], phi, by_phi)
            for k in range(3):
                for c in range(d):
                    out[4 + k * d + c, i] = by_phi[k, c]


def _derivatives_at_once(n, d, y_, m_, eta_, phi_, out_):
    """Out (4, n) as of `_derivatives`, by ``each``."""
    each(carray(y_, (n,)), carray(m_, (n,)), carray(eta_, (n,)), carray(out_, (4, n)))


def _rows_of_columns(n, d, y_, m_, eta_, phi_, out_):
    """Out (1 + d + n,) as of `_rows`, where the last φ of a row is made of columns."""
    k, y, eta, phi = d - shared, carray(y_, (n,)), carray(eta_, (n,)), carray(phi_, (d,))
    m, out = carray(m_, (n, 1 + k)), carray(out_, (1 + d + n,))
    own, by_phi = np.empty(shared + 1), np.empty((3, shared + 1))
    own[:shared] = phi[:shared]
    total = 0.0
    for c in range(d):
        out[1 + c] = 0.0
    for i in range(n):
        own[shared] = 0.0
        for c in range(k):
            own[shared] += m[i, 1 + c] * phi[shared + c]
        value, first, _, _ = row(y[i], m[i, 0], eta[i], own)
        row_phi(y[i], m[i, 0], eta[i], own, by_phi)
        total += value
        out[1 + d + i] = first
        for c in range(shared):
            out[1 + c] += by_phi[0, c]
        for c in range(k):
            out[1 + shared + c] += m[i, 1 + c] * by_phi[0, shared]
    out[0] = total if abs(total) < np.inf else -np.inf


def _derivatives_of_columns(n, d, y_, m_, eta_, phi_, out_):
    """Out (4 + 3d, n) as of `_derivatives`, where the last φ of a row is made of columns."""
    k, y, eta, phi = d - shared, carray(y_, (n,)), carray(eta_, (n,)), carray(phi_, (d,))
    m, out = carray(m_, (n, 1 + k)), carray(out_, (4 + 3 * d, n))
    own, by_phi = np.empty(shared + 1), np.empty((3, shared + 1))
    own[:shared] = phi[:shared]
    for i in range(n):
        own[shared] = 0.0
        for c in range(k):
            own[shared] += m[i, 1 + c] * phi[shared + c]
        out[0, i], out[1, i], out[2, i], out[3, i] = row(y[i], m[i, 0], eta[i], own)
        row_phi(y[i], m[i, 0], eta[i], own, by_phi)
        for h in range(3):
            for c in range(shared):
                out[4 + h * d + c, i] = by_phi[h, c]
            for c in range(k):
                out[4 + h * d + shared + c, i] = m[i, 1 + c] * by_phi[h, shared]


def rows_address(formulas: Formulas) -> int:
    """Address of the C function *rows* of a family: compiled once on a machine, then loaded."""
    return _compiled(_rows_of(formulas), formulas).address


def is_compiled(formulas: Formulas) -> bool:
    """Whether the machine code of both functions is on disk."""
    templates = (_rows_of(formulas), _derivatives_by(formulas))
    return all(is_on_disk(_copy(one, formulas), SIGNATURE) for one in templates)


def sums_are_compiled(formulas: Formulas) -> bool:
    """Whether the machine code of *rows* is on disk."""
    return is_on_disk(_copy(_rows_of(formulas), formulas), SIGNATURE)


def derivatives_address(formulas: Formulas) -> int:
    """Address of the C function *derivatives* of a family, likewise."""
    return _compiled(_derivatives_by(formulas), formulas).address


def derivatives(formulas: Formulas, y: Floats, m: Floats, eta: Floats, phi: Floats) -> Floats:
    """ℓ, ℓ′, ℓ″, ℓ‴ and the derivatives of the first three by φ, as (4 + 3d, n)."""
    y, m, eta, phi = (np.ascontiguousarray(one, dtype=float) for one in (y, m, eta, phi))
    if not y.shape == m.shape[:1] == eta.shape:
        raise ValueError(f"y, m and eta differ in shape: {y.shape}, {m.shape}, {eta.shape}")
    out = np.empty((4 + 3 * len(phi), len(y)))
    addresses = [one.__array_interface__["data"][0] for one in (y, m, eta, phi, out)]
    _derivatives_of(formulas)(len(y), len(phi), *addresses)
    return out


@cache
def _derivatives_of(formulas: Formulas) -> Any:
    """The second C function, called with addresses."""
    return _PROTOTYPE(derivatives_address(formulas))


def _derivatives_by(formulas: Formulas) -> Any:
    if formulas.shared is not None:
        return _derivatives_of_columns
    return _derivatives if formulas.each is None else _derivatives_at_once


def _rows_of(formulas: Formulas) -> Any:
    if formulas.shared is not None:
        return _rows_of_columns
    if formulas.slopes is not None:
        return _rows_by_slopes
    return _rows if formulas.sums is None else _rows_at_once


@cache
def _compiled(template: FunctionType, formulas: Formulas) -> Any:
    return callback(SIGNATURE)(_copy(template, formulas))


@cache
def _copy(template: FunctionType, formulas: Formulas) -> FunctionType:
    """The function for one family.

    Its name holds the family's.  One process finds what another has compiled by the name of the
    function, so that no two may share one.
    """
    own = {
        name: getattr(formulas, name)
        for name in ("row", "row_phi", "sums", "slopes", "shared", "each")
    }
    name = f"{template.__name__}_{formulas.name}"
    copy = FunctionType(template.__code__, template.__globals__ | own, name)
    copy.__qualname__ = name
    return copy
