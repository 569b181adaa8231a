"""What stands in the panels of a trellis: their order, and the grouping factors of a fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from hierbayes.design.group_codes import group_labels
from hierbayes.errors import StudyError
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.constancy import varies_within
from hierbayes.frames.factor_pairs import NESTED, SAME
from hierbayes.frames.grouping import Groups
from hierbayes.plots.choice import ENGINES
from hierbayes.plots.fit_rows import fit_rows
from hierbayes.plots.scatter import Scatter


def panel_order(found: Scatter, codes: Integers, order: str | None) -> tuple[Floats, list[str]]:
    """What each of J panels is ordered by, as a number and in words.

    Parameters
    ----------
    found : Scatter
    codes : (n,) int
        Panel of each row.
    order : str or None
        ``"mean"`` (of y), ``"size"``, a column, or None for the order of the labels. Only a column
        has words.

    Raises
    ------
    StudyError
        When the column varies within a panel.
    """
    grouped = found.rows.groupby(codes, sort=True)
    J = grouped.ngroups
    match order:
        case None:
            return np.arange(J, dtype=np.float64), [""] * J
        case "mean":
            return grouped[found.y].mean().to_numpy(dtype=np.float64), [""] * J
        case "size":
            return grouped.size().to_numpy(dtype=np.float64), [""] * J
    if varies_within(found.rows[order], Groups((str(found.panel),), codes, pd.RangeIndex(J))).any():
        raise StudyError(
            f"'{order}' varies within '{found.panel}', and panels are ordered by a column that "
            "does not, or by 'mean' or 'size'"
        )
    first = grouped[order].first()
    if pd.api.types.is_numeric_dtype(first.dtype):
        return first.to_numpy(dtype=np.float64), [f"{value:.4g}" for value in first]
    levels = first.astype("category").cat
    return levels.codes.to_numpy(dtype=np.float64), list(map(str, first))


def refuse_other_fit(fit: object) -> None:
    """Refuse what is no fit.

    Raises
    ------
    StudyError
    """
    if not isinstance(fit, Fitted):
        raise StudyError(
            f"fit= takes what {ENGINES} returns, not an object of type {type(fit).__name__}"
        )


def with_factors(fit: Fitted, data: pd.DataFrame) -> pd.DataFrame:
    """Data with a column for each grouping factor that combines several, such as school:class."""
    made = {}
    for name, columns in fit.design.specification.columns_of.items():
        if name not in data and set(columns) <= set(data):
            known = data[list(columns)].notna().all(axis=1)
            made[name] = group_labels(data, columns).where(known)
    return data.assign(**made)


def with_numbers(fit: Fitted, data: pd.DataFrame) -> pd.DataFrame:
    """Data of a family's fit with numbers for a response that is texts or booleans."""
    name = fit.design.specification.response.strip("`")
    if fit.problem.family is None or name not in data:
        return data
    if is_numeric_dtype(data[name].dtype) and not is_bool_dtype(data[name].dtype):
        return data
    _ = fit_rows(fit, data)  # refuses other data
    numbers = np.full(len(data), np.nan)
    numbers[np.flatnonzero(fit.design.rows.kept)] = fit.problem.family_rows.observed
    return data.assign(**{name: numbers})


def outer_factors(fit: Fitted, k: int) -> tuple[int, ...]:
    """Places of the factors in whose groups those of factor k are nested."""
    names = fit.design.specification.factors
    pairs = [pair for pair in fit.problem.nesting.pairs if pair.kind in (NESTED, SAME)]
    outer = {pair.second for pair in pairs if pair.first == names[k]}
    outer |= {pair.first for pair in pairs if pair.second == names[k] and pair.kind == SAME}
    return tuple(place for place, name in enumerate(names) if name in outer)


def inner_factor(fit: Fitted | None, panel: str | None, by: str | None) -> int | None:
    """The place of a factor of the fit with several groups in a panel, if `by` is one."""
    if fit is None or len(fit.design.factors) == 1 or by == panel:
        return None
    names = fit.design.specification.factors
    if by not in names or panel not in names:
        return None
    k = names.index(by)
    return None if k in outer_factors(fit, names.index(panel)) else k
