"""REML and ML: the exact maximum of the collapsed likelihood, boundary included.

Γ = λλ' = G/σ² is found by Newton steps in a trust region, with exact second derivatives;
σ and γ are profiled out.  The first step is one of scoring, from moments.  After it the
free parameters are the entries of λ, triangular in the order of a pivoted factorisation,
so that columns of no variance come last.  A face of the cone of covariance matrices is
stationary in them; where it is no maximum, the curvature in an empty column, 2 ∂ℓ/∂Γ,
is upwards and leads away.  What is reached is held against the condition on G itself all
the same: with M = ∂ℓ/∂G, MG = 0 and M negative semidefinite.  A singular Ĝ is a
finding, not an error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hierbayes.design.products import Products
from hierbayes.design.rows_root import has_root
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.design.sums import least_freedom, left_within
from hierbayes.errors import DataError, EstimationError
from hierbayes.estimation.pivoted_triangle import PivotedTriangle, factorise
from hierbayes.estimation.secant import Secant
from hierbayes.estimation.trust_region import best_step
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.covariance import block_mask, free_entries
from hierbayes.likelihood.of_products import AnyCurvature, AnyProfile, profile_of
from hierbayes.likelihood.reading import REML, Reading
from hierbayes.likelihood.theta import Theta

NEGLIGIBLE = 1e-16  # gain of ℓ that ends the search: some 1e-8 standard errors
_MOST_STEPS = 100
_FIRST_RADIUS = 0.5  # in units of each effect's size and noise
_FEW_GROUPS = 5  # for each free entry of λ: with more, ℓ has one maximum in practice
VANISHED = 1e4  # sd of an effect beside σ, where σ² = 0 is a face that the data allow
_FAR_LARGER = 30.0  # variance of the effects, beside a start, that has a start of its own
_NEAR = 0.1  # of the squared size and noise of effects: where a climb ends at a known maximum
LEAST_RESIDUAL = 3e-5  # σ beside y°, of several grouping factors: less is lost in products
EXACT = 1e-10  # the same where a root of the rows is at hand
_OTHER_SIZES = (0.1, 0.5, 3.0)  # of the noise: where else a search begins


@dataclass(frozen=True, slots=True, eq=False)
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


class _Search:
    """One search for the maximum: where it is, and how many passes it took."""

    def __init__(self, cross: Products, blocks: tuple[int, ...], reading: Reading) -> None:
        self.cross, self.blocks, self.reading = cross, blocks, reading
        self.mask = block_mask(blocks)
        self.lower = free_entries(blocks)
        self.noise = cross.noise  # of an effect, against σ
        self.calls = 0
        self.reached: AnyProfile | None = None  # by the last climb

    @property
    def has_few_groups(self) -> bool:
        """Whether ℓ may well have several maxima."""
        return has_few_groups(self.cross, self.blocks)

    @cached_property
    def within(self) -> tuple[float, float]:
        """Sum of squares of y° that X° leaves within groups, and its degrees of freedom."""
        return left_within(self.cross)

    @property
    def residual_can_vanish(self) -> bool:
        """Whether no contrast of the rows is free of the random effects, so that σ may be 0."""
        return least_freedom(self.cross) <= 0.0 and self.within[1] <= 0.0

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

    def at(self, Gamma: Floats) -> tuple[PivotedTriangle, AnyProfile]:
        """ℓ at a Γ (q, q), its smallest variances put to zero."""
        triangle = factorise(Gamma, self.blocks, self.noise)
        self.calls += 1
        return triangle, profile_of(triangle.root, self.cross, self.reading)

    def scored(
        self, triangle: PivotedTriangle, profile: AnyProfile
    ) -> tuple[PivotedTriangle, AnyProfile]:
        """ℓ after one step of scoring, Γ kept inside the cone."""
        curvature, Gamma = profile.curvature(), triangle.root @ triangle.root.T
        rows, columns = self.lower
        k, unit = np.arange(len(rows)), np.outer(self.noise, self.noise)
        S = np.zeros((len(rows), *Gamma.shape))
        S[k, rows, columns] = S[k, columns, rows] = 1.0
        S *= unit
        slope = (S * curvature.score).sum(axis=(1, 2))
        size, vectors = np.linalg.eigh(curvature.expected(S))
        told = size > 1e-10 * size[-1]
        step = vectors[:, told] @ ((vectors[:, told].T @ slope) / size[told])
        inside, W = np.linalg.eigh((Gamma + (step[:, None, None] * S).sum(axis=0)) / unit)
        least = 0.1 * np.sqrt(2.0 / min(level.J for level in self.cross.levels))
        return self.at(unit * ((W * np.maximum(inside, least)) @ W.T))


def maximise(cross: Products, blocks: tuple[int, ...], reading: Reading = REML) -> Optimum:
    """The maximum of the restricted (or full) likelihood over G and σ.

    Parameters
    ----------
    cross : CrossProducts or SparseProducts
    blocks : tuple of int
        Sizes of the diagonal blocks of G.
    reading : Reading
        ``REML`` or ``ML``.

    Raises
    ------
    EstimationError
        When the likelihood cannot be evaluated anywhere near the start.
    DataError
        When σ is lost in rounding, with several grouping factors.
    """
    if not blocks:
        return _without_effects(cross, reading)
    search = _Search(cross, blocks, reading)
    first = search.at(np.diag(search.noise**2))
    starts = [first]
    if np.isfinite(first[1].value):
        starts.append(search.scored(*first))
        if (larger := search.ratio(first[1])) > _FAR_LARGER:
            starts.append(search.at(np.diag(larger * search.noise**2)))
        starts = [max(starts, key=lambda start: start[1].value)]
    found: list[Optimum] = []
    if np.isfinite(starts[0][1].value):
        found.append(_climb(search, *starts[0]))
    if search.has_few_groups or not found:
        for size in _OTHER_SIZES:
            start = search.at(np.diag((size * search.noise) ** 2))
            if np.isfinite(start[1].value):
                found.append(_climb(search, *start, tuple(found)))
    if not found:
        raise EstimationError(
            "the likelihood cannot be evaluated: check the scale of the random effects"
        )
    best = max(found, key=lambda one: one.value)
    if not search.residual_can_vanish:
        refuse_lost_residual(cross, best.theta, by_roots=True)
    return replace(best, evaluations=search.calls)


def has_few_groups(cross: Products, blocks: tuple[int, ...]) -> bool:
    """Whether there are so few groups that ℓ may well have several maxima."""
    rows = free_entries(blocks)[0]
    return any(
        _FEW_GROUPS * int(((span.start <= rows) & (rows < span.stop)).sum()) > level.J
        for level, span in zip(cross.levels, cross.spans, strict=True)
    )


def _without_effects(cross: Products, reading: Reading) -> Optimum:
    """The optimum where there are no random effects: γ and σ in closed form."""
    profile = profile_of(np.zeros((0, 0)), cross, reading)
    if not np.isfinite(profile.value):
        raise EstimationError("the likelihood cannot be evaluated: check the scale of the columns")
    theta = Theta.from_internal(profile.root, profile.sigma, cross.basis)
    gamma = cross.basis.gamma(profile.gamma)
    return Optimum(reading, theta, gamma, profile.value, 0.0, -np.inf, False, 1)


def refuse_lost_residual(cross: Products, theta: Theta, *, by_roots: bool) -> None:
    """Refuse a residual that is lost in rounding, with several grouping factors.

    Its square is what is left of y°'y°, the digits of which it takes in sums of squares; a root of
    the rows, where there is one and it is used (``by_roots``), holds far smaller ones.

    Raises
    ------
    DataError
        When σ is too small beside y°.
    """
    if not isinstance(cross, SparseProducts):
        return
    rooted = has_root(cross)
    least = EXACT if by_roots and rooted else LEAST_RESIDUAL
    spread = float(np.sqrt(cross.C[-1, -1] / cross.n))
    ratio = float(theta.internal(cross.basis)[1]) / max(spread, 1e-300)
    if not ratio >= least:
        where = " but by reml() and ml()" if rooted and not by_roots and ratio >= EXACT else ""
        raise DataError(
            "the residual variance is zero, or too small beside the random effects to be told "
            "from rounding: the fixed part and the effects of all grouping factors reproduce every "
            f"row but for {ratio:.1g} of the spread that the fixed part leaves, and with several "
            f"grouping factors less than {least:g} is not computed with{where}; use fewer random "
            "effects, or look for a copy of the response among the predictors"
        )


def maximise_near(
    cross: Products,
    blocks: tuple[int, ...],
    reading: Reading,
    root: Floats,
    *,
    others: bool = True,
    least: float = NEGLIGIBLE,
) -> Optimum:
    """The maximum, looked for from a root λ (q, q) that is near it.

    Where few groups may leave several maxima, `maximise` is asked for the others as well.  A step
    that would gain less than ``least`` ends the search.
    """
    if not blocks:
        return _without_effects(cross, reading)
    found = followed(cross, blocks, reading, root, least=least)
    if found is None:
        return maximise(cross, blocks, reading)
    near, _ = found
    if not (others and has_few_groups(cross, blocks)):
        return near
    far = maximise(cross, blocks, reading)
    best = far if far.value > near.value + 1e-9 else near
    return replace(best, evaluations=near.evaluations + far.evaluations)


def followed(
    cross: Products, blocks: tuple[int, ...], reading: Reading, root: Floats, *, least: float
) -> tuple[Optimum, AnyProfile] | None:
    """The maximum reached from a root λ (q, q), and ℓ there; None where ℓ is not finite at first.

    A step that would gain less than ``least`` ends the search.
    """
    search = _Search(cross, blocks, reading)
    start = search.at(root @ root.T)
    if not np.isfinite(start[1].value):
        return None
    found = _climb(search, *start, least=least)
    assert search.reached is not None
    return found, search.reached


def _climb(
    search: _Search,
    triangle: PivotedTriangle,
    profile: AnyProfile,
    known: tuple[Optimum, ...] = (),
    least: float = NEGLIGIBLE,
) -> Optimum:
    """Newton steps in a trust region, from where ℓ is finite to a maximum.

    A climb that comes near a known maximum, and no higher, ends there.
    """
    radius, last, secant = _FIRST_RADIUS, np.inf, Secant(search.lower)
    for _ in range(_MOST_STEPS):
        curvature = profile.curvature()
        M = np.where(search.mask, curvature.score, 0.0)
        slope = triangle.slope(M)
        Gamma = triangle.root @ triangle.root.T
        information = secant.information(curvature, Gamma, M, triangle.directions())
        information -= triangle.bend(M)
        size = np.sqrt((triangle.root**2).sum(axis=1)) + search.noise
        unit = size[triangle.at[0]]
        while True:
            step, gain = best_step(unit * slope, information * np.outer(unit, unit), radius)
            lost = gain <= profile.noise and gain >= last  # among the rounding errors of ℓ
            if gain <= least or lost:
                return _report(search, triangle, profile, curvature, information)
            there = search.at(triangle.moved(unit * step))
            rise = there[1].value - profile.value
            length = float(np.sqrt(step @ step))
            if abs(rise - gain) > 0.5 * gain + profile.noise:
                secant.forget()
            if rise + profile.noise >= 1e-3 * gain:
                break
            radius = 0.25 * length
        if rise + profile.noise < 0.25 * gain:
            radius = 0.25 * length
        elif rise > 0.75 * gain and length > 0.9 * radius:
            radius *= 3.0
        (triangle, profile), last = there, gain
        for maximum in known:
            if profile.value <= maximum.value and search.is_near(triangle, maximum):
                return maximum
        if search.residual_can_vanish and triangle.largest > VANISHED:
            return _report(search, triangle, profile, profile.curvature(), information)
    return _report(search, triangle, profile, curvature, information)


def _report(
    search: _Search,
    triangle: PivotedTriangle,
    profile: AnyProfile,
    curvature: AnyCurvature,
    information: Floats,
) -> Optimum:
    """The optimum with its certificate."""
    search.reached = profile
    M = np.where(search.mask, curvature.score, 0.0)
    diagonal = np.maximum(np.diag(information), 1e-300)
    pull = 1.0 / np.sqrt(0.5 * np.diag(curvature.D))
    rank, basis = int((triangle.root != 0.0).any(axis=0).sum()), search.cross.basis
    return Optimum(
        reading=search.reading,
        theta=Theta.from_internal(triangle.root * profile.sigma, profile.sigma, basis),
        gamma=basis.gamma(profile.gamma),
        value=profile.value,
        gradient=float((np.abs(triangle.slope(M)) / np.sqrt(diagonal)).max()),
        ascent=float(np.linalg.eigvalsh(M * np.outer(pull, pull))[-1]),
        singular=rank < len(triangle.root),
        evaluations=search.calls,
    )
