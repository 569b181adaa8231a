r"""−∂²ℓ by the weights of classes of cells, along directions in which these move.

With D_j = (M_j,ZZ + Γ⁻¹)⁻¹, C_j = [−K_j; I], K_j = D_jM_j,Z·, Ω the mean of (−γ, 1)(−γ, 1)' over
σ², E_j = C_jΩC_j' + D_j ⊕ 0 and Ṁ_jt the change of M_j along the t-th direction,

    S_t   = Σ_j C_j'Ṁ_jtC_j,            G_jt = (Ṁ_jtC_j)_Z
    2∂²   = Σ_j [ tr E_jM̈_jts − tr D_jṀ_jtD_jṀ_js − 2 tr ΩG_jt'D_jG_js ] + outer(S_t, S_s)

where outer is the curvature of N log|S| − (N − 1) log|S_XX| itself (with N rows of ML
−N log|S_XX|).  An entry e of λ moves λ'M_jλ and λ'M_j· in the same formulas, with
A_j = I + λ'M_j,ZZλ, κ_j = A_j⁻¹λ'M_j,Z· and h_j = (M_jC_j)_Z.

With Ω = ΦΦ' whatever Ω stands between is a product of two: of h_j all is w_j = h_jΦ, of κ_j and
K_j λ'w_j and λλ'w_j, and of G_jt Ṁ_jt,Z·Φ − Ṁ_jt,ZZλλ'w_j.
"""

from __future__ import annotations

from typing import NamedTuple

from hierbayes.compilation import inner, lent
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.side_by_side import (
    add_sums,
    dot,
    dot_turned,
    from_left,
    from_right,
    multiply,
    multiply_by_turned,
    multiply_turned,
    put_side_by_side,
)
from hierbayes.likelihood.structured_blocks import add_traces
from hierbayes.likelihood.structured_cells import row_start
from hierbayes.likelihood.structured_squares import (
    add_products,
    clear_products,
    complete_products,
)
from hierbayes.likelihood.structured_sums import groups_at_once


class Block(NamedTuple):
    """What is made of a block of groups, side by side; w, κ and K are multiplied by Φ.

    Parameters
    ----------
    D_hat, D, A, turn : (q, q, groups) float
        D̂_j = Z_j'(V_j/σ²)⁻¹Z_j, D_j, λA_j⁻¹ and ΓD̂_j.
    LE : (q, q, groups) float
        λA_j⁻¹ + K_jΩκ_j'.
    w, kappa, K : (q, m, groups) float
    half, turned, h, low, terms, work, more
        Room for what is made on the way.
    """

    D_hat: Floats
    D: Floats
    A: Floats
    turn: Floats
    LE: Floats
    w: Floats
    kappa: Floats
    K: Floats
    half: Floats
    turned: Floats
    h: Floats
    low: Floats
    terms: Floats
    work: Floats
    more: Floats


@inner
def _block(q, m, size):
    """Room for one of so many groups."""
    return Block(
        room_for((q, q, size)), room_for((q, q, size)), room_for((q, q, size)),
        room_for((q, q, size)), room_for((q, q, size)), room_for((q, m, size)),
        room_for((q, m, size)), room_for((q, m, size)), room_for((q, q, size)),
        room_for((q, m, size)), room_for((q, m, size)), room_for((q, q, size)),
        room_for((2, q, q, size)), room_for((q, q, size)), room_for((q, q, size)),
    )  # fmt: skip


@inner
def curvature_of_groups(
    cells, groups, class_of, half, turned, changed, root, phi, mean, integrated, totals, products,
    squares, along, across, second,
):  # fmt: skip
    """Add up what −∂²ℓ needs of the groups, but for what is outer.

    Parameters
    ----------
    phi, mean : (m, m), (m, m) float
        [(−γ, 1)'/σ, F ⊕ 0], and Ω, in which F is ``integrated``.
    totals : (K,) float
        Σ tr(M_jk E_j) of each class, where there are directions.
    products, squares : (q², 2, q²), (qm, qm) float
        As `Curvature` has them, written over.
    along, across : (k, q, q) float
        −∂²ℓ of an entry (i, c) of λ and of t is the sum of (i, c) of the first and (c, i) of the
        second.
    second : (k, k) float
        −∂²ℓ of the directions, but for Σ tr E_jM̈_jts.
    """
    J, _, q, d = changed.shape
    k, m, size, c = len(second), d - q, groups_at_once(J, d), 0
    columns = m if integrated else 1
    of, turned_root, E = _block(q, m, size), room_for((q, q)), zeros_of((size, cells.shape[1]))
    moved, MPhi, G = room_for((k, q, d, size)), room_for((q, m, size)), room_for((k, q, m, size))
    DG, DM = room_for((q, m, size)), room_for((k, q, q, size))
    _write_mean(mean, q, E)
    clear_products(products, squares)
    for i in range(q):
        for e in range(q):
            turned_root[i, e] = root[e, i]
    for j in range(0, J, size):
        many = size if j + size <= J else J - j
        put_side_by_side(half, j, many, of.half)
        put_side_by_side(turned, j, many, of.turned)
        _find_parts(of, root, turned_root, phi, columns, many)
        if k:
            multiply_by_turned(of.K, of.K, columns, many, of.work)
            _write_moments(of.D, of.work, of.K, phi, columns, many, E)
            c = add_traces(cells, groups, class_of, c, j, E[:many], totals)
        add_products(of.D_hat, of.w, of.terms, integrated, many, products, squares)
        for t in range(k):
            _put_changes(changed, j, t, many, moved[t])
            _find_changes(moved[t], phi, of.K, columns, many, MPhi, G[t])
            multiply(of.D, G[t], many, DG)
            multiply(of.D, moved[t], many, DM[t])
            for s in range(t + 1):
                second[t, s] -= 0.5 * dot_turned(DM[t], DM[s], many) + dot(DG, G[s], columns, many)
            _add_mixed(of, moved[t], MPhi, G[t], columns, many, along[t], across[t])
    complete_products(q, products, squares)


@lent
def _find_parts(of, root, turned_root, phi, columns, many):
    """Write all of a block but what is room, from N_j^-½R_j and N_j^-½T_j."""
    multiply_turned(of.half, of.half, many, of.D_hat)
    multiply_turned(of.half, of.turned, many, of.h)
    from_right(of.h, phi, many, of.w)
    from_left(turned_root, of.w, many, of.kappa)
    from_left(root, of.kappa, many, of.K)
    from_left(turned_root, of.D_hat, many, of.low)
    from_left(root, of.low, many, of.turn)
    from_right(of.turn, root, many, of.A)
    multiply_by_turned(of.K, of.kappa, columns, many, of.LE)
    for i in range(len(root)):
        for e in range(len(root)):
            for g in range(many):
                of.A[i, e, g] = root[i, e] - of.A[i, e, g]
                of.LE[i, e, g] += of.A[i, e, g]
    from_right(of.A, turned_root, many, of.D)


@lent
def _add_mixed(of, moved, MPhi, G, columns, many, along, across):
    """Add −∂²ℓ of the entries of λ and one direction."""
    multiply(moved, of.LE, many, of.work)
    add_sums(of.work, 1.0, many, along)
    multiply_by_turned(MPhi, of.kappa, columns, many, of.work)
    add_sums(of.work, -1.0, many, along)
    multiply_by_turned(of.w, G, columns, many, of.more)
    multiply(of.more, of.A, many, of.work)
    add_sums(of.work, -1.0, many, along)
    multiply_by_turned(of.kappa, G, columns, many, of.more)
    multiply(of.more, of.turn, many, of.work)
    add_sums(of.work, 1.0, many, across)
    multiply_turned(of.A, moved, many, of.more)
    multiply(of.more, of.turn, many, of.work)
    add_sums(of.work, -1.0, many, across)


@lent
def _write_mean(mean, q, E):
    """Write Ω, in the upper triangles of all E, what is off the diagonal twice."""
    d = q + len(mean)
    for g in range(len(E)):
        for i in range(q, d):
            at = row_start(i, d, E.shape[1])
            for a in range(i, d):
                E[g, at + a - i] = (1.0 if a == i else 2.0) * mean[i - q, a - q]


@lent
def _write_moments(D, KK, K, phi, columns, many, E):
    """Write the rows of Z of E_j, D_j + K_jΩK_j' and −K_jΩ, in upper triangles in the same way."""
    q, m = len(D), len(phi)
    for i in range(q):
        at = row_start(i, q + m, E.shape[1]) - i
        for e in range(i, q):
            twice = 1.0 if i == e else 2.0
            for g in range(many):
                E[g, at + e] = twice * (D[i, e, g] + KK[i, e, g])
        for a in range(m):
            for g in range(many):
                E[g, at + q + a] = 0.0
            for c in range(columns):
                if phi[a, c] != 0.0:
                    for g in range(many):
                        E[g, at + q + a] -= 2.0 * K[i, c, g] * phi[a, c]


@lent
def _put_changes(changed, j, t, many, out):
    """Write the rows of Z of Ṁ_jt side by side."""
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            for g in range(many):
                out[i, a, g] = changed[j + g, t, i, a]


@lent
def _find_changes(moved, phi, K, columns, many, MPhi, G):
    """Write Ṁ_Z·Φ and G = Ṁ_Z·Φ − Ṁ_ZZK, of the columns that count."""
    q, m = MPhi.shape[0], MPhi.shape[1]
    for i in range(q):
        for c in range(columns):
            for g in range(many):
                MPhi[i, c, g] = 0.0
            for a in range(m):
                if phi[a, c] != 0.0:
                    for g in range(many):
                        MPhi[i, c, g] += moved[i, q + a, g] * phi[a, c]
            for g in range(many):
                G[i, c, g] = MPhi[i, c, g]
            for e in range(q):
                for g in range(many):
                    G[i, c, g] -= moved[i, e, g] * K[e, c, g]
