r"""Rows given the errors of the others of their group, at each draw of a posterior.

With errors e = y − Xγ − Zu of covariance σ²R, a row given all others, γ, u, θ and R is normal, with
error (R⁻¹e)_i/(R⁻¹)_ii and variance σ²/(R⁻¹)_ii.

References
----------
Bürkner, Gabry & Vehtari (2021), *Computational Statistics* 36, 1243–1261.
"""

from __future__ import annotations

import numpy as np

from hierbayes.design.residual_blocks import own_precision, weighed
from hierbayes.fit.structured.posterior import StructuredPosteriorFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.predictive.left_out_rows import log_normal


def densities_given_errors(fit: StructuredPosteriorFit) -> Floats:
    """Log p(y_i | y_−i, γ, u, θ, R) (M, n) of each row at each draw."""
    rows, flat = fit.design.rows, fit.z.reshape(-1, fit.z.shape[-1])
    errors = _errors(fit) / rows.row_sd
    sigma = fit.theta.sigma.ravel()
    found = np.empty_like(errors)
    distinct, place = np.unique(flat, axis=0, return_inverse=True)
    for k, z in enumerate(distinct):
        at = np.flatnonzero(place.ravel() == k)
        own = own_precision(fit.error_rows, z)
        error = weighed(fit.error_rows, z, errors[at].T).T / own
        variance = sigma[at, None] ** 2 / own
        found[at] = log_normal(rows.row_sd * error, rows.row_sd**2 * variance)
    return found


def _errors(fit: StructuredPosteriorFit) -> Floats:
    """y − Xγ − Zu (M, n) of each draw."""
    rows, gamma = fit.design.rows, fit.gamma_draws.reshape(-1, len(fit.design.terms))
    errors: Floats = rows.response - gamma @ rows.X.T
    for u, codes, span in zip(fit.us, rows.codes_of, fit.design.spans, strict=True):
        drawn = u.reshape(len(gamma), *u.shape[2:])
        for effect, column in enumerate(rows.Z[:, span].T):
            errors -= drawn[:, codes, effect] * column
    return errors
