"""Maxima as fits: REML, ML and the mode of the marginal posterior."""

from __future__ import annotations

from hierbayes.design.problem import Problem
from hierbayes.errors import PriorError
from hierbayes.estimation.mode import marginal_mode
from hierbayes.estimation.reml import maximise
from hierbayes.fit.evidence import Maximum, count_variances, maximum_of
from hierbayes.fit.known_errors import known_errors_maximum
from hierbayes.fit.point import PointFit
from hierbayes.fit.structured.maximised import structured_maximum
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.reading import Reading
from hierbayes.priors.far_origin import refuse_far_origin
from hierbayes.priors.prior_set import HELD_LOG_DENSITY, PriorSet


def maximum_likelihood(problem: Problem, reading: Reading) -> PointFit:
    """The exact maximum of the likelihood, boundary included.

    Parameters
    ----------
    problem : Problem
    reading : Reading
        ``REML`` or ``ML``.
    """
    if problem.design.specification.known_sd:
        return known_errors_maximum(problem, reading)
    if problem.moments is not None:
        return structured_maximum(problem, problem.moments, reading)
    design, cross = problem.design, problem.products
    optimum = maximise(cross, design.blocks, reading)
    return PointFit(
        problem=problem,
        theta=optimum.theta[None, None],
        gamma_draws=optimum.gamma[None, None],
        gamma_prior=flat_prior(len(design.terms)),
        priors=None,
        evidence=maximum_of(optimum, problem),
    )


def posterior_mode(problem: Problem, priors: PriorSet) -> PointFit:
    """The mode of the marginal posterior density of (sd, corr, σ), u integrated out.

    Raises
    ------
    PriorError
        When no search can work with these priors, see `refuse_far_origin`, or the prior
        is on R².
    EstimationError
        When the density has no finite value near the REML estimate.
    """
    design, cross = problem.design, problem.products
    if priors.explains_gamma:
        raise PriorError(
            "the prior of 'r2' has no density in (sd, corr, σ) that could be maximised, only "
            "one with latent shares of the variance; use sample()"
        )
    refuse_far_origin(design, cross.basis, priors)
    mode = marginal_mode(problem, priors)
    prior = priors.normal_gamma(cross) if priors.collapses_gamma else flat_prior(len(design.terms))
    of_known = HELD_LOG_DENSITY if priors.holds_sigma else 0.0
    evidence = Maximum(
        name="MAP",
        value=mode.value - problem.half_log_det - of_known,
        n_parameters=len(design.terms) + count_variances(problem),
        n_penalty=cross.n,
        gradient=mode.gradient,
        ascent=0.0,
        singular=mode.singular,
        evaluations=mode.evaluations,
    )
    return PointFit(
        problem=problem,
        theta=mode.theta[None, None],
        gamma_draws=mode.gamma[None, None],
        gamma_prior=prior,
        priors=priors,
        evidence=evidence,
    )
