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
    find_mode,
    laplace,
    laplace_value,
)
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.quadrature import by_level, gauss_hermite, quadrature


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
    last: tuple[Floats, float, Floats] | None = field(default=None, init=False)
    reached: Mode | None = field(default=None, init=False)  # at the last point

    def __post_init__(self) -> None:
        self.p, self.q = self.rows.X.shape[1], self.rows.Z.shape[1]
        self.grid = gauss_hermite(self.nodes, self.q)
        self.warm = np.zeros(self.rows.effects)

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

    def _mode_at(self, point: LatentPoint) -> Mode | None:
        self.evaluations += 1
        mode = find_mode(self.rows, point, self.warm, self.curvature_of)
        if mode is not None:
            self.warm = mode.b
        return mode

    def at_point(self, point: LatentPoint) -> tuple[float, Floats, Floats, Floats] | None:
        """ℓ, ∂γ (p,), ∂L (q, q) and ∂φ (d,) of any root L; None where there is none."""
        with np.errstate(all="ignore"):
            self.last, self.reached = None, self._mode_at(point)
            if (mode := self.reached) is None:
                return None
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
        found = self.at_point(self.point(x))
        if found is None:
            return -np.inf, np.zeros(len(x))
        value, d_gamma, d_root, d_phi = found
        free = x[self.p + len(self.lower[0]) :]
        d_free = pull_dispersion(self.family, free, d_phi)
        gradient = np.concatenate([d_gamma, d_root[self.lower], d_free])
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return -np.inf, np.zeros(len(x))
        return value, gradient
