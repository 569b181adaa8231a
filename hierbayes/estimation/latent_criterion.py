r"""The approximate likelihood of a family's model as a function of one vector of coordinates.

The coordinates are γ, the free entries of a lower triangular root L of G, and the dispersion,
by its logarithm or as the family orders it, in the internal basis.  ℓ is even in each column of
L, so that a face of the cone, where a column is 0, is an ordinary stationary point in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.curvature import CompiledGroups, GroupCurvature
from hierbayes.likelihood.dispersion import (
    dispersion_at,
    dispersion_coordinates,
    pull_dispersion,
)
from hierbayes.likelihood.laplace import (
    CurvatureOf,
    LatentPoint,
    Mode,
    compiled_modes,
    find_mode,
    laplace,
    laplace_value,
)
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.mode_search import (
    ALONE,
    AS_THEY_ARE,
    MOVES,
    VISITS,
    Climb,
    ModeSearch,
    Points,
    Slopes,
    coordinates_of,
    parts_of,
)
from hierbayes.likelihood.quadrature import by_level, gauss_hermite, quadrature

ASIDE = 2e-5  # of differences of the gradient by entries of L
_FAR = 1.0  # of a spherical effect: its slopes lead no further


class Climbed(NamedTuple):
    """A maximum that compiled steps have reached.

    Parameters
    ----------
    x : (k,) float
    value : float
    gradient : (k,) float
    bend : (k, k) float
        What −∂²ℓ may be there, its lower triangle.
    """

    x: Floats
    value: float
    gradient: Floats
    bend: Floats


@dataclass(eq=False)
class LatentCriterion:
    """ℓ and its gradient as a function of one vector of coordinates.

    Parameters
    ----------
    rows : LatentRows
    lower : tuple of (m,) int
        Rows and columns of the free entries of L.
    curvature_of : callable
        How M is factored.
    nodes : int
        Of the quadrature, for each effect; 1 for Laplace's approximation.
    """

    rows: LatentRows
    lower: tuple[Integers, Integers]
    curvature_of: CurvatureOf = GroupCurvature
    nodes: int = 1
    evaluations: int = 0
    warm: Floats = field(init=False)
    known: tuple[Slopes, Floats] | None = field(default=None, init=False)  # that lead to the next
    last: tuple[bytes, float, Floats] | None = field(default=None, init=False)
    reached: Mode | None = field(default=None, init=False)  # at the last point

    def __post_init__(self) -> None:
        self.p, self.q = self.rows.X.shape[1], self.rows.Z.shape[1]
        self.grid = gauss_hermite(self.nodes, self.q)
        self.warm = np.zeros(self.rows.effects)
        self.d, (rows, columns) = len(self.family.dispersion), self.lower
        self.size = self.p + self.q**2 + self.d  # γ, L and φ in one array (size,)
        lower, self.free = coordinates_of(
            self.p, self.q, self.d, tuple(rows.tolist()), tuple(columns.tolist())
        )
        self.search = ModeSearch(MOVES, lower)

    @property
    def family(self) -> ResponseFamily:
        """Of the rows."""
        return self.rows.family

    @property
    def is_climbed(self) -> bool:
        """Whether compiled code climbs it and looks around: of one factor and no dispersion."""
        is_known = self.curvature_of is GroupCurvature and self.nodes == 1
        return is_known and not (self.d or self.family.predictors)

    def climbed(self, start: Floats | None, *, without: bool) -> Climbed | None:
        """A maximum by compiled steps from coordinates, at first ``without`` random effects.

        From zeros, where all rows have one mean, without a start.  None where there are no such
        steps, or they reach none.
        """
        if not self.is_climbed:
            return None
        h = len(self.lower[0])
        at = np.zeros((1 + h, self.size))
        if start is not None:
            at[0, self.free] = start
        points = Points(at, np.zeros((1 + h, self.rows.effects)))
        climb = Climb.of(self.free, _asides(h), without=without and h > 0)
        point = LatentPoint(*parts_of(at[0], self.p, self.q))  # which is written over
        found = CompiledGroups.mode(self.rows, point.root, points, self.search, climb)
        if found is None or found.slopes is None:
            return None
        self.evaluations += int(climb.state[VISITS])
        x, slopes = at[0].take(self.free), found.slopes
        value, gradient = slopes.at.value[0].item(), slopes.at.slope[0].take(self.free)
        value += self.rows.log_constant
        self.reached, self.warm = Mode(self.rows, point, *found), found.b
        self.known, self.last = (slopes, x), (x.tobytes(), value, gradient)
        return Climbed(x, value, gradient, climb.hessian)

    def point(self, x: Floats) -> LatentPoint:
        """The parameters that coordinates stand for."""
        return self._point(self._numbers(x))

    def _point(self, numbers: Floats) -> LatentPoint:
        whole = np.zeros(self.size)
        whole[self.free] = numbers
        return LatentPoint(*parts_of(whole, self.p, self.q))

    def _numbers(self, x: Floats) -> Floats:
        """γ, the free entries of L, and φ (p + m + d,)."""
        if not self.d:
            return x
        first = self.p + len(self.lower[0])
        return np.concatenate([x[:first], dispersion_at(self.family, x[first:])])

    def coordinates(self, point: LatentPoint) -> Floats:
        """The coordinates of parameters."""
        free = dispersion_coordinates(self.family, point.phi)
        return np.concatenate([point.gamma, point.root[self.lower], free])

    def mode(self, x: Floats) -> Mode | None:
        """The mode of the random effects there."""
        if self.last is not None and self.last[0] == x.tobytes():
            return self.reached
        numbers = self._numbers(x)
        return self._mode_at(self._point(numbers), numbers)

    def _mode_at(
        self, point: LatentPoint, numbers: Floats, search: ModeSearch = ALONE
    ) -> Mode | None:
        """The mode at a point, of which the `_numbers` are known."""
        self.evaluations += 1
        start = self._predicted(numbers)
        mode = find_mode(self.rows, point, start, self.curvature_of, search)
        if mode is not None:
            self.warm, slopes = mode.b, mode.slopes
            self.known = None if slopes is None else (slopes, numbers)
        return mode

    def _predicted(self, numbers: Floats) -> Floats:
        """Where the last mode has moved by its slopes; as it is, where they lead far."""
        if self.known is None:
            return self.warm
        slopes, past = self.known
        moved = slopes.moves @ (numbers - past)
        near = np.abs(moved).max(initial=0.0) < _FAR
        return self.warm + moved if near else self.warm

    def at_point(self, point: LatentPoint) -> tuple[float, Floats, Floats, Floats] | None:
        """ℓ, ∂γ (p,), ∂L (q, q) and ∂φ (d,) of any root L; None where there is none."""
        found = self._at(point, self._numbers_of(point))
        return None if found is None else (found[0], *parts_of(found[1], self.p, self.q))

    def _numbers_of(self, point: LatentPoint) -> Floats:
        return np.concatenate((point.gamma, point.root[self.lower], point.phi))

    def _at(self, point: LatentPoint, numbers: Floats) -> tuple[float, Floats] | None:
        """ℓ and its slope by γ, L and φ (size,)."""
        with np.errstate(all="ignore"):
            self.last, self.reached = None, self._mode_at(point, numbers, self.search)
            if self.reached is None:
                return None
            return laplace(self.reached) if self.nodes == 1 else quadrature(self.reached, self.grid)

    def value_at(self, point: LatentPoint) -> float:
        """ℓ alone, which takes half as long; −∞ where there is none."""
        with np.errstate(all="ignore"):
            mode = self._mode_at(point, self._numbers_of(point))
            if mode is None:
                return -np.inf
            one = self.nodes == 1
            value = laplace_value(mode) if one else float(by_level(mode, self.grid).sum())
            return value + self.rows.log_constant

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """ℓ and its gradient; −∞ where there is none.  Asked again of one point it is kept."""
        same = x.tobytes()
        if self.last is None or self.last[0] != same:
            self.last = (same, *self._computed(x))
        return self.last[1], self.last[2]

    def _computed(self, x: Floats) -> tuple[float, Floats]:
        numbers = self._numbers(x)
        found = self._at(self._point(numbers), numbers)
        if found is None:
            return -np.inf, np.zeros(len(x))
        value, gradient = found[0], self._pulled(x, found[1])
        if not (math.isfinite(value) and np.isfinite(gradient).all()):
            return -np.inf, np.zeros(len(x))
        return value, gradient

    def _pulled(self, x: Floats, slope: Floats) -> Floats:
        """The gradient (k,) in coordinates from a slope by γ, L and φ (size,)."""
        gradient = slope[self.free]
        if not self.d:
            return gradient
        first = self.p + len(self.lower[0])
        free = pull_dispersion(self.family, x[first:], gradient[first:])
        return np.concatenate([gradient[:first], free])

    def hessian(self, x: Floats, steps: Floats) -> Floats:
        """Central differences (k, k) of the gradient at ``steps`` (k,).

        The mode of the random effects moves along its slopes: what these leave is the same on both
        sides.
        """
        around = self._around(x, steps)
        if around is not None:
            return around
        aside = np.diag(steps)
        both = np.concatenate((x + aside, x - aside))
        slopes = self._beside(x, both) if self.nodes == 1 else None
        if slopes is None:
            slopes = np.array([self(one)[1] for one in both])
        hessian = (slopes[: len(x)] - slopes[len(x) :]) / (2.0 * steps[:, None])
        return np.asarray(0.5 * (hessian + hessian.T))

    def _around(self, x: Floats, steps: Floats) -> Floats | None:
        """The same in one compiled call; None where there is none such, or no mode."""
        if not self.is_climbed or math.isinf(self(x)[0]):
            return None
        known, k = self.reached, len(x)
        if known is None or known.slopes is None:
            return None
        points = Points(np.zeros((2 * k, self.size)), np.empty((2 * k, self.rows.effects)))
        points.at[0, self.free], points.start[0] = x, known.b
        self.evaluations += 2 * k
        climb = Climb.around(self.free, steps)
        found = CompiledGroups.hessian(self.rows, points, known.slopes.moves, climb)
        return found if found is not None and np.isfinite(found).all() else None

    def bends(self, x: Floats, steps: Floats) -> Floats | None:
        """Rows (h, k) of the Hessian, those of the last h coordinates, by steps (h,) forward.

        It is that of Laplace's approximation.  None where compiled code does not find modes.
        """
        both = np.repeat(x[None], 1 + len(steps), axis=0)
        both[1:, len(x) - len(steps) :] += np.diag(steps)
        slopes = self._beside(x, both)
        return None if slopes is None else (slopes[1:] - slopes[0]) / steps[:, None]

    def _beside(self, x: Floats, others: Floats) -> Floats | None:
        """Those of Laplace's approximation (P, k) next to coordinates; None where not compiled."""
        compiled, _ = compiled_modes(self.rows, self.curvature_of), self(x)
        if compiled is None or (known := self.reached) is None:
            return None
        if known.slopes is None:
            return None
        numbers = np.array([self._numbers(one) for one in others]) if self.d else others
        at = np.zeros((len(others), self.size))
        at[:, self.free] = numbers
        start = known.b + (numbers - self._numbers(x)) @ known.slopes.moves.T
        self.evaluations += len(others)
        found = compiled.gradients(self.rows, Points(at, start), AS_THEY_ARE)
        if found is None:
            return None
        slopes = found.slope.take(self.free, axis=1)
        if self.d:
            pairs = zip(others, found.slope, strict=True)
            slopes = np.array([self._pulled(one, slope) for one, slope in pairs])
        return slopes if np.isfinite(slopes).all() else None


@lru_cache(maxsize=64)
def _asides(m: int) -> Floats:
    """Steps aside (m,) by free entries of L, not to be written to."""
    return np.full(m, ASIDE)
