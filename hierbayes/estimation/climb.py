"""The climb to a maximum of the collapsed likelihood: Newton steps in a trust region.

Γ = λλ' = G/σ², with exact second derivatives; σ and γ are profiled out.  The first step is one of
scoring, see `scoring`.  After it the free parameters are the entries of λ, triangular in the order
of a pivoted factorisation, so that columns of no variance come last.  A face of the cone of
covariance matrices is stationary in them; where it is no maximum, the curvature in an empty column,
2 ∂ℓ/∂Γ, is upwards and leads away.  What is reached is held against the condition on G itself all
the same: with M = ∂ℓ/∂G, MG = 0 and M negative semidefinite.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from hierbayes.design.blocks import block_slices, free_entries
from hierbayes.design.products import Products
from hierbayes.design.sums import least_freedom, left_within
from hierbayes.estimation.local_quadratic import largest_slope, local_quadratic
from hierbayes.estimation.pivoted_triangle import PivotedTriangle, factorise, moved
from hierbayes.estimation.scoring import scored
from hierbayes.estimation.secant import Secant
from hierbayes.estimation.sparse_steps import Place, SparseSteps, at_point
from hierbayes.estimation.trust_region import best_step
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.likelihood.covariance import block_mask, eigenvalue_limits
from hierbayes.likelihood.of_products import AnyCurvature, AnyProfile, profile_of
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.theta import Theta
from hierbayes.value import value

NEGLIGIBLE = 1e-16  # gain of ℓ that ends the search: some 1e-8 standard errors
_MOST_STEPS = 100
_FIRST_RADIUS = 0.9  # in units of each effect's size and noise
_FEW_GROUPS = 5  # for each free entry of λ: with more, ℓ has one maximum in practice
VANISHED = 1e4  # sd of an effect beside σ, where σ² = 0 is a face that the data allow
_NEAR = 0.1  # of the squared size and noise of effects: where a climb ends at a known maximum


@value()
class Optimum:
    """A maximum of the (restricted) likelihood, in the internal basis.

    Parameters
    ----------
    reading : Reading
        ``ML`` or ``REML``.
    theta : Theta
        θ̂; its root is lower triangular but for the order of its rows within blocks.
    gamma : (p,) float
        γ̂ in the user's units.
    value : float
        Log-likelihood in the internal units of y.
    gradient : float
        Largest |∂ℓ/∂λ| over the free entries, each in the unit that its own curvature
        gives: standard errors.
    ascent : float
        Largest eigenvalue of ∂ℓ/∂Γ over the blocks of G, relative to the part of it that
        pulls down, ½ Σ_j D_j; not above zero (but for rounding) at a maximum.
    singular : bool
        Whether Ĝ is singular.
    evaluations : int
        Passes over the groups that computed ℓ, with its derivatives or without.
    """

    reading: Reading
    theta: Theta
    gamma: Floats
    value: float
    gradient: float
    ascent: float
    singular: bool
    evaluations: int


class Search:
    """One search for the maximum: where it is, and how many passes it took."""

    def __init__(self, cross: Products, blocks: tuple[int, ...], reading: Reading) -> None:
        self.cross, self.blocks, self.reading = cross, blocks, reading
        self.lower = free_entries(blocks)
        self.noise = cross.noise  # of an effect, against σ
        self.calls = 0
        self.reached: AnyProfile | None = None  # by the last climb
        # compiled steps, where Python's part of a step counts
        self.quick = SparseSteps.of(cross, blocks, reading)
        # what X° leaves within groups of y°'y°, and its degrees of freedom
        self.within = left_within(cross)
        # whether no contrast of the rows is free of the random effects, so that σ may be 0
        self.residual_can_vanish = self.within[1] <= 0.0 and least_freedom(cross) <= 0.0

    @property
    def of_few_groups(self) -> Booleans:
        """Which effects (Q,) have so few groups that ℓ may well have several maxima."""
        return of_few_groups(self.cross, self.blocks)

    def ratio(self, profile: AnyProfile) -> float:
        """By how much Γ is too small at a profile whose σ̂ holds what the groups differ by."""
        left, freedom = self.within
        if freedom <= 0.0 or left <= 0.0:
            return 1.0
        return profile.sigma**2 * freedom / left

    def is_near(self, triangle: PivotedTriangle, maximum: Optimum) -> bool:
        """Whether a root is within a share of a standard error or of itself of a maximum."""
        root = maximum.theta.relative(self.cross.basis)
        size = np.sqrt((root**2).sum(axis=1)) + self.noise
        apart = (triangle.root @ triangle.root.T - root @ root.T) / np.outer(size, size)
        return bool(np.abs(apart).max() < _NEAR)

    def begun(self) -> Place | None:
        """Where a search is after compiled steps from the noise of effects on; None without them.

        They do without the start of `ratio`, which only a known sum of squares within groups gives.
        """
        quick = self.quick
        if quick is None or self.residual_can_vanish:
            return None
        if not math.isnan(self.within[0]):
            return None
        begun = quick.begin(_FIRST_RADIUS, NEGLIGIBLE)
        if begun is None:
            return None
        place, looked = begun
        self.calls += looked
        return place

    def place(self, triangle: PivotedTriangle, profile: AnyProfile) -> Place:
        """A point as the first of a climb."""
        return Place(triangle, profile, _FIRST_RADIUS, np.inf, Secant(self.blocks))

    def at(self, Gamma: Floats) -> tuple[PivotedTriangle, AnyProfile]:
        """ℓ at a Γ (q, q), its smallest variances put to zero."""
        return self._there(factorise(Gamma, self.blocks, self.noise))

    def moved(self, triangle: PivotedTriangle, step: Floats) -> tuple[PivotedTriangle, AnyProfile]:
        """The same after a step (k,) of the free entries of a root."""
        return self._there(moved(triangle, step, self.blocks, self.noise))

    def _there(self, triangle: PivotedTriangle) -> tuple[PivotedTriangle, AnyProfile]:
        self.calls += 1
        return triangle, profile_of(triangle.root, self.cross, self.reading, at_point)

    def scored(
        self, triangle: PivotedTriangle, profile: AnyProfile
    ) -> tuple[PivotedTriangle, AnyProfile]:
        """ℓ after one step of scoring, Γ kept inside the cone."""
        J = min(self.cross.group_counts)
        Gamma = triangle.root @ triangle.root.T
        return self.at(scored(Gamma, profile.curvature(), self.blocks, self.noise, J))


def of_few_groups(cross: Products, blocks: tuple[int, ...]) -> Booleans:
    """Which effects (Q,) have so few groups that ℓ may well have several maxima."""
    return _few(cross.group_counts, cross.widths, blocks)


@lru_cache(maxsize=64)
def _few(counts: tuple[int, ...], widths: tuple[int, ...], blocks: tuple[int, ...]) -> Booleans:
    """`of_few_groups`, from the groups and the effects of each factor."""
    rows, few = free_entries(blocks)[0], np.zeros(sum(blocks), dtype=np.bool_)
    for J, at in zip(counts, block_slices(widths), strict=True):
        entries = int(((at.start <= rows) & (rows < at.stop)).sum())
        few[at] = _FEW_GROUPS * entries > J
    few.setflags(write=False)
    return few


def climb(
    search: Search,
    here: Place,
    known: tuple[Optimum, ...] = (),
    least: float = NEGLIGIBLE,
) -> Optimum:
    """Newton steps in a trust region, from where ℓ is finite to a maximum.

    A climb that comes near a known maximum, and no higher, ends there.
    """
    quick, secant = None if known or search.residual_can_vanish else search.quick, here.secant
    for _ in range(_MOST_STEPS):
        if quick is not None and here.slope is None:
            here, taken = quick.go_on(here, least)
            search.calls += taken
        triangle, profile, radius, last = here.triangle, here.profile, here.radius, here.last
        curvature = profile.curvature()
        if here.slope is not None:
            return _report(search, triangle, profile, curvature, here.slope)
        H = secant.information(curvature, triangle.root)
        unit, slope, information, newton, newton_gain = local_quadratic(
            triangle.root, *triangle.at, *search.lower, curvature.score, H, search.noise
        )
        while True:
            step, gain = newton, newton_gain
            if not (math.isfinite(gain) and step @ step <= radius**2):
                step, gain = best_step(slope, information, radius)
            lost = gain <= profile.noise and gain >= last  # among the rounding errors of ℓ
            if gain <= least or lost:
                steepest = largest_slope(slope, information)
                return _report(search, triangle, profile, curvature, steepest)
            there = search.moved(triangle, unit * step)
            rise = there[1].value - profile.value
            length = math.sqrt(step @ step)
            if abs(rise - gain) > 0.5 * gain + profile.noise:
                secant.forget()
            if rise + profile.noise >= 1e-3 * gain:
                break
            radius = 0.25 * length
        if rise + profile.noise < 0.25 * gain:
            radius = 0.25 * length
        elif rise > 0.75 * gain and length > 0.9 * radius:
            radius *= 3.0
        triangle, profile = there
        here = Place(triangle, profile, radius, gain, secant)
        for maximum in known:
            if profile.value <= maximum.value and search.is_near(triangle, maximum):
                return maximum
        if search.residual_can_vanish and triangle.largest > VANISHED:
            curvature = profile.curvature()
            slope = unit * triangle.slope(curvature.score)
            break
    return _report(search, triangle, profile, curvature, largest_slope(slope, information))


def _report(
    search: Search,
    triangle: PivotedTriangle,
    profile: AnyProfile,
    curvature: AnyCurvature,
    slope: float,
) -> Optimum:
    """The optimum with its certificate, of which the largest slope is given."""
    search.reached, basis = profile, search.cross.basis
    return Optimum(
        reading=search.reading,
        theta=Theta.from_internal(triangle.root * profile.sigma, profile.sigma, basis),
        gamma=basis.gamma(profile.gamma),
        value=profile.value,
        gradient=slope,
        ascent=largest_ascent(curvature.score, curvature.pull, search.blocks),
        singular=not all(map(any, triangle.root.T.tolist())),
        evaluations=search.calls,
    )


def largest_ascent(M: Floats, pull: Floats, blocks: tuple[int, ...]) -> float:
    """Largest eigenvalue of M (q, q) within the blocks of G, beside half of the pull (q,)."""
    if len(blocks) == len(pull):  # each effect has a block of its own
        return max(
            one / (0.5 * its) for one, its in zip(M.diagonal().tolist(), pull.tolist(), strict=True)
        )
    size = 1.0 / np.sqrt(0.5 * pull)
    return eigenvalue_limits(size[:, None] * np.where(block_mask(blocks), M, 0.0) * size)[1]
