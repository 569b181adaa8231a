"""Rows left out: importance weights, closed forms and their notes."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats import loo as arviz_loo
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose
from scipy.stats import norm

import hierbayes as hb
from hierbayes.inference.predictive import loo as loo_module
from hierbayes.inference.predictive.left_out_rows import densities_given_draws
from hierbayes.inference.predictive.pareto_smoothing import smoothed
from tests import family_fits
from tests.dense import Array, gls
from tests.dense_factors import FactorRows
from tests.exact import exact_posterior, log_posterior

PRIORS = {"gamma": hb.Normal(0, 5), "sd": hb.HalfNormal(2), "sigma": hb.HalfNormal(3)}


def test_smoothed_weights_are_those_of_arviz() -> None:
    rng = np.random.default_rng(1)
    for M in (60, 1000):
        ratios = rng.normal(size=(30, M)) * np.linspace(0.1, 4.0, 30)[:, None]
        weights, k_hat = smoothed(ratios)
        expected, expected_k = array_stats.psislw(-ratios)
        assert_allclose(weights, expected, atol=1e-11)
        assert_allclose(k_hat, expected_k, atol=1e-11)


def test_weights_without_a_tail_are_even_and_infinite_ratios_are_refused() -> None:
    ratios = np.zeros((2, 100))
    ratios[1, 3] = np.inf
    weights, k_hat = smoothed(ratios)
    assert_allclose(weights[0], -np.log(100.0), rtol=1e-12)
    assert k_hat.tolist() == [-np.inf, np.inf]


def _log_densities(fit: hb.PosteriorFit) -> Array:
    """Log density (chain, draw, n) of each row given γ, u and σ, written independently."""
    rows = fit.design.rows
    eta = fit.gamma_draws @ rows.X.T
    eta = eta + np.einsum("nq,cdnq->cdn", rows.Z, fit.u_draws[:, :, rows.codes])
    return np.asarray(norm.logpdf(rows.y, eta, fit.theta.sigma[..., None]))


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_rows_of_a_posterior_are_those_of_arviz(
    small_posterior: hb.PosteriorFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    dims = ("chain", "draw", "obs")
    tree = xr.DataTree.from_dict({
        "posterior": xr.Dataset({"sigma": (dims[:2], small_posterior.theta.sigma)}),
        "log_likelihood": xr.Dataset({"y": (dims, _log_densities(small_posterior))}),
    })  # fmt: skip
    expected = arviz_loo(tree, pointwise=True, reff=1.0)
    assert hb.loo(small_posterior).k_hat_limit == pytest.approx(expected.good_k)
    monkeypatch.setattr(loo_module, "k_hat_limit", lambda M: np.inf)
    found = hb.loo(small_posterior)
    assert_allclose(found.frame["k_hat"], expected.pareto_k, atol=1e-9)
    assert_allclose(found.frame["elpd"], expected.elpd_i, atol=1e-9)
    sums = (expected.elpd, expected.se, expected.p)
    assert (found.elpd, found.se, found.p) == pytest.approx(sums, abs=1e-8)


def _evidence(model: hb.Model) -> float:
    """Log ∫ p(y | θ)p(θ) dθ over (sd, log σ) on a grid, up to a constant of the priors."""
    sd, log_sigma = np.linspace(1e-4, 8.0, 160), np.linspace(-1.2, 2.0, 120)
    at = np.stack(np.meshgrid(sd, log_sigma, indexing="ij"), axis=-1).reshape(-1, 2)
    values = log_posterior(model, at)
    return float(np.log(np.exp(values - values.max()).sum()) + values.max())


def test_rows_left_out_are_those_of_the_posterior_without_them(small_data: pd.DataFrame) -> None:
    def model(data: pd.DataFrame) -> hb.Model:
        return hb.Model("y ~ x", "~ 1 | g", data=data, priors=PRIORS)

    fit = exact_posterior(model(small_data), draws=250, seed=3)
    found = hb.loo(fit).frame["elpd"].to_numpy()
    draws = fit.parameter_draws(None, None, 1)
    worst = int(found.argmin())
    for row in (worst, 0, 20):
        left = small_data.drop(index=small_data.index[row])
        expected = _evidence(model(small_data)) - _evidence(model(left))
        values = densities_given_draws(fit.design, draws, row)
        exact = -np.log(np.exp(-values).mean())  # 1/p(y_i | y_−i) = E 1/p(y_i | y_−i, γ, θ)
        assert abs(exact - expected) < 0.1
        assert abs(found[row] - expected) < 0.25


def test_a_row_given_its_group_is_that_of_dense_algebra(small_data: pd.DataFrame) -> None:
    data = small_data.assign(h=np.arange(len(small_data)) % 3)
    fit = hb.Model("y ~ x + (1 + x | g) + (1 | h)", data=data).reml()
    design, draws, row = fit.design, fit.parameter_draws(4, None, 1), 7
    X, Z, y = design.rows.X, design.rows.Z, design.rows.y
    own = np.flatnonzero(design.rows.codes_of[0] == design.rows.codes_of[0][row])
    others = own[own != row]
    found = densities_given_draws(design, draws, row)
    for s in range(4):
        other = Z[:, 2] * draws.us[1][s][design.rows.codes_of[1], 0]
        rest = y - X @ draws.gamma[s] - other
        V = Z[own, :2] @ fit.G[:2, :2] @ Z[own, :2].T + fit.sigma**2 * np.eye(len(own))
        inside, at = own != row, int(np.flatnonzero(own == row)[0])
        gain = np.linalg.solve(V[np.ix_(inside, inside)], V[inside, at])
        sd = np.sqrt(V[at, at] - gain @ V[inside, at])
        expected = norm.logpdf(rest[row], gain @ rest[others], sd)
        assert_allclose(found[s], expected, rtol=1e-9)


def _dense(fit: hb.PointFit) -> FactorRows:
    rows, spans = fit.design.rows, fit.design.spans
    columns = zip(rows.codes_of, spans, strict=True)
    return FactorRows(rows.y, rows.X, tuple((codes, rows.Z[:, at]) for codes, at in columns))


def test_rows_given_the_estimates_are_those_of_dense_algebra(small_data: pd.DataFrame) -> None:
    data = small_data.assign(h=np.arange(len(small_data)) % 3)
    fit = hb.Model("y ~ x + (1 + x | g) + (1 | h)", data=data).reml()
    rows, found = _dense(fit), hb.loo(fit)
    V = rows.V([fit.theta.root[0, 0][at, at] for at in fit.design.spans], fit.sigma)
    for row in (0, 30):
        stay = np.arange(len(V)) != row
        gamma, cov = gls(rows.X[stay], rows.y[stay], V[np.ix_(stay, stay)])
        gain = np.linalg.solve(V[np.ix_(stay, stay)], V[stay, row])
        x = rows.X[row] - gain @ rows.X[stay]
        mean = x @ gamma + gain @ rows.y[stay]
        sd = np.sqrt(V[row, row] - gain @ V[stay, row] + x @ cov @ x)
        expected = norm.logpdf(rows.y[row], mean, sd)
        assert_allclose(found.frame["elpd"].iloc[row], expected, rtol=1e-9)
    assert found.p > 0.0 and not len(found.bad)


def test_rows_with_bad_weights_are_computed_again(
    small_posterior: hb.PosteriorFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hb.loo(small_posterior)
    monkeypatch.setattr(loo_module, "k_hat_limit", lambda M: -10.0)
    again = hb.loo(small_posterior)
    n = small_posterior.design.n
    assert (again.frame["method"] == "exact given γ and θ").all() and len(again.bad) == n
    assert_allclose(again.frame["elpd"], before.frame["elpd"], atol=0.4)
    assert again.elpd == pytest.approx(before.elpd, abs=2.0)
    first = f"{n} rows had a k̂ above -10.00 given u, and were computed exactly given γ and θ: 0, 1,"
    assert again.notes[0].startswith(first)
    second = f"{n} rows have a k̂ above -10.00, their numbers cannot be trusted: 0, 1,"
    assert again.notes[1].startswith(second)


def test_rows_of_a_family_have_its_probabilities() -> None:
    fit = family_fits.posterior()
    draws, y = fit.parameter_draws(None, None, 1), family_fits.DATA["y"].to_numpy()
    codes = fit.design.rows.codes
    eta = draws.gamma @ fit.design.rows.X.T + draws.us[0][:, codes, 0]
    expected, k_hat = array_stats.psislw(np.where(y == 1, -np.log1p(np.exp(-eta)),
                                                  -np.log1p(np.exp(eta))).T)  # fmt: skip
    found = hb.loo(fit)
    assert_allclose(found.frame["k_hat"], k_hat, atol=1e-9)
    share = np.where(y == 1, 1.0 / (1.0 + np.exp(-eta)), 1.0 / (1.0 + np.exp(eta))).T
    assert_allclose(found.frame["elpd"], np.log((np.exp(expected) * share).sum(axis=1)), atol=1e-9)


def test_what_has_no_rows_to_leave_out_is_refused(small: hb.Model) -> None:
    with pytest.raises(hb.HypothesisError, match=r"^loo\(\) takes a fit, and this is of type Mod"):
        hb.loo(small)  # type: ignore[arg-type]
    with pytest.raises(hb.InferenceError, match=r"Bernoulli.*use model\.sample"):
        hb.loo(family_fits.bernoulli())
