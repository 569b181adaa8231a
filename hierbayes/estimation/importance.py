r"""The posterior of θ by importance sampling, where each likelihood is dear.

With many groups, or many crossed levels, one gradient takes a tenth of a second and NUTS needs
tens of thousands; but then θ is known well and its posterior is nearly normal on the unconstrained
scale. So proposals are drawn from a multivariate t at the mode, with the curvature there, and
weighted by their density: only values are needed, a thousand of them. The weights are smoothed
(Pareto), and their k̂ says whether they can stand for the posterior. Each chain has proposals of
its own and keeps each as often as its weight says, in order: so that chains, R-hat and ESS say what
they always do.

References
----------
Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling, JMLR 25(72).
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from hierbayes.display.steps import announce
from hierbayes.estimation.density import density_at
from hierbayes.estimation.density_layout import Head
from hierbayes.estimation.normal_at_mode import normal_at_mode
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.target import Target
from hierbayes.estimation.theta_draws import ThetaDraws
from hierbayes.frames.arrays import Booleans, Floats, Integers
from hierbayes.likelihood.reading import VALUE_ONLY
from hierbayes.likelihood.theta import Theta

if TYPE_CHECKING:
    import xarray as xr

PROPOSALS = 1024  # in all
K_HAT_LIMIT = 0.7
FREEDOM = 5.0  # of the t: its tails are heavier than those of any posterior of θ


@dataclass(frozen=True, slots=True, eq=False)
class Importance:
    """What importance sampling found.

    Parameters
    ----------
    draws : ThetaDraws
    k_hat : float
        Of the weights; above `K_HAT_LIMIT` they cannot stand for the posterior.
    effective : float
        How many independent draws the weights are worth.
    """

    draws: ThetaDraws
    k_hat: float
    effective: float


def sample_importance(target: Target, centre: Floats, settings: SamplerSettings) -> Importance:
    """Draws of θ by importance sampling about the mode of its density.

    Parameters
    ----------
    target : Target
        Of built-in priors.
    centre : (d,) float
        Where the search for the mode starts.
    settings : SamplerSettings
    """
    before = time.perf_counter()
    mode, root = normal_at_mode(lambda x: density_at(x, target.data)[:2], centre)
    n = min(settings.draws, PROPOSALS // settings.chains)
    generator = np.random.default_rng(settings.seed)
    z = generator.standard_normal((settings.chains, n, len(mode)))
    scale = np.sqrt(FREEDOM / generator.chisquare(FREEDOM, (settings.chains, n)))
    x = mode + (scale[..., None] * z) @ root.T
    log_q = log_t((scale[..., None] * z) ** 2, root)
    cores = settings.cores or min(settings.chains, os.cpu_count() or 1)
    with ThreadPoolExecutor(cores) as pool:
        found = list(pool.map(lambda part: values_at(target, part), x))
    log_p = np.array([values for values, _ in found])
    expanded = np.array([parameters for _, parameters in found])
    log_p[mirrored(target, x)] = -np.inf
    weights, k_hat = smoothed_weights(log_p - log_q)
    kept = np.array([repeated(one, settings.draws, generator) for one in weights])
    root_, sigma, gamma = target.parameters(np.take_along_axis(expanded, kept[..., None], axis=1))
    stats = statistics(np.take_along_axis(log_p, kept, axis=1))
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    seconds = time.perf_counter() - before
    draws = ThetaDraws(Theta.of(root_, sigma), gamma, stats, seconds, 0.0, k_hat)
    return Importance(draws, k_hat, effective)


def announce_importance(nuts_seconds: float) -> None:
    """Say that importance sampling stands in for a NUTS that would take so long."""
    long = f"{nuts_seconds / 60.0:.0f} min" if nuts_seconds >= 90.0 else f"{nuts_seconds:.0f} s"
    announce(
        f"NUTS would take about {long}: importance sampling of θ instead, "
        f"{PROPOSALS} likelihoods (sampler='nutpie' for NUTS)"
    )


def values_at(target: Target, x: Floats) -> tuple[Floats, Floats]:
    """Log density (n,) and what `expand` writes (n, ·) at each of n points; −∞ where it is 0."""
    data = target.data.copy()
    data[Head.READING] += VALUE_ONLY
    values, parameters = np.empty(len(x)), np.empty((len(x), target.n_out))
    for i, point in enumerate(x):
        values[i], _, every = density_at(point, data)
        parameters[i] = every[: target.n_out]
    return np.where(np.isfinite(values), values, -np.inf), parameters


def log_t(squares: Floats, root: Floats) -> Floats:
    """Log density of the t (...) from squares (..., d) of its standardised coordinates."""
    d = len(root)
    constant = gammaln(0.5 * (FREEDOM + d)) - gammaln(0.5 * FREEDOM)
    constant -= 0.5 * d * np.log(FREEDOM * np.pi) + float(np.linalg.slogdet(root)[1])
    form: Floats = np.log1p(squares.sum(axis=-1) / FREEDOM)
    return constant - 0.5 * (FREEDOM + d) * form


def mirrored(target: Target, x: Floats) -> Booleans:
    """Where an sd that is sampled with a sign is negative: the same posterior in a mirror."""
    signed = np.concatenate(
        [np.full(one.size, one.transform == "asinh") for one in target.variables]
    )
    mirrored: Booleans = (x[..., signed] < 0.0).any(axis=-1)
    return mirrored


def smoothed_weights(log_weights: Floats) -> tuple[Floats, float]:
    """Weights (...) with mean about 1, smoothed together, and their k̂; ∞ if they have no tail."""
    from arviz_stats.base import array_stats

    largest = log_weights.max()
    if not np.isfinite(largest):
        return np.ones_like(log_weights), np.inf
    floor = np.where(np.isfinite(log_weights), log_weights, largest - 700.0)
    try:
        smooth, k_hat = array_stats.psislw(-floor.ravel())  # it takes log likelihoods
    except ValueError:  # the largest weights are one number: no tail can be fitted to them
        smooth, k_hat = floor.ravel(), np.inf
    weights = np.exp(smooth - smooth.max()).reshape(log_weights.shape)
    weights[~np.isfinite(log_weights)] = 0.0
    return weights / weights.mean(), float(k_hat)


def repeated(weights: Floats, draws: int, generator: np.random.Generator) -> Integers:
    """Places (draws,) of the proposals, each as often as its weight says, in order (systematic)."""
    if not weights.sum() > 0.0:
        return np.zeros(draws, dtype=np.intp)
    ends = np.cumsum(weights) / weights.sum()
    at = (np.arange(draws) + generator.uniform()) / draws
    return np.minimum(np.searchsorted(ends, at), len(weights) - 1)


def statistics(log_p: Floats) -> xr.Dataset:
    """Statistics by chain and draw, in the names of a sampler."""
    import xarray as xr  # noqa: PLC0415  # loads slowly

    dims = ("chain", "draw")
    nothing = np.zeros(log_p.shape, dtype=bool)
    return xr.Dataset({"diverging": (dims, nothing), "lp": (dims, log_p)})
