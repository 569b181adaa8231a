r"""Which variance parameters the data can tell apart, from V itself.

V is linear in the free entries of G and in σ², so that two sets of them give the same likelihood
of the contrasts free of γ just when Σ_i δ_i P V_i P = 0, V_i = ∂V/∂φ_i and P = I − X(X'X)⁻¹X'.
Such δ are the null space of the Gram matrix

    tr(P V_i P V_k) = tr V_iV_k − 2 tr(Φ X'V_iV_kX) + tr(Φ X'V_iX Φ X'V_kX),    Φ = (X'X)⁻¹

over all groups, whatever the rank of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import e, prod

import numpy as np

from hierbayes.design.blocks import entry_directions
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.products import Products
from hierbayes.design.remembered import remembered
from hierbayes.design.sparse_gram import sparse_gram
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.design.sums import least_freedom, left_within
from hierbayes.frames.arrays import Booleans, Floats

_SAME = 1e-10  # of an eigenvalue of the Gram matrix of unit diagonal
_OWN = 1e-8  # of an eigenvalue of Z_j'PZ_j in the unit of its columns
_TOLD = 1e-6  # of the same, by which all groups tell more than the tolerances of refusals
_PLENTY = 1e-3  # of the squares of a column of Z: what is left of it beside others
_LARGE_GROUPS = 20  # that are asked where the largest one cannot tell
_INVOLVED = 1e-6  # of the largest part of a direction


@dataclass(frozen=True, slots=True, eq=False)
class BlindDirections:
    """Changes of (G, σ²) that leave the likelihood as it is.

    Parameters
    ----------
    G : (m, q, q) float
        In units in which each random column has a spread of 1.
    sigma2 : (m,) float
    """

    G: Floats
    sigma2: Floats

    def __len__(self) -> int:
        return len(self.sigma2)

    @property
    def residual(self) -> bool:
        """Whether σ² is among what cannot be told apart."""
        return bool((np.abs(self.sigma2) > _INVOLVED).any())

    @property
    def entries(self) -> Booleans:
        """Entries of G (q, q) that are among it."""
        entries: Booleans = (np.abs(self.G) > _INVOLVED).any(axis=0)
        return entries


@remembered
def blind_directions(cross: Products, blocks: tuple[int, ...]) -> BlindDirections:
    """What the data cannot tell apart; none as a rule.

    Parameters
    ----------
    cross : CrossProducts or SparseProducts
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    """
    if not blocks or are_surely_told(cross):
        return _none(sum(blocks))
    S = entry_directions(blocks)
    gram = sparse_gram(cross, blocks) if isinstance(cross, SparseProducts) else _gram(cross, S)
    size = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    if values[0] >= _SAME:
        return _none(sum(blocks))
    null = (vectors[:, values < _SAME] / size[:, None]).T
    to_user = cross.basis.z.spread[:, None] * cross.basis.z.matrix
    G = to_user @ np.tensordot(null[:, :-1], S, 1) @ to_user.T
    largest = np.maximum(np.abs(G).max(axis=(1, 2), initial=0.0), np.abs(null[:, -1]))
    largest = np.maximum(largest, 1e-300)
    return BlindDirections(G / largest[:, None, None], null[:, -1] / largest)


@lru_cache(maxsize=64)
def _none(q: int) -> BlindDirections:
    return BlindDirections(np.zeros((0, q, q)), np.zeros(0))


def are_surely_told(cross: Products) -> bool:
    """Whether all variance parameters can be told apart, as is seen without derivatives of V.

    By numbers of levels, or by a group of the only factor.  It holds of these rows however they are
    weighted within their groups.
    """
    if are_told_by_numbers(cross):
        return True
    if isinstance(cross, SparseProducts):
        return False
    is_free = least_freedom(cross) > 0.0 or left_within(cross)[1] > 0.0
    return is_free and is_told_by_a_group(cross, 0, _OWN)


@remembered
def are_told_by_numbers(cross: Products) -> bool:
    """Whether numbers of rows, columns and levels tell all variance parameters apart.

    Let each factor have one effect and Σ_k δ_k PZ_kZ_k'P + δ_0 P = 0.  Where there are more rows
    than columns of X and of all Z_k, some x ≠ 0 is orthogonal to all, and x'x δ_0 = 0.  Where the
    largest factor has more levels than there are columns of X and of the other Z_k, some
    x = Z_1c ≠ 0 is orthogonal to those, and x'Z_1Z_1'x δ_1 = 0.  So δ_0 = δ_1 = 0; the others
    follow in the order of their levels.
    """
    counts, columns = cross.group_counts, cross.p
    if least_freedom(cross) <= 0.0:
        return False
    for k in sorted(range(len(counts)), key=counts.__getitem__):
        if told_by_number(cross, k, columns) < _PLENTY:
            return False
        columns += counts[k]
    return True


def told_by_number(cross: Products, k: int, columns: int) -> float:
    """What so many columns leave of the only one of Z of factor k, at least; 0 of several.

    tr Z'PZ where tr Z'Z is 1.  The parts Z_j of J levels are orthogonal to each other, so that of
    Σ_j Z_j'Z_j other columns take no more than as many parts as they are.
    """
    return (cross.group_counts[k] - columns) * _least_part(cross, k)


def _least_part(cross: Products, k: int) -> float:
    """The least Z_j'Z_j of the only column of Z of factor k, of the sum of all; 0 of several."""
    if cross.widths[k] != 1:
        return 0.0
    return float(cross.least_squares[k][0] / max(cross.total_squares[k][0], 1e-300))


def are_told_from_fixed(cross: Products, k: int) -> bool:
    """Whether the effects of factor k are surely told from each other and from the fixed part."""
    return told_by_number(cross, k, cross.p) > _TOLD or is_told_by_a_group(cross, k, _TOLD)


def is_told_by_a_group(cross: Products, k: int, least: float) -> bool:
    """Whether a group of factor k tells its random effects from all else, by more than so much.

    The least eigenvalue of Z_j'PZ_j, P = I − X(X'X)⁻¹X', the columns of Z in the unit in which
    each has length 1 in all groups together.  Above 0 such a group tells every G from every other.
    The largest one is asked before other large ones.
    """
    return told_by_largest(cross, k) > least or _told_by_large(cross, k) > least


@remembered
def told_by_largest(cross: Products, k: int) -> float:
    """How well the largest group of factor k tells its effects at least, see `is_told_by_a_group`.

    The pivots of Z_j'PZ_j are the last ones of [X'X X'Z_j; Z_j'X Z_j'Z_j].  With columns of Z_j of
    length 1 their product is the determinant; the eigenvalues add up to q at most, and so the
    least of them times (q/(q − 1))^(q − 1) < e is no less than that.
    """
    A, B = cross.largest_group(k)
    p, own, total = cross.p, A.diagonal(), cross.total_squares[k]
    whole = np.zeros((p + len(A), p + len(A)))
    whole[:p, :p], whole[p:, :p], whole[p:, p:] = cross.C[:p, :p], B[:, :p], A
    try:
        pivots = np.linalg.cholesky(whole).diagonal()[p:]  # which reads the lower triangle
    except np.linalg.LinAlgError:
        return 0.0
    return prod((pivots * pivots / own).tolist()) / e * float((own / total).min())


@remembered
def _told_by_large(cross: Products, k: int) -> float:
    """How well some large group of factor k tells its effects, see `is_told_by_a_group`."""
    level = cross.levels[k]
    large = np.argsort(level.rows)[-_LARGE_GROUPS:]
    B = level.B[large, :, :-1]
    left = level.A[large] - B @ np.linalg.solve(cross.C[:-1, :-1], B.transpose(0, 2, 1))
    unit = np.sqrt(np.maximum(cross.total_squares[k], 1e-300))
    return float(np.linalg.eigvalsh(left / (unit[:, None] * unit))[:, 0].max())


def _gram(cross: CrossProducts, S: Floats) -> Floats:
    """tr(P V_i P V_k) (k+1, k+1), σ² last."""
    A, B, XtX = cross.A, cross.B[:, :, :-1], cross.C[:-1, :-1]
    k = len(S)
    turned = np.einsum("iab,gbc->igac", S, A)  # S_iA_g
    moved = np.einsum("iab,gbp->igap", S, B)
    first = np.linalg.solve(XtX, np.einsum("gap,igar->ipr", B, moved, optimize=True))  # ΦX'V_iX
    second = np.einsum("igap,gab,kgbr->ikpr", moved, A, moved, optimize=True)
    gram = np.empty((k + 1, k + 1))
    gram[:-1, :-1] = np.einsum("igab,kgba->ik", turned, turned, optimize=True)
    gram[:-1, :-1] -= 2.0 * np.einsum("ikpr,rp->ik", second, np.linalg.inv(XtX))
    gram[:-1, :-1] += np.einsum("ipr,krp->ik", first, first)
    gram[:-1, -1] = gram[-1, :-1] = np.einsum("igaa->i", turned) - np.einsum("ipp->i", first)
    gram[-1, -1] = cross.n - len(XtX)
    return gram
