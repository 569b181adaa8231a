"""The collapsed likelihood without each group in turn, at many θ.

A group leaves by subtracting what it adds: log|N_j| and S_j = W_j + T_j'N_j⁻¹T_j.
"""

from __future__ import annotations

from hierbayes.compilation import compiled
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.collapsed import read_value
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.elimination import reduce_groups
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
        What every group adds to W.
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
        roots, sigmas, cross.R, cross.T, cross.W, totals, cross.rows, prior.precision, prior.mean,
        int(reading),
    )  # fmt: skip


@compiled(error_model="numpy")
def _densities(
    roots: Floats,
    sigmas: Floats,
    R: Floats,
    T: Floats,
    W: Floats,
    totals: Floats,
    rows: Floats,
    precision: Floats,
    mean: Floats,
    reading: int,
) -> tuple[Floats, Floats]:
    M, J, r, p = len(roots), len(R), R.shape[1], len(mean)
    values = room_for((M, J + 1))
    gammas = room_for((M, J + 1, p))
    n = rows.sum()
    for i in range(M):
        log_det, S, _, turned = reduce_groups(roots[i], R, T, W)
        values[i, J], _, at, _ = read_value(
            log_det, S, sigmas[i], mean, n, precision, mean, reading
        )
        gammas[i, J] = at
        for j in range(J):
            left = S - totals[j]
            for k in range(r):
                for c in range(p + 1):
                    for d in range(p + 1):
                        left[c, d] -= turned[j, k, c] * turned[j, k, d]
            values[i, j], _, at, _ = read_value(
                log_det - _log_det(roots[i], R[j : j + 1]), left, sigmas[i], mean, n - rows[j],
                precision, mean, reading,
            )  # fmt: skip
            gammas[i, j] = at
    return values, gammas


@compiled(error_model="numpy")
def _log_det(root: Floats, R: Floats) -> float:
    """log|N_j| of one group, R (1, r, q)."""
    no_T = zeros_of((1, R.shape[1], 1))
    log_det, _, _, _ = reduce_groups(root, R, no_T, zeros_of((1, 1)))
    return log_det
