"""The state of the likelihood of one grouping factor at one θ.

What is returned is in the user's units, unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood import conditional
from hierbayes.likelihood.conditional import ConditionalMoments
from hierbayes.likelihood.conditional_roots import conditional_roots
from hierbayes.likelihood.elimination import group_score, reduce_groups
from hierbayes.likelihood.gamma_state import GammaState
from hierbayes.likelihood.marginal import MarginalLikelihood


@dataclass(frozen=True, eq=False)
class State(GammaState[CrossProducts, MarginalLikelihood[CrossProducts]]):
    """The likelihood at one θ: computed when asked for, and kept.

    Parameters are those of `GammaState`.
    """

    # ---------------------------------------------------------------- in the internal basis

    @cached_property
    def reduced(self) -> tuple[float, Floats, Floats, Floats]:
        """What `reduce_groups` returns: for modules of this layer."""
        cross = self.cross
        log_det, S, half, turned = reduce_groups(self.relative_root, cross.R, cross.T, cross.W)
        return log_det, S, half, turned

    @property
    def log_det_and_S(self) -> tuple[float, Floats]:
        """log|V/σ²| and S = [X y]'(V/σ²)⁻¹[X y] (p+1, p+1)."""
        return self.reduced[:2]

    @cached_property
    def moments(self) -> ConditionalMoments:
        """Moments of γ° and u°."""
        gamma, F = self._solved
        roots = conditional_roots(self.relative_root, self.cross.A)
        return conditional.moments_of(gamma, F, roots, self.internal_sigma, self.cross)

    @property
    def K(self) -> Floats:
        """K_j (J, q, q): Cov(u_j | γ, θ, y) = σ²K_j."""
        K: Floats = self.moments.u_cov / self.internal_sigma**2
        return K

    @property
    def Q_inverse(self) -> Floats:
        """Q⁻¹ (p, p): Cov(γ | θ, y) = σ²Q⁻¹."""
        inverse: Floats = self.moments.gamma_cov / self.internal_sigma**2
        return inverse

    @cached_property
    def relative_score(self) -> Floats:
        """The derivative (q, q) of the log likelihood by λλ' at fixed σ."""
        _, _, half, turned = self.reduced
        _, _, at, F = self._read
        score: Floats = group_score(half, turned, at, F, self.internal_sigma)
        return score

    def gamma_without_groups(self, totals: Floats, groups: Integers) -> tuple[Floats, Floats]:
        """γ̂° (m, p) under a flat prior and its covariance (m, p, p) without each group, θ held.

        Parameters
        ----------
        totals : (J, p+1, p+1) float
            What every group adds to W, see `within_totals`.
        groups : (m,) int
            The groups to leave out, one at a time.
        """
        _, S, _, turned = self.reduced
        left = (S - totals - np.swapaxes(turned, 1, 2) @ turned)[groups]
        inverse = np.linalg.inv(left[:, :-1, :-1])
        return (inverse @ left[:, :-1, -1:])[..., 0], self.internal_sigma**2 * inverse

    # ---------------------------------------------------------------- in the user's units

    @cached_property
    def u(self) -> Floats:
        """E(u_j | θ, y) (J, q), the BLUP."""
        return self.cross.basis.u(self.moments.u)

    @property
    def _to_user(self) -> Floats:
        """T (q, q): u = Tu°."""
        to_user: Floats = self.cross.basis.scale * self.cross.basis.z.matrix
        return to_user

    def u_cov(self, *, given_gamma: bool) -> Floats:
        """Cov(u_j | γ, θ, y) (J, q, q), or Cov(u_j | θ, y): the uncertainty of γ included."""
        return self._u_cov(self.moments, self._to_user, given_gamma)

    def coefficient_cov(self, W: Floats) -> Floats:
        """Cov(β_j | θ, y) (J, q, q) of β_j = W_jγ + u_j, W (J, q, p)."""
        return self._coefficient_cov(self.moments, self._to_user, W)

    def u_of(self, k: int) -> Floats:
        """`u`, of the only factor."""
        return self.u

    def u_cov_of(self, k: int, *, given_gamma: bool) -> Floats:
        """`u_cov`, of the only factor."""
        return self.u_cov(given_gamma=given_gamma)

    def coefficient_cov_of(self, k: int, W: Floats) -> Floats:
        """`coefficient_cov`, of the only factor."""
        return self.coefficient_cov(W)
