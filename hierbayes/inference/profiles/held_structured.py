r"""The deviance of a fit with a residual structure with one parameter held.

Variables are the coordinates z of the structure, and those of G, σ and γ with cross-products
weighted at z (`held`).  A held parameter v_i of the structure is told by its own coordinate given
the others: z_i solves v_i(z) = value, so that along another coordinate

    d/dz_j = ∂/∂z_j − (∂v_i/∂z_j)/(∂v_i/∂z_i) ∂/∂z_i.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.products import Products
from hierbayes.design.residual_moments import Weighted
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.inference.profiles.held import Held
from hierbayes.inference.profiles.parameter import Estimates, Parameter
from hierbayes.likelihood.reading import Reading
from hierbayes.residuals.coordinates import IMAGINARY

_FARTHEST = 18.0  # a coordinate, beyond which a correlation is ±1 in all digits
_DIGITS, _MOST, _LONGEST = 1e-14, 12, 3.0  # of a held coordinate: when, how often, how far
_STEP = 1e-4  # of a coordinate, where the slope is by differences


class HeldStructured:
    """The deviance of a fit with a residual structure with one parameter held.

    Parameters
    ----------
    fit : StructuredPointFit
        By REML or ML.
    parameter : Parameter
        Which is held.
    reading : Reading
        ``ML`` or ``REML``.
    """

    def __init__(self, fit: StructuredPointFit, parameter: Parameter, reading: Reading) -> None:
        assert fit.problem.moments is not None
        self.parameter, self.reading = parameter, reading
        self.held = Held(fit.problem, parameter, reading)
        self.moments, self.best_z = fit.problem.moments, fit.errors.best.z
        self.rows = self.moments.rows
        edges = self.rows.edges[0]
        self.low = np.where(np.isfinite(edges), edges, -_FARTHEST)
        self.i, self.near = -1, 0.0
        if parameter.block == "residual":
            self.i = [one.name for one in self.rows.parameters].index(parameter.name)
            self.near = float(self.best_z[self.i])
        self.free = len(self.best_z) - (self.i >= 0)

    # ---------------------------------------------------------------- variables

    @property
    def bounded(self) -> Booleans:
        """Which free variables are not below zero."""
        return np.concatenate([np.zeros(self.free, dtype=np.bool_), self.held.bounded])

    def variables(self, best: Estimates) -> Floats:
        """The variables at the maximum, whatever the value of the held parameter."""
        z = self.best_z if self.i < 0 else np.delete(self.best_z, self.i)
        return np.concatenate([z, self.held.variables(best)])

    def lifted(self, x: Floats) -> Floats:
        """The same with pivots of E off zero, where they cannot see that they should grow."""
        return np.concatenate([x[: self.free], self.held.lifted(x[self.free :])])

    def _z(self, value: float, free: Floats) -> Floats | None:
        """All coordinates (k,); None where no covariance has the held value beside the others."""
        lowest = self.low if self.i < 0 else np.delete(self.low, self.i)
        if (free < lowest).any() or (free >= _FARTHEST).any():
            return None
        if self.i < 0:
            return free
        z = np.insert(free, self.i, self.near)
        if self._solved(z, value):
            self.near = float(z[self.i])
            return z
        low, high = float(self.low[self.i]), _FARTHEST
        if self._excess(z, low, value) == 0.0:
            z[self.i] = low  # the limit itself
            return z
        if not self._excess(z, low, value) < 0.0 < self._excess(z, high, value):
            return None
        from scipy.optimize import brentq

        z[self.i] = brentq(lambda at: self._excess(z, at, value), low, high, xtol=1e-14, rtol=1e-14)
        return z

    def _solved(self, z: Floats, value: float) -> bool:
        """Whether Newton's method finds the coordinate of the held parameter, written into z."""
        step = 1j * IMAGINARY * (np.arange(len(z)) == self.i)
        for _ in range(_MOST):
            found = self.rows.natural(z + step)[self.i]
            slope = float(found.imag) / IMAGINARY
            if not slope > 0.0:
                return False
            move = (value - float(found.real)) / slope
            if not abs(move) < _LONGEST:
                return False
            z[self.i] += move
            if abs(move) < _DIGITS * (1.0 + abs(float(z[self.i]))):
                return bool(self.low[self.i] < z[self.i] < _FARTHEST)
        return False

    def _excess(self, z: Floats, at: float, value: float) -> float:
        """How much the held parameter is above a value with its coordinate there."""
        moved = z.copy()
        moved[self.i] = at
        return float(self.rows.natural(moved)[self.i]) - value

    # ---------------------------------------------------------------- the deviance

    def objective(self, value: float) -> _AtValue:
        """The deviance at one value of the held parameter."""
        return _AtValue(self, value)

    def evaluated(self, value: float, x: Floats) -> tuple[float, Floats, float]:
        """Deviance, its gradient by the variables, and by the held parameter; inf outside."""
        z = self._z(value, x[: self.free])
        if z is None:
            return np.inf, np.full(len(x), np.nan), np.nan
        weighted = self.moments.at(z)
        deviance, by_rest, by_held = self._given(weighted, value, x[self.free :])
        if not np.isfinite(deviance):
            return np.inf, np.full(len(x), np.nan), np.nan
        by_z = self._by_coordinates(z, weighted.products, value, x[self.free :])
        if self.i >= 0:
            slope = self.rows.natural_slope(z)[self.i]
            moves = slope[self.i] > 0.0  # not at a limit
            by_held = float(by_z[self.i] / slope[self.i]) if moves else 0.0
            by_z = np.delete(by_z - by_held * slope, self.i)
        return deviance, np.concatenate([by_z, by_rest]), by_held

    def _at(self, z: Floats, value: float, x: Floats) -> tuple[float, Floats, float]:
        """The same at coordinates z, given them."""
        return self._given(self.moments.at(z), value, x)

    def _given(self, weighted: Weighted, value: float, x: Floats) -> tuple[float, Floats, float]:
        if not np.isfinite(weighted.half_log_det):
            return np.inf, np.zeros(len(x)), 0.0
        deviance, by_x, by_held = self.held.on(weighted.products).evaluated(value, x)
        return deviance + 2.0 * weighted.half_log_det, by_x, by_held

    def _by_coordinates(self, z: Floats, products: Products, value: float, x: Floats) -> Floats:
        """∂ deviance/∂z (k,)."""
        if isinstance(products, CrossProducts):
            E = self.held.on(products).second_moments(value, x)
            slope: Floats = 2.0 * self.moments.slope(z, E)
            return slope
        steps = _STEP * np.eye(len(z))
        ends = [self._at(z + h, value, x)[0] - self._at(z - h, value, x)[0] for h in steps]
        return np.array(ends) / (2.0 * _STEP)

    def slope(self, value: float, x: Floats) -> float:
        """∂(−2ℓ)/∂(the held parameter)."""
        if self.parameter.block != "gamma":
            return self.evaluated(value, x)[2]
        z = self._z(value, x[: self.free])
        assert z is not None
        return self.held.on(self.moments.at(z).products).slope(value, x[self.free :])

    def estimates(self, value: float, x: Floats) -> Estimates:
        """All parameters, γ at its best; missing where there is no covariance."""
        z = self._z(value, x[: self.free])
        at = self.best_z if z is None else z
        found = self.held.on(self.moments.at(at).products).estimates(value, x[self.free :])
        return replace(found, phi=np.concatenate([found.phi, self.rows.natural(at)]))


class _AtValue:
    """The deviance at one value of the held parameter, as `minimise` takes it."""

    def __init__(self, held: HeldStructured, value: float) -> None:
        self.held, self.value = held, value

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        deviance, gradient, _ = self.held.evaluated(self.value, x)
        return deviance, gradient
