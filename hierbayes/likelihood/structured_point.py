r"""The profiled likelihood at weights of classes of cells, with all that a search asks for.

In one pass M_j = Σ_k c_k M_jk is put together for every group and reduced at a relative root λ;
what comes out are ℓ, its slope and its curvature by the entries of λ and by coordinates on which
the c_k depend, of which Σ_j tr(M_jk E_j) (`residual_moments`) is the slope by c_k.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.group_cholesky import root_blocks
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.likelihood.collapsed import LOG_2PI
from hierbayes.likelihood.elimination import reduce_groups
from hierbayes.likelihood.profiled_curvature import (
    Curvature,
    add_curvature,
    observed_information,
    score_of,
)
from hierbayes.likelihood.profiled_gamma import of_factor
from hierbayes.likelihood.structured_blocks import (
    add_cells,
    mean_square,
    reduced_blocks,
    square_of,
    traces_of_blocks,
)
from hierbayes.likelihood.structured_curvature import add_outer, directions
from hierbayes.likelihood.triangular import cholesky_in_place

_SCORE, _SLOPE, _CURVED = range(3)  # what is wanted beside ℓ


class Room(NamedTuple):
    """Room for what is made on the way to a point, written over.

    Parameters
    ----------
    half, turned : (J, q, q) float, (J, q, p + 1) float
        What is kept of the groups.
    D, products, squares, score : (q²,), (q², 2, q²), (q(p + 1), q(p + 1)), (q, q) float
        As `Curvature` has them.
    gamma : (p + 1,) float
        γ̂, and after it σ̂.
    """

    half: Floats
    turned: Floats
    D: Floats
    products: Floats
    squares: Floats
    score: Floats
    gamma: Floats

    @classmethod
    def of(cls, J: int, q: int, m: int) -> Room:
        """For J groups, q effects and p + 1 = m columns."""
        return cls(
            np.empty((J, q, q)), np.empty((J, q, m)), np.empty(q * q), np.empty((q * q, 2, q * q)),
            np.empty((q * m, q * m)), np.empty((q, q)), np.empty(m),
        )  # fmt: skip


class StructuredPoint(NamedTuple):
    """ℓ at some λ and coordinates z.

    Parameters
    ----------
    value : float
        −inf where it cannot be computed.
    slope : (m + k,) float
        ∂ℓ by the m free entries of λ, then by z.
    information : (m + k, m + k) float
        −∂²ℓ of them.
    """

    value: float
    slope: Floats
    information: Floats


def structured_point(
    cells: tuple[Floats, Integers, Integers],
    room: Room,
    coefficients: tuple[Floats, Floats, Floats],
    root: Floats,
    at: tuple[Integers, Integers],
    mask: Booleans,
    unit: Floats,
    n: float,
    *,
    restricted: bool,
    curved: bool = True,
) -> StructuredPoint:
    """ℓ at a relative root λ and weights of the classes.

    Parameters
    ----------
    cells : (cells, d²) float, (cells,) int, (cells,) int
        M of group and class, the group (ascending) and the class of each.
    room : Room
        Written over.
    coefficients : (K + 1,), (K + 1, k), (K + 1, k, k) float
        Weights of the classes and, after them, log|R|; the first and second derivatives by z.
    root : (q, q) float
        λ, lower triangular within blocks.
    at : (m,) int, (m,) int
        Its free entries.
    mask : (q, q) bool
        Within blocks.
    unit : (m + k,) float
        In which slope and curvature are meant, of the entries of λ and of z.
    n : float
        Rows.
    restricted : bool
        Whether γ is integrated out.
    curved : bool
        Whether −∂²ℓ is wanted, which takes longer than all else.
    """
    wanted = _CURVED if curved else _SLOPE
    return StructuredPoint(
        *_point(*cells, *room, *coefficients, root, *at, mask, unit, n, restricted, wanted)
    )


def scoring_point(
    cells: tuple[Floats, Integers, Integers],
    room: Room,
    coefficients: tuple[Floats, Floats, Floats],
    root: Floats,
    at: tuple[Integers, Integers],
    mask: Booleans,
    unit: Floats,
    n: float,
    *,
    restricted: bool,
) -> tuple[float, Curvature]:
    """The same, z held, with its derivatives by Γ = λλ'; parameters are as there."""
    value, _, _ = _point(*cells, *room, *coefficients, root, *at, mask, unit, n, restricted, _SCORE)
    p, D = room.turned.shape[2] - 1, room.D.reshape(root.shape)
    integrated, freedom = (1.0, n - p) if restricted else (0.0, n)
    return value, Curvature(D, room.products, room.squares, integrated, freedom, room.score)


@compiled(error_model="numpy")
def weighted_roots(cells, groups, class_of, J, weights, q):
    """R (J, q, q), T (J, q, p + 1) and W of groups weighted so, as `CrossProducts` has them."""
    d = round(math.sqrt(cells.shape[1]))
    R, T, W = zeros_of((J, q, q)), room_for((J, q, d - q)), zeros_of((d - q, d - q))
    M = room_for((J, d, d))
    add_cells(cells, groups, class_of, weights, 0, 0, M)
    root_blocks(M, R, T, W)
    return R, T, W


@compiled(error_model="numpy")
def class_totals(cells, groups, class_of, K, root, sigma, roots, precision, right, integrated):
    """Σ_j tr(M_jk E_j) (K,) at a relative root and σ, γ under a normal prior or none.

    ``roots`` are R, T and W; ``precision`` is that of the prior, and ``right`` that times its mean;
    ``integrated`` is 0 where γ is at its best.
    """
    R, T, W = roots
    _, S, half, turned = reduce_groups(root, R, T, W)
    p = len(W) - 1
    for a in range(p):
        for b in range(p):
            S[a, b] += sigma**2 * precision[a, b]
        S[a, p] += sigma**2 * right[a]
        S[p, a] = S[a, p]
    S[p, p] += 1.0  # keeps the last pivot positive; it is not used
    totals = zeros_of(K)
    if not cholesky_in_place(S):
        totals[:] = np.nan
        return totals
    F, gamma, _ = of_factor(S)
    mean = mean_square(gamma, F, sigma, integrated)
    traces_of_blocks(cells, groups, class_of, square_of(root), half, turned, mean, totals)
    return totals


@compiled(error_model="numpy")
def _point(
    cells, groups, class_of, half, turned, D, products, squares, score, found, weights, slopes,
    bends, root, rows, columns, mask, unit, n, restricted, wanted,
):  # fmt: skip
    q, m, K = len(root), round(math.sqrt(cells.shape[1])) - len(root), len(weights) - 1
    p, own, k = m - 1, len(rows), slopes.shape[1]
    slope, second = zeros_of(own + k), zeros_of((own + k, own + k))
    log_det, S = reduced_blocks(cells, groups, class_of, weights, root, half, turned)
    if not (np.isfinite(log_det) and cholesky_in_place(S)):
        return -np.inf, slope, second
    freedom = n - p if restricted else n
    F, gamma, log_det_X = of_factor(S)
    r = S[p, p]
    deviance = freedom * (LOG_2PI + 1.0 + 2.0 * math.log(r) - math.log(freedom)) + log_det
    integrated = 1.0 if restricted else 0.0
    deviance += integrated * log_det_X + weights[K]
    sigma = r / math.sqrt(freedom)
    for a in range(p):
        found[a] = gamma[a]
    found[p] = sigma
    if q:
        _by_products(half, turned, gamma, F, sigma, integrated, D, products, squares, mask, score)
        for e in range(own):
            for i in range(q):
                slope[e] += 2.0 * score[rows[e], i] * root[i, columns[e]]
    if wanted == _SCORE:
        return -0.5 * deviance, slope, second
    totals, mean = zeros_of(K), mean_square(gamma, F, sigma, integrated)
    traces_of_blocks(cells, groups, class_of, square_of(root), half, turned, mean, totals)
    for t in range(k):
        slope[own + t] = -0.5 * slopes[K, t]
        for c in range(K):
            slope[own + t] -= 0.5 * totals[c] * slopes[c, t]
        for s in range(t + 1):
            second[own + t, own + s] = 0.5 * bends[K, t, s]
            for c in range(K):
                second[own + t, own + s] += 0.5 * totals[c] * bends[c, t, s]
    for e in range(own + k):
        slope[e] *= unit[e]
    if wanted == _SLOPE:
        return -0.5 * deviance, slope, second
    if q:
        _by_root(products, squares, score, integrated, freedom, root, rows, columns, second)
    moved = zeros_of((own + k, m, m))
    directions(
        cells, groups, class_of, slopes, half, turned, root, mean, rows, columns, second, moved
    )  # fmt: skip
    add_outer(moved, S, F, gamma, freedom, integrated, own, second)
    for i in range(own + k):
        for c in range(i + 1):
            second[i, c] *= unit[i] * unit[c]
            second[c, i] = second[i, c]
    return -0.5 * deviance, slope, second


@inner
def _by_products(half, turned, gamma, F, sigma, integrated, D, products, squares, mask, score):
    """Write M and the sums over groups of which −∂²ℓ is made, as `Curvature` has them."""
    q, wide = len(mask), 1 + F.shape[1]
    for i in range(q * q):
        D[i] = 0.0
        for k in range(2):
            for h in range(q * q):
                products[i, k, h] = 0.0
    for i in range(q * wide):
        for h in range(q * wide):
            squares[i, h] = 0.0
    terms, vY = room_for((3, q * q)), room_for((q, wide))
    add_curvature(
        half, turned, gamma, F, sigma, integrated, terms, vY, vY.reshape(q * wide), squares, D,
        products,
    )  # fmt: skip
    score_of(squares, D, integrated, score)
    for a in range(q):
        for b in range(q):
            if not mask[a, b]:
                score[a, b] = 0.0


@inner
def _by_root(products, squares, score, integrated, freedom, root, rows, columns, information):
    """Write −∂²ℓ of the entries of λ."""
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
