"""REML and ML with a residual structure: its parameters outside, G, σ and γ inside.

At given parameters of the structure the likelihood is that of weighted rows, whose maximum over G
is exact, boundary included (`reml`).  What is left is a smooth function of a few coordinates z,
with its slope by Fisher's identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.products import Products
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.errors import EstimationError, HierbayesError
from hierbayes.estimation.climb import NEGLIGIBLE, Optimum, has_few_groups
from hierbayes.estimation.reml import followed, maximise, maximise_near
from hierbayes.estimation.residual_optimum import AtCoordinates, Beside, ResidualMaximum, known
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.of_products import AnyProfile, is_of_one_factor
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.residual_moments import moments_of_profile, second_moments

_MOST_STEPS = 60
_SOME_GROUPS = 2000  # in which a search of very many begins
_CLOSE = 1e-7  # gain of ℓ by a step that leaves the curvature as it is
_GROUPS = 1000  # with which ℓ is so near to a quadratic that as much again may be gained
_UNSEEN = 1e-7  # gain of ℓ that may be lost in its rounding; slopes have more digits
_LAST = 2e-11  # gain of ℓ that ends a search by secants alone: 1e-5 standard errors
_FIRST, _FINE = 1e-5, 1e-8  # the same over G: at the first point of all groups, of gains over z
_ROUGH, _ROUGH_INSIDE = 0.2, 1e-5  # gains that end the search of some groups, and over G inside
_SHORT = 0.3  # the first step of that search
_STEP, _WIDE = 1e-4, 1e-2  # of coordinates, for the curvature: of all groups, of some
_FARTHEST = 15.0  # a coordinate out there is at a limit of its parameter
_OTHERS = 3  # maxima over G that are climbed, if each is left for a higher one
_HIGHER = 1e-8  # ℓ, of a maximum that is another one
_LONGEST = 1.5  # a step in coordinates


@dataclass(eq=False)
class _Search:
    """A likelihood over coordinates, which knows where it was last."""

    moments: ResidualMoments
    blocks: tuple[int, ...]
    reading: Reading
    calls: int = field(default=0)
    near: Floats | None = field(default=None)
    least: float = field(default=NEGLIGIBLE)
    path: _Path | None = field(default=None)
    products: Products | None = field(default=None)  # of the last z
    reached: AnyProfile | None = field(default=None)  # ℓ at the last maximum
    first: float = field(default=1.0)  # length of the first step

    @property
    def close(self) -> float:
        """Gain of ℓ so near the maximum that its curvature is that of there.

        Relative to itself the curvature changes as the root of the gain over that of the groups.
        """
        return _CLOSE * (1.0 + self.moments.atom_codes.shape[1] / _GROUPS)

    def at(self, z: Floats, *, others: bool = False) -> AtCoordinates | None:
        """The maximum at z, near the last one or of all; None where there is none."""
        self.calls += 1
        weighted = self.moments.at(z)
        if not np.isfinite(weighted.half_log_det):
            return None
        self.products = weighted.products
        try:
            if self.near is None:
                optimum = maximise(weighted.products, self.blocks, self.reading)
            else:
                optimum = self._near(self.near, z, weighted.products, others=others)
        except HierbayesError:
            if self.near is None:
                raise
            return None
        value = optimum.value - weighted.half_log_det
        if not np.isfinite(value):
            return None
        return AtCoordinates(z, value, optimum, weighted.products)

    def _near(self, root: Floats, z: Floats, products: Products, *, others: bool) -> Optimum:
        """The maximum over G near the last one."""
        self.reached = None
        if self.path is not None:
            start = self.path.at(root, z)
            found = followed(products, self.blocks, self.reading, start, least=self.least)
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
        reached = self.reached if here.products is self.products else None
        if reached is not None and is_of_one_factor(reached):
            return -self.moments.slope(here.z, moments_of_profile(reached))
        if isinstance(products, CrossProducts):
            basis = products.basis
            sigma = float(theta.internal(basis)[1])
            E = second_moments(theta.relative(basis), sigma, products, self.reading)
            return -self.moments.slope(here.z, E)
        return self._differences(here)

    def _differences(self, here: AtCoordinates) -> Floats:
        slope = np.empty(len(here.z))
        for i in range(len(slope)):
            step = np.zeros(len(slope))
            step[i] = _STEP
            before, after = self.at(here.z - step), self.at(here.z + step)
            assert before is not None and after is not None
            slope[i] = (after.value - before.value) / (2.0 * _STEP)
        return slope

    def keep(self, here: AtCoordinates) -> None:
        """Begin the next searches of G from here."""
        basis = here.products.basis
        self.near = here.optimum.theta.relative(basis)
        if self.path is not None:
            self.path = replace(self.path, z=here.z)


def maximise_residual(
    moments: ResidualMoments, blocks: tuple[int, ...], reading: Reading
) -> ResidualMaximum:
    """The maximum over the parameters of the structure, G and σ.

    Raises
    ------
    EstimationError
        When the likelihood cannot be evaluated, or goes on rising to where a correlation is ±1.
    """
    search = _Search(moments, blocks, reading)
    here, H = _begin(search)
    if H is not None:  # of so many groups that secants alone lead to all digits
        here, slope = _climb(search, here, H, _LAST)
        around = partial(_curvature, search, here)
        return ResidualMaximum(here, slope, around, _STEP, search.calls)
    for _ in range(_OTHERS):
        here, slope = _climb(search, here, H, search.close)
        here, slope, information, beside = _polish(search, here, slope)
        if not (blocks and has_few_groups(here.products, blocks)):
            break
        search.keep(here)
        there, H = search.at(here.z, others=True), None
        if there is None or there.value <= here.value + _HIGHER:
            break
        here = there
    return ResidualMaximum(here, slope, partial(known, information, beside), _STEP, search.calls)


def _begin(search: _Search) -> tuple[AtCoordinates, Floats | None]:
    """Where a search begins, and the inverse of the information there, where it is known.

    Of very many groups the maximum of some is so near to that of all that few steps are left.
    """
    moments = search.moments
    some = moments.thinned(_SOME_GROUPS) if search.blocks else None
    if some is not None and len(moments.rows.start):
        first = _Search(some, search.blocks, search.reading, least=_ROUGH_INSIDE, first=_SHORT)
        try:
            near, slope = _climb(first, *_begin(first), _ROUGH)
            information, tilt = _ahead(first, near, slope)
        except EstimationError:
            information = np.zeros((1, 1))
        if np.linalg.eigvalsh(information)[0] > 0.0:
            search.near = near.optimum.theta.relative(moments.basis)
            search.path, search.least = _Path(near.z, tilt), _FIRST
            if (here := search.at(near.z)) is not None:
                search.least = _LAST
                return here, some.share * np.linalg.inv(information)
            search.near, search.path, search.least = None, None, NEGLIGIBLE
    here = search.at(moments.rows.start)
    if here is None:
        raise EstimationError(
            f"the likelihood cannot be evaluated at the start of {moments.rows.structure.text}"
        )
    return here, None


def _ahead(search: _Search, here: AtCoordinates, slope: Floats) -> tuple[Floats, Floats]:
    """The information (k, k), and ∂Γ/∂z (k, q, q) of the maxima over Γ, by steps ahead."""
    information, tilt = np.empty((len(slope), len(slope))), []
    for i, step in enumerate(_WIDE * np.eye(len(slope))):
        there = search.at(here.z + step)
        if there is None:
            raise EstimationError("the likelihood cannot be evaluated beside its maximum")
        information[:, i] = (slope - search.slope(there)) / _WIDE
        roots = [at.optimum.theta.relative(at.products.basis) for at in (here, there)]
        tilt.append((roots[1] @ roots[1].T - roots[0] @ roots[0].T) / _WIDE)
    return 0.5 * (information + information.T), np.array(tilt)


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """Where the maximum over Γ moves as z does: to first order Γ + (∂Γ/∂z)Δz."""

    z: Floats
    tilt: Floats

    def at(self, root: Floats, z: Floats) -> Floats:
        """A root (q, q) of Γ at other coordinates, from that at those of the path."""
        Gamma = root @ root.T + np.tensordot(z - self.z, self.tilt, axes=1)
        size, vectors = np.linalg.eigh(Gamma)
        found: Floats = vectors * np.sqrt(np.maximum(size, 0.0))
        return found


def _climb(
    search: _Search, here: AtCoordinates, H: Floats | None, close: float
) -> tuple[AtCoordinates, Floats]:
    """Quasi-Newton steps (BFGS) until none gains as much, from an inverse of the information."""
    search.keep(here)
    slope = search.slope(here)
    if H is None:
        H = search.first * np.eye(len(slope)) / max(float(np.linalg.norm(slope)), 1.0)
    last = np.inf
    for _ in range(_MOST_STEPS):
        step = H @ slope
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        gain = float(step @ slope)
        unseen = gain < _UNSEEN
        if gain < close or (unseen and gain > 0.5 * last):
            return here, slope
        if search.path is not None:  # G need not be nearer its maximum than z will be
            search.least = max(_LAST, _FINE * gain)
        there = search.at(here.z + step) if unseen else _rise(search, here, step, gain)
        last = gain
        if there is None:
            return here, slope
        search.keep(there)
        new = search.slope(there)
        moved, turned = there.z - here.z, slope - new
        here, slope = there, new
        if (curved := float(moved @ turned)) > 1e-12:
            V = np.eye(len(moved)) - np.outer(moved, turned) / curved
            H = V @ H @ V.T + np.outer(moved, moved) / curved
    return here, slope


def _rise(search: _Search, here: AtCoordinates, step: Floats, gain: float) -> AtCoordinates | None:
    """A point along a step that is higher by a share of what was to be gained."""
    share = 1.0
    for _ in range(30):
        there = search.at(here.z + share * step)
        if there is not None and there.value >= here.value + 1e-4 * share * gain:
            return there
        share *= 0.3
    return None


def _polish(
    search: _Search, here: AtCoordinates, slope: Floats
) -> tuple[AtCoordinates, Floats, Floats, Beside]:
    """Newton steps with the curvature by differences of the slope, until they are rounding."""
    for _ in range(4):
        information, beside = _curvature(search, here)
        if (np.linalg.eigvalsh(information) <= 0.0).any() or not len(slope):
            break
        step = np.linalg.solve(information, slope)
        gain = float(step @ slope)
        if gain < 1e-14:
            break
        there = search.at(here.z + step)
        if there is None or there.value < here.value - 1e-10:
            break
        search.keep(there)
        here, slope = there, search.slope(there)
        if gain < search.close:  # so near that the curvature there is the same
            break
    return here, slope, information, beside


def _curvature(search: _Search, here: AtCoordinates) -> tuple[Floats, Beside]:
    """The information (k, k) by differences, and what lies a step before and after."""
    k = len(here.z)
    information = np.empty((k, k))
    beside = []
    for i in range(k):
        step = np.zeros(k)
        step[i] = _STEP
        before, after = search.at(here.z - step), search.at(here.z + step)
        if before is None or after is None:
            raise EstimationError(
                "the likelihood cannot be evaluated beside its maximum; the residual structure "
                f"{search.moments.rows.structure.text} has more parameters than the data can tell"
            )
        information[:, i] = (search.slope(before) - search.slope(after)) / (2.0 * _STEP)
        beside.append((before, after))
    return 0.5 * (information + information.T), tuple(beside)
