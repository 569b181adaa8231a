r"""The likelihood of a family's rows, with random effects behind `panel_map`, as a C function.

It has the form of `native`: the latent coordinates z are those of all panels, factor by factor
and group by group, and φ of the family stands in the place of σ.  With u from z

    η = offset + X°γ° + Σ_k Z_k u_k,
    value = Σ ℓ(η, φ) − ½ Σ b'b − Σ log |C| − ½ N log 2π + constant:

log p(y | u, γ, φ), log p(b) and log |∂b/∂z| of N random effects, exact for any pseudo-data.  In
the place of R stands one flat array, `transported_rows`; T and W are not read.  A point at which
something overflows has the value −∞, and no error is raised.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from numba import carray

from hierbayes.compilation import callback, inner, is_on_disk
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.families.rows import SIGNATURE as ROWS
from hierbayes.likelihood.native import SIGNATURE, bits_of, caller_of, pointer_at
from hierbayes.likelihood.panel_map import map_panels, pull_panels
from hierbayes.likelihood.transported_rows import (
    ANCHORED,
    CONSTANT,
    DISPERSION,
    FACTORS,
    HEAD,
    LENGTH,
    ROWS_ADDRESS,
    WIDTH,
)  # fmt: skip

call_rows = caller_of(ROWS)


@inner
def _add_columns(columns, weights, eta):
    """η += Σ_c w_c x_c, columns (len(w), n)."""
    for c in range(weights.shape[0]):
        x, weight = columns[c], weights[c]
        for r in range(eta.shape[0]):
            eta[r] += weight * x[r]


@partial(inner, fastmath={"reassoc"})
def _product(x, y):
    """x'y, added in the order that is quickest."""
    total = 0.0
    for r in range(x.shape[0]):
        total += x[r] * y[r]
    return total


@inner
def _add_effects(columns, codes, u, eta):
    """η += Z u, of Z' (q, n)."""
    for i in range(u.shape[1]):
        z = columns[i]
        for r in range(eta.shape[0]):
            eta[r] += z[r] * u[np.uint64(codes[r]), i]


@inner
def _sum_by_group(columns, codes, slopes, S):
    """S (J, q): Z'ℓ′ of each group."""
    S[:] = 0.0
    for i in range(S.shape[1]):
        z, code, total = columns[i], codes[0], 0.0
        for r in range(slopes.shape[0]):
            if codes[r] != code:  # rows of one group as a rule stand together
                S[np.uint64(code), i] += total
                code, total = codes[r], 0.0
            total += z[r] * slopes[r]
        S[np.uint64(code), i] += total


@inner
def _table(numbers, at, rows, columns):
    """The numbers (rows, columns) at a place of a flat array."""
    return numbers[at : at + rows * columns].reshape((rows, columns))


@inner
def _cube(numbers, at, tables, rows, columns):
    """The numbers (tables, rows, columns) at a place of a flat array."""
    return numbers[at : at + tables * rows * columns].reshape((tables, rows, columns))


@inner
def _block(matrix, start, q):
    """A copy of the diagonal block of a matrix."""
    block = room_for((q, q))
    for i in range(q):
        for k in range(q):
            block[i, k] = matrix[start + i, start + k]
    return block


@inner
def _sizes(data, k):
    """q, J, first effect and first z of the factor mapped as number k."""
    at = HEAD + 4 * k
    return int(data[at]), int(data[at + 1]), int(data[at + 2]), int(data[at + 3])


@inner
def _map_factors(data, at, n, root, gamma, z, C, AL, b, u, eta):
    """Fill C, AL, b and u of all factors, and add Z u to η, zero before; see `map_panels`."""
    value, square, p = 0.0, 0, gamma.shape[0]
    for k in range(int(data[FACTORS])):
        q, J, start, place = _sizes(data, k)
        A, mine, e = at + (q + 2) * n, _table(u, place, J, q), zeros_of((J, q))
        Z, codes = _table(data, at, q, n), data[at + q * n : at + (q + 1) * n]
        if k > 0:
            _sum_by_group(Z, codes, data[at + (q + 1) * n : A] * eta, e)
        B = A + J * q * q
        value += map_panels(
            _block(root, start, q), gamma, _cube(data, A, J, q, q), _cube(data, B, J, q, p + 1),
            e, _table(z, place, J, q), _cube(C, square, J, q, q), _cube(AL, square, J, q, q),
            _cube(b, 3 * place, 3, J, q), mine,
        )  # fmt: skip
        _add_effects(Z, codes, mine, eta)
        at, square = B + J * q * (p + 1), square + J * q * q
    return value, at, square


@inner
def _pull_factors(data, at, square, n, root, C, AL, b, S, slopes, d_root, d_gamma, d_z):
    """Fill ∂/∂L and ∂/∂z, and add ∂/∂γ, factor by factor from the last; slopes (n,) is ∂/∂η.

    What effects say of factors that are mapped after them is added to the slopes.
    """
    p = d_gamma.shape[0]
    for back in range(int(data[FACTORS])):
        k = int(data[FACTORS]) - 1 - back
        q, J, start, place = _sizes(data, k)
        B, square = at - J * q * (p + 1), square - J * q * q
        at = B - J * q * q - (q + 2) * n
        Z, codes = _table(data, at, q, n), data[at + q * n : at + (q + 1) * n]
        mine, d_L = _table(S, place, J, q), zeros_of((q, q))
        _sum_by_group(Z, codes, slopes, mine)
        pull_panels(
            _block(root, start, q), _cube(data, B, J, q, p + 1), _cube(C, square, J, q, q),
            _cube(AL, square, J, q, q), _cube(b, 3 * place, 3, J, q), mine, d_L, d_gamma,
            _table(d_z, place, J, q),
        )  # fmt: skip
        for i in range(q):
            for h in range(q):
                d_root[start + i, start + h] = d_L[i, h]
        if k > 0:
            passed = zeros_of(n)
            _add_effects(Z, codes, mine, passed)
            slopes -= data[at + (q + 1) * n : at + (q + 2) * n] * passed


@inner
def _transported(data, root, gamma, phi, z, d_root, d_gamma, d_z):
    """Value and ∂/∂σ; fills the other derivatives, which are zero before.

    Behind γ° stand the dispersion parameters after the first, which is σ.
    """
    n, factors, d = int(data[LENGTH]), int(data[FACTORS]), int(data[DISPERSION])
    first = int(data[ANCHORED])
    p, D = gamma.shape[0] - max(d - 1, 0), d + first
    N, squares = z.shape[0], 0
    for k in range(factors):
        q, J, _, _ = _sizes(data, k)
        squares += q * q * J
    C, AL, b, u = room_for(squares), room_for(squares), room_for(3 * N), room_for(N)
    y = HEAD + 4 * factors
    offset = y + (1 + int(data[WIDTH])) * n
    X, eta = offset + n, zeros_of(n)
    value, end, square = _map_factors(data, X + p * n, n, root, gamma[:p], z, C, AL, b, u, eta)
    value += data[CONSTANT] - 0.5 * N * np.log(2.0 * np.pi)
    if not np.isfinite(value):
        return -np.inf, 0.0
    columns = _table(data, X, p, n)
    eta += data[offset:X]
    _add_columns(columns, gamma[:p], eta)
    rows, dispersion = zeros_of(1 + D + n), zeros_of(D + 1)
    for i in range(d):
        dispersion[first + i] = phi if i == 0 else gamma[p + i - 1]
        if first:
            dispersion[first + i] += dispersion[i]
    call_rows(
        pointer_at(data, ROWS_ADDRESS),
        (n, D, pointer_at(data, y), pointer_at(data, y + n), pointer_at(eta, 0),
         pointer_at(dispersion, 0), pointer_at(rows, 0)),
    )  # fmt: skip
    value += rows[0]
    if not (np.isfinite(value) and np.isfinite(dispersion[D]) and np.isfinite(eta[0])):  # alive
        return -np.inf, 0.0
    slopes = rows[1 + D :]
    for c in range(p):
        d_gamma[c] += _product(columns[c], slopes)
    _pull_factors(data, end, square, n, root, C, AL, b, u, slopes, d_root, d_gamma[:p], d_z)
    d_first = 0.0
    for i in range(d):
        slope = rows[1 + first + i]
        if first:
            for k in range(i + 1, d):
                slope += rows[1 + first + k]
        if i == 0:
            d_first = slope
        else:
            d_gamma[p + i - 1] += slope
    return value, d_first


def _transported_c(
    size, q, p, m, reading, sigma, n, root_, gamma_, latent_, change_, rows_, T_, W_, precision_,
    mean_, out_,
):  # fmt: skip
    """`_transported` with L = change @ root, in the form of `native`."""
    root, change = carray(root_, (q, q)), carray(change_, (q, q))
    out = carray(out_, (2 + q * q + p + m,))
    out[:] = 0.0
    L, d_L, end = zeros_of((q, q)), zeros_of((q, q)), 2 + q * q + p
    for i in range(q):
        for k in range(q):
            for h in range(q):
                L[i, k] += change[i, h] * root[h, k]
    out[0], out[1] = _transported(
        carray(rows_, (size,)), L, carray(gamma_, (p,)), sigma, carray(latent_, (m,)), d_L,
        out[2 + q * q : end], out[end:],
    )  # fmt: skip
    for i in range(q):
        for k in range(q):
            for h in range(q):
                out[2 + i * q + k] += change[h, i] * d_L[h, k]


@cache
def provide() -> Any:
    """The likelihood as a C function: compiled once on a machine, then loaded."""
    return callback(SIGNATURE)(_transported_c)


def address() -> float:
    """Its address, as the float of the same bits."""
    return bits_of(provide().address)


def is_compiled() -> bool:
    """Whether the machine code is on disk already."""
    return is_on_disk(_transported_c, SIGNATURE)
