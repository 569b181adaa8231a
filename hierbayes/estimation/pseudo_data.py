r"""Pseudo-data: the Gaussian model that a likelihood is like near a mode of its random effects.

With κ = −ℓ″(η) and κỹ = κ(η − offset) + ℓ′(η) at the mode, rows are like ỹ ~ N(X°γ° + Zu, κ⁻¹).
What that says of the effects u_j of one group is a precision A_j and B_j = [B_X B_y], so that
u_j | γ is about N((G⁻¹ + A)⁻¹(B_y − B_X γ°), (G⁻¹ + A)⁻¹).

Effects of one grouping factor meet in no row: A_j = Z_j'κZ_j and B_j = Z_j'κ[X° ỹ].  Of several
factors those with fewer groups come first: each is mapped given the factors before it, with those
after it integrated out.  With Σ = κ⁻¹ + Σ Z_l G_l Z_l' over its own and those after it, T_j =
Z_j'Σ⁻¹Z_j and R_j = Z_j'Σ⁻¹[X° ỹ], where G may be singular,

    A_j = (I − T_j G_j)⁻¹ T_j,   B_j = (I − T_j G_j)⁻¹ R_j,

which leaves u_j alone out of Σ.  Effects of the factors before count in B_y as if every row had a
weight, Σ⁻¹1 of the factors after it alone: κ for the last factor, where it is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse import block_diag, coo_array, csr_array, eye_array, hstack, kron

from hierbayes.design.weight_blocks import WeightBlocks
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
    weights : tuple of (n,) float
        With which effects of factors mapped before count in the rows of each factor.
    order : tuple of int
        In which the factors are mapped.
    carried : dict of (k, l) to (J_k q_k, J_l q_l) sparse
        Z_k' diag(weights of k) Z_l, of each factor l mapped before k.
    """

    A: tuple[Floats, ...]
    B: tuple[Floats, ...]
    weights: tuple[Floats, ...]
    order: tuple[int, ...]
    carried: dict[tuple[int, int], csr_array]


@dataclass(frozen=True, slots=True, eq=False)
class NormalRows:
    """Rows as those of a Gaussian model with weights.

    Parameters
    ----------
    kappa : (n,) float
        κ, not negative; of several linear predictors blocks, not indefinite.
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

    @property
    def blocks(self) -> WeightBlocks:
        """Which rows the entries of κ belong to."""
        return WeightBlocks(len(self.X), len(self.kappa) // max(len(self.X), 1))


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
        weight = rows.blocks.weighted
        weighted = np.column_stack([weight(rows.kappa, rows.X), rows.response])
        A = _sums(Z, weight(rows.kappa, Z), codes, J)
        return PseudoData(
            (A,), (_sums(Z, weighted, codes, J),), (rows.blocks.diagonal(rows.kappa),), (0,), {}
        )
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
    factors = range(len(rows.Z))
    order = sorted(factors, key=lambda k: rows.groups[k])
    each = [_expanded(rows.Z[k], rows.codes[k], rows.groups[k]) for k in factors]
    backward = order[::-1]  # the last is eliminated first
    Z = hstack([each[k] for k in backward], format="csr")
    L = block_diag(
        [kron(eye_array(rows.groups[k]), coo_array(roots[k])) for k in backward], format="csr"
    )
    alone = rows.blocks.diagonal(rows.kappa)
    S = (Z.T @ _weights(rows) @ Z).toarray()
    ends = [rows.blocks.weighted(rows.kappa, rows.X), rows.response, alone]
    Q = Z.T @ np.column_stack(ends)
    LS = L.T @ S
    C = np.linalg.cholesky(np.eye(N) + (L.T @ LS.T))
    half = solve_triangular(C, np.column_stack([LS, L.T @ Q]), lower=True)
    A, B, weights, at = {}, {}, {}, 0
    for k in backward:
        J, q = rows.groups[k], len(roots[k])
        inner = solve_triangular(C[:at, :at], half[:at, -1], lower=True, trans="T")
        weights[k] = alone * (1.0 - Z[:, :at] @ (L[:at, :at] @ inner))
        places = (at + np.arange(J * q)).reshape(J, q)
        at += J * q
        own = half[:at, places]  # (·, J, q)
        T = S[places[:, :, None], places[:, None, :]] - np.einsum("njk,njl->jkl", own, own)
        R = Q[places, :-1] - np.einsum("njk,nc->jkc", own, half[:at, N:-1])
        left_out = np.eye(q) - T @ (roots[k] @ roots[k].T)
        found = np.linalg.solve(left_out, np.concatenate([T, R], axis=-1))
        A[k] = 0.5 * (found[..., :q] + np.swapaxes(found[..., :q], -1, -2))
        B[k] = found[..., q:]
    carried = {
        (k, before): csr_array(each[k].T @ each[before].multiply(weights[k][:, None]))
        for step, k in enumerate(order)
        for before in order[:step]
    }
    A_, B_, weights_ = (tuple(one[k] for k in factors) for one in (A, B, weights))
    return PseudoData(A_, B_, weights_, tuple(order), carried)


def _weights(rows: NormalRows) -> csr_array:
    """κ as a matrix (n, n)."""
    n, blocks = len(rows.X), rows.blocks
    at = np.arange(n)
    return csr_array((rows.kappa, (at[blocks.left], at[blocks.right])), (n, n))


def _expanded(Z: Floats, codes: Integers, J: int) -> csr_array:
    """Z (n, J q) of one factor, group by group."""
    n, q = Z.shape
    columns = codes[:, None] * q + np.arange(q)
    return csr_array((Z.ravel(), (np.repeat(np.arange(n), q), columns.ravel())), (n, J * q))
