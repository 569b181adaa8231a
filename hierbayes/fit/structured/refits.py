"""A maximum with a residual structure, refitted to responses simulated row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.residual_moments import ResidualMoments, residual_moments
from hierbayes.display.steps import steps
from hierbayes.estimation.residual_maximum import maximise_residual
from hierbayes.fit.fitted import Fitted
from hierbayes.fit.predictions.gaussian_draws import draws_given_theta
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.simulation import drawn_effects, predictor_at
from hierbayes.fit.structured.each_errors import likelihoods_of
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.theta import Theta


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


def draws_of_bootstraps(
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
    source = f"θ of {refits} parametric bootstraps, γ and u given each and the data"
    return draws_given_theta(likelihoods_of(fit.problem, z[None]), theta, seed, source, z)
