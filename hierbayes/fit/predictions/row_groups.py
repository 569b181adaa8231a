"""Groups of an ArviZ tree that hold a number for each draw and row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hierbayes.fit.predictions.law_of_rows import law_of, observed_responses
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.fit.storage import as_stored, observed_variable

if TYPE_CHECKING:
    import xarray as xr

    from hierbayes.design.problem import Problem


def posterior_predictive(problem: Problem, draws: ParameterDraws) -> xr.Dataset:
    """A new response of each row at each draw, its group keeping its effects."""
    problem.refuse_correlated_errors("posterior_predictive=")
    rows = rows_to_predict(problem.design, None)
    pieces = draws.of_rows(rows, law_of(problem, rows), "response")
    return by_draw_and_row(problem, draws, [as_stored(problem, values) for _, values in pieces])


def log_likelihood(problem: Problem, draws: ParameterDraws) -> xr.Dataset:
    """Log density of each row given γ, u and dispersion of each draw: conditional, by row."""
    problem.refuse_correlated_errors("log_likelihood=")
    rows = rows_to_predict(problem.design, None)
    pieces = draws.log_densities(rows, law_of(problem, rows), observed_responses(problem))
    return by_draw_and_row(problem, draws, [values for _, values in pieces])


def by_draw_and_row(
    problem: Problem, draws: ParameterDraws, pieces: list[np.ndarray]
) -> xr.Dataset:
    """Under the name and with the rows that the observed responses have in a tree."""
    import xarray as xr  # noqa: PLC0415

    values = np.concatenate(pieces, axis=1).reshape(*draws.shape, -1)
    name, index = observed_variable(problem.design)
    coords = {"chain": np.arange(draws.shape[0]), "draw": np.arange(draws.shape[1]), "obs": index}
    return xr.Dataset({name: (("chain", "draw", "obs"), values)}, coords=coords)
