"""How much of a posterior variance is uncertainty of θ: the law of total variance, exactly.

    Var(x | y) = E[Var(x | θ, y)] + Var(E[x | θ, y])

for x = γ and for the coefficients β_j = W_jγ + u_j of every group.  Both inner moments are
known in closed form at each draw of θ, so the split has no noise but that of the draws of θ
themselves.
"""

from __future__ import annotations

from hierbayes.compilation import compiled, lent_in_loop
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
    of_gamma, of_beta = zeros_of((3, p)), zeros_of((3, J * q))
    KB, half, u = room_for((q, p + 1)), room_for((q, p + 1)), room_for(q)
    on_gamma = room_for(p)
    for i in range(M):
        _, S, _, _ = reduce_groups(roots[i], R, T, W)
        K_roots = conditional_roots(roots[i], A)
        gamma, F, _ = solve_gamma(S, sigmas[i], precision, mean)
        variance = sigmas[i] ** 2
        for c in range(p):
            value = 0.0
            for d in range(p):
                value += T_x[c, d] * gamma[d]
                on_gamma[d] = T_x[c, d]
            _add(of_gamma, c, i, value, variance * _spread(on_gamma, F))
        for j in range(J):
            _pull(K_roots, B, j, half, KB)
            for k in range(q):
                u[k] = KB[k, p]
                for c in range(p):
                    u[k] -= KB[k, c] * gamma[c]
            for k in range(q):
                value = _coefficient(T_z, population, KB, gamma, u, j, k, on_gamma)
                spread = _spread(on_gamma, F) + _own_spread(T_z, K_roots, j, k)
                _add(of_beta, j * q + k, i, value, variance * spread)
    freedom = max(M - 1, 1)
    beta = of_beta.reshape((3, J, q))
    return of_gamma[0] / M, of_gamma[2] / freedom, beta[0] / M, beta[2] / freedom


@lent_in_loop
def _pull(K_roots: Floats, B: Floats, j: int, half: Floats, KB: Floats) -> None:
    """K_jB_j (q, p + 1) as R_j'(R_jB_j)."""
    size, q, columns = K_roots.shape[1], KB.shape[0], KB.shape[1]
    for k in range(size):
        for c in range(columns):
            half[k, c] = 0.0
            for h in range(q):
                half[k, c] += K_roots[j, k, h] * B[j, h, c]
    for k in range(q):
        for c in range(columns):
            KB[k, c] = 0.0
            for h in range(size):
                KB[k, c] += K_roots[j, h, k] * half[h, c]


@lent_in_loop
def _coefficient(
    T_z: Floats,
    population: Floats,
    KB: Floats,
    gamma: Floats,
    u: Floats,
    j: int,
    k: int,
    on_gamma: Floats,
) -> float:
    """Its mean given θ, and what it moves by with γ, u's mean included (p,)."""
    value = 0.0
    for c in range(len(gamma)):
        value += population[j, k, c] * gamma[c]
        on_gamma[c] = population[j, k, c]
        for h in range(len(u)):
            on_gamma[c] -= T_z[k, h] * KB[h, c]
    for h in range(len(u)):
        value += T_z[k, h] * u[h]
    return value


@lent_in_loop
def _spread(row: Floats, F: Floats) -> float:
    """Variance / σ² of row'γ: the squared length of F'row."""
    total = 0.0
    for d in range(len(row)):
        factor = 0.0
        for c in range(len(row)):
            factor += row[c] * F[c, d]
        total += factor * factor
    return total


@lent_in_loop
def _own_spread(T_z: Floats, K_roots: Floats, j: int, k: int) -> float:
    """Variance / σ² of effect k of u_j given γ: the squared length of R_j times row k of T_z."""
    total = 0.0
    for h in range(K_roots.shape[1]):
        factor = 0.0
        for m in range(T_z.shape[1]):
            factor += T_z[k, m] * K_roots[j, h, m]
        total += factor * factor
    return total


@lent_in_loop
def _add(tally: Floats, at: int, i: int, mean: float, variance: float) -> None:
    """Draw i into the sum of variances, the mean of means and their squares about it (3, n)."""
    tally[0, at] += variance
    step = mean - tally[1, at]
    tally[1, at] += step / (i + 1)
    tally[2, at] += step * (mean - tally[1, at])
