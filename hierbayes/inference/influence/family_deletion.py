"""The maximum of a family's likelihood without a group, or without a row.

The rows of a group leave; u of the others, and every column, stay as they are.  The estimates
without it are first those of one Newton step from the estimates with it,

    x − H₍ⱼ₎⁻¹ g₍ⱼ₎,

g and H being those of the likelihood of the other rows at the estimates with all, and then those of
that likelihood maximised.  Without a single row H is that with all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.blocks import free_entries
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_polish import ascent_step, newton_step, refine
from hierbayes.estimation.latent_problem import curvature_of
from hierbayes.fit.of_family.evidence import is_singular
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.of_family.response import dispersion_at_point
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.influence.family_cases import Cases
from hierbayes.inference.profiles.parameter import Estimates
from hierbayes.likelihood.laplace import LatentPoint
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.theta import Theta

_OWN = 1e-11  # smallest eigenvalue of the scaled X'X that is not 0
_LEAST = 0.05  # a pivot of the root where a search begins


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Estimates without a group.

    Parameters
    ----------
    x : (k,) float
        Coordinates of the search; missing where the group cannot be left out.
    cov : (p, p) float
        Covariance of γ.
    reason : str
        Why it cannot.
    """

    x: Floats
    cov: Floats
    reason: str = ""


class Deletion:
    """Leaves out cases of a fit.

    Parameters
    ----------
    fit : FamilyPointFit
    cases : Cases
    """

    def __init__(self, fit: FamilyPointFit, cases: Cases) -> None:
        self.fit, self.cases, self.rows = fit, cases, cases.rows
        self.lower = free_entries(fit.design.blocks)
        self.whole = self._criterion(self.rows)
        self.x = self.whole.coordinates(fit.optimum.mode.point)
        size = np.abs(np.diag(fit.optimum.hessian))
        self.scale = np.clip(1.0 / np.sqrt(np.maximum(size, 1e-8)), 1e-3, 1.0)

    def _criterion(self, rows: LatentRows) -> LatentCriterion:
        found = curvature_of(self.fit.problem, rows)
        return LatentCriterion(rows, self.lower, found, self.fit.evidence.nodes)

    def without(self, j: int, *, anew: bool) -> LeftOut:
        """The estimates without case j: of one step, or maximised anew."""
        rows = _only(self.rows, self.cases.kept(j))
        reason = self._why_not(rows)
        p = self.whole.p
        if reason:
            return LeftOut(np.full(len(self.x), np.nan), np.full((p, p), np.nan), reason)
        criterion = self._criterion(rows)
        if anew:
            x, hessian = refine(criterion, self._off_zero(self.x), self.scale)
        elif self.cases.are_rows:
            hessian = self.fit.optimum.hessian
            x = self.x + ascent_step(hessian, criterion(self.x)[1], self.scale)
        else:
            x, hessian = newton_step(criterion, self.x, self.scale)
        return LeftOut(x, self._covariance(hessian))

    def _off_zero(self, x: Floats) -> Floats:
        """A pivot at 0 would not see that it should grow."""
        p, (rows, columns) = self.whole.p, self.lower
        moved = x.copy()
        for place in np.flatnonzero(rows == columns) + p:
            if abs(moved[place]) < _LEAST:
                moved[place] = _LEAST
        return moved

    def _why_not(self, rows: LatentRows) -> str:
        sizes = rows.m if rows.m.ndim == 1 else rows.m[:, 0]  # without columns of zeros
        if not len(rows.y) or np.ptp(rows.y / np.maximum(sizes, 1.0)) == 0.0:
            return "all other responses are alike"
        size = np.sqrt((rows.X**2).sum(axis=0))
        scaled = rows.X / np.maximum(size, 1e-300)
        if len(size) == 0:
            return ""
        if size.min() == 0.0 or np.linalg.eigvalsh(scaled.T @ scaled)[0] < _OWN:
            return "the others do not tell the fixed coefficients apart"
        return ""

    def _covariance(self, hessian: Floats) -> Floats:
        """Covariance of γ in the user's units; a pivot at 0 is held."""
        p = self.whole.p
        flat = np.abs(np.diag(hessian)) < 1e-8
        inside = np.flatnonzero(~flat)
        inverse = np.linalg.pinv(-hessian[np.ix_(inside, inside)], hermitian=True)
        cov = np.zeros_like(hessian)
        cov[np.ix_(inside, inside)] = inverse
        return np.asarray(self.fit.scale @ cov[:p, :p] @ self.fit.scale.T)

    def is_singular(self, left: LeftOut) -> bool:
        """Whether G without the group is singular."""
        return not left.reason and is_singular(self.whole.point(left.x).root)

    def estimates(self, x: Floats) -> Estimates:
        """All parameters at coordinates."""
        point: LatentPoint = self.whole.point(x)
        basis = self.fit.problem.working.basis
        gamma = basis.gamma(point.gamma)
        phi = dispersion_at_point(self.fit, gamma, point.phi)
        return Estimates(gamma, Theta.of(basis.root(point.root), np.ones(())), phi)


def _only(rows: LatentRows, kept: Integers) -> LatentRows:
    """Some of the rows; groups without any keep their place."""
    return replace(
        rows,
        y=rows.y[kept], m=rows.m[kept], offset=rows.offset[kept],
        X=np.ascontiguousarray(rows.X[kept]), Z=np.ascontiguousarray(rows.Z[kept]),
        codes_of=tuple(codes[kept] for codes in rows.codes_of), at=rows.at[kept],
    )  # fmt: skip
