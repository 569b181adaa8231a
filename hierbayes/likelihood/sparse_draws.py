"""Exact draws of γ and u given θ with several grouping factors, for many θ."""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for
from hierbayes.likelihood.collapsed import solve_gamma
from hierbayes.likelihood.conditional import is_same
from hierbayes.likelihood.sparse_elimination import factorise
from hierbayes.likelihood.sparse_solves import solve_backward, times_rows_of_W


@compiled(error_model="numpy")
def draw_effects(roots, sigmas, gammas, e, normals):
    """One exact draw of the spherical effects b (M, m), u = Λb, for each of M draws of (θ, γ).

    ``roots`` (M, Q, Q) are relative; ``normals`` (M, m) independent standard normal numbers.
    """
    M, p = gammas.shape
    draws, omega = np.empty_like(normals), room_for(e.size)
    weights, right = np.ones((p + 1, 1)), room_for((e.effects, 1))
    for i in range(M):
        if i == 0 or not is_same(roots, i):
            factorise(roots[i], e, omega)
        for c in range(p):
            weights[c, 0] = -gammas[i, c]
        times_rows_of_W(e, omega, weights, right)
        for k in range(e.effects):
            right[k, 0] += sigmas[i] * normals[i, k]
        solve_backward(e, omega, right)
        for k in range(e.effects):
            draws[i, k] = right[k, 0]
    return draws


@compiled(error_model="numpy")
def draw_gamma(roots, sigmas, e, precision, mean, normals):
    """One exact draw of γ (M, p) for each of M draws of θ, as `conditional.draw_gamma`."""
    M, p = normals.shape
    draws, omega, S = room_for((M, p)), room_for(e.size), e.C
    for i in range(M):
        if i == 0 or not is_same(roots, i):
            _, S = factorise(roots[i], e, omega)
        gamma, F, _ = solve_gamma(S, sigmas[i], precision, mean)
        for c in range(p):
            total = gamma[c]
            for d in range(p):
                total += sigmas[i] * F[c, d] * normals[i, d]
            draws[i, c] = total
    return draws
