"""ℓ of several factors at one λ, with its slopes and average information: one compiled pass."""

from __future__ import annotations

import math

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for
from hierbayes.likelihood.average_information import average_information, weights_of_W, write_score
from hierbayes.likelihood.collapsed import LOG_2PI
from hierbayes.likelihood.eliminated import SMALL_ROOT, extent
from hierbayes.likelihood.profiled_gamma import solved
from hierbayes.likelihood.rooted_elimination import FAR_LARGER
from hierbayes.likelihood.sparse_elimination import factorise


@inner
def sparse_point(
    root, noise, e, freedom, integrated, rows, columns, S, omega, gamma, F, M, information, pull
):  # fmt: skip
    """What is eliminated at a root, what is solved from it, and the derivatives there.

    Arrays are written over: numba takes a microsecond for each that it hands out.  They are so
    entry by entry: it compiles for seconds what it would say of slices of other shapes.

    Parameters
    ----------
    root : (Q, Q) float
        λ, block-diagonal; of full rank but for effects by themselves: where one has no variance,
        ∂ℓ/∂Γ is that where it has a little.
    noise : (Q,) float
        Of each effect, against σ.
    e : Elimination
    freedom : float
    integrated : bool
        Whether γ is integrated out.
    rows, columns : (k,) int
        Entries of Γ.

    S, omega
        Written: as `eliminate` has them.
    gamma, F
        Written: as `solved` has them.
    M : (Q, Q) float
        Written: ∂ℓ/∂Γ; not, as all that follows, where ℓ cannot be computed.
    information, pull
        Written: as `average` has them.

    Returns
    -------
    log_det, r, log_det_X
    """
    full, at, factor = room_for(root.shape), root, omega
    log_det, r, log_det_X = 0.0, 0.0, 0.0
    _, single, _ = extent(root, noise, e.start, e.q, full)
    for again in range(2):
        half, eliminated = factorise(at, e, factor)
        found, left, own, of_X = _solved(eliminated)
        if again == 0:
            log_det, r, log_det_X = half, left, of_X
            _write_solved(eliminated, found, own, S, gamma, F)
        if not (math.isfinite(half) and left > 0.0):
            return log_det, r if again == 0 else np.nan, log_det_X
        if again == 1 or single >= SMALL_ROOT:
            N = weights_of_W(found, own, left / math.sqrt(freedom), integrated)
            write_score(at, e, N, factor, M)
            break
        at, factor = full, room_for(e.size)
    a, b, _ = average_information(root, e, omega, gamma, F, rows, columns)
    _average(M, a, b, r / math.sqrt(freedom), freedom, rows, columns, information, pull)
    return log_det, r, log_det_X


@inner
def _write_solved(eliminated, found, own, S, gamma, F):
    """What is left and what is solved from it, over S, gamma and F."""
    p = len(gamma)
    for c in range(p + 1):
        for d in range(p + 1):
            S[c, d] = eliminated[c, d]
    for c in range(p):
        gamma[c] = found[c]
        for d in range(p):
            F[c, d] = own[c, d]


def profiled_value(
    log_det: float, r: float, log_det_X: float, freedom: float, integrated: bool, whole: float
) -> tuple[float, float]:
    """ℓ with σ and γ profiled out (γ integrated out), and how far rounding may move it.

    Parameters
    ----------
    log_det : float
        log|I + Λ'Z'ZΛ|.
    r : float
        Root of what is left of y'(V/σ²)⁻¹y.
    log_det_X : float
        log|X'(V/σ²)⁻¹X|.
    freedom : float
        n − p where γ is integrated out, else n.
    integrated : bool
    whole : float
        What the digits of r² were taken from, beside it: y'y/r² of products.
    """
    deviance = freedom * (LOG_2PI + 1.0 + 2.0 * math.log(r) - math.log(freedom)) + log_det
    if integrated:
        deviance += log_det_X
    return -0.5 * deviance, 1e-13 * (abs(deviance) + freedom * (2.0 + whole))


value_of_point = inner(profiled_value)
_solved = inner(solved.py_func)  # without a way in from Python, which few fits take


@inner
def is_plain(root, noise, e):
    """Whether products have the digits for λ, and blocks of several effects are of full rank."""
    largest, _, several = extent(root, noise, e.start, e.q, room_for(root.shape))
    return largest <= FAR_LARGER and several >= SMALL_ROOT


@compiled(error_model="numpy", short_loops=True)
def average(M, a, b, sigma, freedom, rows, columns, information, pull):
    """Write average information (k, k), and what Σ_j Z_j'(V/σ²)⁻¹Z_j pulls (Q,).

    The pull is the diagonal of Σ_j v_jv_j'/σ̂² − 2M, which is what γ leaves of that sum; a_i of an
    entry on the diagonal is Σ_j of the square there.
    """
    for i in range(len(a)):
        for j in range(len(a)):
            both = a[i] * a[j] / (sigma * sigma * freedom)
            information[i, j] = 0.5 * (b[i, j] - both) / (sigma * sigma)
        if rows[i] == columns[i]:
            at = rows[i]
            left = a[i] / (sigma * sigma) - 2.0 * M[at, at]
            pull[at] = left if left > 1e-300 else 1e-300


_average = inner(average.py_func)
