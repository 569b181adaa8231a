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
from hierbayes.frames.arrays import Floats


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
    values, labels = _numbers(x, _state), np.asarray(group)
    if "means" not in _state:
        _state["means"] = _means(values, labels)
    means: pd.Series = _state["means"]
    unknown = ~pd.Index(labels).isin(means.index)
    if unknown.any():
        means = pd.concat([means, _means(values[unknown], labels[unknown])])
    index = x.index if isinstance(x, pd.Series) else None
    return pd.Series(means.reindex(labels).to_numpy(), index=index)


@stateful_transform
def dvar(x: Any, group: Any, _state: Any = None) -> pd.Series:
    """Deviation of x from its group mean, one value a row: x centred within groups."""
    means = cvar(x, group, _state=_state)
    return pd.Series(_numbers(x, _state) - means.to_numpy(), index=means.index)


CONTEXT = {"cvar": cvar, "dvar": dvar}


def _means(values: Floats, labels: Any) -> pd.Series:
    """Mean of the values in each group, by label."""
    return pd.Series(values).groupby(labels, sort=False).mean()


def _numbers(x: Any, state: dict[str, Any]) -> Floats:
    """Numbers as they are; a factor with two levels as 0 and 1, its levels remembered."""
    series = pd.Series(x)
    is_factor = isinstance(series.dtype, pd.CategoricalDtype) or series.dtype.kind in "OU"
    if "levels" not in state:
        state["levels"] = list(series.astype("category").cat.categories) if is_factor else None
        if is_factor and len(state["levels"]) != 2:
            raise DataError(
                f"cvar and dvar need numbers or a factor with two levels; this one has "
                f"{len(state['levels'])}: {', '.join(map(str, state['levels'][:5]))}"
            )
    levels = state["levels"]
    if levels is None:
        return series.to_numpy().astype(np.float64)
    codes = pd.Index(levels).get_indexer(pd.Index(np.asarray(series)))
    if (codes < 0).any():
        raise DataError(
            f"cvar and dvar: the level '{series.iloc[int((codes < 0).argmax())]}' is not among "
            f"those of the fit ({', '.join(map(str, levels))})"
        )
    return codes.astype(np.float64)
