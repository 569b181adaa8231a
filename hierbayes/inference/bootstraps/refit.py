"""A model refitted to other responses, from cross-products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.problem import Problem
from hierbayes.estimation.reml import Optimum
from hierbayes.fit.evidence import maximum_of
from hierbayes.fit.point import PointFit
from hierbayes.inference.bootstraps.simulation import Simulator, simulator
from hierbayes.inference.profiles.parameter import Estimates
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.gaussian import Likelihood


def simulator_of(fit: PointFit) -> Simulator:
    """Simulates responses from the estimates of a fit."""
    cross = fit.problem.cross
    root, sigma = fit.theta[0, 0].internal(cross.basis)
    return simulator(cross, cross.basis.gamma_internal(fit.gamma), root, float(sigma))


def estimates_at(optimum: Optimum, cross: CrossProducts) -> Estimates:
    """All parameters at an optimum."""
    state = Likelihood(cross, optimum.reading).at(optimum.theta)
    return Estimates(state.gamma, optimum.theta)


def fit_at(optimum: Optimum, fit: PointFit, cross: CrossProducts) -> PointFit:
    """The fit of a simulated response; its rows were never made and are missing."""
    design = fit.design.with_rows(y=np.full(fit.design.n, np.nan))
    problem = Problem(design, cross)
    at = estimates_at(optimum, cross)
    return PointFit(
        problem=problem,
        theta=at.theta[None, None],
        gamma_draws=at.gamma[None, None],
        gamma_prior=flat_prior(len(at.gamma)),
        priors=None,
        evidence=maximum_of(optimum, problem),
    )


def without_rows(fit: PointFit) -> PointFit:
    """The same fit as if its response were known by its cross-products only."""
    design = fit.design.with_rows(y=np.full(fit.design.n, np.nan))
    return replace(fit, problem=replace(fit.problem, design=design))
