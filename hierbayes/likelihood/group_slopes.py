"""Slopes at a mode of the random effects of one grouping factor, compiled: see `laplace`."""

from __future__ import annotations

import math
from functools import partial

from hierbayes.compilation import lent


@partial(lent, fastmath={"reassoc", "contract"})
def dot(x, y):
    """x'y, added in the order that is quickest."""
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i] * y[i]
    return total


@partial(lent, fastmath={"reassoc"})
def sum_of(found):
    """Σℓ of rows; nan where it or a derivative is no number."""
    total, others = 0.0, 0.0
    for i in range(found.shape[1]):
        total += found[0, i]
        others += found[1, i] + found[2, i] + found[3, i]
    return total + 0.0 * others


@lent
def linear(offset, columns, at, point, eta):
    """η = offset + Σ_c γ_c x_c of a point, columns (p, n)."""
    for i in range(eta.shape[0]):
        eta[i] = offset[i]
    for c in range(columns.shape[0]):
        weight = at[point, c]
        for i in range(eta.shape[0]):
            eta[i] += weight * columns[c, i]


@lent
def rooted(at, point, p, root):
    """L (q, q) of a point, over ``root``."""
    q = root.shape[0]
    for a in range(q):
        for c in range(q):
            root[a, c] = at[point, p + a * q + c]


@lent
def _invert_groups(root, blocks, N, V):
    """M⁻¹L' and LM⁻¹L' of each group, over ``N`` and ``V``; ½ Σ log|M|."""
    _, J, q, _ = blocks.shape
    C = 2  # of ``blocks``
    half = 0.0
    for j in range(J):
        det = 1.0
        for a in range(q):
            det *= blocks[C, j, a, a]
            for c in range(q):
                total = root[c, a]
                for k in range(a):
                    total -= blocks[C, j, a, k] * N[j, k, c]
                N[j, a, c] = total / blocks[C, j, a, a]
        half += math.log(det)
        for a in range(q):
            for c in range(q):
                V[j, a, c] = 0.0
                for k in range(q):
                    V[j, a, c] += N[j, k, a] * N[j, k, c]
        for a in range(q - 1, -1, -1):
            for c in range(q):
                total = N[j, a, c]
                for k in range(a + 1, q):
                    total -= blocks[C, j, k, a] * N[j, k, c]
                N[j, a, c] = total / blocks[C, j, a, a]
    return half


@lent
def gradient_of_groups(
    columns, Z, codes, root, b, found, blocks, first, slopes, point, inverses, of_groups, of_rows
):
    """½ Σ log|M|; writes the derivatives, those of a point, by γ, L and φ.

    ``first`` (J, q) is Z'ℓ′; ``columns`` (p, n) are those of X.
    """
    (n, q), J, p = Z.shape, b.shape[0], columns.shape[0]
    by_phi = p + q * q
    d = slopes.shape[1] - by_phi
    N, V = inverses[0], inverses[1]  # M⁻¹L' and LM⁻¹L'
    e, a_, w = of_groups[0], of_groups[1], of_groups[2]  # Z'e, a and La
    h, slope = of_rows[0], of_rows[1]
    half = _invert_groups(root, blocks, N, V)
    for j in range(J):
        for a in range(q):
            e[j, a] = 0.0
    for c in range(slopes.shape[1]):
        slopes[point, c] = 0.0
    for i in range(n):
        j, square = codes[i], 0.0
        for a in range(q):
            for c in range(q):
                square += Z[i, a] * V[j, a, c] * Z[i, c]
        h[i] = 0.5 * square
        slope[i] = h[i] * found[3, i]
        for a in range(q):
            e[j, a] += Z[i, a] * slope[i]
    for j in range(J):
        for a in range(q):
            a_[j, a], w[j, a] = 0.0, 0.0
            for c in range(q):
                a_[j, a] += N[j, a, c] * e[j, c]
                w[j, a] += V[j, a, c] * e[j, c]
    for j in range(J):
        for a in range(q):
            e[j, a] = 0.0
    for i in range(n):
        j, s = codes[i], 0.0
        for a in range(q):
            s += Z[i, a] * w[j, a]
        slope[i] += found[1, i] + found[2, i] * s
        for a in range(q):
            e[j, a] += Z[i, a] * slope[i]
        for c in range(d):
            own = found[4 + c, i] + s * found[4 + d + c, i]
            slopes[point, by_phi + c] += own + h[i] * found[4 + 2 * d + c, i]
    for c in range(p):
        slopes[point, c] += dot(columns[c], slope)
    for j in range(J):
        for c in range(q):
            for a in range(q):
                total = e[j, a] * b[j, c] + first[j, a] * a_[j, c]
                for k in range(q):
                    total -= blocks[0, j, a, k] * N[j, c, k]
                slopes[point, p + a * q + c] += total
    return half


@lent
def move_groups(X, Z, codes, root, lower, mode, first, room):
    """How b moves with γ, free entries (r, c) of L, and φ: M⁻¹ times the slopes of its own slope.

    By L_rc that is L'Z'ℓ″Z_r b_c and Z_r'ℓ′ in the place of c, group by group.
    """
    b, found, moves, blocks = mode.b, mode.found, mode.moves, mode.blocks
    n, p, m = X.shape[0], X.shape[1], lower.shape[1]
    _, J, q, k = moves.shape
    d = k - p - m
    A, C, MOVES, HALF = 0, 2, 0, 1  # places in ``blocks`` and ``moves``
    column = room[0, 0]
    for j in range(J):
        for a in range(q):
            for c in range(k):
                moves[MOVES, j, a, c] = 0.0
    for i in range(n):
        for a in range(q):
            z = Z[i, a]
            weight = z * found[2, i]
            for c in range(p):
                moves[MOVES, codes[i], a, c] += weight * X[i, c]
            for c in range(d):
                moves[MOVES, codes[i], a, p + m + c] += z * found[4 + d + c, i]
    for j in range(J):
        for c in range(m):
            for a in range(q):
                moves[MOVES, j, a, p + c] = -blocks[A, j, a, lower[0, c]] * b[j, lower[1, c]]
        for c in range(k):
            for a in range(q):
                total = 0.0
                for h in range(q):
                    total += root[h, a] * moves[MOVES, j, h, c]
                if p <= c < p + m and a == lower[1, c - p]:
                    total += first[j, lower[0, c - p]]
                for h in range(a):
                    total -= blocks[C, j, a, h] * column[h]
                column[a] = total / blocks[C, j, a, a]
                moves[HALF, j, a, c] = column[a]
            for a in range(q - 1, -1, -1):
                total = column[a]
                for h in range(a + 1, q):
                    total -= blocks[C, j, h, a] * column[h]
                column[a] = total / blocks[C, j, a, a]
            for a in range(q):
                moves[MOVES, j, a, c] = column[a]
