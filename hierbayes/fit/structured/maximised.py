"""REML and ML with a residual structure, as a fit."""

from __future__ import annotations

from dataclasses import replace

from hierbayes.design.problem import Problem
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.fit.evidence import maximum_of
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import Reading


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
    """
    errors = maximise_residual(moments, problem.design.blocks, reading)
    weighted = replace(problem, working=errors.best.products, z=errors.best.z)
    optimum = errors.best.optimum
    gamma = likelihood_of(weighted.products, reading).at(optimum.theta).gamma
    return StructuredPointFit(
        problem=weighted,
        theta=optimum.theta[None, None],
        gamma_draws=gamma[None, None],
        gamma_prior=flat_prior(len(problem.design.terms)),
        priors=None,
        evidence=maximum_of(optimum, weighted),
        errors=errors,
    )
