"""Method 4: a regression of the groups' means of y on their means of x."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.linear_estimate import LeastSquares, least_squares, rows_of
from hierbayes.studies.estimators.method import Method, tests_table
from hierbayes.studies.estimators.separate import TITLE, separate_table
from hierbayes.studies.estimators.targets import (
    between_terms,
    level_columns,
    line_tables,
    quantity_names,
    to_differences,
)

WEIGHTS = ("equal", "n")


def means_regression(rows: GroupedRows, weights: str = "equal") -> LeastSquares:
    """Least squares of the means of y on those of x, a line in each level.

    Parameters
    ----------
    rows : GroupedRows
    weights : str
        ``"equal"``, or ``"n"`` for rows of each group.
    """
    X = level_columns(rows.x_mean, rows.level_of, rows.L)
    return least_squares(X, rows.y_mean, rows.n if weights == "n" else None)


def between_groups(rows: GroupedRows, weights: str) -> Method:
    """The ecological regression.

    One residual variance is pooled over the levels. ``further`` has the tests by separate
    variances, see `separate`, and the regression that ignores the factor, by weights.

    Raises
    ------
    StudyError
        When the weights are none of `WEIGHTS`.
    """
    if weights not in WEIGHTS:
        raise StudyError(f"between must be 'equal' or 'n', not {weights!r}")
    L = rows.L
    fit = means_regression(rows, weights)
    tests = {}
    if L > 1:
        tests["no difference between levels"] = fit.estimate.joint(to_differences(L))
    how = "weighted by rows" if weights == "n" else "all groups alike"
    terms = rows_of(between_terms(rows), "term")
    return Method(
        key="4",
        name="between groups",
        about=(
            f"least squares of {rows.J} group means of {rows.response} on those of "
            f"{rows.predictor}, {how}; σ {fit.sigma:.4f}",
        ),
        **line_tables(fit.estimate, rows, terms),
        tests=tests_table(tests),
        sigma=fit.sigma,
        further={**_separate(rows, weights), "Whatever the level": _whatever_level(rows)},
    )


def _separate(rows: GroupedRows, weights: str) -> dict[str, pd.DataFrame]:
    """Tests with a residual variance for each level, each a regression by itself."""
    if rows.L == 1:
        return {}
    own = [means_regression(rows.of_level(at), weights).estimate for at in range(rows.L)]
    slope, variance, df = (
        np.array([value(one) for one in own])
        for value in (lambda e: e.value[1], lambda e: e.cov[1, 1], lambda e: e.df[1])
    )
    return {TITLE: separate_table(slope, variance, df, quantity_names(rows))}


def _whatever_level(rows: GroupedRows) -> pd.DataFrame:
    """The regression of all group means without the factor, index (weights, term)."""
    alike = rows.without_factor()
    terms = rows_of(between_terms(alike), "term")
    tables = {kind: means_regression(alike, kind).estimate.table(terms) for kind in WEIGHTS}
    return pd.concat(tables, names=["weights"])
