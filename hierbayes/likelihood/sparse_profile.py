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
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.design.elimination import Layout
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.remembered import remembered
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import LOG_2PI
from hierbayes.likelihood.reading import REML
from hierbayes.likelihood.selected_inverse import gradient_of_root
from hierbayes.likelihood.sparse_elimination import eliminate
from hierbayes.likelihood.sparse_solves import products_times, solve

_SMALL_ROOT = 1e-4  # of the noise of an effect: what a direction without variance is given


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
    """

    cross: SparseProducts
    root: Floats
    value: float
    sigma: float
    gamma: Floats
    freedom: float
    noise: float
    _reading: int
    _S: Floats
    _omega: Floats
    _solution: tuple[Floats, float, Floats, float]

    def curvature(self) -> SparseCurvature:
        """The derivatives here."""
        return SparseCurvature(self)

    @cached_property
    def layout(self) -> Layout:
        """The order of elimination."""
        return elimination_of(self.cross)

    @cached_property
    def effects(self) -> Floats:
        """v (m,) in the order of elimination, see the module."""
        e = self.layout.elimination
        direct = on_effects(self.cross) @ np.append(-self.gamma, 1.0)[:, None]  # Z'(y − Xγ̂)
        spherical = turned(self.cross, self.root, direct, transposed=True)
        solve(e, self._omega, spherical, True, True)
        back = turned(self.cross, self.root, spherical, transposed=False)
        return (direct - products_times(e, back)[0])[:, 0]


@dataclass(frozen=True, eq=False)
class SparseCurvature:
    """First derivatives of the profiled likelihood with respect to Γ, and average information.

    Parameters
    ----------
    profile : SparseProfile
        Where.
    """

    profile: SparseProfile

    @cached_property
    def score(self) -> Floats:
        """M = ∂ℓ/∂Γ (Q, Q), zero between factors."""
        profile = self.profile

        def adjoint(S: Floats) -> Floats:
            gamma, r, F, _ = profile._solution if S is profile._S else _solved(S)
            F = F if profile._reading == REML else F[:, :0]
            return adjoint_of(gamma, F, r / math.sqrt(profile.freedom))

        return relative_score(profile.cross, profile.root, (profile._S, profile._omega), adjoint)

    @cached_property
    def D(self) -> Floats:
        """Σ_j Z_j'(V/σ²)⁻¹Z_j of each factor without what is known of γ and y, on the diagonal."""
        pull = self.vv - 2.0 * self.score
        return np.diag(np.maximum(np.diag(pull), 1e-300))

    @cached_property
    def vv(self) -> Floats:
        """Σ_j v_jv_j'/σ̂² (Q, Q) of each factor."""
        vv = np.zeros_like(self.profile.root)
        for span, places in zip(self.profile.cross.spans, self.profile.layout.places, strict=True):
            v = self.profile.effects[places] / self.profile.sigma
            vv[span, span] = v.T @ v
        return vv

    def observed(self, S: Floats) -> Floats:
        """The average information (k, k) along k symmetric directions S (k, Q, Q)."""
        profile, e = self.profile, self.profile.layout.elimination
        w = np.zeros((e.effects, len(S)))
        for span, places in zip(profile.cross.spans, profile.layout.places, strict=True):
            w[places] = np.einsum("jb,kab->jak", profile.effects[places], S[:, span, span])
        right, outside = products_times(e, w)
        both = np.hstack([right, on_effects(profile.cross)[:, :-1]])
        half = turned(profile.cross, profile.root, both, transposed=True)
        solve(e, profile._omega, half, True, False)
        half, of_X = half[:, : len(S)], half[:, len(S) :]
        through = profile._solution[2].T @ (outside[:-1] - of_X.T @ half)  # F'X'(V/σ²)⁻¹f
        a = (profile.effects @ w) / profile.sigma**2
        b = (w.T @ right - half.T @ half - through.T @ through) / profile.sigma**2
        information: Floats = 0.5 * (b - np.outer(a, a) / profile.freedom)
        return information

    def expected(self, S: Floats) -> Floats:
        """The same: positive semidefinite."""
        return self.observed(S)


@remembered
def on_effects(cross: SparseProducts) -> Floats:
    """Z'[X y] (m, p+1), in the order of elimination."""
    layout = elimination_of(cross)
    right = np.empty((layout.elimination.effects, cross.p + 1))
    for level, places in zip(cross.levels, layout.places, strict=True):
        right[places] = level.B
    return right


def turned(cross: SparseProducts, root: Floats, columns: Floats, *, transposed: bool) -> Floats:
    """Λ columns or Λ' columns (m, k), in the order of elimination."""
    result = np.empty_like(columns)
    for span, places in zip(cross.spans, elimination_of(cross).places, strict=True):
        one = root[span, span].T if transposed else root[span, span]
        result[places] = one * columns[places] if one.size == 1 else one @ columns[places]
    return result


def relative_score(
    cross: SparseProducts,
    root: Floats,
    eliminated: tuple[Floats, Floats],
    adjoint: Callable[[Floats], Floats],
) -> Floats:
    """∂ℓ/∂Γ (Q, Q) at fixed σ, zero between factors.

    Parameters
    ----------
    cross : SparseProducts
    root : (Q, Q) float
        λ.
    eliminated : (S, factor)
        What `eliminate` returns there.
    adjoint : callable
        From S to the derivative of −2ℓ by S, see `selected_inverse`.
    """
    e, full = elimination_of(cross).elimination, full_rank(cross, root)
    S, omega = eliminated
    if full is not root:
        _, S, omega = eliminate(full, e)
    gradient = -0.5 * gradient_of_root(full, e, adjoint(S), omega)  # ∂ℓ/∂λ = 2Mλ
    half: Floats = np.linalg.solve(full.T, 0.5 * gradient.T)
    return 0.5 * (half + half.T)


def full_rank(cross: SparseProducts, root: Floats) -> Floats:
    """λ, its missing directions given a small variance."""
    full = root.copy()
    for span, level in zip(cross.spans, cross.levels, strict=True):
        unit = cross.noise[span]
        if level.q == 1 and abs(root[span.start, span.start]) >= _SMALL_ROOT * unit[0]:
            continue
        left, size, _ = np.linalg.svd(root[span, span] / unit[:, None])
        if size[-1] < _SMALL_ROOT:
            full[span, span] = unit[:, None] * (left * np.maximum(size, _SMALL_ROOT))
    return root if (full == root).all() else np.ascontiguousarray(full)


def adjoint_of(gamma: Floats, F: Floats, sigma: float) -> Floats:
    """Derivative of −2ℓ by S (p+1, p+1): ww'/σ² + FF', w = (−γ, 1)."""
    w = np.append(-gamma, 1.0)
    adjoint = np.outer(w, w) / sigma**2
    adjoint[:-1, :-1] += F @ F.T
    return adjoint


def sparse_profile(root: Floats, cross: SparseProducts, reading: int) -> SparseProfile:
    """The profiled likelihood at relative roots λ_k, the diagonal blocks of ``root`` (Q, Q)."""
    freedom = cross.n - cross.p if reading == REML else cross.n
    root = np.ascontiguousarray(root)
    log_det, S, omega = eliminate(root, elimination_of(cross).elimination)
    gamma, r, _, log_det_Q = solution = _solved(S)
    if not (math.isfinite(log_det) and r > 0.0):
        nothing = np.zeros(cross.p)
        return SparseProfile(
            cross, root, -np.inf, 0.0, nothing, freedom, 0.0, reading, S, omega, solution
        )
    deviance = freedom * (LOG_2PI + 1.0 + 2.0 * math.log(r) - math.log(freedom)) + log_det
    if reading == REML:
        deviance += log_det_Q
    noise = 1e-13 * (abs(deviance) + freedom * (2.0 + cross.C[-1, -1] / r**2))
    sigma = r / math.sqrt(freedom)
    return SparseProfile(
        cross, root, -0.5 * deviance, sigma, gamma, freedom, noise, reading, S, omega, solution
    )


def _solved(S: Floats) -> tuple[Floats, float, Floats, float]:
    """γ̂ (p,), r, F (p, p) with FF' = S_XX⁻¹, log|S_XX|; r is nan where S is not definite."""
    p = len(S) - 1
    try:
        low = np.linalg.cholesky(S)
    except np.linalg.LinAlgError:
        return np.zeros(p), np.nan, np.zeros((p, p)), np.nan
    F = np.linalg.inv(low[:p, :p]).T
    return F @ low[p, :p], float(low[p, p]), F, 2.0 * float(np.log(np.diag(low)[:p]).sum())
