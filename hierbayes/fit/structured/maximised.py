"""REML, ML and the mode of the posterior with a residual structure, as a fit."""

from __future__ import annotations

from dataclasses import replace

from hierbayes.design.problem import Problem
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.estimation.residual_mode import structured_mode
from hierbayes.fit.evidence import Maximum, count_variances, maximum_of
from hierbayes.fit.structured.fitted_variances import settled
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.reading import Reading
from hierbayes.priors.far_origin import refuse_far_origin
from hierbayes.priors.prior_set import PriorSet


def structured_maximum(
    problem: Problem, moments: ResidualMoments, reading: Reading
) -> StructuredPointFit:
    """The maximum of the likelihood over G, σ and the parameters of a residual structure.

    Parameters
    ----------
    problem : Problem
    moments : ResidualMoments
        Its own.
    reading : Reading
        ``REML`` or ``ML``.

    Raises
    ------
    EstimationError
        When there is none, or fitted values that variances follow do not settle.
    """
    if moments.rows.structure.follows_fitted:
        return settled(problem, lambda one: _maximum(one, reading))
    one = problem if problem.moments is moments else replace(problem, moments=moments)
    return _maximum(one, reading)


def _maximum(problem: Problem, reading: Reading) -> StructuredPointFit:
    """The maximum at given variances, or fitted values that they follow."""
    moments = problem.moments
    assert moments is not None
    errors = maximise_residual(moments, problem.design.blocks, reading)
    best, of_weights = errors.best, problem.design.rows.log_root_weights
    weighted, optimum = problem.weighted(best.z, best.products), best.optimum
    return StructuredPointFit(
        problem=weighted,
        theta=optimum.theta[None, None],
        gamma_draws=optimum.gamma[None, None],
        gamma_prior=flat_prior(len(problem.design.terms)),
        priors=None,
        evidence=maximum_of(optimum, weighted, optimum.value - best.value - of_weights),
        errors=errors,
    )


def structured_posterior_mode(problem: Problem, priors: PriorSet) -> StructuredPointFit:
    """The mode of the posterior density of (sd, corr, σ) and of the parameters of the errors.

    Raises
    ------
    PriorError, ResidualError
        When no search can work with these priors.
    EstimationError
        When the density has no finite value near the REML estimate.
    """
    problem.refuse_fitted_variances("map()")
    design = problem.design
    refuse_far_origin(design, problem.products.basis, priors)
    mode = structured_mode(problem, priors)
    best, optimum = mode.errors.best, mode.errors.best.optimum
    weighted = problem.weighted(best.z, best.products)
    return StructuredPointFit(
        problem=weighted,
        theta=optimum.theta[None, None],
        gamma_draws=optimum.gamma[None, None],
        gamma_prior=mode.gamma_prior,
        priors=priors,
        evidence=Maximum(
            name="MAP",
            value=best.value,
            n_parameters=len(design.terms) + count_variances(weighted),
            n_penalty=best.products.n,
            gradient=mode.gradient,
            ascent=0.0,
            singular=optimum.singular,
            evaluations=mode.errors.evaluations,
        ),
        errors=mode.errors,
    )
