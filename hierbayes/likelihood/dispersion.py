"""Free coordinates of the dispersion of a family.

What is positive by its logarithm; numbers as they are; of thresholds, which increase, the
logarithms of the distances: the first is 0, for η has an intercept in its place.
"""

from __future__ import annotations

import numpy as np

from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Booleans, Floats


def dispersion_at(family: ResponseFamily, free: Floats) -> Floats:
    """φ (d,) from its free coordinates."""
    positive, ordered = _kinds(family)
    if ordered:
        return np.concatenate([[0.0], np.cumsum(np.exp(free))])
    return np.asarray(np.where(positive, np.exp(np.where(positive, free, 0.0)), free))


def dispersion_coordinates(family: ResponseFamily, phi: Floats) -> Floats:
    """The free coordinates of φ (d,)."""
    positive, ordered = _kinds(family)
    if ordered:
        return np.log(np.diff(phi))
    return np.asarray(np.where(positive, np.log(np.where(positive, phi, 1.0)), phi))


def pull_dispersion(family: ResponseFamily, free: Floats, d_phi: Floats) -> Floats:
    """The gradient in free coordinates from that in φ."""
    positive, ordered = _kinds(family)
    if ordered:
        return np.asarray(np.cumsum(d_phi[:0:-1])[::-1] * np.exp(free))
    return d_phi * np.where(positive, np.exp(np.where(positive, free, 0.0)), 1.0)


def _kinds(family: ResponseFamily) -> tuple[Booleans, bool]:
    """Which φ are positive, and whether they are thresholds."""
    kinds = np.array(family.dispersion_kinds, dtype=str)
    return kinds == "positive", "ordered" in family.dispersion_kinds
