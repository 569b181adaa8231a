"""New responses of families, and quantile residuals, against scipy and by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, ndtri

import hierbayes as hb
from hierbayes.studies.simulation.rows import RESIDUALS, stream
from tests import families_reference as reference
from tests import family_fits

FAMILIES = hb.families
ETA, ONES = np.linspace(-4.0, 3.0, 57), np.ones(57)
MU, P = np.exp(ETA), expit(ETA)
WHOLE: Any = np.arange(57) % 6 * 1.0
POSITIVE = np.exp(np.linspace(-3.0, 4.0, 57)[::-1])
SHARES = np.linspace(0.01, 0.99, 57)[::-1]
NONE = np.zeros(0)

# family, m, y, φ, its distribution by scipy
DISTRIBUTIONS: list[tuple[Any, Any, Any, Any, Any]] = [
    (FAMILIES.Bernoulli(), ONES, WHOLE % 2, NONE, stats.bernoulli(P)),
    (FAMILIES.Binomial("cloglog"), 7 * ONES, WHOLE, NONE, stats.binom(7, -np.expm1(-MU))),
    (FAMILIES.BetaBinomial(), 7 * ONES, WHOLE, [3.0], stats.betabinom(7, 3 * P, 3 * (1 - P))),
    (FAMILIES.Poisson(), ONES, WHOLE, NONE, stats.poisson(MU)),
    (FAMILIES.NegativeBinomial(), ONES, WHOLE, [1.7], stats.nbinom(1.7, 1.7 / (1.7 + MU))),
    (FAMILIES.NegativeBinomial1(), ONES, WHOLE, [2.5], stats.nbinom(MU / 2.5, 1 / 3.5)),
    (FAMILIES.Gamma(), ONES, POSITIVE, [1.7], stats.gamma(1.7, scale=MU / 1.7)),
    (FAMILIES.Lognormal(), ONES, POSITIVE, [0.7], stats.lognorm(0.7, scale=MU)),
    (FAMILIES.Beta(), ONES, SHARES, [3.0], stats.beta(3 * P, 3 * (1 - P))),
    (FAMILIES.StudentT(df=5), 5 * ONES, POSITIVE, [0.7], stats.t(5, ETA, 0.7)),
]


@pytest.mark.parametrize(("family", "m", "y", "phi", "wanted"), DISTRIBUTIONS)
def test_distribution_functions_are_those_of_scipy(
    family: Any, m: Any, y: Any, phi: Any, wanted: Any
) -> None:
    below, upto = family.below(y, m, ETA, np.array(phi, dtype=float))
    np.testing.assert_allclose(upto, wanted.cdf(y), rtol=1e-10, atol=1e-14)
    is_counted = hasattr(wanted.dist, "pmf")
    np.testing.assert_allclose(below, wanted.cdf(y - is_counted), rtol=1e-9, atol=1e-13)


def test_distribution_functions_of_zeros_and_categories() -> None:
    family, phi = FAMILIES.ZeroInflated(), np.array([-0.4])
    below, upto = family.below(WHOLE, ONES, ETA, phi)
    more, counts = expit(-0.4), stats.poisson(MU)
    np.testing.assert_allclose(upto, more + (1 - more) * counts.cdf(WHOLE), rtol=1e-10)
    assert (below[WHOLE == 0] < 1e-14).all()
    hurdle, phi = FAMILIES.Hurdle(FAMILIES.Gamma()), np.array([1.7, -0.4])
    y = np.where(WHOLE == 0, 0.0, POSITIVE)
    below, upto = hurdle.below(y, ONES, ETA, phi)
    wanted = expit(-0.4) + expit(0.4) * stats.gamma(1.7, scale=MU / 1.7).cdf(y)
    np.testing.assert_allclose(upto, wanted, rtol=1e-12)
    np.testing.assert_allclose(below, np.where(y == 0.0, 0.0, upto))
    ordered, tau = FAMILIES.Cumulative(), np.array([-1.0, 0.5])
    below, upto = ordered.below(WHOLE % 3, 3 * ONES, ETA, tau)
    ends = np.r_[-np.inf, tau, np.inf]
    at = (WHOLE % 3).astype(int)
    np.testing.assert_allclose(upto, expit(ends[at + 1] - ETA), atol=1e-14)
    np.testing.assert_allclose(below, expit(ends[at] - ETA), atol=1e-14)


def test_sums_of_many_counts_are_made_in_parts() -> None:
    y, eta = np.array([3.0, 1.2e6, 40.0]), np.log([2.0, 1.2e6, 50.0])
    below, upto = FAMILIES.Poisson().below(y, np.ones(3), eta, NONE)
    np.testing.assert_allclose(upto, stats.poisson(np.exp(eta)).cdf(y), rtol=1e-7)
    np.testing.assert_allclose(below, stats.poisson(np.exp(eta)).cdf(y - 1), rtol=1e-7)


def test_quantile_residuals_of_a_density_are_its_normal_quantiles() -> None:
    fit = reference.fit("sim_gamma_log")
    mu, shape = fit.predict(), fit.draws("shape").item()
    y = reference.data_of("sim_gamma_log")["y"]
    wanted = ndtri(stats.gamma(shape, scale=mu / shape).cdf(y))
    found = fit.residuals(kind="quantile")
    np.testing.assert_allclose(found, wanted, atol=1e-7)
    assert found.name == "quantile residual"


def test_quantile_residuals_of_counts_lie_between_their_limits() -> None:
    fit = family_fits.counts()
    found = fit.residuals(kind="quantile", seed=4, effects="none")
    mu, y = fit.predict(effects="none"), family_fits.DATA["c"]
    assert (found > ndtri(stats.poisson(mu).cdf(y - 1)) - 1e-9).all()
    assert (found < ndtri(stats.poisson(mu).cdf(y)) + 1e-9).all()
    pd.testing.assert_series_equal(found, fit.residuals(kind="quantile", seed=4, effects="none"))
    assert not found.equals(fit.residuals(kind="quantile", seed=5, effects="none"))


def test_quantile_residuals_of_a_posterior_average_over_its_draws() -> None:
    fit = family_fits.posterior()
    found = fit.residuals(kind="quantile", seed=1)
    assert found.name == "quantile residual, averaged over draws"
    gamma, u = fit.draws("gamma").to_numpy()[0], fit.draws("u").to_numpy()[0, :, :, 0]
    X = fit.design.rows.X
    zero = expit(-(gamma @ X.T + u[:, fit.design.rows.codes])).mean(axis=0)  # P(Y = 0) (n,)
    limit, y = ndtri(zero), family_fits.DATA["y"].to_numpy()
    assert (found[y == 0] <= limit[y == 0]).all()
    assert (found[y == 1] >= limit[y == 1]).all()


def test_new_responses_are_drawn_given_groups_kept_or_new() -> None:
    fit = family_fits.counts()
    kept = fit.simulate(400, groups="kept", seed=3)
    assert kept.shape == (60, 400)
    error = kept.std(axis=1) / 20.0
    assert (np.abs(kept.mean(axis=1) - fit.predict()) < 6.0 * error).all()
    new = hb.Model("c ~ x + (1 | g)", family_fits.DATA.assign(c=range(60)), family="poisson").ml()
    own, other = (new.simulate(200, groups=groups, seed=3) for groups in ("kept", "new"))
    assert (other.var(axis=1) > 2.0 * own.var(axis=1)).mean() > 0.9


def test_new_responses_of_a_posterior_have_a_draw_of_its_parameters_each() -> None:
    fit = family_fits.posterior()
    found = fit.simulate(50, groups="kept", seed=3)
    assert set(np.unique(found)) == {0.0, 1.0}
    chosen = np.random.default_rng(3).choice(len(fit.theta.sigma[0]), size=50, replace=False)
    gamma, u = fit.draws("gamma").to_numpy()[0], fit.draws("u").to_numpy()[0, :, :, 0]
    rng = np.random.default_rng([3, 4])
    for column, at in enumerate(chosen):
        eta = fit.design.rows.X @ gamma[at] + u[at][fit.design.rows.codes]
        np.testing.assert_array_equal(found[column], rng.binomial(1, expit(eta)))


def test_a_gaussian_fit_simulates_too(ml_fits: Any) -> None:
    fit = ml_fits["intercepts_slopes"]
    found = fit.simulate(2, groups="kept", seed=3)
    rng = np.random.default_rng([3, 4])
    wanted = fit.predict() + fit.sigma * rng.standard_normal(fit.design.n)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-9)


def test_labels_of_a_response_are_simulated() -> None:
    two = hb.Model("s ~ x + (1 | g)", family_fits.DATA, family="bernoulli").ml()
    assert set(two.simulate(seed=1)[0].cat.categories) == {"a", "b"}
    ordered = reference.fit("wine_clmm").simulate(2, seed=1)
    assert ordered[0].cat.ordered
    assert list(ordered[1].cat.categories) == ["1", "2", "3", "4", "5"]


def test_simulated_data_follow_the_family_trials_and_offsets() -> None:
    stated: dict[str, Any] = dict(
        gamma=(0.5, -1.0), G=0.3, groups=6, sizes=4, seed=7,
        variables={"x": ("normal", 0, 1), "n": ("poisson", 9), "t": ("uniform", 1, 2)},
    )  # fmt: skip
    made = hb.simulate("k | trials(n) ~ x + offset(t) + (1 | g)", family="binomial", **stated)
    data, truth = made.data, made.truth
    eta = 0.5 - data["x"] + data["t"] + truth.u["Intercept"].loc[data["g"]].to_numpy()
    wanted = stream(7, RESIDUALS).binomial(data["n"], expit(eta))
    np.testing.assert_array_equal(data["k"], wanted)
    np.testing.assert_allclose(truth.residuals, data["k"] - data["n"] * expit(eta))
    assert "Binomial, logit link" in str(made)
    ordered = hb.simulate("o ~ x + (1 | g)", family="cumulative", phi=(-1, 1), **stated)
    assert ordered.truth.dispersion.to_dict() == {"1|2": -1.0, "2|3": 1.0}
    assert ordered.data["o"].cat.ordered


def test_failures_are_what_is_left_of_the_trials() -> None:
    data = family_fits.DATA.assign(f=5 - family_fits.DATA["k"])
    fit = hb.Model("cbind(k, f) ~ x + (1 | g)", data, family="binomial").ml()
    made = hb.simulate(fit, data=data, seed=1).data
    assert (made["k"] + made["f"] == 5).all()
    assert not made["k"].equals(data["k"])


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: hb.simulate("y | trials(t) ~ x + (1 | g)", gamma=1, G=1, sigma=1, groups=2, sizes=2),
     "a Gaussian response has no trials; state family=, or leave them out of "
     "'y | trials(t) ~ 1 + x + (1 | g)'"),
    (lambda: hb.simulate("y ~ 1 + (1 | g)", family="gamma", gamma=1, G=1, groups=2, sizes=2),
     "phi is not stated; a simulation of Gamma(link='log') needs 'shape'"),
    (lambda: hb.simulate(
        "y ~ 1 + (1 | g)", family="gamma", gamma=1, G=1, phi=-1, groups=2, sizes=2),
     "'shape' of Gamma(link='log') must be a positive number, not -1"),
    (lambda: hb.simulate("y ~ 1 + (1 | g)", family="poisson", gamma=1, G=1, sigma=1, groups=2,
                         sizes=2),
     "sigma is of a Gaussian response; give phi= for Poisson(link='log')"),
    (lambda: hb.simulate("y ~ 1 + (1 | g)", family="cumulative", gamma=1, G=1, phi=(1, 0),
                         groups=2, sizes=2),
     "thresholds are two or more increasing numbers, not [1. 0.]"),
    (lambda: hb.simulate("k ~ 1 + (1 | g)", family="betabinomial", gamma=1, G=1, phi=1, groups=2,
                         sizes=2),
     "BetaBinomial(link='logit') counts out of trials, and 'k ~ 1 + (1 | g)' states none; write "
     "'k | trials(size)'"),
    (lambda: hb.simulate(family_fits.counts(), family="bernoulli", data=family_fits.DATA),
     "the family of the fit is Poisson(link='log'); leave family= out"),
    (lambda: family_fits.counts().simulate(groups="old"),
     "groups must be 'new' or 'kept', not 'old'"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "words"), REFUSED)
def test_what_cannot_be_simulated_is_refused(asked: Callable[[], object], words: str) -> None:
    with pytest.raises(hb.HierbayesError) as refused:
        asked()
    assert str(refused.value) == words
