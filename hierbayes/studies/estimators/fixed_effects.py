"""Methods 2a and 2b: every group has an intercept of its own.

2a gives every group its own slope and averages intercepts and slopes in each level, all groups
alike.  2b gives all groups of a level one slope, which is the average of the groups' slopes with
weights Sxx_j, the sum of squares of x about its mean.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.linear_estimate import LinearEstimate, f_test, rows_of
from hierbayes.studies.estimators.method import Method, tests_table
from hierbayes.studies.estimators.targets import (
    line_names,
    line_tables,
    quantity_names,
    slopes_to_quantities,
    to_differences,
)


def own_lines(rows: GroupedRows) -> tuple[Floats, Floats]:
    """Intercepts (at x = 0) and slopes of the groups' own regressions, (J,) each.

    Missing where a group has no slope.
    """
    slope = np.full(rows.J, np.nan)
    kept = rows.sloped
    slope[kept] = rows.Sxy[kept] / rows.Sxx[kept]
    return rows.y_mean - slope * rows.x_mean, slope


def own_residuals(rows: GroupedRows) -> tuple[float, float]:
    """Residual sum of squares of the groups' own regressions, and its degrees of freedom."""
    _, slope = own_lines(rows)
    kept = rows.sloped[rows.codes]
    residual = rows.y_within[kept] - slope[rows.codes[kept]] * rows.x_within[kept]
    return float(residual @ residual), float(kept.sum() - 2 * rows.sloped.sum())


def averaged(rows: GroupedRows) -> Method:
    """Method 2a: a regression in each group, averaged within levels, groups weighing alike."""
    L = rows.L
    square, df = own_residuals(rows)
    sigma = float(np.sqrt(square / df))
    intercept, slope = own_lines(rows)
    share = _equal_shares(rows)
    value = np.concatenate([share @ np.nan_to_num(intercept), share @ np.nan_to_num(slope)])
    cov = _averaged_covariance(rows, share, sigma)
    estimate = LinearEstimate(value, cov, np.full(2 * L, df))
    tests = {} if L == 1 else {"no difference between levels": estimate.joint(to_differences(L))}
    tests["slopes equal within levels"] = homogeneity(rows)
    return Method(
        key="2a",
        name="fixed effects, averaged",
        about=(
            f"a regression in each of {int(rows.sloped.sum())} groups, averaged with equal weights "
            f"within levels; {rows.left_out()}; pooled σ {sigma:.4f} on {df:.0f} df",
        ),
        **line_tables(estimate, rows, rows_of(rows.terms, "term")),
        tests=tests_table(tests),
        sigma=sigma,
        further={},
    )


def common_slopes(rows: GroupedRows) -> Method:
    """Method 2b: an intercept for each group and one slope for each level."""
    L = rows.L
    Sxx, Sxy = rows.by_level(rows.Sxx), rows.by_level(rows.Sxy)
    slope = Sxy / Sxx
    df = float(rows.N - rows.J - L)
    residual = rows.y_within - slope[rows.row_level] * rows.x_within
    sigma = float(np.sqrt(residual @ residual / df))
    estimate = LinearEstimate(slope, np.diag(sigma**2 / Sxx), np.full(L, df))
    quantities = estimate.combined(slopes_to_quantities(L)).table(quantity_names(rows))
    terms = (rows.terms[1], *rows.terms[1 + L :])
    first_and_differences = [0, *range(L, 2 * L - 1)]
    return Method(
        key="2b",
        name="fixed effects, common slopes",
        about=(
            f"an intercept for each of {rows.J} groups and one slope for each level; {rows.N} "
            f"rows; σ {sigma:.4f} on {df:.0f} df",
        ),
        coefficients=quantities.iloc[first_and_differences].set_axis(rows_of(terms, "term")),
        lines=estimate.table(line_names(rows)[L:]),
        lines_cov=estimate.covariance(line_names(rows)[L:]),
        quantities=quantities,
        tests=tests_table({}),
        sigma=sigma,
        further={},
    )


def homogeneity(rows: GroupedRows) -> pd.Series:
    """F test of one slope in each level against one in each group (2b in 2a).

    Groups without a slope of their own fit both alike, and count in neither.
    """
    full, df = own_residuals(rows)
    slope = rows.by_level(rows.Sxy) / rows.by_level(rows.Sxx)
    kept = rows.sloped[rows.codes]
    residual = (rows.y_within - slope[rows.row_level] * rows.x_within)[kept]
    more = float(rows.sloped.sum() - rows.L)
    return f_test((float(residual @ residual) - full) / more / (full / df), more, df)


def _equal_shares(rows: GroupedRows) -> Floats:
    """Weight of each group in the average of each level (L, J)."""
    member = (rows.level_of == np.arange(rows.L)[:, None]) & rows.sloped
    shares: Floats = member / member.sum(axis=1, keepdims=True)
    return shares


def _averaged_covariance(rows: GroupedRows, share: Floats, sigma: float) -> Floats:
    """Covariance (2L, 2L) of averaged intercepts and slopes when rows vary about their lines."""
    kept = rows.sloped
    per_slope = np.zeros(rows.J)
    per_slope[kept] = 1.0 / rows.Sxx[kept]
    blocks = (1.0 / rows.n + rows.x_mean**2 * per_slope, -rows.x_mean * per_slope, per_slope)
    intercepts, both, slopes = (np.diag(share**2 @ block) for block in blocks)
    cov: Floats = sigma**2 * np.block([[intercepts, both], [both, slopes]])
    return cov
