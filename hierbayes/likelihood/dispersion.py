"""Free coordinates of the dispersion of a family.

What is positive by its logarithm; numbers as they are; of what increases, the first and the
logarithms of the distances.
"""

from __future__ import annotations

import numpy as np

from hierbayes.families.family import Family
from hierbayes.frames.arrays import Booleans, Floats, Integers


def dispersion_at(family: Family, free: Floats) -> Floats:
    """φ (d,) from its free coordinates."""
    positive, ordered = _kinds(family)
    phi = np.where(positive, np.exp(np.where(positive, free, 0.0)), free)
    if len(ordered):
        phi[ordered] = np.cumsum(np.concatenate([free[ordered[:1]], np.exp(free[ordered[1:]])]))
    return np.asarray(phi)


def dispersion_coordinates(family: Family, phi: Floats) -> Floats:
    """The free coordinates (d,) of φ."""
    positive, ordered = _kinds(family)
    free = np.where(positive, np.log(np.where(positive, phi, 1.0)), phi)
    free[ordered[1:]] = np.log(np.diff(phi[ordered]))
    return np.asarray(free)


def pull_dispersion(family: Family, free: Floats, d_phi: Floats) -> Floats:
    """The gradient in free coordinates from that in φ."""
    positive, ordered = _kinds(family)
    pulled = d_phi * np.where(positive, np.exp(np.where(positive, free, 0.0)), 1.0)
    if len(ordered):
        after = np.cumsum(d_phi[ordered][::-1])[::-1]
        pulled[ordered] = after
        pulled[ordered[1:]] = after[1:] * np.exp(free[ordered[1:]])
    return np.asarray(pulled)


def _kinds(family: Family) -> tuple[Booleans, Integers]:
    """Which φ are positive, and the places of those that increase."""
    kinds = np.array(family.dispersion_kinds, dtype=str)
    return kinds == "positive", np.flatnonzero(kinds == "ordered")
