"""Gaps between neighbours in time: which there are, the middle one, and whether any is odd."""

from __future__ import annotations

import math

import numpy as np

from hierbayes.residuals.bound_values import Floats, Integers
from hierbayes.residuals.row_kernels import distinct_places

_EXACT = 2.0**53  # whole numbers below are what they are


def distinct_gaps(lags: Floats, whole: bool) -> tuple[Floats, Integers, Integers]:
    """Distinct lags (G,), ascending, which of them each is (m,), and how many are (G,)."""
    longest = float(lags.max(initial=0.0))
    if whole and len(lags) and lags.min() == longest:  # rows follow each other
        every = np.zeros(len(lags), dtype=np.intp)
        return np.array([longest]), every, np.array([len(lags)])
    if whole and 0.0 < longest < _EXACT:
        found, place = distinct_places(lags.astype(np.intp), int(longest) + 1)
        return found.astype(np.float64), place, np.bincount(place)
    if not whole and len(lags):  # of whole times differences are exact
        size = math.floor(math.log10(longest))
        lags = np.round(lags, 10 - min(size, 0))  # equal ones are told as such
    return np.unique(lags, return_inverse=True, return_counts=True)


def any_odd(gaps: Floats) -> bool:
    """Whether any whole gap is odd; of none it is not known that all are even."""
    return not len(gaps) or bool((gaps % 2.0 == 1.0).any())


def middle_gap(gaps: Floats, counts: Floats) -> float:
    """The median of gaps (G,), ascending, of which there are so many; 1 of none."""
    if len(gaps) < 2:
        return float(gaps[0]) if len(gaps) else 1.0
    n = int(counts.sum())
    at = np.searchsorted(np.cumsum(counts), [(n - 1) // 2, n // 2], side="right")
    return float(gaps[at].mean())
