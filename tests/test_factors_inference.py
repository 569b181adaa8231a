"""Tests, likelihood ratios, profiles and bootstraps of models of several grouping factors."""

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

import hierbayes as hb
from hierbayes.design.sparse_products import SparseProducts, sparse_products
from hierbayes.estimation.reml import maximise
from hierbayes.fit.resampling.responses import responses_of, sums_of
from hierbayes.likelihood.conditional import log_jacobian
from hierbayes.likelihood.reading import ML
from tests.dense_factors import FactorRows
from tests.factors_reference import CASES, FOLDER, factor_of, fit, model

PROFILES = json.loads((FOLDER / "profiles.json").read_text(encoding="utf-8"))
TESTED = [name for name in CASES if "df" in CASES[name]]


def rows_of(fitted: hb.PointFit) -> FactorRows:
    design = fitted.design
    parts = zip(design.rows.codes_of, design.spans, strict=True)
    factors = tuple((codes, design.rows.Z[:, span]) for codes, span in parts)
    return FactorRows(design.rows.y, design.rows.X, factors)


# ---------------------------------------------------------------- wald, anova


@pytest.mark.parametrize("name", TESTED)
def test_terms_of_lmertest(name: str) -> None:
    """Type III with Satterthwaite's degrees of freedom, and Kenward and Roger's inside."""
    ours, golden = fit(name, "REML"), CASES[name]["df"]
    for method in ("satterthwaite", "kenward-roger"):
        if ours.singular and method == "kenward-roger":
            continue
        table = hb.anova(ours, df=method).table
        expected = golden[method.replace("-", "_")]["anova3"]
        assert table.index.tolist() == list(expected)
        for term, row in expected.items():
            assert table.loc[term, "numDF"] == row["num"]
            assert_allclose(table.loc[term, "denDF"], row["den"], rtol=2e-6)
            assert_allclose(table.loc[term, "F"], row["F"], rtol=1e-5)


@pytest.mark.parametrize("name", TESTED)
def test_each_coefficient(name: str) -> None:
    rows, golden = hb.wald(fit(name, "REML")).rows, CASES[name]["df"]["satterthwaite"]
    assert_allclose(rows["t"], list(golden["t"].values()), rtol=1e-5)
    assert_allclose(rows["p"], list(golden["p"].values()), rtol=2e-4)


# ---------------------------------------------------------------- likelihood ratios


@pytest.mark.parametrize("engine", ["REML", "ML"])
@pytest.mark.parametrize(
    ("small", "big", "df"),
    [("ScotsSec_crossed", "ScotsSec_slope", 2), ("ScotsSec_slope", "ScotsSec_two_slopes", 2)],
)
def test_a_slope_of_one_factor(small: str, big: str, df: int, engine: str) -> None:
    test = hb.likelihood_ratio(fit(small, engine), fit(big, engine))
    expected = 2.0 * (CASES[big][engine]["logLik"] - CASES[small][engine]["logLik"])
    assert_allclose(test.chisq, expected, atol=4e-7)
    assert (test.df, test.mixture) == (df, {1: 0.5, 2: 0.5})


PIXEL = "pixel ~ day + day2 + "


@cache
def pixel(random: str) -> hb.PointFit:
    return hb.Model(PIXEL + random, model("Pixel_slope_outer").data).reml()


def test_a_grouping_factor_is_dropped() -> None:
    big = fit("Pixel_slope_outer", "REML")
    test = hb.likelihood_ratio(big, pixel("(1 + day | Dog)"))
    assert (test.df, test.mixture) == (1, {0: 0.5, 1: 0.5})
    assert_allclose(test.chisq, 2.0 * (big.loglik - pixel("(1 + day | Dog)").loglik))
    assert test.tested == (
        "tested: 1 variance of random effects ('Intercept|Dog:Side') that the larger model has "
        "more; in the smaller model nothing varies by 'Dog:Side'"
    )
    assert_allclose(test.p_mixture, test.p_chi2 / 2.0)
    test = hb.likelihood_ratio(pixel("(1 | Dog:Side)"), big)
    assert test.df == 3 and test.mixture is not None and list(test.mixture) == [0, 1, 2, 3]
    assert test.tested == (
        "tested: 2 variances of random effects ('Intercept|Dog', 'day|Dog'), 1 covariance that the "
        "larger model has more; in the smaller model nothing varies by 'Dog'"
    )


def test_factors_nest_by_the_rows_they_put_together() -> None:
    """Not by name: a copy of a factor is that factor, and a factor within it is another."""
    data = model("Pixel_slope_outer").data
    copied = data.assign(Hound=data["Dog"].astype(str).radd("x"))
    small = hb.Model(PIXEL + "(1 | Hound)", copied).reml()
    assert hb.likelihood_ratio(small, fit("Pixel_slope_outer", "REML")).df == 3
    with pytest.raises(hb.InferenceError) as refusal:
        hb.likelihood_ratio(pixel("(1 + day | Dog:Side)"), fit("Pixel_slope_outer", "REML"))
    assert str(refusal.value) == (
        "the models are not nested: the random term (1 + day | Dog:Side) of the model with fewer "
        "parameters (pixel ~ 1 + day + day2 + (1 + day | Dog:Side)) does not stand in the other "
        "(pixel ~ 1 + day + day2 + (1 + day | Dog) + (1 | Dog:Side)); compare them by AIC or BIC, "
        "see model_table()"
    )


def test_a_table_of_models() -> None:
    fits = (pixel("(1 + day | Dog)"), fit("Pixel_slope_outer", "REML"))
    table = hb.model_table(*fits).table
    assert_allclose(table["logLik"], [one.loglik for one in fits])
    assert_allclose(table["AIC"].iloc[1], CASES["Pixel_slope_outer"]["REML"]["AIC"], atol=2e-7)
    assert table["parameters"].tolist() == [7, 8]


@pytest.mark.slow
def test_a_simulated_p_value_is_near_the_mixture() -> None:
    """One variance of a factor with many levels: half of the statistics are zero."""
    generator = np.random.default_rng(4)
    a, b = np.repeat(np.arange(40), 6), np.tile(np.arange(30), 8)
    y = generator.normal(size=40)[a] + generator.normal(size=240)
    data = pd.DataFrame({"y": y, "a": a, "b": b})
    big = hb.Model("y ~ 1 + (1 | a) + (1 | b)", data).ml()
    small = hb.Model("y ~ 1 + (1 | a)", data).ml()
    test = hb.likelihood_ratio(small, big, simulations=150, seed=1, progress=False)
    share = float((test.simulated < 1e-6).mean())
    assert 0.35 < share < 0.8
    above = float((test.simulated > 1.642).mean())  # 10% of ½χ²(0) + ½χ²(1)
    assert above < 0.1 + 4.0 * np.sqrt(0.09 / 150)


# ---------------------------------------------------------------- simulated responses


class OneByOne:
    """In place of a generator: zeros, but for one of all the numbers that are asked for."""

    def __init__(self, place: int) -> None:
        self.place = place

    def standard_normal(self, shape: int | tuple[int, ...]) -> np.ndarray:
        size = int(np.prod(shape))
        numbers = np.zeros(size)
        if 0 <= self.place < size:
            numbers[self.place] = 1.0
        self.place -= size
        return numbers.reshape(shape)


@pytest.mark.parametrize("name", ["Oats_split_plot", "Pixel_slope_outer"])
def test_responses_have_the_moments_of_the_model(name: str) -> None:
    """Linear in the normal numbers, so that one of them at a time gives the covariance."""
    ours = fit(name, "REML")
    responses, products = responses_of(ours), ours.problem.products
    assert isinstance(products, SparseProducts)
    count = ours.design.n + sum(products.sizes)
    expected = ours.design.rows.X @ ours.gamma
    assert_allclose(responses.draw(OneByOne(-1)), expected)  # type: ignore[arg-type]
    moved = np.array([responses.draw(OneByOne(k)) - expected for k in range(count)])  # type: ignore[arg-type]
    root = ours.theta[0, 0].root
    V = rows_of(ours).V([root[span, span] for span in ours.design.spans], ours.sigma)
    assert_allclose(moved.T @ moved, V, atol=1e-9 * V.max())


@pytest.mark.parametrize("name", ["Oats_split_plot", "Pixel_slope_outer", "sim_singular_slope"])
def test_sums_of_another_response(name: str) -> None:
    """As if all were summed up anew, in the same basis; likewise of one factor."""
    problem = fit(name, "REML").problem
    design, basis = problem.design, problem.products.basis
    y = np.random.default_rng(2).normal(design.rows.y.mean(), design.rows.y.std(), design.n)
    ours = sums_of(problem).of(y)
    again = sparse_products(design.with_rows(response=y).rows, design.factors, design.spans, basis)
    assert isinstance(ours, SparseProducts)
    assert_allclose(ours.C, again.C, atol=1e-9 * design.n)
    for one, other in zip(ours.levels, again.levels, strict=True):
        assert_allclose(one.B, other.B, atol=1e-9 * design.n)
    alone = hb.Model(f"y ~ 1 + (1 | {design.factors[0].name})", model(name).data.assign(y=y))
    turned = model(name).data.assign(y=y[::-1])
    known = hb.Model(f"y ~ 1 + (1 | {design.factors[0].name})", turned)
    cross = sums_of(known.problem).of(y)
    value = maximise(cross, (1,), ML).value + log_jacobian(ML, cross.basis, cross.n)
    assert_allclose(value, alone.ml().loglik, atol=1e-8)


@pytest.mark.slow
def test_a_bootstrap_of_two_factors() -> None:
    """Means and spreads of refits, where theory has them: γ of balanced data is unbiased."""
    ours = fit("Oats_split_plot", "REML")
    drawn = hb.bootstrap(ours, lambda one: one.icc()["icc"], n=60, seed=3, progress=False)
    table, gamma = drawn.table, drawn.table.loc["gamma"]
    assert (gamma["bias"].abs() < 4.0 * gamma["mcse"]).all()
    se = np.sqrt(np.diag(ours.vcov()))
    assert_allclose(gamma["se"], se, rtol=4.0 / np.sqrt(2 * 60) + 0.1)
    assert table.loc["sd"].index.tolist() == ["Intercept|Block", "Intercept|Block:Variety"]
    assert table.loc["statistic"].index.tolist() == ["Block", "Block:Variety"]
    again = hb.bootstrap(ours, n=2, seed=3, progress=False).draws
    pd.testing.assert_frame_equal(again, drawn.draws[again.columns].iloc[:2])
    with pytest.raises(hb.InferenceError, match="'rows' needs the rows of the data"):
        hb.bootstrap(ours, rows, n=2, seed=3, progress=False)


def rows(fitted: hb.PointFit) -> float:
    return float(fitted.residuals().iloc[0])


# ---------------------------------------------------------------- profiles


def spelled(fitted: hb.PointFit, name: str) -> tuple[str, str]:
    """Block and name of a parameter that lme4 calls ``name``."""
    plain = {"(Intercept)": "Intercept", "sexF": "sex[T.F]"}
    if name == "sigma":
        return "sigma", name
    if "|" not in name:
        for term in fitted.design.terms:
            if plain.get(name, name) == term.replace("[T.", "").replace("]", ""):
                return "gamma", term
        return "gamma", plain.get(name, name)
    effects, called = name.split("_", 1)[1].split("|")
    factor = factor_of(fitted, called)
    named = [f"{plain.get(one, one)}|{factor}" for one in reversed(effects.split("."))]
    return ("corr" if name.startswith("cor_") else "sd"), ", ".join(named)


TURNED = ("Pixel_slope_outer", "cor_day.(Intercept)|Dog")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Oats_split_plot", "Pixel_slope_outer", "ScotsSec_crossed"])
def test_bounds_of_lme4(name: str) -> None:
    """To 0.2% of the half-width, as far as lme4's splines are good."""
    ours = fit(name, "ML")
    limits = hb.profile(ours).intervals()
    assert len(limits) == len(PROFILES[name])
    for row in PROFILES[name]:
        found = limits.loc[spelled(ours, row["parameter"])]
        half = (row["upper"] - row["lower"]) / 2.0
        if (name, row["parameter"]) != TURNED:
            assert_allclose(found["lower"], row["lower"], atol=2e-3 * half)
            assert_allclose(found["upper"], row["upper"], atol=4e-3 * half)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "at"), [("corr(Intercept|Dog, day|Dog)", 2), ("sd(Intercept|Dog:Side)", 3)]
)
def test_bounds_are_where_dense_matrices_have_them(label: str, at: int) -> None:
    """The maximum with the parameter held there, found by a general optimiser, is as deep."""
    ours = fit("Pixel_slope_outer", "ML")
    dense, limits = rows_of(ours), hb.profile(ours, label).intervals()

    def deviance(x: np.ndarray) -> float:
        sds, rho, sigma = np.exp(x[[0, 1, 3]]), x[2], float(np.exp(x[4]))
        dog = np.array([[sds[0], 0.0], [rho * sds[1], sds[1] * np.sqrt(1.0 - rho**2)]])
        roots = [dog, np.array([[sds[2]]])]
        return -2.0 * dense.log_density(roots, sigma, restricted=False)

    sd, corr = ours.theta[0, 0].sd, ours.theta[0, 0].corr[1, 0]
    best = np.array([*np.log(sd[:2]), corr, np.log(sd[2]), np.log(ours.sigma)])
    free = [k for k in range(5) if k != at]

    def profiled(value: float) -> float:
        def others(x: np.ndarray) -> float:
            whole = np.insert(x, at, value)
            return deviance(whole) if abs(whole[2]) < 1.0 else 1e6

        found = minimize(others, best[free], method="Nelder-Mead",
                         options={"xatol": 1e-7, "fatol": 1e-7, "maxiter": 3000})  # fmt: skip
        return float(found.fun) - deviance(best)

    for bound in limits[["lower", "upper"]].to_numpy()[0]:
        depth = profiled(bound if at == 2 else float(np.log(bound)))
        assert_allclose(depth, 3.841458820694124, atol=1e-4)


@pytest.mark.slow
def test_a_variance_that_is_zero_has_a_bound_above() -> None:
    limits = hb.profile(fit("sim_singular_crossed", "REML"), ["sd", "x"]).intervals()
    zero = limits.loc["sd", "Intercept|b"]
    assert (zero["lower"], zero["boundary"]) == (0.0, "lower") and zero["upper"] > 0.0
    assert limits.loc[("gamma", "x"), "criterion"] == "ML deviance"


# ---------------------------------------------------------------- simulated data

CROSSED = pd.DataFrame({"x": np.arange(60.0) % 7, "a": np.arange(60) % 12, "b": np.arange(60) // 5})
STATED: dict[str, Any] = {
    "gamma": (1.0, 2.0),
    "G": {"a": 4.0, "b": [[1.0, 0.2], [0.2, 0.5]]},
    "sigma": 0.5,
}


def test_simulated_data_are_the_sum_of_their_parts() -> None:
    made = hb.simulate("y ~ x + (1 | a) + (1 + x | b)", **STATED, data=CROSSED, seed=1)
    a, b = made.truth.us["a"], made.truth.us["b"]
    y = 1.0 + 2.0 * CROSSED["x"] + a["Intercept"].loc[CROSSED["a"]].to_numpy()
    y += b["Intercept"].loc[CROSSED["b"]].to_numpy()
    y += (b["x"].loc[CROSSED["b"]] * CROSSED["x"].to_numpy()).to_numpy()
    assert_allclose(made.data["y"], y + made.truth.residuals)
    assert_allclose(made.truth.betas["b"], b + np.array([1.0, 2.0]))
    assert made.truth.G.loc["Intercept|b", "x|b"] == 0.2
    assert "12 groups (a), 12 groups (b)" in str(made)
    other = hb.simulate("y ~ x + (1 | a) + (1 | b)", gamma=(0.0, 0.0), G={"a": 4.0, "b": 0.0},
                        sigma=9.0, data=CROSSED, seed=1)  # fmt: skip
    pd.testing.assert_frame_equal(other.truth.us["a"], a)
    with pytest.raises(hb.FormulaError, match="made for models of one grouping factor"):
        _ = made.truth.u


def test_effects_of_every_factor_are_stated() -> None:
    with pytest.raises(hb.StudyError, match="the effects of each of 'a', 'b'"):
        hb.simulate("y ~ x + (1 | a) + (1 | b)", **STATED | {"G": {"a": 1.0}}, data=CROSSED)


def test_data_simulated_from_a_fit() -> None:
    ours, data = fit("Oats_split_plot", "REML"), model("Oats_split_plot").data
    made = hb.simulate(ours, data=data, seed=2)
    assert_allclose(made.truth.gamma, ours.fixef())
    assert list(made.truth.us) == ["Block", "Block:Variety"]
    again = hb.Model("yield ~ nitro + Variety + (1 | Block/Variety)", made.data).reml()
    assert again.design.n == len(data)
