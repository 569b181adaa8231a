"""The deviance of a family's model with one parameter held, as a function of all others.

All parameters are searched: γ° on the plane on which a held fixed effect has its value,

    γ° = t w/(t't) + N η,   t'N = 0,

the entries of E (`held_root`) and the free coordinates of the dispersion.  A held threshold τ_k is
φ_k less the intercept: it holds the intercept at what φ_k leaves of it.  A held coefficient of
columns beside η holds the free coordinates of all of these on a plane, as one of γ does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import null_space

from hierbayes.design.blocks import free_entries
from hierbayes.design.family_rows import has_thresholds
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import curvature_of
from hierbayes.families.family import ResponseFamily
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.of_family.response import place_of_intercept
from hierbayes.frames.arrays import Booleans, Floats
from hierbayes.inference.profiles.held_root import HeldRoot
from hierbayes.inference.profiles.parameter import Estimates, Parameter
from hierbayes.likelihood.dispersion import (
    dispersion_at,
    dispersion_coordinates,
    pull_dispersion,
)
from hierbayes.likelihood.laplace import LatentPoint
from hierbayes.likelihood.theta import Theta


class HeldLatent:
    """The deviance of a family's fit with one parameter held.

    Parameters
    ----------
    fit : FamilyPointFit
        Whose approximation is maximised.
    parameter : Parameter
        Which is held.
    """

    def __init__(self, fit: FamilyPointFit, parameter: Parameter) -> None:
        problem, rows = fit.problem, fit.optimum.mode.rows
        blocks = problem.design.blocks
        self.parameter, self.basis, self.family = parameter, problem.working.basis, rows.family
        self.criterion = LatentCriterion(
            rows, free_entries(blocks), curvature_of(problem, rows), fit.evidence.nodes
        )
        self.root = HeldRoot(self.basis, blocks, parameter)
        names = problem.dispersion
        self.k = names.index(parameter.name) if parameter.block in names else -1
        self.thresholds = has_thresholds(self.family)
        self.plane = _plane_of(self.family, self.k)
        self.of_threshold = self.thresholds and self.k >= 0
        place = place_of_intercept(fit) if self.thresholds else 0
        self.intercept = place
        row = parameter.at[0] if parameter.block == "gamma" else place
        on_plane = parameter.block == "gamma" or self.of_threshold
        self.t = self.basis.scale * self.basis.x.matrix[row] if on_plane else None
        self.N = null_space(self.t[None, :]) if self.t is not None else np.eye(self.criterion.p)
        self.origin = float(self.basis.origin[row]) if on_plane else 0.0
        self.m = len(self.root.entries[0])

    # ---------------------------------------------------------------- variables

    @property
    def bounded(self) -> Booleans:
        """Which free variables are not below zero."""
        free = self._free_size()
        return np.concatenate(
            [np.zeros(self.N.shape[1], bool), self.root.bounded, np.zeros(free, bool)]
        )

    def variables(self, best: Estimates) -> Floats:
        """The variables at which estimates stand, whatever the value of the held parameter."""
        gamma = self.basis.gamma_internal(best.gamma)
        internal, _ = best.theta.internal(self.basis)
        phi = best.phi - best.phi[0] if self.thresholds else best.phi
        free = dispersion_coordinates(self.family, phi)
        return np.concatenate([self.N.T @ gamma, self.root.variables(internal), self._left(free)])

    def lifted(self, x: Floats) -> Floats:
        """The same with pivots of E off zero, where they cannot see that they should grow."""
        at = slice(self.N.shape[1], self.N.shape[1] + self.m)
        lifted = x.copy()
        lifted[at] = self.root.lifted(x[at])
        return lifted

    def _left(self, free: Floats) -> Floats:
        """The free coordinates of the dispersion that are not held."""
        if self.plane is not None:
            first = len(free) - len(self.plane[0])
            return np.concatenate([free[:first], self.plane[1].T @ free[first:]])
        return np.delete(free, self.k) if self._holds_dispersion else free

    def _whole(self, left: Floats, value: float) -> Floats | None:
        """All of them, from those that are not held; None outside."""
        if self.plane is not None:
            t, N = self.plane
            first = len(left) - N.shape[1]
            return np.concatenate([left[:first], N @ left[first:] + t * value / (t @ t)])
        if not self._holds_dispersion:
            return left
        positive = self.family.dispersion_kinds[self.k] == "positive"
        if positive and value <= 0.0:
            return None
        return np.insert(left, self.k, np.log(value) if positive else value)

    @property
    def _holds_dispersion(self) -> bool:
        return self.k >= 0 and not self.thresholds

    def _free_size(self) -> int:
        d = len(self.family.dispersion) - self.thresholds
        return d - self._holds_dispersion

    def _point(self, value: float, x: Floats) -> tuple[LatentPoint, Floats] | None:
        """The parameters in the internal basis, and free coordinates of φ; None outside."""
        p = self.N.shape[1]
        free = self._whole(x[p + self.m :], value)
        if free is None:
            return None
        with np.errstate(over="ignore"):
            phi = dispersion_at(self.family, free)
        if not np.isfinite(phi).all():
            return None
        gamma = self.N @ x[:p]
        if self.t is not None:
            wanted = phi[self.k] - value if self.of_threshold else value
            gamma = gamma + self.t * (wanted - self.origin) / (self.t @ self.t)
        return LatentPoint(gamma, self.root.at(value, x[p : p + self.m]), phi), free

    # ---------------------------------------------------------------- the deviance

    def objective(self, value: float) -> Callable[[Floats], tuple[float, Floats]]:
        """The deviance at one value of the held parameter, with its gradient."""
        return lambda x: self._evaluate(value, x)[:2]

    def slope(self, value: float, x: Floats) -> float:
        """∂(−2ℓ)/∂(the held parameter)."""
        return self._evaluate(value, x)[2]

    def _evaluate(self, value: float, x: Floats) -> tuple[float, Floats, float]:
        posed = self._point(value, x)
        found = None if posed is None else self.criterion.at_point(posed[0])
        if posed is None or found is None or not np.isfinite(found[0]):
            return np.inf, np.zeros(len(x)), 0.0
        free, p = posed[1], self.N.shape[1]
        likelihood, d_gamma, d_root, d_phi = found
        held = 0.0
        if self.t is not None:
            held = float(d_gamma @ self.t / (self.t @ self.t))
            if self.of_threshold:
                d_phi = d_phi.copy()
                d_phi[self.k] += held
                held = -held
        by_entries, by_held = self.root.pulled(value, x[p : p + self.m], d_root)
        d_free = pull_dispersion(self.family, free, d_phi)
        if self._holds_dispersion:
            held = float(d_phi[self.k])
        if self.plane is not None:
            t = self.plane[0]
            held = float(d_free[len(d_free) - len(t) :] @ t / (t @ t))
        if self.parameter.block in ("sd", "corr"):
            held = by_held
        gradient = np.concatenate([self.N.T @ d_gamma, by_entries, self._left(d_free)])
        return -2.0 * likelihood, -2.0 * gradient, -2.0 * held

    def estimates(self, value: float, x: Floats) -> Estimates:
        """All parameters."""
        posed = self._point(value, x)
        q, p = self.criterion.q, self.criterion.p
        if posed is None:
            missing = np.full(len(self.family.dispersion), np.nan)
            return Estimates(np.full(p, np.nan), Theta.of(np.full((q, q), np.nan), 1.0), missing)
        point = posed[0]
        gamma = self.basis.gamma(point.gamma)
        phi = point.phi - gamma[self.intercept] if self.thresholds else point.phi
        return Estimates(gamma, Theta.of(self.basis.root(point.root), np.ones(())), phi)


def _plane_of(family: ResponseFamily, k: int) -> tuple[Floats, Floats] | None:
    """t (c,) and N (c, c − 1) of a held coefficient φ_k of c columns beside η; else None."""
    if k < 0 or family.turned is None or k < len(family.dispersion) - len(family.turned):
        return None
    t = family.turned[k - len(family.dispersion)]
    return t, null_space(t[None, :])
