"""A model of several linear predictors taken apart: one model for each, with its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.language.estimates import Estimates


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The equations of one linear predictor.

    Parameters
    ----------
    name : str
        Of the predictor; empty where there is one.
    problem : Problem
        As if there were no other; its cross-products are those of all.
    estimates : Estimates or None
    """

    name: str
    problem: Problem
    estimates: Estimates | None


def parts_of(problem: Problem, estimates: Estimates | None) -> list[Part]:
    """The models of each linear predictor; the model itself where there is one."""
    columns = problem.design.columns
    if not columns.predictors:
        return [Part("", problem, estimates)]
    return [
        Part(
            name,
            replace(problem, design=problem.design.of_predictor(place)),
            None if estimates is None else _of_predictor(problem, estimates, place),
        )
        for place, name in enumerate(columns.predictors)
    ]


def _of_predictor(problem: Problem, estimates: Estimates, place: int) -> Estimates:
    columns = problem.design.columns
    p = len(columns.terms) // columns.n_predictors
    mine = columns.effects_of(place)
    return replace(
        estimates,
        gamma=estimates.gamma[place * p : (place + 1) * p],
        G=estimates.G[np.ix_(mine, mine)],
    )
