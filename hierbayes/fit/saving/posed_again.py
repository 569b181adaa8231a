"""The model of a saved fit, posed again from its rows, and whether it is the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.problem import Problem, pose_problem
from hierbayes.errors import SavedFitError, in_quotes
from hierbayes.families.text import read_text
from hierbayes.fit.predictions.further_rows import with_further_rows
from hierbayes.frames.arrays import Floats
from hierbayes.specification.formula import Specification

_CLOSE = 1e-6  # processors round differently


def pose_again(spec: Specification, frames: Sequence[pd.DataFrame], family: str | None) -> Problem:
    """The problem of the rows of a fit, and of those that it was given later, one by one."""
    problem = pose_problem(spec, frames[0], family=None if family is None else read_text(family))
    for further in frames[1:]:
        problem = with_further_rows(problem, further)
    return problem


def columns_said(problem: Problem) -> dict[str, Any]:
    """By which the columns of a problem are known: names, and sums over rows weighed by place."""
    design = problem.design
    n = len(design.rows.response)
    weights = np.linspace(1.0, 2.0, n)
    of_groups = [float(codes @ weights) for codes in design.rows.codes_of]
    return {
        "n": n,
        "terms": list(design.terms),
        "effects": list(design.effects),
        "groups": [factor.J for factor in design.factors],
        "response": _weighed(design.rows.response[:, None], weights),
        "X": _weighed(design.rows.X, weights),
        "Z": _weighed(design.rows.Z, weights),
        "codes": of_groups,
    }


def _weighed(columns: Floats, weights: Floats) -> list[float]:
    """Σ w x and Σ w x² of each column, over Σ w."""
    both = np.concatenate([weights @ columns, np.sqrt(weights @ columns**2)])
    return [float(one) for one in both / len(weights)]


def refuse_other_columns(said: dict[str, Any], problem: Problem, spec: Specification) -> None:
    """Refuse a problem whose columns are not those of the fit.

    Raises
    ------
    SavedFitError
        Naming the functions that were handed over, where there are any.
    """
    found = columns_said(problem)
    if said.keys() == found.keys() and all(_alike(said[key], found[key]) for key in found):
        return
    if spec.functions:
        raise SavedFitError(
            f"with the functions handed over ({in_quotes(name for name, _ in spec.functions)}) the "
            "rows have other columns than those that were fitted: hand over the functions of the "
            "fit, which make equal columns of equal rows"
        )
    raise SavedFitError(
        "the rows of the fit do not make the columns that were fitted, so that they would not be "
        "read back"
    )


def _alike(said: Any, found: Any) -> bool:
    if isinstance(found, list) and found and isinstance(found[0], float):
        scale = max(map(abs, found))
        return len(said) == len(found) and bool(
            np.allclose(said, found, rtol=_CLOSE, atol=1e-9 * scale)
        )
    return bool(said == found)
