"""The deviance with one parameter held at a value, as a function of all others.

The random effects are read in coordinates of which those held are entries (`held_root`); they and
log σ are free, γ is maximised or integrated out in closed form.  A fixed effect is held by moving
it to the response,

    γ° = t w/(t't) + N η,   t'N = 0,   y° → y° − X°t w/(t't),   X° → X°N,

from the cross-products alone.  The slope of the profile is the partial derivative with
respect to the held parameter: at the best others they add nothing to it.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.inference.profiles.held_root import HeldRoot
from hierbayes.inference.profiles.parameter import Estimates, Parameter, gaussian_estimates
from hierbayes.likelihood.of_products import AnyLikelihood, likelihood_of
from hierbayes.likelihood.reading import GIVEN, Reading
from hierbayes.likelihood.residual_moments import second_moments
from hierbayes.likelihood.theta import Theta


class Held:
    """The deviance of a problem with one parameter held.

    Free variables are the entries of E, then log σ in the internal basis, but where σ is known to
    be 1, as rows are divided by known standard deviations of their errors.  A
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
        self.cross = problem.holding_sigma.products
        self.knows_sigma = bool(problem.design.specification.known_sd)
        self.parameter, self.reading = parameter, reading
        self.root = HeldRoot(self.cross.basis, problem.design.blocks, parameter)

    # ---------------------------------------------------------------- variables

    @property
    def bounded(self) -> Booleans:
        """Which free variables are not below zero."""
        return np.append(self.root.bounded, [False] * (not self.knows_sigma))

    def variables(self, best: Estimates) -> Floats:
        """The variables at which estimates stand, whatever the value of the held parameter."""
        internal, sigma = best.theta.internal(self.cross.basis)
        return self._with_sigma(self.root.variables(internal), float(np.log(sigma)))

    def lifted(self, x: Floats) -> Floats:
        """The same with pivots of E off zero, where they cannot see that they should grow."""
        lifted = self.root.lifted(self._entries(x))
        return lifted if self.knows_sigma else np.append(lifted, x[-1])

    def theta(self, value: float, x: Floats) -> Theta:
        """θ at a value of the held parameter and at the variables."""
        root, sigma = self.root.at(value, self._entries(x)), self._sigma(value, x)
        return Theta.from_internal(root, sigma, self.cross.basis)

    def _sigma(self, value: float, x: Floats) -> float:
        """σ in the internal basis."""
        if self.knows_sigma:
            return 1.0 / self.cross.basis.scale
        held = self.parameter.block == "sigma"
        return value / self.cross.basis.scale if held else float(np.exp(x[-1]))

    def _entries(self, x: Floats) -> Floats:
        """The entries of E among the variables."""
        return x if self.knows_sigma else x[:-1]

    def _with_sigma(self, entries: Floats, of_log_sigma: float) -> Floats:
        """What is of the entries of E, and of log σ where that is free."""
        return entries if self.knows_sigma else np.append(entries, of_log_sigma)

    # ---------------------------------------------------------------- the deviance

    def objective(self, value: float) -> _AtValue:
        """The deviance at one value of the held parameter."""
        return _AtValue(self, value, likelihood_of(self._cross_at(value), self.reading))

    def on(self, cross: Products) -> Held:
        """The same with other cross-products in the same basis, as of other weights."""
        moved = copy(self)
        moved.cross = cross
        return moved

    def evaluated(self, value: float, x: Floats) -> tuple[float, Floats, float]:
        """The deviance, its gradient by the variables, and by what is held but of γ."""
        return self._evaluate(value, x, likelihood_of(self._cross_at(value), self.reading))

    def second_moments(self, value: float, x: Floats) -> Floats:
        """E_j (J, q + p + 1, q + p + 1) of (−u, −γ, 1), of one grouping factor.

        Where γ is held on a plane it is M (−η, −1)', and its moments are turned by that.
        """
        theta, cross = self.theta(value, x), self._cross_at(value)
        assert isinstance(cross, CrossProducts)
        sigma = float(theta.internal(self.cross.basis)[1])
        E = second_moments(theta.relative(self.cross.basis), sigma, cross, self.reading)
        if self.parameter.block != "gamma":
            return E
        M, q = self._turn(value), cross.R.shape[2]
        turn = np.zeros((q + len(M), q + M.shape[1]))
        turn[:q, :q], turn[q:, q:] = np.eye(q), M
        moved: Floats = turn @ E @ turn.T
        return moved

    def slope(self, value: float, x: Floats) -> float:
        """∂(−2ℓ)/∂(the held parameter)."""
        if self.parameter.block != "gamma":
            return self.evaluated(value, x)[2]
        at = self.estimates(value, x)
        (root, sigma), basis = at.theta.internal(self.cross.basis), self.cross.basis
        given = likelihood_of(self.cross, GIVEN)
        d_gamma = given.search(root, float(sigma), basis.gamma_internal(at.gamma))[1].gamma
        t, _ = self._direction
        return float(-2.0 * d_gamma @ t / (t @ t) / basis.scale)

    def estimates(self, value: float, x: Floats) -> Estimates:
        """All parameters, γ at its best."""
        theta, basis = self.theta(value, x), self.cross.basis
        gamma = likelihood_of(self._cross_at(value), self.reading).at(theta).internal_gamma
        if self.parameter.block == "gamma":
            t, N = self._direction
            gamma = t * self._offset(value) / (t @ t) + N @ gamma
        return gaussian_estimates(basis.gamma(gamma), theta)

    def _evaluate(
        self, value: float, x: Floats, likelihood: AnyLikelihood
    ) -> tuple[float, Floats, float]:
        sigma = self._sigma(value, x)
        gamma = likelihood.gamma_prior.mean  # not read: γ is integrated out, or at its best
        entries = self._entries(x)
        root = self.root.at(value, entries)
        found, (by_root, by_sigma, _) = likelihood.search(root, sigma, gamma)
        by_entries, held = self.root.pulled(value, entries, -2.0 * by_root)
        d_log_sigma = -2.0 * by_sigma * sigma
        if self.parameter.block == "sigma":
            held, d_log_sigma = d_log_sigma / value, 0.0
        deviance = -2.0 * (found + likelihood.log_jacobian)
        return deviance, self._with_sigma(by_entries, d_log_sigma), float(held)

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
        return self.cross.turned(self._turn(value))

    def _turn(self, value: float) -> Floats:
        """[X° y°] M (p + 1, p) are the columns without the held effect."""
        t, N = self._direction
        M = np.zeros((len(t) + 1, len(t)))
        M[:-1, :-1] = N
        M[:-1, -1] = -t * self._offset(value) / (t @ t)
        M[-1, -1] = 1.0
        return M


@dataclass(frozen=True, slots=True)
class _AtValue:
    """`Held` at one value: a function of the variables."""

    held: Held
    value: float
    likelihood: AnyLikelihood

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        deviance, gradient, _ = self.held._evaluate(self.value, x, self.likelihood)
        return (deviance, gradient) if np.isfinite(deviance) else (np.inf, gradient)
