"""Free coordinates of the dispersion of a family.

What is positive by its logarithm; numbers as they are; of thresholds, which increase, the
logarithms of the distances: the first is 0, for η has an intercept in its place.  Coefficients of
columns are those of an orthogonal basis of them.
"""

from __future__ import annotations

import numpy as np

from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Booleans, Floats


def dispersion_at(family: ResponseFamily, free: Floats) -> Floats:
    """φ (d,) from its free coordinates."""
    if "ordered" in family.dispersion_kinds:
        return np.concatenate([[0.0], np.cumsum(np.exp(free))])
    if not len(free):
        return free
    return dispersion_of_natural(family, natural_of(family, free))


def dispersion_coordinates(family: ResponseFamily, phi: Floats) -> Floats:
    """The free coordinates of φ (d,)."""
    if not len(phi):
        return phi
    positive, ordered = _kinds(family)
    if ordered:
        return np.log(np.diff(phi))
    free = np.where(positive, np.log(np.where(positive, phi, 1.0)), phi)
    if family.turned is not None:
        k = len(family.turned)
        free[-k:] = np.linalg.solve(family.turned, free[-k:])
    return free


def natural_of(family: ResponseFamily, free: Floats) -> Floats:
    """Free coordinates as they are said: logarithms and numbers, coefficients as written."""
    if family.turned is None:
        return free
    k = len(family.turned)
    return np.concatenate([free[:-k], family.turned @ free[-k:]])


def dispersion_of_natural(family: ResponseFamily, natural: Floats) -> Floats:
    """φ from what `natural_of` gives, of a family without thresholds."""
    positive, _ = _kinds(family)
    return np.asarray(np.where(positive, np.exp(np.where(positive, natural, 0.0)), natural))


def pull_dispersion(family: ResponseFamily, free: Floats, d_phi: Floats) -> Floats:
    """The gradient in free coordinates from that in φ."""
    if not len(d_phi):
        return d_phi
    positive, ordered = _kinds(family)
    if ordered:
        return np.asarray(np.cumsum(d_phi[:0:-1])[::-1] * np.exp(free))
    found = d_phi * np.where(positive, np.exp(np.where(positive, free, 0.0)), 1.0)
    if family.turned is not None:
        k = len(family.turned)
        found[-k:] = family.turned.T @ found[-k:]
    return found


def _kinds(family: ResponseFamily) -> tuple[Booleans, bool]:
    """Which φ are positive, and whether they are thresholds."""
    kinds = np.array(family.dispersion_kinds, dtype=str)
    return kinds == "positive", "ordered" in family.dispersion_kinds
