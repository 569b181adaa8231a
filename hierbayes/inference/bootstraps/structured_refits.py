"""Models refitted to responses simulated row by row, errors with their structure."""

from __future__ import annotations

import numpy as np

from hierbayes.estimation.optimum_of import optimum_of
from hierbayes.fit.evidence import READINGS
from hierbayes.fit.point import PointFit
from hierbayes.fit.resampling.responses import sums_of
from hierbayes.fit.structured.maximised import structured_maximum
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.fit.structured.refits import drawn_rows, with_response
from hierbayes.frames.arrays import Floats
from hierbayes.inference.bootstraps.refit import Refit, fit_at
from hierbayes.inference.profiles.parameter import estimates_of


def structured_refit(fit: StructuredPointFit, generator: np.random.Generator) -> Refit:
    """A refit to a response of new groups, by the criterion of the fit."""
    refit = refitted_to(fit, drawn_rows(fit, generator))
    return Refit(estimates_of(refit), refit, refit.singular)


def refitted_to(fit: PointFit, y: Floats) -> PointFit:
    """The model of a Gaussian fit, by the same criterion, with another response (n,)."""
    reading = READINGS[fit.engine]
    if fit.problem.moments is not None:
        return structured_maximum(*with_response(fit.problem, y), reading)
    cross = sums_of(fit.problem).of(y)
    return fit_at(optimum_of(fit.design, cross, reading), fit, cross)
