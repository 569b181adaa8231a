"""Gaps between neighbours in time: which there are, a middle and a short one, what they tell."""

from __future__ import annotations

import math

import numpy as np

from hierbayes.residuals.bound_values import Floats, Integers
from hierbayes.residuals.row_kernels import distinct_places

_NEAR_ONE = 0.05, 5000.0  # middle gaps over which φ has digits
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


def short_gap(gaps: Floats, counts: Floats) -> float:
    """The least gap (G,), ascending, which a quarter of the neighbours do not exceed; 1 of none."""
    if not len(gaps):
        return 1.0
    passed = np.cumsum(counts)
    return float(gaps[np.searchsorted(passed, 0.25 * passed[-1])])


def said_of_sign(time: str) -> str:
    """That even gaps do not tell the sign of φ."""
    return (
        f"all gaps of '{time}' between the rows of a group are even, so that the data tell phi "
        "only but for its sign, and it is taken as positive; "
        f"hb.residuals.CAR1('{time}') and times in units of the gap say the same"
    )


def said_of_unit(time: str, gap: float) -> str:
    """That φ has no digits where the middle gap is far from 1; else nothing."""
    if _NEAR_ONE[0] < gap < _NEAR_ONE[1]:
        return ""
    return (
        f"phi is the correlation of errors 1 apart in '{time}', and rows of a group are usually "
        f"{gap:.3g} apart, so that it has few digits; with times in units of the gap the fit is "
        "the same, and phi that of neighbours"
    )
