"""The state of the likelihood of several grouping factors at one θ.

As `State` of one factor; what is by level is asked for factor by factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.sparse import csr_array

from hierbayes.design.elimination import AT, DIAGONAL, LEADING, ROW, Layout
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.conditional import ConditionalMoments
from hierbayes.likelihood.eliminated import Eliminated, eliminated
from hierbayes.likelihood.gamma_state import GammaState
from hierbayes.likelihood.marginal import MarginalLikelihood
from hierbayes.likelihood.row_blocks import pair_blocks
from hierbayes.likelihood.selected_inverse import inverse_entries

_SOLVED_AT_ONCE = 64  # rows


@dataclass(frozen=True, eq=False)
class SparseState[L: MarginalLikelihood[SparseProducts]](GammaState[SparseProducts, L]):
    """The likelihood at one θ: computed when asked for, and kept.

    Parameters are those of `GammaState`.
    """

    @property
    def layout(self) -> Layout:
        """The order of elimination."""
        return elimination_of(self.cross)

    @cached_property
    def eliminated(self) -> Eliminated:
        """The effects eliminated here."""
        return eliminated(self.cross, self.relative_root)

    @property
    def log_det_and_S(self) -> tuple[float, Floats]:
        """log|V/σ²| and S = [X y]'(V/σ²)⁻¹[X y] (p+1, p+1)."""
        return self.eliminated.log_det, self.eliminated.S

    @cached_property
    def relative_score(self) -> Floats:
        """The derivative (Q, Q) of the log likelihood by λλ' at fixed σ."""

        def read(S: Floats) -> tuple[Floats, Floats, float]:
            _, _, at, F = self._read_at(0.0, S)
            return at, F, self.internal_sigma

        return self.eliminated.score(read)

    @cached_property
    def inverse(self) -> Floats:
        """Ω⁻¹ wherever Ω has an entry, as the elimination lays it out."""
        p1 = self.cross.p + 1
        e = self.layout.elimination
        return inverse_entries(e, np.zeros((p1, p1)), self.eliminated.omega)

    @cached_property
    def moments_of(self) -> tuple[ConditionalMoments, ...]:
        """Moments of γ° and of the u° of each factor."""
        gamma, cov = self.internal_gamma, self.internal_gamma_cov
        found = []
        for k, (span, places) in enumerate(zip(self.cross.spans, self.layout.places, strict=True)):
            on_W, root = self.eliminated.on_W[places], self.relative_root[span, span]
            K = root @ self.inverse_blocks_of(k) @ root.T
            u = on_W[:, :, -1] - on_W[:, :, :-1] @ gamma
            u_cov = self.internal_sigma**2 * K
            found.append(ConditionalMoments(gamma, cov, u, u_cov, on_W[:, :, :-1]))
        return tuple(found)

    def inverse_blocks_of(self, k: int) -> Floats:
        """The blocks of Ω⁻¹ (J, q, q) of the levels of a factor."""
        return self._blocks_of(k, self.inverse)

    def row_quadratics(self, Z: Floats, codes_of: tuple[Integers, ...]) -> Floats:
        """z_i'Kz_i (n,) of rows Z (n, Q) in the internal basis, Cov(u° | γ, θ, y) = σ²K.

        K goes over the effects of all factors; ``codes_of`` are the levels that the rows have.
        """
        spans, total = self.cross.spans, np.zeros(len(Z))
        if (rooted := self.eliminated.rooted) is not None:
            return rooted.row_quadratics(Z, codes_of)
        halves = [Z[:, span] @ self.relative_root[span, span] for span in spans]
        for k, half in enumerate(halves):
            own = self.inverse_blocks_of(k)[codes_of[k]]
            total += np.einsum("na,nab,nb->n", half, own, half)
        for k, m in combinations(range(len(spans)), 2):
            both = pair_blocks(self.layout, self.inverse, k, m, codes_of)
            total += 2.0 * np.einsum("na,nab,nb->n", halves[k], both, halves[m])
        return total

    def solved_quadratics(self, Z: Floats, codes_of: tuple[Integers, ...]) -> Floats:
        """`row_quadratics` of rows whose levels need not occur together.

        A level that is none, J or more, has no effect.
        """
        if (rooted := self.eliminated.rooted) is not None:
            return rooted.row_quadratics(Z, codes_of)
        found = np.empty(len(Z))
        for start in range(0, len(Z), _SOLVED_AT_ONCE):
            at = slice(start, min(start + _SOLVED_AT_ONCE, len(Z)))
            right = np.zeros((self.layout.elimination.effects, at.stop - at.start))
            for codes, span, places in zip(
                codes_of, self.cross.spans, self.layout.places, strict=True
            ):
                known = np.flatnonzero(codes[at] < len(places))
                mine = codes[at][known]
                right[places[mine], known[:, None]] = Z[at, span][known]
            found[at] = (right * self.eliminated.resolved(right)).sum(axis=0)
        return found

    def sum_quadratics(self, weights: Mapping[int, csr_array]) -> Floats:
        """w'Kw (m,) of sums with weights (m, J_k q_k) by factor, in the internal basis."""
        (m,) = {one.shape[0] for one in weights.values()}
        found = np.empty(m)
        for start in range(0, m, _SOLVED_AT_ONCE):
            at = slice(start, min(start + _SOLVED_AT_ONCE, m))
            right = np.zeros((self.layout.elimination.effects, at.stop - at.start))
            for k, one in weights.items():
                right[self.layout.places[k].ravel()] = one[at].toarray().T
            rooted = self.eliminated.rooted
            found[at] = (
                (right * self.eliminated.resolved(right)).sum(axis=0)
                if rooted is None
                else rooted.sum_quadratics(right)
            )
        return found

    def _blocks_of(self, k: int, inverse: Floats) -> Floats:
        e = self.layout.elimination
        mine = e.blocks[(e.blocks[:, ROW] == k) & (e.blocks[:, DIAGONAL] == 1)]
        i = np.arange(e.q[k])
        later, earlier = np.maximum.outer(i, i), np.minimum.outer(i, i)
        at = mine[:, AT, None, None] + later * mine[:, LEADING, None, None] + earlier
        entries: Floats = inverse[at]
        return entries

    def shrinkage_of(self, k: int) -> Floats:
        """Λ_j (J, q, q) of a factor in the user's units."""
        span, e = self.cross.spans[k], self.layout.elimination
        full = self.eliminated.full
        nothing = np.zeros((self.cross.p + 1,) * 2)
        resolved = np.eye(e.q[k]) - self._blocks_of(k, inverse_entries(e, nothing, full.omega))
        root = self.cross.basis.z.matrix[span, span] @ full.root[span, span]
        shares: Floats = root @ resolved @ np.linalg.inv(root)  # of λ(I − Ω⁻¹)λ⁻¹
        if full.root is not self.relative_root:  # G where its missing directions were given some
            own = self.cross.basis.z.matrix[span, span] @ self.relative_root[span, span]
            shares = own @ own.T @ np.linalg.inv(root @ root.T) @ shares
        return shares

    def u_of(self, k: int) -> Floats:
        """E(u | θ, y) (J, q) of a factor, the BLUP."""
        u: Floats = self.moments_of[k].u @ self._to_user(k).T
        return u

    def u_cov_of(self, k: int, *, given_gamma: bool) -> Floats:
        """Cov(u_j | γ, θ, y) (J, q, q) of a factor, or Cov(u_j | θ, y)."""
        return self._u_cov(self.moments_of[k], self._to_user(k), given_gamma)

    def coefficient_cov_of(self, k: int, W: Floats) -> Floats:
        """Cov(β_j | θ, y) (J, q, q) of β_j = W_jγ + u_j of a factor, W (J, q, p)."""
        return self._coefficient_cov(self.moments_of[k], self._to_user(k), W)

    def _to_user(self, k: int) -> Floats:
        span, basis = self.cross.spans[k], self.cross.basis
        to_user: Floats = basis.scale * basis.z.matrix[span, span]
        return to_user
