"""Weights between posteriors, and the densities of priors they are made of."""

from typing import Any

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, special, stats

import hierbayes as hb
from hierbayes.fit.densities import Densities
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.density import derivatives_of, log_density, log_density_corr
from hierbayes.priors.families import Prior
from hierbayes.priors.foreign_prior import ForeignPrior
from hierbayes.priors.quantile import quantile
from hierbayes.studies.sensitivity.weights import Weights, even, pareto_smoothed, weights_for
from tests.dense import Array, gradient

NOTHING = -np.inf


def test_equal_ratios_give_even_weights() -> None:
    weights = pareto_smoothed(np.full(1000, 3.7))
    assert_allclose(weights.values, 1 / 1000, rtol=1e-14)
    assert weights.k_hat == NOTHING
    assert weights.ess == pytest.approx(1000)
    assert weights.trusted


def test_impossible_draws_keep_weight_zero() -> None:
    log_ratio = np.random.default_rng(1).normal(size=2000)
    with_holes = log_ratio.copy()
    with_holes[::4] = NOTHING
    weights, rest = pareto_smoothed(with_holes), pareto_smoothed(np.delete(log_ratio, np.s_[::4]))
    assert (weights.values[::4] == 0.0).all()
    assert_allclose(np.delete(weights.values, np.s_[::4]), rest.values, rtol=1e-12)
    assert weights.k_hat == rest.k_hat
    assert weights.values.sum() == pytest.approx(1.0, rel=1e-12)


def test_a_tail_of_ties_is_left_as_it_is() -> None:
    """Half of the draws share the largest ratio: there is no tail to fit to."""
    log_ratio = np.minimum(np.random.default_rng(2).normal(size=1000), 0.0)
    weights = pareto_smoothed(log_ratio)
    assert weights.k_hat == NOTHING
    assert_allclose(weights.values, np.exp(log_ratio) / np.exp(log_ratio).sum(), rtol=1e-12)


@pytest.mark.parametrize("k", [0.2, 0.5, 0.9])
def test_k_hat_is_the_shape_of_the_tail(k: float) -> None:
    """exp(kE), E exponential, is Pareto with shape k: estimated from S = 3√M draws.

    The estimator has sd (1 + k)/√S, and its prior draws it towards ½ as 10 draws would.
    """
    M = 40_000
    S = 3 * np.sqrt(M)
    found = pareto_smoothed(k * np.random.default_rng(3).exponential(size=M)).k_hat
    expected = (S * k + 10 * 0.5) / (S + 10)
    assert found == pytest.approx(expected, abs=4 * (1 + k) / np.sqrt(S))
    assert (found > 0.7) == (k > 0.7)


def test_smoothing_orders_weights_as_the_ratios_are() -> None:
    log_ratio = 0.6 * np.random.default_rng(4).exponential(size=4000)
    smoothed = pareto_smoothed(log_ratio).values
    assert (np.diff(smoothed[np.argsort(log_ratio)]) >= 0.0).all()
    raw = np.exp(log_ratio)
    body = np.argsort(log_ratio)[:3000]  # the tail is the largest 3√4000 = 190
    assert np.ptp(np.log(smoothed[body] / raw[body])) < 1e-10


@pytest.mark.parametrize("possible", [0, 1, 5])
def test_nearly_nothing_possible_is_no_answer(possible: int) -> None:
    log_ratio = np.full(1000, NOTHING)
    log_ratio[:possible] = 0.0
    weights = pareto_smoothed(log_ratio)
    assert weights.k_hat == np.inf and not weights.trusted
    assert (weights.values == 0.0).all() and weights.ess == 0.0


def test_a_tail_that_overflows_is_no_answer() -> None:
    ratio = -np.geomspace(1.0, 1e7, 120)
    ratio[::3] *= 40.0
    weights = pareto_smoothed(ratio)
    assert not weights.trusted
    assert weights.values.sum() == pytest.approx(1.0) and weights.values.argmax() == ratio.argmax()


def test_worth_of_weights() -> None:
    half = Weights(np.repeat([0.0, 1 / 300], 300), NOTHING)
    assert half.ess == pytest.approx(300) and half.trusted
    for worth, trusted in ((49, False), (51, True)):  # 5% of 1000 draws
        some = Weights(np.repeat([1 / worth, 0.0], [worth, 1000 - worth]), NOTHING)
        assert some.ess == pytest.approx(worth) and some.trusted == trusted
    assert Weights(even(4000).values, 0.5).trusted
    assert not Weights(even(4000).values, 0.51).trusted


# ---------------------------------------------------------------- densities

FAMILIES: dict[str, tuple[Prior, Any]] = {
    "normal": (hb.Normal(1, 2), stats.norm(1, 2)),
    "t": (hb.StudentT(4, 1, 2), stats.t(4, 1, 2)),
    "half-normal": (hb.HalfNormal(1.5), stats.halfnorm(scale=1.5)),
    "half-t": (hb.HalfT(3, 0, 2), None),
    "half-Cauchy": (hb.HalfCauchy(2), stats.halfcauchy(scale=2)),
    "exponential": (hb.Exponential(0.4), stats.expon(scale=1 / 0.4)),
    "uniform": (hb.Uniform(0.5, 7), stats.uniform(0.5, 6.5)),
    "gamma": (hb.Gamma(2.5, 0.3), stats.gamma(2.5, scale=1 / 0.3)),
    "inverse-gamma": (hb.InverseGamma(2, 3), stats.invgamma(2, scale=3)),
}
AT = np.array([0.05, 0.3, 1.0, 2.5, 6.9, 20.0])
CONSTANTS = 5e-8  # PyMC holds some normalising constants in single precision
every_family = pytest.mark.parametrize("name", FAMILIES)


@every_family
def test_densities_of_priors(name: str) -> None:
    prior, exact = FAMILIES[name]
    expected = np.log(2) + stats.t(3, 0, 2).logpdf(AT) if exact is None else exact.logpdf(AT)
    assert_allclose(log_density(prior, AT), expected, atol=CONSTANTS)
    if np.isfinite(quantile(prior, 0.0)):  # half-line or interval
        assert (log_density(prior, np.array([-0.1, -3.0])) == NOTHING).all()


@every_family
def test_quantiles_of_priors(name: str) -> None:
    prior, exact = FAMILIES[name]
    levels = np.array([0.01, 0.25, 0.5, 0.9, 0.999])
    expected = stats.t(3, 0, 2).ppf((1 + levels) / 2) if exact is None else exact.ppf(levels)
    assert_allclose([quantile(prior, p) for p in levels], expected, rtol=1e-9)


@every_family
@pytest.mark.slow
def test_derivatives_of_densities(name: str) -> None:
    prior, _ = FAMILIES[name]
    inside = AT[1:5] if name != "uniform" else AT[2:5]
    found = derivatives_of(prior, inside)
    assert list(found) == list(prior.parameters)
    for number, slopes in found.items():
        exact = [slope_of(prior, number, x) for x in inside]
        assert_allclose(slopes, exact, rtol=1e-6, atol=1e-8)


def slope_of(prior: Prior, number: str, x: float) -> float:
    """∂ log density/∂ number at x, by differences."""

    def at(value: Array) -> float:
        changed = prior.parameters | {number: float(value[0])}
        if isinstance(prior, hb.HalfT):
            changed["mu"] = 0.0
        return float(log_density(type(prior)(**changed), np.array([x]))[0])

    return float(gradient(at, np.array([prior.parameters[number]]))[0])


def test_flat_and_foreign_priors() -> None:
    assert (log_density(hb.Flat(), AT) == 0.0).all()
    assert derivatives_of(hb.Flat(), AT) == {}
    foreign, exact = ForeignPrior(pm.HalfNormal.dist(3)), stats.halfnorm(scale=3).logpdf(AT)
    assert_allclose(log_density(foreign, AT), exact, atol=CONSTANTS)
    assert derivatives_of(foreign, AT) == {}


def roots(n: int) -> Any:
    """Cholesky factors of 50 random n × n correlation matrices."""
    half = np.random.default_rng(n).normal(size=(50, n, n + 1))
    covariance = half @ np.swapaxes(half, 1, 2)
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    return np.linalg.cholesky(covariance / (sd[:, :, None] * sd[:, None, :]))


def volume(n: int, eta: float) -> float:
    """Log of ∫|R|^(η − 1) dR: Lewandowski, Kurowicka & Joe (2009), equation 16."""
    k = np.arange(1, n)
    alpha = eta + (n - k - 1) / 2
    power = ((2 * eta - 2 + n - k) * (n - k)).sum()
    return float(power * np.log(2) + ((n - k) * special.betaln(alpha, alpha)).sum())


@pytest.mark.parametrize("n", [2, 3, 4])
def test_lkj_densities_differ_by_a_power_of_the_determinant(n: int) -> None:
    chol = roots(n)
    log_det = 2 * np.log(np.diagonal(chol, axis1=1, axis2=2)).sum(axis=1)
    for old, new in ((1.0, 4.0), (2.0, 10.0), (3.0, 0.5)):
        found = log_density_corr(hb.LKJ(new), chol) - log_density_corr(hb.LKJ(old), chol)
        expected = (new - old) * log_det - volume(n, new) + volume(n, old)
        assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_the_volume_of_correlations() -> None:
    """The formula behind the last test, by quadrature: ∫(1 − ρ²)^(η − 1) dρ."""
    for eta in (0.5, 1.0, 2.0, 10.0):
        exact = integrate.quad(lambda r, e=eta: (1 - r * r) ** (e - 1), -1, 1)[0]
        assert volume(2, eta) == pytest.approx(np.log(exact), abs=1e-6)


@pytest.mark.parametrize("size", [2, 3])
def test_quantiles_of_a_correlation(size: int) -> None:
    """Under LKJ(η), P(ρ ≤ r) by quadrature of (1 − r²)^(η − 2 + k/2)."""
    power = 3.0 - 2.0 + size / 2.0
    total = integrate.quad(lambda r: (1 - r * r) ** power, -1, 1)[0]
    for p in (0.1, 0.25, 0.5, 0.8):
        at = quantile(hb.LKJ(3), p, size)
        below = integrate.quad(lambda r: (1 - r * r) ** power, -1, at)[0]
        assert below / total == pytest.approx(p, abs=1e-9)


def test_a_heavy_tail_counts_only_where_the_other_prior_makes_it_heavier() -> None:
    """Draws of an sd with infinite variance: nearly equal weights stay trusted, s² does not."""
    generator = np.random.default_rng(4)
    problem = hb.Model("mathach ~ 1", "~ 1 | school", data=hb.load_dataset("hs")).problem
    sd = np.abs(generator.standard_t(1.5, size=4000))
    theta = Theta.of(sd[:, None, None], np.full(4000, 6.0))
    densities = Densities(problem, theta, np.zeros((4000, 1)))
    assert weights_for(densities, 1e-3 * generator.standard_normal(4000)).trusted
    assert not weights_for(densities, 0.5 * np.log1p(sd)).trusted
