"""Maxima where a parameter of the errors is at a limit that is a covariance itself.

There its coordinate is infinite, which no search reaches: the likelihood rises towards it ever more
slowly.  So the limit is looked at itself, and stands where nothing near it inside is higher.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hierbayes.estimation.residual_optimum import AtCoordinates
from hierbayes.estimation.residual_search import ResidualSearch

_NEAR = -1.0  # a coordinate, below which the limit is looked at
_AS_HIGH = 1e-9  # ℓ, but for rounding


def edges_above(search: ResidualSearch, here: AtCoordinates) -> Iterator[AtCoordinates]:
    """A limit of a parameter, all others as they are, where it is a maximum as high as ``here``."""
    if search.moments.rows.correlation is None:  # variances have no such limits
        return
    edges, inside = search.moments.rows.edges
    for i in np.flatnonzero(np.isfinite(edges) & (here.z < _NEAR)):
        search.keep(here)
        at_edge = search.at(np.where(np.arange(len(edges)) == i, edges, here.z))
        if at_edge is None or at_edge.value < here.value - _AS_HIGH:
            continue
        near = search.at(np.where(np.arange(len(edges)) == i, inside, here.z))
        if near is None or near.value < at_edge.value:
            yield at_edge
