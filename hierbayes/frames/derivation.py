"""Variables made from others: statistics of groups, and deviations from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.frames.arrays import Floats
from hierbayes.frames.constancy import BOOLEAN, DATE, FACTOR, as_floats, factor_codes, kind_of
from hierbayes.frames.grouping import Groups

TOLERANCE = 1e-8  # of the range of a variable
_MOST_LEVELS = 20  # of a factor whose shares are looked at

type Columns = Mapping[str, pd.Series]


@dataclass(frozen=True, slots=True, eq=False)
class GroupStatistics:
    """What a variable of level 2 may be derived from, (J,) each, by what it is.

    Parameters
    ----------
    moments : dict
        Numbers of rows; means and standard deviations of numbers.
    shares : dict
        Shares of truth, and of the levels of factors.
    """

    moments: dict[str, Floats]
    shares: dict[str, Floats]


def as_numbers(column: pd.Series) -> Floats | None:
    """Numbers, truth values and factors of two levels (the last is 1) as floats; nothing else.

    What is missing or infinite is NaN.
    """
    kind = kind_of(column)
    if kind == DATE:
        return None
    if kind != FACTOR:
        return _finite(column)
    codes = factor_codes(column)[0]
    used = np.unique(codes[codes >= 0])
    return np.where(codes < 0, np.nan, codes == used[-1]) if len(used) == 2 else None


def source_between(column: pd.Series, groups: Groups, statistics: GroupStatistics) -> str:
    """The statistic of groups that a column of level 2 equals, or is a cut of; empty if none."""
    first = groups.first(column.notna().to_numpy())
    has = first >= 0
    kind = kind_of(column)
    if kind not in (FACTOR, DATE):
        target = _finite(column)[first]
        for text, values in (statistics.moments | statistics.shares).items():
            if _equal(target[has], values[has]):
                return text
    if kind in (FACTOR, BOOLEAN):
        codes = factor_codes(column)[0][first]
        for text, values in statistics.shares.items():
            if _is_cut(codes[has], values[has]):
                return f"{text}: none, some or all"
    return ""


def source_within(column: pd.Series, groups: Groups, deviations: Mapping[str, Floats]) -> str:
    """The variable whose deviation from its group mean a column is; empty if none."""
    if kind_of(column) in (FACTOR, DATE):
        return ""
    values = _finite(column)
    if not _is_centred(values, groups):
        return ""
    known = ~np.isnan(values) & (groups.codes >= 0)
    for name, deviation in deviations.items():
        if name != column.name and _equal(values[known], deviation[known]):
            return f"deviation of {name} from its mean"
    return ""


def group_statistics(inner: Columns, groups: Groups) -> GroupStatistics:
    """The statistics of variables of level 1, and the size of the groups."""
    moments = {"number of rows": groups.sizes.astype(np.float64)}
    shares: dict[str, Floats] = {}
    for name, column in inner.items():
        kind = kind_of(column)
        if kind == BOOLEAN:
            shares[f"share of {name}"] = groups.means(_finite(column)).to_numpy()
        elif kind == FACTOR:
            shares |= _shares(name, column, groups)
        elif kind != DATE:
            values = pd.Series(_finite(column))
            moments[f"mean of {name}"] = groups.means(values).to_numpy()
            spread = values.groupby(groups.codes).std().reindex(range(groups.J))
            moments[f"standard deviation of {name}"] = spread.to_numpy()
    return GroupStatistics(moments, shares)


def group_deviations(inner: Columns, groups: Groups) -> dict[str, Floats]:
    """Numbers, and factors of two levels as 0 and 1, less their group means, (n,) each.

    What is centred within groups already is left out: it is its own deviation.
    """
    found = {}
    for name, column in inner.items():
        values = as_numbers(column)
        if values is None or _is_centred(values, groups):
            continue
        means = groups.means(values).to_numpy()
        found[name] = values - means[groups.codes]
        if kind_of(column) == FACTOR:
            found[f"{name} (reversed)"] = -found[name]
    return found


def _finite(column: pd.Series) -> Floats:
    """Numbers or truth values as floats; what is missing or infinite is NaN."""
    values = as_floats(column)
    return np.where(np.isinf(values), np.nan, values)


def _shares(name: str, column: pd.Series, groups: Groups) -> dict[str, Floats]:
    """The share of each level in each group."""
    codes, levels = factor_codes(column)
    if len(levels) > _MOST_LEVELS:
        return {}
    known = np.where(codes >= 0, 1.0, np.nan)
    return {
        f"share of {name} = {level}": groups.means(np.where(codes == code, 1.0, 0.0) * known)
        .to_numpy()
        for code, level in enumerate(levels)
        if (codes == code).any()
    }  # fmt: skip


def _is_centred(values: Floats, groups: Groups) -> bool:
    """Whether every group has mean 0."""
    means = groups.means(values).to_numpy()
    known = values[np.isfinite(values)]
    return bool(len(known)) and bool(np.nanmax(np.abs(means)) <= TOLERANCE * np.ptp(known))


def _equal(target: Floats, values: Floats) -> bool:
    if len(target) < 2:
        return False
    with np.errstate(invalid="ignore"):
        return bool((np.abs(target - values) <= TOLERANCE * np.ptp(target)).all())


def _is_cut(codes: Any, shares: Floats) -> bool:
    """Whether labels of groups, each of two groups or more, follow from none, some and all."""
    counts = np.unique(codes, return_counts=True)[1]
    if np.isnan(shares).any() or len(counts) < 2 or counts.min() < 2:
        return False
    thirds = np.where(shares == 0.0, 0, np.where(shares == 1.0, 2, 1))
    pairs = np.unique(np.stack([codes, thirds]), axis=1)
    return pairs.shape[1] == len(np.unique(thirds))
