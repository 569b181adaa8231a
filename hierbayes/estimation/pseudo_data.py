r"""Pseudo-data: the Gaussian model that a likelihood is like near a mode of its random effects.

With κ = −ℓ″(η) and κỹ = κ(η − offset) + ℓ′(η) at the mode, rows are like ỹ ~ N(X°γ° + Zu, κ⁻¹).
What that says of the effects u_j of one group, all others integrated out, is a precision A_j and
B_j = [B_X B_y], so that u_j | γ is about N((G⁻¹ + A)⁻¹(B_y − B_X γ°), (G⁻¹ + A)⁻¹).

Effects of one grouping factor meet in no row: A_j = Z_j'κZ_j and B_j = Z_j'κ[X° ỹ].  Effects of
several do.  With Σ = κ⁻¹ + Z G Z', T_j = Z_j'Σ⁻¹Z_j and R_j = Z_j'Σ⁻¹[X° ỹ], where G may be
singular,

    A_j = (I − T_j G_j)⁻¹ T_j,   B_j = (I − T_j G_j)⁻¹ R_j,

which leaves u_j alone out of Σ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse import block_diag, coo_array, csr_array, eye_array, hstack, kron

from hierbayes.errors import EstimationError
from hierbayes.frames.arrays import Floats, Integers

LARGEST = 5000  # random effects of several factors: a dense matrix of them is factorised


@dataclass(frozen=True, slots=True, eq=False)
class PseudoData:
    """What stands for the rows in `panel_map`, for each grouping factor.

    Parameters
    ----------
    A : tuple of (J, q, q) float
    B : tuple of (J, q, p+1) float
    """

    A: tuple[Floats, ...]
    B: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NormalRows:
    """Rows as those of a Gaussian model with weights.

    Parameters
    ----------
    kappa : (n,) float
        κ, not negative.
    response : (n,) float
        κỹ; finite where κ is 0.
    X : (n, p) float
        X°.
    Z : tuple of (n, q) float
        Of each grouping factor.
    codes : tuple of (n,) int
        The group of each row, of each factor.
    groups : tuple of int
        How many groups each factor has.
    """

    kappa: Floats
    response: Floats
    X: Floats
    Z: tuple[Floats, ...]
    codes: tuple[Integers, ...]
    groups: tuple[int, ...]


def pseudo_data(rows: NormalRows, roots: Sequence[Floats]) -> PseudoData:
    """The pseudo-data of rows at the mode of their random effects.

    Parameters
    ----------
    rows : NormalRows
    roots : sequence of (q, q) float
        A root of G of each grouping factor, at the mode; where there is one factor it is not read.

    Raises
    ------
    EstimationError
        Several factors have more random effects than can be eliminated together.
    """
    if len(rows.Z) == 1:
        (Z,), (codes,), (J,) = rows.Z, rows.codes, rows.groups
        weighted = np.column_stack([rows.kappa[:, None] * rows.X, rows.response])
        A = _sums(Z, rows.kappa[:, None] * Z, codes, J)
        return PseudoData((A,), (_sums(Z, weighted, codes, J),))
    return _of_several(rows, roots)


def _sums(Z: Floats, columns: Floats, codes: Integers, J: int) -> Floats:
    """Z_j' columns_j of each group (J, q, c)."""
    return np.array(
        [
            [np.bincount(codes, z * column, minlength=J) for column in columns.T]
            for z in Z.T
        ]
    ).transpose(2, 0, 1)  # fmt: skip


def _of_several(rows: NormalRows, roots: Sequence[Floats]) -> PseudoData:
    """Of effects that meet in rows: by elimination of all of them."""
    sizes = [Z.shape[1] * J for Z, J in zip(rows.Z, rows.groups, strict=True)]
    N = sum(sizes)
    if N > LARGEST:
        raise EstimationError(
            f"{N} random effects of several grouping factors are too many for a family other than "
            f"the Gaussian: at most {LARGEST}"
        )
    parts = zip(rows.Z, rows.codes, rows.groups, strict=True)
    Z = hstack([_expanded(*part) for part in parts], format="csr")
    L = block_diag(
        [kron(eye_array(J), coo_array(root)) for J, root in zip(rows.groups, roots, strict=True)],
        format="csr",
    )
    S = (Z.T @ Z.multiply(rows.kappa[:, None])).toarray()
    weighted = np.column_stack([rows.kappa[:, None] * rows.X, rows.response])
    LS = L.T @ S
    C = np.linalg.cholesky(np.eye(N) + (L.T @ LS.T))
    half = solve_triangular(C, np.column_stack([LS, L.T @ (Z.T @ weighted)]), lower=True)
    Q = Z.T @ weighted - half[:, :N].T @ half[:, N:]
    found_A, found_B, at = [], [], 0
    for root, J in zip(roots, rows.groups, strict=True):
        q = len(root)
        places = (at + np.arange(J * q)).reshape(J, q)
        own = half[:, places]  # (N, J, q)
        T = S[places[:, :, None], places[:, None, :]] - np.einsum("njk,njl->jkl", own, own)
        alone = np.eye(q) - T @ (root @ root.T)
        A = np.linalg.solve(alone, T)
        found_A.append(0.5 * (A + A.transpose(0, 2, 1)))
        found_B.append(np.linalg.solve(alone, Q[places]))
        at += J * q
    return PseudoData(tuple(found_A), tuple(found_B))


def _expanded(Z: Floats, codes: Integers, J: int) -> csr_array:
    """Z (n, J q) of one factor, group by group."""
    n, q = Z.shape
    columns = codes[:, None] * q + np.arange(q)
    return csr_array((Z.ravel(), (np.repeat(np.arange(n), q), columns.ravel())), (n, J * q))
