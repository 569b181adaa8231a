"""The posterior of a family's model as a fit."""

from __future__ import annotations

from dataclasses import replace

from hierbayes.design.problem import Problem
from hierbayes.estimation.family_posterior import sample_family
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.of_family.maximised import maximise_family
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.priors.prior_set import PriorSet, refuse_far_origin


def sample_family_posterior(
    problem: Problem, priors: PriorSet, settings: SamplerSettings
) -> FamilyPosteriorFit:
    """The posterior of a family's model under priors.

    Raises
    ------
    PriorError
        When no sampler can work with these priors.
    EstimationError
        When no start with a finite density is found.
    """
    refuse_far_origin(problem.design, problem.working.basis, priors)
    mode = maximise_family(problem, 1).optimum.mode
    found = sample_family(problem, priors, settings, mode)
    drawn = found.drawn
    assert drawn.gamma is not None
    evidence = Sampling(
        drawn.stats, replace(settings, sampler="nutpie"), drawn.seconds, drawn.compile_seconds
    )
    return FamilyPosteriorFit(
        problem=problem,
        theta=drawn.theta,
        gamma_draws=drawn.gamma,
        gamma_prior=flat_prior(len(problem.design.terms)),
        priors=priors,
        evidence=evidence,
        phi=found.phi,
        u_sampled=found.us,
    )
