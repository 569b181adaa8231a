"""New rows of groups that have been seen, given the errors of the rows that they had.

With r the covariance of a new error with those of its group's rows, R_j theirs, and a = R_j⁻¹r,

    y | y_j, u, γ ~ N(x'γ + z'u + a'(y_j − X_jγ − Z_ju), σ²(ρ − r'a))

so that the new row is one with columns x − X_j'a and z − Z_j'a and an offset a'y_j.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hierbayes.design.error_law import require_columns
from hierbayes.design.group_codes import group_labels
from hierbayes.design.grouping_factor import GroupingFactor
from hierbayes.design.problem import Problem
from hierbayes.errors import DataError, ResidualError
from hierbayes.fit.predictions.law_of_rows import weighed_law
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import PredictionRows, rows_to_predict
from hierbayes.fit.predictions.response_law import GaussianLaw
from hierbayes.frames.arrays import Floats, Integers

type Given = tuple[int, Integers, Floats]
"""A new row, the rows (m,) of its group of errors, and a (m,)."""


@dataclass(frozen=True, slots=True, eq=False)
class ErrorsOfGroups:
    """New rows beside those of their groups, at any coordinates of a residual structure.

    Parameters
    ----------
    problem : Problem
        With errors that are correlated.
    data : DataFrame
        New rows.
    groups : (n,) int
        Of their errors; −1 where it has not been seen.
    times : (n,) float
    weighed : (n,) float
        Standard deviations that weights give the new rows.
    """

    problem: Problem
    data: pd.DataFrame
    groups: Integers
    times: Floats
    weighed: Floats

    @classmethod
    def of(cls, problem: Problem, rows: PredictionRows) -> ErrorsOfGroups:
        """Those of new rows, with all random effects.

        Raises
        ------
        ResidualError
            When errors are not correlated, or not all random effects are counted.
        DataError
            When a row stands at a time at which its group has one already, in another group of a
            factor than the others of its group, or does not say what it weighs; when the rows
            lack a column of the structure.
        """
        moments, design = problem.moments, problem.design
        if moments is None or moments.rows.correlation is None or rows.data is None:
            raise ResidualError(
                "errors='given' is of new rows of a model whose errors are correlated within "
                "groups: leave it out, or state residual=, as in hb.residuals.AR1('week')"
            )
        if len(rows.counted) < len(design.specification.factors):
            raise ResidualError("errors='given' needs all random effects: leave effects= out")
        require_columns(rows.data, moments.rows.structure, but=moments.rows.group)
        times = moments.rows.correlation.times_of(rows.data)
        groups, weighed = _groups(problem, rows), weighed_law(problem, rows)
        for i in np.flatnonzero(groups >= 0).tolist():
            at = np.flatnonzero(moments.rows.codes == groups[i])
            seen = moments.rows.correlation.times[at]
            _refuse_other_place(problem, rows, i, at, seen, times[i])
        sd = np.broadcast_to(weighed.sd(np.ones(1)), len(times))
        return cls(problem, rows.data, groups, times, sd)

    def at(self, z: Floats) -> tuple[list[Given], Floats]:
        """What new rows take of the errors of their groups, and standard deviations (n,)."""
        assert self.problem.moments is not None
        errors = self.problem.moments.rows
        assert errors.correlation is not None
        own = errors.level_sd_of(self.data, z) * self.weighed
        old = errors.level_sd(z) * self.problem.design.rows.row_sd
        sd, found = errors.row_sd_of(self.data, z) * self.weighed, []
        for i in np.flatnonzero(self.groups >= 0).tolist():
            at = np.flatnonzero(errors.codes == self.groups[i])
            times = np.append(errors.correlation.times[at], self.times[i])
            C = errors.correlation_matrix(times, z)
            weights = np.linalg.solve(C[:-1, :-1], C[:-1, -1])
            found.append((i, at, own[i] * weights / old[at]))
            sd[i] = own[i] * np.sqrt(C[-1, -1] - C[:-1, -1] @ weights)
        return found, sd


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
    ResidualError, DataError
        As `ErrorsOfGroups.of`.
    """
    given, sd = ErrorsOfGroups.of(problem, rows).at(z)
    X, Z, offset = rows.X.copy(), rows.Z.copy(), np.zeros(len(rows.X)) + rows.offset
    seen = problem.design.rows
    for i, at, a in given:
        X[i] -= a @ seen.X[at]
        if len(Z):  # no rows where no random effects are counted
            Z[i] -= a @ seen.Z[at]
        offset[i] += a @ seen.response[at]
    return replace(rows, X=X, Z=Z, offset=offset), GaussianLaw(sd)


def draws_given_errors(
    problem: Problem, draws: ParameterDraws, rows: PredictionRows
) -> tuple[Floats, Floats]:
    """Linear predictors (M, n) of new rows given the errors of each draw, and sd of responses.

    Raises
    ------
    ResidualError, DataError
        As `ErrorsOfGroups.of`.
    """
    bound = ErrorsOfGroups.of(problem, rows)
    eta, sds = draws.linear(rows), np.empty((draws.M, len(rows.X)))
    seen = problem.design.rows
    fitted = draws.linear(rows_to_predict(problem.design, None))
    for m, phi in enumerate(draws.phi):
        given, sd = bound.at(phi[1:])
        sds[m] = phi[0] * sd
        for i, at, a in given:
            eta[m, i] += a @ (seen.observed[at] - fitted[m, at])
    return eta, sds


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
