"""The collapsed likelihood without each group in turn, at many θ.

A group leaves by subtracting what it adds: log|M_j| and S_j = C_j − B_j'K_jB_j.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import read_value, reduce_groups
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.reading import Reading


def densities_without(
    roots: Floats,
    sigmas: Floats,
    cross: CrossProducts,
    totals: Floats,
    prior: NormalPrior,
    reading: Reading,
) -> tuple[Floats, Floats]:
    """Log density of all groups but one, and the mean of γ given θ and them.

    Parameters
    ----------
    roots, sigmas : (M, q, q), (M,) float
        Relative roots λ and σ in the internal basis.
    cross : CrossProducts
    totals : (J, p+1, p+1) float
        [X_j y_j]'[X_j y_j].
    prior : NormalPrior
        Of γ.
    reading : Reading
        ``REML`` or ``NORMAL``.

    Returns
    -------
    values : (M, J+1) float
        Log p(y without group j | θ) in the internal basis; nothing is left out in the
        last column.
    gammas : (M, J+1, p) float
        E(γ | θ, y without group j).
    """
    return _densities(
        roots, sigmas, cross.A, cross.B, cross.C, totals, cross.rows, prior.precision, prior.mean,
        int(reading),
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _densities(
    roots: Floats,
    sigmas: Floats,
    A: Floats,
    B: Floats,
    C: Floats,
    totals: Floats,
    rows: Floats,
    precision: Floats,
    mean: Floats,
    reading: int,
) -> tuple[Floats, Floats]:
    M, J, q, p = len(roots), len(A), A.shape[1], len(mean)
    values = np.empty((M, J + 1))
    gammas = np.empty((M, J + 1, p))
    n = rows.sum()
    RB = np.empty((q, p + 1))
    for i in range(M):
        log_det, S, R = reduce_groups(roots[i], A, B, C)
        values[i, J], _, at, _ = read_value(
            log_det, S, sigmas[i], mean, n, precision, mean, reading
        )
        gammas[i, J] = at
        for j in range(J):
            left = S - totals[j]
            RB[:, :] = 0.0
            for k in range(q):
                for h in range(q):
                    for c in range(p + 1):
                        RB[k, c] += R[j, k, h] * B[j, h, c]
            for k in range(q):
                for c in range(p + 1):
                    for d in range(p + 1):
                        left[c, d] += RB[k, c] * RB[k, d]
            values[i, j], _, at, _ = read_value(
                log_det - _log_det(roots[i], A[j]), left, sigmas[i], mean, n - rows[j], precision,
                mean, reading,
            )  # fmt: skip
            gammas[i, j] = at
    return values, gammas


@njit(cache=True, nogil=True, error_model="numpy")
def _log_det(root: Floats, A: Floats) -> float:
    """log|I + λ'A_jλ|."""
    no_B = np.zeros((1, len(A), 1))
    log_det, _, _ = reduce_groups(root, A.reshape(1, len(A), len(A)), no_B, np.zeros((1, 1)))
    return log_det
