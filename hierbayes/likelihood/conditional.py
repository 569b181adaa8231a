"""What is left of γ and u once θ is given: exact Gaussian moments and draws.

    γ | θ, y  ~ N(γ̂, σ²Q⁻¹)                        Q relative, see `collapsed`
    u_j | γ, θ, y ~ N(K_jZ_j'(y_j − X_jγ), σ²K_j)    K_j = R_j'R_j

everything in the internal basis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for
from hierbayes.design.basis import Basis
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import solve_gamma
from hierbayes.likelihood.conditional_roots import conditional_roots
from hierbayes.likelihood.elimination import reduce_groups
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.threads import in_threads


@dataclass(frozen=True, slots=True, eq=False)
class NormalPrior:
    """γ° ~ N(mean, precision⁻¹) in the internal basis; precision zero is a flat prior.

    Parameters
    ----------
    mean : (p,) float
    precision : (p, p) float
    """

    mean: Floats
    precision: Floats


@lru_cache(maxsize=64)
def flat_prior(p: int) -> NormalPrior:
    """No information on γ; its arrays are not to be written to."""
    return NormalPrior(np.zeros(p), np.zeros((p, p)))


def log_jacobian(reading: Reading, basis: Basis, n: float) -> float:
    """What to add to a log density of y° to have that of y in the user's units.

    n log s from the scale of y; under a flat prior on γ also the change of the
    volume that the prior counts in, p log s + log|T_x|.
    """
    log_scale = math.log(basis.scale)
    if reading != REML:
        return -n * log_scale
    return -(n - len(basis.x.spread)) * log_scale + basis.x.log_det


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalMoments:
    """Exact moments of γ and u given θ, in the internal basis.

    Parameters
    ----------
    gamma : (p,) float
        E(γ | θ, y).
    gamma_cov : (p, p) float
        Cov(γ | θ, y) = σ²Q⁻¹.
    u : (J, q) float
        E(u_j | θ, y), the BLUP.
    u_cov : (J, q, q) float
        Cov(u_j | γ, θ, y) = σ²K_j, the conditional variance of lme4.
    u_on_gamma : (J, q, p) float
        K_jZ_j'X_j: how E(u_j | γ, θ, y) falls as γ rises.
    """

    gamma: Floats
    gamma_cov: Floats
    u: Floats
    u_cov: Floats
    u_on_gamma: Floats

    @property
    def u_cov_marginal(self) -> Floats:
        """Cov(u_j | θ, y) (J, q, q): the uncertainty of γ included."""
        spread = np.einsum(
            "jkp,pr,jlr->jkl", self.u_on_gamma, self.gamma_cov, self.u_on_gamma, optimize=True
        )
        total: Floats = self.u_cov + spread
        return total


def moments_of(
    gamma: Floats, F: Floats, R: Floats, sigma: float, cross: CrossProducts
) -> ConditionalMoments:
    """Exact moments of γ and u at one θ.

    Parameters
    ----------
    gamma, F : (p,), (p, p) float
        γ̂ and a factor of Q⁻¹ = FF', from `solve_gamma`.
    R : (J, q, q) float
        K_j = R_j'R_j, from `conditional_roots`.
    sigma : float
        Residual standard deviation.
    cross : CrossProducts
    """
    K = np.einsum("jki,jkl->jil", R, R)
    KB = K @ cross.B
    u_on_gamma = KB[:, :, :-1]
    u = KB[:, :, -1] - u_on_gamma @ gamma
    return ConditionalMoments(gamma, sigma**2 * F @ F.T, u, sigma**2 * K, u_on_gamma)


def draw_gamma(
    roots: Floats, sigmas: Floats, cross: CrossProducts, prior: NormalPrior, normals: Floats
) -> Floats:
    """One exact draw of γ for each of M draws of θ.

    Parameters
    ----------
    roots : (M, q, q) float
        Relative roots λ.
    sigmas : (M,) float
    cross : CrossProducts
    prior : NormalPrior
        Of γ; flat for REML and ML.
    normals : (M, p) float
        Independent standard normal numbers.

    Returns
    -------
    (M, p) float
    """

    def draw(roots: Floats, sigmas: Floats, normals: Floats) -> Floats:
        drawn: Floats = _draw_gamma(
            roots, sigmas, cross.R, cross.T, cross.W, prior.precision, prior.mean, normals
        )
        return drawn

    return in_threads(draw, cross.R.size + cross.T.size, roots, sigmas, normals)


def draw_u(
    roots: Floats, sigmas: Floats, gammas: Floats, cross: CrossProducts, normals: Floats
) -> Floats:
    """One exact draw of every u_j, in the user's units, for each of M draws of (θ, γ).

    Parameters
    ----------
    roots : (M, q, q) float
        Relative roots λ.
    sigmas, gammas : (M,), (M, p) float
    cross : CrossProducts
    normals : (M, J, q) float
        Independent standard normal numbers.

    Returns
    -------
    (M, J, q) float
    """
    to_user = cross.basis.scale * cross.basis.z.matrix

    def draw(roots: Floats, sigmas: Floats, gammas: Floats, normals: Floats) -> Floats:
        drawn: Floats = _draw_u(roots, sigmas, gammas, cross.A, cross.B, to_user, normals)
        return drawn

    size = cross.R.size + cross.T.size
    return in_threads(draw, size, roots, sigmas, np.ascontiguousarray(gammas), normals)


@inner
def is_same(roots: Floats, i: int) -> bool:
    """Whether a root is that before it, as where a draw of θ is repeated."""
    for a in range(roots.shape[1]):
        for b in range(roots.shape[2]):
            if roots[i, a, b] != roots[i - 1, a, b]:
                return False
    return True


@compiled()
def _draw_gamma(
    roots: Floats,
    sigmas: Floats,
    R: Floats,
    T: Floats,
    W: Floats,
    precision: Floats,
    mean: Floats,
    normals: Floats,
) -> Floats:
    M, p = normals.shape
    draws = room_for((M, p))
    S = W
    for i in range(M):
        if i == 0 or not is_same(roots, i):
            _, S, _, _ = reduce_groups(roots[i], R, T, W)
        gamma, F, _ = solve_gamma(S, sigmas[i], precision, mean)
        for c in range(p):
            total = gamma[c]
            for d in range(p):
                total += sigmas[i] * F[c, d] * normals[i, d]
            draws[i, c] = total
    return draws


@compiled()
def _draw_u(
    roots: Floats,
    sigmas: Floats,
    gammas: Floats,
    A: Floats,
    B: Floats,
    to_user: Floats,
    normals: Floats,
) -> Floats:
    M, J, q = normals.shape
    p = gammas.shape[1]
    draws = room_for((M, J, q))
    z = room_for(q)
    half = room_for(q)
    R = A
    for i in range(M):
        if i == 0 or not is_same(roots, i):
            R = conditional_roots(roots[i], A)
        for j in range(J):
            for k in range(q):
                total = B[j, k, p]
                for c in range(p):
                    total -= B[j, k, c] * gammas[i, c]
                z[k] = total
            for k in range(q):
                total = sigmas[i] * normals[i, j, k]
                for h in range(q):
                    total += R[j, k, h] * z[h]
                half[k] = total
            for k in range(q):
                z[k] = 0.0
                for h in range(q):
                    z[k] += R[j, h, k] * half[h]
            for k in range(q):
                total = 0.0
                for h in range(q):
                    total += to_user[k, h] * z[h]
                draws[i, j, k] = total
    return draws
