r"""`variance_derivatives` of several grouping factors, with matrices of all random effects.

With H = ΛΩ⁻¹Λ' and A = Z'Z, B = Z'[X r] (m, m) and (m, p+1), W = I − ZHZ' is never made:

    Z'W[X r] = E = B − AHB,      Z'WZ = D = A − AHA
    Z'W²[X r] = E − DHB,         Z'W²Z = D − DHA,      [X r]'W²[X r] = [X r]'W[X r] − E'HB
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hierbayes.errors import EstimationError
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.sparse_solves import products_times
from hierbayes.likelihood.sparse_state import SparseState
from hierbayes.likelihood.variance_derivatives import VarianceDerivatives, entry_directions

MOST_EFFECTS = 2500  # random effects in all, of which matrices are made


def sparse_variance_derivatives(
    state: SparseState[Any], blocks: tuple[int, ...]
) -> VarianceDerivatives:
    """The derivatives at a maximum of the likelihood, G of ``blocks``.

    Raises
    ------
    EstimationError
        When there are too many random effects for matrices of all of them.
    """
    cross, places = state.cross, state.layout.places
    e = state.layout.elimination
    m, p1 = e.effects, cross.p + 1
    if m > MOST_EFFECTS:
        raise EstimationError(
            f"there are {m} random effects, and Satterthwaite's and Kenward and Roger's degrees of "
            f"freedom are computed for at most {MOST_EFFECTS}; use df='inner-outer' or df='none'"
        )
    change = np.eye(p1)
    change[:-1, -1] = -state.internal_gamma
    change[:, -1] /= state.internal_sigma
    A = products_times(e, np.eye(m))[0]
    B = np.empty((m, p1))
    for level, at in zip(cross.levels, places, strict=True):
        B[at] = level.B @ change
    H = state.resolved(np.eye(m))
    HB = H @ B
    D, E = A - A @ H @ A, B - A @ HB
    inner = change.T @ cross.C @ change
    square = E - D @ HB  # Z'W²[X r]
    once = inner - B.T @ HB
    twice = once - E.T @ HB
    S = [_spread(one, state) for one in entry_directions(blocks)]
    k = len(S) + 1
    first, second = np.empty((k, p1, p1)), np.empty((k, k, p1, p1))
    moved = [one @ E for one in S]
    for i, one in enumerate(moved):
        first[i] = E.T @ one
        for j, other in enumerate(moved):
            second[i, j] = one.T @ D @ other
        second[i, -1] = one.T @ square
        second[-1, i] = second[i, -1].T
    first[-1], second[-1, -1] = twice, twice - square.T @ HB
    gamma_cov = np.linalg.inv(once[:-1, :-1])
    HA = H @ A
    whole = cross.n - 2.0 * float(np.trace(HA)) + float((HA * HA.T).sum())  # tr W²
    return VarianceDerivatives(first, second, _traces(S, D, D - D @ HA, whole), gamma_cov)


def _spread(direction: Floats, state: SparseState[Any]) -> Floats:
    """The derivative (m, m) of Cov(u) that ∂G (Q, Q) is, in the order of elimination."""
    S = np.zeros((state.layout.elimination.effects,) * 2)
    for span, places in zip(state.cross.spans, state.layout.places, strict=True):
        if direction[span, span].any():
            S[places[:, :, None], places[:, None, :]] = direction[span, span]
    return S


def _traces(S: list[Floats], D: Floats, square: Floats, whole: float) -> Floats:
    """Tr(W V_i W V_j) (k, k), from Z'WZ, Z'W²Z and tr W²."""
    k = len(S) + 1
    traces = np.empty((k, k))
    turned = [one @ D for one in S]
    for i, one in enumerate(turned):
        for j, other in enumerate(turned):
            traces[i, j] = (one * other.T).sum()
        traces[i, -1] = traces[-1, i] = (S[i] * square).sum()
    traces[-1, -1] = whole
    return traces
