"""How much of a posterior variance is uncertainty of θ: the law of total variance, exactly.

    Var(x | y) = E[Var(x | θ, y)] + Var(E[x | θ, y])

for x = γ and for the coefficients β_j = W_jγ + u_j of every group.  Both inner moments are
known in closed form at each draw of θ, so the split has no noise but that of the draws of θ
themselves.
"""

from __future__ import annotations

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import solve_gamma
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.conditional_roots import conditional_roots
from hierbayes.likelihood.elimination import reduce_groups


def split_variances(
    roots: Floats,
    sigmas: Floats,
    cross: CrossProducts,
    prior: NormalPrior,
    T_x: Floats,
    T_z: Floats,
    population: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Means over draws of the variances given θ, and variances over draws of the means.

    T_x (p, p), T_z (q, q) and population (J, q, p) lead from the internal γ° and u° to γ, u and the
    population part of β_j; constants do not matter to a variance.
    """
    return _split(
        roots, sigmas, cross.R, cross.T, cross.W, cross.A, cross.B, prior.precision, prior.mean,
        T_x, T_z, population,
    )  # fmt: skip


@compiled()
def _split(
    roots: Floats,
    sigmas: Floats,
    R: Floats,
    T: Floats,
    W: Floats,
    A: Floats,
    B: Floats,
    precision: Floats,
    mean: Floats,
    T_x: Floats,
    T_z: Floats,
    population: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    M, J, q, p = len(roots), B.shape[0], B.shape[1], B.shape[2] - 1
    within, center, square = zeros_of(p), zeros_of(p), zeros_of(p)
    within_j, center_j, square_j = zeros_of((J, q)), zeros_of((J, q)), zeros_of((J, q))
    KB = room_for((q, p + 1))
    half = room_for((q, p + 1))
    u = room_for(q)
    on_gamma = room_for(p)
    for i in range(M):
        _, S, _, _ = reduce_groups(roots[i], R, T, W)
        K_roots = conditional_roots(roots[i], A)
        gamma, F, _ = solve_gamma(S, sigmas[i], precision, mean)
        variance = sigmas[i] ** 2
        for c in range(p):
            value, spread = 0.0, 0.0
            for d in range(p):
                value += T_x[c, d] * gamma[d]
                factor = 0.0
                for e in range(p):
                    factor += T_x[c, e] * F[e, d]
                spread += factor * factor
            within[c] += variance * spread / M
            step = value - center[c]
            center[c] += step / (i + 1)
            square[c] += step * (value - center[c])
        for j in range(J):
            for k in range(q):
                for c in range(p + 1):
                    half[k, c] = 0.0
                    for h in range(q):
                        half[k, c] += K_roots[j, k, h] * B[j, h, c]
            for k in range(q):
                for c in range(p + 1):
                    KB[k, c] = 0.0
                    for h in range(q):
                        KB[k, c] += K_roots[j, h, k] * half[h, c]
                u[k] = KB[k, p]
                for c in range(p):
                    u[k] -= KB[k, c] * gamma[c]
            for k in range(q):
                value, spread = 0.0, 0.0
                for c in range(p):
                    on_gamma[c] = population[j, k, c]
                    for h in range(q):
                        on_gamma[c] -= T_z[k, h] * KB[h, c]
                    value += population[j, k, c] * gamma[c]
                for d in range(p):
                    factor = 0.0
                    for c in range(p):
                        factor += on_gamma[c] * F[c, d]
                    spread += factor * factor
                for h in range(q):
                    value += T_z[k, h] * u[h]
                    factor = 0.0
                    for m in range(q):
                        factor += T_z[k, m] * K_roots[j, h, m]
                    spread += factor * factor
                within_j[j, k] += variance * spread / M
                step = value - center_j[j, k]
                center_j[j, k] += step / (i + 1)
                square_j[j, k] += step * (value - center_j[j, k])
    freedom = max(M - 1, 1)
    return within, square / freedom, within_j, square_j / freedom
