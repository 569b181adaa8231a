r"""Draws of the parameters of a residual structure from their priors, as coordinates.

A parameter with a prior of its own rises or falls with its own coordinate, which is found by
halving; that of a correlation over a gap, which is uniform, is known.  Those that are told
together, as correlations of occasions, have partial correlations tanh z with densities
(1 − tanh²z)^a: (1 + tanh z)/2 ~ Beta(a + 1, a + 1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hierbayes.design.residual_rows import ResidualRows
from hierbayes.errors import PriorError
from hierbayes.frames.arrays import Floats
from hierbayes.priors.correlation_families import LKJ
from hierbayes.priors.error_density import power_of
from hierbayes.priors.families import Prior, Uniform
from hierbayes.residuals.bound_values import Parameter

_FURTHEST = 40.0  # a coordinate, at which correlations and shares are 0 or 1 in all digits
_HALVINGS = 70
_ROUNDS = 200  # of draws, until enough of them lie within the limits of a parameter


def draw_coordinates(
    rows: ResidualRows,
    priors: tuple[Prior, ...],
    draw: Callable[[str, Prior, int], Floats],
    generator: np.random.Generator,
    draws: int,
) -> Floats:
    """Coordinates z (draws, k) of draws of the parameters.

    Parameters
    ----------
    rows : ResidualRows
    priors : tuple of Prior
        One for each parameter (k,).
    draw : function
        ``draw(name, prior, round)``: draws of a prior, others in each round.
    generator : numpy Generator
        For those that are told together.
    draws : int

    Raises
    ------
    PriorError
        When next to nothing of a prior lies within the limits of its parameter.
    """
    z = np.zeros((draws, len(rows.parameters)))
    for i, (parameter, prior) in enumerate(zip(rows.parameters, priors, strict=True)):
        if parameter.together:
            more = prior.eta if isinstance(prior, LKJ) else 1.0
            a = parameter.power + more
            z[:, i] = np.arctanh(2.0 * generator.beta(a, a, draws) - 1.0)
        elif (of := power_of(prior, parameter)) is not None:
            decay, gap = of
            drawn = _within(parameter, Uniform(decay.low, 1.0), draw, draws)
            z[:, i] = decay.coordinate(drawn, gap)
        else:
            z[:, i] = coordinate_of(rows, i, _within(parameter, prior, draw, draws))
    return z


def _within(
    parameter: Parameter, prior: Prior, draw: Callable[[str, Prior, int], Floats], draws: int
) -> Floats:
    """Draws (draws,) of a prior that is cut at the limits of its parameter."""
    low, high = parameter.support
    found: Floats = np.empty(0)
    for k in range(_ROUNDS):
        values = draw(parameter.name, prior, k)
        found = np.concatenate([found, values[(values > low) & (values < high)]])
        if len(found) >= draws:
            return found[:draws]
    raise PriorError(
        f"next to nothing of the prior {prior} of 'residual' for '{parameter.name}' lies between "
        f"{low:.4g} and {high:.4g}, where {parameter.name} is; state another"
    )


def coordinate_of(rows: ResidualRows, i: int, values: Floats) -> Floats:
    """The coordinate i (draws,) at which parameter i, which it tells alone, has these values."""
    z = np.zeros((len(values), len(rows.parameters)))

    def at(coordinate: Floats) -> Floats:
        z[:, i] = coordinate
        return np.asarray(rows.natural(z)[:, i])

    low, high = np.full(len(values), -_FURTHEST), np.full(len(values), _FURTHEST)
    rises = at(high) > at(low)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = (at(middle) < values) == rises
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)
