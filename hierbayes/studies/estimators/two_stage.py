"""Method 3: a regression in each group, then a linear model of the groups' coefficients.

The second stage takes intercept and slope of each group as two responses, all groups alike.  Its
standard errors come from how the coefficients vary between groups, so that they hold for groups
that were not drawn, where they vary alike in all levels: one covariance is pooled.  ``further``
has those of separate variances, see `separate`.  The joint test is Wilks's; with two responses
Rao's F is exact.

References
----------
Rao (1973), *Linear Statistical Inference and Its Applications*, section 8c.5.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats, Integers
from hierbayes.studies.estimators.fixed_effects import own_lines
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.linear_estimate import LinearEstimate, f_test, rows_of
from hierbayes.studies.estimators.method import Method, tests_table
from hierbayes.studies.estimators.separate import TITLE, separate_table
from hierbayes.studies.estimators.targets import (
    line_tables,
    quantity_names,
)


def two_stage(rows: GroupedRows) -> Method:
    """Derived variables: the groups' own lines, then their means in each level."""
    L, kept = rows.L, rows.sloped
    lines = np.column_stack(own_lines(rows))[kept]  # (J kept, 2)
    level = rows.level_of[kept]
    count = np.bincount(level, minlength=L).astype(np.float64)
    means = _sums(lines, level, L) / count[:, None]
    df = float(len(lines) - L)
    within = lines - means[level]
    E = within.T @ within
    cov = np.kron(E / df, np.diag(1.0 / count)).astype(np.float64)
    estimate = LinearEstimate(means.T.ravel(), cov, np.full(2 * L, df))
    manova = _manova(E, means, count, df) if L > 1 else None
    return Method(
        key="3",
        name="two-stage",
        about=(
            f"a regression in each of {len(lines)} groups, then a linear model of their intercepts "
            f"and slopes as two responses (MANOVA), all groups alike; {rows.left_out()}",
        ),
        **line_tables(estimate, rows, rows_of(rows.terms, "term")),
        tests=tests_table({} if manova is None else {"no difference (Wilks)": manova}),
        sigma=np.nan,
        further={
            "Residual covariance of the groups' coefficients": _covariance(E / df, rows),
            **_separate(within[:, 1], means[:, 1], count, rows),
        },
    )


def _manova(E: Floats, means: Floats, count: Floats, df: float) -> pd.Series:
    """Wilks's Λ of equal means, and Rao's F."""
    centred = means - (count @ means) / count.sum()
    H = centred.T @ (count[:, None] * centred)
    wilks = float(np.linalg.det(E) / np.linalg.det(E + H))
    h = len(count) - 1.0
    root = 1.0 if h == 1.0 else 2.0
    power = wilks ** (1.0 / root)
    df1, df2 = 2.0 * h, root * (df - (3.0 - h) / 2.0) - h + 1.0
    test = f_test((1.0 - power) / power * df2 / df1, df1, df2)
    return pd.concat([pd.Series({"Wilks": wilks}), test])


def _separate(
    rest: Floats, slope: Floats, count: Floats, rows: GroupedRows
) -> dict[str, pd.DataFrame]:
    """Tests with a variance of slopes for each level; rest (J kept,) from the level's mean."""
    if rows.L == 1:
        return {}
    squares = np.bincount(rows.level_of[rows.sloped], weights=rest**2, minlength=rows.L)
    variance = squares / (count - 1.0) / count
    return {TITLE: separate_table(slope, variance, count - 1.0, quantity_names(rows))}


def _covariance(cov: Floats, rows: GroupedRows) -> pd.DataFrame:
    names = rows_of(rows.terms[:2], "coefficient")
    return pd.DataFrame(cov, index=names, columns=list(names))


def _sums(values: Floats, level: Integers, L: int) -> Floats:
    """Sum of each column of values over the groups of each level, (L, columns)."""
    return np.column_stack([np.bincount(level, weights=v, minlength=L) for v in values.T])
