"""What all methods are asked for: a line in each level of the factor, and their differences.

A method's own parameters are the intercepts (at x = 0) and slopes of the L levels,
``(a_1, …, a_L, s_1, …, s_L)``.  The coefficients of the formula and the quantities that all
methods share are linear in them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats, Integers
from hierbayes.studies.estimators.grouped_rows import GroupedRows
from hierbayes.studies.estimators.linear_estimate import LinearEstimate


def level_columns(x: Floats, level: Integers, L: int) -> Floats:
    """Columns of one line per level, (n, 2L), from x and the level of each row."""
    dummies = (level[:, None] == np.arange(L)).astype(np.float64)
    return np.hstack([dummies, x[:, None] * dummies])


def to_coefficients(L: int) -> Floats:
    """Weights (2L, 2L) of the lines in the coefficients: a_1, s_1, a_l − a_1, s_l − s_1."""
    unit = np.eye(2 * L)
    first = [unit[0], unit[L]]
    rest = [unit[k] - unit[0] for k in range(1, L)] + [unit[L + k] - unit[L] for k in range(1, L)]
    return np.vstack([*first, *rest])


def to_lines(L: int) -> Floats:
    """Weights (2L, 2L) of the coefficients in the lines."""
    return np.linalg.inv(to_coefficients(L))


def slopes_to_quantities(L: int) -> Floats:
    """Weights (2L − 1, L) of the slopes in the shared quantities: s_l, and s_l − s_1."""
    unit = np.eye(L)
    return np.vstack([unit, unit[1:] - unit[0]])


def to_quantities(L: int) -> Floats:
    """Weights (2L − 1, 2L) of the lines in the shared quantities."""
    slopes = slopes_to_quantities(L)
    return np.hstack([np.zeros_like(slopes), slopes])


def to_differences(L: int) -> Floats:
    """Weights (2L − 2, 2L) of the lines in all differences from the first level."""
    return to_coefficients(L)[2:]


def quantity_names(rows: GroupedRows) -> pd.Index:
    """The slope of x in each level, and its difference from that of the first."""
    x = rows.predictor
    if rows.factor is None:
        return pd.Index([x], name="quantity")
    first = rows.levels[0]
    names = [f"{x} in {level}" for level in rows.levels]
    names += [f"{x}: {level} − {first}" for level in rows.levels[1:]]
    return pd.Index(names, name="quantity")


def line_names(rows: GroupedRows) -> pd.MultiIndex:
    """Intercept and slope of each level."""
    return pd.MultiIndex.from_product(
        [["Intercept", rows.predictor], list(rows.levels)], names=["coefficient", "level"]
    )


def line_tables(
    estimate: LinearEstimate, rows: GroupedRows, terms: pd.Index
) -> dict[str, pd.DataFrame]:
    """The tables of a `Method` that follow from its lines (2L,), under the names of its fields."""
    L, lines = rows.L, line_names(rows)
    return {
        "coefficients": estimate.combined(to_coefficients(L)).table(terms),
        "lines": estimate.table(lines),
        "lines_cov": estimate.covariance(lines),
        "quantities": estimate.combined(to_quantities(L)).table(quantity_names(rows)),
    }


def contextual_name(rows: GroupedRows) -> str:
    """The group mean of x as formulas write it."""
    return f"cvar({rows.predictor}, {rows.group})"


def between_terms(rows: GroupedRows) -> tuple[str, ...]:
    """The coefficients of the formula with the group mean in the place of x."""
    mean, L = contextual_name(rows), rows.L
    first, levels = rows.terms[:2], rows.terms[2 : 1 + L]
    return (first[0], mean, *levels, *(f"{mean}:{level}" for level in levels))
