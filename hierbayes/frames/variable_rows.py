"""What is said of one variable: its level, what it is derived from, its kind and variances."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Booleans
from hierbayes.frames.constancy import FACTOR, kind_of
from hierbayes.frames.derivation import (
    as_numbers,
    group_deviations,
    group_statistics,
    source_between,
    source_within,
)
from hierbayes.frames.grouping import Groups, one_way_variances

LEVEL1, CENTRED, LEVEL2, DERIVED = "1", "1, centred", "2", "2, derived"
CONSTANT, MISSING = "constant", "all missing"


def levels_and_sources(
    columns: dict[str, pd.Series], inner: dict[str, pd.Series], groups: Groups
) -> dict[str, tuple[str, str]]:
    """The level of each variable, and what it is derived from."""
    statistics, deviations = group_statistics(inner, groups), group_deviations(inner, groups)
    found = {}
    for name, column in columns.items():
        if name in inner:
            source = source_within(column, groups, deviations)
            found[name] = (CENTRED if source else LEVEL1, source)
        elif column[groups.codes >= 0].nunique() < 2:
            known = column[groups.codes >= 0].notna().any()
            found[name] = (CONSTANT if known else MISSING, "")
        else:
            source = source_between(column, groups, statistics)
            found[name] = (DERIVED if source else LEVEL2, source)
    return found


def kind_and_variances(column: pd.Series, varies: Booleans, groups: Groups) -> tuple[object, ...]:
    """Kind, categories, missing values and variances of one variable."""
    kind = kind_of(column)
    values = as_numbers(column)
    within, between = (np.nan, np.nan) if values is None else one_way_variances(values, groups)
    if not varies.any():
        within *= 0.0  # not merely small
    whole = within + between
    icc = between / whole if whole > 0.0 else np.nan
    categories = column.nunique() if kind == FACTOR else pd.NA
    missing = int(column.isna().sum())
    return kind, categories, missing, int(varies.sum()), within, between, icc
