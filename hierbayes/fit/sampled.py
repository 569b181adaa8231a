"""A posterior as a fit: draws of θ by NUTS, then an exact draw of γ given each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.posterior import sample_theta
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.priors.far_origin import refuse_far_origin
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.propriety import refuse_improper


def sample_posterior(problem: Problem, priors: PriorSet, settings: SamplerSettings) -> PosteriorFit:
    """The posterior of a problem under priors.

    Raises
    ------
    PriorError
        When no sampler can work with these priors, see `refuse_far_origin`, or their
        posterior is improper, see `refuse_improper`.
    EstimationError
        When no start with a finite density is found.
    """
    design, cross = problem.design, problem.products
    refuse_far_origin(design, cross.basis, priors)
    refuse_improper(problem, priors)
    drawn = sample_theta(design, cross, priors, settings)
    evidence = Sampling(
        drawn.stats, as_run(settings, drawn), drawn.seconds, drawn.compile_seconds, drawn.k_hat
    )
    p = len(design.terms)
    empty = np.zeros((*drawn.theta.shape, p))
    fit = PosteriorFit(problem, drawn.theta, empty, flat_prior(p), priors, evidence)
    if drawn.gamma is not None:
        return replace(fit, gamma_draws=drawn.gamma)
    return fit.with_gamma(priors)


def as_run(settings: SamplerSettings, drawn: ThetaDraws) -> SamplerSettings:
    """The settings with the sampler that was used."""
    if drawn.k_hat is not None:
        return replace(settings, sampler="importance")
    return replace(settings, sampler="nutpie") if settings.sampler == "auto" else settings
