"""What a maximum with a residual structure knows of its errors, as arrays and plain numbers.

The likelihood at the maximum and a step beside it in each coordinate is what limits and degrees of
freedom rest on; all but cross-products, which are made again of the rows, is kept to the last
digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.estimation.climb import Optimum
from hierbayes.estimation.residual_optimum import AtCoordinates, ResidualMaximum, known
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import Reading
from hierbayes.likelihood.theta import Theta


def error_arrays(found: ResidualMaximum) -> dict[str, Floats]:
    """Arrays by name: ``z`` (k,) of the maximum, and those of it and of what is beside it."""
    places = _places(found)
    internal = [at.optimum.theta.internal(at.products.basis) for at in places]
    return {
        "z": found.best.z,
        "at_z": np.array([at.z for at in places]),
        "at_root": np.array([at.optimum.theta.root for at in places]),
        "at_sigma": np.array([at.optimum.theta.sigma for at in places]),
        "at_internal_root": np.array([root for root, _ in internal]),
        "at_internal_sigma": np.array([sigma for _, sigma in internal]),
        "at_gamma": np.array([at.optimum.gamma for at in places]),
        "slope": found.slope,
        "information": found.information,
    }


def error_numbers(found: ResidualMaximum) -> tuple[Any, ...]:
    """The step and the count of evaluations, of each place the numbers of its maximum, and more.

    That is by how much ℓ is higher elsewhere, which files of before do not say.
    """
    return (
        found.step,
        found.evaluations,
        tuple(
            (at.value, o.value, o.gradient, o.ascent, o.singular, o.evaluations)
            for at in _places(found)
            for o in (at.optimum,)
        ),
        found.higher,
    )


def _places(found: ResidualMaximum) -> list[AtCoordinates]:
    return [found.best, *(at for pair in found.beside for at in pair)]


def errors_again(
    problem: Problem, reading: Reading, arrays: Mapping[str, Floats], numbers: Sequence[Any]
) -> ResidualMaximum:
    """The same of a problem with a residual structure, from its arrays and numbers."""
    step, evaluations, of_places, *higher = numbers
    best, *beside = [_place(problem, reading, arrays, k, own) for k, own in enumerate(of_places)]
    pairs = tuple(zip(beside[::2], beside[1::2], strict=True))
    around = partial(known, arrays["information"], pairs)
    return ResidualMaximum(best, arrays["slope"], around, step, evaluations, *higher)


def _place(
    problem: Problem, reading: Reading, arrays: Mapping[str, Floats], k: int, own: Sequence[Any]
) -> AtCoordinates:
    assert problem.moments is not None
    z = arrays["at_z"][k]
    products = problem.moments.at(z).products
    theta = Theta.of_both(
        arrays["at_root"][k],
        arrays["at_sigma"][k],
        products.basis,
        (arrays["at_internal_root"][k], arrays["at_internal_sigma"][k]),
    )
    value, *of_maximum = own
    optimum = Optimum(reading, theta, arrays["at_gamma"][k], *of_maximum)
    return AtCoordinates(z, value, optimum, products)
