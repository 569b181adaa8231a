r"""ML and REML as a function of Γ = λλ' alone, with its exact first and second derivatives.

σ and γ are profiled out (γ integrated out for REML): with N = n − p for REML and n for ML,

    ℓ(Γ) = −½ [ N (log 2πr²/N + 1) + Σ_j log|N_j| (+ log|S_XX|) ],   r² = S_yy − S_yX S_XX⁻¹ S_Xy

Γ enters through V/σ² = I + ZΓZ', which is linear in it.  So along symmetric S_i, S_j, with
D_j = Z_j'(V_j/σ²)⁻¹Z_j, v_j = Z_j'(V_j/σ²)⁻¹(y_j − X_jγ̂)/σ̂, Y_j = Z_j'(V_j/σ²)⁻¹X_jF, FF' = S_XX⁻¹
and P_j = Y_jY_j' (P_j and f_i are zero for ML),

    ∂ℓ/∂Γ      = M = ½ Σ_j [v_jv_j' − D_j + P_j]
    b_ij       = Σ_j v_j'S_iD_jS_jv_j − t_i't_j,     t_i = Σ_j Y_j'S_iv_j,    a_i = Σ_j v_j'S_iv_j
    e_ij       = Σ_j tr S_iD_jS_j(D_j − 2P_j) + tr f_if_j,                    f_i = Σ_j Y_j'S_iY_j
    −∂²ℓ       = b_ij − a_ia_j/2N − ½e_ij            (observed information)
    expected   = ½ (e_ij − d_id_j/N),                d_i = Σ_j tr S_i(D_j − P_j)

Sums over groups of products of two small matrices are all that is needed: one pass.

References
----------
Gilmour, Thompson & Cullis (1995), Average information REML, doi:10.2307/2533274.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import LOG_2PI
from hierbayes.likelihood.elimination import reduce_groups
from hierbayes.likelihood.profiled_curvature import Curvature, curvature_sums, score_of
from hierbayes.likelihood.profiled_gamma import solved
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.threads import added, of_each, spans


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The profiled likelihood at one Γ.

    Parameters
    ----------
    root : (q, q) float
        λ.
    value : float
        ℓ, −inf where it cannot be computed.
    sigma : float
        σ̂.
    gamma : (p,) float
        γ̂.
    freedom : float
        N.
    noise : float
        How far rounding may move ``value``.
    parts : tuple of (array, array)
        N_j^-½R_j (J, r, q) and N_j^-½T_j (J, r, p + 1), of spans of groups one after the other.
    precision_factor : (p, p) float
        F with FF' the inverse of X'(V/σ²)⁻¹X.
    integrated : float
        1 where γ is integrated out, 0 where it is at its best.
    """

    root: Floats
    value: float
    sigma: float
    gamma: Floats
    freedom: float
    noise: float
    parts: tuple[tuple[Floats, Floats], ...]
    precision_factor: Floats
    integrated: float

    @property
    def half(self) -> Floats:
        """N_j^-½R_j (J, r, q)."""
        return np.concatenate([half for half, _ in self.parts])

    @property
    def turned(self) -> Floats:
        """N_j^-½T_j (J, r, p + 1)."""
        return np.concatenate([turned for _, turned in self.parts])

    def curvature(self) -> Curvature:
        """The derivatives here."""
        D, products, squares = added(of_each(self._added, self.parts))
        M = np.empty((len(self.root), len(self.root)))
        score_of(squares, D, self.integrated, M)
        return Curvature(D.reshape(M.shape), products, squares, self.integrated, self.freedom, M)

    def _added(self, part: tuple[Floats, Floats]) -> tuple[Floats, Floats, Floats]:
        """Sums over the groups of a part."""
        return curvature_sums(*part, self.gamma, self.precision_factor, self.sigma, self.integrated)


def profile_at(
    root: Floats, cross: CrossProducts, reading: Reading, threads: int | None = None
) -> Profile:
    """The profiled likelihood at a relative root λ (q, q): one pass over the groups.

    By so many ``threads``, or by as many as processors where there are groups enough for it.
    """
    p = len(cross.W) - 1
    freedom = cross.n - p if reading == REML else cross.n
    log_det, r, log_det_X, whole, gamma, F, parts = _reduced(root, cross, threads)
    if not (math.isfinite(log_det) and r > 0.0):
        return Profile(root, -np.inf, 0.0, np.zeros(p), freedom, 0.0, parts, 0.0 * F, 0.0)
    deviance = freedom * (LOG_2PI + 1.0 + 2.0 * math.log(r) - math.log(freedom)) + log_det
    if reading == REML:
        deviance += log_det_X
    noise = 1e-13 * (abs(deviance) + freedom * (2.0 + whole / r**2))
    return Profile(
        root=root,
        value=-0.5 * deviance,
        sigma=r / math.sqrt(freedom),
        gamma=gamma,
        freedom=freedom,
        noise=noise,
        parts=parts,
        precision_factor=F,
        integrated=1.0 if reading == REML else 0.0,
    )


type _Parts = tuple[tuple[Floats, Floats], ...]


def _reduced(
    root: Floats, cross: CrossProducts, threads: int | None
) -> tuple[float, float, float, float, Floats, Floats, _Parts]:
    """Σ_j log|N_j|, r, log|S_XX|, S_yy, γ̂, F and, by span of groups, N_j^-½R_j and N_j^-½T_j."""
    R, T, W = cross.R, cross.T, cross.W

    def reduced(at: slice) -> tuple[float, Floats, Floats, Floats]:
        found: tuple[float, Floats, Floats, Floats] = reduce_groups(
            root, R[at], T[at], 0.0 * W if at.start else W
        )
        return found

    found = of_each(reduced, spans(len(R), R[:1].size + T[:1].size, threads))
    log_det, S = added([one[:2] for one in found])
    gamma, r, F, log_det_X = solved(S)
    return log_det, r, log_det_X, S[-1, -1], gamma, F, tuple(one[2:] for one in found)
