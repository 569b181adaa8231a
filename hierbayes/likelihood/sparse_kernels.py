r"""The collapsed likelihood of several grouping factors: its one definition, by elimination.

With relative roots λ_k (Λ block-diagonal over all levels) and W = [X y], the matrix

    Ω = [[I + Λ'Z'ZΛ, Λ'Z'W], [W'ZΛ, W'W]]

is factored in the order of `hierbayes.design.elimination_order`; what is left in the place of W'W
is S = W'(V/σ²)⁻¹W, and the pivots give log|V| = n log σ² + Σ log pivots.  What is done with γ
(`read_value`) is that of one factor.

The gradient is the adjoint of the factorisation, a selected inverse: with

    N_W = ww'/σ² + FF',   w = (−γ, 1),   FF' = Q⁻¹ (REML, normal prior)

the adjoint of what is left in the place of W'W, and Y = L_Rj L_jj⁻¹ of each panel j with rows R,

    Ω̄_Rj = −Ω̄_RR Y,    Ω̄_jj = (L_jjL_jj')⁻¹ − Y'Ω̄_Rj

in reverse order, from which −2 ∂ℓ/∂λ_k = 2 Σ A_{kj,t} Λ_t Ω̄_{t,kj}.  Nothing divides by λ.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.likelihood.collapsed import GIVEN, read_value, solve_gamma
from hierbayes.likelihood.lapack import factor_lower, invert_from_factor, solve_rows
from hierbayes.likelihood.reading import VALUE_ONLY

FACTOR, PLACE, BEGIN, BELOW, MAPS, CORE, N_CORE = range(7)  # columns of Elimination.nodes
ROW, COLUMN, PRODUCTS, AT, LEADING, DIAGONAL, ROW_PLACE, COLUMN_PLACE = range(
    8
)  # columns of Elimination.blocks


@inner
def fill(root, e, omega):
    """Write Ω at the relative roots λ_k, the diagonal blocks of ``root``, but for W'W."""
    for i in range(e.size):
        omega[i] = 0.0
    p1 = e.C.shape[0]
    half = np.empty((root.shape[0], root.shape[0]))
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


@inner
def _factor_panel(omega, at, q, below):
    """L_jj and L_Rj over a panel; its half log determinant, nan where it cannot be factored."""
    if not factor_lower(omega, at, q):
        return np.nan
    total = 0.0
    for i in range(q):
        total += math.log(omega[at + i * q + i])
    for i in range(q, q + below):
        for c in range(q):
            value = omega[at + i * q + c]
            for h in range(c):
                value -= omega[at + i * q + h] * omega[at + c * q + h]
            omega[at + i * q + c] = value / omega[at + c * q + c]
    return total


@inner
def _dot(omega, i, j, q):
    """The inner product of two rows of a panel, by where they begin."""
    total = 0.0
    for h in range(q):
        total += omega[i + h] * omega[j + h]
    return total


@inner
def _update_core(node, e, omega, begin, q, p1):
    """Take the rows of a panel from ``begin`` on, core levels then W, out of its component.

    Column by column of the panel, each copied first: so the loops run over plain vectors.
    """
    n_core, core = e.nodes[node, N_CORE], e.nodes[node, CORE]
    size, to = e.components[e.component[node], 0], e.components[e.component[node], 1]
    places, column = np.empty(n_core, np.int64), np.empty(n_core + p1)
    for i in range(n_core):
        places[i] = e.core[core + i]
    for h in range(q):
        for i in range(n_core + p1):
            column[i] = omega[begin + i * q + h]
        for i in range(n_core + p1):
            row = to + (places[i] if i < n_core else size + i - n_core) * size
            value = column[i]
            for j in range(min(i + 1, n_core)):
                omega[row + places[j]] -= value * column[j]


@inner
def _update(node, e, omega, S):
    """Take a factored panel out of its ancestors, its component and S."""
    k, place = e.nodes[node, FACTOR], e.nodes[node, PLACE]
    q, below, n_core = e.q[k], e.nodes[node, BELOW], e.nodes[node, N_CORE]
    p1, maps = S.shape[0], e.nodes[node, MAPS]
    first = e.nodes[node, BEGIN] + q * q  # where the rows below begin
    row = 0
    for b in range(place + 1, e.ancestors.shape[1]):
        above = e.ancestors[node, b]
        wide, to = e.q[e.nodes[above, FACTOR]], e.nodes[above, BEGIN]
        for i in range(below - row):
            target = to + e.maps[maps + i] * wide
            for c in range(min(i + 1, wide)):
                omega[target + c] -= _dot(omega, first + (row + i) * q, first + (row + c) * q, q)
        maps += below - row
        row += wide
    if n_core > 0:
        _update_core(node, e, omega, first + row * q, q, p1)
    row += n_core
    for c in range(p1):
        for d in range(c + 1):
            S[c, d] -= _dot(omega, first + (row + c) * q, first + (row + d) * q, q)


@inner
def factorise(root, e, omega):
    """Factor Ω in place; log|I + Λ'Z'ZΛ| (nan where that fails) and S (p+1, p+1)."""
    fill(root, e, omega)
    S = e.C.copy()
    p1, log_det = S.shape[0], 0.0
    for node in range(e.nodes.shape[0]):
        q = e.q[e.nodes[node, FACTOR]]
        log_det += 2.0 * _factor_panel(omega, e.nodes[node, BEGIN], q, e.nodes[node, BELOW])
        if not math.isfinite(log_det):
            return np.nan, S
        _update(node, e, omega, S)
    for c in range(e.components.shape[0]):
        m, at = e.components[c, 0], e.components[c, 1]
        if not factor_lower(omega, at, m):
            return np.nan, S
        for i in range(m):
            log_det += 2.0 * math.log(omega[at + i * m + i])
        solve_rows(omega, at, m, omega, at + m * m, p1, False)
        for i in range(p1):
            for j in range(i + 1):
                S[i, j] -= _dot(omega, at + (m + i) * m, at + (m + j) * m, m)
    for i in range(p1):
        for j in range(i):
            S[j, i] = S[i, j]
    return log_det, S


@inner
def _core_adjoint(e, N, omega, bar):
    """Ω̄ of every component over its lower triangle, and of the rows of W below it."""
    p1 = N.shape[0]
    for c in range(e.components.shape[0]):
        m, at = e.components[c, 0], e.components[c, 1]
        for i in range((m + p1) * m):
            bar[at + i] = omega[at + i]
        rows = at + m * m
        solve_rows(bar, at, m, bar, rows, p1, True)  # H' = (D⁻¹E)'
        invert_from_factor(bar, at, m)
        turned = np.zeros((p1, m))  # −N_W H'
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


@inner
def _times_core(node, e, bar, Y, out, first):
    """What the component of a panel takes from −Ω̄_RR Y, in its rows from ``first`` on."""
    n_core, core = e.nodes[node, N_CORE], e.nodes[node, CORE]
    m, at = e.components[e.component[node], 0], e.components[e.component[node], 1]
    rows = e.nodes[node, BELOW] - first
    places, column, taken = np.empty(n_core, np.int64), np.empty(rows), np.empty(rows)
    for i in range(n_core):
        places[i] = e.core[core + i]
    for h in range(e.q[e.nodes[node, FACTOR]]):
        for i in range(rows):
            column[i], taken[i] = Y[first + i, h], 0.0
        for i in range(rows):
            row = at + (places[i] if i < n_core else m + i - n_core) * m
            value, total = column[i], 0.0
            for j in range(min(i, n_core)):
                entry = bar[row + places[j]]
                total += entry * column[j]
                taken[j] += entry * value
            if i < n_core:
                total += bar[row + places[i]] * value
            taken[i] += total
        for i in range(rows):
            out[first + i, h] -= taken[i]


@inner
def _times_rows(node, e, N, Y, bar, out):
    """out = −Ω̄_RR Y (below, q) for the rows R below a panel."""
    k, place = e.nodes[node, FACTOR], e.nodes[node, PLACE]
    q, below, n_core = e.q[k], e.nodes[node, BELOW], e.nodes[node, N_CORE]
    maps, p1, row = e.nodes[node, MAPS], N.shape[0], 0
    for i in range(below):
        for h in range(q):
            out[i, h] = 0.0
    for b in range(place + 1, e.ancestors.shape[1]):
        above = e.ancestors[node, b]
        wide, at = e.q[e.nodes[above, FACTOR]], e.nodes[above, BEGIN]
        for i in range(below - row):
            source = at + e.maps[maps + i] * wide
            for c in range(min(i + 1, wide)):
                _add_product(bar[source + c], row + i, row + c, q, Y, out)
        maps += below - row
        row += wide
    if n_core > 0:
        _times_core(node, e, bar, Y, out, row)
    row += n_core
    for c in range(p1):
        for d in range(c + 1):
            _add_product(N[c, d], row + c, row + d, q, Y, out)


@inner
def _add_product(value, i, j, q, Y, out):
    """What a symmetric entry (i, j), i ≥ j, takes from −Ω̄_RR Y."""
    for h in range(q):
        out[i, h] -= value * Y[j, h]
    if i != j:
        for h in range(q):
            out[j, h] -= value * Y[i, h]


@inner
def _panel_adjoint(node, e, N, omega, bar, Y, out):
    """Ω̄ of a panel, from those of its ancestors, its component and W."""
    q, at, below = e.q[e.nodes[node, FACTOR]], e.nodes[node, BEGIN], e.nodes[node, BELOW]
    for i in range(below):
        for c in range(q - 1, -1, -1):  # Y L_jj = L_Rj
            total = omega[at + (q + i) * q + c]
            for h in range(c + 1, q):
                total -= Y[i, h] * omega[at + h * q + c]
            Y[i, c] = total / omega[at + c * q + c]
    _times_rows(node, e, N, Y, bar, out)
    for i in range(q * q):
        bar[at + i] = omega[at + i]
    invert_from_factor(bar, at, q)
    for i in range(below):
        for c in range(q):
            bar[at + (q + i) * q + c] = out[i, c]
            for d in range(c + 1):
                bar[at + c * q + d] -= Y[i, c] * out[i, d]
    for c in range(q):
        for d in range(c):
            bar[at + d * q + c] = bar[at + c * q + d]


@inner
def selected_inverse(e, N, omega, bar):
    """Ω̄ wherever Ω has an entry, from the factor in ``omega``."""
    _core_adjoint(e, N, omega, bar)
    widest, most = 0, 0
    for node in range(e.nodes.shape[0]):
        widest = max(widest, e.nodes[node, BELOW])
        most = max(most, e.q[e.nodes[node, FACTOR]])
    Y, out = np.empty((widest, most)), np.empty((widest, most))
    for node in range(e.nodes.shape[0] - 1, -1, -1):
        _panel_adjoint(node, e, N, omega, bar, Y, out)


@inner
def _entry(bar, at, leading, i, c, diagonal):
    """Entry of a block of Ω̄; of a diagonal block only the lower triangle is kept."""
    if diagonal and i < c:
        return bar[at + c * leading + i]
    return bar[at + i * leading + c]


@inner
def root_gradient(root, e, bar, gradient):
    """−2 ∂ℓ/∂λ_k over the diagonal blocks of ``gradient`` (Q, Q), from Ω̄."""
    p1, Q = e.C.shape[0], root.shape[0]
    left = np.empty((Q, Q))
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


@inner
def _solve_component(e, omega, right, component, transposed):
    """Solve with the factor of one component, in its rows of ``right``."""
    m, at = e.components[component, 0], e.offsets[e.nodes.shape[0] + component]
    columns = right.shape[1]
    rows = np.empty(columns * m)
    for c in range(columns):
        for i in range(m):
            rows[c * m + i] = right[at + i, c]
    solve_rows(omega, e.components[component, 1], m, rows, 0, columns, transposed)
    for c in range(columns):
        for i in range(m):
            right[at + i, c] = rows[c * m + i]


@inner
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
    rows = np.empty(right.shape[0], np.int64)
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
        _solve_component(e, omega, right, component, False)


@inner
def solve_backward(e, omega, right):
    """L'⁻¹ of right-hand sides (m, k), in the order of elimination, over them."""
    N, columns = e.nodes.shape[0], right.shape[1]
    rows = np.empty(right.shape[0], np.int64)
    for component in range(e.components.shape[0]):
        _solve_component(e, omega, right, component, True)
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


@inner
def times_rows_of_W(e, omega, weights, right):
    """The rows of W in the factor times weights (p+1,): L⁻¹Λ'Z'W weights (m, 1)."""
    N, p1 = e.nodes.shape[0], weights.shape[0]
    for node in range(N):
        q, at = e.q[e.nodes[node, FACTOR]], e.offsets[node]
        o = e.nodes[node, BEGIN] + (q + e.nodes[node, BELOW] - p1) * q
        for h in range(q):
            right[at + h, 0] = 0.0
            for c in range(p1):
                right[at + h, 0] += weights[c] * omega[o + c * q + h]
    for component in range(e.components.shape[0]):
        m, at = e.components[component, 0], e.offsets[N + component]
        o = e.components[component, 1] + m * m
        for i in range(m):
            right[at + i, 0] = 0.0
            for c in range(p1):
                right[at + i, 0] += weights[c] * omega[o + c * m + i]


@compiled(error_model="numpy")
def eliminate(root, e):
    """Log|I + Λ'Z'ZΛ|, S (p+1, p+1), and the factor of Ω, at relative roots λ_k (Q, Q)."""
    omega = np.empty(e.size)
    log_det, S = factorise(root, e, omega)
    return log_det, S, omega


@compiled(error_model="numpy")
def gradient_of_root(root, e, N, omega):
    """Derivative (Q, Q) of log|I + Λ'Z'ZΛ| + tr NS by the relative roots, from the factor."""
    bar, gradient = np.empty(e.size), np.empty_like(root)
    selected_inverse(e, N, omega, bar)
    root_gradient(root, e, bar, gradient)
    return gradient


@compiled(error_model="numpy")
def solve(e, omega, right, forward, backward):
    """L⁻¹, L'⁻¹ or both one after the other of right-hand sides (m, k), over them."""
    if forward:
        solve_forward(e, omega, right)
    if backward:
        solve_backward(e, omega, right)


@compiled(error_model="numpy")
def products_times(e, w):
    """Z'Z w (m, k) and [X y]'Z w (p+1, k) of coefficients w (m, k), in the order of elimination."""
    p1, columns = e.C.shape[0], w.shape[1]
    out, outside = np.zeros_like(w), np.zeros((p1, columns))
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
    return out, outside


@compiled(error_model="numpy")
def inverse_entries(e, N, omega):
    """(Ω⁻¹ + H N H')  wherever Ω has an entry, H = Ω⁻¹Λ'Z'W, from the factor."""
    bar = np.empty(e.size)
    selected_inverse(e, N, omega, bar)
    return bar


@inner
def _same(roots, i):
    """Whether a root is that before it, as where a draw of θ is repeated."""
    for a in range(roots.shape[1]):
        for b in range(roots.shape[2]):
            if roots[i, a, b] != roots[i - 1, a, b]:
                return False
    return True


@compiled(error_model="numpy")
def draw_effects(roots, sigmas, gammas, e, normals):
    """One exact draw of the spherical effects b (M, m), u = Λb, for each of M draws of (θ, γ).

    ``roots`` (M, Q, Q) are relative; ``normals`` (M, m) independent standard normal numbers.
    """
    M, p = gammas.shape
    draws, omega = np.empty_like(normals), np.empty(e.size)
    weights, right = np.ones(p + 1), np.empty((e.effects, 1))
    for i in range(M):
        if i == 0 or not _same(roots, i):
            factorise(roots[i], e, omega)
        for c in range(p):
            weights[c] = -gammas[i, c]
        times_rows_of_W(e, omega, weights, right)
        for k in range(e.effects):
            right[k, 0] += sigmas[i] * normals[i, k]
        solve_backward(e, omega, right)
        for k in range(e.effects):
            draws[i, k] = right[k, 0]
    return draws


@compiled(error_model="numpy")
def draw_gamma(roots, sigmas, e, precision, mean, normals):
    """One exact draw of γ (M, p) for each of M draws of θ, as `conditional.draw_gamma`."""
    M, p = normals.shape
    draws, omega, S = np.empty((M, p)), np.empty(e.size), e.C
    for i in range(M):
        if i == 0 or not _same(roots, i):
            _, S = factorise(roots[i], e, omega)
        gamma, F, _ = solve_gamma(S, sigmas[i], precision, mean)
        for c in range(p):
            total = gamma[c]
            for d in range(p):
                total += sigmas[i] * F[c, d] * normals[i, d]
            draws[i, c] = total
    return draws


@compiled(error_model="numpy")
def sparse_collapsed(root, sigma, gamma, e, n, precision, mean, reading):
    """Log density of y at (L, σ), and its gradient, as `collapsed` of one factor.

    Parameters
    ----------
    root : (Q, Q) float
        A root of each factor's G on the diagonal.
    e : Elimination
    sigma, gamma, n, precision, mean, reading
        As there.
    """
    Q, p = root.shape[0], gamma.shape[0]
    d_root, d_gamma = np.zeros((Q, Q)), np.zeros(p)
    relative, omega = root / sigma, np.empty(e.size)
    log_det, S = factorise(relative, e, omega)
    value, d_log_sigma, at, F = read_value(
        log_det, S, sigma, gamma, n, precision, mean, reading % VALUE_ONLY
    )
    if value == -np.inf or reading >= VALUE_ONLY:
        return value, d_root, 0.0, d_gamma
    if reading == GIVEN:
        for c in range(p):
            d_gamma[c] = S[c, p] / (sigma * sigma)
            for d in range(p):
                d_gamma[c] -= S[c, d] * at[d] / (sigma * sigma)
    N = adjoint_of_S(at, F, sigma)
    bar, gradient = np.empty(e.size), np.empty((Q, Q))
    selected_inverse(e, N, omega, bar)
    root_gradient(relative, e, bar, gradient)
    for i in range(Q):
        for k in range(Q):
            d_root[i, k] = -0.5 * gradient[i, k] / sigma
            d_log_sigma += 0.5 * gradient[i, k] * relative[i, k]
    return value, d_root, d_log_sigma / sigma, d_gamma


@inner
def adjoint_of_S(gamma, F, sigma):
    """N_W (p+1, p+1) = ww'/σ² + FF', w = (−γ, 1)."""
    p = gamma.shape[0]
    N = np.zeros((p + 1, p + 1))
    for i in range(p + 1):
        left = 1.0 if i == p else -gamma[i]
        for j in range(p + 1):
            right = 1.0 if j == p else -gamma[j]
            N[i, j] = left * right / (sigma * sigma)
            if i < p and j < p:
                for h in range(F.shape[1]):
                    N[i, j] += F[i, h] * F[j, h]
    return N
