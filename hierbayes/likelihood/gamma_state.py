"""What the likelihood at one θ says of γ and of G, however u was eliminated.

What is returned is in the user's units, unless said otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from hierbayes.design.products import Products
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import read_value, solve_gamma
from hierbayes.likelihood.conditional import ConditionalMoments
from hierbayes.likelihood.marginal import Gradient, MarginalLikelihood
from hierbayes.likelihood.theta import Theta


class Score(NamedTuple):
    """∂ log likelihood/∂G (q, q) at fixed σ, and ∂/∂σ at fixed G."""

    G: Floats
    sigma: float


@dataclass(frozen=True, eq=False)
class GammaState[C: Products, L: MarginalLikelihood[Any]](ABC):
    """The likelihood at one θ: computed when asked for, and kept.

    Parameters
    ----------
    likelihood : MarginalLikelihood
    theta : Theta
        Without leading axes.
    given : (p,) float or None
        γ in the user's units, for ``GIVEN``.
    """

    likelihood: L
    theta: Theta
    given: Floats | None = None

    @property
    def cross(self) -> C:
        """The cross-products."""
        cross: C = self.likelihood.cross
        return cross

    @property
    @abstractmethod
    def log_det_and_S(self) -> tuple[float, Floats]:
        """log|V/σ²| and S = [X y]'(V/σ²)⁻¹[X y] (p+1, p+1)."""

    @property
    @abstractmethod
    def relative_score(self) -> Floats:
        """The derivative (q, q) of the log likelihood by λλ' at fixed σ."""

    # ---------------------------------------------------------------- in the internal basis

    @cached_property
    def _internal(self) -> tuple[Floats, float]:
        root, sigma = self.theta.internal(self.cross.basis)
        return np.ascontiguousarray(root), float(sigma)

    @property
    def internal_root(self) -> Floats:
        """A root L (q, q) of G in the internal basis."""
        return self._internal[0]

    @property
    def internal_sigma(self) -> float:
        """σ in the internal basis."""
        return self._internal[1]

    @cached_property
    def relative_root(self) -> Floats:
        """λ = L/σ (q, q) in the internal basis."""
        root, sigma = self._internal
        return root / sigma

    @cached_property
    def _gamma_read(self) -> Floats:
        """The γ° that ``GIVEN`` reads; zero where it is not read."""
        if self.given is None:
            return np.zeros(self.cross.p)
        return self.cross.basis.gamma_internal(self.given)

    def _read_at(self, log_det: float, S: Floats) -> tuple[float, float, Floats, Floats]:
        """Value, ∂/∂log σ, the γ it is read at and a factor of Q⁻¹, see `read_value`."""
        prior = self.likelihood.gamma_prior
        value, d_log_sigma, at, F = read_value(
            log_det, S, self.internal_sigma, self._gamma_read, self.cross.n, prior.precision,
            prior.mean, int(self.likelihood.reading),
        )  # fmt: skip
        return value, d_log_sigma, at, F

    @cached_property
    def _read(self) -> tuple[float, float, Floats, Floats]:
        return self._read_at(*self.log_det_and_S)

    @cached_property
    def gradient(self) -> Gradient:
        """The derivatives of the log likelihood by a root of G, σ and γ."""
        return self.likelihood.search(*self._internal, self._gamma_read)[1]

    @cached_property
    def _solved(self) -> tuple[Floats, Floats]:
        """E(γ° | θ, y) (p,) and F (p, p) with FF' = Q⁻¹."""
        prior, S = self.likelihood.gamma_prior, self.log_det_and_S[1]
        gamma, F, _ = solve_gamma(S, self.internal_sigma, prior.precision, prior.mean)
        return gamma, F

    @property
    def internal_gamma(self) -> Floats:
        """E(γ° | θ, y) (p,)."""
        return self._solved[0]

    @cached_property
    def internal_gamma_cov(self) -> Floats:
        """Cov(γ° | θ, y) (p, p)."""
        F = self._solved[1]
        cov: Floats = self.internal_sigma**2 * F @ F.T
        return cov

    # ---------------------------------------------------------------- in the user's units

    @property
    def value(self) -> float:
        """Log p(y | θ) of the reading; −inf where it cannot be computed."""
        return self._read[0] + self.likelihood.log_jacobian

    @cached_property
    def score(self) -> Score:
        """The derivatives of the log likelihood by G and σ."""
        basis = self.cross.basis
        # G° = T⁻¹GT⁻'/s², λλ' = G°/σ°²
        back = np.linalg.inv(basis.z.matrix) / (basis.scale * self.internal_sigma)
        by_G = back.T @ self.relative_score @ back
        moved = self._read[1] - 2.0 * float((by_G * self.theta.G).sum())  # σ moves with G fixed
        return Score(by_G, moved / float(self.theta.sigma))

    @cached_property
    def gamma(self) -> Floats:
        """E(γ | θ, y) (p,)."""
        return self.cross.basis.gamma(self._solved[0])

    @cached_property
    def gamma_cov(self) -> Floats:
        """Cov(γ | θ, y) (p, p)."""
        return self.cross.basis.gamma_covariance(self.internal_gamma_cov)

    def _u_cov(self, moments: ConditionalMoments, T: Floats, given_gamma: bool) -> Floats:
        """Cov(u_j | γ, θ, y) or Cov(u_j | θ, y) (J, q, q) of a factor; T (q, q): u = Tu°."""
        cov: Floats = T @ (moments.u_cov if given_gamma else moments.u_cov_marginal) @ T.T
        return cov

    def _coefficient_cov(self, moments: ConditionalMoments, T: Floats, W: Floats) -> Floats:
        """Cov(β_j | θ, y) (J, q, q) of β_j = W_jγ + u_j of a factor, W (J, q, p)."""
        basis = self.cross.basis
        on_gamma = basis.scale * W @ basis.x.matrix - T @ moments.u_on_gamma
        cov: Floats = T @ moments.u_cov @ T.T
        cov = cov + on_gamma @ moments.gamma_cov @ np.swapaxes(on_gamma, 1, 2)
        return cov
