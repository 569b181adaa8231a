"""Rows at stated values, the other columns at their mean or most common value."""

from __future__ import annotations

from itertools import product
from typing import Any, Protocol

import numpy as np
import pandas as pd
from pandas import Categorical

from hierbayes.design.complete import complete_rows
from hierbayes.design.matrices import columns_needed
from hierbayes.design.problem import Problem
from hierbayes.design.variables import is_factor
from hierbayes.errors import DataError, in_quotes
from hierbayes.frames.named_columns import require_column, require_frame
from hierbayes.inference.margins.stated_values import stated_values


class Modelled(Protocol):
    """A model, or a fit of one."""

    @property
    def problem(self) -> Problem:
        """Its design on data."""


def datagrid(model: Modelled, newdata: pd.DataFrame | None = None, **values: Any) -> pd.DataFrame:
    """Every combination of stated values, the other columns of the model held.

    Numbers are held at their mean, labels and truth values at their most common value (the first
    of several).  Groups are in the grid where they are stated, or where the fixed part reads them
    (group means), and are then held so, too.

    Parameters
    ----------
    model : Model or Fit
    newdata : DataFrame, optional
        The data that means are taken over; needed for a fit, which does not keep its data.
    **values
        For each column that is stated a value, several in a list, or a function of the column
        that makes them, as in ``ses=[-1, 0, 1]`` or ``Sector=pd.unique``.

    Returns
    -------
    DataFrame
        The columns that the model reads, without its response.

    Raises
    ------
    DataError
        When there are no data, or a column or a level is not there, or a value is missing.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs)
    >>> hb.datagrid(model, ses=[-1, 1], Sector=["Catholic", "Public"])
       ses    Sector
    0   -1  Catholic
    1   -1    Public
    2    1  Catholic
    3    1    Public
    """
    problem = getattr(model, "problem", None)
    if not isinstance(problem, Problem):
        raise DataError(f"datagrid() takes a model or a fit, not {type(model).__name__}")
    data = getattr(model, "data", None) if newdata is None else newdata
    if data is None:
        raise DataError(
            "a fit keeps no columns of its data: give them to datagrid() as newdata=, or give it "
            "the model"
        )
    require_frame(data, "newdata")
    spec = problem.design.specification
    further = () if spec.trials is None else (spec.trials.other,)
    needed = columns_needed(spec.fixed, *spec.random_effects, spec.offsets)
    names = dict.fromkeys((*needed, *further, *spec.group_columns))
    used = [name for name in names if name in data.columns]
    unstated = [n for n in spec.group_columns if n not in (*values, *needed)]
    for name in values:
        require_column(name, data, "newdata")
        if name not in used:
            raise DataError(f"the model does not read '{name}'; it reads {in_quotes(used)}")
    rows, _, _ = complete_rows(data, used)
    stated = {name: _values(problem, rows[name], given) for name, given in values.items()}
    grid = pd.DataFrame(list(product(*stated.values())), columns=list(stated))
    held = {
        name: _most_common(rows[name])
        if name in spec.group_columns or is_factor(problem.design.columns, rows[name])
        else float(rows[name].mean())
        for name in used
        if name not in stated and name not in unstated
    }
    grid = grid if stated else pd.DataFrame(index=range(1))
    return grid.assign(**held)[[*stated, *held]]


def _values(problem: Problem, column: pd.Series, given: Any) -> list[Any]:
    """The values that are stated of a column, each once, or a refusal."""
    made = given(column) if callable(given) else given
    several = isinstance(made, list | tuple | np.ndarray | pd.Series | pd.Index | Categorical)
    return stated_values(problem.design.columns, column, list(made) if several else [made])


def _most_common(column: pd.Series) -> Any:
    """The value of most rows, the first of several."""
    return column.mode().iloc[0]
