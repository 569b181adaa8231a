"""A problem with a new response, simulated from a truth on the same rows.

Only what the products have of y is made anew: those of X and Z stay, and with one grouping factor
not even a row is simulated (`hierbayes.fit.resampling.simulation`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.design.residual_blocks import correlated
from hierbayes.fit.resampling.responses import ResponseSums, responses_at, sums_of
from hierbayes.fit.resampling.simulation import simulator
from hierbayes.fit.structured.refits import with_response as with_errors_as_of
from hierbayes.frames.arrays import Floats
from hierbayes.inference.bootstraps.family_refits import with_response
from hierbayes.studies.calibration.truths import Truth


@dataclass(frozen=True, slots=True, eq=False)
class Replication:
    """A simulated data set.

    Parameters
    ----------
    problem : Problem
        Of a Gaussian response without rows of y: its products have it.
    us : tuple of (J_k, q_k) float
        The random effects it was made from.
    """

    problem: Problem
    us: tuple[Floats, ...]


@dataclass(frozen=True, eq=False)
class DataSource:
    """Makes data sets on the rows of a problem."""

    problem: Problem

    def draw(self, truth: Truth, rng: np.random.Generator) -> Replication:
        """A data set from a truth."""
        if self.problem.family is not None:
            return self._of_family(truth, rng)
        if self.problem.moments is not None:
            return self._of_structure(truth, rng)
        if len(self.problem.design.factors) > 1:
            return self._of_rows(truth, rng)
        cross = self.problem.holding_sigma.cross
        root, sigma = truth.theta.internal(cross.basis)
        gamma = cross.basis.gamma_internal(truth.gamma)
        drawn, u = simulator(cross, gamma, root, float(sigma)).draw_with_effects(rng)
        return Replication(Problem(self._without_y, drawn), (cross.basis.u(u),))

    @cached_property
    def _without_y(self) -> Design:
        design = self.problem.design
        return design.with_rows(response=np.full(design.n, np.nan))

    @cached_property
    def _sums(self) -> ResponseSums:
        return sums_of(self.problem)

    def _of_rows(self, truth: Truth, rng: np.random.Generator) -> Replication:
        design = self.problem.design
        sigma = float(truth.theta.sigma)
        drawn = responses_at(design, truth.gamma, truth.theta.root, sigma)
        y, us = drawn.draw_with_effects(rng)
        problem = Problem(design.with_rows(response=y), self._sums.of(y))
        return Replication(problem, us)

    def _of_structure(self, truth: Truth, rng: np.random.Generator) -> Replication:
        """Errors as of the parameters that stand behind σ."""
        problem, design = self.problem, self.problem.design
        assert problem.moments is not None
        drawn = responses_at(design, truth.gamma, truth.theta.root, 0.0)
        y, us = drawn.draw_with_effects(rng)
        errors = correlated(problem.moments.rows, truth.phi[1:], rng.standard_normal(design.n))
        y = y + truth.phi[0] * errors * design.rows.row_sd + design.rows.offset
        return Replication(with_errors_as_of(problem, y)[0], us)

    def _of_family(self, truth: Truth, rng: np.random.Generator) -> Replication:
        design, rows = self.problem.design, self.problem.family_rows
        eta, us = design.rows.X @ truth.gamma + design.rows.offset, []
        for factor, codes, span in zip(design.factors, design.rows.codes_of, design.spans,
                                       strict=True):  # fmt: skip
            root = truth.theta.root[span, span]
            u = rng.standard_normal((factor.J, root.shape[1])) @ root.T
            eta = eta + (design.rows.Z[:, span] * u[codes]).sum(axis=1)
            us.append(u)
        y = rows.as_observed(rows.family.draw(rng, rows.m, eta, truth.phi))
        return Replication(replace(with_response(self.problem, y)), tuple(us))
