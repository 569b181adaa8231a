"""A model refitted to other responses, from cross-products."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.products import Products
from hierbayes.estimation.climb import Optimum
from hierbayes.fit.evidence import maximum_of
from hierbayes.fit.known_errors import known_errors_maximum
from hierbayes.fit.point import PointFit
from hierbayes.inference.profiles.parameter import Estimates, gaussian_estimates
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.of_products import likelihood_of


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """A model refitted to a simulated response.

    Parameters
    ----------
    estimates : Estimates
    fit : PointFit, optional
        Where it was made.
    singular : bool
    unbounded : bool
        Whether the likelihood has no finite maximum.
    """

    estimates: Estimates
    fit: PointFit | None
    singular: bool
    unbounded: bool = False


def estimates_at(optimum: Optimum, cross: Products) -> Estimates:
    """All parameters at an optimum."""
    state = likelihood_of(cross, optimum.reading).at(optimum.theta)
    return gaussian_estimates(state.gamma, optimum.theta)


def fit_at(optimum: Optimum, fit: PointFit, cross: Products) -> PointFit:
    """The fit of a simulated response; its rows were never made and are missing."""
    design = fit.design.with_rows(response=np.full(fit.design.n, np.nan))
    problem = Problem(design, cross)
    if design.specification.known_sd:
        return known_errors_maximum(problem, optimum.reading)
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
    design = fit.design.with_rows(response=np.full(fit.design.n, np.nan))
    return replace(fit, problem=replace(fit.problem, design=design))
