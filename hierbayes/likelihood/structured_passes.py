"""The two passes behind a point: of ℓ and its slope, and of its curvature."""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import inner, lent
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.likelihood.collapsed import LOG_2PI
from hierbayes.likelihood.profiled_curvature import observed_information
from hierbayes.likelihood.profiled_gamma import of_factor
from hierbayes.likelihood.structured_blocks import mean_square, square_of
from hierbayes.likelihood.structured_curvature import curvature_of_groups
from hierbayes.likelihood.structured_sums import sums_of_groups
from hierbayes.likelihood.triangular import cholesky_in_place


@inner
def sloped(
    cells, groups, class_of, R, T, W, half, turned, changed, low, D, score, moved, F, found,
    weights, slopes, root, rows, columns, mask, unit, n, restricted, keeps,
):  # fmt: skip
    """ℓ and its slope; writes what `Room` has, half and turned only where it ``keeps`` them."""
    q, p, own, k, K = len(root), len(F), len(rows), slopes.shape[1], len(weights) - 1
    slope, traces, H = zeros_of(own + k), zeros_of(k), zeros_of((q, q, p + 1, p + 1))
    for total in (W, low, D):
        for i in range(len(total)):
            for c in range(len(total)):
                total[i, c] = 0.0
    for i in range(own + k):
        for a in range(p + 1):
            for b in range(p + 1):
                moved[i, a, b] = 0.0
    changes = room_for((1 + k, K))
    for c in range(K):
        changes[0, c] = weights[c]
        for t in range(k):
            changes[1 + t, c] = slopes[c, t]
    log_det = sums_of_groups(
        cells, groups, class_of, changes, square_of(root), root, R, T, half, turned, changed,
        keeps, W, low, D, H, moved, own, traces,
    )  # fmt: skip
    _complete(low)
    _complete(W)
    if not (np.isfinite(log_det) and cholesky_in_place(low)):
        return -np.inf, slope
    freedom, integrated = (n - p, 1.0) if restricted else (n, 0.0)
    precision_root, gamma, log_det_X = of_factor(low)
    r = low[p, p]
    for a in range(p):
        found[a] = gamma[a]
        for b in range(p):
            F[a, b] = precision_root[a, b]
    found[p] = r / math.sqrt(freedom)
    deviance = freedom * (LOG_2PI + 1.0 + 2.0 * math.log(r) - math.log(freedom)) + log_det
    deviance += integrated * log_det_X + weights[K]
    mean = mean_square(found, F, found[p], integrated)
    _find_score(H, D, mean, mask, score)
    _find_moved(H, root, rows, columns, moved)
    for e in range(own):
        for i in range(q):
            slope[e] += 2.0 * unit[e] * score[rows[e], i] * root[i, columns[e]]
    for t in range(k):
        total = slopes[K, t] + traces[t]
        for a in range(p + 1):
            for b in range(p + 1):
                total += mean[a, b] * moved[own + t, a, b]
        slope[own + t] = -0.5 * unit[own + t] * total
    return -0.5 * deviance, slope


@lent
def _complete(upper):
    """Write the lower triangle of a symmetric matrix."""
    for a in range(len(upper)):
        for b in range(a):
            upper[a, b] = upper[b, a]


@lent
def _find_score(H, D, mean, mask, score):
    """Write ∂ℓ/∂Γ = ½ (Σ h_jΩh_j' − D) within blocks, and the upper triangle of D."""
    q, m = len(D), len(mean)
    for i in range(q):
        for k in range(i + 1):
            total = -D[i, k]
            for a in range(m):
                for b in range(m):
                    total += mean[a, b] * H[i, k, a, b]
            D[k, i] = D[i, k]
            score[i, k] = 0.5 * total if mask[i, k] else 0.0
            score[k, i] = score[i, k]


@lent
def _find_moved(H, root, rows, columns, moved):
    """Write −Σ_j (h_jκ_j' + κ_jh_j') of a row of h_j and one of κ_j = λ'h_j for each entry of λ."""
    q, m, own = len(root), moved.shape[1], len(rows)
    for e in range(own):
        for a in range(m):
            for b in range(m):
                total = 0.0
                for f in range(q):
                    i, k = (rows[e], f) if rows[e] >= f else (f, rows[e])
                    total += root[f, columns[e]] * (H[i, k, a, b] + H[i, k, b, a])
                moved[e, a, b] = -total
    for t in range(own, len(moved)):
        _complete(moved[t])


@inner
def write_information(
    cells, groups, class_of, half, turned, changed, low, score, moved, F, found, products, squares,
    bends, root, rows, columns, unit, n, restricted, information,
):  # fmt: skip
    """Write −∂²ℓ by the free entries of λ and by z over zeros, and what `Curvature` has of Γ."""
    q, p, own, (K, k, _) = len(root), len(F), len(rows), bends.shape
    freedom, integrated = (n - p, 1.0) if restricted else (n, 0.0)
    totals, mean = zeros_of(K - 1), mean_square(found, F, found[p], integrated)
    along, across, second = zeros_of((k, q, q)), zeros_of((k, q, q)), zeros_of((k, k))
    curvature_of_groups(
        cells, groups, class_of, half, turned, changed, root, _factor_of_mean(found, F), mean,
        integrated, totals, products, squares, along, across, second,
    )  # fmt: skip
    _by_root(products, squares, score, integrated, freedom, root, rows, columns, information)
    for t in range(k):
        for e in range(own):
            i, c = rows[e], columns[e]
            information[own + t, e] = along[t, i, c] + across[t, c, i]
        for s in range(t + 1):
            total = bends[K - 1, t, s]
            for c in range(K - 1):
                total += totals[c] * bends[c, t, s]
            information[own + t, own + s] = second[t, s] + 0.5 * total
    _add_outer(moved[: own + k], low, F, found, freedom, integrated, own, information)
    for i in range(own + k):
        for c in range(i + 1):
            information[i, c] *= unit[i] * unit[c]
            information[c, i] = information[i, c]


@inner
def _add_outer(S, low, F, gamma, freedom, integrated, own, second):
    r"""Add the curvature by S itself, but for that of two of the ``own`` entries of λ.

    ``low`` (m, m) is the factor of S, and FF' = S_XX⁻¹, F an upper triangle.
    """
    n, m = len(S), len(low)
    p = m - 1
    B, work, G = zeros_of((n, m, m)), room_for((m, m)), zeros_of((m, m))  # G = low⁻'
    for a in range(p):
        for i in range(a, p):
            G[a, i] = F[a, i]
        G[a, p] = -gamma[a] / low[p, p]
    G[p, p] = 1.0 / low[p, p]
    for t in range(n):
        _turn(S[t], G, work, B[t])
        for s in range(t + 1 if t >= own else 0):
            total = freedom * B[t, p, p] * B[s, p, p]
            for i in range(p):
                total += 2.0 * freedom * B[t, p, i] * B[s, p, i]
                total += integrated * B[t, i, i] * B[s, i, i]
                for c in range(i):
                    total += 2.0 * integrated * B[t, i, c] * B[s, i, c]
            second[t, s] -= 0.5 * total


@lent
def _turn(S, G, work, B):
    """Add G'SG (m, m) of an upper triangle G; ``work`` is written.

    No sum waits for another: the innermost loops are over columns.
    """
    m = len(S)
    for a in range(m):
        for i in range(m):
            work[a, i] = 0.0
        for b in range(m):
            for i in range(b, m):
                work[a, i] += S[a, b] * G[b, i]
    for a in range(m):
        for i in range(a, m):
            for c in range(m):
                B[i, c] += G[a, i] * work[a, c]


@inner
def _factor_of_mean(found, F):
    """[(−γ, 1)'/σ, F ⊕ 0], of γ̂ and after it σ̂."""
    p = len(F)
    phi = zeros_of((p + 1, p + 1))
    for a in range(p):
        phi[a, 0] = -found[a] / found[p]
        for i in range(a, p):
            phi[a, 1 + i] = F[a, i]
    phi[p, 0] = 1.0 / found[p]
    return phi


@inner
def _by_root(products, squares, score, integrated, freedom, root, rows, columns, information):
    """Write −∂²ℓ of the entries of λ alone."""
    q, m = len(root), len(rows)
    S = zeros_of((m, q, q))  # ∂Γ/∂(entry)
    for i in range(m):
        for b in range(q):
            S[i, rows[i], b] += root[b, columns[i]]
            S[i, b, rows[i]] += root[b, columns[i]]
    observed_information(S, products, squares, integrated, freedom, information)
    for i in range(m):
        for j in range(m):
            if columns[i] == columns[j]:
                information[i, j] -= 2.0 * score[rows[i], rows[j]]
