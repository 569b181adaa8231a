"""Models refitted to responses simulated row by row, errors with their structure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.residual_moments import residual_moments
from hierbayes.estimation.reml import maximise
from hierbayes.fit.evidence import READINGS
from hierbayes.fit.point import PointFit
from hierbayes.fit.predictions.simulation import drawn_effects, predictor_at
from hierbayes.fit.resampling.responses import sums_of
from hierbayes.fit.structured.maximised import structured_maximum
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.bootstraps.refit import Refit, fit_at
from hierbayes.inference.profiles.parameter import estimates_of


def structured_refits(fit: StructuredPointFit, generator: np.random.Generator) -> Iterator[Refit]:
    """Refits without end, each to a response of new groups, by the criterion of the fit."""
    while True:
        refit = refitted_to(fit, drawn_rows(fit, generator))
        yield Refit(estimates_of(refit), refit, refit.singular)


def drawn_rows(fit: PointFit, generator: np.random.Generator) -> Floats:
    """A response (n,) of new groups and new errors, from the estimates of a Gaussian fit."""
    u = drawn_effects(fit, (0, 0), generator)
    return fit.draw_response(generator, predictor_at(fit, (0, 0), u), (0, 0))


def refitted_to(fit: PointFit, y: Floats) -> PointFit:
    """The model of a Gaussian fit, by the same criterion, with another response (n,)."""
    reading = READINGS[fit.engine]
    problem = _with_response(fit.problem, y - fit.design.rows.offset)
    if problem.moments is not None:
        return structured_maximum(problem, problem.moments, reading)
    cross = sums_of(fit.problem).of(y)
    return fit_at(maximise(cross, fit.design.blocks, reading), fit, cross)


def _with_response(problem: Problem, response: Floats) -> Problem:
    """The problem with another response (n,) less offsets, in the same basis."""
    if problem.moments is None:
        return problem
    design = problem.design.with_rows(response=response)
    moments = residual_moments(problem.moments.rows, design, problem.moments.basis)
    return replace(problem, design=design, moments=moments, z=None)
