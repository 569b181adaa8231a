r"""A row left out of a Gaussian model, exactly given θ.

Given γ and the effects of other factors, a row and the others of its group are jointly normal,
and so is y_i given them.  With K = (Z_j'Z_j + σ²G⁻¹)⁻¹, û = KZ_j'r_j of what is left of the
response, e_i = r_i − z_i'û and h_i = z_i'Kz_i,

    y_i | y_−i, γ, θ  is normal with error e_i/(1 − h_i) and variance σ²/(1 − h_i).

The same holds with γ and all u integrated out, where h_i is the leverage of the row and e_i its
conditional residual.  With errors of covariance σ²R, 1 − h is σ²P_ii and e is R⁻¹ of the residuals,
with P as in `row_variances`: y_i is then also given the errors of the others.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.design import Design
from hierbayes.design.rows import Rows
from hierbayes.fit.point import PointFit
from hierbayes.fit.predictions.densities_of_errors import log_normal
from hierbayes.fit.predictions.expected import linear_predictor
from hierbayes.fit.predictions.parameter_draws import ParameterDraws
from hierbayes.fit.predictions.prediction_rows import rows_to_predict
from hierbayes.frames.arrays import Floats, Integers
from hierbayes.inference.residuals.anchor import Anchor
from hierbayes.inference.residuals.row_variances import (
    room_of,
    row_variances,
    weighed_residuals,
)


def densities_given_estimates(fit: PointFit, some: Rows) -> tuple[Floats, Floats]:
    """Log density (n,) of some rows, each given all others, θ̂ that of all, and given all rows.

    γ and u are integrated out in both.  The first is −inf where a row alone carries a coefficient.
    """
    problem = fit.problem.of_rows(some).holding_sigma
    at, sigma = Anchor(problem, fit.any_state), fit.sigma * some.row_sd
    rows = row_variances(at)
    eta = linear_predictor(fit, rows_to_predict(problem.design, None))
    error = (some.observed - np.asarray(eta)) / sigma
    weighed = weighed_residuals(at, error)
    room = room_of(rows.precision, rows.own_precision)
    left_out = np.nan_to_num(log_normal(sigma * weighed / room, sigma**2 / room), nan=-np.inf)
    own = rows.own_precision
    variance = (1.0 + (own - rows.precision) / own) / own
    return left_out, log_normal(sigma * weighed / own, sigma**2 * variance)


def densities_given_draws(design: Design, draws: ParameterDraws, row: int) -> Floats:
    """Log p(y_i | y_−i, γ, θ) (M,) of a row at each draw, u of its group integrated out.

    The group is that of the factor with most groups; effects of other factors are those of the
    draw.

    Parameters
    ----------
    design : Design
        Of a Gaussian response.
    draws : ParameterDraws
    row : int
    """
    k = int(np.argmax([factor.J for factor in design.factors]))
    rows, span = design.rows, design.spans[k]
    members = np.flatnonzero(rows.codes_of[k] == rows.codes_of[k][row])
    sd = np.broadcast_to(rows.row_sd, len(rows.codes_of[k]))
    Z, z = rows.Z[members][:, span] / sd[members, None], rows.Z[row, span] / sd[row]
    of_group = _left_over(design, draws, k, members, Z / sd[members, None])
    of_row = _left_over(design, draws, k, np.array([row]), np.ones((1, 1)))[:, 0] / sd[row]
    sigma = draws.phi[:, 0]
    root = draws.root[:, span, span] / sigma[:, None, None]
    rooted = np.swapaxes(root, 1, 2)
    inner = np.eye(len(z)) + rooted @ (Z.T @ Z) @ root
    turned = z @ root  # (M, q)
    solved = np.linalg.solve(inner, turned[..., None])[..., 0]
    h = (turned * solved).sum(axis=1)
    error = of_row - (solved * (rooted @ of_group[..., None])[..., 0]).sum(axis=1)
    room = 1.0 - h
    return log_normal(sd[row] * error / room, (sd[row] * sigma) ** 2 / room)


def _left_over(
    design: Design, draws: ParameterDraws, k: int, members: Integers, weights: Floats
) -> Floats:
    """Weighted sums (M, w) over rows of y − Xγ − Zu, without the effects of factor k.

    Parameters
    ----------
    design : Design
    draws : ParameterDraws
    k : int
    members : (m,) int
        The rows.
    weights : (m, w) float
    """
    rows = design.rows
    total: Floats = weights.T @ rows.response[members] - draws.gamma @ (rows.X[members].T @ weights)
    for other, (codes, span) in enumerate(zip(rows.codes_of, design.spans, strict=True)):
        if other == k:
            continue
        places, inverse = np.unique(codes[members], return_inverse=True)
        Z = rows.Z[members][:, span]
        for at, j in enumerate(places):
            own = inverse == at
            total = total - draws.us[other][:, j] @ (Z[own].T @ weights[own])
    return total
