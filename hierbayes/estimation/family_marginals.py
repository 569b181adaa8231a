r"""The likelihood of a family's responses at draws of γ, G and φ, u integrated out.

Of one grouping factor it is that of each group, by adaptive quadrature,

    log p(y_j | γ, G, φ) = log ∫ p(y_j | γ, u_j, φ) N(u_j; 0, G) du_j;

of several that of all rows by Laplace's approximation, or that of each level of one of them given
the effects of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.latent_problem import curvature_of, latent_rows
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.curvature import GroupCurvature
from hierbayes.likelihood.laplace import CurvatureOf, LatentPoint, Mode, find_mode, laplace_value
from hierbayes.likelihood.latent_rows import LatentRows
from hierbayes.likelihood.quadrature import by_level, gauss_hermite
from hierbayes.likelihood.theta import Theta

_NODES = {1: 7, 2: 3}  # of each effect, by their number; one, which is Laplace's, of more


@dataclass(frozen=True, slots=True, eq=False)
class FamilyPoints:
    """Draws of everything in a family's model.

    Parameters
    ----------
    problem : Problem
    theta : Theta
        With one leading axis (M,).
    gamma : (M, p) float
    phi : (M, d) float
        As η is computed.
    us : tuple of (M, J_k, q_k) float
    """

    problem: Problem
    theta: Theta
    gamma: Floats
    phi: Floats
    us: tuple[Floats, ...]

    def log_likelihoods(self) -> Floats:
        """Log p(y | γ, G, φ) (M,), but for a constant; missing where it has no approximation."""
        if len(self.problem.design.factors) == 1:
            return self.by_level(0).sum(axis=1)
        rows = latent_rows(self.problem)
        modes = self._modes(rows, curvature_of(self.problem, rows))
        return np.array([np.nan if mode is None else laplace_value(mode) for mode in modes])

    def by_level(self, k: int) -> Floats:
        """Log p(y_j | γ, G, φ), of several factors given the others' effects: (M, J_k)."""
        rows = latent_rows(self.problem)
        span = rows.spans[k]
        width = span.stop - span.start
        alone = replace(
            rows,
            Z=np.ascontiguousarray(rows.Z[:, span]),
            codes_of=(rows.codes_of[k],),
            levels=(rows.levels[k],),
            spans=(slice(0, width),),
        )
        nodes = gauss_hermite(_NODES.get(width, 1), width)
        found = np.full((len(self.gamma), rows.levels[k]), np.nan)
        for m, mode in enumerate(self._modes(alone, GroupCurvature, k)):
            if mode is not None:
                found[m] = by_level(mode, nodes)
        return found

    def constants_by_level(self, k: int) -> Floats:
        """What `by_level` leaves out (J_k,): what depends on the responses alone."""
        rows, seen = latent_rows(self.problem), self.problem.family_rows
        codes, J = self.problem.design.rows.codes_of[k], rows.levels[k]
        basis = self.problem.working.basis
        origin = basis.where_internal_is_zero(rows.X / basis.scale)
        times = rows.offset - origin - seen.offset[rows.at]  # log of how many rows one stands for
        found = np.bincount(codes, seen.family.log_constants(seen.y, seen.m), J)
        return np.asarray(found - np.bincount(codes[rows.at], rows.y * times, J))

    def _modes(
        self, rows: LatentRows, curvature_of: CurvatureOf, k: int | None = None
    ) -> Iterator[Mode | None]:
        """The mode of the random effects of each draw; of factor k alone the others are given."""
        basis = self.problem.working.basis
        gammas, roots = basis.gamma_internal(self.gamma), basis.root_internal(self.theta.root)
        span = slice(None) if k is None else self.problem.design.spans[k]
        start = np.zeros(rows.effects)
        for m, (gamma, root) in enumerate(zip(gammas, roots, strict=True)):
            at = rows
            if k is not None and len(self.us) > 1:
                at = replace(rows, offset=rows.offset + self._others(m, k, rows))
            point = LatentPoint(gamma, root[span, span], self.phi[m])
            mode = find_mode(at, point, start, curvature_of)
            start = start if mode is None else mode.b
            yield mode

    def _others(self, m: int, k: int, rows: LatentRows) -> Floats:
        """What the effects of the other factors add to η (n,) in draw m."""
        design, kinds = self.problem.design, self.problem.design.rows.kinds
        total = np.zeros(rows.n)
        for other, (span, u) in enumerate(zip(design.spans, self.us, strict=True)):
            if other != k:
                codes = kinds.codes_of[other][rows.at]
                total += (kinds.Z[rows.at, span] * u[m, codes]).sum(axis=1)
        return total
