"""New rows of groups that have been seen, given the errors of the rows that they had.

With r the covariance of a new error with those of its group's rows, R_j theirs, and a = R_j⁻¹r,

    y | y_j, u, γ ~ N(x'γ + z'u + a'(y_j − X_jγ − Z_ju), σ²(ρ − r'a))

so that the new row is one with columns x − X_j'a and z − Z_j'a and an offset a'y_j.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.matrices import group_labels
from hierbayes.design.problem import Problem
from hierbayes.errors import DataError, ResidualError
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import GaussianLaw
from hierbayes.frames.arrays import Floats, Integers


def rows_given_errors(
    problem: Problem, z: Floats, rows: PredictionRows
) -> tuple[PredictionRows, GaussianLaw]:
    """The rows as they are given the errors of their groups, and the law of their responses.

    Rows of groups that have not been seen stay as they are.

    Parameters
    ----------
    problem : Problem
        With a residual structure.
    z : (k,) float
        Coordinates of its parameters.
    rows : PredictionRows
        New ones, with all random effects.

    Raises
    ------
    ResidualError
        When errors are not correlated, or not all random effects are counted.
    DataError
        When a row stands at a time at which its group has one already, or in another group of a
        factor than the others of its group.
    """
    moments, design = problem.moments, problem.design
    if moments is None or moments.rows.correlation is None or rows.data is None:
        raise ResidualError(
            "errors='given' is of new rows of a model whose errors are correlated within groups: "
            "leave it out, or state residual=, as in hb.residuals.AR1('week')"
        )
    if len(rows.counted) < len(design.specification.factors):
        raise ResidualError("errors='given' needs all random effects: leave effects= out")
    errors, seen, data = moments.rows, design.rows, rows.data
    correlation = moments.rows.correlation
    groups = _groups(problem, rows)
    times = correlation.times_of(data)
    own = errors.level_sd_of(data, z)
    old = errors.level_sd(z) * seen.row_sd
    X, Z, offset = rows.X.copy(), rows.Z.copy(), np.zeros(len(rows.X)) + rows.offset
    variance = errors.row_sd_of(data, z) ** 2
    for i in np.flatnonzero(groups >= 0).tolist():
        at = np.flatnonzero(errors.codes == groups[i])
        _refuse_other_place(problem, rows, i, at, correlation.times[at], times[i])
        C = errors.correlation_matrix(np.append(correlation.times[at], times[i]), z)
        weights = np.linalg.solve(C[:-1, :-1], C[:-1, -1])
        a = own[i] * weights / old[at]
        X[i] -= a @ seen.X[at]
        Z[i] -= a @ seen.Z[at]
        offset[i] += a @ seen.response[at]
        variance[i] = own[i] ** 2 * (C[-1, -1] - C[:-1, -1] @ weights)
    return replace(rows, X=X, Z=Z, offset=offset), GaussianLaw(np.sqrt(variance))


def _groups(problem: Problem, rows: PredictionRows) -> Integers:
    """The group of correlated errors of each new row; −1 where it has not been seen."""
    assert problem.moments is not None
    assert rows.data is not None
    errors, spec = problem.moments.rows, problem.design.specification
    columns = spec.columns_of.get(errors.group, (errors.group,))
    missing = [name for name in columns if name not in rows.data.columns]
    if missing:
        raise DataError(f"the new rows have no column '{missing[0]}', the group of their errors")
    return GroupingFactor(errors.group, errors.labels).find(group_labels(rows.data, columns))


def _refuse_other_place(
    problem: Problem, rows: PredictionRows, i: int, at: Integers, times: Floats, time: float
) -> None:
    assert problem.moments is not None
    structure = problem.moments.rows.structure
    assert structure.correlation is not None
    name, group = getattr(structure.correlation, "time", None), problem.moments.rows.group
    if name is not None and (times == time).any():
        raise DataError(
            f"row {rows.index[i]} stands at a {name} at which its '{group}' has a row of the fit, "
            "whose response is known; give it another, or leave errors='given' out"
        )
    for factor, codes, seen in zip(
        problem.design.factors, rows.codes_of, problem.design.rows.codes_of, strict=False
    ):
        if codes[i] != seen[at[0]]:
            raise DataError(
                f"row {rows.index[i]} is in another group of '{factor.name}' than those that "
                f"its '{group}' had"
            )
