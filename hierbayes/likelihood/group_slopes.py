"""Slopes at a mode of the random effects of one grouping factor, compiled: see `laplace`."""

from __future__ import annotations

import math

from hierbayes.compilation import inner
from hierbayes.compiled_arrays import room_for, zeros_of


@inner
def gradient_of_groups(X, Z, codes, root, b, found, A, C, d_gamma, d_root, d_phi):
    """The value; adds to the three derivatives.

    ``halves`` (2, J, q, q): C⁻¹L' and M⁻¹L'; ``sums`` (3, J, q): Z'e, Z'(ℓ′ + e − κs) and Z'ℓ′;
    ``by_row`` (2, n): ½h and e.
    """
    n, q = Z.shape
    J, d, p = b.shape[0], d_phi.shape[0], d_gamma.shape[0]
    halves, sums, by_row = room_for((2, J, q, q)), zeros_of((3, J, q)), room_for((2, n))
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


@inner
def move_groups(X, Z, codes, root, lower, mode):
    """How b moves with γ, free entries (r, c) of L, and φ: M⁻¹ times the slopes of its own slope.

    By L_rc that is L'Z'ℓ″Z_r b_c and Z_r'ℓ′ in the place of c, group by group.
    """
    b, found, moves, A, C = mode.b, mode.found, mode.moves, mode.A, mode.C
    n, p, m = X.shape[0], X.shape[1], lower.shape[1]
    J, q, k = moves.shape
    d = k - p - m
    slope, column = zeros_of((J, q)), room_for(q)
    for i in range(n):
        for a in range(q):
            z = Z[i, a]
            slope[codes[i], a] += z * found[1, i]
            for c in range(p):
                moves[codes[i], a, c] += z * found[2, i] * X[i, c]
            for c in range(d):
                moves[codes[i], a, p + m + c] += z * found[4 + d + c, i]
    for j in range(J):
        for c in range(m):
            for a in range(q):
                moves[j, a, p + c] = -A[j, a, lower[0, c]] * b[j, lower[1, c]]
        for c in range(k):
            for a in range(q):
                total = 0.0
                for h in range(q):
                    total += root[h, a] * moves[j, h, c]
                if p <= c < p + m and a == lower[1, c - p]:
                    total += slope[j, lower[0, c - p]]
                for h in range(a):
                    total -= C[j, a, h] * column[h]
                column[a] = total / C[j, a, a]
                mode.half[j, a, c] = column[a]
            for a in range(q - 1, -1, -1):
                total = column[a]
                for h in range(a + 1, q):
                    total -= C[j, h, a] * column[h]
                column[a] = total / C[j, a, a]
            for a in range(q):
                moves[j, a, c] = column[a]
