"""The curvature of ℓ along a search: exact, or average information with what steps add to it.

Average information leaves out a part of −∂²ℓ, so that Newton's steps with it end up shrinking the
distance to a maximum by a constant factor.  What is left out is learnt from the slopes at both
ends of a step, by the symmetric correction of rank one,

    C ← C + ee'/(e'd),   e = −ΔM − Ā d − C d,

of the entries of Γ, with d the step and Ā the average information halfway.

References
----------
Nocedal & Wright (2006), *Numerical Optimization*, section 6.2.
"""

from __future__ import annotations

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for, zeros_of
from hierbayes.design.blocks import entry_directions, free_entries
from hierbayes.estimation.trust_region import solve_told
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.of_products import AnyCurvature, is_average

_SMALL = 0.1  # of e'd beside e and d, each in units of the information: nothing is learnt
_FAR = 0.1  # d'Ād of a step over which the curvature changes too much
_FLAT = 1e-14  # of a pivot of average information: a direction of which it says nothing
LOST = 1e-11  # d'Ād of a step whose slopes differ by rounding, where rounding moves ℓ by less


class Secant:
    """What one search has learnt of the curvature.

    Parameters
    ----------
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    """

    def __init__(self, blocks: tuple[int, ...]) -> None:
        self.blocks, self.lower = blocks, free_entries(blocks)
        self.correction = np.zeros((len(self.lower[0]), len(self.lower[0])))
        self.noise = 0.0
        self.last: tuple[Floats, Floats, Floats] | None = None

    def information(self, curvature: AnyCurvature, root: Floats) -> Floats:
        """−∂²ℓ (k, k) by the free entries of Γ, or what stands for it.

        Parameters
        ----------
        curvature : Curvature or SparseCurvature
        root : (Q, Q) float
            Where: λ with Γ = λλ'.
        """
        if not is_average(curvature):
            return curvature.observed(entry_directions(self.blocks))
        average = curvature.by_entry(self.lower)
        self.noise = max(self.noise, curvature.profile.noise)
        self._learn(root, curvature.score, average)
        information: Floats = average + self.correction
        return information

    def forget(self) -> None:
        """Nothing that was learnt holds where ℓ is not what it said."""
        self.correction[:] = 0.0

    def _learn(self, root: Floats, M: Floats, average: Floats) -> None:
        """Take up the step that led to a root (Q, Q) with this score (Q, Q)."""
        last, self.last = self.last, (root, M, average)
        if last is not None:
            least = max(LOST, 0.01 * self.noise)
            take_up(self.correction, *self.last, *last, *self.lower, least)


@compiled(error_model="numpy", short_loops=True)
def take_up(
    C: Floats, root: Floats, M: Floats, average: Floats, old_root: Floats, old_M: Floats,
    old_average: Floats, rows: Integers, columns: Integers, least: float,
) -> None:  # fmt: skip
    """Add to C (k, k) what a step that was neither too small nor too large says of it.

    λ, M and Ā are those at its end and at its beginning.
    """
    k, size, along = len(rows), 0.0, 0.0
    d, e, between = zeros_of(k), room_for(k), room_for((k, k))
    for i in range(k):
        r, c = rows[i], columns[i]
        for h in range(len(root)):
            d[i] += root[r, h] * root[c, h] - old_root[r, h] * old_root[c, h]
        for j in range(k):
            between[i, j] = 0.5 * (average[i, j] + old_average[i, j])
    for i in range(k):
        r, c = rows[i], columns[i]
        e[i] = (old_M[r, c] - M[r, c]) * (1.0 if r == c else 2.0)
        for j in range(k):
            size += d[i] * between[i, j] * d[j]
            e[i] -= (between[i, j] + C[i, j]) * d[j]
        along += e[i] * d[i]
    if not least < size < _FAR:
        return
    if abs(along) > _SMALL * np.sqrt(size * _in_units(between, e)):
        for i in range(k):
            for j in range(k):
                C[i, j] += e[i] * e[j] / along


@inner
def _in_units(A: Floats, e: Floats) -> float:
    """e'A⁻e for A (k, k) without what of it is flat, which is written over."""
    k, total, x = len(e), 0.0, room_for(len(e))
    for i in range(k):
        x[i] = e[i]
    solve_told(A, x, _FLAT)
    for i in range(k):
        total += e[i] * x[i]
    return total
