r"""Log densities of rows whose errors are correlated, at each draw of γ, u, θ and R.

With errors e = y − Xγ − Zu of covariance σ²R within groups there are two densities of one row:
given the errors of all others of its group, or given those before it in time.  With R = LL' and
v = L⁻¹e in order of time,

    given the others:       error (R⁻¹e)_i/(R⁻¹)_ii,  variance σ²/(R⁻¹)_ii
    given those before it:  error L_ii v_i,           variance σ² L_ii²

p(y | γ, u, θ, R) divided by the first is that of the rows without the row, which leaves it out
exactly; the second add up to log p(y | γ, u, θ, R), and the first do not.

References
----------
Bürkner, Gabry & Vehtari (2021), *Computational Statistics* 36, 1243–1261.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.design.residual_blocks import normalised, own_precision, own_sd, weighed
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.frames.arrays import Floats, Integers


def log_normal(error: Floats, variance: Floats) -> Floats:
    """Log density of a normal number at an error from its mean."""
    return np.asarray(-0.5 * (np.log(2.0 * np.pi * variance) + error**2 / variance))


def given_other_errors(problem: Problem, draws: ParameterDraws) -> Floats:
    """Log p(y_i | y_−i, γ, u, θ, R) (M, n) of each row at each draw."""
    found, row_sd = _relative_errors(problem, draws), problem.design.rows.row_sd
    for at, z in _distinct(draws):
        own = own_precision(_errors_of(problem), z)
        error = weighed(_errors_of(problem), z, found[at].T).T / own
        variance = draws.phi[at, :1] ** 2 / own
        found[at] = log_normal(row_sd * error, row_sd**2 * variance)
    return found


def given_errors_before(problem: Problem, draws: ParameterDraws) -> Floats:
    """Log p(y_i | those before it, γ, u, θ, R) (M, n), in sum log p(y | γ, u, θ, R)."""
    found, row_sd = _relative_errors(problem, draws), problem.design.rows.row_sd
    for at, z in _distinct(draws):
        sd = own_sd(_errors_of(problem), z)
        error = sd * [normalised(_errors_of(problem), z, one) for one in found[at]]
        variance = (draws.phi[at, :1] * sd) ** 2
        found[at] = log_normal(row_sd * error, row_sd**2 * variance)
    return found


def _errors_of(problem: Problem) -> ResidualRows:
    assert problem.moments is not None
    return problem.moments.rows


def _relative_errors(problem: Problem, draws: ParameterDraws) -> Floats:
    """y − Xγ − Zu (M, n) of each draw, over the standard deviations that rows are given."""
    rows = problem.design.rows
    eta = draws.linear(rows_to_predict(problem.design, None))
    return np.asarray((rows.observed - eta) / rows.row_sd)


def _distinct(draws: ParameterDraws) -> Iterator[tuple[Integers, Floats]]:
    """Each z of the draws, and which draws have it."""
    distinct, place = np.unique(draws.phi[:, 1:], axis=0, return_inverse=True)
    for k, z in enumerate(distinct):
        yield np.flatnonzero(place.ravel() == k), z
