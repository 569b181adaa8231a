r"""The approximate likelihood of a family's model as a function of one vector of coordinates.

The coordinates are γ, the free entries of a lower triangular root L of G, and the dispersion,
by its logarithm or as the family orders it, in the internal basis.  ℓ is even in each column of
L, so that a face of the cone, where a column is 0, is an ordinary stationary point in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hierbayes.families.family import ResponseFamily
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.likelihood.curvature import GroupCurvature
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
from hierbayes.likelihood.mode_search import ALONE, GRADIENT, MOVES, ModeSearch, points_of
from hierbayes.likelihood.quadrature import by_level, gauss_hermite, quadrature

_FAR = 1.0  # of a spherical effect: its slopes lead no further


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
    warm: Floats = field(default_factory=lambda: np.zeros(0))
    known: Mode | None = field(default=None, init=False)  # whose slopes lead to the next
    last: tuple[Floats, float, Floats] | None = field(default=None, init=False)
    reached: Mode | None = field(default=None, init=False)  # at the last point

    def __post_init__(self) -> None:
        self.p, self.q = self.rows.X.shape[1], self.rows.Z.shape[1]
        self.grid = gauss_hermite(self.nodes, self.q)
        self.warm = np.zeros(self.rows.effects)
        self.search = ModeSearch(MOVES, np.array(self.lower))

    @property
    def family(self) -> ResponseFamily:
        """Of the rows."""
        return self.rows.family

    def point(self, x: Floats) -> LatentPoint:
        """The parameters that coordinates stand for."""
        p, m = self.p, len(self.lower[0])
        root = np.zeros((self.q, self.q))
        root[self.lower] = x[p : p + m]
        return LatentPoint(x[:p], root, dispersion_at(self.family, x[p + m :]))

    def coordinates(self, point: LatentPoint) -> Floats:
        """The coordinates of parameters."""
        free = dispersion_coordinates(self.family, point.phi)
        return np.concatenate([point.gamma, point.root[self.lower], free])

    def mode(self, x: Floats) -> Mode | None:
        """The mode of the random effects there."""
        if self.last is not None and np.array_equal(self.last[0], x):
            return self.reached
        return self._mode_at(self.point(x))

    def _mode_at(self, point: LatentPoint, search: ModeSearch = ALONE) -> Mode | None:
        self.evaluations += 1
        start = self._predicted(self.known, point)
        start = self.warm if start is None else start
        mode = find_mode(self.rows, point, start, self.curvature_of, search)
        if mode is not None:
            self.warm, self.known = mode.b, mode
        return mode

    def _predicted(self, known: Mode | None, point: LatentPoint) -> Floats | None:
        """Where a mode has moved by its slopes; None where these are not known, or lead far."""
        if known is None or known.slopes is None:
            return None
        past = known.point
        entries = point.root[self.lower] - past.root[self.lower]
        step = np.concatenate([point.gamma - past.gamma, entries, point.phi - past.phi])
        moved = known.slopes.moves @ step
        near = np.abs(moved).max(initial=0.0) < _FAR
        return known.b + moved if near else None

    def at_point(self, point: LatentPoint) -> tuple[float, Floats, Floats, Floats] | None:
        """ℓ, ∂γ (p,), ∂L (q, q) and ∂φ (d,) of any root L; None where there is none."""
        with np.errstate(all="ignore"):
            self.last, self.reached = None, self._mode_at(point, self.search)
            return None if self.reached is None else self._approximation(self.reached)

    def _approximation(self, mode: Mode) -> tuple[float, Floats, Floats, Floats]:
        return laplace(mode) if self.nodes == 1 else quadrature(mode, self.grid)

    def value_at(self, point: LatentPoint) -> float:
        """ℓ alone, which takes half as long; −∞ where there is none."""
        with np.errstate(all="ignore"):
            mode = self._mode_at(point)
            if mode is None:
                return -np.inf
            one = self.nodes == 1
            value = laplace_value(mode) if one else float(by_level(mode, self.grid).sum())
            return value + self.rows.log_constant

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """ℓ and its gradient; −∞ where there is none.  Asked again of one point it is kept."""
        if self.last is None or not np.array_equal(self.last[0], x):
            self.last = (x.copy(), *self._computed(x))
        return self.last[1], self.last[2]

    def _computed(self, x: Floats) -> tuple[float, Floats]:
        return self._in_coordinates(x, self.at_point(self.point(x)))

    def _in_coordinates(
        self, x: Floats, found: tuple[float, Floats, Floats, Floats] | None
    ) -> tuple[float, Floats]:
        """Value and gradient from those by γ, L and φ."""
        if found is None:
            return -np.inf, np.zeros(len(x))
        value, d_gamma, d_root, d_phi = found
        free = x[self.p + len(self.lower[0]) :]
        d_free = pull_dispersion(self.family, free, d_phi)
        gradient = np.concatenate([d_gamma, d_root[self.lower], d_free])
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return -np.inf, np.zeros(len(x))
        return value, gradient

    def hessian(self, x: Floats, steps: Floats) -> Floats:
        """Central differences (k, k) of the gradient at ``steps`` (k,).

        The mode of the random effects moves along its slopes: what these leave is the same on both
        sides.
        """
        both = np.concatenate([x + np.diag(steps), x - np.diag(steps)])
        slopes = self._beside(x, both)
        if slopes is None:
            slopes = np.array([self(one)[1] for one in both])
        up, down = np.split(slopes, 2)
        hessian = (up - down) / (2.0 * steps[:, None])
        return np.asarray(0.5 * (hessian + hessian.T))

    def _beside(self, x: Floats, others: Floats) -> Floats | None:
        """The gradients (P, k) at coordinates next to those of a mode; None where not compiled."""
        compiled, _ = compiled_modes(self.rows, self.curvature_of), self(x)
        if compiled is None or self.nodes > 1 or (known := self.reached) is None:
            return None
        p, m = self.p, len(self.lower[0])
        root = np.zeros((len(others), self.q, self.q))
        root[:, *self.lower] = others[:, p : p + m]
        phi = np.array([dispersion_at(self.family, one) for one in others[:, p + m :]])
        steps = others - x
        steps = np.concatenate([steps[:, : p + m], phi - known.point.phi], axis=1)
        if known.slopes is None or known.slopes.moves.shape[1] != steps.shape[1]:
            return None
        points = points_of(others[:, :p].copy(), root, phi, known.b + steps @ known.slopes.moves.T)
        self.evaluations += len(others)
        found = compiled.gradients(self.rows, points, ModeSearch(GRADIENT, tolerance=np.inf))
        if found is None:
            return None
        free = [
            pull_dispersion(self.family, one, by_phi)
            for one, by_phi in zip(others[:, p + m :], found.phi, strict=True)
        ]
        slopes = np.concatenate([found.gamma, found.root[:, *self.lower], np.array(free)], axis=1)
        return slopes if np.isfinite(slopes).all() else None
