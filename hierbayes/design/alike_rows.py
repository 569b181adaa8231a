"""Columns of rows over a root of the covariance of their errors, which makes errors alike."""

from __future__ import annotations

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.residual_blocks import normalised
from hierbayes.frames.arrays import Floats


def alike(problem: Problem, columns: Floats) -> Floats:
    """R^(−½) of columns (n, m), by weights and by a residual structure at its estimates.

    Where errors are alike the columns are as they were.
    """
    sd = np.broadcast_to(problem.design.rows.row_sd, len(columns))
    scaled: Floats = columns / sd[:, None]
    if problem.moments is None:
        return scaled
    errors, z = problem.moments.rows, problem.z
    assert z is not None
    return np.column_stack([normalised(errors, z, column) for column in scaled.T])


def parts_of_groups(problem: Problem, columns: Floats) -> tuple[Floats, Floats]:
    """Such columns within groups and between them (n, m) each.

    With c those of an intercept, between is the projection on c in each group: of errors that are
    alike the mean of the group.
    """
    both = alike(problem, np.column_stack([columns, np.ones(len(columns))]))
    rows, c = both[:, :-1], both[:, -1]
    codes, J = problem.design.rows.codes, problem.design.J
    size = np.bincount(codes, c**2, minlength=J)
    sums = [np.bincount(codes, c * column, minlength=J) / size for column in rows.T]
    between: Floats = c[:, None] * np.stack(sums, axis=1)[codes]
    return rows - between, between
