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

from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.of_products import AnyCurvature, is_average

_SMALL = 0.1  # of e'd beside e and d, each in units of the information: nothing is learnt
_FAR = 0.1  # d'Ād of a step over which the curvature changes too much
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
        d, between = place - last[0], 0.5 * (average + last[2])
        size = d @ between @ d
        if not max(_LOST, 0.01 * self.noise) < size < _FAR:
            return
        e = last[1] - slope - (between + self.correction) @ d
        weight = e @ np.linalg.lstsq(between, e)[0]
        if abs(e @ d) > _SMALL * np.sqrt(size * weight):
            self.correction += np.outer(e, e) / (e @ d)
