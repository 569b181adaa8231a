r"""Pareto-smoothed importance weights of many cases at once.

The largest min(M/5, 3√(M/r)) of M ratios, r being how many independent draws one is worth, are
replaced by quantiles of the generalised Pareto distribution fitted to them, whose shape k̂ says how
far the weights can be trusted.

References
----------
Vehtari, Simpson, Gelman, Yao & Gabry (2024), *Pareto smoothed importance sampling*,
JMLR 25(72); Zhang & Stephens (2009), *Technometrics* 51, 316–325.
"""

from __future__ import annotations

import numpy as np

from hierbayes.frames.arrays import Floats

FEWEST = 25  # draws: a tail of a fifth of them has 5
_MANY = 225  # draws, from where on the tail is 3√M
_AT_ONCE = 200  # cases, for the grid of each takes grid × tail numbers
_PRIOR_DRAWS, _PRIOR_K = 10.0, 0.5  # what k̂ is shrunken to, and by how many draws
_NEGLIGIBLE = 10.0 * np.finfo(float).eps


def k_hat_limit(M: int) -> float:
    """The k̂ up to which M draws give a weighted mean that can be trusted."""
    return float(min(1.0 - 1.0 / np.log10(M), 0.7))


def smoothed(log_ratios: Floats, efficiency: float = 1.0) -> tuple[Floats, Floats]:
    """Log weights (m, M), each row of a case and summing to 1, and k̂ (m,).

    Parameters
    ----------
    log_ratios : (m, M) float
        Of the density wanted over that of the draws, up to a constant of each case.
    efficiency : float
        Effective draws per draw: below 1 of chains that move slowly.

    Returns
    -------
    log_weights : (m, M) float
    k_hat : (m,) float
        −inf where the largest ratios are all the same, so that there is no tail; inf where they
        are not finite, or are no tail that a Pareto distribution can be fitted to.
    """
    weights, k_hat = np.empty_like(log_ratios), np.empty(len(log_ratios))
    for start in range(0, len(log_ratios), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        weights[part], k_hat[part] = _smoothed(log_ratios[part], efficiency)
    return weights, k_hat


def log_mean(log_weights: Floats, values: Floats) -> Floats:
    """log Σ w exp(values) (m,), both (m, M); weights sum to 1."""
    total = log_weights + values
    top = total.max(axis=1, keepdims=True)
    finite = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        found: Floats = finite[:, 0] + np.log(np.exp(total - finite).sum(axis=1))
    return found


def _smoothed(log_ratios: Floats, efficiency: float) -> tuple[Floats, Floats]:
    M = log_ratios.shape[1]
    T = int(3.0 * np.sqrt(M / efficiency)) if M * efficiency > _MANY else M // 5
    T = min(T, M // 5)
    finite = np.isfinite(log_ratios).all(axis=1)
    x = np.where(finite[:, None], log_ratios, 0.0)
    x = x - x.max(axis=1, keepdims=True)
    largest = np.argpartition(x, M - T - 1, axis=1)[:, M - T - 1 :]
    ordered = np.take_along_axis(x, largest, axis=1).argsort(axis=1)
    largest = np.take_along_axis(largest, ordered, axis=1)
    of_tail = np.take_along_axis(x, largest, axis=1)  # the first is the largest below the tail
    tied = of_tail[:, -1] - of_tail[:, 1] < np.finfo(float).tiny
    excess = np.exp(of_tail[:, 1:]) - np.exp(of_tail[:, :1])
    fitted = ~tied & (excess[:, int(T / 4 + 0.5) - 1] > excess[:, 0])
    k_hat = np.where(tied, -np.inf, np.inf)
    k_hat[fitted], quantiles = _pareto(excess[fitted])
    log_tail = np.log(np.exp(of_tail[fitted, :1]) + quantiles)
    able = np.isfinite(log_tail).all(axis=1)
    places = np.flatnonzero(fitted)[able]
    x[places[:, None], largest[places, 1:]] = np.minimum(log_tail[able], 0.0)
    k_hat[~finite] = np.inf
    return x - log_mean(np.zeros_like(x), x)[:, None], k_hat


def _pareto(excess: Floats) -> tuple[Floats, Floats]:
    """k̂ (m,) of the generalised Pareto distribution, and its quantiles (m, T) for a tail.

    The posterior mean under a prior of k/σ, over a grid, as Zhang and Stephens have it.

    Parameters
    ----------
    excess : (m, T) float
        What the tail exceeds its cutoff by, in order.
    """
    m, T = excess.shape
    if not m:
        return np.empty(0), np.empty((0, T))
    size = 30 + int(np.sqrt(T))
    quartile = excess[:, int(T / 4 + 0.5) - 1]
    grid = 1.0 - np.sqrt(size / (np.arange(1, size + 1) - 0.5))
    b = grid / (3.0 * quartile[:, None]) + 1.0 / excess[:, -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.log1p(-b[:, :, None] * excess[:, None, :]).mean(axis=2)
        score = T * (np.log(-b / k) - k - 1.0)
        share = np.exp(score - log_mean(np.zeros_like(score), score)[:, None])
        share[share < _NEGLIGIBLE] = 0.0
        b_mean = (b * share).sum(axis=1) / share.sum(axis=1)
        kappa = np.log1p(-b_mean[:, None] * excess).mean(axis=1)
        sigma = -kappa / b_mean
        kappa = (T * kappa + _PRIOR_DRAWS * _PRIOR_K) / (T + _PRIOR_DRAWS)
        p = np.arange(0.5, T) / T
        quantiles = sigma[:, None] * np.expm1(-kappa[:, None] * np.log1p(-p)) / kappa[:, None]
    quantiles[~(sigma > 0.0)] = np.nan
    return np.where(np.isnan(kappa), np.inf, kappa), quantiles
