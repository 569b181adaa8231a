"""Draws of predictions with their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hierbayes.design.design import Design
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import PredictionRows
from hierbayes.fit.predictions.response_law import ResponseLaw
from hierbayes.frames.arrays import Floats

if TYPE_CHECKING:
    import xarray as xr


def labelled_predictions(
    design: Design, draws: ParameterDraws, rows: PredictionRows, law: ResponseLaw, kind: str
) -> xr.DataArray:
    """Draws (chain, draw, obs) of predictions; of several numbers a row also by category.

    Parameters
    ----------
    design : Design
    draws : ParameterDraws
    rows : PredictionRows
    law : ResponseLaw
        Of these rows.
    kind : str
        As in `ParameterDraws.of_rows`.
    """
    pieces = [values for _, values in draws.of_rows(rows, law, kind)]
    values = np.concatenate(pieces, axis=1) if pieces else np.empty((draws.M, 0))
    return labelled(design, draws, rows, law, kind, values)


def labelled(
    design: Design,
    draws: ParameterDraws,
    rows: PredictionRows,
    law: ResponseLaw,
    kind: str,
    values: Floats,
) -> xr.DataArray:
    """The same of values (M, n) that have been drawn."""
    import xarray as xr  # noqa: PLC0415  # loads slowly

    dims: tuple[str, ...] = ("chain", "draw", "obs")
    coords = {
        "chain": np.arange(draws.shape[0]),
        "draw": np.arange(draws.shape[1]),
        "obs": np.asarray(rows.index),
    }
    names = law.categories if kind == "probability" else design.columns.predictors
    if kind in ("probability", "linear") and names:
        values = values.reshape(draws.M, len(rows.index), len(names))
        dims, coords["category"] = (*dims, "category"), np.array(names, dtype=object)
    values = values.reshape(*draws.shape, *values.shape[1:])
    attributes: dict[str, object] = {"of": kind, "source": draws.source, "seed": draws.seed}
    if kind == "response" and law.categories:
        attributes["categories"] = list(law.categories)  # of the numbers 0, 1, …
    return xr.DataArray(values, dims=dims, coords=coords, name="predicted", attrs=attributes)
