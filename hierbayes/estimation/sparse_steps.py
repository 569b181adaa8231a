"""Steps of a climb with several grouping factors that are taken without Python (`sparse_walk`).

Of a few levels Python takes longer over a step than what it computes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.elimination import Elimination
from hierbayes.design.elimination_order import elimination_of
from hierbayes.design.products import Products
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.estimation.pivoted_triangle import PivotedTriangle, ends_of
from hierbayes.estimation.secant import Secant
from hierbayes.estimation.sparse_walk import COUNT, ENDED, walk
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.of_products import AnyProfile
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.sparse_profile import SparseProfile

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
    certificate : tuple of (k, k), (k,) float, optional
        Information and slope of the free entries in their units, where no step gains anything.
    """

    triangle: PivotedTriangle
    profile: AnyProfile
    radius: float
    last: float
    certificate: tuple[Floats, Floats] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SparseSteps:
    """The steps of one search.

    Parameters
    ----------
    cross : SparseProducts
    reading : Reading
    elimination : Elimination
    ends : (b,) int
        Where the blocks of G end.
    """

    cross: SparseProducts
    reading: Reading
    elimination: Elimination
    ends: Integers

    @classmethod
    def of(cls, cross: Products, blocks: tuple[int, ...], reading: Reading) -> SparseSteps | None:
        """Those of few levels, each of whose factors has one block of G; else None."""
        if not isinstance(cross, SparseProducts) or len(blocks) != len(cross.levels):
            return None
        elimination = elimination_of(cross).elimination
        if elimination.size > _MOST or max(blocks) > _EFFECTS:
            return None
        return cls(cross, reading, elimination, ends_of(blocks))

    def go_on(self, here: Place, secant: Secant, least: float) -> int:
        """Go on to where `climb` has to look; how many steps were taken.

        ``here`` and what the secant knows are written over.
        """
        triangle, profile, cross = here.triangle, here.profile, self.cross
        if not isinstance(profile, SparseProfile) or profile.made is None:
            return 0
        M, average, _ = profile.made
        point = [one.copy() for one in (triangle.root, *profile.parts)]
        at = triangle.at[0].copy()
        old = [one.copy() for one in secant.last or (triangle.root, M, average)]
        numbers = np.array([
            profile.value, profile.noise, profile.sigma, profile.eliminated.log_det, here.radius,
            here.last, secant.noise, float(secant.last is not None), 0.0,
        ])  # fmt: skip
        information = np.empty(average.shape)
        slope = np.empty(len(average))
        taken = int(walk(
            self.elimination, profile.freedom, self.reading == REML, self.ends, cross.noise,
            *cross.entries, least, _STEPS, np.empty(len(M), dtype=np.intp), point[0], at,
            *point[1:], *old, secant.correction, slope, information, numbers,
        ))  # fmt: skip
        if numbers[ENDED] > 0.0:
            here.certificate = information, slope
        if not taken:
            return 0
        value, noise, sigma, log_det, here.radius, here.last, secant.noise = numbers[:-2].tolist()
        secant.last = old[0], old[1], old[2]
        here.triangle = PivotedTriangle(point[0], (at, triangle.at[1]))
        here.profile = profile.elsewhere(point[0], tuple(point[1:]), (value, noise, sigma, log_det))
        return taken


def at_point(
    root: Floats, noise: Floats, e: Elimination, freedom: float, integrated: bool, rows: Integers,
    columns: Integers, S: Floats, omega: Floats, gamma: Floats, F: Floats, M: Floats,
    average: Floats, pull: Floats,
) -> tuple[float, float, float]:  # fmt: skip
    """`sparse_point`, by the function that takes steps: compiled once, it serves for both."""
    numbers = np.empty(COUNT)
    walk(
        e, freedom, integrated, rows, noise, rows, columns, 0.0, 0, rows, root, rows, S, omega,
        gamma, F, M, average, pull, root, M, average, average, pull, average, numbers,
    )  # fmt: skip
    log_det, r, log_det_X = numbers[:3].tolist()
    return log_det, r, log_det_X
