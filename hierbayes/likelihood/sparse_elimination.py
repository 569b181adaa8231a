r"""The effects of several grouping factors eliminated: Ω and its factor.

With relative roots λ_k (Λ block-diagonal over all levels) and W = [X y], the matrix

    Ω = [[I + Λ'Z'ZΛ, Λ'Z'W], [W'ZΛ, W'W]]

is factored in the order of `hierbayes.design.elimination_order`; what is left in the place of W'W
is S = W'(V/σ²)⁻¹W, and the pivots give log|V| = n log σ² + Σ log pivots.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, inner, lent, lent_in_loop
from hierbayes.compiled_arrays import room_for
from hierbayes.design.elimination import (
    AT,
    BEGIN,
    BELOW,
    COLUMN,
    CORE,
    DIAGONAL,
    FACTOR,
    LEADING,
    MAPS,
    N_CORE,
    PLACE,
    PRODUCTS,
    ROW,
)  # fmt: skip
from hierbayes.likelihood.lapack import factor_lower, solve_rows


@inner
def fill(root, e, omega):
    """Write Ω at the relative roots λ_k, the diagonal blocks of ``root``, but for W'W."""
    for i in range(e.size):
        omega[i] = 0.0
    p1 = e.C.shape[0]
    half = room_for((root.shape[0], root.shape[0]))
    for b in range(e.blocks.shape[0]):
        row, k = e.blocks[b, ROW], e.blocks[b, COLUMN]
        v, at, leading = e.blocks[b, PRODUCTS], e.blocks[b, AT], e.blocks[b, LEADING]
        q, c0 = e.q[k], e.start[k]
        if row < 0:
            for w in range(p1):
                for c in range(q):
                    total = 0.0
                    for h in range(q):
                        total += e.products[v + h * p1 + w] * root[c0 + h, c0 + c]
                    omega[at + w * leading + c] = total
            continue
        rows, r0 = e.q[row], e.start[row]
        for i in range(rows):
            for c in range(q):
                total = 0.0
                for h in range(q):
                    total += e.products[v + i * q + h] * root[c0 + h, c0 + c]
                half[i, c] = total
        for i in range(rows):
            for c in range(q):
                total = 1.0 if e.blocks[b, DIAGONAL] and i == c else 0.0
                for h in range(rows):
                    total += root[r0 + h, r0 + i] * half[h, c]
                omega[at + i * leading + c] = total


@lent_in_loop
def _factor_panel(omega, at, q, below):
    """L_jj and L_Rj over a panel; its half log determinant, nan where it cannot be factored."""
    if not factor_lower(omega, at, q):
        return np.nan
    total = 0.0
    for i in range(q):
        total += math.log(omega[at + i * q + i])
    for c in range(q):
        inverse = 1.0 / omega[at + c * q + c]
        for i in range(q, q + below):
            value = omega[at + i * q + c]
            for h in range(c):
                value -= omega[at + i * q + h] * omega[at + c * q + h]
            omega[at + i * q + c] = value * inverse
    return total


@lent
def _dot(omega, i, j, q):
    """The inner product of two rows of a panel, by where they begin."""
    total = 0.0
    for h in range(q):
        total += omega[i + h] * omega[j + h]
    return total


@lent_in_loop
def _update_core(node, e, omega, column, p1):
    """Take a column of a panel, of its core levels then of W, out of its component."""
    n_core, core = e.nodes[node, N_CORE], e.nodes[node, CORE]
    size, to = e.components[e.component[node], 0], e.components[e.component[node], 1]
    begin = e.nodes[node, BELOW] - n_core - p1
    for i in range(n_core + p1):
        row = to + (e.core[core + i] if i < n_core else size + i - n_core) * size
        value = column[begin + i]
        for j in range(i + 1 if i < n_core else n_core):
            omega[row + e.core[core + j]] -= value * column[begin + j]


@lent_in_loop
def _update(node, e, omega, S, column):
    """Take a factored panel out of its ancestors, its component and S.

    Column by column of the panel, each copied to ``column`` first: so the loops run over plain
    vectors.
    """
    q, below, p1 = e.q[e.nodes[node, FACTOR]], e.nodes[node, BELOW], S.shape[0]
    first = e.nodes[node, BEGIN] + q * q  # where the rows below begin
    for h in range(q):
        for i in range(below):
            column[i] = omega[first + i * q + h]
        row, maps = 0, e.nodes[node, MAPS]
        for b in range(e.nodes[node, PLACE] + 1, e.ancestors.shape[1]):
            above = e.ancestors[node, b]
            wide, to = e.q[e.nodes[above, FACTOR]], e.nodes[above, BEGIN]
            for i in range(below - row):
                target, value = to + e.maps[maps + i] * wide, column[row + i]
                for c in range(i + 1 if i < wide else wide):
                    omega[target + c] -= value * column[row + c]
            maps += below - row
            row += wide
        if e.nodes[node, N_CORE] > 0:
            _update_core(node, e, omega, column, p1)
        for c in range(p1):
            value = column[below - p1 + c]
            for d in range(c + 1):
                S[c, d] -= value * column[below - p1 + d]


@inner
def factorise(root, e, omega):
    """Factor Ω in place; log|I + Λ'Z'ZΛ| (nan where that fails) and S (p+1, p+1)."""
    fill(root, e, omega)
    p1, log_det, most = e.C.shape[0], 0.0, 0
    S = room_for((p1, p1))
    for i in range(p1):
        for j in range(p1):
            S[i, j] = e.C[i, j]
    for node in range(e.nodes.shape[0]):
        if e.nodes[node, BELOW] > most:
            most = e.nodes[node, BELOW]
    column = room_for(most)
    for node in range(e.nodes.shape[0]):
        q = e.q[e.nodes[node, FACTOR]]
        log_det += 2.0 * _factor_panel(omega, e.nodes[node, BEGIN], q, e.nodes[node, BELOW])
        if not math.isfinite(log_det):
            return np.nan, S
        _update(node, e, omega, S, column)
    for c in range(e.components.shape[0]):
        m, at = e.components[c, 0], e.components[c, 1]
        if not factor_lower(omega, at, m):
            return np.nan, S
        for i in range(m):
            log_det += 2.0 * math.log(omega[at + i * m + i])
        solve_rows(omega, at, m, omega, at + m * m, p1)
        for i in range(p1):
            for j in range(i + 1):
                S[i, j] -= _dot(omega, at + (m + i) * m, at + (m + j) * m, m)
    for i in range(p1):
        for j in range(i):
            S[j, i] = S[i, j]
    return log_det, S


@compiled(error_model="numpy", short_loops=True)
def eliminate(root, e):
    """Log|I + Λ'Z'ZΛ|, S (p+1, p+1), and the factor of Ω, at relative roots λ_k (Q, Q)."""
    omega = room_for(e.size)
    log_det, S = factorise(root, e, omega)
    return log_det, S, omega
