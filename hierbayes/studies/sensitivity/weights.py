"""Importance weights from one posterior to another, with the evidence that they can be trusted.

References
----------
Vehtari, Simpson, Gelman, Yao & Gabry (2024), *Pareto smoothed importance sampling*,
JMLR 25(72).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierbayes.fit.densities import Densities
from hierbayes.frames.arrays import Floats
from hierbayes.priors.prior_set import PriorSet

K_HAT_LIMIT = 0.5  # below it the weights have a variance, and Monte Carlo errors a meaning
WORTH_LIMIT = 0.05  # of the draws: what re-weighted draws must be worth
_HEAVIER = 0.1  # of k-hat, beyond which a tail is heavier than another
NEARLY_EQUAL = 1e-7  # difference of log weights that is rounding
_TAIL = 5  # draws that must carry weight for a tail to be fitted to


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Weights of draws, summing to 1.

    Parameters
    ----------
    values : (M,) float
    k_hat : float
        Shape of the generalised Pareto distribution of the largest ones: below 0.5 they
        have a variance, and weighted means a Monte Carlo error; inf when (nearly) no draw
        has weight, nan when they cannot exist.
    """

    values: Floats
    k_hat: float

    @property
    def ess(self) -> float:
        """Number of equally weighted independent draws of the same worth, 1/Σw²."""
        total = float((self.values**2).sum())
        return 1.0 / total if total > 0.0 else 0.0

    @property
    def trusted(self) -> bool:
        """Whether weighted means can be trusted, and are worth something."""
        return self.k_hat <= K_HAT_LIMIT and self.ess >= WORTH_LIMIT * len(self.values)


def even(M: int) -> Weights:
    """Equal weights."""
    return Weights(np.full(M, 1.0 / max(M, 1)), -np.inf)


def pareto_smoothed(log_ratio: Floats) -> Weights:
    """Pareto-smoothed weights from log ratios (M,) of two densities.

    Draws where the ratio is 0 keep weight 0.
    """
    from arviz_stats.base import array_stats

    M = len(log_ratio)
    possible = np.isfinite(log_ratio)
    if possible.sum() <= _TAIL:
        return Weights(np.zeros(M), np.inf)
    log_weights, k_hat = log_ratio[possible], -np.inf
    if not _tail_is_tied(log_weights):
        raw = log_weights
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                log_weights, k_hat = array_stats.psislw(-raw)  # it takes log likelihoods
        except ValueError:  # too few draws, or too few different ones, for a tail
            k_hat = np.inf
        if not np.isfinite(log_weights).all():  # a tail too heavy for numbers
            log_weights, k_hat = raw, np.inf
    values = np.zeros(M)
    values[possible] = np.exp(log_weights - log_weights.max())
    return Weights(values / values.sum(), float(k_hat))


def weights_for(densities: Densities, ratio: Floats) -> Weights:
    """Weights of draws of θ, from log ratios (M,) of two densities at them.

    What is averaged is not the weight w but w times a parameter, and its square for the
    error.  So where weights have no bound (their k-hat is above 0), and the tail of
    w·(1 + z²) is heavier than that of 1 + z² under the baseline, for a standardised sd or
    σ, its k-hat counts as well: the other prior then reaches farther out than the draws.
    """
    weights = pareto_smoothed(ratio)
    if not 0.0 < weights.k_hat <= K_HAT_LIMIT or np.ptp(ratio) < NEARLY_EQUAL:
        return weights
    worst = weights.k_hat
    for square in log_squares(densities):
        shape = pareto_smoothed(ratio + square).k_hat
        if shape > K_HAT_LIMIT and shape > pareto_smoothed(square).k_hat + _HEAVIER:
            worst = max(worst, shape)
    return Weights(weights.values, worst)


def log_squares(densities: Densities) -> list[Floats]:
    """log(1 + z²) (M,) of what has a prior beside γ and correlations, z standardised."""
    found = []
    for values in densities.scalars.T:
        z = (values - values.mean()) / max(float(values.std()), 1e-300)
        found.append(np.log1p(z**2))
    return found


def _tail_is_tied(log_weights: Floats) -> bool:
    """Whether the largest weights are all the same: bounded, with no tail to fit to."""
    largest = np.sort(log_weights)[-_tail_length(len(log_weights)) :]
    return bool(np.ptp(largest) < NEARLY_EQUAL)


def _tail_length(M: int) -> int:
    """Number of weights in the tail, as in the paper: min(M/5, 3√M)."""
    return max(_TAIL, int(min(0.2 * M, 3.0 * np.sqrt(M))))


def log_ratio(densities: Densities, new: PriorSet, old: PriorSet) -> Floats:
    """Log of p(θ, γ | y) under new priors over that under old ones (M,), up to a constant.

    Where γ is integrated out under both, the ratio is one of marginal densities of θ: γ
    is then to be drawn anew, see `PosteriorFit.with_gamma`.
    """
    total = densities.log_ratio_of_variances(new, old)
    if gamma_changes(new, old):
        if densities.redraws_gamma(new, old):
            total = total + densities.log_likelihood(new) - densities.log_likelihood(old)
        else:
            total = total + densities.log_ratio("gamma", new, old)
    return np.asarray(total)


def gamma_changes(new: PriorSet, old: PriorSet) -> bool:
    """Whether any prior of γ differs."""
    return [prior for _, prior, _ in new.gamma] != [prior for _, prior, _ in old.gamma]
