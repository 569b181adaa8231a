"""Independent draws from the exact posterior, without a sampler: equal on every machine.

θ is proposed from wide distributions by numpy's generator and kept with probability
proportional to posterior over proposal, so that the draws kept are independent and exact; γ and u
follow as in any posterior.  For one or two effects in one block of G, and for more than a few
groups: with two or three, an sd has a heavier tail than the proposals.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

import hierbayes as hb
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.fit.evidence import Sampling
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.covariance import lower_root
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.likelihood.reduction import reduce_draws
from hierbayes.likelihood.theta import Theta
from tests.dense import Array

TAILS = 5.0  # degrees of freedom of the proposals: heavier tails than a posterior of many groups
TUNE = 500  # draws of adaptation, for a sampler that goes on from here
ROUNDS = 4  # of a thousand proposals, that find where the posterior is
BATCHES = 10  # of four proposals for each draw, at most


def exact_posterior(
    model: hb.Model, *, draws: int = 1000, chains: int = 4, seed: int = 1
) -> hb.PosteriorFit:
    """A posterior of 4 × 1000 independent draws of θ, as `Model.sample` would return it."""
    rng = np.random.default_rng(seed)
    wanted = chains * draws
    centre, width = _start(model)
    for _ in range(ROUNDS):
        x, log_ratio = _propose(model, centre, width, 1000, rng)
        weight = np.exp(log_ratio - log_ratio.max())
        weight /= weight.sum()
        # to two digits: where the proposals stand does not rest on the last bit
        centre = _rounded(weight @ x)
        width = _rounded(np.sqrt(weight @ (x - weight @ x) ** 2) + 1e-3)
    kept = _kept(model, centre, width, wanted, rng)
    return _fit(model, kept.reshape(chains, draws, -1), seed)


def under(fit: hb.PosteriorFit, model: hb.Model) -> hb.PosteriorFit:
    """The same draws as those of a model that states the same densities as PyMC distributions."""
    return replace(fit, priors=model.priors)


def _start(model: hb.Model) -> tuple[Array, Array]:
    """Centre and width of (sd, [atanh ρ], log σ)."""
    design, fit = model.problem.design, model.reml()
    q = len(design.effects)
    assert q <= 2 and len(design.blocks) == 1
    centred = np.linalg.solve(model.priors.columns(q), fit.theta.root[0, 0])
    sd = np.linalg.norm(centred, axis=1) + 0.1 * fit.sigma
    centre = np.concatenate([sd, np.zeros(q - 1), [np.log(fit.sigma)]])
    width = np.concatenate([sd / 2.0, np.full(q - 1, 0.7), [1.0 / np.sqrt(model.problem.cross.n)]])
    return _rounded(centre), _rounded(width)


def _kept(
    model: hb.Model, centre: Array, width: Array, wanted: int, rng: np.random.Generator
) -> Array:
    """The first of the proposals that are kept, as many of them made as that takes."""
    made: list[tuple[Array, Array, Array]] = []
    for _ in range(BATCHES):
        proposed = _propose(model, centre, width, 4 * wanted, rng)
        made.append((*proposed, np.log(rng.uniform(size=4 * wanted))))
        x, log_ratio, log_uniform = (np.concatenate(parts) for parts in zip(*made, strict=True))
        taken = log_uniform < log_ratio - log_ratio.max()
        if taken.sum() >= wanted:
            return x[taken][:wanted]
    raise AssertionError(f"{taken.mean():.2%} of the proposals were kept")


def _rounded(values: Array) -> Array:
    return np.array([float(f"{value:.2g}") for value in values])


def _propose(
    model: hb.Model, centre: Array, width: Array, n: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Proposals (n, k) of (sd, [atanh ρ], log σ), and log posterior over proposal (n,)."""
    q = len(model.problem.design.effects)
    x = centre + width * rng.standard_t(TAILS, size=(n, len(centre)))
    x[:, :q] = np.abs(x[:, :q])
    density = stats.t.pdf(x, TAILS, centre, width)
    density[:, :q] += stats.t.pdf(-x[:, :q], TAILS, centre[:q], width[:q])
    return x, log_posterior(model, x) - np.log(density).sum(axis=1)


def log_posterior(model: hb.Model, x: Array) -> Array:
    """Log density (n,) of (sd, [atanh ρ], log σ) but for a constant, γ integrated out."""
    q, priors = len(model.problem.design.effects), model.priors
    sd, sigma = x[:, :q], np.exp(x[:, -1])
    total = reduced(model, x)
    for block, columns in (("sd", sd), ("sigma", sigma[:, None])):
        entries = [prior for (name, _), prior in priors.families.items() if name == block]
        for prior, column in zip(entries, columns.T, strict=True):
            total = total + distribution(prior).logpdf(column)
    if q == 2:
        (lkj,) = [prior for (name, _), prior in priors.families.items() if name == "corr"]
        assert isinstance(lkj, hb.LKJ)
        total = total + lkj.eta * np.log1p(-(np.tanh(x[:, 2]) ** 2))  # dρ = (1 − ρ²) d atanh ρ
    return total + x[:, -1]


def reduced(model: hb.Model, x: Array) -> Array:
    """Log likelihood (n,), γ integrated out under its normal or flat prior."""
    cross, priors = model.problem.cross, model.priors
    assert priors.collapses_gamma
    internal = np.exp(x[:, -1]) / cross.basis.scale
    relative = cross.basis.root_internal(roots(model, x)) / internal[:, None, None]
    reading = REML if priors.gamma_is_flat else NORMAL
    density = reduce_draws(relative, internal, cross).log_density(
        priors.normal_gamma(cross), reading
    )
    return np.asarray(density)


def roots(model: hb.Model, x: Array) -> Array:
    """Lower roots of G (..., q, q), from the sds and the correlation that priors are of."""
    q = x.shape[-1] // 2
    L = np.zeros((*x.shape[:-1], q, q))
    L[..., 0, 0] = x[..., 0]
    if q == 2:
        L[..., 1, 0] = x[..., 1] * np.tanh(x[..., 2])
        L[..., 1, 1] = x[..., 1] / np.cosh(x[..., 2])
    return lower_root(model.priors.columns(q) @ L) if model.priors.centring else L


def distribution(prior: Any) -> Any:
    """The prior of a standard deviation as SciPy knows it; a constant factor is left out."""
    match prior:
        case hb.HalfT(nu=nu, sigma=sigma):
            return stats.t(nu, 0.0, sigma)
        case hb.HalfNormal(sigma=sigma):
            return stats.norm(0.0, sigma)
        case hb.Gamma(alpha=alpha, beta=beta):
            return stats.gamma(alpha, scale=1.0 / beta)
        case hb.Uniform(lower=lower, upper=upper):
            return stats.uniform(lower, upper - lower)
    raise TypeError(f"there are no exact draws under {prior}")


def _fit(model: hb.Model, x: Array, seed: int) -> hb.PosteriorFit:
    chains, draws, _ = x.shape
    sizes = ("chain", "draw")
    rng = np.random.default_rng([seed, 2])
    stats_of_draws = {
        "diverging": np.zeros((chains, draws), dtype=bool),
        "energy": rng.normal(size=(chains, draws)),
        "lp": log_posterior(model, x.reshape(chains * draws, -1)).reshape(chains, draws),
        "tree_depth": np.ones((chains, draws), dtype=int),
        "n_steps": np.ones((chains, draws), dtype=int),
        "step_size": np.ones((chains, draws)),
        "acceptance_rate": np.ones((chains, draws)),
        "reached_max_treedepth": np.zeros((chains, draws), dtype=bool),
    }
    record = xr.Dataset({name: (sizes, values) for name, values in stats_of_draws.items()})
    settings = SamplerSettings(draws, TUNE, chains, seed, 0.8, "nutpie", None, False)
    p = len(model.problem.design.terms)
    fit = hb.PosteriorFit(
        model.problem,
        Theta.of(roots(model, x), np.exp(x[..., -1])),
        np.zeros((chains, draws, p)),
        flat_prior(p),
        model.priors,
        Sampling(record, settings, 0.0, 0.0),
    )
    return fit.with_gamma(model.priors)
