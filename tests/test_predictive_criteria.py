"""Rows and groups left out: importance weights, closed forms, refits; fits compared by them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats import loo as arviz_loo
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose
from scipy.stats import binom, multivariate_normal, norm, poisson

import hierbayes as hb
from hierbayes.fit.convergence import relative_efficiency
from hierbayes.fit.of_family.posterior import FamilyPosteriorFit
from hierbayes.inference.predictive import logo as logo_module
from hierbayes.inference.predictive import loo as loo_module
from hierbayes.inference.predictive.left_out_family_groups import family_densities
from hierbayes.inference.predictive.left_out_groups import densities_at
from hierbayes.inference.predictive.left_out_rows import densities_given_draws
from hierbayes.inference.predictive.pareto_smoothing import smoothed
from hierbayes.inference.predictive.sampled_without import sampled_without
from hierbayes.inference.predictive.stacking import stacking_weights
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.reading import NORMAL, REML
from tests import family_fits
from tests.dense import Array, gls
from tests.dense_factors import FactorRows
from tests.exact import exact_posterior, log_posterior

PRIORS = {"gamma": hb.Normal(0, 5), "sd": hb.HalfNormal(2), "sigma": hb.HalfNormal(3)}


def test_smoothed_weights_are_those_of_arviz() -> None:
    rng = np.random.default_rng(1)
    for M, efficiency in ((60, 1.0), (1000, 1.0), (1000, 0.4)):
        ratios = rng.normal(size=(30, M)) * np.linspace(0.1, 4.0, 30)[:, None]
        weights, k_hat = smoothed(ratios, efficiency)
        expected, expected_k = array_stats.psislw(-ratios, r_eff=efficiency)
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
    expected = arviz_loo(tree, pointwise=True, reff=relative_efficiency(small_posterior))
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


def _stated(data: pd.DataFrame) -> hb.Model:
    return hb.Model("y ~ x", "~ 1 | g", data=data, priors=PRIORS)


@pytest.fixture(scope="module")
def stated(small_data: pd.DataFrame) -> hb.PosteriorFit:
    return exact_posterior(_stated(small_data), draws=250, seed=3)


@pytest.fixture(scope="module")
def two_factors(small_data: pd.DataFrame) -> hb.PointFit:
    data = small_data.assign(h=np.arange(len(small_data)) % 3)
    return hb.Model("y ~ x + (1 + x | g) + (1 | h)", data=data).reml()


def test_rows_left_out_are_those_of_the_posterior_without_them(
    small_data: pd.DataFrame, stated: hb.PosteriorFit
) -> None:
    fit = stated
    found = hb.loo(fit).frame["elpd"].to_numpy()
    draws = fit.parameter_draws(None, None, 1)
    worst = int(found.argmin())
    for row in (worst, 0, 20):
        left = small_data.drop(index=small_data.index[row])
        expected = _evidence(_stated(small_data)) - _evidence(_stated(left))
        values = densities_given_draws(fit.design, draws, row)
        exact = -np.log(np.exp(-values).mean())  # 1/p(y_i | y_−i) = E 1/p(y_i | y_−i, γ, θ)
        assert abs(exact - expected) < 0.1
        assert abs(found[row] - expected) < 0.25


def test_a_row_given_its_group_is_that_of_dense_algebra(two_factors: hb.PointFit) -> None:
    fit = two_factors
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


def test_a_row_with_a_weight_given_its_group_is_that_of_dense_algebra(
    small_data: pd.DataFrame,
) -> None:
    data = small_data.assign(weight=1.0 + np.arange(len(small_data)) % 4)
    fit = hb.Model("y ~ x + (1 + x | g)", data, weights="weight").reml()
    draws, rows, row = fit.parameter_draws(2, None, 1), fit.design.rows, 9
    own = np.flatnonzero(rows.codes == rows.codes[row])
    found = densities_given_draws(fit.design, draws, row)
    D = np.diag(1.0 / data["weight"].to_numpy()[own])
    for s in range(2):
        rest = (rows.response - rows.X @ draws.gamma[s])[own]
        V = rows.Z[own] @ fit.G @ rows.Z[own].T + fit.sigma**2 * D
        precision = np.linalg.inv(V)
        at = int(np.flatnonzero(own == row)[0])
        sd = precision[at, at] ** -0.5
        expected = norm.logpdf(sd**2 * (precision @ rest)[at], scale=sd)
        assert_allclose(found[s], expected, rtol=1e-9)


def _dense(fit: hb.PointFit) -> FactorRows:
    rows, spans = fit.design.rows, fit.design.spans
    columns = zip(rows.codes_of, spans, strict=True)
    return FactorRows(rows.y, rows.X, tuple((codes, rows.Z[:, at]) for codes, at in columns))


def test_rows_given_the_estimates_are_those_of_dense_algebra(two_factors: hb.PointFit) -> None:
    fit = two_factors
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
    first = f"Of {n} of {n} rows k̂ was above -10.00 given u, and they were computed exactly given "
    first += "γ and θ: 0, 1,"
    assert again.notes[0].startswith(first)
    second = f"Of {n} of {n} rows k̂ is above -10.00, and the numbers cannot be trusted: 0, 1,"
    assert again.notes[1].startswith(second)


def test_rows_of_a_family_have_its_probabilities() -> None:
    fit = family_fits.posterior()
    draws, y = fit.parameter_draws(None, None, 1), family_fits.DATA["y"].to_numpy()
    codes = fit.design.rows.codes
    eta = draws.gamma @ fit.design.rows.X.T + draws.us[0][:, codes, 0]
    log_share = np.where(y == 1, -np.log1p(np.exp(-eta)), -np.log1p(np.exp(eta))).T
    expected, k_hat = array_stats.psislw(log_share, r_eff=relative_efficiency(fit))
    found = hb.loo(fit)
    assert_allclose(found.frame["k_hat"], k_hat, atol=1e-9)
    share = np.where(y == 1, 1.0 / (1.0 + np.exp(-eta)), 1.0 / (1.0 + np.exp(eta))).T
    assert_allclose(found.frame["elpd"], np.log((np.exp(expected) * share).sum(axis=1)), atol=1e-9)


def test_what_has_no_rows_to_leave_out_is_refused(small: hb.Model) -> None:
    with pytest.raises(hb.HypothesisError, match=r"^loo\(\) takes a fit, and this is of type Mod"):
        hb.loo(small)  # type: ignore[arg-type]
    with pytest.raises(hb.InferenceError, match=r"Bernoulli.*use model\.sample"):
        hb.loo(family_fits.bernoulli())


# ---------------------------------------------------------------- groups


def test_groups_of_reml_are_those_of_refits_without_them(
    hs: pd.DataFrame, reference: dict[str, Any], reml_fits: dict[str, hb.PointFit]
) -> None:
    fit, form = reml_fits["random_coefficients"], reference["models"]["random_coefficients"]
    found = hb.logo(fit)
    rows = fit.design.rows
    expected = []
    for j, label in enumerate(fit.design.factor.labels):
        left = hs[hs["school"].astype(str) != str(label)]
        anew = hb.Model(form["fixed"], random=form["random"], data=left).reml()
        own = rows.codes == j
        X, Z = rows.X[own], rows.Z[own]
        V = Z @ anew.G @ Z.T + X @ anew.gamma_cov @ X.T + anew.sigma**2 * np.eye(int(own.sum()))
        expected.append(multivariate_normal.logpdf(rows.y[own], X @ anew.gamma, V))
    assert len(found.frame) == 40 and set(found.frame["method"]) == {"refit"}
    assert_allclose(found.frame["elpd"], expected, rtol=1e-8)


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + (1 | g) + (1 | h)"])
def test_groups_of_rows_with_weights_are_those_of_dense_algebra(
    small_data: pd.DataFrame, formula: str
) -> None:
    n = len(small_data)
    data = small_data.assign(w=1.0 + np.arange(n) % 3, h=np.arange(n) % 4)
    fit = hb.Model(formula, data=data, weights="w").reml()
    rows, J, theta = fit.design.rows, 8, fit.theta.flat
    found = densities_at(fit.problem, 0, theta, flat_prior(2), REML)[:, 0]
    V = fit.sigma**2 * np.diag(1.0 / data["w"].to_numpy())
    for codes, at in zip(rows.codes_of, fit.design.spans, strict=True):
        V = V + np.where(codes[:, None] == codes, fit.G[at, at].item(), 0.0)
    for j in (0, J - 1):
        own, stay = rows.codes_of[0] == j, rows.codes_of[0] != j
        gamma, cov = gls(rows.X[stay], rows.response[stay], V[np.ix_(stay, stay)])
        gain = np.linalg.solve(V[np.ix_(stay, stay)], V[np.ix_(stay, own)]).T
        X = rows.X[own] - gain @ rows.X[stay]
        mean = gain @ rows.response[stay] + X @ gamma
        spread = V[np.ix_(own, own)] - gain @ V[np.ix_(stay, own)] + X @ cov @ X.T
        expected = multivariate_normal.logpdf(rows.response[own], mean, spread)
        assert_allclose(found[j], expected, rtol=1e-8)
    assert np.isfinite(hb.logo(fit, "g").elpd)


def test_groups_given_draws_are_those_of_dense_algebra(stated: hb.PosteriorFit) -> None:
    problem, rows, theta = stated.problem, stated.design.rows, stated.theta.flat[:3]
    found = densities_at(problem, 0, theta, stated.gamma_prior, NORMAL)
    for s in range(3):
        between = np.where(rows.codes[:, None] == rows.codes, theta.G[s, 0, 0], 0.0)
        V = between + 25.0 * rows.X @ rows.X.T + theta.sigma[s] ** 2 * np.eye(len(rows.y))
        whole = multivariate_normal.logpdf(rows.y, cov=V)
        for j in range(8):
            stay = rows.codes != j
            rest = multivariate_normal.logpdf(rows.y[stay], cov=V[np.ix_(stay, stay)])
            assert_allclose(found[j, s], whole - rest, rtol=1e-8)


def test_groups_left_out_are_those_of_the_posterior_without_them(
    small_data: pd.DataFrame, stated: hb.PosteriorFit
) -> None:
    found, whole = hb.logo(stated), _evidence(_stated(small_data))
    for label in ("a", "h", found.frame["elpd"].idxmin()):
        left = small_data[small_data["g"] != label]
        assert abs(found.frame.loc[label, "elpd"] - whole + _evidence(_stated(left))) < 0.3
    assert found.frame["n"].tolist() == list(range(4, 12)) and not len(found.bad)


def test_groups_of_one_of_several_factors(two_factors: hb.PointFit) -> None:
    fit, dense = two_factors, _dense(two_factors)
    roots, p = [fit.theta.root[0, 0][at, at] for at in fit.design.spans], 2
    theta = fit.theta.flat
    found = densities_at(fit.problem, 0, theta, flat_prior(p), REML)[:, 0]
    whole = dense.log_density(roots, fit.sigma, restricted=True)
    for j in (0, 5):
        stay = fit.design.rows.codes_of[0] != j
        factors = tuple((np.unique(codes[stay], return_inverse=True)[1], columns[stay])
                        for codes, columns in dense.factors)  # fmt: skip
        rest = FactorRows(dense.y[stay], dense.X[stay], factors)
        expected = whole - rest.log_density(roots, fit.sigma, restricted=True)
        assert_allclose(found[j], expected, rtol=1e-8)
    with pytest.raises(hb.DataError, match="'g'"):
        hb.logo(fit)


def test_a_posterior_is_sampled_anew_without_a_group(
    small_data: pd.DataFrame, stated: hb.PosteriorFit, small_posterior: hb.PosteriorFit
) -> None:
    whole, left = _evidence(_stated(small_data)), small_data[small_data["g"] != "h"]
    found, reason = sampled_without(stated, 0, 7)
    assert not reason and abs(found - whole + _evidence(_stated(left))) < 0.15
    # the prior of γ that the columns of all rows shape is that of the others, too
    again, reason = sampled_without(small_posterior, 0, 0)
    assert not reason and abs(again - hb.logo(small_posterior, refit=0).frame["elpd"].iloc[0]) < 0.2


def test_groups_with_bad_weights_are_sampled_anew_up_to_a_limit(
    stated: hb.PosteriorFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logo_module, "k_hat_limit", lambda M: -10.0)
    monkeypatch.setattr(logo_module, "sampled_without", lambda fit, k, j: (-1.0, "" if j else "no"))
    before = hb.logo(stated, refit=0)
    worst = before.frame["k_hat"].nlargest(2).index
    found = hb.logo(stated, refit=2, progress=False)
    anew = found.frame.index[found.frame["method"] == "sampled anew"]
    assert set(anew) == set(worst) - {"a"} and (found.frame.loc[anew, "elpd"] == -1.0).all()
    assert len(found.bad) == 8 - len(anew) and not set(found.bad) & set(anew)
    assert found.notes[0].endswith(f"were made anew: {', '.join(sorted(anew))}.")
    every = hb.logo(stated, refit=8, progress=False)
    assert "Sampling anew without a group failed, a: no." in every.notes
    with pytest.raises(hb.EstimationError, match=r"^refit must be a whole number of at least 0"):
        hb.logo(stated, refit=-1)


@pytest.mark.parametrize(
    ("formula", "family"),
    [("c ~ 1 + (1 | g)", "poisson"), ("k | trials(n) ~ x + (1 | g)", "binomial")],
)
def test_groups_of_a_family_are_those_of_refits_and_dense_quadrature(
    formula: str, family: str
) -> None:
    data = family_fits.DATA
    found = hb.logo(hb.Model(formula, data, family=family).ml())
    assert set(found.frame["method"]) == {"refit"} and found.p > 0.0
    z = np.linspace(-9.0, 9.0, 2001)
    for label in (0, 7):
        own = data[data["g"] == label]
        anew = hb.Model(formula, data[data["g"] != label], family=family).ml()
        gamma, sd = anew.fixef(), np.sqrt(anew.G[0, 0])
        eta = gamma["Intercept"] + gamma.get("x", 0.0) * own["x"].to_numpy()[:, None] + sd * z
        density = (
            poisson.logpmf(own["c"].to_numpy()[:, None], np.exp(eta))
            if family == "poisson"
            else binom.logpmf(own["k"].to_numpy()[:, None], 5, 1.0 / (1.0 + np.exp(-eta)))
        )
        whole = np.exp(density.sum(axis=0) + norm.logpdf(z)).sum() * (z[1] - z[0])
        assert_allclose(found.frame.loc[label, "elpd"], np.log(whole), atol=2e-5)


def test_groups_of_a_familys_posterior_are_integrated_draw_by_draw() -> None:
    fit, data = family_fits.posterior(), family_fits.DATA
    found = hb.logo(fit, refit=0)
    z = np.linspace(-9.0, 9.0, 801)
    sd = np.sqrt(fit.theta.G[0, :, 0, 0])
    values = np.empty((12, 120))
    for j in range(12):
        own = data[data["g"] == j]
        X = np.column_stack([np.ones(5), own["x"]])
        eta = (fit.gamma_draws[0] @ X.T)[..., None] + sd[:, None, None] * z
        sign = np.where(own["y"] == 1, 1.0, -1.0)[:, None]
        log_share = -np.log1p(np.exp(-sign * eta)).sum(axis=1)
        values[j] = np.log((np.exp(log_share) * norm.pdf(z)).sum(axis=1) * (z[1] - z[0]))
    assert isinstance(fit, FamilyPosteriorFit)
    ours = family_densities(fit, 0)
    assert_allclose(ours, values, atol=2e-3)  # seven nodes
    weights = smoothed(-ours, relative_efficiency(fit))[0]
    expected = np.log((np.exp(weights) * np.exp(values)).sum(axis=1))
    assert_allclose(found.frame["elpd"], expected, atol=2e-3)
    anew, reason = sampled_without(fit, 0, 3)
    assert not reason and abs(anew - expected[3]) < 0.5  # 120 draws each


def test_groups_that_cannot_be_left_out_are_refused_by_name() -> None:
    with pytest.raises(
        hb.InferenceError, match=r"this is a MAP.* fit; use model\.reml\(\), model\.ml"
    ):
        hb.logo(family_fits.MODEL.map())
    with pytest.raises(hb.InferenceError, match=r"other grouping factors are not known.*sample"):
        hb.logo(family_fits.counts(), "g")


# ---------------------------------------------------------------- comparisons


def test_stacking_weights_are_the_best_of_all() -> None:
    rng = np.random.default_rng(5)
    elpd = rng.normal([-2.0, -1.7], 1.0, size=(50, 2))
    w = np.linspace(0.0, 1.0, 10_001)
    score = np.log(np.exp(elpd) @ np.array([w, 1.0 - w])).sum(axis=0)
    assert_allclose(stacking_weights(elpd)[0], w[score.argmax()], atol=2e-3)


def test_fits_are_compared_in_one_criterion(
    small: hb.Model, small_data: pd.DataFrame, stated: hb.PosteriorFit
) -> None:
    simple = hb.Model("y ~ x + (1 | g)", data=small_data).reml()
    fits = {"slopes": small.reml(), "simple": simple}
    for by, criterion in (("row", "conditional, by row"), ("group", "marginal, by group")):
        found = hb.compare_predictive(*fits.values(), names=list(fits), by=by)
        a, b = (found.cases[name] for name in fits)
        table = found.table
        assert (table["criterion"] == criterion).all() and criterion in str(found)
        best = table.index[0]
        assert table["elpd"].is_monotonic_decreasing and table.loc[best, "difference"] == 0.0
        gap = table["difference"].iloc[1], table["se_difference"].iloc[1]
        expected = -abs((a - b).sum()), np.sqrt(len(a) * (a - b).var(ddof=1))
        assert gap == pytest.approx(expected, rel=1e-9)
        assert table["weight"].sum() == pytest.approx(1.0) and "may rank otherwise" in str(found)
    rows, groups = hb.loo(simple), hb.logo(simple)
    with pytest.raises(
        hb.InferenceError, match=r"^these are of two criteria, 'conditional, by row'"
    ):
        hb.compare_predictive(rows, groups)
    fewer = hb.Model("y ~ x + (1 | g)", data=small_data.iloc[1:]).reml()
    with pytest.raises(hb.InferenceError, match=r"differ: 60 rows .* and 59 rows"):
        hb.compare_predictive(rows, hb.loo(fewer))
    moved = hb.Model("y ~ x + (1 | g)", data=small_data.assign(g=small_data["g"] + "x")).reml()
    with pytest.raises(hb.InferenceError, match=r"^the groups that are left out differ"):
        hb.compare_predictive(groups, hb.logo(moved))
    with pytest.raises(hb.InferenceError, match="at least two results, not 1"):
        hb.compare_predictive(rows)


def test_rows_left_out_of_a_posterior_are_not_put_beside_those_of_a_maximum(
    small: hb.Model, small_posterior: hb.PosteriorFit
) -> None:
    fit = small.reml()
    with pytest.raises(hb.InferenceError, match="whose θ̂ has seen every row and is too favourable"):
        hb.compare_predictive(hb.loo(small_posterior), hb.loo(fit))
    page = str(hb.compare_predictive(fit, fit))
    assert "θ̂ has seen every row that is left out: these numbers are too large" in page


def test_what_could_not_be_left_out_leaves_no_sum() -> None:
    data = pd.DataFrame(
        {"y": [1.0, 2, 3, 5, 4, 7], "x": [1.0, 2, 3, 1, 2, 3], "g": [0, 0, 0, 1, 1, 1]}
    )
    found = hb.logo(hb.Model("y ~ x + (1 | g)", data).reml())
    assert np.isnan(found.elpd) and found.table["cases"].tolist() == [0]
