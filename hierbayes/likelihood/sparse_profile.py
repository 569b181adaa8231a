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
from collections.abc import Callable
from functools import cached_property

import numpy as np

from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.eliminated import (
    SMALL_ROOT,
    Eliminated,
    eliminated,
    extent,
    full_rank,
)
from hierbayes.likelihood.profiled_gamma import solved
from hierbayes.likelihood.reading import REML
from hierbayes.likelihood.rooted_elimination import FAR_LARGER
from hierbayes.likelihood.sparse_point import average, profiled_value
from hierbayes.value import value

type AtPoint = Callable[..., tuple[float, float, float]]  # as `sparse_point`


@value(slots=False)
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
    precision_factor : (p, p) float
        F with FF' the inverse of X'(V/σ²)⁻¹X.
    reading : Reading
        ``ML`` or ``REML``.
    made : tuple of (Q, Q), (k, k), (Q,) float, optional
        M, average information of every entry and the pull, where they have been made.
    """

    cross: SparseProducts
    root: Floats
    value: float
    sigma: float
    gamma: Floats
    freedom: float
    noise: float
    eliminated: Eliminated
    precision_factor: Floats
    reading: int
    made: tuple[Floats, Floats, Floats] | None = None

    @property
    def parts(self) -> tuple[Floats, ...]:
        """What a pass writes of a point: S, Ω's factor, γ̂, F and what `made` holds."""
        assert self.made is not None
        left = self.eliminated
        return left.S, left.omega, self.gamma, self.precision_factor, *self.made

    @classmethod
    def of_parts(
        cls,
        cross: SparseProducts,
        reading: int,
        root: Floats,
        parts: tuple[Floats, ...],
        numbers: tuple[float, float, float, float],
    ) -> SparseProfile:
        """That of a root, from its `parts` and ℓ, its noise, σ̂ and log|I + Λ'Z'ZΛ|."""
        S, omega, gamma, F, M, information, pull = parts
        value, noise, sigma, log_det = numbers
        left, freedom = Eliminated(cross, root, log_det, S, omega), freedom_of(cross, reading)
        made = M, information, pull
        return cls(cross, root, value, sigma, gamma, freedom, noise, left, F, reading, made)

    def curvature(self) -> SparseCurvature:
        """The derivatives here."""
        return SparseCurvature(self)


@value(slots=False)
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

    @property
    def information(self) -> Floats:
        """The average information of every entry and its mirror image, together."""
        return self._parts[1]

    @property
    def pull(self) -> Floats:
        """The diagonal (Q,) of Σ_j Z_j'(V/σ²)⁻¹Z_j of each factor, without what γ takes of it."""
        return self._parts[2]

    @cached_property
    def _parts(self) -> tuple[Floats, Floats, Floats]:
        """M, the information and the pull."""
        profile = self.profile
        if profile.made is not None:
            return profile.made

        def read(S: Floats) -> tuple[Floats, Floats, float]:
            if S is profile.eliminated.S:
                return profile.gamma, profile.precision_factor, profile.sigma
            gamma, r, F, _ = solved(S)
            return gamma, F, r / math.sqrt(profile.freedom)

        entries = profile.cross.entries
        M, a, b, _ = profile.eliminated.derivatives(
            read, entries, integrated=profile.reading == REML
        )
        information, pull = np.empty(b.shape), np.empty(len(M))
        average(M, a, b, profile.sigma, profile.freedom, *entries, information, pull)
        return M, information, pull

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

    @property
    def freedom(self) -> float:
        """N."""
        return self.profile.freedom


def freedom_of(cross: SparseProducts, reading: int) -> float:
    """N: n − p for REML and n for ML."""
    return float(cross.n - cross.p if reading == REML else cross.n)


def sparse_profile(
    root: Floats, cross: SparseProducts, reading: int, point: AtPoint | None = None
) -> SparseProfile:
    """The profiled likelihood at relative roots λ_k, the diagonal blocks of ``root`` (Q, Q).

    Where λ has full rank, but for effects by themselves, ``point`` makes all at once, derivatives
    too.
    """
    root, freedom, made = np.ascontiguousarray(root), freedom_of(cross, reading), None
    if point is not None and _is_plain(root, cross):
        e, p, k = elimination_of(cross).elimination, cross.p, len(cross.entries[0])
        S, omega, gamma, F = np.empty(e.C.shape), np.empty(e.size), np.empty(p), np.empty((p, p))
        made = np.empty(root.shape), np.empty((k, k)), np.empty(len(root))
        log_det, r, log_det_X = point(
            root,
            cross.noise,
            e,
            freedom,
            reading == REML,
            *cross.entries,
            S,
            omega,
            gamma,
            F,
            *made,
        )
        left = Eliminated(cross, root, log_det, S, omega)
    else:
        left = eliminated(cross, root)
        gamma, r, F, log_det_X = solved(left.S)
    if not (math.isfinite(left.log_det) and r > 0.0):
        return SparseProfile(cross, root, -np.inf, 0.0, gamma, freedom, 0.0, left, F, reading)
    lost = float(cross.C[-1, -1]) / r**2
    lost = math.sqrt(lost) if left.rooted else lost
    value, noise = profiled_value(left.log_det, r, log_det_X, freedom, reading == REML, lost)
    sigma = r / math.sqrt(freedom)
    return SparseProfile(cross, root, value, sigma, gamma, freedom, noise, left, F, reading, made)


def _is_plain(root: Floats, cross: SparseProducts) -> bool:
    """Whether products have the digits for it, and λ but for effects by themselves full rank."""
    e, full = elimination_of(cross).elimination, np.empty(root.shape)
    largest, single, several = extent(root, cross.noise, e.start, e.q, full)
    if largest > FAR_LARGER:
        return False
    return several >= SMALL_ROOT or (single >= SMALL_ROOT and full_rank(cross, root) is root)
