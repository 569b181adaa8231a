"""Nominal categories: a linear predictor for each but the first."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp, softmax

import hierbayes as hb
from hierbayes.design.blocks import free_entries
from hierbayes.estimation.density import density_at
from hierbayes.estimation.family_inputs import inputs_at_mode
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import curvature_of, latent_rows
from hierbayes.estimation.posterior import target_of
from hierbayes.families.random_utility import averaged_shares
from hierbayes.fit.of_family.maximised import maximise_family
from tests.test_families import c_rows

Array = NDArray[np.float64]
CATEGORIES = ("bus", "car", "walk")
FAMILY = hb.families.Categorical(categories=CATEGORIES)
NOTHING = np.zeros(0)


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    g, h, x = np.repeat(np.arange(8), 9), np.arange(72) % 5, rng.normal(size=72)
    u = 0.8 * rng.normal(size=(8, 2))
    eta = np.column_stack([np.zeros(72), np.array([0.3, -0.3]) + x[:, None] * [0.7, -0.4] + u[g]])
    codes = (rng.random((72, 1)) > softmax(eta, axis=1).cumsum(axis=1)[:, :-1]).sum(axis=1)
    data = pd.DataFrame({"y": np.array(CATEGORIES)[codes], "g": g, "h": h, "x": x})
    return data.assign(b=(data["y"] == "car").astype(int))


DATA = _data()
CODES = pd.Categorical(DATA["y"], CATEGORIES).codes.astype(float)


@pytest.fixture(scope="module")
def model() -> hb.Model:
    return hb.Model("y ~ x + (1 | g)", DATA, family="categorical")


@pytest.fixture(scope="module")
def fit(model: hb.Model) -> hb.PointFit:
    return model.ml()


@pytest.fixture(scope="module")
def posterior(model: hb.Model) -> hb.PosteriorFit:
    return model.sample(draws=500, tune=300, chains=2, seed=1, progress=False)


# ------------------------------------------------------------------ the family


def _differences(function: Callable[[Array], Any], at: Array) -> Array:
    steps = 1e-5 * np.eye(len(at))
    return np.array([(function(at + one) - function(at - one)) / 2e-5 for one in steps])


def test_the_log_density_is_that_of_a_softmax_out_to_overflow() -> None:
    for scale in (1.0, 30.0, 800.0):
        eta = scale * np.random.default_rng(2).normal(size=144)
        y = FAMILY.indicators(CODES)
        found = FAMILY.derivatives(y, np.full(144, 2.0), eta, NOTHING)
        whole = np.column_stack([np.zeros(72), eta.reshape(72, 2)])
        wanted = log_softmax(whole, axis=1)[np.arange(72), CODES.astype(int)]
        np.testing.assert_allclose(found[0].reshape(72, 2).sum(axis=1), wanted, rtol=1e-12)
        np.testing.assert_allclose(FAMILY.probabilities(eta, NOTHING), softmax(whole, axis=1))
    assert FAMILY.codes(y).tolist() == CODES.tolist()


def test_derivatives_are_those_of_differences() -> None:
    y, m, eta = (
        FAMILY.indicators(np.array([0.0, 2.0])),
        np.full(4, 2.0),
        np.array([0.3, -1, 2, 0.5]),
    )

    def found(at: Array) -> Array:
        return FAMILY.derivatives(y, m, at, NOTHING)

    np.testing.assert_allclose(found(eta)[1], _differences(lambda e: found(e)[0].sum(), eta))
    by_eta = -_differences(lambda e: found(e)[1], eta)
    blocks = FAMILY.precisions(y, m, found(eta)).reshape(2, 2, 2)
    np.testing.assert_allclose(blocks, [by_eta[:2, :2], by_eta[2:, 2:]], atol=1e-9)
    np.testing.assert_allclose(-found(eta)[2], np.diagonal(by_eta), atol=1e-9)
    bar = np.random.default_rng(1).normal(size=8)
    pulled = FAMILY.pull_precisions(y, m, found(eta), bar)
    wanted = _differences(lambda e: FAMILY.precisions(y, m, found(e)) @ bar, eta)
    np.testing.assert_allclose(pulled, wanted, atol=1e-9)


@pytest.mark.slow
def test_sums_of_many_rows_are_those_of_their_derivatives() -> None:
    rng = np.random.default_rng(7)
    codes = rng.integers(0, 3, 700).astype(float)
    y, m = FAMILY.indicators(codes), np.full(1400, 2.0)
    for scale in (1.0, 30.0, 1e4):
        eta = scale * rng.normal(size=1400)
        found, wanted = c_rows(FAMILY, y, m, eta, NOTHING), FAMILY.derivatives(y, m, eta, NOTHING)
        assert found[0] == pytest.approx(wanted[0].sum(), rel=1e-12)
        np.testing.assert_allclose(found[1:], wanted[1], rtol=1e-12, atol=1e-14)
    for wrong in (np.inf, np.nan):
        assert (
            c_rows(FAMILY, y, m, np.where(np.arange(1400) == 9, wrong, eta), NOTHING)[0] == -np.inf
        )


def test_responses_are_drawn_with_their_probabilities() -> None:
    eta = np.tile([0.4, -0.7], 20_000)
    drawn = FAMILY.codes(FAMILY.draw(np.random.default_rng(3), np.full(40_000, 2.0), eta, NOTHING))
    shares = np.bincount(drawn.astype(int)) / 20_000
    np.testing.assert_allclose(shares, softmax([0.0, 0.4, -0.7]), atol=0.02)


# ------------------------------------------------------------------ two categories


def _as_categorical(model: hb.Model) -> Any:
    """The problem of a Bernoulli model, its family that of two nominal categories."""
    design = model.problem.design
    assert design.rows.family is not None
    two = hb.families.Categorical(categories=("0", "1"))
    of_family = replace(design.rows.family, family=two)
    return replace(model.problem, design=design.with_rows(family=of_family))


def test_two_categories_are_a_bernoulli_response() -> None:
    model = hb.Model("b ~ x + (1 | g)", DATA, family="bernoulli")
    problem = _as_categorical(model)
    one, two = maximise_family(model.problem, 1), maximise_family(problem, 1)
    assert two.loglik == pytest.approx(one.loglik, rel=1e-12)
    np.testing.assert_allclose(two.fixef(), one.fixef(), rtol=1e-7)
    mode = one.optimum.mode
    values = []
    for posed, at in ((model.problem, mode), (problem, mode._replace(rows=latent_rows(problem)))):
        inputs = inputs_at_mode(posed, model.priors, at)
        target = target_of(posed.design, inputs, model.priors, progress=False)
        point = 0.5 * np.random.default_rng(4).normal(size=target.n_dim)
        values.append(density_at(point, target.data)[:2])
    assert values[0][0] == pytest.approx(values[1][0], rel=1e-13)
    np.testing.assert_allclose(values[0][1], values[1][1], rtol=1e-10, atol=1e-12)


# ------------------------------------------------------------------ maximum likelihood


@pytest.mark.parametrize("random", ["(1 + x | g)", "(1 | g) + (1 | h)"])
def test_the_gradient_of_laplace_is_that_of_differences(random: str) -> None:
    problem = hb.Model(f"y ~ x + {random}", DATA, family="categorical").problem
    rows = latent_rows(problem)
    criterion = LatentCriterion(
        rows, free_entries(problem.design.blocks), curvature_of(problem, rows)
    )
    lower = criterion.lower
    x = np.random.default_rng(5).normal(0.0, 0.3, criterion.p + len(lower[0]))
    x[criterion.p :][lower[0] == lower[1]] = 0.6
    found = criterion(x)[1]
    np.testing.assert_allclose(found, _differences(lambda at: criterion(at)[0], x), atol=2e-6)


def _marginal(gamma: Array, sd: Array) -> float:
    """log p(y | γ, sd) by a grid of u in both categories, dense enough for any digit asked for."""
    x, w = np.polynomial.hermite_e.hermegauss(40)
    u = np.array([(a, b) for a in x for b in x]) * sd
    log_w = np.log(np.array([a * b for a in w for b in w]) / (2.0 * np.pi))
    fixed = np.column_stack([gamma[0] + gamma[1] * DATA["x"], gamma[2] + gamma[3] * DATA["x"]])
    total = 0.0
    for j in range(8):
        mine = (DATA["g"] == j).to_numpy()
        eta = fixed[mine][None] + u[:, None]
        whole = np.concatenate([np.zeros((*eta.shape[:2], 1)), eta], axis=2)
        rows = log_softmax(whole, axis=2)[:, np.arange(mine.sum()), CODES[mine].astype(int)]
        total += float(logsumexp(rows.sum(axis=1) + log_w))
    return total


def test_quadrature_is_the_integral_of_a_dense_grid(model: hb.Model, fit: hb.PointFit) -> None:
    exact = model.ml(nodes=11)
    at = exact.fixef().to_numpy(), exact.var_corr()["sd"].to_numpy()
    assert exact.loglik == pytest.approx(_marginal(*at), abs=1e-6)
    assert fit.loglik == pytest.approx(exact.loglik, abs=0.3)
    errors = np.sqrt(np.diag(exact.vcov()))
    for k, error in enumerate(errors):  # the estimates are where it is largest
        step = 0.3 * error * np.eye(4)[k]
        assert _marginal(at[0] + step, at[1]) < exact.loglik
        assert _marginal(at[0] - step, at[1]) < exact.loglik


# ------------------------------------------------------------------ the posterior


def test_the_density_of_two_factors_has_the_gradient_of_differences() -> None:
    model = hb.Model("y ~ x + (1 | g) + (1 | h)", DATA, family="categorical")
    mode = maximise_family(model.problem, 1).optimum.mode
    inputs = inputs_at_mode(model.problem, model.priors, mode)
    target = target_of(model.problem.design, inputs, model.priors, progress=False)
    point = 0.4 * np.random.default_rng(6).normal(size=target.n_dim)
    found = density_at(point, target.data)[1]
    wanted = _differences(lambda at: density_at(at, target.data)[0], point)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_draws_are_of_the_posterior(posterior: hb.PosteriorFit) -> None:
    """E ∂ log p/∂u = 0 and E u ∂ log p/∂u = −1 of every u given all else, by explicit formulas."""
    gamma, u, sd = (
        posterior.draws(name).to_numpy().reshape(1000, *shape)
        for name, shape in (("gamma", (4,)), ("u", (8, 2)), ("sd", (2,)))
    )
    x, g = DATA["x"].to_numpy(), DATA["g"].to_numpy()
    fixed = gamma[:, None, ::2] + gamma[:, None, 1::2] * x[:, None]
    eta = fixed + u[:, g]
    p = softmax(np.concatenate([np.zeros((1000, 72, 1)), eta], axis=2), axis=2)[:, :, 1:]
    rest = (CODES[:, None] == [1, 2]) - p
    score = np.stack([rest[:, g == j].sum(axis=1) for j in range(8)], axis=1)
    score = score - u / sd[:, None] ** 2
    scaled = score * sd[:, None]  # bounded near sd = 0
    for wanted, values in ((0.0, scaled), (-1.0, score * u)):
        away = (values.mean(axis=0) - wanted) / (values.std(axis=0) / np.sqrt(300.0))
        assert np.abs(away).max() < 5.0


def test_the_posterior_is_near_the_maximum(posterior: hb.PosteriorFit, fit: hb.PointFit) -> None:
    away = (posterior.fixef() - fit.fixef()) / np.sqrt(np.diag(fit.vcov()))
    assert np.abs(away).max() < 1.0
    assert posterior.ranef().shape == (8, 2)
    assert posterior.predict().shape == (72, 3)


# ------------------------------------------------------------------ the same words


def test_effects_are_named_by_category(fit: hb.PointFit) -> None:
    terms = ["car: Intercept", "car: x", "walk: Intercept", "walk: x"]
    assert fit.fixef().index.tolist() == terms
    assert fit.ranef().columns.tolist() == [terms[0], terms[2]]
    assert fit.coef().columns.tolist() == terms
    assert fit.var_corr().index.tolist() == [terms[0], terms[2]]
    assert fit.design.n == 72
    text = str(fit.summary())
    assert "Data:   72 rows, 8 groups (g)" in text
    assert "log odds of each category against 'bus'" in text
    tree = fit.to_datatree()
    assert tree["observed_data"]["y"].to_numpy().tolist() == CODES.tolist()


def test_predictions_are_probabilities(fit: hb.PointFit) -> None:
    found = fit.predict()
    assert found.columns.tolist() == list(CATEGORIES)
    eta = fit.predict(scale="linear")
    assert eta.columns.tolist() == list(CATEGORIES[1:])
    whole = np.column_stack([np.zeros(72), eta])
    np.testing.assert_allclose(found, softmax(whole, axis=1))
    pd.testing.assert_frame_equal(found, fit.predict(DATA, scale="probability"))
    new = fit.predict(DATA.head(3).assign(g=77), new_groups="population", scale="linear")
    pd.testing.assert_frame_equal(new, fit.predict(DATA.head(3), effects="none", scale="linear"))
    gamma = fit.fixef().to_numpy().reshape(2, 2)
    wanted = gamma[:, 0] + np.outer(DATA["x"].head(3), gamma[:, 1])
    np.testing.assert_allclose(new, wanted)


def _averaged(eta: Array, spread: Array) -> Array:
    """Shares (n, 3) averaged over normal predictors by a grid of both."""
    z, w = np.polynomial.hermite_e.hermegauss(60)
    nodes = np.array([(a, b) for a in z for b in z])
    weights = np.array([a * b for a in w for b in w]) / (2.0 * np.pi)
    at = eta[:, None] + spread[:, None] * nodes
    whole = np.concatenate([np.zeros((*at.shape[:2], 1)), at], axis=2)
    return np.asarray(np.einsum("l,nlk->nk", weights, softmax(whole, axis=2)))


@pytest.mark.parametrize("sd", [0.0, 0.5, 2.0])
def test_shares_averaged_over_predictors_are_those_of_a_grid(sd: float) -> None:
    rng = np.random.default_rng(8)
    eta, spread = 2.0 * rng.normal(size=(7, 2)), sd * rng.uniform(0.3, 1.0, (7, 2))
    np.testing.assert_allclose(averaged_shares(eta, spread, 41), _averaged(eta, spread), atol=2e-7)
    far = averaged_shares(np.array([[900.0, -900.0], [-40.0, -50.0]]), spread[:2], 41)
    np.testing.assert_allclose(far[0], [0.0, 1.0, 0.0], atol=1e-12)
    wanted = -40.0 + 0.5 * spread[1, 0] ** 2  # of a rare category, the mean of exp(η)
    assert np.log(far[1, 1]) == pytest.approx(wanted, abs=1e-6)


def test_new_groups_are_averaged_over_the_effects_of_every_category(fit: hb.PointFit) -> None:
    sloped = hb.Model("y ~ x + (1 + x | g)", DATA, family="categorical").ml()
    new = DATA.head(4).assign(g=99)
    eta = sloped.predict(new, effects="none", scale="linear").to_numpy()
    Z = np.column_stack([np.ones(4), new["x"]])
    G = sloped.G
    spread = np.sqrt([[z @ G[k : k + 2, k : k + 2] @ z for k in (0, 2)] for z in Z])
    wanted = _averaged(eta, spread)
    found = sloped.predict(new, new_groups="sample")
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    limits = fit.predict(new, new_groups="sample", prob=0.9, seed=1)
    np.testing.assert_allclose(limits["predicted"], fit.predict(new, new_groups="sample").stack())
    assert (limits["lower"] < limits["predicted"]).all()
    assert (limits["predicted"] < limits["upper"]).all()
    table = hb.predictions(sloped, new, effects="new").table
    np.testing.assert_allclose(table["estimate"], wanted.ravel(), atol=1e-6)
    assert table["category"].tolist() == list(CATEGORIES) * 4


def test_effects_on_the_population_have_errors_of_differences(fit: hb.PointFit) -> None:
    found = hb.comparisons(fit, DATA, variables="x", effects="new")
    assert found.table["category"].tolist() == list(CATEGORIES)
    assert found.table["estimate"].sum() == pytest.approx(0.0, abs=1e-12)
    sd = fit.var_corr()["sd"].to_numpy()

    def change(gamma: Array) -> Array:
        both = []
        for step in (0.5, -0.5):
            x = DATA["x"].to_numpy() + step
            eta = np.column_stack([gamma[0] + gamma[1] * x, gamma[2] + gamma[3] * x])
            both.append(_averaged(eta, np.broadcast_to(sd, eta.shape)).mean(axis=0))
        return both[0] - both[1]

    gamma = fit.fixef().to_numpy()
    np.testing.assert_allclose(found.table["estimate"], change(gamma), atol=1e-6)
    J = _differences(change, gamma)
    wanted = np.sqrt(np.einsum("pc,pr,rc->c", J, fit.vcov(), J))
    np.testing.assert_allclose(found.table["se"], wanted, rtol=1e-4)
    assert "by quadrature (41 nodes)" in found.table.attrs["effects"]


def test_a_posterior_averages_over_new_groups_in_every_draw(posterior: hb.PosteriorFit) -> None:
    new = DATA.head(2)
    found = hb.predictions(posterior, new, effects="new").table
    gamma, sd = (
        posterior.draws(name).to_numpy().reshape(1000, -1)[::50] for name in ("gamma", "sd")
    )
    x = new["x"].to_numpy()
    draws = [
        _averaged(np.column_stack([g[0] + g[1] * x, g[2] + g[3] * x]), np.tile(s, (2, 1)))
        for g, s in zip(gamma, sd, strict=True)
    ]
    away = found["estimate"] - np.mean(draws, axis=0).ravel()
    assert (np.abs(away) < 5.0 * found["se"] / np.sqrt(20.0)).all()
    spread = np.std(draws, axis=0).ravel() / found["se"]
    assert spread.between(0.5, 1.8).all()


def test_residuals_are_by_category(fit: hb.PointFit) -> None:
    p = fit.predict()
    rest = fit.residuals()
    np.testing.assert_allclose(rest, (CODES[:, None] == [0, 1, 2]) - p)
    np.testing.assert_allclose(fit.residuals(kind="pearson"), rest / np.sqrt(p * (1.0 - p)))
    own = p.to_numpy()[np.arange(72), CODES.astype(int)]
    np.testing.assert_allclose(fit.residuals(kind="deviance"), np.sqrt(-2.0 * np.log(own)))


def test_new_responses_are_categories_without_order(fit: hb.PointFit) -> None:
    found = fit.simulate(400, groups="kept", seed=2)
    assert found[0].cat.categories.tolist() == list(CATEGORIES)
    assert not found[0].cat.ordered
    shares = np.mean([found[k] == "car" for k in range(400)], axis=0)
    np.testing.assert_allclose(shares, fit.predict()["car"], atol=0.15)
    with pytest.raises(hb.FamilyError):
        fit.residuals(kind="quantile")


def test_each_category_has_its_equations(model: hb.Model, fit: hb.PointFit) -> None:
    assert str(model.equations().within) == (
        "log(P(y_ij = c | u_0j)/P(y_ij = bus | u_0j)) = η_ij    "
        "(c = car, walk, each with its own η, γ, random effects and G)\n"
        "                                        η_ij = β_0j + β_1j x_ij"
    )
    lines = str(fit.equations().within).split("\n")
    assert [line.strip() for line in lines if "β" not in line] == [
        "car:",
        "log(P(y_ij = car | u_0j)/P(y_ij = bus | u_0j)) = η_ij",
        "walk:",
        "log(P(y_ij = walk | u_0j)/P(y_ij = bus | u_0j)) = η_ij",
    ]
    between = str(fit.equations().between)
    assert [line for line in between.split("\n") if line.startswith("u")] == [
        f"u_0j ~ N(0, {value:.3g})    (independent between groups)" for value in np.diag(fit.G)
    ]
    assert r"\text{walk:}" in fit.equations().within.latex


def test_each_category_has_its_meanings(fit: hb.PointFit) -> None:
    table = fit.meanings().table
    assert table.index.tolist() == fit.fixef().index.tolist()
    assert table["meaning"].tolist() == [
        "the mean log odds of y = car against bus when x is 0; exp: odds",
        "the mean x slope; exp: odds ratio",
        "the mean log odds of y = walk against bus when x is 0; exp: odds",
        "the mean x slope; exp: odds ratio",
    ]
    np.testing.assert_allclose(table["exp"], np.exp(fit.fixef()))


def test_a_term_is_tested_in_all_categories_together(fit: hb.PointFit) -> None:
    table = hb.anova(fit).table
    wanted = hb.wald(fit, "x").joint
    assert table.loc["x", "numDF"] == 2
    gamma, cov = fit.fixef().to_numpy()[[1, 3]], fit.vcov().to_numpy()[np.ix_([1, 3], [1, 3])]
    assert table.loc["x", "F"] == pytest.approx(gamma @ np.linalg.solve(cov, gamma) / 2)
    assert table.loc["x", "F"] == pytest.approx(float(np.ravel(wanted["F"])[0]))


def test_responses_are_drawn_and_fitted_again(fit: hb.PointFit) -> None:
    found = hb.bootstrap(fit, n=2, seed=1, progress=False)
    assert found.draws.shape == (2, 6)
    assert np.isfinite(found.draws).all(axis=None)


def test_groups_are_left_out_with_all_their_rows(fit: hb.PointFit) -> None:
    found = hb.influence(fit, progress=False)
    assert found.frame["n"].tolist() == [9] * 8
    without = hb.Model("y ~ x + (1 | g)", DATA[DATA["g"] != 3], family="categorical").ml()
    np.testing.assert_allclose(found.gamma.loc[3], without.fixef(), rtol=1e-4)


def test_priors_imply_shares_of_categories() -> None:
    sloped = hb.Model("y ~ x + (1 + x | g)", DATA, family="categorical")
    table = sloped.prior_predictive(100, seed=1).implications
    shares = table.loc[[f"share of '{name}'" for name in CATEGORIES]]
    np.testing.assert_allclose(shares["observed"], np.bincount(CODES.astype(int)) / 72)
    assert (shares["median"].between(0.05, 0.7)).all()
    lines = [name for name in table.index if "lines at" in name]
    heads = ("sd between g lines at car: x =", "sd between g lines at walk: x =")
    assert [name.startswith(heads) for name in lines] == [True] * 4


def test_priors_are_stated_by_category() -> None:
    stated: dict[str, Any] = {
        "gamma": {"car: x": hb.Normal(0.0, 1.5)}, "sd": {"walk: Intercept": hb.HalfNormal(2)},
    }  # fmt: skip
    priors = hb.Model("y ~ x + (1 | g)", DATA, family="categorical", priors=stated).priors
    table = priors.frame()
    assert table.loc[("gamma", "car: x"), "prior"] == "Normal(0, 1.5)"
    assert table.loc[("sd", "walk: Intercept"), "prior"] == "HalfNormal(2)"
    sources = table["source"].value_counts()
    assert (sources["stated"], sources["default"]) == (2, 4)


SLOPES = "y ~ x + (1 + x | g) + (1 | h)"
IN_ALL = [
    ({"gamma": {"x": hb.Normal(0, 1)}}, ["car: x", "walk: x"]),
    ({"gamma": {1: hb.Normal(0, 1)}}, ["car: Intercept", "walk: Intercept"]),
    ({"sd": {"x": hb.HalfNormal(1)}}, ["car: x|g", "walk: x|g"]),
    ({"sd": {"g": {"1": hb.HalfNormal(1)}}}, ["car: Intercept|g", "walk: Intercept|g"]),
    ({"sd": {"h": hb.HalfNormal(1)}}, ["car: Intercept|h", "walk: Intercept|h"]),
    *(
        (
            {"corr": {name: hb.LKJ(3)}},
            ["car: Intercept|g, car: x|g", "walk: Intercept|g, walk: x|g"],
        )
        for name in ("g", "Intercept|g, x|g")
    ),
]


@pytest.mark.parametrize(("stated", "meant"), IN_ALL)
def test_a_prior_of_a_column_is_one_in_all_categories(
    stated: dict[str, Any], meant: list[str]
) -> None:
    data = DATA.assign(h=DATA.index % 5)
    table = hb.Model(SLOPES, data, family="categorical", priors=stated).priors.frame()
    found = table[table["source"] == "stated"]
    assert found.index.get_level_values("parameter").tolist() == meant


@pytest.mark.parametrize("order", [("x", "car: x"), ("car: x", "x")])
def test_a_prior_in_all_categories_and_in_one_is_stated_twice(order: tuple[str, ...]) -> None:
    stated = {"gamma": dict.fromkeys(order, hb.Normal(0, 1))}
    with pytest.raises(hb.PriorError) as caught:
        hb.Model("y ~ x + (1 | g)", DATA, family="categorical", priors=stated)
    assert str(caught.value) == (
        "the prior of 'gamma' for 'car: x' is stated twice, the other time as that of 'x' in all "
        "categories; leave one of them out"
    )


def test_default_priors_do_not_depend_on_the_number_of_categories() -> None:
    data = DATA.assign(y=np.where(DATA.index % 9 == 0, "rail", DATA["y"]))
    of_three, of_four = (
        hb.Model("y ~ x + (1 | g)", one, family="categorical").priors.frame()["implied sd"]
        for one in (DATA, data)
    )
    np.testing.assert_array_equal(of_three, of_four[of_three.index])


def test_columns_far_from_zero_lose_no_digit(fit: hb.PointFit) -> None:
    far = hb.Model("y ~ x + (1 | g)", DATA.assign(x=DATA["x"] + 1e5), family="categorical").ml()
    assert far.loglik == pytest.approx(fit.loglik, abs=1e-6)
    np.testing.assert_allclose(
        far.fixef()[["car: x", "walk: x"]], fit.fixef().iloc[[1, 3]], rtol=1e-4
    )


# ------------------------------------------------------------------ ordered categories


def test_ordered_categories_have_probabilities_too() -> None:
    order = pd.Categorical(DATA["y"], CATEGORIES, ordered=True)
    fit = hb.Model("o ~ x + (1 | g)", DATA.assign(o=order), family="cumulative").ml()
    found = fit.predict(scale="probability")
    assert found.columns.tolist() == list(CATEGORIES)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_allclose(found @ [0.0, 1.0, 2.0], fit.predict())
    with pytest.raises(hb.DataError) as refused:
        hb.Model("b ~ x + (1 | g)", DATA, family="bernoulli").ml().predict(scale="probability")
    assert str(refused.value) == (
        "scale='probability' is of ordered or nominal categories, and the family of this model is "
        "Bernoulli(link='logit'); leave it out"
    )


# ------------------------------------------------------------------ which categories


def test_the_first_of_the_categories_that_occur_is_the_reference() -> None:
    y = pd.Categorical(DATA["y"], ["rail", "walk", "bus", "car"])
    design = hb.Model("y ~ x + (1 | g)", DATA.assign(y=y), family="categorical").problem.design
    assert design.rows.family is not None
    assert design.rows.family.outcomes == ("walk", "bus", "car")
    assert design.effects == ("bus: Intercept", "car: Intercept")
    numbers = hb.Model("y ~ x + (1 | g)", DATA.assign(y=CODES + 1), family="categorical")
    assert numbers.problem.design.effects == ("2: Intercept", "3: Intercept")


# ------------------------------------------------------------------ refusals

REFUSED: list[tuple[Any, str]] = [
    (pd.Series([1, "1", "b"] * 24, dtype=object),
     "two categories are called '1'; make them all texts, or all numbers"),
    (np.arange(72), "each of its 72 rows has a category of its own"),
    (DATA["y"].replace("walk", "car"),
     "2 categories occur, and it takes three or more; two have the family Bernoulli"),
    (pd.Categorical(DATA["y"], CATEGORIES, ordered=True),
     "its categories are ordered, which the family Cumulative takes; 'y'.cat.as_unordered() says "
     "that they have no order"),
    (CODES + 0.5 * (DATA.index == 3),
     f"row 3 has {CODES[3] + 0.5}, 1 of 72 rows are so; categories are whole numbers, texts or a "
     "categorical"),
]  # fmt: skip


@pytest.mark.parametrize(("response", "words"), REFUSED)
def test_a_response_that_is_not_nominal_is_refused(response: Any, words: str) -> None:
    with pytest.raises(hb.DataError) as refused:
        hb.Model("y ~ x + (1 | g)", DATA.assign(y=response), family="categorical")
    assert str(refused.value) == f"the response 'y' does not fit the family Categorical: {words}"


def test_what_has_no_place_is_refused(fit: hb.PointFit) -> None:
    with pytest.raises(hb.FormulaError, match="an offset has no place with the family Categorical"):
        hb.Model("y ~ x + offset(x) + (1 | g)", DATA, family="categorical")
    with pytest.raises(hb.DataError, match="nominal categories have a linear predictor each"):
        fit.icc()
