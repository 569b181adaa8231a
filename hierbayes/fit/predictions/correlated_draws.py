"""Joint draws of new responses whose errors are correlated within groups.

New errors are independent of those of the rows that were seen; rows of one group at one time have
one and the same error, but for its size.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.error_law import require_columns
from hierbayes.design.group_codes import group_labels
from hierbayes.design.problem import Problem
from hierbayes.design.residual_blocks import correlated
from hierbayes.errors import DataError
from hierbayes.fit.predictions.law_of_rows import law_of
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import GaussianLaw
from hierbayes.frames.arrays import Floats, Integers

_CORRELATED = 18  # a stream of random numbers


def correlated_responses(problem: Problem, draws: ParameterDraws, rows: PredictionRows) -> Floats:
    """New responses (M, n), errors with the correlation and the variances of each draw.

    Raises
    ------
    DataError
        When new rows do not say in which group, or at which time, they are.
    """
    law = law_of(problem, rows)
    assert isinstance(law, GaussianLaw)
    parts = [part for _, part in draws.of_rows(rows, law, "linear")]
    eta = np.concatenate(parts, axis=1) if parts else np.empty((draws.M, 0))
    rng = np.random.default_rng([draws.seed, _CORRELATED])
    errors = rng.standard_normal(eta.shape)
    groups = None if rows.data is None else _groups(problem, rows.data)
    distinct, place = np.unique(draws.phi[:, 1:], axis=0, return_inverse=True)
    for k, one in enumerate(distinct):
        at = np.flatnonzero(place.ravel() == k)
        z = one if len(one) or problem.z is None else problem.z  # of a maximum
        if groups is None:
            errors[at] = _of_the_fit(problem, z, errors[at])
        else:
            assert rows.data is not None
            _correlate(problem, rows.data, groups, z, errors, at)
            errors[at] *= law.sd(np.array([1.0, *one]))
    found: Floats = eta + draws.phi[:, :1] * errors
    return found


def correlate_errors(problem: Problem, data: pd.DataFrame, z: Floats, normals: Floats) -> Floats:
    """Normal numbers (M, n) with the correlation that errors of new rows have at coordinates z.

    Raises
    ------
    DataError
        When the rows do not say in which group, or at which time, they are.
    """
    errors = normals.copy()
    _correlate(problem, data, _groups(problem, data), z, errors, np.arange(len(errors)))
    return errors


def _of_the_fit(problem: Problem, z: Floats, normals: Floats) -> Floats:
    """Errors (m, n) of the rows of the fit beside σ."""
    assert problem.moments is not None
    weigh = problem.design.rows.row_sd
    return np.array([weigh * correlated(problem.moments.rows, z, one) for one in normals])


def _groups(problem: Problem, data: pd.DataFrame) -> list[Integers]:
    """The rows of each group in which errors are correlated, with all columns these depend on."""
    assert problem.moments is not None
    name = problem.moments.rows.group
    require_columns(data, problem.moments.rows.structure, but=name)
    columns = problem.design.specification.columns_of.get(name, (name,))
    missing = [column for column in columns if column not in data.columns]
    if missing:
        raise DataError(f"the new rows have no column '{missing[0]}', the group of their errors")
    codes = pd.factorize(group_labels(data, columns))[0]
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes))[:-1])


def _correlate(
    problem: Problem,
    data: pd.DataFrame,
    groups: list[Integers],
    z: Floats,
    normals: Floats,
    at: Integers,
) -> None:
    """Give normal numbers (M, n) of some draws the correlation of errors of new rows."""
    assert problem.moments is not None
    errors = problem.moments.rows
    assert errors.correlation is not None
    times = errors.correlation.times_of(data)
    for members in groups:
        C = errors.correlation_matrix(times[members], z)
        sd = np.sqrt(np.diag(C))
        size, vectors = np.linalg.eigh(C / np.outer(sd, sd))  # singular where times are equal
        root = vectors * np.sqrt(np.maximum(size, 0.0))
        normals[np.ix_(at, members)] = normals[np.ix_(at, members)] @ root.T
