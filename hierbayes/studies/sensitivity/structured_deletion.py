"""Groups left out of a posterior whose errors have a structure, each draw with its own R.

At an R rows are multiplied by the root of its inverse, and groups inside which errors are
correlated leave them whole; ½ log|R_j| of the group leaves with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from hierbayes.design.crossproducts import within_totals
from hierbayes.design.design import Design
from hierbayes.display.steps import steps
from hierbayes.fit.structured.densities import StructuredDensities
from hierbayes.fit.structured.each_errors import draws_by_errors
from hierbayes.frames.arrays import Floats
from hierbayes.inference.influence.whitened import log_scales_of_rows, whitened
from hierbayes.likelihood.conditional import NormalPrior
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.of_products import AnyLikelihood, likelihood_of
from hierbayes.likelihood.reading import NORMAL, REML, Reading
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet


def structured_cases(
    densities: StructuredDensities,
    baseline: PriorSet,
    sets: list[PriorSet],
    k: int,
    *,
    progress: bool,
) -> Iterator[tuple[int, int, Floats, Floats]]:
    """Group j of factor k left out (J for none), priors a, log ratios (M,), γ means (M, p).

    Ratios are to the baseline; nothing left out under the first priors comes first.
    """
    change = [densities.log_ratio_of_variances(one, baseline) for one in sets]
    before = densities.log_likelihood(baseline)
    values, gammas = _without_each(densities, sets, k, progress=progress)
    J = values.shape[2] - 1
    for a in range(len(sets)):
        for j in (J, *range(J)):
            yield j, a, values[a, :, j] + change[a] - before, gammas[a, :, j]


def _without_each(
    densities: StructuredDensities, sets: list[PriorSet], k: int, *, progress: bool
) -> tuple[Floats, Floats]:
    """Log likelihoods (A, M, J + 1) without each group and with all, and means of γ (..., p)."""
    problem, theta = densities.problem, densities.theta
    factor, codes = problem.design.factors[k], problem.design.rows.codes_of[k]
    M, p = densities.gamma.shape
    values = np.empty((len(sets), M, factor.J + 1))
    gammas = np.empty((*values.shape, p))
    read: list[tuple[Reading, NormalPrior]] = [  # of columns as they are, however errors weigh rows
        (REML if one.gamma_is_flat else NORMAL, one.normal_gamma(problem.products)) for one in sets
    ]
    cases = list(draws_by_errors(densities.z))
    with steps(len(cases), "errors of draws", progress=progress) as shown:
        for i in shown:
            z, at = cases[i]
            weighted = problem.weighted(z)
            own = np.bincount(codes, log_scales_of_rows(weighted), factor.J)  # ½ log|R_j|
            likelihood = likelihood_of(weighted.products)
            design = whitened(weighted).design
            found, gammas[:, at] = _of_equal_errors(likelihood, design, theta.at(at), read, k)
            values[:, at] = found - own.sum() + np.append(own, 0.0)
    return values, gammas


def _of_equal_errors(
    likelihood: AnyLikelihood,
    design: Design,
    theta: Theta,
    read: list[tuple[Reading, NormalPrior]],
    k: int,
) -> tuple[Floats, Floats]:
    """The same (A, m, J + 1) and (..., p) at m θ, of rows whose errors are equal."""
    if isinstance(likelihood, Likelihood):
        totals = within_totals(design.rows, likelihood.cross)
        both = [
            replace(likelihood, reading=reading, prior=prior).without_groups(theta, totals)
            for reading, prior in read
        ]
        return np.array([one[0] for one in both]), np.array([one[1] for one in both])
    J = design.factors[k].J
    values = np.full((len(read), len(theta.sigma), J + 1), -np.inf)
    gammas = np.zeros((*values.shape, len(design.terms)))
    left = likelihood.without_levels(theta, design, k)
    for j, reduction in chain([(J, likelihood.reduce(theta))], left):
        for a, (reading, prior) in enumerate(read):
            if reading == NORMAL or reduction.tells_gamma:
                values[a, :, j] = reduction.log_density(prior, reading)
                gammas[a, :, j] = reduction.gamma_means(prior, reading)
    return values, gammas
