"""The order of panels: by label, mean, size, or a column that is constant within them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.errors import StudyError
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.frames.constancy import varies_within
from hierbayes.frames.grouping import Groups
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
