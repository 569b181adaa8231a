r"""The climb over λ and the parameters of a residual structure together, of one grouping factor.

Γ = λλ', λ lower triangular, and z: the profiled likelihood of both has its slope and its
curvature from one pass over the groups (`structured_point`), so that the steps are Newton's, in a
trust region.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hierbayes.design.blocks import free_entries
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation.scoring import scored
from hierbayes.estimation.trust_region import best_step, newton_step
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.structured_point import Room, StructuredLikelihood

# How a climb goes; where it ends does not depend on them.
_RADIUS = 1.0  # of the first step, in units of effects and coordinates
_LEAST = 1e-12  # gain of ℓ after the last step: 1e-6 standard errors
_UNSEEN = 1e-8  # gain that may be lost in the rounding of ℓ
_FARTHEST = 3.0  # a step
_SHORTENED = 3.0  # as many times too long, Newton's step is shortened: no eigenvectors needed
_NOWHERE = 1e-9  # a radius within which nothing is gained
_MOST_STEPS = 80
_FACE = 1e-3  # of λ, below which a direction of it is lost
_INSIDE = 1e-6  # of the variance of the noise: by how much a start is inside


@dataclass(frozen=True, eq=False)
class JointMaximum:
    """Where a climb over λ and z came to.

    Parameters
    ----------
    z : (k,) float
    root : (q, q) float
        λ.
    evaluations : int
    converged : bool
        Whether no step gains any more.
    definite : bool
        Whether ``whole`` is positive definite, and not nearly flat.
    value : float
        ℓ, but for a constant.
    unit : (n,) float
        Of the entries of λ and of z, n together.
    whole : (n, n) float
        −∂²ℓ of them, in these units, or of entries of Γ in place of those of λ.
    """

    z: Floats
    root: Floats
    evaluations: int
    converged: bool
    definite: bool
    value: float
    unit: Floats
    whole: Floats

    def promised(self, slope: Floats) -> float:
        """s'Hs of a slope s (k,) by z, H the `covariance`; nan where ℓ is nearly flat."""
        m = len(self.unit) - len(slope)
        return 2.0 * newton_step(np.concatenate([np.zeros(m), slope]), self.whole)[2]

    @cached_property
    def covariance(self) -> Floats | None:
        """Inverse (k, k) of −∂²ℓ/∂z² with λ at its best; None where that is not definite."""
        m = len(self.unit) - len(self.z)
        if self.definite:  # of all together, and so of a part with the others at their best
            found: Floats = np.linalg.inv(self.whole)[m:, m:]
            return found
        own = _of_z(self.whole, m)
        return np.linalg.inv(own) if np.linalg.eigvalsh(own)[0] > 0.0 else None

    @property
    def on_face(self) -> bool:
        """Whether λ lacks a direction, or nearly does."""
        if not (q := len(self.root)):
            return False
        # the smallest singular value is the determinant over the others, none above the norm
        det = math.prod(self.root.diagonal().tolist())
        norm = math.hypot(*self.root.ravel().tolist())
        if abs(det) > _FACE * (1.0 + norm) * norm ** (q - 1):
            return False
        sizes = np.linalg.svd(self.root, compute_uv=False)
        return bool((sizes < _FACE * (1.0 + sizes.max(initial=0.0))).any())


class Point(NamedTuple):
    """ℓ with its slope (n,) and −∂²ℓ (n, n), n = m + k, at some λ and z."""

    root: Floats
    z: Floats
    value: float
    slope: Floats
    information: Floats


class Climb:
    """The likelihood of (λ, z), in units of λ that a start gives.

    Parameters
    ----------
    moments : ResidualMoments
        Of one grouping factor.
    blocks : tuple of int
    reading : Reading
    """

    def __init__(self, moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading) -> None:
        self.moments, self.blocks, self.reading = moments, blocks, reading
        entries = self.rows, self.columns = free_entries(blocks)
        self.places = self.rows * sum(blocks) + self.columns  # in a flat root
        self.unit = np.ones(len(self.rows) + len(moments.rows.start))
        cells, groups, class_of, J = moments.kernel_cells
        q, d = sum(blocks), math.isqrt(cells.shape[1])
        self.likelihood = StructuredLikelihood(
            cells=(cells, groups, class_of),
            room=Room.of(J, q, d - q, len(self.unit), len(moments.rows.start)),
            entries=entries,
            mask=block_mask(blocks),
            n=moments.share * moments.n,
            restricted=reading == REML,
        )
        self.calls = 0
        self.half_log_det = math.nan  # ½ log|R| of the last point

    def start(self, root: Floats | None) -> tuple[Floats, Floats] | None:
        """λ, by default by scoring, and z to begin with; None where ℓ cannot be computed there."""
        z = self.moments.rows.start
        if not self.blocks:
            return np.zeros((0, 0)), z
        weights = self._coefficients(z, curved=False)[0]
        cells, _, class_of = self.likelihood.cells
        J, q, m = self.likelihood.room.turned.shape
        own = cells[:, : q * (q + m + 1) : q + m + 1]  # diagonals of Z_j'R_j⁻¹Z_j, summed
        noise = np.sqrt(J / (weights[class_of] @ own))
        root_of_noise, squared = np.diag(noise), np.diag(noise * noise)
        value, curvature = self.likelihood.scored(root_of_noise, self.unit, weights)
        if not math.isfinite(value):
            return None
        # σ held: errors that stand for effects are not passed by, see `residual_maximum`
        Gamma = scored(squared, curvature, self.blocks, noise, J, holds_sigma=True)
        self.unit[: len(self.rows)] = (np.sqrt(Gamma.diagonal()) + noise)[self.rows]
        if root is not None:
            Gamma = root @ root.T
        return np.linalg.cholesky(Gamma + _INSIDE * squared), z

    def _coefficients(self, z: Floats, *, curved: bool) -> tuple[Floats, ...]:
        """Weights of classes and a share of log|R| at z, and ∂; ∂² where they are asked for."""
        rows, classes = self.moments.rows, self.moments.classes
        coefficients = rows.with_bends(z, classes) if curved else rows.with_slopes(z, classes)
        if self.moments.share != 1.0:
            for part in coefficients:
                part[-1] *= self.moments.share
        return coefficients

    def at(self, root: Floats, z: Floats, *, curved: bool = True) -> Point | None:
        """ℓ there, with its curvature or without; None where it cannot be computed."""
        self.calls += 1
        coefficients = self._coefficients(z, curved=curved)
        self.half_log_det = 0.5 * float(coefficients[0][-1])
        found = self.likelihood.at(root, self.unit, *coefficients)
        return Point(root, z, *found) if math.isfinite(found.value) else None

    def slope(self, here: Point) -> Floats:
        """∂ℓ (n,) by the coordinates in which steps are."""
        return here.slope

    def moved(self, here: Point, step: Floats) -> tuple[Floats, Floats]:
        """λ and z where a step leads."""
        m = len(self.rows)
        if not m:
            return here.root, here.z + step
        root = here.root.copy()
        root.ravel()[self.places] += step[:m] * self.unit[:m]
        return root, here.z + step[m:]

    def ended(self, here: Point, B: Floats, last: Step, *, converged: bool) -> JointMaximum:
        """What a climb that ends says, a step from here if it has converged.

        B is −∂²ℓ (n, n) in its units.
        """
        root, z, value = here.root, here.z, here.value
        if converged:
            (root, z), value = self.moved(here, last.step), value + last.gain
        return JointMaximum(z, root, self.calls, converged, last.definite, value, self.unit, B)


def climb_together(search: Climb, root: Floats | None = None) -> JointMaximum | None:
    """A maximum over λ and z; None where no start serves.

    The last step is not looked behind: what is left to gain then is told by the two before.

    Parameters
    ----------
    search : Climb
    root : (q, q) float, optional
        λ to begin with, where it is not that of a step of scoring.
    """
    start = search.start(root)
    here = None if start is None else search.at(*start)
    if here is None:
        return None
    radius, last, full, converged = _RADIUS, np.inf, False, False
    for _ in range(_MOST_STEPS):
        before, step = full, _step(here, radius)
        gain, full = step.gain, step.is_newtons
        unseen = gain < _UNSEEN
        left = _left(gain, last) if full and before else gain
        converged = left < _LEAST or (unseen and gain > 0.5 * last)
        if converged or radius < _NOWHERE:
            break
        there = search.at(*search.moved(here, step.step))
        rise = -np.inf if there is None else there.value - here.value
        if not unseen:
            if rise < 0.25 * gain:
                radius = 0.25 * step.length
            elif rise > 0.75 * gain and step.length > 0.9 * radius:
                radius = min(2.5 * radius, _FARTHEST)
            if rise < 1e-4 * gain:
                continue
        if there is None:
            break
        here, last = there, gain
    return search.ended(here, here.information, step, converged=converged)


class Step(NamedTuple):
    """A step (n,) within a radius, its length, and what a quadratic promises to gain by it.

    ``is_newtons`` says whether it is the whole step to where the quadratic is highest, and
    ``definite`` whether there is one.
    """

    step: Floats
    length: float
    gain: float
    is_newtons: bool
    definite: bool


def _step(here: Point, radius: float) -> Step:
    """The best step within a radius, or nearly."""
    step, length, gain = newton_step(here.slope, here.information)
    if length <= radius:
        return Step(step, length, gain, True, True)
    if length <= _SHORTENED * radius:
        share = radius / length
        return Step(share * step, radius, share * (2.0 - share) * gain, False, True)
    definite = not math.isnan(length)
    step, gain = best_step(here.slope, here.information, radius)
    return Step(step, math.sqrt(step @ step), gain, False, definite)


def _left(gain: float, last: float) -> float:
    """What there is to gain after a step of Newton's that gains so much, the last one so much.

    Distances to a maximum become like their squares, and gains are like squares of distances.
    """
    return gain * (gain / last) ** 2


def _of_z(B: Floats, m: int) -> Floats:
    """−∂²ℓ by z (k, k) with the first m coordinates at their best."""
    if not m:
        return B
    try:
        moved = np.linalg.solve(B[:m, :m], B[:m, m:])
    except np.linalg.LinAlgError:  # an entry of λ that nothing depends on
        moved = np.linalg.pinv(B[:m, :m]) @ B[:m, m:]
    own: Floats = B[m:, m:] - B[m:, :m] @ moved
    return own
