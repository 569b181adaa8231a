"""Predictions with standard errors, limits and draws, beside dense algebra and refits."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr, ndtri

import hierbayes as hb
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import REML
from tests import family_fits
from tests.dense import Array, gls
from tests.dense_factors import FactorRows

Z975 = ndtri(0.975)


@pytest.fixture(scope="module")
def fit(small: hb.Model) -> hb.PointFit:
    return small.reml()


@pytest.fixture(scope="module")
def new_rows(small_data: pd.DataFrame) -> pd.DataFrame:
    """Two rows of one new group, one of another, and one of a known group."""
    return small_data.iloc[[0, 1, 2, 3]].assign(g=["zz", "zz", "zy", small_data["g"].iloc[0]])


@pytest.fixture(scope="module")
def crossed() -> tuple[pd.DataFrame, hb.PointFit]:
    """Six by five levels, three rows in most pairs, and none in the pair (0, 0)."""
    rng = np.random.default_rng(4)
    a, b = (one.ravel().repeat(3) for one in np.meshgrid(np.arange(6), np.arange(5)))
    a, b = a[(a + b) > 0], b[(a + b) > 0]
    x = rng.normal(size=len(a))
    y = 1.0 + x + rng.normal(size=6)[a] * (1 + x) + rng.normal(size=5)[b] + rng.normal(size=len(a))
    data = pd.DataFrame({"y": y, "x": x, "a": a, "b": b})
    return data, hb.Model("y ~ x + (1 + x | a) + (1 | b)", data=data).reml()


def _dense_errors(fit: hb.PointFit, rows: FactorRows, X: Array, Zs: list[Array]) -> Array:
    """Variance of x'γ + z'u − its prediction, from n × n matrices."""
    roots = [fit.theta.root[0, 0][at, at] for at in fit.design.spans]
    V = rows.V(roots, fit.sigma)
    inverse, cov = np.linalg.inv(V), gls(rows.X, rows.y, V)[1]
    shared, prior = np.zeros((len(X), len(V))), np.zeros((len(X), len(X)))
    for k, Z in enumerate(Zs):
        G = rows.G(k, roots[k])
        shared, prior = shared + Z @ G @ rows.Z(k).T, prior + Z @ G @ Z.T
    a = X - shared @ inverse @ rows.X
    return np.diag(prior - shared @ inverse @ shared.T + a @ cov @ a.T)


def test_errors_of_known_groups_are_those_of_dense_algebra(fit: hb.PointFit) -> None:
    rows = fit.design.rows
    dense = FactorRows(rows.y, rows.X, ((rows.codes, rows.Z),))
    variance = _dense_errors(fit, dense, rows.X, [dense.Z(0)])
    table = fit.predict(prob=0.95)
    assert table.columns.tolist() == ["predicted", "se", "lower", "upper"]
    assert_allclose(table["predicted"], fit.predict(), rtol=1e-12)
    assert_allclose(table["se"], np.sqrt(variance), rtol=1e-9)
    assert_allclose(table["upper"], table["predicted"] + Z975 * table["se"], rtol=1e-12)
    response = fit.predict(prob=0.95, kind="response")
    assert_allclose(response["se"], np.sqrt(variance + fit.sigma**2), rtol=1e-9)
    population = fit.predict(effects="none", prob=0.95)
    of_gamma = np.einsum("np,pr,nr->n", rows.X, fit.vcov().to_numpy(), rows.X)
    assert_allclose(population["se"], np.sqrt(of_gamma), rtol=1e-12)


def test_errors_of_new_groups_have_their_own_spread(
    fit: hb.PointFit, new_rows: pd.DataFrame
) -> None:
    sampled = fit.predict(new_rows, new_groups="sample", prob=0.95)
    X, Z = fit.design.columns.new_matrices(new_rows, random=True)
    variance = np.einsum("np,pr,nr->n", X, fit.vcov().to_numpy(), X)
    held = fit.predict(new_rows, new_groups="population", prob=0.95)
    assert_allclose(held["se"][:3], np.sqrt(variance[:3]), rtol=1e-10)
    variance += np.einsum("nq,qr,nr->n", Z, fit.G, Z)
    assert_allclose(sampled["se"][:3], np.sqrt(variance[:3]), rtol=1e-10)
    known = fit.predict(new_rows.tail(1), prob=0.95)
    assert_allclose(sampled.tail(1), known, rtol=1e-10)


def test_errors_of_several_factors(crossed: tuple[pd.DataFrame, hb.PointFit]) -> None:
    """Also of two levels that never occur together, and of one factor's effects."""
    _, fit = crossed
    rows = fit.design.rows
    parts = tuple(
        (codes, rows.Z[:, at]) for codes, at in zip(rows.codes_of, fit.design.spans, strict=True)
    )
    dense = FactorRows(rows.y, rows.X, parts)
    both = [dense.Z(0), dense.Z(1)]
    found = fit.predict(prob=0.9)
    assert_allclose(found["se"], np.sqrt(_dense_errors(fit, dense, rows.X, both)), rtol=1e-8)
    new = pd.DataFrame({"x": [0.5, -1.0], "a": [0, 3], "b": [0, 2]})
    X = np.column_stack([np.ones(2), new["x"]])
    wide = [np.zeros((2, 12)), np.zeros((2, 5))]
    for row, (x, a, b) in enumerate(new.itertuples(index=False)):
        wide[0][row, [2 * a, 2 * a + 1]] = [1.0, x]
        wide[1][row, b] = 1.0
    table = fit.predict(new, prob=0.9)
    assert_allclose(table["se"], np.sqrt(_dense_errors(fit, dense, X, wide)), rtol=1e-8)
    of_b = fit.predict(new, effects="b", prob=0.9)
    only = [0.0 * wide[0], wide[1]]
    assert_allclose(of_b["se"], np.sqrt(_dense_errors(fit, dense, X, only)), rtol=1e-8)


@pytest.mark.parametrize("several", [False, True])
def test_given_rows_are_those_of_a_fit_at_the_same_theta(
    small_data: pd.DataFrame, several: bool, crossed: tuple[pd.DataFrame, hb.PointFit]
) -> None:
    """γ and every u are what all rows say together, of a new group and of a known one."""
    if several:
        data, fit = crossed
        further = data.head(6).assign(a=[7, 7, 1, 1, 7, 2], y=lambda d: d["y"] + 2.0)
        formula = "y ~ x + (1 + x | a) + (1 | b)"
    else:
        data, formula = small_data, "y ~ x + cvar(x, g) + (1 + x | g)"
        fit = hb.Model(formula, data=data).reml()
        further = data.head(4).assign(
            g=["zz", "zz", "zz", data["g"].iloc[-1]], y=lambda d: d["y"] + 2.0
        )
    given = fit.given(further)
    whole = pd.concat([data, further], ignore_index=True)
    if not several:  # a known group keeps the mean that it had
        means = data.groupby("g")["x"].mean().to_dict()
        means["zz"] = further["x"][:3].mean()
        whole["m"] = whole["g"].map(means)
        formula = "y ~ x + m + (1 + x | g)"
    state = likelihood_of(hb.Model(formula, data=whole).problem.products, REML).at(fit.theta[0, 0])
    assert_allclose(given.fixef(), state.gamma, rtol=1e-9)
    for k, u in enumerate(given.u_means):
        order = np.argsort(given.design.factors[k].labels)
        assert_allclose(u[order], state.u_of(k), rtol=1e-7, atol=1e-9)
    new = further.head(2).drop(columns="y")
    assert_allclose(fit.predict(new, given=further), given.predict(new), rtol=1e-12)


def test_a_new_group_keeps_the_mean_of_its_given_rows(small_data: pd.DataFrame) -> None:
    fit = hb.Model("y ~ x + cvar(x, g) + (1 | g)", data=small_data).reml()
    further = small_data.head(3).assign(g="zz")
    one = further.head(1)
    X = fit.given(further).design.columns.new_matrices(one, random=True)[0]
    assert_allclose(X[0, 2], further["x"].mean(), rtol=1e-14)
    assert_allclose(fit.design.columns.new_matrices(one, random=True)[0][0, 2], one["x"].iloc[0])


def test_draws_have_the_moments_of_the_table(fit: hb.PointFit, new_rows: pd.DataFrame) -> None:
    draws = fit.predict_draws(new_rows, new_groups="sample", draws=20_000, seed=1)
    assert draws.dims == ("chain", "draw", "obs") and draws.shape == (1, 20_000, 4)
    table = fit.predict(new_rows, new_groups="sample", prob=0.95)
    error = table["se"] / np.sqrt(20_000)
    assert (np.abs(draws.mean(("chain", "draw")) - table["predicted"]) < 6 * error).all()
    assert_allclose(draws.std(("chain", "draw")), table["se"], rtol=6 / np.sqrt(40_000))


def test_each_new_group_has_its_own_draw(small_posterior: hb.PosteriorFit) -> None:
    """Rows of one new group share it; two new groups are independent."""
    new = pd.DataFrame({"x": [0.0, 0.0, 0.0], "w": [0.0, 0.0, 0.0], "g": ["p", "p", "q"]})
    drawn = small_posterior.predict_draws(new, new_groups="sample", kind="linear")
    population = small_posterior.predict_draws(new, new_groups="population", kind="linear")
    u = (drawn - population).to_numpy().reshape(-1, 3)
    assert_allclose(u[:, 0], u[:, 1], rtol=1e-12)
    sd = small_posterior.draws("sd").sel(effect="Intercept").to_numpy().ravel()
    white = u / sd[:, None]
    n = len(white)
    assert abs(np.corrcoef(white[:, 0], white[:, 2])[0, 1]) < 6 / np.sqrt(n)
    assert_allclose(white.std(axis=0), 1.0, atol=6 / np.sqrt(2 * n))


def test_limits_of_a_posterior_are_quantiles_of_its_draws(
    small_posterior: hb.PosteriorFit, new_rows: pd.DataFrame
) -> None:
    for kind in ("mean", "response"):
        table = small_posterior.predict(new_rows, new_groups="sample", kind=kind, prob=0.8)
        drawn = small_posterior.predict_draws(new_rows, new_groups="sample", kind=kind)
        low, high = np.quantile(drawn, (0.1, 0.9), axis=(0, 1))
        assert_allclose(table["lower"], low, rtol=1e-12)
        assert_allclose(table["upper"], high, rtol=1e-12)
    assert "posterior, 4 chains × 250" in table.attrs["method"]


def test_a_posterior_given_further_rows_keeps_its_draws_of_theta(
    small_posterior: hb.PosteriorFit, small_data: pd.DataFrame
) -> None:
    further = small_data.head(5).assign(g="zz", y=5.0)
    given = small_posterior.given(further)
    assert given.theta is small_posterior.theta
    whole = pd.concat([small_data, further], ignore_index=True)
    problem = hb.Model("y ~ x + w", "~ 1 + x | g", data=whole).problem
    m = 17  # of one draw: the mean of u_j given θ and γ
    theta, gamma = given.theta.flat[m], given.gamma_draws.reshape(-1, 3)[m]
    rows = problem.design.rows
    mine = rows.codes == problem.design.J - 1
    Z, G = rows.Z[mine], theta.G
    V = Z @ G @ Z.T + float(theta.sigma) ** 2 * np.eye(5)
    gain = G @ Z.T @ np.linalg.inv(V)
    mean = gain @ (rows.y[mine] - rows.X[mine] @ gamma)
    cov = G - gain @ Z @ G
    drawn = given.us[0].reshape(-1, 9, 2)[:, -1]
    white = np.linalg.solve(np.linalg.cholesky(cov), drawn[m] - mean)
    assert (np.abs(white) < 6.0).all()
    assert not np.array_equal(given.gamma_draws, small_posterior.gamma_draws)


def test_limits_with_theta_are_those_of_the_bootstrap(fit: hb.PointFit) -> None:
    drawn = fit.parameter_draws(12, "theta", 3)
    refits = hb.bootstrap(fit, n=12, seed=3, progress=False).draws["sd"].to_numpy()
    G = drawn.root @ np.swapaxes(drawn.root, 1, 2)
    assert_allclose(np.sqrt(np.einsum("mii->mi", G)), refits, rtol=1e-6, atol=1e-8)
    assert drawn.source == "θ of 12 parametric bootstraps, γ and u given each and the data"


def test_limits_of_a_mean_go_through_the_link() -> None:
    fit = family_fits.counts()
    linear = fit.predict(prob=0.9, kind="linear")
    mean = fit.predict(prob=0.9)
    for column in ("predicted", "lower", "upper"):
        assert_allclose(mean[column], np.exp(linear[column]), rtol=1e-10)
    assert_allclose(mean["se"], np.exp(linear["predicted"]) * linear["se"], rtol=1e-6)
    assert "delta method" in mean.attrs["method"]


def test_the_mean_of_a_new_group_is_an_average_over_its_effect() -> None:
    fit = family_fits.counts()
    data = family_fits.DATA.head(2).assign(g=[99, 99], h=[0, 9])
    held = fit.predict(data, new_groups="population")
    spread = fit.G[0, 0] + np.array([0.0, fit.G[1, 1]])
    averaged = fit.predict(data, new_groups="sample")
    assert_allclose(averaged, held * np.exp(0.5 * spread), rtol=1e-8)  # lognormal


def test_new_responses_have_what_the_family_says() -> None:
    """Of a Bernoulli response that is 1 with probability E(p) over what is not known of p."""
    fit = family_fits.bernoulli()
    table, linear = (
        fit.predict(kind="response", prob=0.95, seed=1),
        fit.predict(kind="linear", prob=0.95),
    )
    assert set(np.unique(table[["lower", "upper"]])) <= {0.0, 1.0}
    nodes, weights = np.polynomial.hermite_e.hermegauss(31)
    eta = linear["predicted"].to_numpy()[:, None] + linear["se"].to_numpy()[:, None] * nodes
    p = (1.0 / (1.0 + np.exp(-eta))) @ weights / weights.sum()
    # the sample variance of 4000 numbers 0 and 1 is m(1 − m), and m is within 6 errors of p
    error = 6 * np.sqrt(p * (1 - p) / 4000)
    assert (np.abs(table["se"] ** 2 - p * (1 - p)) < error * np.abs(1 - 2 * p) + error**2).all()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda fit: fit.predict(prob=2.0), "prob must lie between 0 and 1, not 2.0"),
        (
            lambda fit: fit.predict(kind="median"),
            "kind must be one of 'mean', 'response', 'linear', not 'median'",
        ),
        (
            lambda fit: fit.predict(scale="linear", kind="response"),
            "kind='response' is not on the scale 'linear'; leave one of them out",
        ),
        (
            lambda fit: fit.predict(uncertainty="theta"),
            "uncertainty is of limits; ask for them, as in predict(..., prob=0.95)",
        ),
        (
            lambda fit: fit.predict(prob=0.9, uncertainty="all"),
            "uncertainty must be one of 'plug-in', 'theta', not 'all'",
        ),
        (lambda fit: fit.predict(scale="probability"), "leave it out"),
        (
            lambda fit: fit.given(pd.DataFrame({"x": [1.0], "w": [0.0], "g": ["zz"]})),
            "the rows that are given have no column 'y', the response: without it they say nothing "
            "of their groups",
        ),
        (
            lambda fit: fit.predict(pd.DataFrame({"x": [1.0], "w": [0.0]})),
            "the new rows have no column 'g', which says what groups they are in; give it, or "
            "leave random effects out with effects='none'",
        ),
        (
            lambda fit: fit.given(pd.DataFrame({"x": [1.0], "w": [0.0], "y": [1.0]})),
            "there is no column 'g' in the rows that are given; its columns are: x, w, y",
        ),
        (lambda fit: fit.predict_draws(draws=0), "draws must be"),
    ],
)
def test_what_has_no_meaning_is_refused(
    fit: hb.PointFit, ask: Callable[[hb.PointFit], object], words: str
) -> None:
    with pytest.raises(hb.HierbayesError) as refusal:
        ask(fit)
    assert words in str(refusal.value)


def test_engines_refuse_what_is_not_theirs(small_posterior: hb.PosteriorFit) -> None:
    with pytest.raises(hb.DataError, match="a posterior has its own draws, and all are taken"):
        small_posterior.predict_draws(draws=10)
    with pytest.raises(hb.DataError, match="a posterior's limits include the uncertainty of θ"):
        small_posterior.predict(prob=0.9, uncertainty="plug-in")
    family = family_fits.counts()
    with pytest.raises(hb.EstimationError, match="uncertainty='theta' is of Gaussian responses"):
        family.predict(prob=0.9, uncertainty="theta")
    with pytest.raises(hb.FormulaError, match=r"exactly, .* where the response is Gaussian, and"):
        family.given(family_fits.DATA.head(2))


def test_quantile_residuals_of_a_gaussian_response(
    fit: hb.PointFit, small_posterior: hb.PosteriorFit
) -> None:
    """Of a maximum those of Pearson; of a posterior quantiles of averages over its draws."""
    found = fit.residuals(kind="quantile", seed=1)
    assert_allclose(found, fit.residuals(kind="pearson"), rtol=1e-8)
    assert fit.residuals(kind="normalized").equals(fit.residuals(kind="pearson"))
    chosen = np.unique(np.linspace(0, 999, 500).round().astype(int))  # evenly over the chains
    eta = small_posterior.predict_draws(kind="linear").to_numpy().reshape(1000, -1)[chosen]
    sigma = small_posterior.theta.sigma.ravel()[chosen, None]
    share = ndtr((fit.design.y - eta) / sigma).mean(axis=0)
    averaged = small_posterior.residuals(kind="quantile", seed=1)
    assert averaged.name == "quantile residual, averaged over draws"
    assert_allclose(ndtr(averaged), share, rtol=1e-8)


def test_only_the_factors_that_are_counted_are_asked_for(
    crossed: tuple[pd.DataFrame, hb.PointFit],
) -> None:
    data, fit = crossed
    new = data.head(2).assign(a=99)
    with pytest.raises(hb.DataError, match="there is no group 99 in 'a'"):
        fit.predict(new)
    known = fit.predict(data.head(2), effects="b", prob=0.9)
    assert_allclose(fit.predict(new, effects="b", prob=0.9), known, rtol=1e-12)
    assert_allclose(fit.predict(new.drop(columns="a"), effects="b"), known["predicted"])


def test_rows_of_the_fit_are_not_given_twice(fit: hb.PointFit, small_data: pd.DataFrame) -> None:
    with pytest.raises(hb.DataError, match="are rows of the fit, first row label 0, and would"):
        fit.given(small_data)
    assert fit.given(small_data.assign(g="zz")).design.n == 2 * len(small_data)  # another group
    with pytest.raises(hb.DataError, match="must be a DataFrame, not NoneType"):
        fit.given(None)


def test_trials_of_new_rows_are_computed_as_the_formula_says() -> None:
    data = family_fits.DATA
    both = (hb.Model(f"{left} ~ x + (1 | g)", data, family="binomial").ml()
            for left in ("cbind(k, n - k)", "k | trials(n)"))  # fmt: skip
    found = [fit.predict(data.head(4), kind="response") for fit in both]
    assert_allclose(found[0], found[1], rtol=1e-6)


def test_trials_of_new_rows_are_numbers_of_trials() -> None:
    fit = hb.Model("k | trials(n) ~ x + (1 | g)", family_fits.DATA, family="binomial").ml()
    rows = family_fits.DATA.head(3)
    missing = rows.assign(n=np.nan)
    assert_allclose(fit.predict(missing), fit.predict(rows))  # a share has none
    with pytest.raises(hb.DataError, match="the new rows do not say of how many"):
        fit.predict(missing, kind="response", prob=0.9)
    for n in (-2, 2.5):
        with pytest.raises(hb.DataError) as refusal:
            fit.predict(rows.assign(n=[1, n, 2]), kind="response", prob=0.9)
        assert str(refusal.value) == (
            f"trials are whole numbers from 0 on, and row label 1 of the new rows has {n}"
        )


def test_equal_rows_have_equal_limits() -> None:
    fit = family_fits.bernoulli()
    row = family_fits.DATA.iloc[[0, 0]]
    data = hb.load_dataset("wine")
    ordered = hb.Model("rating ~ temp + (1 | judge)", data, family="cumulative").ml()
    table = ordered.predict(data.iloc[[0, 0]], scale="probability", prob=0.9)
    assert_allclose(table.iloc[:5], table.iloc[5:], rtol=1e-12)
    first, second = fit.predict(row, prob=0.9).to_numpy().tolist()
    assert_allclose(first, second, rtol=1e-12)
    drawn = ordered.predict_draws(data.head(1), kind="response", draws=2, seed=1)
    assert drawn.attrs["categories"] == ["1", "2", "3", "4", "5"]


def test_joint_draws_of_a_family_with_several_factors_vary_as_their_limits_say() -> None:
    rng = np.random.default_rng(2)
    a, b = np.tile(np.arange(6), 20), np.repeat(np.arange(8), 15)
    eta = 0.5 + rng.normal(size=6)[a] + 0.5 * rng.normal(size=8)[b]
    columns = {"y": rng.poisson(np.exp(eta)), "a": a.astype(str), "b": b.astype(str)}
    fit = hb.Model("y ~ 1 + (1 | a) + (1 | b)", pd.DataFrame(columns), family="poisson").ml()
    told = fit.predict(scale="linear", prob=0.9)
    drawn = fit.predict_draws(kind="linear", draws=4000, seed=1).to_numpy().reshape(4000, -1)
    np.testing.assert_allclose(drawn.std(axis=0), told["se"], rtol=0.07)
    apart = (drawn.mean(axis=0) - told["predicted"]) / told["se"]
    assert np.abs(apart).max() < 6.0 / np.sqrt(4000.0)


def test_new_rows_without_the_offset_are_refused(small_data: pd.DataFrame) -> None:
    fit = hb.Model("y ~ x + offset(w) + (1 | g)", small_data).reml()
    with pytest.raises(hb.DataError, match=r"new rows have no column 'w', which the offset of the"):
        fit.predict(small_data.head(2).drop(columns="w"))
