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
from hierbayes.likelihood.residual_moments import write_profiled

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


@inner
def reduced_blocks(cells, groups, class_of, weights, root, half, turned):
    """Σ_j log|N_j| and S at weights of classes; writes half and turned, as of `reduce_groups`."""
    q, d = len(root), round(math.sqrt(cells.shape[1]))
    m = d - q
    log_det, S = 0.0, zeros_of((m, m))
    J = len(half)
    size = min(J, _GROUPS)
    M, R, T = room_for((size, d, d)), zeros_of((size, q, q)), room_for((size, q, m))
    c = np.int64(0)  # a literal 0 would have what it is handed to compiled twice
    for j in range(0, J, size):
        many = min(size, J - j)
        W = zeros_of((m, m))
        c = add_cells(cells, groups, class_of, weights, c, j, M[:many])
        root_blocks(M[:many], R[:many], T[:many], W)
        own, S_own, half_own, turned_own = reduce_groups(root, R[:many], T[:many], W)
        log_det += own
        for a in range(m):
            for b in range(m):
                S[a, b] += S_own[a, b]
        for i in range(many):
            for a in range(q):
                for b in range(q):
                    half[j + i, a, b] = half_own[i, a, b]
                for b in range(m):
                    turned[j + i, a, b] = turned_own[i, a, b]
    return log_det, S


@inner
def traces_of_blocks(cells, groups, class_of, Gamma, half, turned, mean, totals):
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
    """The mean of (−γ, 1)(−γ, 1)' over σ²."""
    p = len(gamma)
    mean = room_for((p + 1, p + 1))
    for a in range(p + 1):
        for b in range(p + 1):
            left = -gamma[a] if a < p else 1.0
            right = -gamma[b] if b < p else 1.0
            mean[a, b] = left * right / sigma**2
            if a < p and b < p:
                for i in range(p):
                    mean[a, b] += integrated * F[a, i] * F[b, i]
    return mean


def class_totals_of(
    profile: Profile, cells: tuple[Floats, Integers, Integers], classes: int
) -> Floats:
    """Σ_j tr(M_jk E_j) of every class (K,) where the profiled likelihood has been computed."""
    totals = np.zeros(classes)
    kept = slice(None if len(profile.root) else 1)  # without effects all groups are one
    _add_totals(
        *cells, profile.root, profile.half[kept], profile.turned[kept], profile.gamma,
        profile.precision_factor, profile.sigma, profile.integrated, totals,
    )  # fmt: skip
    return totals


@compiled(error_model="numpy")
def _add_totals(
    cells, groups, class_of, root, half, turned, gamma, F, sigma, integrated, totals
):  # fmt: skip
    mean = mean_square(gamma, F, sigma, integrated)
    traces_of_blocks(cells, groups, class_of, square_of(root), half, turned, mean, totals)
