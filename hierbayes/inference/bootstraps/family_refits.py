"""Models of families refitted to responses simulated row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.fit.of_family.maximised import maximise_family
from hierbayes.fit.of_family.natural import FLAT
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.predictions.simulation import drawn_effects, predictor_at
from hierbayes.frames.arrays import Floats
from hierbayes.inference.bootstraps.refit import Refit
from hierbayes.inference.profiles.parameter import estimates_of
from hierbayes.likelihood.laplace import LatentPoint

_LEAST = 0.1  # a pivot of the root where a search begins: at 0 it would not see that it should grow


def family_refit(fit: FamilyPointFit, generator: np.random.Generator) -> Refit:
    """A refit to a response of new groups."""
    refit = refitted(fit, drawn_response(fit, generator))
    flat = refit.optimum.certificate.curvature < FLAT
    return Refit(estimates_of(refit), refit, refit.singular, flat)


def drawn_response(fit: FamilyPointFit, generator: np.random.Generator) -> Floats:
    """A response (n,) of new groups, from the estimates of a fit."""
    u = drawn_effects(fit, (0, 0), generator)
    return fit.draw_response(generator, predictor_at(fit, (0, 0), u), (0, 0))


def refitted(fit: FamilyPointFit, y: Floats) -> FamilyPointFit:
    """The model of a fit, by the same approximation, with another response (n,)."""
    near = _off_zero(fit.optimum.mode.point)
    return maximise_family(with_response(fit.problem, y), fit.evidence.nodes, near)


def with_response(problem: Problem, y: Floats) -> Problem:
    """The problem with other responses (n,), as its family counts them, in the same basis."""
    design, rows = problem.design, problem.family_rows
    return replace(problem, design=design.with_rows(family=rows.with_observed(y)))


def _off_zero(point: LatentPoint) -> LatentPoint:
    root = point.root.copy()
    pivots = np.diagonal(root)
    np.fill_diagonal(root, np.where(np.abs(pivots) < _LEAST, _LEAST, pivots))
    return replace(point, root=root)
