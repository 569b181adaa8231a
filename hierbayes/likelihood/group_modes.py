"""Laplace's approximation for one grouping factor and one linear predictor, compiled.

The same Newton's method and the same gradient as those of `laplace`, group by group.  `laplace` is
asked where no mode is found here: where M is not positive definite with the weights observed, or
no step climbs.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.native import pointer_at
from hierbayes.likelihood.transported import call_rows
from hierbayes.likelihood.triangular import cholesky_in_place


class GroupMode(NamedTuple):
    """Spherical effects b (effects,), η (n,), derivatives (4 + 3d, n), and A, M and C (J, q, q)."""

    b: Floats
    eta: Floats
    found: Floats
    A: Floats
    M: Floats
    C: Floats


def group_mode(
    rows: LatentRows, fixed: Floats, root: Floats, phi: Floats, start: Floats, tolerance: float
) -> GroupMode | None:
    """The mode at one point, from spherical effects ``start``; None where none is found.

    Parameters
    ----------
    rows : LatentRows
        Of one grouping factor and one linear predictor.
    fixed : (n,) float
        η without random effects.
    root : (q, q) float
    phi : (d,) float
    start : (effects,) float
    tolerance : float
        Of half the squared length of a Newton step, beside the log density.
    """
    y, m, Z, codes, slot = rows.of_groups
    (J,), (n, q), d = rows.levels, Z.shape, len(phi)
    b, step, trial, u = np.empty((4, J, q))
    b[:] = start.reshape(J, q)
    A, M, C = np.empty((3, J, q, q))
    eta, found = np.empty(n), np.empty((4 + 3 * d, n))
    dispersion = np.empty(d + 1)  # one more, so that there is something to point at
    dispersion[:d] = phi
    reached = _climb_groups(
        slot, y, m, dispersion, d, fixed, Z, codes, root, tolerance, rows.log_constant, b, step,
        trial, u, eta, found, A, M, C,
    )  # fmt: skip
    return GroupMode(b.ravel(), eta, found, A, M, C) if np.isfinite(reached) else None


def group_gradient(
    rows: LatentRows, root: Floats, at: GroupMode
) -> tuple[float, Floats, Floats, Floats]:
    """Value, but for what the responses alone add, ∂γ (p,), ∂L (q, q) and ∂φ (d,) at a mode."""
    _, _, Z, codes, _ = rows.of_groups
    d_gamma, d_root = np.zeros(rows.X.shape[1]), np.zeros(root.shape)
    d_phi = np.zeros((len(at.found) - 4) // 3)
    value = _gradient_of_groups(
        rows.X, Z, codes, root, at.b.reshape(len(at.A), -1), at.found, at.A, at.C,
        np.empty((2, *at.A.shape)), np.zeros((3, *at.A.shape[:2])), np.empty((2, rows.n)),
        d_gamma, d_root, d_phi,
    )  # fmt: skip
    return value, d_gamma, d_root, d_phi


@compiled(error_model="numpy")
def _climb_groups(
    slot,
    y,
    m,
    phi,
    d,
    fixed,
    Z,
    codes,
    root,
    tolerance,
    constant,
    b,
    step,
    trial,
    u,
    eta,
    found,
    A,
    M,
    C,
):
    """Σℓ − ½b'b at the mode, nan where there is none; all from ``b`` is written over."""
    n, q = Z.shape
    J = b.shape[0]
    value, decrement, size = np.nan, 0.0, 0.0  # size 0: no step is made yet
    trial[:] = b
    for _ in range(1000):
        reached = 0.0
        for j in range(J):
            for a in range(q):
                total = 0.0
                for c in range(q):
                    total += root[a, c] * trial[j, c]
                u[j, a] = total
                reached -= 0.5 * trial[j, a] * trial[j, a]
        for i in range(n):
            total = fixed[i]
            for a in range(q):
                total += Z[i, a] * u[codes[i], a]
            eta[i] = total
        call_rows(
            pointer_at(slot, 0),
            (n, d, pointer_at(y, 0), pointer_at(m, 0), pointer_at(eta, 0), pointer_at(phi, 0),
             pointer_at(found, 0)),
        )  # fmt: skip
        others = 0.0
        for i in range(n):
            reached += found[0, i]
            others += found[1, i] + found[2, i] + found[3, i]
        is_number = math.isfinite(reached + others)
        if size == 0.0:
            if not is_number:
                return np.nan
        elif not (is_number and reached >= value + 1e-4 * size * decrement):
            if decrement < 1e-12 * (1.0 + abs(value)):
                # too near for the value to show it; the step itself is good
                if not (is_number and size == 1.0):
                    return np.nan
            else:
                size *= 0.5
                if size < 1e-9:
                    return np.nan
                for j in range(J):
                    for a in range(q):
                        trial[j, a] = b[j, a] + size * step[j, a]
                continue
        b[:] = trial
        value = reached
        for j in range(J):
            for a in range(q):
                u[j, a] = 0.0
                for c in range(q):
                    A[j, a, c] = 0.0
        for i in range(n):
            j = codes[i]
            for a in range(q):
                u[j, a] += found[1, i] * Z[i, a]
                weighted = found[2, i] * Z[i, a]
                for c in range(a + 1):
                    A[j, a, c] -= weighted * Z[i, c]
        decrement = 0.0
        for j in range(J):
            for a in range(q):
                for c in range(a):
                    A[j, c, a] = A[j, a, c]
            for a in range(q):
                for c in range(a + 1):
                    total = 1.0 if a == c else 0.0
                    for h in range(q):
                        for k in range(q):
                            total += root[h, a] * A[j, h, k] * root[k, c]
                    M[j, a, c] = M[j, c, a] = C[j, a, c] = total
            if not cholesky_in_place(C[j]):
                return np.nan
            for a in range(q):  # C⁻¹(L'Z'ℓ′ − b), whose square is that of the step
                total = -b[j, a]
                for h in range(q):
                    total += root[h, a] * u[j, h]
                for k in range(a):
                    total -= C[j, a, k] * step[j, k]
                step[j, a] = total / C[j, a, a]
                decrement += 0.5 * step[j, a] * step[j, a]
            for a in range(q - 1, -1, -1):
                total = step[j, a]
                for k in range(a + 1, q):
                    total -= C[j, k, a] * step[j, k]
                step[j, a] = total / C[j, a, a]
        least = tolerance * (1.0 + abs(value + constant)) + 1e-29 * abs(value) + 1e-24
        if decrement <= least:
            return value
        size = 1.0
        for j in range(J):
            for a in range(q):
                trial[j, a] = b[j, a] + step[j, a]
    return np.nan


@compiled(error_model="numpy")
def _gradient_of_groups(
    X, Z, codes, root, b, found, A, C, halves, sums, by_row, d_gamma, d_root, d_phi
):
    """The value; adds to the three derivatives.

    ``halves`` (2, J, q, q): C⁻¹L' and M⁻¹L'; ``sums`` (3, J, q): Z'e, Z'(ℓ′ + e − κs) and Z'ℓ′;
    ``by_row`` (2, n): ½h and e.
    """
    n, q = Z.shape
    J, d, p = b.shape[0], d_phi.shape[0], d_gamma.shape[0]
    value = 0.0
    for j in range(J):
        det = 1.0
        for a in range(q):
            value -= 0.5 * b[j, a] * b[j, a]
            det *= C[j, a, a]
            for c in range(q):
                total = root[c, a]
                for k in range(a):
                    total -= C[j, a, k] * halves[0, j, k, c]
                halves[0, j, a, c] = total / C[j, a, a]
        value -= math.log(det)
        for a in range(q - 1, -1, -1):
            for c in range(q):
                total = halves[0, j, a, c]
                for k in range(a + 1, q):
                    total -= C[j, k, a] * halves[1, j, k, c]
                halves[1, j, a, c] = total / C[j, a, a]
    for i in range(n):
        j, square = codes[i], 0.0
        value += found[0, i]
        for a in range(q):
            total = 0.0
            for c in range(q):
                total += halves[0, j, a, c] * Z[i, c]
            square += total * total
        by_row[0, i] = 0.5 * square
        by_row[1, i] = 0.5 * square * found[3, i]
        for a in range(q):
            sums[0, j, a] += Z[i, a] * by_row[1, i]
    for i in range(n):
        j, s = codes[i], 0.0
        for a in range(q):  # z'La, a = M⁻¹L'Z'e
            for c in range(q):
                total = 0.0
                for h in range(q):
                    total += root[c, h] * halves[1, j, h, a]
                s += Z[i, c] * total * sums[0, j, a]
        slope = found[1, i] + by_row[1, i] + found[2, i] * s
        for c in range(p):
            d_gamma[c] += X[i, c] * slope
        for a in range(q):
            sums[1, j, a] += Z[i, a] * slope
            sums[2, j, a] += Z[i, a] * found[1, i]
        for c in range(d):
            own = found[4 + c, i] + s * found[4 + d + c, i]
            d_phi[c] += own + by_row[0, i] * found[4 + 2 * d + c, i]
    for j in range(J):
        for c in range(q):
            total = 0.0
            for h in range(q):
                total += halves[1, j, c, h] * sums[0, j, h]
            for a in range(q):
                d_root[a, c] += sums[1, j, a] * b[j, c] + sums[2, j, a] * total
                for h in range(q):
                    d_root[a, c] -= A[j, a, h] * halves[1, j, c, h]
    return value
