"""The state of the likelihood at one θ: computed when asked for, and kept.

What is returned is in the user's units, unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood import conditional
from hierbayes.likelihood.collapsed import read_value, solve_gamma
from hierbayes.likelihood.conditional import ConditionalMoments
from hierbayes.likelihood.conditional_roots import conditional_roots
from hierbayes.likelihood.elimination import group_score, reduce_groups
from hierbayes.likelihood.marginal import Gradient, MarginalLikelihood
from hierbayes.likelihood.theta import Theta


class Score(NamedTuple):
    """∂ log likelihood/∂G (q, q) at fixed σ, and ∂/∂σ at fixed G."""

    G: Floats
    sigma: float


@dataclass(frozen=True, eq=False)
class State:
    """The likelihood at one θ: computed when asked for, and kept.

    Parameters
    ----------
    likelihood : MarginalLikelihood
    theta : Theta
        Without leading axes.
    given : (p,) float or None
        γ in the user's units, for ``GIVEN``.
    """

    likelihood: MarginalLikelihood
    theta: Theta
    given: Floats | None = None

    @property
    def cross(self) -> CrossProducts:
        """The cross-products."""
        return self.likelihood.cross

    # ---------------------------------------------------------------- in the internal basis

    @cached_property
    def _internal(self) -> tuple[Floats, float]:
        root, sigma = self.theta.internal(self.cross.basis)
        return np.ascontiguousarray(root), float(sigma)

    @property
    def internal_sigma(self) -> float:
        """σ in the internal basis."""
        return self._internal[1]

    @property
    def internal_root(self) -> Floats:
        """A root L (q, q) of G in the internal basis."""
        return self._internal[0]

    @cached_property
    def relative_root(self) -> Floats:
        """λ = L/σ (q, q) in the internal basis."""
        root, sigma = self._internal
        return root / sigma

    @cached_property
    def _gamma_read(self) -> Floats:
        """The γ° that ``GIVEN`` reads; zero where it is not read."""
        if self.given is None:
            return np.zeros(len(self.cross.W) - 1)
        return self.cross.basis.gamma_internal(self.given)

    @cached_property
    def reduced(self) -> tuple[float, Floats, Floats, Floats]:
        """What `reduce_groups` returns: for modules of this layer."""
        cross = self.cross
        log_det, S, half, turned = reduce_groups(self.relative_root, cross.R, cross.T, cross.W)
        return log_det, S, half, turned

    @cached_property
    def _solved(self) -> tuple[Floats, Floats]:
        """E(γ° | θ, y) (p,) and F (p, p) with FF' = Q⁻¹."""
        prior = self.likelihood.gamma_prior
        gamma, F, _ = solve_gamma(self.reduced[1], self.internal_sigma, prior.precision, prior.mean)
        return gamma, F

    @cached_property
    def moments(self) -> ConditionalMoments:
        """Moments of γ° and u°."""
        gamma, F = self._solved
        roots = conditional_roots(self.relative_root, self.cross.A)
        return conditional.moments_of(gamma, F, roots, self.internal_sigma, self.cross)

    @property
    def internal_gamma(self) -> Floats:
        """E(γ° | θ, y) (p,)."""
        return self._solved[0]

    @property
    def internal_gamma_cov(self) -> Floats:
        """Cov(γ° | θ, y) (p, p)."""
        return self.moments.gamma_cov

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
    def _density(self) -> tuple[float, Gradient]:
        return self.likelihood.search(*self._internal, self._gamma_read)

    @property
    def gradient(self) -> Gradient:
        """The derivatives of the log likelihood by a root of G, σ and γ."""
        return self._density[1]

    @cached_property
    def _score(self) -> tuple[Floats, float]:
        cross, prior, sigma = self.cross, self.likelihood.gamma_prior, self.internal_sigma
        log_det, S, half, turned = self.reduced
        _, d_log_sigma, at, F = read_value(
            log_det, S, sigma, self._gamma_read, cross.n, prior.precision, prior.mean,
            int(self.likelihood.reading),
        )  # fmt: skip
        return group_score(half, turned, at, F, sigma), d_log_sigma

    @property
    def relative_score(self) -> Floats:
        """The derivative (q, q) of the log likelihood by λλ' at fixed σ."""
        return self._score[0]

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

    @property
    def value(self) -> float:
        """Log p(y | θ) of the reading; −inf where it cannot be computed."""
        return self._density[0] + self.likelihood.log_jacobian

    @cached_property
    def score(self) -> Score:
        """The derivatives of the log likelihood by G and σ."""
        relative, d_log_sigma = self._score
        basis = self.cross.basis
        # G° = T⁻¹GT⁻'/s², λλ' = G°/σ°²
        back = np.linalg.inv(basis.z.matrix) / (basis.scale * self.internal_sigma)
        by_G = back.T @ relative @ back
        moved = d_log_sigma - 2.0 * float((by_G * self.theta.G).sum())  # σ moves with G fixed
        return Score(by_G, moved / float(self.theta.sigma))

    @cached_property
    def gamma(self) -> Floats:
        """E(γ | θ, y) (p,)."""
        return self.cross.basis.gamma(self._solved[0])

    @cached_property
    def gamma_cov(self) -> Floats:
        """Cov(γ | θ, y) (p, p)."""
        return self.cross.basis.gamma_covariance(self.moments.gamma_cov)

    @cached_property
    def u(self) -> Floats:
        """E(u_j | θ, y) (J, q), the BLUP."""
        return self.cross.basis.u(self.moments.u)

    def u_cov(self, *, given_gamma: bool) -> Floats:
        """Cov(u_j | γ, θ, y) (J, q, q), or Cov(u_j | θ, y): the uncertainty of γ included."""
        internal = self.moments.u_cov if given_gamma else self.moments.u_cov_marginal
        T = self.cross.basis.scale * self.cross.basis.z.matrix
        cov: Floats = T @ internal @ T.T
        return cov

    def u_of(self, k: int) -> Floats:
        """`u`, of the only factor."""
        return self.u

    def u_cov_of(self, k: int, *, given_gamma: bool) -> Floats:
        """`u_cov`, of the only factor."""
        return self.u_cov(given_gamma=given_gamma)

    def coefficient_cov_of(self, k: int, W: Floats) -> Floats:
        """`coefficient_cov`, of the only factor."""
        return self.coefficient_cov(W)

    def coefficient_cov(self, W: Floats) -> Floats:
        """Cov(β_j | θ, y) (J, q, q) of β_j = W_jγ + u_j, W (J, q, p)."""
        moments, basis = self.moments, self.cross.basis
        T = basis.scale * basis.z.matrix
        on_gamma = basis.scale * W @ basis.x.matrix - T @ moments.u_on_gamma
        cov: Floats = T @ moments.u_cov @ T.T
        cov = cov + on_gamma @ moments.gamma_cov @ np.swapaxes(on_gamma, 1, 2)
        return cov
