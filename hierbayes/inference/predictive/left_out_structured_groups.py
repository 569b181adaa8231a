r"""Groups left out at draws of a posterior whose errors have a structure.

Given θ and R, rows multiplied by R^(−1/2) have equal independent errors, and a group is left out of
them as of any (`left_out_groups`); the density of its y has the determinant of R_j besides.  R is
that of each draw.
"""

from __future__ import annotations

import numpy as np

from hierbayes.fit.structured.each_errors import draws_by_errors
from hierbayes.fit.structured.posterior import StructuredPosteriorFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.influence.whitened import log_scales_of_rows, whitened
from hierbayes.inference.predictive.left_out_groups import densities_at
from hierbayes.likelihood.reading import Reading


def structured_densities(fit: StructuredPosteriorFit, k: int, reading: Reading) -> Floats:
    """Log p(y_j | y_−j, θ, R) (J, M) of each group of factor k at each draw.

    Errors are correlated inside groups of every factor, which a model is refused without.
    """
    problem, theta = fit.problem, fit.theta.flat
    codes, J = fit.design.rows.codes_of[k], fit.design.factors[k].J
    found = np.empty((J, len(theta.sigma)))
    for z, at in draws_by_errors(fit.z):
        weighted = problem.weighted(z)
        alike = densities_at(whitened(weighted), k, theta.at(at), fit.gamma_prior, reading)
        half_log_det = np.bincount(codes, log_scales_of_rows(weighted), J)
        found[:, at] = alike - half_log_det[:, None]
    return found
