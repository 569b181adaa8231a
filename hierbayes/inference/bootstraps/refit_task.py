"""Refits by number, here or by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.errors import InferenceError
from hierbayes.estimation.optimum_of import optimum_of
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.point import PointFit
from hierbayes.fit.resampling.theta_draws import generator_of, simulator_of
from hierbayes.fit.structured.point import StructuredPointFit
from hierbayes.inference.accepted_fits import reading_of
from hierbayes.inference.bootstraps.family_refits import family_refit
from hierbayes.inference.bootstraps.refit import Refit, estimates_at, fit_at
from hierbayes.inference.bootstraps.structured_refits import structured_refit
from hierbayes.inference.profiles.parameter import Parameter, parameter_values

type Statistic = Callable[[PointFit], Any]
type Found = tuple[dict[tuple[str, str], float], bool, bool]


@dataclass(frozen=True, slots=True, eq=False)
class RefitTask:
    """What is done for each refit, whose random numbers follow from its number alone.

    Parameters
    ----------
    fit : PointFit
    parameters : tuple of Parameter
    statistic : callable, optional
    seed : int
    """

    fit: PointFit
    parameters: tuple[Parameter, ...]
    statistic: Statistic | None
    seed: int

    def __call__(self, numbers: Sequence[int]) -> list[Found]:
        """Of each number the parameters, whether G is singular, and whether γ is unbounded."""
        return list(self.done(numbers))

    def done(self, numbers: Sequence[int]) -> Iterator[Found]:
        """The same, one after the other."""
        fit, refit_with = self.fit, _refitter(self.fit, whole=self.statistic is not None)
        for number in numbers:
            refit = refit_with(generator_of(self.seed, number))
            values = parameter_values(self.parameters, refit.estimates)
            found = labelled(self.parameters, values, self.statistic, refit.fit or fit)
            yield found, refit.singular, refit.unbounded


def _refitter(fit: PointFit, *, whole: bool) -> Callable[[np.random.Generator], Refit]:
    """How a model is refitted to a simulated response; ``whole`` refits have a fit."""
    if isinstance(fit, FamilyPointFit):
        return lambda generator: family_refit(fit, generator)
    if isinstance(fit, StructuredPointFit):
        return lambda generator: structured_refit(fit, generator)
    simulate = simulator_of(fit)

    def refitted(generator: np.random.Generator) -> Refit:
        cross = simulate.draw(generator)
        optimum = optimum_of(fit.design, cross, reading_of(fit))
        refit = fit_at(optimum, fit, cross) if whole else None
        return Refit(estimates_at(optimum, cross), refit, optimum.singular)

    return refitted


def labelled(
    parameters: tuple[Parameter, ...], values: Any, statistic: Statistic | None, fit: PointFit
) -> dict[tuple[str, str], float]:
    """Parameters, and the statistic of a fit, by (block, parameter)."""
    found = {(one.block, one.name): v for one, v in zip(parameters, values, strict=True)}
    if statistic is None:
        return found
    answer = statistic(fit)
    name = getattr(statistic, "__name__", "statistic")
    named = dict(answer) if isinstance(answer, Mapping | pd.Series) else {name: answer}
    if answer is None or not named:
        raise InferenceError(
            f"the statistic '{name}' returns nothing; a statistic returns a number, or a mapping "
            "or Series of numbers by name"
        )
    for key, value in named.items():
        if not isinstance(value, Real):
            raise InferenceError(
                f"the statistic '{key}' is of type {type(value).__name__}; a statistic returns a "
                "number, or a mapping or Series of numbers by name"
            )
        found["statistic", str(key)] = float(value)
    return found
