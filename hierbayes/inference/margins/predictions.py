"""Expected responses, row by row or averaged, in the words of marginaleffects."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import DataError
from hierbayes.fit.fit import Fit
from hierbayes.frames.named_columns import require_frame
from hierbayes.inference.margins.arguments import (
    Effects,
    asked_of_call,
    effects_in_words,
    needed_rows,
    shown_columns,
)
from hierbayes.inference.margins.averages import By, averages_of
from hierbayes.inference.margins.combination import ITSELF
from hierbayes.inference.margins.contrasts import Variables, asked_variables, levels_of
from hierbayes.inference.margins.expected_rows import expected_rows
from hierbayes.inference.margins.margins import Margins, Request, margins_of
from hierbayes.inference.margins.quantity import Quantity
from hierbayes.inference.margins.stated_values import stated_values


def predictions(
    fit: Fit,
    newdata: pd.DataFrame | None = None,
    *,
    variables: Variables = None,
    by: By = False,
    effects: Effects = "all",
    kind: str = "mean",
    group_means: str = "remembered",
    prob: float = DEFAULT_PROB,
    uncertainty: str | None = None,
    seed: int | None = None,
) -> Margins:
    """Expected responses, row by row or averaged.

    Parameters
    ----------
    fit : Fit
        By any engine, of any family.
    newdata : DataFrame, optional
        The rows, as the data of the fit or a `datagrid`; by default the rows of the fit, of which
        it keeps no columns that could be named in `by` or `variables`.
    variables : mapping, str or list of str, optional
        Columns that are set to each of several values in every row, as in ``{"ses": [-1, 1]}``; of
        labels the name alone stands for all levels.  Averages keep these values apart.
    by : bool, str or sequence of str
        What is averaged: nothing (False), all rows (True), or the rows of each combination of
        these columns.
    effects : str or sequence of str
        ``"all"`` random effects, those of the row's own group; ``"none"``, u = 0; ``"new"``, the
        average over new groups, u ~ N(0, G), which for a Gaussian response is that of u = 0 and
        for others is computed by quadrature; or the effects of the grouping factors named.
    kind : str
        The ``"mean"`` of the response (of counts out of trials their share, of nominal categories
        their probabilities), the ``"linear"`` predictor, or of categories the ``"probability"``.
    group_means : str
        What ``cvar``, ``dvar`` and ``lvar`` take for the mean of a group, as in `Fit.predict`.
    prob : float
        Inside the limits.
    uncertainty : str, optional
        Of a maximum: ``"plug-in"``, given θ̂ (and φ̂), or ``"theta"``, see `Fit.predict`.
    seed : int, optional
        Of what has to be drawn.

    Returns
    -------
    Margins

    Raises
    ------
    DataError, EstimationError
        When an argument has no meaning, or the rows cannot be used.
    InferenceError
        When it is no fit.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> fit = hb.Model("mathach ~ ses * Sector + (1 | school)", data=hs).reml()
    >>> hb.predictions(fit, hs, by="Sector", effects="none").table.round(2)
         Sector  estimate    se  lower  upper
    0  Catholic     13.61  0.44  12.76  14.47
    1    Public     11.49  0.47  10.57  12.41
    """
    asked = asked_of_call(fit, "predictions", effects, kind, group_means)
    rows, varied = newdata, _names(variables)
    if newdata is not None:
        require_frame(newdata, "newdata")
    if variables is not None:
        rows = _at_values(fit, needed_rows(newdata, "variables"), variables)
    index = fit.design.rows.index if rows is None else rows.index
    averages = averages_of(by, rows, index, varied, shown_columns(fit, rows, None))
    one = Quantity("", "", (expected_rows(fit, rows, asked),), averages, ITSELF)
    request = Request(Interval(prob), uncertainty, seed)
    return margins_of(fit, "Predictions", [one], request, effects_in_words(fit, asked))


def _names(variables: Variables) -> tuple[str, ...]:
    if isinstance(variables, str):
        return (variables,)
    return () if variables is None else tuple(variables)


def _at_values(fit: Fit, rows: pd.DataFrame, variables: Variables) -> pd.DataFrame:
    """Every row once for each combination of values."""
    columns = fit.design.columns
    values: dict[str, list[Any]] = {}
    for name, given in asked_variables(columns, rows, variables).items():
        found = levels_of(columns, rows[name]) if given is None else given
        if found is None:
            raise DataError(
                f"'{name}' is a number: say at which values, as in variables={{'{name}': [0, 1]}}"
            )
        several = isinstance(found, list | tuple | np.ndarray | pd.Series | pd.Index)
        values[name] = stated_values(columns, rows[name], list(found) if several else [found])
    each = [
        rows.assign(**dict(zip(values, some, strict=True))) for some in product(*values.values())
    ]
    return pd.concat(each)
