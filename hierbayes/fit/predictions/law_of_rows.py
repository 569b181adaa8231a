"""The law of the responses of rows: of a problem's own, or of new ones that say what they weigh."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.family_rows import FamilyRows
from hierbayes.design.matrices import columns_needed, one_column
from hierbayes.design.problem import Problem
from hierbayes.design.row_weights import refuse_bad_weights, root_weights_of
from hierbayes.errors import DataError
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import FamilyLaw, GaussianLaw, ResponseLaw
from hierbayes.fit.predictions.unequal_law import ErrorSds, UnequalLaw
from hierbayes.frames.arrays import Floats
from hierbayes.specification.formula import Specification


def observed_responses(problem: Problem) -> Floats:
    """The responses (n P,) of the rows of a problem, as their law has them."""
    rows = problem.design.rows
    return rows.observed if rows.family is None else rows.family.y


def law_of(problem: Problem, rows: PredictionRows) -> ResponseLaw:
    """The law of the responses of rows."""
    if problem.family is None:
        return _gaussian_law(problem, rows)
    seen = problem.family_rows
    if rows.data is None:
        m, counted = seen.m, True
    else:
        m, counted = _sizes_of_new(problem.design.specification, seen, rows)
    return FamilyLaw(seen.family, m, seen.outcomes, seen.of_trials, counted)


def _gaussian_law(problem: Problem, rows: PredictionRows) -> GaussianLaw:
    """That of normal errors, alike or not."""
    weighed, moments = weighed_law(problem, rows), problem.moments
    if moments is None or not moments.rows.structure.has_unequal_variances:
        return weighed
    z = moments.rows.start if problem.z is None else problem.z
    sds = ErrorSds(moments.rows, rows.data)
    return UnequalLaw(weighed.row_sd, sds, z, lacking=weighed.lacking)


def weighed_law(problem: Problem, rows: PredictionRows) -> GaussianLaw:
    """That of errors whose variances differ by weights alone, or by known ones."""
    spec = problem.design.specification
    lacking = (
        f"the column of the weights, '{spec.weights}'"
        if spec.weights
        else f"the column of known standard deviations, '{spec.known_sd}'"
    )
    return GaussianLaw(_weighed_sd(problem, rows), lacking=lacking)


def _weighed_sd(problem: Problem, rows: PredictionRows) -> Floats | float | None:
    """Standard deviation of the error of each row, relative to σ, by precision weights.

    None where new rows do not say what they weigh.
    """
    spec = problem.design.specification
    name = spec.weights or spec.known_sd
    if rows.data is None or not name:
        return problem.design.rows.row_sd
    if name not in rows.data:
        return None
    refuse_bad_weights(spec, rows.data)
    root = root_weights_of(spec, rows.data)
    return None if root is None else 1.0 / root


def _sizes_of_new(
    spec: Specification, seen: FamilyRows, rows: PredictionRows
) -> tuple[Floats, bool]:
    """What m is of new rows, and whether their trials are known."""
    data = rows.data
    assert data is not None
    m, trials = np.full(len(rows.X), seen.family.constant), _trials(spec, data)
    if seen.of_trials and trials is not None:
        m = trials
    m = m if seen.further is None else seen.further.of_new_rows(m, data)
    return m, trials is not None


def _trials(spec: Specification, data: pd.DataFrame) -> Floats | None:
    """The trials of new rows; None where they do not say.

    Raises
    ------
    DataError
        When they are no numbers of trials.
    """
    if spec.trials is None:
        return None
    other = spec.trials.other
    wanted = (other,) if spec.trials.kind == "trials" else (other, spec.response)
    columns = list(columns_needed(wanted))
    if not set(columns) <= set(data.columns) or data[columns].isna().any(axis=None):
        return None
    parts = [one_column(text, data, spec.functions, "trials") for text in wanted]
    found = np.asarray(sum(parts), dtype=np.float64)
    bad = (found < 0.0) | (found != np.rint(found))
    if bad.any():
        at = int(bad.argmax())
        raise DataError(
            f"trials are whole numbers from 0 on, and row label {data.index[at]} of the new rows "
            f"has {found[at]:g}"
        )
    return found
