r"""ML and REML of several grouping factors as functions of Γ = ΛΛ' alone.

The value is exact.  So is the score M = ∂ℓ/∂Γ: from ∂ℓ/∂λ = 2Mλ where λ has full rank, and
otherwise at a λ whose missing directions are given a variance of ε², in which M is smooth.  For
the curvature stands the *average information*, the mean of the observed and the expected one
where the score is zero:

    AI_ij = ½ (f_i'P f_j/σ̂² − a_ia_j/N),   f_i = Z S_i v,   a_i = v'S_iv/σ̂²,
    v = Z'(V/σ²)⁻¹(y − Xγ̂)

References
----------
Gilmour, Thompson & Cullis (1995), Average information REML, doi:10.2307/2533274.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.design.elimination import Layout
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.collapsed import LOG_2PI
from hierbayes.likelihood.eliminated import Eliminated, eliminated
from hierbayes.likelihood.profiled_gamma import solved
from hierbayes.likelihood.reading import REML


@dataclass(frozen=True, eq=False)
class SparseProfile:
    """The profiled likelihood at one Γ.

    Parameters
    ----------
    cross : SparseProducts
    root : (Q, Q) float
        λ: a root of each factor's relative covariance on the diagonal.
    value, sigma : float
        ℓ, −inf where it cannot be computed, and σ̂.
    gamma : (p,) float
        γ̂.
    freedom : float
        N = n − p for REML and n for ML.
    noise : float
        How far rounding may move ``value``.
    eliminated : Eliminated
        The effects eliminated there.
    """

    cross: SparseProducts
    root: Floats
    value: float
    sigma: float
    gamma: Floats
    freedom: float
    noise: float
    eliminated: Eliminated
    _reading: int
    _solution: tuple[Floats, float, Floats, float]

    def curvature(self) -> SparseCurvature:
        """The derivatives here."""
        return SparseCurvature(self)

    @property
    def layout(self) -> Layout:
        """The order of elimination."""
        return elimination_of(self.cross)


@dataclass(frozen=True, eq=False)
class SparseCurvature:
    """First derivatives of the profiled likelihood with respect to Γ, and average information.

    Parameters
    ----------
    profile : SparseProfile
        Where.
    """

    profile: SparseProfile

    @property
    def score(self) -> Floats:
        """M = ∂ℓ/∂Γ (Q, Q), zero between factors."""
        return self._parts[0]

    @cached_property
    def pull(self) -> Floats:
        """The diagonal (Q,) of Σ_j Z_j'(V/σ²)⁻¹Z_j of each factor, without what γ takes of it.

        That is of Σ_j v_jv_j'/σ̂² − 2M, and a_i of an entry on the diagonal is v'S_iv.
        """
        _, a, _, _ = self._parts
        rows, columns = self.profile.cross.entries
        squares = a[rows == columns] / self.profile.sigma**2
        return np.maximum(squares - 2.0 * self.score.diagonal(), 1e-300)

    @cached_property
    def _parts(self) -> tuple[Floats, Floats, Floats, Floats]:
        """M, and a, b and v of every entry, see `Eliminated.derivatives`."""
        profile = self.profile

        def read(S: Floats) -> tuple[Floats, Floats, float]:
            known = S is profile.eliminated.S
            gamma, r, F, _ = profile._solution if known else solved(S)
            return gamma, F, r / math.sqrt(profile.freedom)

        return profile.eliminated.derivatives(
            read, profile.cross.entries, integrated=profile._reading == REML
        )

    @cached_property
    def information(self) -> Floats:
        """The average information of every entry and its mirror image, together."""
        _, a, b, _ = self._parts
        variance = self.profile.sigma**2
        whole: Floats = 0.5 * (b - np.outer(a, a) / (variance * self.profile.freedom)) / variance
        return whole

    def by_entry(self, at: tuple[Integers, Integers]) -> Floats:
        """The average information (k, k) of k of them."""
        entries = self.profile.cross.entries
        if len(entries[0]) == len(at[0]):  # all, in the same order
            return self.information
        place = np.zeros(self.profile.root.shape, dtype=np.intp)
        place[entries] = np.arange(len(entries[0]))
        chosen = place[at]
        return self.information[chosen[:, None], chosen]

    def observed(self, S: Floats) -> Floats:
        """The average information (k, k) along k symmetric directions S (k, Q, Q)."""
        along = S[:, *self.profile.cross.entries]
        observed: Floats = along @ self.information @ along.T
        return observed

    def expected(self, S: Floats) -> Floats:
        """The same: positive semidefinite."""
        return self.observed(S)


def sparse_profile(root: Floats, cross: SparseProducts, reading: int) -> SparseProfile:
    """The profiled likelihood at relative roots λ_k, the diagonal blocks of ``root`` (Q, Q)."""
    freedom = cross.n - cross.p if reading == REML else cross.n
    left = eliminated(cross, root)
    gamma, r, _, log_det_Q = solution = solved(left.S)
    if not (math.isfinite(left.log_det) and r > 0.0):
        nothing = np.zeros(cross.p)
        return SparseProfile(
            cross, root, -np.inf, 0.0, nothing, freedom, 0.0, left, reading, solution
        )
    deviance = freedom * (LOG_2PI + 1.0 + 2.0 * math.log(r) - math.log(freedom)) + left.log_det
    if reading == REML:
        deviance += log_det_Q
    lost = math.sqrt(cross.C[-1, -1]) / r
    noise = 1e-13 * (abs(deviance) + freedom * (2.0 + (lost if left.rooted else lost**2)))
    sigma = r / math.sqrt(freedom)
    return SparseProfile(
        cross, root, -0.5 * deviance, sigma, gamma, freedom, noise, left, reading, solution
    )
