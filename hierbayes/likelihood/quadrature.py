r"""The likelihood of a family's responses by adaptive quadrature, one grouping factor.

At the mode b̂_j of each group and M_j = CC', nodes b_k = b̂ + C⁻ᵀz_k:

    log p(y_j | γ, L, φ) ≈ log Σ_k exp(log w_k + ½z_k'z_k + Σℓ(η_k) − ½b_k'b_k) − log|C|

with Gauss–Hermite nodes z and weights w of the standard normal density, a grid for several
effects.  One node is the Laplace approximation.

References
----------
Pinheiro & Bates (1995), doi:10.1080/10618600.1995.10474663; Liu & Pierce (1994),
doi:10.1093/biomet/81.3.624.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.curvature import GroupCurvature
from hierbayes.likelihood.laplace import Mode, pull_back

_TOGETHER = 50_000  # rows whose responses are asked for at a time


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """A grid of nodes.

    Parameters
    ----------
    z : (K, q) float
    log_weight : (K,) float
        log w_k + ½z_k'z_k.
    """

    z: Floats
    log_weight: Floats


@cache
def gauss_hermite(nodes: int, q: int) -> Nodes:
    """Nodes for each of q effects.

    Parameters
    ----------
    nodes : int
        How many for each effect.
    q : int
    """
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    log_w = np.log(w) - 0.5 * np.log(2.0 * np.pi) + 0.5 * x**2
    z = np.array(list(product(x, repeat=q)))
    log_weight = np.array([sum(one) for one in product(log_w, repeat=q)])
    return Nodes(z, log_weight)


@dataclass(frozen=True, slots=True, eq=False)
class _AtNodes:
    """Rows of each group at its nodes.

    Parameters
    ----------
    inverse : (J, q, q) float
        C⁻¹.
    v : (K, J, q) float
        C⁻ᵀz_k: nodes less the mode.
    slopes : (K, n) float
        ℓ′ of every row; of no rows where they are not wanted.
    by_phi : (d, K, n) float
        ∂ℓ/∂φ, likewise.
    terms : (K, J) float
        Logarithms of what is added up, but for −log|C|.
    """

    inverse: Floats
    v: Floats
    slopes: Floats
    by_phi: Floats
    terms: Floats


def _at_nodes(mode: Mode, nodes: Nodes, *, with_slopes: bool) -> _AtNodes:
    """Rows at the nodes around a mode, those of several nodes at a time."""
    rows, point, L, family = mode.rows, mode.point, mode.point.root, mode.rows.family
    (codes,), (J,), n, K = rows.codes_of, rows.levels, rows.n, len(nodes.z)
    fixed = mode.eta - rows.random_part(rows.effects_of(L, mode.b))
    C = _of_groups(mode).C
    inverse = 1.0 / C if C.shape[1] == 1 else np.linalg.inv(C)
    v = np.ascontiguousarray((nodes.z @ inverse).swapaxes(0, 1))
    b = mode.b.reshape(J, -1) + v
    u, terms = b @ L.T, nodes.log_weight[:, None] - 0.5 * (b**2).sum(axis=2)
    wanted = n if with_slopes else 0
    slopes, by_phi = np.empty((K, wanted)), np.empty((len(point.phi), K, wanted))
    together = max(_TOGETHER // n, 1)
    for first in range(0, K, together):
        at = slice(first, min(first + together, K))
        count = at.stop - first
        eta = np.repeat(fixed[None], count, axis=0)
        for a in range(L.shape[0]):
            eta += rows.Z[:, a] * u[at, :, a][:, codes]
        y, m = (np.concatenate([one] * count) for one in (rows.y, rows.m))
        found = family.derivatives(y, m, eta.ravel(), point.phi)
        place = (J * np.arange(count)[:, None] + codes).ravel()
        terms[at] += np.bincount(place, found[0], count * J).reshape(count, J)
        if with_slopes:
            slopes[at] = found[1].reshape(count, n)
            of_phi = family.dispersion_derivatives(y, m, eta.ravel(), point.phi)[0]
            by_phi[:, at] = of_phi.reshape(-1, count, n)
    return _AtNodes(inverse, v, slopes, by_phi, terms)


def quadrature(mode: Mode, nodes: Nodes) -> tuple[float, Floats]:
    """The value by quadrature around a mode, and its slope by γ, L and φ (p + q² + d,)."""
    rows, point, curvature = mode.rows, mode.point, _of_groups(mode)
    (codes,), (J,), Z, L, C = rows.codes_of, rows.levels, rows.Z, point.root, curvature.C
    q, K = L.shape[0], len(nodes.z)
    found = _at_nodes(mode, nodes, with_slopes=True)
    b, inverse, top = mode.b.reshape(J, q) + found.v, found.inverse, found.terms.max(axis=0)
    share = np.exp(found.terms - top)
    total = share.sum(axis=0)
    share /= total  # π (K, J)
    value = float((top + np.log(total)).sum() - 0.5 * curvature.log_det)
    S, place = np.empty((K, J, q)), (J * np.arange(K)[:, None] + codes).ravel()
    for a in range(q):  # Z'ℓ′
        S[..., a] = np.bincount(place, (found.slopes * Z[:, a]).ravel(), K * J).reshape(K, J)
    pull = S @ L - b  # g_k (K, J, q)
    b_bar = np.einsum("kj,kja->ja", share, pull)
    C_bar = -np.einsum("kja,kjc->jac", share[..., None] * found.v, pull)
    C_bar = C_bar @ inverse.swapaxes(1, 2)  # C⁻¹g_k beside v_k
    C_bar[:, range(q), range(q)] -= 1.0 / np.einsum("jaa->ja", C)
    M_bar = cholesky_adjoint(C, inverse, C_bar)
    by_row = share[:, codes]  # (K, n)
    first = np.einsum("kn,kn->n", by_row, found.slopes)
    d_phi = np.einsum("kn,dkn->d", by_row, found.by_phi)
    moved = np.einsum("kja,kjc->ac", share[..., None] * S, b)
    d_gamma, d_root, d_phi = pull_back(
        mode, first, mode.b, curvature.quadratic(M_bar), b_bar.ravel(), d_phi, moved
    )
    d_root = d_root + 2.0 * curvature.root_adjoint(M_bar)
    return value + rows.log_constant, np.concatenate((d_gamma, d_root.ravel(), d_phi))


def by_level(mode: Mode, nodes: Nodes) -> Floats:
    """log p(y_j | γ, L, φ) of each level (J,) by quadrature around a mode; no constants of y."""
    terms = _at_nodes(mode, nodes, with_slopes=False).terms
    top = terms.max(axis=0)
    size = np.log(np.einsum("jaa->ja", _of_groups(mode).C)).sum(axis=1)
    return np.asarray(top + np.log(np.exp(terms - top).sum(axis=0)) - size)


def _of_groups(mode: Mode) -> GroupCurvature:
    """The curvature of one grouping factor."""
    assert isinstance(mode.curvature, GroupCurvature)
    return mode.curvature


def cholesky_adjoint(C: Floats, inverse: Floats, C_bar: Floats) -> Floats:
    """M̄ (J, q, q), symmetric, of M = CC' from C̄: C⁻ᵀ sym(Φ(C'C̄)) C⁻¹, Φ halves the diagonal.

    References
    ----------
    Murray (2016), arXiv:1602.07527.
    """
    lower = np.tri(C.shape[-1])
    P = np.swapaxes(C, 1, 2) @ (lower * C_bar)
    P *= lower - 0.5 * np.eye(len(lower))
    P = 0.5 * (P + np.swapaxes(P, 1, 2))
    return np.asarray(np.swapaxes(inverse, 1, 2) @ P @ inverse)
