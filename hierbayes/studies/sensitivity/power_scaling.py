r"""Power-scaling: how a posterior answers when a prior, or the likelihood, counts more or less.

The component's density is raised to a power α near 1.  The model is the collapsed one,
p(y | γ, θ) with every u integrated out, so that the answer does not depend on how the
random effects would be parametrised: in an explicit model the u's would count as priors.

References
----------
Kallioinen, Paananen, Bürkner & Vehtari (2024), *Detecting and diagnosing prior and
likelihood sensitivity with power-scaling*, doi:10.1007/s11222-023-10366-5.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from hierbayes.frames.arrays import Floats
from hierbayes.studies.sensitivity.answers import Baseline
from hierbayes.studies.sensitivity.cells import Estimands
from hierbayes.studies.sensitivity.moments import Values, error_of_difference, moments
from hierbayes.studies.sensitivity.weights import K_HAT_LIMIT, even, weights_for

LIKELIHOOD = "likelihood"
SENSITIVE = 0.05  # the threshold of the paper
_ALPHAS = (0.99, 1.01)


def components(baseline: Baseline) -> dict[str, Floats]:
    """Log densities (chains, draws) of each block of priors and of the likelihood given γ and θ.

    A prior of R² has none, for it comes with latent shares; its block is left out.
    """
    densities = baseline.densities
    parts = densities.log_priors(baseline.priors)
    parts[LIKELIHOOD] = densities.log_likelihood_given_gamma()
    shape = baseline.fit.theta.sigma.shape
    return {name: part.reshape(shape) for name, part in parts.items()}


def power_scaling(baseline: Baseline, estimands: Estimands, values: Values) -> pd.DataFrame:
    """Sensitivity of each quantity to each block of priors and to the likelihood.

    Returns
    -------
    DataFrame
        A row per quantity, a column per component: the derivative of the cumulative
        Jensen–Shannon distance with respect to log₂ α, as ArviZ has it.  ``diagnosis``
        reads all priors together, as the paper does.
    """
    parts = components(baseline)
    priors = {name: part for name, part in parts.items() if name != LIKELIHOOD}
    everything = {**priors, "all priors": sum(priors.values()), LIKELIHOOD: parts[LIKELIHOOD]}
    table = pd.DataFrame(
        {name: _sensitivity(values, np.asarray(part)) for name, part in everything.items()},
        index=pd.Index(estimands.names, name="quantity"),
    )
    both = zip(table["all priors"], table[LIKELIHOOD], strict=True)
    return table.assign(diagnosis=[diagnosis(prior, likelihood) for prior, likelihood in both])


def diagnosis(prior: float, likelihood: float) -> str:
    """The paper's reading of a pair of sensitivities."""
    if not prior >= SENSITIVE:
        return "-"
    if likelihood >= SENSITIVE:
        return "potential prior-data conflict"
    return "potential strong prior or weak likelihood"


def power_grid(
    baseline: Baseline, estimands: Estimands, values: Values, alphas: tuple[float, ...]
) -> xr.Dataset:
    """Movement of each quantity as a component is raised to powers α, further than near 1.

    Returns
    -------
    Dataset
        ``movement`` of the mean and its Monte Carlo error ``mcse``, in posterior sds, by
        ``component``, ``alpha`` and ``quantity``; missing where Pareto ``k_hat``
        (component, alpha) says that the draws do not reach so far.
    """
    parts = components(baseline)
    equal = even(values.flat.shape[1])
    before = moments(values, equal, estimands.interval, estimands.references)
    shape = (len(parts), len(alphas), len(estimands.quantities))
    movement, mcse = np.full(shape, np.nan), np.full(shape, np.nan)
    k_hat = np.empty(shape[:2])
    for i, part in enumerate(parts.values()):
        for a, alpha in enumerate(alphas):
            weights = weights_for(baseline.densities, (alpha - 1.0) * part.ravel())
            k_hat[i, a] = weights.k_hat
            if weights.k_hat > K_HAT_LIMIT:
                continue
            movement[i, a] = (values.flat @ weights.values - before.mean) / before.sd
            error = error_of_difference(values, weights, values, equal, same_theta=True)
            mcse[i, a] = error / before.sd
    dims = ("component", "alpha", "quantity")
    coords = {"component": list(parts), "alpha": list(alphas), "quantity": estimands.names}
    return xr.Dataset(
        {"movement": (dims, movement), "mcse": (dims, mcse), "k_hat": (dims[:2], k_hat)}, coords
    )


def _sensitivity(values: Values, part: Floats) -> Floats:
    """ArviZ's power-scaling sensitivity (K,) of every quantity to one component."""
    from arviz_stats.base import array_stats

    if np.ptp(part) == 0.0:
        return np.zeros(values.draws.shape[-1])
    lower, upper = (_scaled_weights(part, alpha) for alpha in _ALPHAS)
    found = np.zeros(values.draws.shape[-1])
    for k in np.flatnonzero(np.ptp(values.flat, axis=1) > 0.0):
        found[k] = array_stats.power_scale_sense(
            values.draws[..., k], lower, upper, *_ALPHAS, chain_axis=0, draw_axis=1
        )
    return found


def _scaled_weights(part: Floats, alpha: float) -> Floats:
    from arviz_stats.base import array_stats

    log_weights = array_stats.power_scale_lw(part, alpha=alpha, axis=(0, 1))
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())
