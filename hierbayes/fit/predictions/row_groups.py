"""Groups of an ArviZ tree that hold a number for each draw and row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hierbayes.errors import DataError
from hierbayes.fit.predictions.correlated_draws import correlated_responses
from hierbayes.fit.predictions.densities_of_errors import given_errors_before, given_other_errors
from hierbayes.fit.predictions.law_of_rows import law_of, observed_responses
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.fit.storage import as_stored, observed_variable

if TYPE_CHECKING:
    import xarray as xr

    from hierbayes.design.problem import Problem

IN_TURN = "in turn"
_GIVEN_EFFECTS = "of each row given γ, u and the dispersion"
_GIVEN_OTHERS = f"{_GIVEN_EFFECTS}, and the other rows of its group; for az.loo, not az.psense"
_GIVEN_BEFORE = f"{_GIVEN_EFFECTS}, and the rows before it in its group; for az.psense, not az.loo"


def posterior_predictive(problem: Problem, draws: ParameterDraws) -> xr.Dataset:
    """A new response of each row at each draw, its group keeping its effects."""
    rows = rows_to_predict(problem.design, None)
    if problem.has_correlated_errors:
        return by_draw_and_row(problem, draws, [correlated_responses(problem, draws, rows)])
    pieces = draws.of_rows(rows, law_of(problem, rows), "response")
    return by_draw_and_row(problem, draws, [as_stored(problem, values) for _, values in pieces])


def log_likelihood(problem: Problem, draws: ParameterDraws, how: bool | str = True) -> xr.Dataset:
    """Log density of each row given γ, u and dispersion of each draw: conditional, by row.

    Where errors are correlated the row is given those of the others of its group as well, or, with
    ``"in turn"``, those before it, whose densities are in sum that of all rows.

    Raises
    ------
    DataError
        When ``how`` is another word.
    """
    if isinstance(how, str) and how != IN_TURN:
        raise DataError(f"log_likelihood={how!r} is not known; use True or {IN_TURN!r}")
    if problem.has_correlated_errors:
        of_rows, said = (
            (given_errors_before, _GIVEN_BEFORE)
            if how == IN_TURN
            else (given_other_errors, _GIVEN_OTHERS)
        )
        return by_draw_and_row(problem, draws, [of_rows(problem, draws)]).assign_attrs(density=said)
    rows = rows_to_predict(problem.design, None)
    pieces = draws.log_densities(rows, law_of(problem, rows), observed_responses(problem))
    found = by_draw_and_row(problem, draws, [values for _, values in pieces])
    return found.assign_attrs(density=_GIVEN_EFFECTS)


def by_draw_and_row(
    problem: Problem, draws: ParameterDraws, pieces: list[np.ndarray]
) -> xr.Dataset:
    """Under the name and with the rows that the observed responses have in a tree."""
    import xarray as xr  # noqa: PLC0415  # loads slowly

    values = np.concatenate(pieces, axis=1).reshape(*draws.shape, -1)
    name, index = observed_variable(problem.design)
    coords = {"chain": np.arange(draws.shape[0]), "draw": np.arange(draws.shape[1]), "obs": index}
    return xr.Dataset({name: (("chain", "draw", "obs"), values)}, coords=coords)
