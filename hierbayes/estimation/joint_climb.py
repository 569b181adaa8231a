r"""The climb over λ and the parameters of a residual structure together, of one grouping factor.

Γ = λλ', λ lower triangular, and z: the profiled likelihood of both has its slope by λ from one pass
over the groups, 2Mλ with M = ∂ℓ/∂Γ, and by z from Fisher's identity at the same pass.  Of the
curvature the block of λ is exact everywhere; what concerns z is by differences at first, and then
learnt from the steps (symmetric corrections of rank one).

References
----------
Nocedal & Wright (2006), *Numerical Optimization*, section 6.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.design.blocks import free_entries
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation.climb import Search
from hierbayes.estimation.trust_region import best_step
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.structured_point import structured_point

_STEP = 1e-4  # of z, for the curvature at the start
_RADIUS = 1.0  # of the first step, in units of effects and coordinates
_LEAST = 2e-11  # gain of ℓ that ends the climb: 1e-5 standard errors
_UNSEEN = 1e-8  # gain that may be lost in the rounding of ℓ
_FARTHEST = 3.0  # a step
_NOWHERE = 1e-9  # a radius within which nothing is gained
_MOST_STEPS = 80
_SMALL = 0.02  # of e'd beside e and d, each in units of the curvature: nothing is learnt
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
        −∂²ℓ/∂z² as far as it was learnt, λ at its best.
    evaluations : int
    converged : bool
        Whether no step gains any more.
    """

    z: Floats
    root: Floats
    information: Floats
    evaluations: int
    converged: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """ℓ with its slope (m + k,) at some λ and z, and −∂²ℓ by λ (m, m)."""

    root: Floats
    z: Floats
    value: float
    slope: Floats
    own: Floats


class _Climb:
    """The likelihood of (λ, z), in units of λ that a start gives."""

    def __init__(self, moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading) -> None:
        self.moments, self.blocks, self.reading = moments, blocks, reading
        self.mask = block_mask(blocks)
        self.rows, self.columns = free_entries(blocks)
        self.unit = np.ones(len(self.rows))
        self.cells = moments.kernel_cells
        self.calls = 0

    def start(self) -> tuple[Floats, Floats] | None:
        """λ and z to begin with; None where ℓ cannot be computed there."""
        z = self.moments.rows.start
        if not self.blocks:
            return np.zeros((0, 0)), z
        search = Search(self.moments.at(z).products, self.blocks, self.reading)
        first = search.at(np.diag(search.noise**2))
        if not np.isfinite(first[1].value):
            return None
        root = search.scored(*first)[0].root
        Gamma = root @ root.T
        self.unit = (np.sqrt(np.diag(Gamma)) + search.noise)[self.rows]
        return np.linalg.cholesky(Gamma + np.diag(_INSIDE * search.noise**2)), z

    def at(self, root: Floats, z: Floats) -> _Point | None:
        """ℓ there; None where it cannot be computed."""
        self.calls += 1
        weights, slopes = self.moments.rows.with_slopes(z, self.moments.classes)
        if not np.isfinite(weights).all():
            return None
        found = structured_point(
            self.cells, weights[:-1], root, (self.rows, self.columns), self.mask,
            float(self.moments.n), restricted=self.reading == REML,
        )  # fmt: skip
        if not np.isfinite(found.value):
            return None
        of_root = 2.0 * (found.score @ root)[self.rows, self.columns] * self.unit
        of_z = -0.5 * (slopes[-1] + found.totals @ slopes[:-1])
        own = found.information * self.unit * self.unit[:, None]
        value = found.value - 0.5 * float(weights[-1])
        return _Point(root, z, value, np.concatenate([of_root, of_z]), own)

    def moved(self, here: _Point, step: Floats) -> _Point | None:
        """Where a step leads."""
        m = len(self.rows)
        root = here.root.copy()
        root[self.rows, self.columns] += step[:m] * self.unit
        return self.at(root, here.z + step[m:])


def climb_together(
    moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading
) -> JointMaximum | None:
    """A maximum over λ and z; None where no start serves.

    Parameters
    ----------
    moments : ResidualMoments
        Of one grouping factor.
    blocks : tuple of int
    reading : Reading
    """
    search = _Climb(moments, blocks, reading)
    start = search.start()
    here = None if start is None else search.at(*start)
    if here is None:
        return None
    m, B = len(search.rows), _at_first(search, here)
    if B is None:
        return None
    radius, last, converged = _RADIUS, np.inf, False
    for _ in range(_MOST_STEPS):
        step, gain = best_step(here.slope, B.copy(), radius)
        unseen = gain < _UNSEEN
        converged = gain < _LEAST or (unseen and gain > 0.5 * last)
        if converged or radius < _NOWHERE:
            break
        there, length = search.moved(here, step), float(np.sqrt(step @ step))
        rise = -np.inf if there is None else there.value - here.value
        if there is not None:
            B = _learnt(B, step, here.slope - there.slope)
        if not unseen:
            if rise < 0.25 * gain:
                radius = 0.25 * length
            elif rise > 0.75 * gain and length > 0.9 * radius:
                radius = min(2.5 * radius, _FARTHEST)
            if there is None or rise < 1e-4 * gain:
                continue
        if there is None:
            break
        here, last = there, gain
        B[:m, :m] = here.own
    information = B[m:, m:]
    if m:
        information = information - B[m:, :m] @ np.linalg.pinv(B[:m, :m]) @ B[:m, m:]
    return JointMaximum(here.z, here.root, information, search.calls, converged)


def _at_first(search: _Climb, here: _Point) -> Floats | None:
    """−∂²ℓ (n, n) at the start, of z by steps ahead."""
    m, n = len(search.rows), len(here.slope)
    B = np.zeros((n, n))
    B[:m, :m] = here.own
    for i in range(m, n):
        step = np.zeros(n)
        step[i] = _STEP
        there = search.moved(here, step)
        if there is None:
            return None
        B[i] = (here.slope - there.slope) / _STEP
        B[:m, i] = B[i, :m]
    B[m:, m:] = 0.5 * (B[m:, m:] + B[m:, m:].T)
    return B


def _learnt(B: Floats, step: Floats, lost: Floats) -> Floats:
    """−∂²ℓ with what a step (n,) over which the slope lost so much says of it."""
    e = lost - B @ step
    size = np.abs(np.diag(B)) + 1e-8
    weight = float((e * e / size).sum() * (step * step * size).sum())
    along = float(e @ step)
    if abs(along) < _SMALL * np.sqrt(weight):
        return B
    return B + np.outer(e, e) / along
