"""Leave one group out, under each prior: whether it is the prior, or one school."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
import xarray as xr

from hierbayes.design.crossproducts import within_totals
from hierbayes.display.steps import steps
from hierbayes.errors import StudyError
from hierbayes.fit.fit import Fit
from hierbayes.fit.of_family.densities import FamilyDensities
from hierbayes.fit.structured.densities import StructuredDensities
from hierbayes.frames.arrays import Floats
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.propriety import refuse_improper
from hierbayes.studies.sensitivity.alternatives import Alternative
from hierbayes.studies.sensitivity.answers import Baseline
from hierbayes.studies.sensitivity.cells import Estimands
from hierbayes.studies.sensitivity.effect_quantities import FixedCombination
from hierbayes.studies.sensitivity.quantities import (
    ICC,
    SD,
    Corr,
    Dispersion,
    Quantity,
    Residual,
    Sigma,
)
from hierbayes.studies.sensitivity.structured_deletion import structured_cases
from hierbayes.studies.sensitivity.weights import K_HAT_LIMIT, log_ratio, pareto_smoothed

BASELINE = "baseline"


def can_be_deleted(quantity: Quantity) -> bool:
    """Whether a quantity is read off without any group: linear in γ, or a function of θ."""
    return isinstance(quantity, FixedCombination | SD | Corr | Sigma | Residual | Dispersion | ICC)


def deletion(
    baseline: Baseline,
    alternatives: tuple[Alternative, ...],
    estimands: Estimands,
    factor: str | None = None,
    *,
    progress: bool = True,
) -> xr.Dataset:
    """Posterior means without each group in turn, under the baseline and under alternatives.

    Exact up to importance weights: the likelihood without a group comes from the
    cross-products less its own, or of several grouping factors from those of the rows that are
    left, and the mean of γ given θ is exact.  Of a family that is not Gaussian the draws, γ's as
    well, are weighted by 1/p(y_j | γ, θ), u_j integrated out by quadrature (of several factors
    given the effects of the others).  With a residual structure each draw has its own R, and the
    rows are read.

    Parameters
    ----------
    factor : str, optional
        Whose groups are left out, where the model has several grouping factors.
    progress : bool
        Whether to show progress, of several grouping factors.

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
    DataError
        When there is no such factor, or there are several and none is named.
    """
    for quantity in estimands.quantities:
        if not can_be_deleted(quantity):
            raise StudyError(
                f"'{quantity.name}' cannot be followed as groups are left out; ask for effects, "
                "sd, corr, sigma or icc"
            )
    of_family = isinstance(baseline.densities, FamilyDensities)
    sets = {BASELINE: baseline.priors} | {one.name: one.priors for one in alternatives}
    for name, priors in sets.items():
        if not (of_family or priors.collapses_gamma):
            raise StudyError(
                f"groups are left out with γ integrated out, and '{name}' has a prior of γ that is "
                "not normal"
            )
        refuse_improper(baseline.fit.problem, priors)
    k = baseline.fit.design.place_of_factor(factor)
    labels = baseline.fit.design.factors[k].labels
    values = estimands.values(baseline.fit)
    mean, sd = values.flat.mean(axis=1), values.flat.std(axis=1)
    movement = np.full((len(labels) + 1, len(sets), len(sd)), np.nan)
    k_hat = np.empty((len(labels) + 1, len(sets)))
    priors_of = list(sets.values())
    cases = _cases_of(baseline, priors_of, k, progress=progress)
    for j, a, ratio, gammas in cases:
        draws = _draws(baseline.fit, gammas, estimands, values.flat)
        if (j, a) == (len(labels), 0):  # the first of all
            mean = draws.mean(axis=1)
        weights = pareto_smoothed(ratio)
        k_hat[j, a] = weights.k_hat
        if weights.k_hat <= K_HAT_LIMIT:
            movement[j, a] = (draws @ weights.values - mean) / sd
    groups = list(map(str, labels))
    groups.append("(none)" if "none" in groups else "none")
    dims = ("group", "alternative", "quantity")
    return xr.Dataset(
        {"movement": (dims, movement), "k_hat": (dims[:2], k_hat)},
        coords={"group": groups, "alternative": list(sets), "quantity": estimands.names},
    )


def _cases_of(
    baseline: Baseline, sets: list[PriorSet], k: int, *, progress: bool
) -> Iterator[tuple[int, int, Floats, Floats]]:
    """Group j left out (J for none), priors a, log ratios (M,) to the baseline, γ (M, p)."""
    densities = baseline.densities
    if isinstance(densities, FamilyDensities):
        return family_cases(baseline, sets, k)
    if isinstance(densities, StructuredDensities):
        return structured_cases(densities, baseline.priors, sets, k, progress=progress)
    return _cases(baseline, sets, k, progress=progress)


def _cases(
    baseline: Baseline, sets: list[PriorSet], k: int, *, progress: bool
) -> Iterator[tuple[int, int, Floats, Floats]]:
    """Group j left out (J for none), priors a, log ratios (M,) to the baseline, γ means (M, p).

    Nothing left out under the priors of the baseline comes first.
    """
    fit, densities = baseline.fit, baseline.densities
    priors_change = [densities.log_ratio_of_variances(one, baseline.priors) for one in sets]
    before = densities.log_likelihood(baseline.priors)
    likelihood = likelihood_of(fit.problem.products)
    if isinstance(likelihood, Likelihood):
        totals = within_totals(fit.design.rows, likelihood.cross)
        for a, priors in enumerate(sets):
            reading = REML if priors.gamma_is_flat else NORMAL
            own = replace(likelihood, reading=reading, prior=priors.normal_gamma(likelihood.cross))
            values, gammas = own.without_groups(densities.theta, totals)
            for j in (-1, *range(values.shape[1] - 1)):
                change = priors_change[a] - before
                yield j % values.shape[1], a, values[:, j] + change, gammas[:, j]
        return
    J = fit.design.factors[k].J
    left = chain(
        [(J, densities.reduction)], likelihood.without_levels(densities.theta, fit.design, k)
    )
    with steps(J + 1, "deletions", progress=progress) as counted:
        for (j, reduction), _ in zip(left, counted, strict=True):
            for a, priors in enumerate(sets):
                reading = REML if priors.gamma_is_flat else NORMAL
                prior = priors.normal_gamma(fit.problem.products)
                values = reduction.log_density(prior, reading) + priors_change[a] - before
                if reading == REML and not reduction.tells_gamma:
                    values = np.full_like(values, -np.inf)
                    yield j, a, values, np.zeros((len(values), len(prior.mean)))
                else:
                    yield j, a, values, reduction.gamma_means(prior, reading)


def family_cases(
    baseline: Baseline, sets: list[PriorSet], k: int
) -> Iterator[tuple[int, int, Floats, Floats]]:
    """The same of a family's draws, and the draws of γ themselves."""
    densities = baseline.densities
    assert isinstance(densities, FamilyDensities)
    by_group = densities.by_group if len(densities.us) == 1 else densities.points.by_level(k)
    lost = np.where(np.isfinite(by_group), by_group, np.inf)
    J = lost.shape[1]
    priors_change = [log_ratio(densities, one, baseline.priors) for one in sets]
    for j in (J, *range(J)):
        for a, change in enumerate(priors_change):
            yield j, a, change - (lost[:, j] if j < J else 0.0), densities.gamma


def _draws(fit: Fit, gammas: Floats, estimands: Estimands, flat: Floats) -> Floats:
    """Values (K, M) of every quantity, the effects at their means (M, p) given θ."""
    result = np.empty((len(estimands.quantities), len(gammas)))
    for k, quantity in enumerate(estimands.quantities):
        if isinstance(quantity, FixedCombination):
            result[k] = gammas @ quantity.coefficients(fit)
        else:
            result[k] = flat[k]
    return result
