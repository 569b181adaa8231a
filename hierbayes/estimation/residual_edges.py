"""Maxima where a parameter of the errors is at a limit that is a covariance itself.

There its coordinate is infinite, which no search reaches: the likelihood rises towards it ever more
slowly.  So the limit is looked at itself, and stands where nothing near it inside is higher.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hierbayes.estimation.residual_optimum import AtCoordinates
from hierbayes.estimation.residual_search import ResidualSearch
from hierbayes.frames.arrays import Floats

_NEAR = -1.0  # a coordinate, below which the limit is looked at
_AS_HIGH = 1e-9  # ℓ, but for rounding
_ROUGHLY = 0.1  # gain of ℓ that a first look at a limit leaves
_FAR = 1.0  # ℓ, by which a limit is lower at a first look that is no maximum


def edges_above(search: ResidualSearch, here: AtCoordinates) -> Iterator[AtCoordinates]:
    """A limit of a parameter, all others as they are, where it is a maximum as high as ``here``."""
    if search.moments.rows.correlation is None:  # variances have no such limits
        return
    if not (low := here.z < _NEAR).any():
        return
    edges, inside = search.moments.rows.edges
    for i in np.flatnonzero(np.isfinite(edges) & low):
        search.keep(here)
        at_edge = _as_high(search, here, np.where(np.arange(len(edges)) == i, edges, here.z))
        if at_edge is None:
            continue
        near = search.at(np.where(np.arange(len(edges)) == i, inside, here.z))
        if near is None or near.value < at_edge.value:
            yield at_edge


def _as_high(search: ResidualSearch, here: AtCoordinates, z: Floats) -> AtCoordinates | None:
    """The maximum over G at z, if it is as high as ``here``: most are far lower at a first look."""
    least, search.least = search.least, _ROUGHLY
    rough = search.at(z)
    search.least = least
    if rough is None or rough.value < here.value - _FAR:
        return None
    found = search.at(z)
    return None if found is None or found.value < here.value - _AS_HIGH else found
