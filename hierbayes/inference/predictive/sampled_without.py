r"""A group left out of a posterior that is sampled anew from the others.

The model of the other rows keeps the columns, the basis and the priors of all.  A normal prior of γ
that the columns' cross-products shape (`DesignNormal`) would be that of the others' columns; the
draws are weighted by the ratio of what each prior makes of p(y_−j | θ), which is nearly constant.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hierbayes.design.some_rows import with_rows
from hierbayes.errors import HierbayesError
from hierbayes.estimation.family_marginals import FamilyPoints
from hierbayes.estimation.posterior import sample_theta
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.of_family.densities import FamilyDensities
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.fit.of_family.sampled import sample_family_posterior
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.frames.arrays import Floats
from hierbayes.inference.influence.case import without_groups
from hierbayes.inference.predictive.left_out_family_groups import family_density, group_rows
from hierbayes.inference.predictive.left_out_groups import densities_at
from hierbayes.inference.predictive.pareto_smoothing import log_mean, smoothed
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL, REML

_DISAGREE = 1.05  # R-hat of the densities of a group, from which chains tell different things


def sampled_without(fit: PosteriorFit, k: int, j: int) -> tuple[float, str]:
    """Log p(y_j | y_−j) of group j of factor k, and why it cannot be trusted; empty where it can.

    It is missing where the sampler fails.
    """
    settings = replace(fit.evidence.settings, seed=fit.evidence.seed + 1 + j, progress=False)
    try:
        if isinstance(fit, FamilyPosteriorFit):
            weights, values = _of_family(fit, k, j, settings)
        else:
            weights, values = _of_products(fit, k, j, settings)
    except HierbayesError as error:
        return float("nan"), str(error)
    from arviz_stats.base import array_stats

    r_hat = array_stats.rhat(
        values.reshape(settings.chains, -1), method="rank", chain_axis=0, draw_axis=1
    )
    reason = f"chains disagree (R-hat {r_hat:.2f})" if r_hat > _DISAGREE else ""
    return float(log_mean(weights, values[None])[0]), reason


def _of_products(
    fit: PosteriorFit, k: int, j: int, settings: SamplerSettings
) -> tuple[Floats, Floats]:
    """Log weights (1, M) and log p(y_j | y_−j, θ) (M,)."""
    problem, priors = fit.problem, fit.priors
    assert priors is not None
    left = next(without_groups(problem, k, np.array([j])))
    theta = sample_theta(problem.design, left, priors, settings).theta.flat
    reading = REML if priors.gamma_is_flat else NORMAL
    wanted = priors.normal_gamma(problem.unweighted.products)
    values = densities_at(problem, k, theta, wanted, reading)[j]
    ratio = np.zeros(len(values))
    if priors.joint_gamma(left) is not None:
        reduction = likelihood_of(left).reduce(theta)
        ratio = reduction.log_density(wanted, reading)
        ratio = ratio - reduction.log_density(priors.normal_gamma(left), reading)
    return smoothed(ratio[None])[0], values


def _of_family(
    fit: FamilyPosteriorFit, k: int, j: int, settings: SamplerSettings
) -> tuple[Floats, Floats]:
    """The same of a family, whose draws have γ and φ too."""
    assert fit.priors is not None
    left = with_rows(fit.problem, ~group_rows(fit.problem, k, j))
    anew = sample_family_posterior(left, fit.priors, settings).densities
    assert isinstance(anew, FamilyDensities)
    points: FamilyPoints = anew.points
    M = len(points.gamma)
    return np.full((1, M), -np.log(M)), family_density(fit.problem, k, j, points)
