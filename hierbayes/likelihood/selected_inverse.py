r"""The adjoint of the elimination: Ω⁻¹ where Ω has an entry, and the gradient by the roots.

With N_W = ww'/σ² + FF', w = (−γ, 1), FF' = Q⁻¹ (REML, normal prior) the adjoint of what is left in
the place of W'W, and Y = L_Rj L_jj⁻¹ of each panel j with rows R,

    Ω̄_Rj = −Ω̄_RR Y,    Ω̄_jj = (L_jjL_jj')⁻¹ − Y'Ω̄_Rj

in reverse order, from which −2 ∂ℓ/∂λ_k = 2 Σ A_{kj,t} Λ_t Ω̄_{t,kj}.  Nothing divides by λ.
"""

from __future__ import annotations

from hierbayes.compilation import compiled, inner, lent, lent_in_loop
from hierbayes.compiled_arrays import room_for, zeros_of
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
from hierbayes.likelihood.lapack import invert_from_factor, solve_rows_transposed


@inner
def _core_adjoint(e, N, omega, bar):
    """Ω̄ of every component over its lower triangle, and of the rows of W below it."""
    p1 = N.shape[0]
    for c in range(e.components.shape[0]):
        m, at = e.components[c, 0], e.components[c, 1]
        for i in range((m + p1) * m):
            bar[at + i] = omega[at + i]
        rows = at + m * m
        solve_rows_transposed(bar, at, m, bar, rows, p1)  # H' = (D⁻¹E)'
        invert_from_factor(bar, at, m)
        turned = zeros_of((p1, m))  # −N_W H'
        for w in range(p1):
            for v in range(p1):
                for i in range(m):
                    turned[w, i] -= N[w, v] * bar[rows + v * m + i]
        for i in range(m):
            for w in range(p1):
                h = bar[rows + w * m + i]
                for j in range(i + 1):
                    bar[at + i * m + j] -= h * turned[w, j]
        for w in range(p1):
            for i in range(m):
                bar[rows + w * m + i] = turned[w, i]


@lent_in_loop
def _times_core(node, e, bar, p1, h, Y, out):
    """What the component of a panel takes from row h of −(Ω̄_RR Y)'."""
    n_core, core = e.nodes[node, N_CORE], e.nodes[node, CORE]
    m, at = e.components[e.component[node], 0], e.components[e.component[node], 1]
    first = e.nodes[node, BELOW] - n_core - p1
    for i in range(n_core + p1):
        row = at + (e.core[core + i] if i < n_core else m + i - n_core) * m
        value, total = Y[h, first + i], 0.0
        for j in range(i if i < n_core else n_core):
            entry = bar[row + e.core[core + j]]
            total += entry * Y[h, first + j]
            out[h, first + j] -= entry * value
        if i < n_core:
            total += bar[row + e.core[core + i]] * value
        out[h, first + i] -= total


@lent_in_loop
def _times_rows(node, e, N, bar, h, Y, out):
    """Row h of −(Ω̄_RR Y)' for the rows R below a panel, over that of ``out``."""
    below, maps, row, p1 = e.nodes[node, BELOW], e.nodes[node, MAPS], 0, N.shape[0]
    for i in range(below):
        out[h, i] = 0.0
    for b in range(e.nodes[node, PLACE] + 1, e.ancestors.shape[1]):
        above = e.ancestors[node, b]
        wide, at = e.q[e.nodes[above, FACTOR]], e.nodes[above, BEGIN]
        for i in range(below - row):
            source = at + e.maps[maps + i] * wide
            value, total = Y[h, row + i], 0.0
            for c in range(i if i < wide else wide):
                entry = bar[source + c]
                total += entry * Y[h, row + c]
                out[h, row + c] -= entry * value
            if i < wide:
                total += bar[source + i] * value
            out[h, row + i] -= total
        maps += below - row
        row += wide
    if e.nodes[node, N_CORE] > 0:
        _times_core(node, e, bar, p1, h, Y, out)
    row = below - p1
    for c in range(p1):
        value, total = Y[h, row + c], N[c, c] * Y[h, row + c]
        for d in range(c):
            total += N[c, d] * Y[h, row + d]
            out[h, row + d] -= N[c, d] * value
        out[h, row + c] -= total


@lent_in_loop
def _panel_adjoint(node, e, N, omega, bar, Y, out):
    """Ω̄ of a panel, from those of its ancestors, its component and W; Y and out stand turned."""
    q, at, below = e.q[e.nodes[node, FACTOR]], e.nodes[node, BEGIN], e.nodes[node, BELOW]
    for c in range(q - 1, -1, -1):  # Y L_jj = L_Rj
        inverse = 1.0 / omega[at + c * q + c]
        for i in range(below):
            total = omega[at + (q + i) * q + c]
            for h in range(c + 1, q):
                total -= Y[h, i] * omega[at + h * q + c]
            Y[c, i] = total * inverse
    for h in range(q):
        _times_rows(node, e, N, bar, h, Y, out)
    for i in range(q * q):
        bar[at + i] = omega[at + i]
    invert_from_factor(bar, at, q)
    for c in range(q):
        for i in range(below):
            bar[at + (q + i) * q + c] = out[c, i]
        for d in range(c + 1):
            total = 0.0
            for i in range(below):
                total += Y[c, i] * out[d, i]
            bar[at + c * q + d] -= total
    for c in range(q):
        for d in range(c):
            bar[at + d * q + c] = bar[at + c * q + d]


@inner
def selected_inverse(e, N, omega, bar):
    """Ω̄ wherever Ω has an entry, from the factor in ``omega``."""
    _core_adjoint(e, N, omega, bar)
    widest, most = 0, 0
    for node in range(e.nodes.shape[0]):
        if e.nodes[node, BELOW] > widest:
            widest = e.nodes[node, BELOW]
        if e.q[e.nodes[node, FACTOR]] > most:
            most = e.q[e.nodes[node, FACTOR]]
    Y, out = room_for((most, widest)), room_for((most, widest))
    for node in range(e.nodes.shape[0] - 1, -1, -1):
        _panel_adjoint(node, e, N, omega, bar, Y, out)


@lent
def _entry(bar, at, leading, i, c, diagonal):
    """Entry of a block of Ω̄; of a diagonal block only the lower triangle is kept."""
    if diagonal and i < c:
        return bar[at + c * leading + i]
    return bar[at + i * leading + c]


@inner
def root_gradient(root, e, bar, gradient):
    """−2 ∂ℓ/∂λ_k over the diagonal blocks of ``gradient`` (Q, Q), from Ω̄."""
    p1, Q = e.C.shape[0], root.shape[0]
    left = room_for((Q, Q))
    for i in range(Q):
        for c in range(Q):
            gradient[i, c] = 0.0
    for b in range(e.blocks.shape[0]):
        row, k, diagonal = e.blocks[b, ROW], e.blocks[b, COLUMN], e.blocks[b, DIAGONAL] != 0
        v, at, leading = e.blocks[b, PRODUCTS], e.blocks[b, AT], e.blocks[b, LEADING]
        q, c0 = e.q[k], e.start[k]
        if row < 0:
            for i in range(q):
                for c in range(q):
                    total = 0.0
                    for w in range(p1):
                        total += e.products[v + i * p1 + w] * bar[at + w * leading + c]
                    gradient[c0 + i, c0 + c] += 2.0 * total
            continue
        rows, r0 = e.q[row], e.start[row]
        for i in range(rows):  # λ_row Ω̄_b
            for c in range(q):
                total = 0.0
                for h in range(rows):
                    total += root[r0 + i, r0 + h] * _entry(bar, at, leading, h, c, diagonal)
                left[i, c] = total
        for i in range(q):
            for c in range(q):
                total = 0.0
                for h in range(rows):
                    total += e.products[v + h * q + i] * left[h, c]
                gradient[c0 + i, c0 + c] += 2.0 * total
        if diagonal:
            continue
        for i in range(rows):  # Ω̄_b λ_k'
            for c in range(q):
                total = 0.0
                for h in range(q):
                    total += bar[at + i * leading + h] * root[c0 + c, c0 + h]
                left[i, c] = total
        for i in range(rows):
            for c in range(rows):
                total = 0.0
                for h in range(q):
                    total += e.products[v + i * q + h] * left[c, h]
                gradient[r0 + i, r0 + c] += 2.0 * total


@compiled(error_model="numpy", short_loops=True)
def gradient_of_root(root, e, N, omega):
    """Derivative (Q, Q) of log|I + Λ'Z'ZΛ| + tr NS by the relative roots, from the factor."""
    bar, gradient = room_for(e.size), room_for(root.shape)
    selected_inverse(e, N, omega, bar)
    root_gradient(root, e, bar, gradient)
    return gradient


@compiled(error_model="numpy", short_loops=True)
def inverse_entries(e, N, omega):
    """(Ω⁻¹ + H N H')  wherever Ω has an entry, H = Ω⁻¹Λ'Z'W, from the factor."""
    bar = room_for(e.size)
    selected_inverse(e, N, omega, bar)
    return bar
