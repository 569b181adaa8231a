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


def quadrature(mode: Mode, nodes: Nodes) -> tuple[float, Floats]:
    """The value by quadrature around a mode, and its slope by γ, L and φ (p + q² + d,)."""
    rows, point, curvature = mode.rows, mode.point, _of_groups(mode)
    (codes,), (J,), Z, L, C = rows.codes_of, rows.levels, rows.Z, point.root, curvature.C
    q = Z.shape[1]
    fixed, v = _placed(mode, nodes)
    b = mode.b.reshape(J, q) + v
    slopes, steps, by_phi, log_terms = [], [], [], []
    for k in range(len(nodes.z)):
        eta = fixed + rows.random_part((b[k] @ L.T,))
        found = rows.family.derivatives(rows.y, rows.m, eta, point.phi)
        of_rows = np.bincount(codes, found[0], J) - 0.5 * (b[k] ** 2).sum(axis=1)
        log_terms.append(of_rows + nodes.log_weight[k])
        slopes.append(found[1])
        steps.append(rows.gathered(found[1])[0])  # Z'ℓ′ (J, q)
        by_phi.append(rows.family.dispersion_derivatives(rows.y, rows.m, eta, point.phi)[0])
    terms = np.array(log_terms)
    top = terms.max(axis=0)
    share = np.exp(terms - top)
    total = share.sum(axis=0)
    share /= total  # π (K, J)
    value = float((top + np.log(total)).sum() - 0.5 * curvature.log_det)
    S = np.array(steps)
    pull = S @ L - b  # g_k (K, J, q)
    b_bar = np.einsum("kj,kja->ja", share, pull)
    inner = np.linalg.solve(C[None], pull[..., None])[..., 0]  # C⁻¹g_k
    C_bar = -np.einsum("kj,kja,kjc->jac", share, v, inner)
    C_bar[:, range(q), range(q)] -= 1.0 / np.einsum("jaa->ja", C)
    M_bar = cholesky_adjoint(C, C_bar)
    by_row = share[:, codes]  # (K, n)
    first = (by_row * np.array(slopes)).sum(axis=0)
    d_phi = np.einsum("kn,kdn->d", by_row, np.array(by_phi))
    moved = np.einsum("kj,kja,kjc->ac", share, S, b)
    d_gamma, d_root, d_phi = pull_back(
        mode, first, mode.b, curvature.quadratic(M_bar), b_bar.ravel(), d_phi, moved
    )
    d_root = d_root + 2.0 * curvature.root_adjoint(M_bar)
    return value + rows.log_constant, np.concatenate((d_gamma, d_root.ravel(), d_phi))


def by_level(mode: Mode, nodes: Nodes) -> Floats:
    """log p(y_j | γ, L, φ) of each level (J,) by quadrature around a mode; no constants of y."""
    rows, L = mode.rows, mode.point.root
    (codes,), (J,) = rows.codes_of, rows.levels
    fixed, v = _placed(mode, nodes)
    terms = np.empty((len(v), J))
    for k, b in enumerate(mode.b.reshape(J, -1) + v):
        eta = fixed + rows.random_part((b @ L.T,))
        of_rows = rows.family.derivatives(rows.y, rows.m, eta, mode.point.phi)[0]
        terms[k] = np.bincount(codes, of_rows, J) - 0.5 * (b**2).sum(axis=1) + nodes.log_weight[k]
    top = terms.max(axis=0)
    size = np.log(np.einsum("jaa->ja", _of_groups(mode).C)).sum(axis=1)
    return np.asarray(top + np.log(np.exp(terms - top).sum(axis=0)) - size)


def _of_groups(mode: Mode) -> GroupCurvature:
    """The curvature of one grouping factor."""
    assert isinstance(mode.curvature, GroupCurvature)
    return mode.curvature


def _placed(mode: Mode, nodes: Nodes) -> tuple[Floats, Floats]:
    """η without random effects (n,), and C⁻ᵀz_k of every node and group (K, J, q)."""
    rows = mode.rows
    fixed = mode.eta - rows.random_part(rows.effects_of(mode.point.root, mode.b))
    turned = np.swapaxes(_of_groups(mode).C, 1, 2)[None]
    return fixed, np.linalg.solve(turned, nodes.z[:, None, :, None])[..., 0]


def cholesky_adjoint(C: Floats, C_bar: Floats) -> Floats:
    """M̄ (J, q, q), symmetric, of M = CC' from C̄: C⁻ᵀ sym(Φ(C'C̄)) C⁻¹, Φ halves the diagonal.

    References
    ----------
    Murray (2016), arXiv:1602.07527.
    """
    P = np.tril(np.swapaxes(C, 1, 2) @ np.tril(C_bar))
    diagonal = np.arange(C.shape[-1])
    P[:, diagonal, diagonal] *= 0.5
    P = 0.5 * (P + np.swapaxes(P, 1, 2))
    left = np.linalg.solve(np.swapaxes(C, 1, 2), P)
    return np.asarray(
        np.swapaxes(np.linalg.solve(np.swapaxes(C, 1, 2), np.swapaxes(left, 1, 2)), 1, 2)
    )
