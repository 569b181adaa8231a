"""Why pooling mixes two slopes: pooled = η² between + (1 − η²) within.

η² is the share of the sum of squares of x that lies between groups; the slope between groups is
that of the means weighted by rows.  It is an identity of sums of squares, at each level of a
factor and over all rows alike.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.studies.estimators.between_groups import means_regression
from hierbayes.studies.estimators.fixed_effects import common_slopes
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.linear_estimate import LeastSquares, least_squares

ALL = "all"
POOLED, WITHIN, BETWEEN, BETWEEN_N = "pooled", "within", "between", "between, by rows"


def slope_table(rows: GroupedRows) -> pd.DataFrame:
    """Slopes of x without a factor, over all rows and in each level by itself.

    Returns
    -------
    DataFrame
        Index (level, estimator); ``estimate``, ``se``, ``df``, ``sigma`` (each with its own) and
        ``intercept``, which the slope within groups has not.
    """
    tables = {name: _slopes(part) for name, part in _parts(rows).items()}
    return pd.concat(tables, names=["level"])


def identity_table(rows: GroupedRows) -> pd.DataFrame:
    """The identity, over all rows and in each level.

    Returns
    -------
    DataFrame
        Index level; ``eta2``, ``between`` (weighted by rows), ``within``, ``mixture`` (what they
        make), ``pooled``, and ``gap`` (pooled − mixture), which is rounding.
    """
    table = slope_table(rows)["estimate"].unstack("estimator").loc[list(_parts(rows))]
    eta2 = pd.Series({name: eta_squared(part) for name, part in _parts(rows).items()})
    mixture = eta2 * table[BETWEEN_N] + (1.0 - eta2) * table[WITHIN]
    columns = {
        "eta2": eta2,
        "between": table[BETWEEN_N],
        "within": table[WITHIN],
        "mixture": mixture,
        "pooled": table[POOLED],
        "gap": table[POOLED] - mixture,
    }
    return pd.DataFrame(columns).rename_axis("level")


def eta_squared(rows: GroupedRows) -> float:
    """Share of the sum of squares of x that lies between groups."""
    between = (rows.n * (rows.x_mean - rows.x.mean()) ** 2).sum()
    return float(between / (between + rows.Sxx.sum()))


def _parts(rows: GroupedRows) -> dict[str, GroupedRows]:
    parts = {ALL: rows.without_factor()}
    if rows.L > 1:
        parts |= {name: rows.of_level(at) for at, name in enumerate(rows.levels)}
    return parts


def _slopes(rows: GroupedRows) -> pd.DataFrame:
    within = common_slopes(rows)
    own = within.quantities.iloc[0]
    line = least_squares(np.column_stack([np.ones(rows.N), rows.x]), rows.y)
    return pd.DataFrame(
        {
            POOLED: _slope(line),
            WITHIN: [own["estimate"], own["se"], own["df"], within.sigma, np.nan],
            BETWEEN: _slope(means_regression(rows)),
            BETWEEN_N: _slope(means_regression(rows, "n")),
        },
        index=["estimate", "se", "df", "sigma", "intercept"],
    ).T.rename_axis("estimator")


def _slope(fit: LeastSquares) -> list[float]:
    estimate = fit.estimate
    se = float(np.sqrt(estimate.cov[1, 1]))
    return [estimate.value[1], se, estimate.df[1], fit.sigma, estimate.value[0]]
