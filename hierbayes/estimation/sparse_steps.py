"""Steps of a climb with several grouping factors that are taken without Python (`sparse_walk`).

Of a few levels Python takes longer over a step than what it computes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hierbayes.design.elimination import Elimination
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.estimation.pivoted_triangle import PivotedTriangle, ends_of
from hierbayes.estimation.scoring import least_of_several
from hierbayes.estimation.secant import Secant
from hierbayes.estimation.sparse_spots import Ground, Lore, Spot
from hierbayes.estimation.sparse_walk import BEGINS, COUNT, walk
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.of_products import AnyProfile
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.sparse_profile import SparseProfile, freedom_of
from hierbayes.value import value

_MOST = 20_000  # entries of Ω, of which Python's part of a step is nothing any more
_EFFECTS = 2  # of a factor, whose root is known to be of full rank without more ado
_STEPS = 100


@dataclass(slots=True)
class Place:
    """Where a climb is.

    Parameters
    ----------
    triangle : PivotedTriangle
    profile : Profile or SparseProfile
        ℓ there.
    radius : float
        Of the trust region.
    last : float
        What the last step was to gain.
    secant : Secant
        What has been learnt of the curvature.
    slope : float, optional
        `largest_slope`, where no step gains anything.
    """

    triangle: PivotedTriangle
    profile: AnyProfile
    radius: float
    last: float
    secant: Secant
    slope: float | None = None


@value()
class SparseSteps:
    """The steps of one search.

    Parameters
    ----------
    cross : SparseProducts
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    reading : Reading
    elimination : Elimination
    """

    cross: SparseProducts
    blocks: tuple[int, ...]
    reading: Reading
    elimination: Elimination

    @classmethod
    def of(cls, cross: Products, blocks: tuple[int, ...], reading: Reading) -> SparseSteps | None:
        """Those of few levels, each of whose factors has one block of G; else None."""
        if not isinstance(cross, SparseProducts) or len(blocks) != len(cross.levels):
            return None
        elimination = elimination_of(cross).elimination
        if elimination.size > _MOST or max(blocks) > _EFFECTS:
            return None
        return cls(cross, blocks, reading, elimination)

    def begin(self, radius: float, least: float) -> tuple[Place, int] | None:
        """Go from where effects have the size of their noise, by scoring first.

        Where `climb` has to look, and how many points were looked at; None where ℓ cannot be
        computed at the first.
        """
        cross, e, secant = self.cross, self.elimination, Secant(self.blocks)
        Q, k = len(cross.noise), len(secant.correction)
        spot = Spot(
            np.empty((Q, Q)), np.empty(k, dtype=np.intp), np.empty(e.C.shape), np.empty(e.size),
            np.empty(cross.p), np.empty((cross.p, cross.p)), np.empty((Q, Q)), np.empty((k, k)),
            np.empty(Q),
        )  # fmt: skip
        numbers = np.array([np.nan, 0.0, 0.0, 0.0, radius, np.inf, 0.0, BEGINS, np.nan])
        looked, place = self._walked(spot, secant, numbers, least)
        return None if place is None else (place, looked)

    def go_on(self, here: Place, least: float) -> tuple[Place, int]:
        """Go on to where `climb` has to look, and how many steps were taken.

        What the secant knows is written over.
        """
        triangle, profile, secant = here.triangle, here.profile, here.secant
        if not isinstance(profile, SparseProfile) or profile.made is None:
            return here, 0
        spot = Spot(
            triangle.root.copy(), triangle.at[0].copy(), *(one.copy() for one in profile.parts)
        )
        numbers = np.array([
            profile.value, profile.noise, profile.sigma, profile.eliminated.log_det, here.radius,
            here.last, secant.noise, float(secant.last is not None), np.nan,
        ])  # fmt: skip
        taken, place = self._walked(spot, secant, numbers, least)
        return place or here, taken

    def _walked(
        self, spot: Spot, secant: Secant, numbers: Floats, least: float
    ) -> tuple[int, Place | None]:
        """How many points were looked at, and where that led; None where ℓ is not finite."""
        cross, e, root = self.cross, self.elimination, spot.root
        freedom = freedom_of(cross, self.reading)
        ground = Ground(
            freedom, self.reading == REML, cross.noise, ends_of(self.blocks), *secant.lower,
            0.0 if max(self.blocks) == 1 else least_of_several(min(cross.group_counts)),
        )  # fmt: skip
        before = secant.last or (root, spot.M, spot.average)
        before = before[0].copy(), before[1].copy(), before[2].copy()
        lore = Lore(*before, secant.correction)
        looked = int(walk(e, ground, spot, lore, numbers, least, _STEPS))
        value, noise, sigma, log_det, radius, last, floor, learns, slope = numbers.tolist()
        if not math.isfinite(value):
            return looked, None
        if learns > 0.0:
            secant.noise, secant.last = floor, before
        parts, of_value = spot[2:], (value, noise, sigma, log_det)
        profile = SparseProfile.of_parts(cross, self.reading, root, parts, of_value)
        triangle = PivotedTriangle(root, (spot.at, secant.lower[1]))
        ended = None if math.isnan(slope) else slope
        return looked, Place(triangle, profile, radius, last, secant, ended)


def at_point(
    root: Floats, noise: Floats, e: Elimination, freedom: float, integrated: bool, rows: Integers,
    columns: Integers, S: Floats, omega: Floats, gamma: Floats, F: Floats, M: Floats,
    average: Floats, pull: Floats,
) -> tuple[float, float, float]:  # fmt: skip
    """`sparse_point`, by the function that takes steps: compiled once, it serves for both."""
    numbers = np.empty(COUNT)
    ground = Ground(freedom, integrated, noise, rows, rows, columns, 0.0)
    at = rows if rows.flags.writeable else rows.copy()  # compiled code may write what a spot has
    spot = Spot(root, at, S, omega, gamma, F, M, average, pull)
    walk(e, ground, spot, Lore(root, M, average, average), numbers, 0.0, 0)
    log_det, r, log_det_X = numbers[:3].tolist()
    return log_det, r, log_det_X
