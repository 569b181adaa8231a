r"""`variance_derivatives` of several grouping factors.

Nested factors are taken group by group and all others as one dense matrix (`group_moments`).
Where effects are large and few, matrices of all of them are made of a root of the rows:

    Z'W[X r] = E,   Z'WZ = D,   Z'W²[X r],   Z'W²Z    from Ω⁻¹ and H = Ω⁻¹Λ'Z'[X r]
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hierbayes.design.blocks import entry_directions, free_entries
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.errors import EstimationError
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.effect_groups import EffectGroups
from hierbayes.likelihood.eliminated import full_rank
from hierbayes.likelihood.group_moments import forms, group_moments, traces
from hierbayes.likelihood.rooted_elimination import RootedElimination, rooted_elimination
from hierbayes.likelihood.sparse_state import SparseState
from hierbayes.likelihood.variance_derivatives import VarianceDerivatives

# What a user may have to wait for, and find room for; no number depends on them.
_MOST_WORK = 1.5e11  # multiplications: some seconds
_MOST_NUMBERS = 30_000_000  # of the effects of the chain beside those of the core
_LARGER = 30.0  # sd of an effect beside its noise, from which on roots are used where they can be


def sparse_variance_derivatives(
    state: SparseState[Any], blocks: tuple[int, ...]
) -> VarianceDerivatives:
    """The derivatives at a maximum of the likelihood, G of ``blocks``.

    Raises
    ------
    EstimationError
        When there are too many random effects that are not of nested factors.
    """
    p1 = state.cross.p + 1
    change = np.eye(p1)
    change[:-1, -1] = -state.internal_gamma
    change[:, -1] /= state.internal_sigma
    full = full_rank(state.cross, state.relative_root)
    rooted = rooted_elimination(full, state.cross, _LARGER)  # products lose their digits twice
    if rooted is not None:
        return _by_roots(state, blocks, _from_roots(rooted, change))
    return _by_groups(state.cross, state.relative_root, blocks, change)


def _by_groups(
    cross: SparseProducts, root: Floats, blocks: tuple[int, ...], change: Floats
) -> VarianceDerivatives:
    """They from the products, the chain that costs least taken group by group."""
    groups = _cheapest(cross)
    entries = [_entry(cross, i, j) for i, j in zip(*free_entries(blocks), strict=True)]
    of_chain = [one for one in entries if one[0] in groups.chain]
    of_core = [one for one in entries if one[0] not in groups.chain]
    G = tuple(root[span, span] @ root[span, span].T for span in cross.spans)
    moments = group_moments(groups, G, change)
    first, second, once = forms(moments, of_chain, of_core)
    found = traces(moments, of_chain, of_core)
    places = [*(([*of_chain, *of_core]).index(one) for one in entries), len(entries)]
    at = np.ix_(places, places)
    gamma_cov = np.linalg.inv(once[:-1, :-1])
    return VarianceDerivatives(first[places], second[at], found[at], gamma_cov)


def _entry(cross: SparseProducts, row: int, column: int) -> tuple[int, int, int]:
    """The factor, row and column of an entry of G of all factors."""
    for k, span in enumerate(cross.spans):
        if span.start <= row < span.stop:
            return k, int(row - span.start), int(column - span.start)
    raise IndexError(row)


def _cheapest(cross: SparseProducts) -> EffectGroups:
    """The first factors of the leading chain by which the work is least.

    Raises
    ------
    EstimationError
        When it is too much.
    """
    chain = elimination_of(cross).chain
    ways = [EffectGroups(cross, chain[:r]) for r in range(1, len(chain) + 1)]
    best = min(ways, key=lambda way: way.work)
    numbers = best.chain_size * (best.core_size + cross.p + 1 + int(best.group_sizes.max()))
    if best.work > _MOST_WORK or numbers > _MOST_NUMBERS:
        many = max(best.core_size, int(best.group_sizes.max()))
        raise EstimationError(
            f"Satterthwaite's and Kenward and Roger's degrees of freedom need matrices of {many} "
            f"random effects that meet in rows beside {best.chain_size} more, which takes long; "
            "use df='inner-outer' or df='none'"
        )
    return best


def _by_roots(
    state: SparseState[Any], blocks: tuple[int, ...], moments: _Moments
) -> VarianceDerivatives:
    """They from matrices of all random effects."""
    D, E, further, square, once, twice, thrice, whole = moments
    S = [_spread(one, state) for one in entry_directions(blocks)]
    k, p1 = len(S) + 1, len(once)
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


def _from_roots(full: RootedElimination, change: Floats) -> _Moments:
    """They from Ω⁻¹ and H = Ω⁻¹Λ'Z'[X r]: HA = Λ(I − Ω⁻¹)Λ⁻¹."""
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
