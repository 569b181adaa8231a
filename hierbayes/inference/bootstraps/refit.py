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
from hierbayes.inference.profiles.held import Theta
from hierbayes.likelihood.collapsed import reduce_groups, solve_gamma
from hierbayes.likelihood.conditional import flat_prior


def simulator_of(fit: PointFit) -> Simulator:
    """Simulates responses from the estimates of a fit."""
    cross, sigma = fit.problem.cross, fit.internal_sigma
    return simulator(cross, cross.basis.gamma_internal(fit.gamma), fit.lam * sigma, sigma)


def theta_at(optimum: Optimum, cross: CrossProducts) -> Theta:
    """The parameters of an optimum in the user's units."""
    p, basis = len(cross.C) - 1, cross.basis
    _, S, _ = reduce_groups(optimum.root, cross.A, cross.B, cross.C)
    gamma, _, _ = solve_gamma(S, 1.0, np.zeros((p, p)), np.zeros(p))
    L = basis.root(optimum.root * optimum.sigma)
    return Theta(basis.gamma(gamma), L, optimum.sigma * basis.scale)


def fit_at(optimum: Optimum, fit: PointFit, cross: CrossProducts) -> PointFit:
    """The fit of a simulated response; its rows were never made and are missing."""
    design = fit.design.with_rows(y=np.full(fit.design.n, np.nan))
    problem = Problem(design, cross)
    theta = theta_at(optimum, cross)
    return PointFit(
        problem=problem,
        root=cross.basis.root(optimum.root * optimum.sigma)[None, None],
        sigma_draws=np.array([[theta.sigma]]),
        gamma_draws=theta.gamma[None, None],
        gamma_prior=flat_prior(len(theta.gamma)),
        priors=None,
        evidence=maximum_of(optimum, problem),
    )


def without_rows(fit: PointFit) -> PointFit:
    """The same fit as if its response were known by its cross-products only."""
    design = fit.design.with_rows(y=np.full(fit.design.n, np.nan))
    return replace(fit, problem=replace(fit.problem, design=design))
