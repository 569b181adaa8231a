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
from scipy.sparse import block_diag, bsr_array, coo_array, csr_array, eye_array, hstack, kron

from hierbayes.design.weight_blocks import WeightBlocks
from hierbayes.errors import EstimationError
from hierbayes.frames.arrays import Floats, Integers

LARGEST = 5000  # random effects of all factors but one: a dense matrix of them is factorised


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
    sums = [
        [np.bincount(codes, z * column, minlength=J) for column in columns.T]
        for z in Z.T
    ]  # fmt: skip
    return np.array(sums).reshape(Z.shape[1], columns.shape[1], J).transpose(2, 0, 1)


def _of_several(rows: NormalRows, roots: Sequence[Floats]) -> PseudoData:
    """Of effects that meet in rows: by elimination, of the factor with most groups first.

    No row has two groups of that factor, so that its effects are eliminated group by group; those
    of all others as one dense matrix.
    """
    factors, J = range(len(rows.Z)), rows.groups
    order = sorted(factors, key=lambda k: J[k])
    first, *rest = order[::-1]  # the last to be mapped is eliminated first
    sizes = {k: J[k] * len(roots[k]) for k in rest}
    _refuse_too_many(sum(sizes.values()))
    each = [_expanded(rows.Z[k], rows.codes[k], J[k]) for k in factors]
    weight, alone = rows.blocks.weighted, rows.blocks.diagonal(rows.kappa)
    ends = np.column_stack([weight(rows.kappa, rows.X), rows.response, alone])
    Z = hstack([each[k] for k in rest], format="csr")
    L = block_diag([kron(eye_array(J[k]), coo_array(roots[k])) for k in rest], format="csr")
    own = _sums(rows.Z[first], weight(rows.kappa, rows.Z[first]), rows.codes[first], J[first])
    K, ones = _inverse_roots(own, roots[first]), each[first].T @ ends
    weighted = _weights(rows) @ Z
    H, known = csr_array(K @ (each[first].T @ weighted)), K @ ones
    S, Q = (Z.T @ weighted).toarray() - (H.T @ H).toarray(), Z.T @ ends - H.T @ known
    LS = L.T @ S
    C = np.linalg.cholesky(np.eye(len(S)) + L.T @ LS.T)
    half = solve_triangular(C, np.column_stack([LS, L.T @ Q]), lower=True)
    A, B = {first: own}, {first: ones[:, :-1].reshape(*own.shape[:2], -1)}
    weights, at = {first: alone}, 0
    for k in rest:
        u = L[:at, :at] @ solve_triangular(C[:at, :at], half[:at, -1], lower=True, trans="T")
        through = each[first] @ (K.T @ (known[:, -1] - H[:, :at] @ u))
        weights[k] = alone * (1.0 - Z[:, :at] @ u - through)
        places = (at + np.arange(sizes[k])).reshape(J[k], -1)
        at += sizes[k]
        within = half[:at, places]  # (·, J, q)
        T = S[places[:, :, None], places[:, None, :]] - np.einsum("njk,njl->jkl", within, within)
        R = Q[places, :-1] - np.einsum("njk,nc->jkc", within, half[:at, len(S) : -1])
        A[k], B[k] = _left_out(T, R, roots[k])
    carried = {
        (k, before): csr_array(each[k].T @ each[before].multiply(weights[k][:, None]))
        for step, k in enumerate(order)
        for before in order[:step]
    }
    A_, B_, weights_ = (tuple(one[k] for k in factors) for one in (A, B, weights))
    return PseudoData(A_, B_, weights_, tuple(order), carried)


def _refuse_too_many(effects: int) -> None:
    """Refuse more effects than a dense matrix may have beside those of the first factor."""
    if effects > LARGEST:
        raise EstimationError(
            f"{effects} random effects beside those of the grouping factor with most groups are "
            f"too many for a posterior of a family other than the Gaussian: at most {LARGEST}; "
            "use ml()"
        )


def _inverse_roots(S: Floats, root: Floats) -> csr_array:
    """K = C⁻¹L' (J q, J q), CC' = I + L'S_jL: K'K is the covariance of effects u_j = L b_j."""
    J, q = S.shape[:2]
    C = np.linalg.cholesky(np.eye(q) + root.T @ S @ root)
    blocks = np.linalg.solve(C, np.broadcast_to(root.T, S.shape))
    return csr_array(bsr_array((blocks, np.arange(J), np.arange(J + 1)), shape=(J * q, J * q)))


def _left_out(T: Floats, R: Floats, root: Floats) -> tuple[Floats, Floats]:
    """A and B (J, q, ·) of T and R, see the module."""
    q = len(root)
    left_out = np.eye(q) - T @ (root @ root.T)
    found = np.linalg.solve(left_out, np.concatenate([T, R], axis=-1))
    A, B = found[..., :q], found[..., q:]
    return 0.5 * (A + np.swapaxes(A, -1, -2)), B


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
