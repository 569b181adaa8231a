r"""`variance_derivatives` of several grouping factors, with matrices of all random effects.

With H = ΛΩ⁻¹Λ' and A = Z'Z, B = Z'[X r] (m, m) and (m, p+1), W = I − ZHZ' is never made:

    Z'W[X r] = E = B − AHB,      Z'WZ = D = A − AHA
    Z'W²[X r] = E − DHB,         Z'W²Z = D − DHA,      [X r]'W²[X r] = [X r]'W[X r] − E'HB
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hierbayes.design.elimination_order import elimination_of
from hierbayes.errors import EstimationError
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.eliminated import Eliminated, full_rank, on_effects
from hierbayes.likelihood.rooted_elimination import RootedElimination, rooted_elimination
from hierbayes.likelihood.sparse_solves import products_times
from hierbayes.likelihood.sparse_state import SparseState
from hierbayes.likelihood.variance_derivatives import VarianceDerivatives, entry_directions

MOST_EFFECTS = 2500  # random effects in all, of which matrices are made
_LARGER = 30.0  # sd of an effect beside its noise, from which on roots are used where they can be


def sparse_variance_derivatives(
    state: SparseState[Any], blocks: tuple[int, ...]
) -> VarianceDerivatives:
    """The derivatives at a maximum of the likelihood, G of ``blocks``.

    Raises
    ------
    EstimationError
        When there are too many random effects for matrices of all of them.
    """
    m, p1 = state.layout.elimination.effects, state.cross.p + 1
    if m > MOST_EFFECTS:
        raise EstimationError(
            f"there are {m} random effects, and Satterthwaite's and Kenward and Roger's degrees of "
            f"freedom are computed for at most {MOST_EFFECTS}; use df='inner-outer' or df='none'"
        )
    change = np.eye(p1)
    change[:-1, -1] = -state.internal_gamma
    change[:, -1] /= state.internal_sigma
    full = full_rank(state.cross, state.relative_root)
    rooted = rooted_elimination(full, state.cross, _LARGER)  # products lose their digits twice
    if rooted is None:
        moments = _from_products(state.eliminated, change)
    else:
        moments = _from_roots(rooted, change)
    D, E, further, square, once, twice, thrice, whole = moments
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
    first[-1], second[-1, -1] = twice, thrice
    gamma_cov = np.linalg.inv(once[:-1, :-1])
    return VarianceDerivatives(first, second, _traces(S, D, further, whole), gamma_cov)


class _Moments(NamedTuple):
    """Z'WZ, Z'W[X r], Z'W²Z, Z'W²[X r], [X r]'W^k[X r] for k = 1, 2, 3, and tr W²."""

    D: Floats
    E: Floats
    further: Floats
    square: Floats
    once: Floats
    twice: Floats
    thrice: Floats
    whole: float


def _from_products(at: Eliminated, change: Floats) -> _Moments:
    """They as the module says, from A, B and H."""
    cross = at.cross
    e = elimination_of(cross).elimination
    A, B = products_times(e, np.eye(e.effects))[0], on_effects(cross) @ change
    H = at.resolved(np.eye(e.effects))
    HB = H @ B
    D, E = A - A @ H @ A, B - A @ HB
    once = change.T @ cross.C @ change - B.T @ HB
    square, twice, HA = E - D @ HB, once - E.T @ HB, H @ A
    whole = cross.n - 2.0 * float(np.trace(HA)) + float((HA * HA.T).sum())
    return _Moments(D, E, D - D @ HA, square, once, twice, twice - square.T @ HB, whole)


def _from_roots(full: RootedElimination, change: Floats) -> _Moments:
    """The same from Ω⁻¹ and H = Ω⁻¹Λ'Z'[X r]: HA = Λ(I − Ω⁻¹)Λ⁻¹."""
    m, inverse, H = len(full.low), full.inverse, full.H @ change
    left = np.eye(m) - inverse
    D = full.unscaled(full.unscaled(left, transposed=True).T, transposed=True).T
    further = full.unscaled(full.unscaled(left @ inverse, transposed=True).T, transposed=True).T
    E, square = (full.unscaled(one, transposed=True) for one in (H, inverse @ H))
    once = change.T @ full.S @ change
    twice = once - H.T @ H
    whole = full.cross.n - m + float((inverse * inverse.T).sum())
    return _Moments(D, E, further, square, once, twice, twice - H.T @ inverse @ H, whole)


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
