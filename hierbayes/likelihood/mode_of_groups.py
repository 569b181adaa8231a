"""The mode of the random effects of each group, by Newton's method over all groups at once.

With spherical effects b_j, u_j = Lb_j, the groups' part of Σℓ − ½b'b is climbed by

    step_j = M_j⁻¹(L'Z_j'ℓ′ − b_j),    M_j = I + L'Z_j'κZ_jL,    κ = −ℓ″,

made shorter for all alike where their sum does not rise.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import lent
from hierbayes.likelihood.group_slopes import sum_of
from hierbayes.likelihood.native import pointer_at
from hierbayes.likelihood.transported import call_rows
from hierbayes.likelihood.triangular import cholesky_in_place

SQUARES, M, FACTOR = range(3)  # places in ``blocks``


@lent
def climb_groups(
    slot, y, m, phi, d, fixed, Z, codes, root, tolerance, constant, b, found, blocks, u, room
):
    """Σℓ − ½b'b at the mode, nan where there is none; ``b`` to ``u``, Z'ℓ′, are written over."""
    step, trial = room[0], room[1]
    value, decrement, size = np.nan, 0.0, 0.0  # size 0: no step is made yet
    _go(b, b, 0.0, trial)
    for _ in range(1000):
        reached = _value_at(slot, y, m, phi, d, fixed, Z, codes, root, trial, u, found)
        is_number = math.isfinite(reached)
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
                _go(b, step, size, trial)
                continue
        value = reached
        _add_derivatives(Z, codes, found, trial, b, u, blocks)
        decrement = _newton_step(root, b, u, blocks, step)
        if not math.isfinite(decrement):
            return np.nan
        least = tolerance * (1.0 + abs(value + constant)) + 1e-29 * abs(value) + 1e-24
        if decrement <= least:
            return value
        size = 1.0
        _go(b, step, size, trial)
    return np.nan


@lent
def _go(b, step, size, trial):
    """Write b + size · step (J, q)."""
    for j in range(b.shape[0]):
        for a in range(b.shape[1]):
            trial[j, a] = b[j, a] + size * step[j, a]


@lent
def _value_at(slot, y, m, phi, d, fixed, Z, codes, root, trial, u, found):
    """Σℓ − ½b'b at spherical effects (J, q); Lb and what rows answer are written over."""
    n, q = Z.shape
    eta, reached = 4 + 3 * d, 0.0
    for j in range(trial.shape[0]):
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
        found[eta, i] = total
    call_rows(
        pointer_at(slot, 0),
        (n, d, pointer_at(y, 0), pointer_at(m, 0), pointer_at(found, eta * n), phi,
         pointer_at(found, 0)),
    )  # fmt: skip
    return reached + sum_of(found)


@lent
def _add_derivatives(Z, codes, found, trial, b, u, blocks):
    """Arrive at a trial: b, Z'ℓ′ (J, q) and the lower triangles of Z'κZ are written over."""
    n, q = Z.shape
    for j in range(b.shape[0]):
        for a in range(q):
            b[j, a], u[j, a] = trial[j, a], 0.0
            for c in range(q):
                blocks[SQUARES, j, a, c] = 0.0
    for i in range(n):
        j = codes[i]
        for a in range(q):
            u[j, a] += found[1, i] * Z[i, a]
            weighted = found[2, i] * Z[i, a]
            for c in range(a + 1):
                blocks[SQUARES, j, a, c] -= weighted * Z[i, c]


@lent
def _newton_step(root, b, u, blocks, step):
    """Write M = I + L'Z'κZL, its factor C and M⁻¹(L'Z'ℓ′ − b); half the square of C⁻¹( ).

    nan where an M is not positive definite.
    """
    decrement, q = 0.0, b.shape[1]
    for j in range(b.shape[0]):
        for a in range(q):
            for c in range(a):
                blocks[SQUARES, j, c, a] = blocks[SQUARES, j, a, c]
        for a in range(q):
            for c in range(a + 1):
                total = 1.0 if a == c else 0.0
                for h in range(q):
                    for k in range(q):
                        total += root[h, a] * blocks[SQUARES, j, h, k] * root[k, c]
                blocks[M, j, a, c] = blocks[M, j, c, a] = blocks[FACTOR, j, a, c] = total
        if not cholesky_in_place(blocks[FACTOR, j]):
            return np.nan
        for a in range(q):
            total = -b[j, a]
            for h in range(q):
                total += root[h, a] * u[j, h]
            for k in range(a):
                total -= blocks[FACTOR, j, a, k] * step[j, k]
            step[j, a] = total / blocks[FACTOR, j, a, a]
            decrement += 0.5 * step[j, a] * step[j, a]
        for a in range(q - 1, -1, -1):
            total = step[j, a]
            for k in range(a + 1, q):
                total -= blocks[FACTOR, j, k, a] * step[j, k]
            step[j, a] = total / blocks[FACTOR, j, a, a]
    return decrement
