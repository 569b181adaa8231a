"""The numbers a study is made of: weighted summaries, distances and Monte Carlo errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from hierbayes.display.interval import Interval
from hierbayes.studies.sensitivity.moments import (
    Values,
    distance,
    error_of_difference,
    error_of_mean,
    moments,
    quantile,
)
from hierbayes.studies.sensitivity.weights import Weights, even
from tests.dense import Array

pytestmark = pytest.mark.slow

RNG = np.random.default_rng


def weighted(log_weights: Array) -> Weights:
    values = np.exp(log_weights - log_weights.max())
    return Weights(values / values.sum(), -np.inf)


# ---------------------------------------------------------------- weighted draws


def test_with_equal_weights_all_is_numpy() -> None:
    draws = RNG(1).normal(2.0, 3.0, size=(4, 150, 3))
    values, flat = Values(draws), draws.reshape(-1, 3)
    of = moments(values, even(600), Interval(0.9), np.array([0.0, np.nan, 1.0]))
    assert_allclose(of.mean, flat.mean(axis=0), rtol=1e-12)
    assert_allclose(of.sd, flat.std(axis=0), rtol=1e-10)
    assert_allclose([of.lower, of.upper], np.quantile(flat, [0.05, 0.95], axis=0), rtol=1e-10)
    assert_allclose(of.above, [(flat[:, 0] > 0).mean(), np.nan, (flat[:, 2] > 1).mean()])


def test_quantiles_under_whole_weights_are_those_of_repeated_draws() -> None:
    """n_i copies of x_i, N in all, the largest once: numpy's level of the first copy of x_i is
    Σ_{k<i} n_k/(N − 1), which is its weighted level too; numpy stays at x_i over the copies,
    while the weighted quantile leaves for x_{i+1} at once."""
    rng = RNG(2)
    x, n = np.sort(rng.normal(size=40)), rng.integers(1, 6, size=40)
    n[-1] = 1
    values, weights = Values(x.reshape(4, 10, 1)), Weights(n / n.sum(), -np.inf)
    copies = np.repeat(x, n)
    for i in range(40):
        level = n[:i].sum() / (n.sum() - 1)
        assert quantile(values, weights, level)[0] == pytest.approx(x[i], abs=1e-12)
    for level in np.linspace(0.01, 0.99, 57):
        of_copies, at = np.quantile(copies, level), quantile(values, weights, level)[0]
        above = x[min(int(np.searchsorted(x, of_copies, side="right")), 39)]
        assert of_copies - 1e-12 <= at <= above + 1e-12


def test_distance_is_the_wasserstein_distance_of_scipy() -> None:
    rng = RNG(3)
    values, other = Values(rng.normal(size=(2, 300, 2))), Values(rng.gamma(2.0, size=(2, 250, 2)))
    one, two = weighted(rng.normal(size=600)), weighted(rng.normal(size=500))
    for own, weights, theirs, others in (
        (values, one, values, even(600)),  # the same draws: a short cut
        (values, one, other, two),
        (values, even(600), other, even(500)),
    ):
        found = distance(values, weights, theirs, others)
        exact = [
            stats.wasserstein_distance(a, b, weights.values, others.values)
            for a, b in zip(own.flat, theirs.flat, strict=True)
        ]
        assert_allclose(found, exact, rtol=1e-10)


def test_distance_of_a_shift_and_of_a_stretch() -> None:
    """Of x and x + c it is |c|; of x and sx, |s − 1| E|x|."""
    x = RNG(4).normal(size=(2, 500, 1))
    values, weights = Values(x), weighted(RNG(5).normal(size=1000))
    moved = distance(Values(x - 1.7), weights, values, weights)
    assert moved[0] == pytest.approx(1.7, rel=1e-10)
    wider = distance(Values(1.5 * x), weights, values, weights)
    assert wider[0] == pytest.approx(0.5 * (np.abs(values.flat[0]) @ weights.values), rel=1e-10)


REPLICATIONS = 400


def autoregressive(rng: np.random.Generator) -> Array:
    """4 chains of 250 standard normal draws with autocorrelation 0.5, (4, 250, 1)."""
    x = rng.normal(size=(4, 250))
    for t in range(1, 250):
        x[:, t] = 0.5 * x[:, t - 1] + np.sqrt(0.75) * x[:, t]
    return x[..., None]


def tilted(x: Array) -> Weights:
    """From N(0, 1) to N(½, 1)."""
    return weighted(0.5 * x.ravel())


def weighted_mean(x: Array, rng: np.random.Generator) -> tuple[Any, Any]:
    values, w = Values(x), tilted(x)
    return values.flat @ w.values, error_of_mean(values, w)


def same_draws(x: Array, rng: np.random.Generator) -> tuple[Any, Any]:
    values, w, equal = Values(x), tilted(x), even(1000)
    error = error_of_difference(values, w, values, equal, same_theta=True)
    return values.flat @ w.values - values.flat.mean(axis=1), error


def other_values(x: Array, rng: np.random.Generator) -> tuple[Any, Any]:
    """As where γ is drawn anew from the same θ: values that go together, one set weighted."""
    values, other, w = Values(x**2 + 0.3 * x), Values(x), tilted(x)
    error = error_of_difference(values, w, other, even(1000), same_theta=True)
    return values.flat @ w.values - other.flat.mean(axis=1), error


def fresh_draws(x: Array, rng: np.random.Generator) -> tuple[Any, Any]:
    values, other, w = Values(x), Values(autoregressive(rng)), tilted(x)
    error = error_of_difference(values, w, other, even(1000), same_theta=False)
    return values.flat @ w.values - other.flat.mean(axis=1), error


@pytest.mark.parametrize("make", [weighted_mean, same_draws, other_values, fresh_draws])
def test_monte_carlo_errors_are_the_spread_of_replications(
    make: Callable[[Array, np.random.Generator], tuple[Any, Any]],
) -> None:
    """The sd over R replications has relative error 1/√(2R) (χ²), and the stated ones one of
    their own: the ESS of 1000 draws is known to about 10%, which averages out."""
    rng = RNG(6)
    found = [make(autoregressive(rng), rng) for _ in range(REPLICATIONS)]
    estimates = np.array([estimate[0] for estimate, _ in found])
    stated = np.sqrt(np.mean([error[0] ** 2 for _, error in found]))
    chance = 1.0 / np.sqrt(2.0 * REPLICATIONS)
    assert stated == pytest.approx(estimates.std(ddof=1), rel=4 * chance)


def test_the_error_of_a_constant_is_zero() -> None:
    values = Values(np.full((4, 100, 1), 3.0))
    assert error_of_mean(values, even(400))[0] == 0.0
