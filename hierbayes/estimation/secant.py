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

from functools import cached_property

import numpy as np

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import room_for
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.of_products import AnyCurvature, is_average

_SMALL = 0.1  # of e'd beside e and d, each in units of the information: nothing is learnt
_FAR = 0.1  # d'Ād of a step over which the curvature changes too much
_FLAT = 1e-14  # of a pivot of average information: a direction of which it says nothing
_LOST = 1e-11  # d'Ād of a step whose slopes differ by rounding, where rounding moves ℓ by less


class Secant:
    """What one search has learnt of the curvature.

    Parameters
    ----------
    lower : (k,) int, (k,) int
        Where the free entries of Γ stand in its lower triangle.
    """

    def __init__(self, lower: tuple[Integers, Integers]) -> None:
        self.lower = lower
        self.correction = np.zeros((len(lower[0]), len(lower[0])))
        self.noise = 0.0
        self.last: tuple[Floats, Floats, Floats] | None = None

    def information(self, curvature: AnyCurvature, Gamma: Floats, M: Floats) -> Floats:
        """−∂²ℓ (k, k) at Γ by its free entries, or what stands for it.

        Parameters
        ----------
        curvature : Curvature or SparseCurvature
        Gamma, M : (Q, Q) float
            Where, and ∂ℓ/∂Γ there.
        """
        if not is_average(curvature):
            return curvature.observed(self.entries)
        average, (rows, columns) = curvature.by_entry(self.lower), self.lower
        self.noise = max(self.noise, curvature.profile.noise)
        slope = M[rows, columns] * np.where(rows == columns, 1.0, 2.0)
        self._learn(Gamma[rows, columns], slope, average)
        information: Floats = average + self.correction
        return information

    @cached_property
    def entries(self) -> Floats:
        """∂Γ/∂(free entry) (k, Q, Q)."""
        rows, columns = self.lower
        k, q = np.arange(len(rows)), int(rows.max()) + 1
        entries = np.zeros((len(rows), q, q))
        entries[k, rows, columns] = entries[k, columns, rows] = 1.0
        return entries

    def forget(self) -> None:
        """Nothing that was learnt holds where ℓ is not what it said."""
        self.correction[:] = 0.0

    def _learn(self, place: Floats, slope: Floats, average: Floats) -> None:
        """Take up the step that led to a place (k,) with this slope (k,)."""
        last, self.last = self.last, (place, slope, average)
        if last is None:
            return
        take_up(self.correction, place, slope, average, *last, max(_LOST, 0.01 * self.noise))


@compiled(error_model="numpy")
def take_up(
    correction: Floats,
    place: Floats,
    slope: Floats,
    average: Floats,
    last_place: Floats,
    last_slope: Floats,
    last_average: Floats,
    least: float,
) -> None:
    """Add to C (k, k) what a step that was neither too small nor too large says of it.

    ``place`` (k,), ``slope`` (k,) and ``average`` (k, k) are at its end and at its beginning.
    """
    k, size, along = len(place), 0.0, 0.0
    d, e, between = room_for(k), room_for(k), room_for((k, k))
    for i in range(k):
        d[i] = place[i] - last_place[i]
        for j in range(k):
            between[i, j] = 0.5 * (average[i, j] + last_average[i, j])
    for i in range(k):
        e[i] = last_slope[i] - slope[i]
        for j in range(k):
            size += d[i] * between[i, j] * d[j]
            e[i] -= (between[i, j] + correction[i, j]) * d[j]
        along += e[i] * d[i]
    if not least < size < _FAR:
        return
    if abs(along) > _SMALL * np.sqrt(size * _in_units(between, e)):
        for i in range(k):
            for j in range(k):
                correction[i, j] += e[i] * e[j] / along


@inner
def _in_units(A: Floats, e: Floats) -> float:
    """e'A⁻e for A (k, k) without what of it is flat, by A = LDL', over the lower triangle."""
    k, total, half = len(e), 0.0, room_for(len(e))
    for i in range(k):
        whole, half[i] = A[i, i], e[i]
        for j in range(i):
            for h in range(j):
                A[i, j] -= A[i, h] * A[j, h] * A[h, h]
            A[i, j] = A[i, j] / A[j, j] if A[j, j] > 0.0 else 0.0
            A[i, i] -= A[i, j] * A[i, j] * A[j, j]
            half[i] -= A[i, j] * half[j]
        if A[i, i] > _FLAT * whole:
            total += half[i] * half[i] / A[i, i]
        else:
            A[i, i] = half[i] = 0.0
    return total
