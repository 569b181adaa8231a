"""Expected responses at the level of the population or of the group, and residuals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierbayes.design.complete import complete_rows
from hierbayes.design.matrices import columns_needed
from hierbayes.errors import DataError
from hierbayes.fit.fitted import Fitted
from hierbayes.frames.arrays import Integers

_NEW_GROUPS = ("refuse", "population")
_GROUP_MEANS = ("remembered", "own")


def predict(
    fit: Fitted,
    data: pd.DataFrame | None,
    *,
    level: int,
    new_groups: str,
    group_means: str = "remembered",
) -> pd.Series:
    """X γ (level 0) or X γ + Z u (level 1), for the rows of the fit or for new ones."""
    if not isinstance(level, int | np.integer) or level not in (0, 1):
        raise DataError(f"level must be 0 (population) or 1 (group), not {level!r}")
    if new_groups not in _NEW_GROUPS:
        raise DataError(f"new_groups must be one of {', '.join(_NEW_GROUPS)}, not {new_groups!r}")
    if group_means not in _GROUP_MEANS:
        raise DataError(
            f"group_means must be one of {', '.join(_GROUP_MEANS)}, not {group_means!r}"
        )
    design = fit.design
    if data is None:
        X, Z, codes, index = design.rows.X, design.rows.Z, design.rows.codes, design.rows.index
    else:
        if not isinstance(data, pd.DataFrame):
            raise DataError(f"data must be a pandas DataFrame, not {type(data).__name__}")
        data = _new_rows(fit, data, random=level == 1)
        X, Z = design.columns.new_matrices(data, random=level == 1, own_means=group_means == "own")
        index = data.index
        codes = _codes(fit, data, new_groups) if level == 1 else np.zeros(len(data), dtype=np.intp)
    mean = X @ fit.gamma
    if level == 1:
        u = np.vstack([fit.u, np.zeros(Z.shape[1])])  # last: unknown
        mean = mean + (Z * u[codes]).sum(axis=1)
    return pd.Series(mean, index=index, name="predicted")


def residuals(fit: Fitted, *, level: int, standardized: bool) -> pd.Series:
    """y minus its prediction at a level."""
    rest = fit.design.rows.y - predict(fit, None, level=level, new_groups="refuse")
    if standardized:
        rest = rest / fit.sigma
    return rest.rename("residual")


def _new_rows(fit: Fitted, data: pd.DataFrame, *, random: bool) -> pd.DataFrame:
    spec = fit.design.specification
    needed = [*columns_needed(spec.fixed)]
    if random:
        needed += [*columns_needed(*spec.random_effects), spec.group]
    names = [name for name in dict.fromkeys(needed) if name in data.columns or name == spec.group]
    frame, _, dropped = complete_rows(data, names)
    if dropped.rows:
        worst = next(iter(dropped.by_column))
        raise DataError(
            f"'{worst}' is missing in {dropped.by_column[worst]} of the new rows; predictions need "
            "complete rows"
        )
    return frame


def _codes(fit: Fitted, data: pd.DataFrame, new_groups: str) -> Integers:
    """Position of each row's group among those of the fit; J for a new one."""
    factor = fit.design.factor
    labels = data[factor.name]
    codes = factor.find(labels)
    if (codes < 0).any():
        first = labels.iloc[int((codes < 0).argmax())]
        if new_groups == "refuse":
            raise DataError(
                f"{factor.no_group(first)}; use level=0, or new_groups='population' to predict it "
                "with u = 0"
            )
        codes = np.where(codes < 0, factor.J, codes)
    return codes
