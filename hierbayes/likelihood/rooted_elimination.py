r"""The effects of several factors eliminated by orthogonal transformations.

Where random effects are far larger than the residual, I has no digits beside Λ'Z'ZΛ, and
S = W'(V/σ²)⁻¹W none beside W'W.  A triangular root R = [R_Z T; 0 R_W] of the rows keeps them:

    [ R_Z Λ  T ]       [ L'  E  ]
    [   I    0 ]  =  Q [ 0   S₁ ],        S = S₁'S₁ + R_W'R_W,     Ω = LL'

L is the factor that `sparse_elimination` makes, as a dense matrix.  What follows from it is
computed from H = L'⁻¹E = Ω⁻¹Λ'Z'W and Ω⁻¹, never from Z'Z:

    Z'(V/σ²)⁻¹W = Λ'⁻¹H,        Z'(V/σ²)⁻¹Z = Λ'⁻¹(I − Ω⁻¹)Λ⁻¹

References
----------
Golub & Van Loan (2013), *Matrix Computations*, section 5.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular

from hierbayes.design.elimination import (
    BEGIN,
    CORE,
    FACTOR,
    N_CORE,
    PLACE,
    Layout,
)
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.remembered import remembered
from hierbayes.design.rows_root import rows_root
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers

FAR_LARGER = 1e4  # sd of an effect beside its noise, from which on roots are used


@dataclass(frozen=True, eq=False)
class RootedElimination:
    """The elimination at relative roots λ_k.

    Parameters
    ----------
    cross : SparseProducts
    root : (Q, Q) float
        λ_k on the diagonal.
    log_det : float
        log|I + Λ'Z'ZΛ|.
    S : (p+1, p+1) float
    low, right : (m, m), (m, p+1) float
        L and E.
    """

    cross: SparseProducts
    root: Floats
    log_det: float
    S: Floats
    low: Floats
    right: Floats

    @property
    def layout(self) -> Layout:
        """The order of elimination."""
        return elimination_of(self.cross)

    @cached_property
    def H(self) -> Floats:
        """Ω⁻¹Λ'Z'W (m, p+1)."""
        return solve_triangular(self.low, self.right, lower=True, trans="T")

    @cached_property
    def inverse(self) -> Floats:
        """Ω⁻¹ (m, m)."""
        inverse = solve_triangular(self.low, np.eye(len(self.low)), lower=True)
        found: Floats = inverse.T @ inverse
        return found

    @cached_property
    def omega(self) -> Floats:
        """L and E as `sparse_elimination` lays them out."""
        at, rows, columns = _entries(self.cross)
        omega = np.zeros(self.layout.elimination.size)
        omega[at] = np.vstack([self.low, self.right.T])[rows, columns]
        return omega

    def unscaled(self, columns: Floats, *, transposed: bool) -> Floats:
        """Λ⁻¹ columns or Λ'⁻¹ columns (m, k), of roots of full rank."""
        result = np.empty_like(columns)
        for span, places in zip(self.cross.spans, self.layout.places, strict=True):
            one = np.linalg.inv(self.root[span, span])
            result[places] = (one.T if transposed else one) @ columns[places]
        return result

    def score(self, gamma: Floats, F: Floats, sigma: float) -> Floats:
        """∂ℓ/∂Γ (Q, Q) at fixed σ, zero between factors, from γ̂ and FF' = Q⁻¹.

        −½ λ'⁻¹[Σ_j (I − Ω⁻¹ − vv'/σ² − HFF'H')_jj]λ⁻¹,   v = H(−γ, 1)
        """
        known = np.hstack([self.H[:, :-1] @ F, self._residual(gamma) / sigma])
        M = np.zeros_like(self.root)
        for span, places in zip(self.cross.spans, self.layout.places, strict=True):
            own = self.inverse[places[:, :, None], places[:, None, :]].sum(axis=0)
            own += np.einsum("jak,jbk->ab", known[places], known[places])
            left = len(places) * np.eye(len(own)) - own
            inverse = np.linalg.inv(self.root[span, span])
            half = -0.5 * inverse.T @ left @ inverse
            M[span, span] = 0.5 * (half + half.T)
        return M

    def effects(self, gamma: Floats) -> Floats:
        """Z'(V/σ²)⁻¹(y − Xγ) (m,), in the order of elimination."""
        return self.unscaled(self._residual(gamma), transposed=True)[:, 0]

    def _residual(self, gamma: Floats) -> Floats:
        right: Floats = self.H @ np.append(-gamma, 1.0)[:, None]
        return right

    def information(self, w: Floats, F: Floats) -> Floats:
        """w'Z'PZw (k, k) of w (m, k) in the order of elimination, P without what X takes."""
        s = self.unscaled(w, transposed=False)
        half = solve_triangular(self.low, s, lower=True)
        through = F.T @ (self.H[:, :-1].T @ s)
        found: Floats = s.T @ s - half.T @ half - through.T @ through
        return found

    def row_quadratics(self, Z: Floats, codes_of: tuple[Integers, ...]) -> Floats:
        """z_i'ΛΩ⁻¹Λ'z_i (n,) of rows Z (n, Q) with these levels; one that is none has no effect."""
        wide = np.zeros((len(Z), len(self.low)))
        for span, places, codes in zip(self.cross.spans, self.layout.places, codes_of, strict=True):
            known = np.flatnonzero(codes < len(places))
            wide[known[:, None], places[codes[known]]] = Z[known, span] @ self.root[span, span]
        return self._squared(wide.T)

    def sum_quadratics(self, weights: Floats) -> Floats:
        """w'ΛΩ⁻¹Λ'w (k,) of weights (m, k) in the order of elimination."""
        turned = np.zeros_like(weights)
        for span, places in zip(self.cross.spans, self.layout.places, strict=True):
            turned[places] = np.einsum("jqk,qr->jrk", weights[places], self.root[span, span])
        return self._squared(turned)

    def _squared(self, wide: Floats) -> Floats:
        """v'Ω⁻¹v (k,) of v (m, k)."""
        half = solve_triangular(self.low, wide, lower=True)
        found: Floats = (half * half).sum(axis=0)
        return found


def rooted_elimination(
    root: Floats, cross: SparseProducts, least: float = FAR_LARGER
) -> RootedElimination | None:
    """The elimination by roots; None where products do, or there is no root of the rows.

    Products do where no effect is more than ``least`` times its noise.
    """
    ratio = float((np.abs(root).sum(axis=1) / cross.noise).max())
    if not least < ratio < np.inf or (R := rows_root(cross)) is None:
        return None
    layout = elimination_of(cross)
    m, p1 = layout.elimination.effects, cross.p + 1
    top = np.zeros((m + len(R[:m]), m + p1))
    top[:m, :m] = np.eye(m)
    top[m:, m:] = R[:m, m:]
    for span, places in zip(cross.spans, layout.places, strict=True):
        own = np.swapaxes(R[:m][:, places], 0, 1)  # (J, rows, q)
        top[m:, places] = np.swapaxes(own @ root[span, span], 0, 1)
    upper = np.linalg.qr(top, mode="r")
    sign = np.where(np.diag(upper)[:m] < 0.0, -1.0, 1.0)[:, None]
    low, right, rest = (sign * upper[:m, :m]).T, sign * upper[:m, m:], upper[m:, m:]
    S = rest.T @ rest + R[m:, m:].T @ R[m:, m:]
    log_det = 2.0 * float(np.log(np.diag(low)).sum())
    return RootedElimination(cross, root, log_det, S, np.ascontiguousarray(low), right)


@remembered
def _entries(cross: SparseProducts) -> tuple[Integers, Integers, Integers]:
    """Where the entries of the factor stand in one array, and in [L; E'] by row and column."""
    e = elimination_of(cross).elimination
    N, m, p1 = len(e.nodes), e.effects, cross.p + 1
    found: list[tuple[Integers, Integers, Integers]] = []

    def add(begin: int, rows: Integers, columns: Integers) -> None:
        at = begin + np.arange(len(rows) * len(columns))
        found.append((at, np.repeat(rows, len(columns)), np.tile(columns, len(rows))))

    outside = m + np.arange(p1)
    for node, one in enumerate(e.nodes):
        q = e.q[one[FACTOR]]
        own = e.offsets[node] + np.arange(q)
        above = [
            e.offsets[a] + np.arange(e.q[e.nodes[a, FACTOR]])
            for a in e.ancestors[node, one[PLACE] + 1 :]
        ]
        core = e.core[one[CORE] : one[CORE] + one[N_CORE]]
        if len(core):
            above.append(e.offsets[N + e.component[node]] + core)
        add(one[BEGIN], np.concatenate([own, *above, outside]), own)
    for place, (size, begin) in enumerate(e.components):
        own = e.offsets[N + place] + np.arange(size)
        add(begin, np.concatenate([own, outside]), own)
    at, rows, columns = (np.concatenate(part) for part in zip(*found, strict=True))
    return at, rows, columns
