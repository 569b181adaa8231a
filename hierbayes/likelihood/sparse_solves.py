"""Systems solved with the factor of Ω, and products with Z'Z, in the order of elimination."""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled, inner, lent
from hierbayes.compiled_arrays import integers_for, room_for
from hierbayes.design.elimination import (
    BEGIN,
    BELOW,
    COLUMN,
    COLUMN_PLACE,
    CORE,
    DIAGONAL,
    FACTOR,
    N_CORE,
    PLACE,
    PRODUCTS,
    ROW,
    ROW_PLACE,
)  # fmt: skip
from hierbayes.likelihood.lapack import solve_rows, solve_rows_transposed


@lent
def _take(right, at, m, rows):
    """Rows of right-hand sides (m, k) as columns one after the other."""
    for c in range(right.shape[1]):
        for i in range(m):
            rows[c * m + i] = right[at + i, c]


@lent
def _put(right, at, m, rows):
    """The same back in their places."""
    for c in range(right.shape[1]):
        for i in range(m):
            right[at + i, c] = rows[c * m + i]


@lent
def _rows_below(node, e, rows):
    """Where the random effects of the rows below a panel stand among all; how many they are."""
    count = 0
    for b in range(e.nodes[node, PLACE] + 1, e.ancestors.shape[1]):
        above = e.ancestors[node, b]
        for i in range(e.q[e.nodes[above, FACTOR]]):
            rows[count] = e.offsets[above] + i
            count += 1
    for i in range(e.nodes[node, N_CORE]):
        first = e.offsets[e.nodes.shape[0] + e.component[node]]
        rows[count] = first + e.core[e.nodes[node, CORE] + i]
        count += 1
    return count


@inner
def solve_forward(e, omega, right):
    """L⁻¹ of right-hand sides (m, k), in the order of elimination, over them."""
    N, columns = e.nodes.shape[0], right.shape[1]
    rows = integers_for(right.shape[0])
    for node in range(N):
        q, at, o = e.q[e.nodes[node, FACTOR]], e.offsets[node], e.nodes[node, BEGIN]
        for i in range(q):
            for c in range(columns):
                total = right[at + i, c]
                for h in range(i):
                    total -= omega[o + i * q + h] * right[at + h, c]
                right[at + i, c] = total / omega[o + i * q + i]
        for i in range(_rows_below(node, e, rows)):
            for c in range(columns):
                for h in range(q):
                    right[rows[i], c] -= omega[o + (q + i) * q + h] * right[at + h, c]
    for component in range(e.components.shape[0]):
        m, at = e.components[component, 0], e.offsets[N + component]
        column = room_for(columns * m)
        _take(right, at, m, column)
        solve_rows(omega, e.components[component, 1], m, column, np.int64(0), columns)
        _put(right, at, m, column)


@inner
def solve_backward(e, omega, right):
    """L'⁻¹ of right-hand sides (m, k), in the order of elimination, over them."""
    N, columns = e.nodes.shape[0], right.shape[1]
    rows = integers_for(right.shape[0])
    for component in range(e.components.shape[0]):
        m, at = e.components[component, 0], e.offsets[N + component]
        column = room_for(columns * m)
        _take(right, at, m, column)
        solve_rows_transposed(omega, e.components[component, 1], m, column, np.int64(0), columns)
        _put(right, at, m, column)
    for node in range(N - 1, -1, -1):
        q, at, o = e.q[e.nodes[node, FACTOR]], e.offsets[node], e.nodes[node, BEGIN]
        for i in range(_rows_below(node, e, rows)):
            for c in range(columns):
                for h in range(q):
                    right[at + h, c] -= omega[o + (q + i) * q + h] * right[rows[i], c]
        for i in range(q - 1, -1, -1):
            for c in range(columns):
                total = right[at + i, c]
                for h in range(i + 1, q):
                    total -= omega[o + h * q + i] * right[at + h, c]
                right[at + i, c] = total / omega[o + i * q + i]


@lent
def times_rows_of_W(e, omega, weights, right):
    """The rows of W in the factor times weights (p+1, k): L⁻¹Λ'Z'W weights (m, k)."""
    N, p1, columns = e.nodes.shape[0], weights.shape[0], weights.shape[1]
    for node in range(N):
        q, at = e.q[e.nodes[node, FACTOR]], e.offsets[node]
        o = e.nodes[node, BEGIN] + (q + e.nodes[node, BELOW] - p1) * q
        for h in range(q):
            for k in range(columns):
                right[at + h, k] = 0.0
            for c in range(p1):
                for k in range(columns):
                    right[at + h, k] += weights[c, k] * omega[o + c * q + h]
    for component in range(e.components.shape[0]):
        m, at = e.components[component, 0], e.offsets[N + component]
        o = e.components[component, 1] + m * m
        for i in range(m):
            for k in range(columns):
                right[at + i, k] = 0.0
            for c in range(p1):
                for k in range(columns):
                    right[at + i, k] += weights[c, k] * omega[o + c * m + i]


@lent
def multiply(e, w, out, outside):
    """Z'Z w (m, k) and [X y]'Z w (p+1, k) of coefficients w (m, k), over the last two."""
    p1, columns = e.C.shape[0], w.shape[1]
    for c in range(columns):
        for i in range(out.shape[0]):
            out[i, c] = 0.0
        for i in range(p1):
            outside[i, c] = 0.0
    for b in range(e.blocks.shape[0]):
        row, q, v = e.blocks[b, ROW], e.q[e.blocks[b, COLUMN]], e.blocks[b, PRODUCTS]
        i0, j0 = e.blocks[b, ROW_PLACE], e.blocks[b, COLUMN_PLACE]
        if row < 0:
            for h in range(q):
                for i in range(p1):
                    for c in range(columns):
                        outside[i, c] += e.products[v + h * p1 + i] * w[j0 + h, c]
            continue
        for i in range(e.q[row]):
            for h in range(q):
                entry = e.products[v + i * q + h]
                for c in range(columns):
                    out[i0 + i, c] += entry * w[j0 + h, c]
                    if not e.blocks[b, DIAGONAL]:
                        out[j0 + h, c] += entry * w[i0 + i, c]


@compiled(error_model="numpy", short_loops=True)
def solve(e, omega, right, forward, backward):
    """L⁻¹, L'⁻¹ or both one after the other of right-hand sides (m, k), over them."""
    if forward:
        solve_forward(e, omega, right)
    if backward:
        solve_backward(e, omega, right)
