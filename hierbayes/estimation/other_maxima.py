"""Where else a likelihood over all variance parameters may have a maximum: few rows leave several.

A climb ends where its beginning leads.  So ℓ is looked at in many places, which lie evenly in all
directions, and far out along each coordinate; and the highest of them are climbed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.errors import HierbayesError
from hierbayes.estimation.joint_climb import Climb, JointMaximum, climb_together
from hierbayes.estimation.joint_spots import Begun
from hierbayes.estimation.residual_optimum import AtCoordinates
from hierbayes.estimation.residual_search import ResidualSearch
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import Reading

FEW_ROWS = 80  # up to which a search looks for others: of more, ℓ rarely has several
_PLACES, _CLIMBED, _ENDS_CLIMBED = 16, 2, 2  # of each direction there is, of three at most
_PLACES_BESIDE, _CLIMBED_BESIDE = 16, 3  # of several factors, where G is maximised at each
_FARTHEST = 1.5  # a coordinate
_LARGEST = 2.0  # log of a multiple of the noise of effects
_ENDS = (-6.0, -3.0, 3.0, 6.0)  # coordinates far out


def climbs_elsewhere(
    moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading, best: AtCoordinates
) -> Iterator[tuple[Climb, JointMaximum]]:
    """Climbs over λ and z from elsewhere, of one grouping factor, and where each came to."""
    looking, k = Climb(moments, blocks, reading), len(best.z)
    several = min(k + bool(blocks), 3)
    inside = [
        Begun(_FARTHEST * at[:k], float(np.exp(_LARGEST * at[k])))
        for at in spread(k + 1, several * _PLACES)
    ]
    root = best.optimum.theta.relative(moments.basis)
    # of errors whose first sd is as much smaller, the effects are as much larger
    ends = [Begun(z, size, root) for z in _ends(best.z) for size in _sizes(z - best.z, blocks)]
    ends += [Begun(z, 1.0) for z in _ends(moments.rows.start)]
    for places, count in ((inside, several * _CLIMBED), (ends, min(several, 2) * _ENDS_CLIMBED)):
        for i in _highest(_values(looking, places), count):
            climb = Climb(moments, blocks, reading)
            with np.errstate(all="ignore"):
                joint = climb_together(climb, places[i])
            if joint is not None:
                yield climb, joint


def starts_elsewhere(search: ResidualSearch, best: AtCoordinates) -> list[Floats]:
    """Coordinates (k,) from which a search over z may lead elsewhere, G at its best."""
    inside = [*(_FARTHEST * spread(len(best.z), _PLACES_BESIDE))]
    ends = _ends(best.z)
    found = []
    for places, count in ((inside, _CLIMBED_BESIDE), (ends, 1)):
        values = [_value_beside(search, z) for z in places]
        found += [places[i] for i in _highest(values, count)]
    return found


@lru_cache(maxsize=64)
def spread(k: int, count: int) -> Floats:
    """Points (count, k) of the cube from −1 to 1 that fill it evenly, the first of Kronecker's.

    The powers of 1/g, g^(k + 1) = g + 1, are hard to approximate by fractions together.
    """
    g = 1.5
    for _ in range(60):
        g = (1.0 + g) ** (1.0 / (k + 1))
    steps = g ** -np.arange(1.0, k + 1)
    points: Floats = 2.0 * np.mod(0.5 + np.outer(np.arange(1, count + 1), steps), 1.0) - 1.0
    points.setflags(write=False)
    return points


def _ends(z: Floats) -> list[Floats]:
    """Coordinates (k,) one of which is far out, and the others as they are."""
    return [np.where(np.arange(len(z)) == i, end, z) for i in range(len(z)) for end in _ENDS]


def _sizes(moved: Floats, blocks: tuple[int, ...]) -> tuple[float, ...]:
    """Multiples of λ where coordinates were moved so far."""
    far = float(np.exp(min(np.abs(moved).max(), _ENDS[-1])))
    return (1.0, far) if blocks else (1.0,)


def _highest(values: list[float], count: int) -> list[int]:
    """Places of the highest values that are finite."""
    order = np.argsort(values)[::-1][:count]
    return [int(i) for i in order if np.isfinite(values[i])]


def _values(looking: Climb, places: list[Begun]) -> list[float]:
    """ℓ in these places, −∞ where it cannot be computed."""
    with np.errstate(all="ignore"):  # far out weights may be no numbers
        return [_value(looking, place) for place in places]


def _value(looking: Climb, place: Begun) -> float:
    z, size, root = place
    start = looking.start(place) if root is None else (size * root, z)  # no units: no scoring
    here = None if start is None else looking.at(*start, curved=False)
    return -np.inf if here is None else here.value


def _value_beside(search: ResidualSearch, z: Floats) -> float:
    try:
        with np.errstate(all="ignore"):
            here = search.at(z)
    except HierbayesError:
        return -np.inf
    return -np.inf if here is None else here.value
