"""Method 1: one regression on all rows, groups ignored."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.fit.degrees_of_freedom.sandwich import KINDS
from hierbayes.studies.estimators.cluster_robust import ClusterRobust, cluster_robust
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.linear_estimate import least_squares, rows_of
from hierbayes.studies.estimators.method import Method, tests_table
from hierbayes.studies.estimators.targets import (
    level_columns,
    line_tables,
    quantity_names,
    to_coefficients,
    to_differences,
    to_quantities,
)


def pooled(rows: GroupedRows) -> Method:
    """Pooled least squares, with naive and cluster-robust standard errors.

    ``further`` has the robust tests of the coefficients by kind (CR0, CR1, CR2), and of the
    shared quantities by CR2.
    """
    L = rows.L
    fit = least_squares(level_columns(rows.x, rows.row_level, L), rows.y)
    robust = cluster_robust(fit, rows.codes, rows.J)
    terms = rows_of(rows.terms, "term")
    total = np.sum((rows.y - rows.y.mean()) ** 2)
    r2 = float(1.0 - fit.residuals @ fit.residuals / total)
    slopes = to_coefficients(L)[1:]
    tests = {"all coefficients but the intercept": fit.estimate.joint(slopes)}
    if L > 1:
        tests["no difference between levels"] = fit.estimate.joint(to_differences(L))
    return Method(
        key="1",
        name="pooled OLS",
        about=(
            f"least squares on {rows.N} rows, the {rows.J} groups ignored; R² {r2:.4f}, "
            f"σ {fit.sigma:.4f}",
        ),
        **line_tables(fit.estimate, rows, terms),
        tests=tests_table(tests),
        sigma=fit.sigma,
        further={
            "Cluster-robust": _by_kind(robust, rows, terms),
            "Quantities with CR2": robust.table("CR2", to_quantities(L), quantity_names(rows)),
        },
    )


def _by_kind(robust: ClusterRobust, rows: GroupedRows, terms: pd.Index) -> pd.DataFrame:
    """Robust tests of the coefficients, index (kind, term)."""
    weights = to_coefficients(rows.L)
    tables = {kind: robust.table(kind, weights, terms) for kind in KINDS}
    return pd.concat(tables, names=["kind"])
