"""Likelihood ratios of responses simulated from the smaller of two nested models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hierbayes.display.steps import steps
from hierbayes.estimation.optimum_of import optimum_of
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.resampling.responses import responses_of, sums_of
from hierbayes.frames.arrays import Floats
from hierbayes.inference.accepted_fits import reading_of
from hierbayes.inference.bootstraps.family_refits import drawn_response, refitted
from hierbayes.inference.bootstraps.structured_refits import drawn_rows, refitted_to
from hierbayes.inference.model_choice.nesting import Nesting
from hierbayes.likelihood.conditional import log_jacobian


def simulated_ratios(
    nesting: Nesting, simulations: int, seed: int | None, *, progress: bool
) -> Floats:
    """Likelihood ratios of responses simulated from the smaller model (simulations,)."""
    if not simulations:
        return np.empty(0)
    generator, draw = np.random.default_rng(seed), _null_draws(nesting)
    found = []
    with steps(simulations, "simulations", progress=progress) as shown:
        for _ in shown:
            larger, smaller = draw(generator)
            found.append(max(2.0 * (larger - smaller), 0.0))
    return np.array(found)


type _Draw = Callable[[np.random.Generator], tuple[float, float]]


def _null_draws(nesting: Nesting) -> _Draw:
    """Draws the maxima of the larger and of the smaller model for one simulated response."""
    fits = (nesting.big, nesting.small)
    if isinstance(nesting.big, FamilyPointFit) and isinstance(nesting.small, FamilyPointFit):
        return _draws_of_family(nesting.big, nesting.small)
    if any(fit.problem.moments is not None for fit in fits):
        return _draws_with_errors(nesting)
    if any(len(fit.design.factors) > 1 for fit in fits):
        return _draws_on_rows(nesting)
    simulate, reading = nesting.null_simulator(), reading_of(nesting.big)
    big, small = (fit.design for fit in fits)

    def draw(generator: np.random.Generator) -> tuple[float, float]:
        cross = simulate.draw(generator)
        larger = optimum_of(big, cross, reading).value
        return larger, optimum_of(small, nesting.smaller(cross), reading).value

    return draw


def _draws_of_family(big: FamilyPointFit, small: FamilyPointFit) -> _Draw:
    """The same of a family, by the approximation of the fits."""

    def draw(generator: np.random.Generator) -> tuple[float, float]:
        y = drawn_response(small, generator)
        return refitted(big, y).loglik, refitted(small, y).loglik

    return draw


def _draws_with_errors(nesting: Nesting) -> _Draw:
    """The same where errors of a model have a structure."""
    big, small = nesting.big, nesting.small

    def draw(generator: np.random.Generator) -> tuple[float, float]:
        y = drawn_rows(small, generator)
        return refitted_to(big, y).loglik, refitted_to(small, y).loglik

    return draw


def _draws_on_rows(nesting: Nesting) -> _Draw:
    """The same where a model has several grouping factors, each summed up in a basis of its own."""
    fits, simulate = (nesting.big, nesting.small), responses_of(nesting.small)
    sums, reading = [sums_of(fit.problem) for fit in fits], reading_of(nesting.big)

    def draw(generator: np.random.Generator) -> tuple[float, float]:
        y = simulate.draw(generator)
        larger, smaller = (
            optimum_of(fit.design, cross, reading).value
            + log_jacobian(reading, cross.basis, cross.n)
            for fit, cross in zip(fits, (one.of(y) for one in sums), strict=True)
        )
        return larger, smaller

    return draw
