"""What functions of inference take: a fit, a maximum of the likelihood, fits of the same data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.errors import HypothesisError, InferenceError
from hierbayes.fit.evidence import READINGS
from hierbayes.fit.fit import Fit
from hierbayes.fit.point import PointFit
from hierbayes.likelihood.reading import Reading


def refuse_other_than_fit(fit: object, caller: str) -> None:
    """Refuse what is no fit.

    Raises
    ------
    HypothesisError
        Naming the type.
    """
    if not isinstance(fit, Fit):
        raise HypothesisError(
            f"{caller}() takes a fit, and this is of type {type(fit).__name__}; fits are what "
            "model.reml(), ml(), map() and sample() return"
        )


def problem_of(source: Any, function: str) -> Problem:
    """The problem of a model or of a fit.

    Raises
    ------
    HypothesisError
        When it is neither.
    """
    problem = getattr(source, "problem", None)
    if not isinstance(problem, Problem):
        raise HypothesisError(
            f"{function}() takes a model or a fit, and this is of type {type(source).__name__}; "
            "models are what hb.Model() returns, fits what model.reml(), ml(), map() and sample() "
            "return"
        )
    return problem


def refuse_other_than_maxima(verb: str, *fits: Any) -> None:
    """Refuse what is no REML or ML fit.

    Parameters
    ----------
    verb : str
        The function that was called, for the message.

    Raises
    ------
    InferenceError
        Naming the argument and what it is.
    """
    for place, fit in enumerate(fits, 1):
        which = f"argument {place}" if len(fits) > 1 else "its argument"
        if not isinstance(fit, Fit):
            raise InferenceError(
                f"{verb}() takes fits, and {which} is of type {type(fit).__name__}; use what "
                "model.reml() or model.ml() returns"
            )
        if fit.reading is None:
            raise InferenceError(
                f"{verb}() reads a maximised likelihood, and {which} is a {fit.engine} fit; use "
                "model.reml() or model.ml()"
            )


def reading_of(fit: PointFit) -> Reading:
    """``REML`` or ``ML``, as the likelihood counts them."""
    return READINGS[fit.engine]


def refuse_other_data(verb: str, a: Fit, b: Fit) -> None:
    """Refuse two fits of different rows or responses, or each of one other grouping factor.

    Raises
    ------
    InferenceError
        Saying what differs.
    """
    left, right = a.design, b.design
    start = f"{verb}() needs fits of the same data, and these differ"
    if left.n != right.n:
        raise InferenceError(
            f"{start}: {left.n} rows ({left.dropped}) and {right.n} rows "
            f"({right.dropped}); fit both on the rows that are complete for both"
        )
    differs = np.flatnonzero(left.rows.y != right.rows.y)
    if len(differs):
        raise InferenceError(
            f"{start} in the response, in {len(differs)} of {left.n} rows; fit the same "
            "response on rows in the same order"
        )
    only = all(len(design.factors) == 1 for design in (left, right))
    if only and not np.array_equal(partition(left, 0), partition(right, 0)):
        raise InferenceError(
            f"{start} in their groups, '{left.specification.group}' with {left.J} and "
            f"'{right.specification.group}' with {right.J}; fit both with the same grouping"
        )


def refuse_mixed_criteria(verb: str, *fits: Fit) -> None:
    """Refuse REML fits beside ML fits.

    Raises
    ------
    InferenceError
    """
    engines = {fit.engine for fit in fits}
    if len(engines) > 1:
        raise InferenceError(
            f"{verb}() needs fits by one criterion, and these are by REML and by ML, whose "
            "likelihoods are of different things; fit all with model.ml(), or all with "
            "model.reml() where only the random parts differ"
        )


def partition(design: Design, k: int) -> np.ndarray:
    """The group of each row (n,) in factor k, numbered as they appear: labels do not matter."""
    return pd.factorize(design.rows.codes_of[k])[0]
