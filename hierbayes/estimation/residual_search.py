"""Where a likelihood over the parameters of a residual structure is looked at, point by point."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.products import Products
from hierbayes.design.residual_moments import LOST, ResidualMoments, Weighted
from hierbayes.errors import EstimationError, HierbayesError
from hierbayes.estimation.climb import NEGLIGIBLE, Optimum
from hierbayes.estimation.reml import followed, maximise, maximise_near
from hierbayes.estimation.residual_optimum import AtCoordinates
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import AnyProfile, is_of_one_factor
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.residual_moments import second_moments
from hierbayes.likelihood.structured_blocks import class_totals_of

STEP = 1e-4  # of coordinates, for differences of all groups
_CLOSE = 1e-7  # gain of ℓ by a step that leaves the curvature as it is
_GROUPS = 1000  # with which ℓ is so near to a quadratic that as much again may be gained


@dataclass(eq=False)
class ResidualSearch:
    """A likelihood over coordinates, which knows where it was last."""

    moments: ResidualMoments
    blocks: tuple[int, ...]
    reading: Reading
    calls: int = field(default=0)
    near: Floats | None = field(default=None)
    least: float = field(default=NEGLIGIBLE)
    weighted: Weighted | None = field(default=None)  # of the last z
    reached: AnyProfile | None = field(default=None)  # ℓ at the last maximum

    @property
    def close(self) -> float:
        """Gain of ℓ so near the maximum that its curvature is that of there.

        Relative to itself the curvature changes as the root of the gain over that of the groups.
        """
        return _CLOSE * self.width

    @property
    def width(self) -> float:
        """By what a gain grows with the groups that is as far from a maximum."""
        return 1.0 + self.moments.atom_codes.shape[1] / _GROUPS

    def at(self, z: Floats, *, others: bool = False) -> AtCoordinates | None:
        """The maximum at z, near the last one or of all; None where there is none."""
        self.calls += 1
        weighted = self.moments.at(z)
        if not math.isfinite(weighted.half_log_det):
            return None
        self.weighted = weighted
        try:
            if self.near is None:
                optimum = maximise(weighted.products, self.blocks, self.reading)
            else:
                optimum = self._near(self.near, weighted.products, others=others)
        except HierbayesError:
            if self.near is None:
                raise
            return None
        value = optimum.value - weighted.half_log_det
        left = self.moments.n * float(optimum.theta.internal(self.moments.basis)[1]) ** 2
        if not math.isfinite(value) or left < LOST * weighted.size:
            return None
        return AtCoordinates(z, value, optimum, weighted.products)

    def _near(self, root: Floats, products: Products, *, others: bool) -> Optimum:
        """The maximum over G near the last one."""
        self.reached = None
        if not others:
            found = followed(products, self.blocks, self.reading, root, least=self.least)
            if found is not None:
                self.reached = found[1]
                return found[0]
        return maximise_near(
            products, self.blocks, self.reading, root, others=others, least=self.least
        )

    def slope(self, here: AtCoordinates) -> Floats:
        """∂ℓ/∂z (k,)."""
        products = here.products
        theta = here.optimum.theta
        last, reached = self.weighted, self.reached
        if (
            last is not None
            and reached is not None
            and last.products is here.products
            and is_of_one_factor(reached)
        ):
            cells, groups, class_of, _ = self.moments.kernel_cells
            K = len(self.moments.classes)
            totals = class_totals_of(reached, (cells, groups, class_of), K)
            return -self.moments.slope_of(totals, last.slopes)
        if isinstance(products, CrossProducts):
            basis = products.basis
            sigma = float(theta.internal(basis)[1])
            E = second_moments(theta.relative(basis), sigma, products, self.reading)
            return -self.moments.slope(here.z, E)
        return self._differences(here)

    def _differences(self, here: AtCoordinates) -> Floats:
        slope = np.empty(len(here.z))
        for i in range(len(slope)):
            before, after = self.beside(here, i)
            slope[i] = (after.value - before.value) / (2.0 * STEP)
        return slope

    def beside(self, here: AtCoordinates, i: int) -> tuple[AtCoordinates, AtCoordinates]:
        """What lies a step before and after along a coordinate.

        Raises
        ------
        EstimationError
            When the likelihood cannot be evaluated there.
        """
        step = np.zeros(len(here.z))
        step[i] = STEP
        before, after = self.at(here.z - step), self.at(here.z + step)
        if before is None or after is None:
            raise EstimationError(
                "the likelihood cannot be evaluated beside its maximum; the residual structure "
                f"{self.moments.rows.structure.text} has more parameters than the data can tell"
            )
        return before, after

    def keep(self, here: AtCoordinates) -> None:
        """Begin the next searches of G from here."""
        self.near = here.optimum.theta.relative(here.products.basis)
