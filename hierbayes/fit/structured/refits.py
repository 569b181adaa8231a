"""A maximum with a residual structure, refitted to responses simulated row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.residual_moments import ResidualMoments, residual_moments
from hierbayes.display.steps import steps
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.simulation import drawn_effects, predictor_at
from hierbayes.fit.structured.each_errors import likelihoods_of
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.theta import Theta

_GAMMA_AND_U = 14  # stream of random numbers


def drawn_rows(fit: Fitted, generator: np.random.Generator) -> Floats:
    """A response (n,) of new groups and new errors, from the estimates of a Gaussian maximum."""
    u = drawn_effects(fit, (0, 0), generator)
    return fit.draw_response(generator, predictor_at(fit, (0, 0), u), (0, 0))


def with_response(problem: Problem, y: Floats) -> tuple[Problem, ResidualMoments]:
    """The problem of a residual structure with another response (n,), in the same basis."""
    assert problem.moments is not None
    problem.refuse_fitted_variances("refitting new responses")
    design = problem.design.with_rows(response=y - problem.design.rows.offset)
    moments = residual_moments(problem.moments.rows, design, problem.moments.basis)
    return replace(problem, design=design, moments=moments, z=None), moments


def draws_with_theta(
    fit: Fitted, reading: Reading, refits: int, draws: int, seed: int
) -> ParameterDraws:
    """γ and u given each of θ and z of parametric bootstraps, and the data.

    Parameters
    ----------
    fit : Fitted
        A maximum with a residual structure.
    reading : Reading
        The likelihood that is maximised.
    refits, draws, seed : int
        How many bootstraps; M draws, as many of each.
    """
    generator, found = np.random.default_rng(seed), []
    with steps(refits, "refits", progress=True) as shown:
        for _ in shown:
            _, moments = with_response(fit.problem, drawn_rows(fit, generator))
            found.append(maximise_residual(moments, fit.design.blocks, reading).best)
    cycled = np.arange(draws) * refits // draws
    theta = Theta.of(
        np.stack([at.optimum.theta.root for at in found])[cycled],
        np.array([float(at.optimum.theta.sigma) for at in found])[cycled],
    )
    z = np.stack([at.z for at in found])[cycled]
    rng, design = np.random.default_rng([seed, _GAMMA_AND_U]), fit.design
    gamma = rng.standard_normal((draws, len(design.terms)))
    us = tuple(
        np.empty((draws, factor.J, span.stop - span.start))
        for factor, span in zip(design.factors, design.spans, strict=True)
    )
    for at, likelihood in likelihoods_of(fit.problem, z[None]):
        gamma[at] = likelihood.draw_gamma(theta.at(at), gamma[at])
        for u, own in zip(us, likelihood.draw_us(theta.at(at), gamma[at], rng), strict=True):
            u[at] = own
    source = f"θ of {refits} parametric bootstraps, γ and u given each and the data"
    phi = np.concatenate([theta.sigma[:, None], z], axis=1)
    return ParameterDraws(gamma, us, theta.root, phi, (1, draws), seed, source)
