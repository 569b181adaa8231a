"""The deviance with one parameter held at a value, as a function of all others.

The random effects are read in coordinates whose first are the held effects, the others those
of the internal basis (where the zero of a column is far from its data, only these are well
apart).  With EE' their covariance, the first sd is an entry of E, and the first correlation ρ
splits the second row into ρ s and √(1 − ρ²) s.  What is left of E, and log σ, are free; γ is
maximised or integrated out in closed form.  A fixed effect is held by moving it to the response,

    γ° = t w/(t't) + N η,   t'N = 0,   y° → y° − X°t w/(t't),   X° → X°N,

from the cross-products alone.  The slope of the profile is the partial derivative with
respect to the held parameter: at the best others they add nothing to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space

from hierbayes.design.basis import Basis
from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.inference.profiles.parameter import Estimates, Parameter
from hierbayes.likelihood.covariance import block_mask, cholesky_psd
from hierbayes.likelihood.of_products import AnyLikelihood, likelihood_of
from hierbayes.likelihood.reading import GIVEN, Reading
from hierbayes.likelihood.theta import Theta


class Held:
    """The deviance of a problem with one parameter held.

    Free variables are the entries of E, then log σ in the internal basis.  A
    correlation's two standard deviations are not below zero; the
    sign of a column of E means nothing, so that nothing else needs a bound.

    Parameters
    ----------
    problem : Problem
    parameter : Parameter
        Which is held.
    reading : Reading
        ``ML`` or ``REML``; a fixed effect can be held under ``ML`` only.
    """

    def __init__(self, problem: Problem, parameter: Parameter, reading: Reading) -> None:
        design, self.cross = problem.design, problem.products
        self.parameter, self.reading = parameter, reading
        first = parameter.at if parameter.block in ("sd", "corr") else ()
        order, self._to_effects, self.unit = _coordinates(self.cross.basis, first)
        self._order, self._back = order, np.argsort(order)
        inside = block_mask(design.blocks)[np.ix_(order, order)]
        rows, columns = np.nonzero(np.tril(inside))
        self.at: tuple[Integers, Integers] = (rows, columns)
        self._to_coordinates = np.linalg.inv(self._to_effects)

    # ---------------------------------------------------------------- variables

    @property
    def bounded(self) -> Booleans:
        """Which free variables are not below zero."""
        bounded = np.zeros(len(self.at[0]) + 1, dtype=np.bool_)
        if self.parameter.block == "corr":
            bounded[[self._place(0, 0), self._place(1, 1)]] = True
        return bounded

    def variables(self, theta: Theta) -> Floats:
        """The variables at which a θ stands, whatever the value of the held parameter."""
        internal, sigma = theta.internal(self.cross.basis)
        root = self._to_coordinates @ internal
        E = cholesky_psd(root @ root.T)
        if self.parameter.block == "corr":
            E[1, 1] = np.hypot(E[1, 0], E[1, 1])
            E[1, 0] = 0.0
        return np.append(E[self.at], np.log(sigma))

    def lifted(self, x: Floats) -> Floats:
        """The same with pivots of E off zero, where they cannot see that they should grow."""
        pivots = np.append(self.at[0] == self.at[1], False)
        return np.where(pivots & (np.abs(x) < 2e-2), 3e-2, x)

    def _place(self, row: int, column: int) -> int:
        return int(np.flatnonzero((self.at[0] == row) & (self.at[1] == column))[0])

    def _entries(self, value: float, x: Floats) -> tuple[Floats, float]:
        """E (q, q) and σ in the internal basis."""
        E = np.zeros_like(self._to_effects)
        E[self.at] = x[:-1]
        sigma = float(np.exp(x[-1]))
        match self.parameter.block:
            case "sd":
                E[0, 0] = value / self.unit[0]
                if value == 0.0:  # what is left of its column belongs to the other effects
                    E[:, 0] = 0.0
            case "corr":
                E[1, 0], E[1, 1] = value * E[1, 1], np.sqrt(1.0 - value**2) * E[1, 1]
            case "sigma":
                sigma = value / self.cross.basis.scale
        return E, sigma

    # ---------------------------------------------------------------- the deviance

    def objective(self, value: float) -> _AtValue:
        """The deviance at one value of the held parameter."""
        return _AtValue(self, value, likelihood_of(self._cross_at(value), self.reading))

    def slope(self, value: float, x: Floats) -> float:
        """∂(−2ℓ)/∂(the held parameter)."""
        if self.parameter.block != "gamma":
            return self._evaluate(value, x, likelihood_of(self.cross, self.reading))[2]
        at = self.estimates(value, x)
        (root, sigma), basis = at.theta.internal(self.cross.basis), self.cross.basis
        given = likelihood_of(self.cross, GIVEN)
        d_gamma = given.search(root, float(sigma), basis.gamma_internal(at.gamma))[1].gamma
        t, _ = self._direction
        return float(-2.0 * d_gamma @ t / (t @ t) / basis.scale)

    def estimates(self, value: float, x: Floats) -> Estimates:
        """All parameters, γ at its best."""
        theta, basis = self._theta(value, x), self.cross.basis
        gamma = likelihood_of(self._cross_at(value), self.reading).at(theta).internal_gamma
        if self.parameter.block == "gamma":
            t, N = self._direction
            gamma = t * self._offset(value) / (t @ t) + N @ gamma
        return Estimates(basis.gamma(gamma), theta)

    def _theta(self, value: float, x: Floats) -> Theta:
        E, sigma = self._entries(value, x)
        return Theta.from_internal(self._root(E), sigma, self.cross.basis)

    def _root(self, E: Floats) -> Floats:
        """A root of G in the internal basis, block-diagonal as G is."""
        root: Floats = self._to_effects @ E[:, self._back]
        return root

    def _evaluate(
        self, value: float, x: Floats, likelihood: AnyLikelihood
    ) -> tuple[float, Floats, float]:
        E, sigma = self._entries(value, x)
        gamma = likelihood.gamma_prior.mean  # not read: γ is integrated out, or at its best
        found, (by_root, by_sigma, _) = likelihood.search(self._root(E), sigma, gamma)
        dE = -2.0 * self._to_effects.T @ by_root[:, self._order]
        d_log_sigma = -2.0 * by_sigma * sigma
        held = 0.0
        match self.parameter.block:
            case "sd":
                held = dE[0, 0] / self.unit[0]
                dE[:, 0] = np.where(value == 0.0, 0.0, dE[:, 0])
                dE[0, 0] = 0.0
            case "corr":
                s, rest = x[self._place(1, 1)], np.sqrt(1.0 - value**2)
                with np.errstate(divide="ignore", invalid="ignore"):
                    held = s * (dE[1, 0] - dE[1, 1] * np.float64(value) / rest)
                dE[1, 1] = value * dE[1, 0] + rest * dE[1, 1]
                dE[1, 0] = 0.0
            case "sigma":
                held, d_log_sigma = d_log_sigma / value, 0.0
        deviance = -2.0 * (found + likelihood.log_jacobian)
        return deviance, np.append(dE[self.at], d_log_sigma), float(held)

    # ---------------------------------------------------------------- a fixed effect

    @property
    def _direction(self) -> tuple[Floats, Floats]:
        """t (p,) and N (p, p − 1)."""
        t = self.cross.basis.x.matrix[self.parameter.at[0]]
        return t, null_space(t[None, :])

    def _offset(self, value: float) -> float:
        basis = self.cross.basis
        return float((value - basis.origin[self.parameter.at[0]]) / basis.scale)

    def _cross_at(self, value: float) -> Products:
        if self.parameter.block != "gamma":
            return self.cross
        t, N = self._direction
        M = np.zeros((len(t) + 1, len(t)))
        M[:-1, :-1] = N
        M[:-1, -1] = -t * self._offset(value) / (t @ t)
        M[-1, -1] = 1.0
        return self.cross.turned(M)


@dataclass(frozen=True, slots=True)
class _AtValue:
    """`Held` at one value: a function of the variables."""

    held: Held
    value: float
    likelihood: AnyLikelihood

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        deviance, gradient, _ = self.held._evaluate(self.value, x, self.likelihood)
        return (deviance, gradient) if np.isfinite(deviance) else (np.inf, gradient)


def _coordinates(basis: Basis, first: tuple[int, ...]) -> tuple[np.ndarray, Floats, Floats]:
    """Coordinates of the random effects that begin with effects ``first`` in the user's units.

    Each takes the place of the internal coordinate that it depends on most.

    Returns
    -------
    order : (q,) int
        The internal coordinate that each takes the place of, or is.
    to_effects : (q, q) float
        Internal effects from coordinates.
    unit : (k,) float
        What one of each held coordinate is in the user's units.
    """
    T = basis.scale * basis.z.matrix
    q = len(T)
    D, unit, taken = np.eye(q), np.empty(len(first)), []
    left = T[list(first)].copy()
    for row, k in enumerate(first):
        unit[row] = np.sqrt((T[k] ** 2).sum())
        pivot = int(np.abs(left[row]).argmax())
        taken.append(pivot)
        for later in range(row + 1, len(first)):
            left[later] -= left[later, pivot] / left[row, pivot] * left[row]
        D[pivot] = T[k] / unit[row]
    order = np.array(taken + [k for k in range(q) if k not in taken], dtype=np.intp)
    return order, np.linalg.inv(D)[:, order], unit
