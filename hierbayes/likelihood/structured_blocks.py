"""Sums over cells of groups, block after block of groups: what is made of one stays at hand.

What is kept of all groups is written where there is room already: to ask for that much memory at
each point of a search takes longer than what is computed.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.group_cholesky import root_blocks
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.elimination import reduce_groups
from hierbayes.likelihood.profiled import Profile
from hierbayes.likelihood.profiled_gamma import of_factor
from hierbayes.likelihood.residual_moments import write_profiled
from hierbayes.likelihood.triangular import cholesky_in_place

_GROUPS = 256  # of a block


@inner
def add_cells(cells, groups, class_of, weights, first, before, M):
    """Write M_j (J, d, d) of the groups after ``before``; returns the cell after the last.

    Cells stand in the order of their groups, and ``first`` is the first of these.
    """
    J, many = len(M), cells.shape[1]
    flat = M.reshape(J, many)
    for j in range(J):
        for k in range(many):
            flat[j, k] = 0.0
    c = first
    while c < len(cells) and groups[c] < before + J:
        weight, j = weights[class_of[c]], groups[c] - before
        for k in range(many):
            flat[j, k] += weight * cells[c, k]
        c += 1
    return c


@partial(inner, fastmath={"reassoc"})  # in whatever order: a sum waits for the one before it
def add_traces(cells, groups, class_of, first, before, E, totals):
    """Add tr(M_jk E_j) of every cell of the groups after ``before`` to its class."""
    J, many = len(E), cells.shape[1]
    flat = E.reshape(J, many)
    c = first
    while c < len(cells) and groups[c] < before + J:
        trace, j = 0.0, groups[c] - before
        for k in range(many):
            trace += cells[c, k] * flat[j, k]
        totals[class_of[c]] += trace
        c += 1
    return c


@compiled(error_model="numpy")
def add_totals(cells, groups, class_of, Gamma, half, turned, mean, totals):
    """Add tr(M_jk E_j) of every cell to its class."""
    J, d = len(half), round(math.sqrt(cells.shape[1]))
    size = min(J, _GROUPS)
    E = room_for((size, d, d))
    c = np.int64(0)  # a literal 0 would have what it is handed to compiled twice
    for j in range(0, J, size):
        many = min(size, J - j)
        write_profiled(Gamma, half[j : j + many], turned[j : j + many], mean, E[:many])
        c = add_traces(cells, groups, class_of, c, j, E[:many], totals)


@inner
def square_of(root):
    """λλ'."""
    q = len(root)
    found = zeros_of((q, q))
    for i in range(q):
        for k in range(q):
            for h in range(q):
                found[i, k] += root[i, h] * root[k, h]
    return found


@inner
def mean_square(gamma, F, sigma, integrated):
    """The mean of (−γ, 1)(−γ, 1)' over σ²; F is an upper triangle."""
    p = len(F)
    mean = room_for((p + 1, p + 1))
    for a in range(p + 1):
        for b in range(a + 1):
            left = -gamma[a] if a < p else 1.0
            right = -gamma[b] if b < p else 1.0
            total = left * right / (sigma * sigma)
            for i in range(a, p):
                total += integrated * F[a, i] * F[b, i]
            mean[a, b] = mean[b, a] = total
    return mean


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
    add_totals(cells, groups, class_of, square_of(root), half, turned, mean, totals)
    return totals


def class_totals_of(
    profile: Profile, cells: tuple[Floats, Integers, Integers], classes: int
) -> Floats:
    """Σ_j tr(M_jk E_j) of every class (K,) where the profiled likelihood has been computed."""
    totals = np.zeros(classes)
    kept = slice(None if len(profile.root) else 1)  # without effects all groups are one
    _add_totals_of(
        *cells, profile.root, profile.half[kept], profile.turned[kept], profile.gamma,
        profile.precision_factor, profile.sigma, profile.integrated, totals,
    )  # fmt: skip
    return totals


@compiled(error_model="numpy")
def _add_totals_of(
    cells, groups, class_of, root, half, turned, gamma, F, sigma, integrated, totals
):  # fmt: skip
    mean = mean_square(gamma, F, sigma, integrated)
    add_totals(cells, groups, class_of, square_of(root), half, turned, mean, totals)
