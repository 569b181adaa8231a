r"""Whether ranks are uniform: χ² of their counts, and the largest excursion of their ECDF.

Of N data sets the rank of the truth among L independent draws of its posterior is uniform on
0, …, L.  With c_k ranks below k, c_k ~ Bin(N, k/(L + 1)); where c_k lies is judged by its two-sided
tail probability

    t_k = 2 min{P(C ≤ c_k), P(C ≥ c_k)}

and the smallest t_k by its own exact distribution, as c_1, c_2, … is a Markov chain:
c_{k+1} − c_k | c_k ~ Bin(N − c_k, (z_{k+1} − z_k)/(1 − z_k)), z_k = k/(L + 1).

References
----------
Säilynoja, Bürkner & Vehtari (2022), Graphical test for discrete uniformity, *Statistics and
Computing* 32; Talts et al. (2018), arXiv:1804.06788.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, bdtrc, chdtrc, gammaln

from hierbayes.frames.arrays import Floats, Integers

_MOST_POINTS = 50  # of the ECDF that are looked at
_BINS = (20, 10, 5, 4, 2)
_EXPECTED = 5.0  # ranks in a bin at least
_HALVINGS = 25


def chi_square(ranks: Integers, draws: int) -> tuple[float, int, float]:
    """χ² of ranks (N,) in equal bins, its degrees of freedom and its tail probability.

    Parameters
    ----------
    ranks : (N,) int
        From 0 to ``draws``.
    draws : int
        L; L + 1 should have divisors.
    """
    values, n = draws + 1, len(ranks)
    bins = next((b for b in _BINS if values % b == 0 and n >= _EXPECTED * b), 0)
    if not bins:
        return np.nan, 0, np.nan
    counts = np.bincount(ranks * bins // values, minlength=bins)
    expected = n / bins
    value = float(((counts - expected) ** 2).sum() / expected)
    return value, bins - 1, float(chdtrc(bins - 1, value))


def points_of(draws: int) -> Integers:
    """The ranks k before which the ECDF is looked at."""
    count = min(draws, _MOST_POINTS)
    return np.unique(np.round(np.linspace(1, draws, count)).astype(np.intp))


def counts_below(ranks: Integers, points: Integers) -> Integers:
    """How many ranks (N,) are below each point (K,)."""
    return np.searchsorted(np.sort(ranks), points, side="left")


def ecdf_p(ranks: Integers, draws: int) -> float:
    """The probability that the ECDF of uniform ranks strays as far as this one, or farther."""
    points, n = points_of(draws), len(ranks)
    z = points / (draws + 1.0)
    least = float(tail_probability(counts_below(ranks, points), n, z).min())
    return 1.0 - _probability_inside(n, z, least * (1.0 + 1e-9))


def envelope(n: int, draws: int, prob: float) -> tuple[Integers, Integers]:
    """The fewest and the most ranks (K,) below each of `points_of`, together with probability.

    Parameters
    ----------
    n, draws : int
        Data sets and L.
    prob : float
        That all points of the ECDF of uniform ranks lie inside: at least.
    """
    z = points_of(draws) / (draws + 1.0)
    low, high = 0.0, 1.0 - prob
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _probability_inside(n, z, middle) >= prob:
            low = middle
        else:
            high = middle
    return _limits(n, z, low)


def tail_probability(counts: Integers | Floats, n: int, z: Floats) -> Floats:
    """Two-sided tail probability of counts (..., K) out of n, with probabilities z (K,)."""
    below = bdtr(counts, n, z)
    above = np.where(counts > 0, bdtrc(np.maximum(counts - 1, 0), n, z), 1.0)
    return np.minimum(1.0, 2.0 * np.minimum(below, above))


def _limits(n: int, z: Floats, least: float) -> tuple[Integers, Integers]:
    """The smallest and largest counts (K,) whose tail probability is above a value."""
    inside = tail_probability(np.arange(n + 1)[:, None], n, z) > least
    lower = inside.argmax(axis=0)
    upper = n - inside[::-1].argmax(axis=0)
    return lower, upper


def _probability_inside(n: int, z: Floats, least: float) -> float:
    """The probability that every point of the chain has a tail probability above a value."""
    if least >= 1.0:  # that of a median: nothing is above it
        return 0.0
    lower, upper = _limits(n, z, least)
    at, mass, before = np.zeros(1), np.ones(1), 0.0
    for k, point in enumerate(z):
        to = np.arange(lower[k], upper[k] + 1.0)
        mass = mass @ _binomial(to[None] - at[:, None], n - at[:, None], (point - before)
                                / (1.0 - before))  # fmt: skip
        at, before = to, point
    return float(min(mass.sum(), 1.0))


def _binomial(count: Floats, n: Floats, p: float) -> Floats:
    """Probabilities of counts out of n; 0 of those that cannot be."""
    possible = (count >= 0.0) & (count <= n)
    c = np.where(possible, count, 0.0)
    log = gammaln(n + 1.0) - gammaln(c + 1.0) - gammaln(n - c + 1.0)
    log = log + c * np.log(p) + (n - c) * np.log1p(-p)
    return np.where(possible, np.exp(log), 0.0)
