"""What functions of inference take: a fit, a maximum of the likelihood, fits of the same data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.design.streamed_rows import may_have_one_response
from hierbayes.errors import HypothesisError, InferenceError
from hierbayes.fit.evidence import READINGS
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.point import FamilyPointFit
from hierbayes.fit.point import PointFit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.reading import Reading


def refuse_other_than_fit(fit: object, caller: str, *, structured: bool = False) -> None:
    """Refuse what is no fit.

    Parameters
    ----------
    fit : object
    caller : str
        The function that was called, for the message.
    structured : bool
        Whether its errors may have a residual structure.

    Raises
    ------
    HypothesisError
        Naming the type.
    ResidualError
        When its errors have a structure and should not.
    """
    if not isinstance(fit, Fit):
        raise HypothesisError(
            f"{caller}() takes a fit, and this is of type {type(fit).__name__}; fits are what "
            "model.reml(), ml(), map() and sample() return"
        )
    if not structured:
        fit.problem.refuse_residual_structure(f"{caller}()")


def problem_of(source: Any, function: str, *, structured: bool = False) -> Problem:
    """The problem of a model or of a fit, with a residual structure where that is ``structured``.

    Raises
    ------
    HypothesisError
        When it is neither.
    FormulaError
        When its response is not Gaussian.
    """
    problem = getattr(source, "problem", None)
    if not isinstance(problem, Problem):
        raise HypothesisError(
            f"{function}() takes a model or a fit, and this is of type {type(source).__name__}; "
            "models are what hb.Model() returns, fits what model.reml(), ml(), map() and sample() "
            "return"
        )
    problem.refuse_other_families(f"{function}()")
    if not structured:
        problem.refuse_residual_structure(f"{function}()")
    return problem


def refuse_other_than_maxima(
    verb: str, *fits: Any, families: bool = False, structured: bool = False
) -> None:
    """Refuse what is no REML or ML fit.

    Parameters
    ----------
    verb : str
        The function that was called, for the message.
    *fits : object
    families : bool
        Whether the response may be other than Gaussian.
    structured : bool
        Whether errors may have a residual structure.

    Raises
    ------
    InferenceError
        Naming the argument and what it is.
    FormulaError
        When the response is not Gaussian and should be.
    """
    for place, fit in enumerate(fits, 1):
        which = f"argument {place}" if len(fits) > 1 else "its argument"
        if not isinstance(fit, Fit):
            raise InferenceError(
                f"{verb}() takes fits, and {which} is of type {type(fit).__name__}; use what "
                "model.reml() or model.ml() returns"
            )
        if not families:
            fit.problem.refuse_other_families(f"{verb}()")
        if not structured:
            fit.problem.refuse_residual_structure(f"{verb}()")
        of_family = isinstance(fit, FamilyPointFit) and fit.engine == "ML"
        if fit.reading is None and not of_family:
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
    refuse_other_rows(verb, a, b)
    left, right = a.design, b.design
    only = all(len(design.named_factors) == 1 for design in (left, right))
    if only and not np.array_equal(partition(left, 0), partition(right, 0)):
        raise InferenceError(
            f"{verb}() needs fits of the same data, and these differ in their groups, "
            f"'{left.specification.group}' with {left.J} and '{right.specification.group}' with "
            f"{right.J}; fit both with the same grouping"
        )


def refuse_other_rows(verb: str, a: Fit, b: Fit) -> None:
    """Refuse two fits of different rows or responses.

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
    if left.rows.streams or right.rows.streams:
        if not may_have_one_response(left.rows, right.rows):
            raise InferenceError(
                f"{start} in the range or the size of the response, or in the weights of rows; "
                "fit the same response on the same rows"
            )
        return
    if np.any(np.asarray(left.rows.row_sd) != np.asarray(right.rows.row_sd)):
        raise InferenceError(f"{start} in the weights of rows; fit both with the same weights")
    differs = np.flatnonzero((_responses(verb, left, right) != 0.0).any(axis=1))
    if len(differs):
        raise InferenceError(
            f"{start} in the response, in {len(differs)} of {left.n} rows; fit the same "
            "response on rows in the same order"
        )


def _responses(verb: str, left: Design, right: Design) -> Floats:
    """How the responses of two designs differ, and their trials (n, 2)."""
    ours, theirs = left.rows.family, right.rows.family
    if ours is None and theirs is None:
        return (left.rows.observed - right.rows.observed)[:, None]
    if ours is None or theirs is None:
        family = next(rows.family for rows in (ours, theirs) if rows is not None)
        raise InferenceError(
            f"{verb}() needs fits of one kind of response, and these are of a Gaussian one and of "
            f"{family}"
        )
    trials = ours.of_trials or theirs.of_trials
    m = ours.sizes - theirs.sizes if trials else np.zeros(left.n)
    return np.column_stack([ours.observed - theirs.observed, m])


def refuse_mixed_criteria(verb: str, *fits: Fit) -> None:
    """Refuse REML fits beside ML fits, and maxima of other approximations.

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
    ways = _approximations(fits)
    if len(ways) > 1:
        said = " and by ".join(sorted(ways))
        raise InferenceError(
            f"{verb}() needs fits by one approximation, and these are by {said}; fit all with the "
            "same nodes in model.ml()"
        )


def criterion_of(*fits: PointFit) -> str:
    """``"REML"`` or ``"ML"``, with the approximation of those that are of one."""
    exact = {fit.evidence.how for fit in fits if isinstance(fit, FamilyPointFit)}
    how = min(_approximations(fits) or exact, default="")
    return f"{fits[0].engine} ({how})" if how else fits[0].engine


def _approximations(fits: Iterable[Fit]) -> set[str]:
    """How u is integrated out in those in which that is approximate."""
    family = [fit for fit in fits if isinstance(fit, FamilyPointFit)]
    return {fit.evidence.how for fit in family if not fit.evidence.exact}


def partition(design: Design, k: int) -> np.ndarray:
    """The group of each row (n,) in factor k, numbered as they appear: labels do not matter.

    Of rows that stream the labels of the groups in order, by which they are told.
    """
    if design.rows.streams:
        return np.array(sorted(map(str, design.factors[k].labels)))
    return pd.factorize(design.rows.codes_of[k])[0]
