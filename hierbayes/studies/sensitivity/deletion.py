"""Leave one group out, under each prior: whether it is the prior, or one school."""

from __future__ import annotations

import numpy as np
import xarray as xr

from hierbayes.design.crossproducts import within_totals
from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.propriety import refuse_improper
from hierbayes.studies.sensitivity.alternatives import Alternative
from hierbayes.studies.sensitivity.answers import Baseline
from hierbayes.studies.sensitivity.cells import Estimands
from hierbayes.studies.sensitivity.effect_quantities import FixedCombination
from hierbayes.studies.sensitivity.quantities import ICC, SD, Corr, Quantity, Sigma
from hierbayes.studies.sensitivity.weights import K_HAT_LIMIT, pareto_smoothed

BASELINE = "baseline"


def can_be_deleted(quantity: Quantity) -> bool:
    """Whether a quantity is read off without any group: linear in γ, or a function of θ."""
    return isinstance(quantity, FixedCombination | SD | Corr | Sigma | ICC)


def deletion(
    baseline: Baseline, alternatives: tuple[Alternative, ...], estimands: Estimands
) -> xr.Dataset:
    """Posterior means without each group in turn, under the baseline and under alternatives.

    Exact up to importance weights: the likelihood without a group comes from the
    cross-products less its own, and the mean of γ given θ is exact.

    Returns
    -------
    Dataset
        ``movement`` from the baseline's mean with all groups, in its posterior sds, by
        ``group`` (``"none"`` for no group left out, ``"(none)"`` where one is called that),
        ``alternative`` and ``quantity``; missing where Pareto ``k_hat`` (group, alternative) is
        above 0.7.

    Raises
    ------
    StudyError
        When a quantity is one of particular groups, or γ is not integrated out.
    PriorError
        When the posterior under an alternative is improper with all groups.
    """
    for quantity in estimands.quantities:
        if not can_be_deleted(quantity):
            raise StudyError(
                f"'{quantity.name}' cannot be followed as groups are left out; ask for effects, "
                "sd, corr, sigma or icc"
            )
    sets = {BASELINE: baseline.priors} | {one.name: one.priors for one in alternatives}
    for name, priors in sets.items():
        if not priors.collapses_gamma:
            raise StudyError(
                f"groups are left out with γ integrated out, and '{name}' has a prior of γ that is "
                "not normal"
            )
        refuse_improper(baseline.fit.problem, priors)
    totals = _totals(baseline)
    values = estimands.values(baseline.fit)
    mean, sd = values.flat.mean(axis=1), values.flat.std(axis=1)
    J = baseline.fit.design.J
    movement = np.full((J + 1, len(sets), len(sd)), np.nan)
    k_hat = np.empty((J + 1, len(sets)))
    for a, priors in enumerate(sets.values()):
        log_ratio, gammas = _without(baseline, priors, totals)
        draws = _draws(baseline.fit, gammas, estimands, values.flat)
        if priors is baseline.priors:
            mean = draws[J].mean(axis=1)
        for j in range(J + 1):
            weights = pareto_smoothed(log_ratio[:, j])
            k_hat[j, a] = weights.k_hat
            if weights.k_hat <= K_HAT_LIMIT:
                movement[j, a] = (draws[j] @ weights.values - mean) / sd
    groups = list(map(str, baseline.fit.design.groups))
    groups.append("(none)" if "none" in groups else "none")
    dims = ("group", "alternative", "quantity")
    return xr.Dataset(
        {"movement": (dims, movement), "k_hat": (dims[:2], k_hat)},
        coords={"group": groups, "alternative": list(sets), "quantity": estimands.names},
    )


def _totals(baseline: Baseline) -> Floats:
    design, cross = baseline.fit.design, baseline.fit.problem.cross
    return within_totals(design.rows, cross)


def _without(baseline: Baseline, priors: PriorSet, totals: Floats) -> tuple[Floats, Floats]:
    """Log ratios of posteriors (M, J+1) to the baseline's, and means of γ (M, J+1, p)."""
    densities, cross = baseline.densities, baseline.fit.problem.cross
    reading = REML if priors.gamma_is_flat else NORMAL
    likelihood = Likelihood(cross, reading, priors.normal_gamma(cross))
    values, gammas = likelihood.without_groups(densities.theta, totals)
    ratio = densities.log_ratio_of_variances(priors, baseline.priors)
    total: Floats = values + (ratio - densities.log_likelihood(baseline.priors))[:, None]
    return total, gammas


def _draws(fit: Fit, gammas: Floats, estimands: Estimands, flat: Floats) -> Floats:
    """Values (J+1, K, M) of every quantity, the effects at their means given θ."""
    M, J1, _ = gammas.shape
    result = np.empty((J1, len(estimands.quantities), M))
    for k, quantity in enumerate(estimands.quantities):
        if isinstance(quantity, FixedCombination):
            result[:, k, :] = (gammas @ quantity.coefficients(fit)).T
        else:
            result[:, k, :] = flat[k]
    return result
