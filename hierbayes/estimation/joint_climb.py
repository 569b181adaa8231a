r"""The climb over λ and the parameters of a residual structure together, of one grouping factor.

Γ = λλ', λ lower triangular, and z: the profiled likelihood of both has its slope and its
curvature from one pass over the groups (`structured_point`), so that the steps are Newton's, in a
trust region.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import free_entries
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation.climb import scored
from hierbayes.estimation.trust_region import best_step, newton_step
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.of_products import profile_of
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.structured_point import structured_point

_RADIUS = 1.0  # of the first step, in units of effects and coordinates
_LEAST = 2e-11  # gain of ℓ that ends the climb: 1e-5 standard errors
_UNSEEN = 1e-8  # gain that may be lost in the rounding of ℓ
_FARTHEST = 3.0  # a step
_NOWHERE = 1e-9  # a radius within which nothing is gained
_MOST_STEPS = 80
_FACE = 1e-3  # of λ, below which a direction of it is lost
_INSIDE = 1e-6  # of the variance of the noise: by how much a start is inside


@dataclass(frozen=True, slots=True, eq=False)
class JointMaximum:
    """Where a climb over λ and z came to.

    Parameters
    ----------
    z : (k,) float
    root : (q, q) float
        λ.
    information : (k, k) float
        −∂²ℓ/∂z² with λ at its best.
    evaluations : int
    converged : bool
        Whether no step gains any more.
    value : float
        ℓ, but for a constant.
    """

    z: Floats
    root: Floats
    information: Floats
    evaluations: int
    converged: bool
    value: float

    @property
    def on_face(self) -> bool:
        """Whether λ lacks a direction, or nearly does."""
        sizes = np.linalg.svd(self.root, compute_uv=False)
        return bool((sizes < _FACE * (1.0 + sizes.max(initial=0.0))).any())


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """ℓ with its slope (n,) and −∂²ℓ (n, n), n = m + k, at some λ and z."""

    root: Floats
    z: Floats
    value: float
    slope: Floats
    information: Floats


class _Climb:
    """The likelihood of (λ, z), in units of λ that a start gives."""

    def __init__(self, moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading) -> None:
        self.moments, self.blocks, self.reading = moments, blocks, reading
        self.mask = block_mask(blocks)
        self.rows, self.columns = free_entries(blocks)
        self.unit = np.ones(len(self.rows) + len(moments.rows.start))
        self.cells = moments.kernel_cells
        self.calls = 0

    def start(self, root: Floats | None) -> tuple[Floats, Floats] | None:
        """λ, by default by scoring, and z to begin with; None where ℓ cannot be computed there."""
        z = self.moments.rows.start
        if not self.blocks:
            return np.zeros((0, 0)), z
        products = self.moments.at(z).products
        assert isinstance(products, CrossProducts)
        noise = products.noise
        profile = profile_of(np.diag(noise), products, self.reading)
        if not math.isfinite(profile.value):
            return None
        lower = self.rows, self.columns
        Gamma = scored(np.diag(noise**2), profile.curvature(), lower, noise, products.J)
        self.unit[: len(self.rows)] = (np.sqrt(np.diag(Gamma)) + noise)[self.rows]
        if root is not None:
            Gamma = root @ root.T
        return np.linalg.cholesky(Gamma + np.diag(_INSIDE * noise**2)), z

    def at(self, root: Floats, z: Floats) -> _Point | None:
        """ℓ there; None where it cannot be computed."""
        self.calls += 1
        coefficients = self.moments.rows.with_bends(z, self.moments.classes)
        if not math.isfinite(coefficients[0].sum()):
            return None
        found = structured_point(
            self.cells, coefficients, root, (self.rows, self.columns), self.mask,
            float(self.moments.n), restricted=self.reading == REML,
        )  # fmt: skip
        if not math.isfinite(found.value):
            return None
        unit = self.unit
        own = found.information * unit * unit[:, None]
        return _Point(root, z, found.value, found.slope * unit, own)

    def moved(self, here: _Point, step: Floats) -> _Point | None:
        """Where a step leads."""
        m = len(self.rows)
        root = here.root.copy()
        root[self.rows, self.columns] += step[:m] * self.unit[:m]
        return self.at(root, here.z + step[m:])


def climb_together(
    moments: ResidualMoments,
    blocks: tuple[int, ...],
    reading: Reading,
    root: Floats | None = None,
) -> JointMaximum | None:
    """A maximum over λ and z; None where no start serves.

    Parameters
    ----------
    moments : ResidualMoments
        Of one grouping factor.
    blocks : tuple of int
    reading : Reading
    root : (q, q) float, optional
        λ to begin with, where it is not that of a step of scoring.
    """
    search = _Climb(moments, blocks, reading)
    start = search.start(root)
    here = None if start is None else search.at(*start)
    if here is None:
        return None
    radius, last, converged = _RADIUS, np.inf, False
    for _ in range(_MOST_STEPS):
        step, length, gain = newton_step(here.slope, here.information)
        if not length <= radius:
            step, gain = best_step(here.slope, here.information, radius)
            length = math.sqrt(step @ step)
        unseen = gain < _UNSEEN
        converged = gain < _LEAST or (unseen and gain > 0.5 * last)
        if converged or radius < _NOWHERE:
            break
        there = search.moved(here, step)
        rise = -np.inf if there is None else there.value - here.value
        if not unseen:
            if rise < 0.25 * gain:
                radius = 0.25 * length
            elif rise > 0.75 * gain and length > 0.9 * radius:
                radius = min(2.5 * radius, _FARTHEST)
            if rise < 1e-4 * gain:
                continue
        if there is None:
            break
        here, last = there, gain
    m, B = len(search.rows), here.information
    information = B[m:, m:]
    if m:
        information = information - B[m:, :m] @ np.linalg.pinv(B[:m, :m]) @ B[:m, m:]
    return JointMaximum(here.z, here.root, information, search.calls, converged, here.value)
