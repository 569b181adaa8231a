"""The posterior of a family's model as a fit."""

from __future__ import annotations

from dataclasses import replace

from hierbayes.design.problem import Problem
from hierbayes.errors import EstimationError
from hierbayes.estimation.family_draws import FamilyDraws
from hierbayes.estimation.family_inputs import family_density_beside
from hierbayes.estimation.family_posterior import sample_family
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.evidence import Sampling
from hierbayes.fit.of_family.maximised import maximise_family
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.laplace import Mode
from hierbayes.priors.far_origin import refuse_far_origin
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.propriety import refuse_improper


def sample_family_posterior(
    problem: Problem, priors: PriorSet, settings: SamplerSettings
) -> FamilyPosteriorFit:
    """The posterior of a family's model under priors.

    Raises
    ------
    PriorError
        When no sampler can work with these priors, see `refuse_far_origin`, or their
        posterior is improper, see `refuse_improper`.
    EstimationError
        When another sampler is asked for, or no start with a finite density is found.
    """
    if settings.sampler not in ("auto", "nutpie"):
        raise EstimationError(
            f"the sampler '{settings.sampler}' is of Gaussian responses, and the family of this "
            f"model is {problem.family_rows.family}; leave sampler out"
        )
    refuse_far_origin(problem.design, problem.working.basis, priors)
    refuse_improper(problem, priors)
    mode = _mode(problem, priors, settings)
    found = _draws(problem, priors, settings, mode)
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


def _mode(problem: Problem, priors: PriorSet, settings: SamplerSettings) -> Mode:
    """Of the random effects at a maximum, while what is sampled is compiled if need be."""
    if not priors.are_built_in:
        return maximise_family(problem, 1).optimum.mode
    with family_density_beside(progress=settings.progress):
        return maximise_family(problem, 1).optimum.mode


def _draws(
    problem: Problem, priors: PriorSet, settings: SamplerSettings, mode: Mode
) -> FamilyDraws:
    """By the one compiled density, or under a prior made by PyMC from the graph."""
    if priors.are_built_in:
        return sample_family(problem, priors, settings, mode)
    from hierbayes.estimation.family_graph_nuts import sample_family_graph
    from hierbayes.fit.of_family.graph import graph_at_mode

    return sample_family_graph(problem, graph_at_mode(problem, priors, mode), settings)
