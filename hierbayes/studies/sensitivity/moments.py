"""Summaries of weighted draws, and the Monte Carlo error of the difference of two of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hierbayes.display.interval import Interval
from hierbayes.frames.arrays import Floats
from hierbayes.studies.sensitivity.weights import Weights


@dataclass(frozen=True, eq=False)
class Values:
    """Draws of K quantities.

    Parameters
    ----------
    draws : (chains, draws, K) float
    """

    draws: Floats

    @cached_property
    def flat(self) -> Floats:
        """(K, M), chains one after the other."""
        return np.ascontiguousarray(self.draws.reshape(-1, self.draws.shape[-1]).T)

    @cached_property
    def order(self) -> np.ndarray:
        """Positions (K, M) of each quantity's draws in increasing order."""
        return np.argsort(self.flat, axis=1, kind="stable")

    @cached_property
    def increasing(self) -> Floats:
        """(K, M), each row sorted."""
        return np.take_along_axis(self.flat, self.order, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Summaries of K quantities under one set of weights.

    Parameters
    ----------
    mean, sd, lower, upper, above : (K,) float
        ``above`` is the probability of exceeding the reference; missing without one.
    """

    mean: Floats
    sd: Floats
    lower: Floats
    upper: Floats
    above: Floats


def moments(values: Values, weights: Weights, interval: Interval, references: Floats) -> Moments:
    """Mean, sd, equal-tailed limits and P(above reference) of weighted draws."""
    w, x = weights.values, values.flat
    mean = x @ w
    sd = np.sqrt(np.maximum((x**2) @ w - mean**2, 0.0))
    lower, upper = (quantile(values, weights, tail) for tail in interval.tails)
    above = np.where(np.isnan(references), np.nan, (x > references[:, None]) @ w)
    return Moments(mean, sd, lower, upper, above)


def quantile(values: Values, weights: Weights, tail: float) -> Floats:
    """Quantile (K,) of weighted draws; numpy's linear one where the weights are equal.

    The k-th smallest draw has level (Σ_{i<k} w_i)/(1 − w_M), linear in between.
    """
    result = np.empty(len(values.order))
    for k, order in enumerate(values.order):
        w = weights.values[order]
        level = np.cumsum(w) - w
        result[k] = np.interp(tail, level / (1.0 - w[-1]), values.increasing[k])
    return result


def distance(values: Values, weights: Weights, other: Values, others: Weights) -> Floats:
    """Wasserstein distance (K,) between the distributions of two sets of weighted draws."""
    from scipy.stats import wasserstein_distance

    if values is other:
        gaps = np.diff(values.increasing, axis=1)
        change = np.cumsum((weights.values - others.values)[values.order], axis=1)
        same: Floats = (np.abs(change[:, :-1]) * gaps).sum(axis=1)
        return same
    return np.array(
        [
            wasserstein_distance(x, y, weights.values, others.values)
            for x, y in zip(values.flat, other.flat, strict=True)
        ]
    )


def error_of_mean(values: Values, weights: Weights) -> Floats:
    """Monte Carlo standard error (K,) of weighted means."""
    return mcse_of_mean(_influence(values, weights))


def error_of_difference(
    values: Values, weights: Weights, other: Values, others: Weights, *, same_theta: bool
) -> Floats:
    """Monte Carlo standard error (K,) of the difference of two weighted means.

    Parameters
    ----------
    same_theta : bool
        Whether both rest on the same draws of θ, so that their errors go together.
    """
    if same_theta:
        return mcse_of_mean(_influence(values, weights) - _influence(other, others))
    return np.hypot(error_of_mean(values, weights), error_of_mean(other, others))


def _influence(values: Values, weights: Weights) -> Floats:
    """What each draw adds to the weighted mean, M w_i (x_i − mean): (chains, draws, K)."""
    chains, draws, _ = values.draws.shape
    mean = values.flat @ weights.values
    scaled = (chains * draws) * weights.values.reshape(chains, draws, 1)
    influence: Floats = scaled * (values.draws - mean)
    return influence


def mcse_of_mean(influence: Floats) -> Floats:
    """Monte Carlo standard error of the mean over chains and draws."""
    from arviz_stats.base import array_stats

    spread = influence.std(axis=(0, 1))
    result = np.zeros(influence.shape[-1])
    moving = spread > 0.0
    if moving.any():
        ess = array_stats.ess(influence[..., moving], method="mean", chain_axis=0, draw_axis=1)
        result[moving] = spread[moving] / np.sqrt(ess)
    return result
