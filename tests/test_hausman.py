"""Fixed against random effects: Hausman's and Mundlak's tests."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm

import hierbayes as hb
from hierbayes.errors import DataError, HypothesisError
from hierbayes.inference.context.hausman_words import VERSIONS, conclusion
from tests.conftest import MODELS, Cache
from tests.test_hard_data import simulate

WITH_MEANS = ("contextual_cwg", "contextual_raw", "contextual_raw_ri", "intercepts_slopes_cwg",
              "parallel_mean_slopes_ctx")  # fmt: skip
BETWEEN_ONLY = ("oneway", "means_as_outcomes", "means_as_outcomes_ctx")


def endogenous(seed: int, strength: float) -> pd.DataFrame:
    """Rows whose x goes with the group's own effect."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 15, 60)
    codes = np.repeat(np.arange(60), sizes)
    u = rng.normal(size=60)
    x = rng.normal(size=len(codes)) + strength * u[codes]
    z = rng.normal(size=len(codes))
    y = x - 0.5 * z + u[codes] + rng.normal(size=len(codes))
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": codes})


def test_ses_against_r(diagnostics: dict[str, Any], models: Cache[hb.Model]) -> None:
    golden = diagnostics["hausman_ses"]
    result = hb.hausman(models["ancova"])
    row = result.estimates.loc["ses"]
    names = ["fixed", "se_fixed", "random", "se_random"]
    theirs = [golden[key] for key in ("within_est", "within_se", "gls_REML_est", "gls_REML_se")]
    assert_allclose(row[names], theirs, rtol=1e-7)
    assert_allclose(
        result.tests["chisq"],
        [golden["chisq_each_own_sigma"], golden["chisq_common_sigma_RE"], golden["plm"]["chisq"]],
        rtol=1e-7,
    )
    assert_allclose(
        result.tests["p"], [golden["p"], golden["p_common"], golden["plm"]["p"]], rtol=1e-6
    )
    assert (result.tests["df"] == 1).all()
    assert_allclose(row["swamy_arora"], golden["plm"]["random_swamy_arora"]["ses"], rtol=1e-9)
    swamy = result.variances.loc["random effects, Swamy-Arora"]
    sigma2 = golden["plm"]["sigma2"]
    assert_allclose(swamy[["sigma2", "tau2"]], [sigma2["idios"], sigma2["id"]], rtol=1e-9)


def test_contextual_effect_against_r(diagnostics: dict[str, Any], models: Cache[hb.Model]) -> None:
    golden = diagnostics["hausman_ses"]
    for name in ("ancova", "contextual_raw_ri"):
        result = hb.mundlak(models[name], df="none")
        row = result.table.loc["ses"]
        assert_allclose(
            row[["contextual", "se", "z"]],
            [golden[f"contextual_{key}"] for key in ("coef", "se", "z")],
            rtol=1e-7,
        )
        assert_allclose(row["p"], golden["contextual_p_normal"], rtol=1e-5)
        assert_allclose(result.test["chisq"], golden["contextual_wald_chisq"], rtol=1e-7)
        within = diagnostics["slope_estimators"]["within"]["est"]
        assert_allclose(row["within"], within, rtol=1e-9)


@pytest.mark.parametrize("name", [one for one in MODELS if one not in BETWEEN_ONLY])
def test_every_model(name: str, models: Cache[hb.Model], reml_fits: Cache[hb.Fit]) -> None:
    result = hb.hausman(models[name])
    if name in WITH_MEANS:
        assert (result.tests["df"] == 0).all() and result.tests["p"].isna().all()
        assert_allclose(result.estimates["fixed"], result.estimates["random"], rtol=1e-8)
        assert result.conclusion == (
            "the two estimates are the same to rounding, and nothing is left to test: the model "
            "has the group means of these terms, or they are deviations from them; see mundlak()",
        )
    else:
        # of intercepts_slopes_ctx the mean of ses is in the model, that of ses·cvar(ses) is not
        free = 1 if name == "intercepts_slopes_ctx" else len(result.estimates)
        assert (result.tests["df"] == free).all()
        p = chi2.sf(result.tests["chisq"], result.tests["df"])
        assert_allclose(result.tests["p"], p, rtol=1e-8)
    test = hb.mundlak(reml_fits[name], df="none")
    assert test.test["df"] == len(test.table) > 0
    assert_allclose(test.table["between"], test.table["within"] + test.table["contextual"])
    assert_allclose(test.table["p"], 2 * norm.sf(np.abs(test.table["z"])), rtol=1e-8)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "inner-outer"])
def test_contextual_effects_are_wald_tests(df: str, hs: pd.DataFrame) -> None:
    formula = "mathach ~ ses + HIMINTY"
    parts = {"random": "~ 1 | school", "data": hs.astype({"HIMINTY": float})}
    result = hb.mundlak(hb.Model(formula, **parts), df=df)
    mean = "cvar(ses, school)"
    # HIMINTY is one of the schools': its mean is itself
    assert result.added == (mean,)
    fit = hb.Model(f"{formula} + {mean}", **parts).reml()
    test = hb.wald(fit, [mean], df=df)
    columns = ["estimate", "se", "df", "t", "p"]
    ours = result.table.loc["ses", ["contextual", *columns[1:]]]
    assert_allclose(ours, test.rows.iloc[0][columns], rtol=1e-6)
    assert_allclose(result.test[list(test.joint)], test.joint.iloc[0], rtol=1e-6)
    F, denominator = test.joint.iloc[0][["F", "denDF"]]
    assert f"(F(1, {denominator:.1f}) = {F:.2f}, p " in result.conclusion[1]


def test_few_groups_make_no_certainty() -> None:
    data = simulate([30] * 5, (1.0, 0.5), seed=12)
    data["y"] += 1.2 * data.groupby("g")["x1"].transform("mean") * 6
    model = hb.Model("y ~ x1", random="~ 1 | g", data=data)
    usual, normal = hb.mundlak(model), hb.mundlak(model, df="none")
    assert usual.table.loc["x1", "df"] < 6
    assert usual.test["p"] > normal.test["p"]
    assert "too small where there are few groups" in normal.notes[0]
    with pytest.raises(hb.HierbayesError) as error:
        hb.mundlak(model, df="residual")
    assert str(error.value) == (
        "there are no degrees of freedom 'residual'; df is one of: 'satterthwaite', "
        "'kenward-roger', 'kenward-roger-observed', 'kenward-roger-linear', "
        "'kenward-roger-linear-observed', 'inner-outer', 'none'"
    )


@pytest.mark.parametrize("name", WITH_MEANS)
def test_means_that_are_there_are_not_added(name: str, reml_fits: Cache[hb.Fit]) -> None:
    fit = reml_fits[name]
    result = hb.mundlak(fit)
    assert result.added == ()
    gamma, cov = fit.fixef(), fit.vcov()
    term = result.table.index[0]
    c = pd.Series(0.0, index=gamma.index)
    c["cvar(ses, school)"] = 1.0
    if term.startswith("dvar"):
        c[term] = -1.0
    row = result.table.iloc[0]
    assert_allclose(row["contextual"], c @ gamma, rtol=1e-7)
    assert_allclose(row["se"], np.sqrt(c @ cov @ c), rtol=1e-6)


def test_equal_models_have_equal_contextual_effects(reml_fits: Cache[hb.Fit]) -> None:
    centred, raw = hb.mundlak(reml_fits["contextual_cwg"]), hb.mundlak(reml_fits["contextual_raw"])
    assert_allclose(centred.table.to_numpy(), raw.table.to_numpy(), rtol=1e-6)
    assert_allclose(centred.test, raw.test, rtol=1e-6)


def test_two_terms_against_least_squares() -> None:
    data = endogenous(1, 0.8)
    result = hb.hausman(hb.Model("y ~ x + z", random="~ 1 | g", data=data))
    dummies = pd.get_dummies(data["g"], dtype=float).to_numpy()
    X = np.column_stack([data[["x", "z"]], dummies])
    gamma, *_ = np.linalg.lstsq(X, data["y"], rcond=None)
    rest = data["y"] - X @ gamma
    s2 = rest @ rest / (len(X) - X.shape[1])
    cov = s2 * np.linalg.inv(X.T @ X)[:2, :2]
    assert_allclose(result.estimates["fixed"], gamma[:2], rtol=1e-9)
    assert_allclose(result.estimates["se_fixed"], np.sqrt(np.diag(cov)), rtol=1e-9)
    fit = hb.Model("y ~ x + z", random="~ 1 | g", data=data).reml()
    d = gamma[:2] - fit.fixef()[["x", "z"]].to_numpy()
    inner = fit.vcov().loc[["x", "z"], ["x", "z"]].to_numpy()
    assert_allclose(
        result.tests["chisq"].iloc[:2],
        [d @ np.linalg.solve(scale * cov - inner, d) for scale in (1.0, fit.sigma**2 / s2)],
        rtol=1e-6,
    )
    # all residual variance of random effects is the larger for endogeneity: plm's version has
    # no positive definite difference
    assert np.isnan(result.tests.loc["Swamy-Arora", "chisq"])
    assert result.notes[-1] == (
        "'Swamy-Arora' has no statistic: the difference of its covariances is not positive definite"
    )
    assert (result.tests["p"].iloc[:2] < 1e-4).all()
    assert result.conclusion[1].startswith("so the coefficient of at least one of 'x', 'z' mixes")


def test_no_endogeneity_is_not_claimed_to_be_proved() -> None:
    data = endogenous(2, 0.0)
    result = hb.hausman(hb.Model("y ~ x + z", random="~ 1 | g", data=data))
    assert (result.tests["p"].iloc[:2] > 0.05).all()
    assert result.conclusion[1].startswith(
        "this is no proof that random effects are independent of the predictors; differences "
        "(fixed less random) within these 95% limits are compatible with the data: 'x' "
    )
    test = hb.mundlak(hb.Model("y ~ x + z", random="~ 1 | g", data=data))
    assert test.conclusion[-1].endswith(
        "this does not show that they are equal: see the standard errors of what the means add"
    )


def test_scale_and_origin_of_a_column_do_not_matter(hs: pd.DataFrame) -> None:
    here = hb.hausman(hb.Model("mathach ~ ses", random="~ 1 | school", data=hs))
    moved = hs.assign(ses=1e4 + 1e3 * hs["ses"])
    there = hb.hausman(hb.Model("mathach ~ ses", random="~ 1 | school", data=moved))
    assert_allclose(there.tests["chisq"], here.tests["chisq"], rtol=1e-6)
    one, two = (hb.mundlak(hb.Model("mathach ~ ses", random="~ 1 | school", data=data))
                for data in (hs, moved))  # fmt: skip
    assert_allclose(two.test, one.test, rtol=1e-6)


def test_any_source_gives_the_same(models: Cache[hb.Model], ml_fits: Cache[hb.Fit]) -> None:
    by_model, by_fit = hb.hausman(models["ancova"]), hb.hausman(ml_fits["ancova"])
    pd.testing.assert_frame_equal(by_model.tests, by_fit.tests)
    assert hb.mundlak(ml_fits["ancova"]).about[2] == "Added:  cvar(ses, school); by ML"
    assert hb.mundlak(models["ancova"]).about[2] == "Added:  cvar(ses, school); by REML"


def test_columns_dependent_within_groups() -> None:
    data = endogenous(3, 0.5)
    model = hb.Model("y ~ x + dvar(x, g)", random="~ 1 | g", data=data)
    result = hb.hausman(model)
    assert result.estimates.index.tolist() == ["x"]
    assert result.notes[-1] == (
        "left out, for within groups it is a combination of the others: 'dvar(x, g)'"
    )


@pytest.mark.parametrize("function", [hb.hausman, hb.mundlak])
def test_nothing_varies_within_groups(function: Any, models: Cache[hb.Model]) -> None:
    with pytest.raises(hb.DataError) as error:
        function(models["means_as_outcomes"])
    assert str(error.value) == (
        f"{function.__name__}() compares slopes within and between groups, and no fixed term "
        "varies within 'school' (they are: 'Intercept', 'Sector[T.Public]'); add a variable of "
        "the rows to the fixed part"
    )
    with pytest.raises(HypothesisError) as wrong:
        function(3)
    assert str(wrong.value) == (
        f"{function.__name__}() takes a model or a fit, and this is of type int; models are what "
        "hb.Model() returns, fits what model.reml(), ml(), map() and sample() return"
    )


def test_deviations_without_means(hs: pd.DataFrame) -> None:
    with pytest.raises(hb.DataError) as error:
        hb.mundlak(hb.Model("mathach ~ dvar(ses, school)", random="~ 1 | school", data=hs))
    assert str(error.value) == (
        "no contextual effect can be tested: the group means of 'dvar(ses, school)' are constant "
        "or combinations of other terms; put the variable in as it is, not as a deviation from "
        "its group mean"
    )


def test_too_few_rows_and_groups() -> None:
    data = simulate([2] * 4, (1.0, 0.5, 0.5, 0.5, 0.5), seed=5)
    with pytest.raises(hb.DataError) as within:
        hb.hausman(hb.Model("y ~ x1 + x2 + x3 + x4", random="~ 1 + x1 | g", data=data))
    assert str(within.value) == (
        "the within-group estimator has no degrees of freedom: 8 rows, 4 groups and 4 columns "
        "that vary within them; use fewer terms"
    )
    data = simulate([9, 8, 7], (1.0, 0.5, 0.5), seed=5)
    with pytest.raises(hb.DataError) as groups:
        hb.mundlak(hb.Model("y ~ x1 + x2", random="~ 1 | g", data=data))
    assert str(groups.value) == (
        "3 groups are too few for 3 columns of groups, 2 of them added (cvar(x1, g), "
        "cvar(x2, g)); use fewer terms"
    )
    result = hb.hausman(hb.Model("y ~ x1 + x2", random="~ 1 | g", data=data))
    assert result.tests.loc["Swamy-Arora"].isna()[["chisq", "p"]].all()
    assert "Swamy and Arora's moments need more groups than columns of group means" in result.notes


def test_a_coefficient_for_every_group() -> None:
    data = simulate([9, 8, 7], (1.0, 0.5), seed=5)
    model = hb.Model("y ~ x1 + C(g)", random="~ 0 + x1 | g", data=data)
    with pytest.raises(hb.DataError) as error:
        hb.hausman(model)
    assert str(error.value) == (
        "the fixed part has 3 columns that are constant within groups, for 3 groups: nothing is "
        "left between groups that random effects could use; use fewer"
    )
    explained = hb.variance_explained(model.reml()).explained
    assert explained["estimate"].isna().all()


def test_words_near_the_border() -> None:
    estimates = pd.DataFrame(
        {"difference": [0.1], "se_difference": [0.05]}, index=pd.Index(["x"], name="term")
    )
    tests = pd.DataFrame({"chisq": [3.8, 3.9, np.nan], "df": 1, "p": [0.0513, 0.0483, np.nan]},
                         index=pd.Index(VERSIONS, name="version"))  # fmt: skip
    assert conclusion(tests, estimates) == (
        "the versions disagree at the 0.05 level (REML, each its own sigma: p = 0.0513; REML, "
        "common sigma: p = 0.0483): they differ in how σ² and τ² are estimated, and the evidence "
        "is near the border; see mundlak(), which says how large the contextual effect is",
    )
    assert conclusion(tests.assign(p=np.nan), estimates) == (
        "no version has a statistic: in none is the difference of the covariances positive "
        "definite; see mundlak(), which asks the same question as a Wald test",
    )


def test_print(models: Cache[hb.Model]) -> None:
    result = hb.hausman(models["random_coefficients"])
    assert repr(result).startswith("Hausman's test: fixed against random effects\n  Model:  ")
    assert max(map(len, str(result).splitlines())) <= 100
    text = " ".join(str(result).split())
    assert "or both; the test cannot tell these apart" in text
    assert "all estimators have a random intercept alone, though the model has more" in text
    assert "<h4>What this says</h4>" in result._repr_html_()
    assert "χ²(1) = " in str(hb.mundlak(models["random_coefficients"], df="none"))


def test_balanced_data_are_said_to_be_balanced() -> None:
    orthodont = hb.load_dataset("orthodont")
    result = hb.hausman(hb.Model("distance ~ age", random="~ 1 | Subject", data=orthodont))
    assert result.conclusion == (
        "the data are balanced: 'age' has the same mean in every group, so that all of its "
        "variation is within groups, both estimates are the same, and nothing is left to test",
    )
    with pytest.raises(DataError) as refusal:
        hb.Model("distance ~ age + cvar(age, Subject) + (1 | Subject)", data=orthodont)
    assert str(refusal.value) == (
        "'cvar(age, Subject)' is the same in every 'Subject': the data are balanced in 'age', all "
        "of whose variation is within groups; a group mean of it explains nothing, remove it from "
        "the formula"
    )


def test_weights_are_those_of_least_squares_with_a_column_for_each_group(
    small_data: pd.DataFrame,
) -> None:
    """Within groups √w(y − Σ_j α_j) on √w x; of weights of 1 the test without weights."""
    data = small_data.assign(n=1.0 + np.arange(len(small_data)) % 3, one=1.0)
    found = hb.hausman(hb.Model("y ~ x + (1 | g)", data, weights="n"))
    root = np.sqrt(data["n"].to_numpy())[:, None]
    columns = root * np.column_stack([data["x"], pd.get_dummies(data["g"]).to_numpy(dtype=float)])
    y = root[:, 0] * data["y"].to_numpy()
    gamma, rest, *_ = np.linalg.lstsq(columns, y)
    df = len(y) - columns.shape[1]
    sigma2 = float(rest[0]) / df
    se = np.sqrt(sigma2 * np.linalg.inv(columns.T @ columns)[0, 0])
    assert_allclose(found.estimates.loc["x", ["fixed", "se_fixed"]], [gamma[0], se], rtol=1e-10)
    random = hb.Model("y ~ x + (1 | g)", data, weights="n").reml()
    assert_allclose(found.estimates.loc["x", "random"], random.fixef()["x"], rtol=1e-8)
    assert np.isnan(found.tests.loc["Swamy-Arora", "chisq"])
    assert "Swamy and Arora's moments are of errors that are alike" in str(found)
    ones, plain = (
        hb.hausman(hb.Model("y ~ x + (1 | g)", data, weights=w)).tests["chisq"].iloc[:2]
        for w in ("one", None)
    )
    assert_allclose(ones, plain, rtol=1e-8)
    with pytest.raises(hb.FormulaError, match=r"hausman\(\) is not made for a model whose rows"):
        hb.hausman(hb.Model("y ~ x + (1 | g)", data, known_sd="n"))
