"""Groups left out of a posterior whose errors have a structure, each draw with its own R.

At an R rows are multiplied by the root of its inverse, and groups inside which errors are
correlated leave them whole; ½ log|R_j| of the group leaves with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hierbayes.design.crossproducts import within_totals
from hierbayes.display.steps import steps
from hierbayes.errors import StudyError
from hierbayes.fit.structured.densities import StructuredDensities
from hierbayes.fit.structured.each_errors import draws_by_errors
from hierbayes.frames.arrays import Floats
from hierbayes.inference.influence.whitened import log_scales_of_rows, whitened
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.priors.prior_set import PriorSet


def structured_cases(
    densities: StructuredDensities, baseline: PriorSet, sets: list[PriorSet], *, progress: bool
) -> Iterator[tuple[int, int, Floats, Floats]]:
    """Group j left out (J for none), priors a, log ratios (M,) to the baseline, γ means (M, p).

    Nothing left out under the first priors comes first.

    Raises
    ------
    StudyError
        When there are several grouping factors.
    """
    design = densities.problem.design
    if len(design.factors) > 1:
        raise StudyError(
            "deletion() of a posterior with a residual structure is made for one grouping factor, "
            f"and this model has {len(design.factors)}"
        )
    change = [densities.log_ratio_of_variances(one, baseline) for one in sets]
    before = densities.log_likelihood(baseline)
    values, gammas = _without_each(densities, sets, progress=progress)
    J = values.shape[2] - 1
    for a in range(len(sets)):
        for j in (J, *range(J)):
            yield j, a, values[a, :, j] + change[a] - before, gammas[a, :, j]


def _without_each(
    densities: StructuredDensities, sets: list[PriorSet], *, progress: bool
) -> tuple[Floats, Floats]:
    """Log likelihoods (A, M, J + 1) without each group and with all, and means of γ (..., p)."""
    problem, theta = densities.problem, densities.theta
    factor, codes = problem.design.factors[0], problem.design.rows.codes_of[0]
    M, p = densities.gamma.shape
    values = np.empty((len(sets), M, factor.J + 1))
    gammas = np.empty((*values.shape, p))
    cases = list(draws_by_errors(densities.z))
    with steps(len(cases), "errors of draws", progress=progress) as shown:
        for i in shown:
            z, at = cases[i]
            weighted = problem.weighted(z)
            own = np.bincount(codes, log_scales_of_rows(weighted), factor.J)  # ½ log|R_j|
            likelihood = likelihood_of(weighted.products)
            assert isinstance(likelihood, Likelihood)
            totals = within_totals(whitened(weighted).design.rows, likelihood.cross)
            for a, priors in enumerate(sets):
                reading = REML if priors.gamma_is_flat else NORMAL
                prior = priors.normal_gamma(problem.products)
                under = replace(likelihood, reading=reading, prior=prior)
                found, gammas[a, at] = under.without_groups(theta.at(at), totals)
                values[a, at] = found - own.sum() + np.append(own, 0.0)
    return values, gammas
