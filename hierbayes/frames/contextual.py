"""Contextual variables in a formula: the group mean of x and the deviation from it.

``cvar(x, g)`` is the mean of x in the row's group, the contextual variable;
``dvar(x, g) = x − cvar(x, g)`` is x centred within groups.  The means of the
groups a model was fitted on are remembered: in new data a known group keeps
its mean, and an unknown group gets the mean of its own new rows.

Source: the lecture slides *Mixed Models with R*, "Contextual effects".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from formulaic.transforms import stateful_transform

from hierbayes.errors import DataError


def group_means(x: Any, group: Any) -> pd.Series:
    """Mean of x in each group, a Series by group label.

    Raises
    ------
    DataError
        When x is not numeric, or a factor with other than two levels.
    """
    values = _numbers(x)
    return pd.Series(values).groupby(np.asarray(group), sort=False).mean()


@stateful_transform
def cvar(x: Any, group: Any, _state: Any = None) -> pd.Series:
    """Group mean of x, one value a row: the contextual variable.

    Parameters
    ----------
    x : (n,) numbers, booleans or a factor with two levels (a proportion)
    group : (n,) group labels

    Returns
    -------
    (n,) Series
    """
    labels = np.asarray(group)
    if "means" not in _state:
        _state["means"] = group_means(x, labels)
    means: pd.Series = _state["means"]
    unknown = ~pd.Index(labels).isin(means.index)
    if unknown.any():
        own = group_means(_numbers(x)[unknown], labels[unknown])
        means = pd.concat([means, own])
    index = x.index if isinstance(x, pd.Series) else None
    return pd.Series(means.reindex(labels).to_numpy(), index=index)


@stateful_transform
def dvar(x: Any, group: Any, _state: Any = None) -> pd.Series:
    """Deviation of x from its group mean, one value a row: x centred within groups."""
    means = cvar(x, group, _state=_state)
    return pd.Series(_numbers(x) - means.to_numpy(), index=means.index)


CONTEXT = {"cvar": cvar, "dvar": dvar}


def _numbers(x: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    series = pd.Series(x)
    if isinstance(series.dtype, pd.CategoricalDtype) or series.dtype.kind in "OU":
        factor = series.astype("category")
        if len(factor.cat.categories) != 2:
            raise DataError(
                f"cvar and dvar need numbers or a factor with two levels; this one has "
                f"{len(factor.cat.categories)}: {', '.join(map(str, factor.cat.categories[:5]))}"
            )
        return factor.cat.codes.to_numpy().astype(np.float64)
    return series.to_numpy().astype(np.float64)
