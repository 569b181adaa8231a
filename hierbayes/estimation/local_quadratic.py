r"""ℓ about a root λ as a quadratic in its free entries, compiled as one pass.

With Γ = λλ', M = ∂ℓ/∂Γ, H = −∂²ℓ by the entries of Γ, and λ_e the free entry in row r, column c,

    ∂Γ_ij/∂λ_e = δ_ir λ_jc + δ_jr λ_ic = A_e,ij,      slope_e = 2 (Mλ)_rc,
    information_ef = A_e'H A_f − 2 M_rr' where e and f stand in one column

each in the units of its row: the size of its effect and its noise.
"""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for
from hierbayes.estimation.trust_region import solve_quadratic
from hierbayes.frames.arrays import Floats, Integers


def local_quadratic(
    root: Floats,
    rows: Integers,
    columns: Integers,
    first: Integers,
    second: Integers,
    M: Floats,
    H: Floats,
    noise: Floats,
) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Units, slope (k,) and information (k, k) of the free entries; Newton's step and its gain.

    The gain is nan where curvature is nearly flat or upwards, and there is no such step.

    Parameters
    ----------
    root : (q, q) float
        λ.
    rows, columns : (k,) int
        Where its free entries stand.
    first, second : (k,) int
        Rows and columns of the entries of Γ that H is of.
    M : (q, q) float
        Between blocks it is not read.
    H : (k, k) float
    noise : (q,) float
        Of each effect, against σ.
    """
    k = len(rows)
    unit, slope, information, step = np.empty(k), np.empty(k), np.empty((k, k)), np.empty(k)
    gain: float = quadratic(
        root, rows, columns, first, second, M, H, noise, unit, slope, information, step
    )
    return unit, slope, information, step, gain


def largest_slope(slope: Floats, information: Floats) -> float:
    """Largest |slope| (k,), each in the unit that its own curvature gives: standard errors."""
    largest = 0.0
    for e in range(len(slope)):
        its = information[e, e] if information[e, e] > 1e-300 else 1e-300
        one = abs(slope[e]) / math.sqrt(its)
        if not one <= largest:
            largest = one
    return largest


@compiled(error_model="numpy", short_loops=True)
def quadratic(
    root: Floats, rows: Integers, columns: Integers, first: Integers, second: Integers, M: Floats,
    H: Floats, noise: Floats, unit: Floats, slope: Floats, information: Floats, step: Floats,
) -> float:  # fmt: skip
    """`local_quadratic`, all but the gain written over."""
    k, q = rows.shape[0], root.shape[0]
    A, turned = room_for((k, k)), room_for((k, k))
    for e in range(k):
        r, c = rows[e], columns[e]
        size, along = 0.0, 0.0
        for i in range(q):
            size += root[r, i] * root[r, i]
            along += M[r, i] * root[i, c]
        unit[e] = np.sqrt(size) + noise[r]
        slope[e] = 2.0 * along * unit[e]
        for f in range(k):
            i, j = first[f], second[f]
            A[e, f] = (root[j, c] if i == r else 0.0) + (root[i, c] if j == r else 0.0)
    for e in range(k):
        for f in range(k):
            total = 0.0
            for h in range(k):
                total += A[e, h] * H[h, f]
            turned[e, f] = total
    for e in range(k):
        for f in range(e + 1):
            total = -2.0 * M[rows[e], rows[f]] if columns[e] == columns[f] else 0.0
            for h in range(k):
                total += turned[e, h] * A[f, h]
            information[e, f] = information[f, e] = total * unit[e] * unit[f]
    return solve_quadratic(information, slope, step, turned)
