"""Contextual models: slopes within and between groups, group means in new data, latent means."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import t as student

import hierbayes as hb
from hierbayes.fit.contextual.slopes import contextual_slopes
from hierbayes.studies.sensitivity.quantities import Contextual
from tests.conftest import Cache

CWG = "~ 1 + dvar(ses, school) | school"
SLOPES = ["within", "between", "contextual"]


def fitted(formula: str, data: pd.DataFrame, random: str = CWG) -> hb.Fit:
    return hb.Model(formula, random=random, data=data).reml()


# ---------------------------------------------------------------- the algebra


def test_contextual_effect_of_the_random_intercept_model(reml_fits: Cache[hb.Fit]) -> None:
    table = reml_fits["contextual_raw_ri"].contextual("ses", df="inner-outer").table
    assert table.index.tolist() == SLOPES
    assert_allclose(table["estimate"], [2.2231851354, 5.70643492726, 3.48324979186], rtol=1e-7)
    assert table.loc["contextual", "se"] == pytest.approx(0.72990, abs=5e-6)
    assert table.loc["contextual", "t"] ** 2 == pytest.approx(22.7739, abs=5e-5)
    assert table["df"].tolist() == [1936.0, 38.0, 38.0]


def test_limits_and_p_are_those_of_t(reml_fits: Cache[hb.Fit]) -> None:
    fit = reml_fits["contextual_raw_ri"]
    row = fit.contextual("ses", df="inner-outer", prob=0.9).table.loc["between"]
    half = student(38).ppf(0.95) * row["se"]
    expected = [row["estimate"] - half, row["estimate"] + half]
    assert_allclose(row[["lower", "upper"]].to_numpy(), expected, rtol=1e-12)
    assert row["p"] == pytest.approx(2 * student(38).sf(abs(row["t"])), rel=1e-9)


@pytest.mark.parametrize(
    "fixed",
    ["cvar(ses, school) + ses", "ses + dvar(ses, school)", "cvar(ses,school) + 2:dvar(ses,school)"],
)
def test_every_parametrisation_has_the_same_slopes(
    fixed: str, reml_fits: Cache[hb.Fit], hs: pd.DataFrame
) -> None:
    expected = reml_fits["contextual_cwg"].contextual("ses").table
    found = fitted(f"mathach ~ {fixed}", hs).contextual("ses").table
    assert_allclose(found.drop(columns="p"), expected.drop(columns="p"), rtol=1e-8)


def test_deviations_of_a_variable_of_groups_are_zero(hs: pd.DataFrame) -> None:
    assert not np.any(hb.dvar(hs["DISCLIM"], hs["school"]))
    message = (
        "the fixed column 'dvar(DISCLIM, school)' is zero in every row; remove it from the formula"
        ", or leave out what is a combination of others: hb.Model(..., aliased='drop')"
    )
    with pytest.raises(hb.DataError) as raised:
        hb.Model("mathach ~ dvar(DISCLIM, school) + (1 | school)", data=hs)
    assert str(raised.value) == message


def test_numbers_scale_columns_of_either_level(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ 2:ses + 4:PRACAD + (1 | school)", data=hs)
    plain = hb.Model("mathach ~ ses + PRACAD + (1 | school)", data=hs).reml()
    expected = plain.fixef() / [1.0, 2.0, 4.0]
    assert_allclose(model.reml().fixef()[expected.index], expected, rtol=1e-6)
    equations = model.multilevel()
    assert dict(equations.between) == {"1": "1 + 4:PRACAD", "2:ses": "1"}
    assert hb.Model(equations, data=hs).specification.fixed == ("1", "4:PRACAD", "2:ses")


def test_estimates_are_those_of_lme4(reml_fits: Cache[hb.Fit], reference: dict[str, Any]) -> None:
    raw = reference["models"]["contextual_raw"]["REML"]
    _, adds, within = raw["fixef"]
    cov = np.array(raw["vcov"])
    table = reml_fits["contextual_cwg"].contextual("ses").table
    assert_allclose(table["estimate"], [within, within + adds, adds], rtol=1e-6)
    variances = [cov[2, 2], cov[1:, 1:].sum(), cov[1, 1]]
    assert_allclose(table["se"], np.sqrt(variances), rtol=1e-5)


def test_slopes_in_each_sector_are_those_of_lme4(
    reml_fits: Cache[hb.Fit], reference: dict[str, Any]
) -> None:
    stated = reference["models"]["intercepts_slopes_cwg"]
    gamma = dict(zip(stated["terms"], stated["REML"]["fixef"], strict=True))
    mean, dev, public = "cvar(ses, school)", "dvar(ses, school)", "Sector[T.Public]"
    effects = reml_fits["intercepts_slopes_cwg"].contextual("ses")
    within = [gamma[dev], gamma[dev] + gamma[f"{dev}:{public}"]]
    between = [gamma[mean], gamma[mean] + gamma[f"{mean}:{public}"]]
    expected = np.array([within, between, np.subtract(between, within)]).T
    assert effects.table.index.tolist() == [(s, k) for s in ("Catholic", "Public") for k in SLOPES]
    assert_allclose(effects.table["estimate"].to_numpy().reshape(2, 3), expected, rtol=1e-6)
    assert effects.differences.index.tolist() == [("Public − Catholic", k) for k in SLOPES]
    assert_allclose(effects.differences["estimate"], expected[1] - expected[0], rtol=1e-6)


@pytest.mark.parametrize(
    "fixed",
    [
        "(cvar(ses, school) + ses) * Sector",
        "(cvar(ses, school) + dvar(ses, school)) * C(Sector, contr.sum)",
        "0 + Sector + (cvar(ses, school) + ses):Sector",
    ],
)
def test_codings_of_the_factor_do_not_matter(
    fixed: str, reml_fits: Cache[hb.Fit], hs: pd.DataFrame
) -> None:
    expected = reml_fits["intercepts_slopes_cwg"].contextual("ses")
    found = fitted(f"mathach ~ {fixed}", hs).contextual("ses")
    for table in ("table", "differences"):
        columns = ["estimate", "se", "df"]
        assert_allclose(
            getattr(found, table)[columns], getattr(expected, table)[columns], rtol=1e-7
        )
        assert getattr(found, table).index.equals(getattr(expected, table).index)


@pytest.mark.parametrize("factor", ["HIMINTY", "C(HIMINTY)", "C(HIMINTY, contr.sum)"])
def test_levels_may_be_numbers(factor: str, hs: pd.DataFrame) -> None:
    kind = "category" if factor == "HIMINTY" else "int64"
    data = hs.assign(HIMINTY=hs["HIMINTY"].astype(kind), text=hs["HIMINTY"].map({0: "a", 1: "b"}))
    formula = "mathach ~ (ses + cvar(ses, school)) * "
    found = fitted(formula + factor, data, "~ 1 | school").contextual("ses").table
    expected = fitted(formula + "text", data, "~ 1 | school").contextual("ses").table
    assert_allclose(found, expected, rtol=1e-7)
    assert found.index.levels[0].tolist() == ["HIMINTY = 0", "HIMINTY = 1"]


def test_an_interaction_on_one_slope_alone(hs: pd.DataFrame) -> None:
    effects = fitted("mathach ~ ses * Sector + cvar(ses, school)", hs).contextual("ses")
    adds = effects.table.xs("contextual", level="slope")["estimate"]
    assert adds["Catholic"] == pytest.approx(adds["Public"], rel=1e-12)
    assert effects.differences.index.tolist() == [
        ("Public − Catholic", "within"),
        ("Public − Catholic", "between"),
    ]


def test_slopes_at_values_of_a_number(hs: pd.DataFrame) -> None:
    fit = fitted("mathach ~ (ses + cvar(ses, school)) * Size", hs.assign(Size=hs["Size"] / 1000))
    gamma = fit.fixef()
    table = fit.contextual("ses", at={"Size": [0.5, 2]}).table["estimate"]
    for size in (0.5, 2.0):
        expected = gamma["cvar(ses, school)"] + size * gamma["cvar(ses, school):Size"]
        assert table[f"Size = {size:g}", "contextual"] == pytest.approx(expected, rel=1e-9)
    mean = hs["Size"].mean() / 1000
    at_mean = fit.contextual("ses").table["estimate"].xs("within", level="slope")
    assert at_mean.iloc[0] == pytest.approx(gamma["ses"] + mean * gamma["ses:Size"], rel=1e-9)
    assert at_mean.index.tolist() == [f"Size = {mean:.4g}"]


def test_odd_names_factors_and_expressions(hs: pd.DataFrame) -> None:
    odd = hs.assign(**{"my ses": hs["ses"], "e": np.exp(hs["ses"])}).rename(
        columns={"school": "a b"}
    )
    plain = fitted("mathach ~ ses + cvar(ses, school)", hs, "~ 1 | school").contextual("ses")
    quoted = fitted("mathach ~ `my ses` + cvar(`my ses`, `a b`)", odd, "~ 1 | `a b`")
    assert_allclose(quoted.contextual("my ses").table, plain.table, rtol=1e-9)
    one = fitted("mathach ~ (np.exp(ses) + cvar(np.exp(ses), `a b`)) * Sector", odd, "~ 1 | `a b`")
    two = fitted("mathach ~ (e + cvar(e, `a b`)) * Sector", odd, "~ 1 | `a b`")
    assert_allclose(one.contextual("np.exp(ses)").table, two.contextual("e").table, rtol=1e-7)
    girls = hs.assign(male=(hs["Sex"] == "Male") * 1.0)
    labels = fitted("mathach ~ (Sex + cvar(Sex, school)) * Sector", hs, "~ 1 | school")
    numbers = fitted("mathach ~ (male + cvar(male, school)) * Sector", girls, "~ 1 | school")
    assert_allclose(labels.contextual("Sex").table, numbers.contextual("male").table, rtol=1e-7)


def test_weights_are_derivatives_of_the_prediction(hs: pd.DataFrame) -> None:
    """Two students in each of two new schools: x moves alone, or with the mean."""
    formula = "mathach ~ ses * cvar(ses, school) * Sector"
    model = hb.Model(formula, random="~ 1 | school", data=hs)
    fit, step, at = model.reml(), 1e-4, 0.7

    def predicted(x: float, mean: float) -> float:
        rows = {"ses": [x, 2 * mean - x], "Sector": "Public", "school": "new"}
        return float(fit.predict(pd.DataFrame(rows), effects="none").iloc[0])

    within = (predicted(at + step, at) - predicted(at - step, at)) / (2 * step)
    between = (predicted(at + step, at + step) - predicted(at - step, at - step)) / (2 * step)
    effects = fit.contextual("ses", at={"ses": at, "Sector": "Public"})
    expected = [within, between, between - within]
    assert_allclose(effects.table["estimate"], expected, rtol=1e-6)
    assert effects.table.index[0] == ("Public, ses = 0.7", "within")
    assert "these slopes change with 'ses' itself" in str(effects)
    slopes = contextual_slopes(fit.design, "ses", {"ses": at, "Sector": "Public"})
    assert_allclose(effects.weights.loc[("Public, ses = 0.7", "between")], slopes.between[0])


def test_weights_are_a_hypothesis(reml_fits: Cache[hb.Fit]) -> None:
    fit = reml_fits["contextual_raw_ri"]
    test = hb.wald(fit, fit.contextual("ses").weights.loc[["contextual"]], df="none")
    assert test.joint["F"].iloc[0] == pytest.approx(22.7739, abs=5e-5)


# ---------------------------------------------------------------- engines


def test_engines_and_print(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses + cvar(ses, school)", random="~ 1 | school", data=hs)
    mode, ml = model.map().contextual("ses"), model.ml().contextual("ses")
    assert list(mode.table) == ["estimate", "se", "df", "lower", "upper"]
    assert ml.table.loc["contextual", "estimate"] == pytest.approx(model.ml().fixef().iloc[2])
    assert repr(mode) == str(mode)
    assert repr(mode).startswith("Slopes of 'ses' within and between groups, MAP\n  Model:  ")
    text = str(ml)
    assert "Mean:   cvar(ses, school), the mean of the rows at hand (exact)" in text
    assert "Given:  θ̂ by ML; 95% limits; df: Satterthwaite\n" in text
    assert "ecological fallacy" in text
    assert "<h4>Slopes</h4>" in ml._repr_html_()


def test_posterior_has_quantiles_of_draws(small_data: pd.DataFrame) -> None:
    model = hb.Model("y ~ x + cvar(x, g)", "~ 1 + dvar(x, g) | g", data=small_data)
    fit = model.sample(draws=100, chains=2, seed=3, progress=False)
    effects = fit.contextual("x", prob=0.8)
    gamma = fit.draws("gamma")
    draws = (gamma.sel(term="x") + gamma.sel(term="cvar(x, g)")).to_numpy()
    row = effects.table.loc["between"]
    assert_allclose(row[["lower", "upper"]].to_numpy(), np.quantile(draws, [0.1, 0.9]), rtol=1e-9)
    assert row["estimate"] == pytest.approx(draws.mean())
    assert row["sd"] == pytest.approx(draws.std(ddof=1))
    assert row["above"] == pytest.approx((draws > 0).mean())
    assert "P(> 0)" in str(effects)
    assert "Given:  nothing, marginal over θ; limits: 80% equal-tailed" in str(effects)


def test_random_slope_of_raw_x_is_mentioned(reml_fits: Cache[hb.Fit]) -> None:
    assert "the random slope is that of 'ses' itself" in str(
        reml_fits["parallel_mean_slopes_ctx"].contextual("ses")
    )
    assert "the random slope" not in str(reml_fits["contextual_raw"].contextual("ses"))


# ---------------------------------------------------------------- refusals


REFUSED = {
    "ses": (
        "the model has no group mean of 'ses', so that slopes within and between groups are one "
        "coefficient: add cvar(ses, school) to the fixed part"
    ),
    "cvar(ses, school)": (
        "the model has the group mean of 'ses' but no slope within groups: add ses or "
        "dvar(ses, school) to the fixed part"
    ),
    "dvar(ses, school)": (
        "the model has no slope of 'ses' between groups: add cvar(ses, school) to the fixed part"
    ),
    "Sector": (
        "'ses' stands in no fixed term of this model; give it as it stands there: 'Intercept', "
        "'Sector[T.Public]'"
    ),
    "lvar(ses, school) + dvar(ses, school)": (
        "beside the latent mean lvar(ses, school) stands dvar(ses, school), made of the sample "
        "mean, so that the two slopes are not corrected for its unreliability; write "
        "ses + lvar(ses, school)"
    ),
    "ses + cvar(ses, school) + np.square(ses)": (
        "the slopes of 'ses' change with 'ses' itself, for it stands in the term 'np.square(ses)' "
        "otherwise than as ses, its group mean or its deviation from it"
    ),
    "(ses + cvar(ses, school)) * cvar(Minority, school)": (
        "the slopes of 'ses' depend on 'cvar(Minority, school)', the share of a level; make a "
        "column of 0 and 1 of that factor, whose mean can be set"
    ),
    "(ses + cvar(ses, school)) * np.log(Size)": (
        "the slopes of 'ses' depend on 'Size', which is no fixed column of its own; say where they "
        "are wanted, as in at={'Size': 0}"
    ),
}


@pytest.mark.parametrize("fixed", REFUSED)
def test_models_without_both_slopes_are_refused(fixed: str, hs: pd.DataFrame) -> None:
    fit = fitted(f"mathach ~ {fixed}", hs, "~ 1 | school")
    with pytest.raises(hb.DataError, match=f"^{re.escape(REFUSED[fixed])}$"):
        fit.contextual("ses")


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ({"Sex": "Male"}, "the slopes of 'ses' do not depend on 'Sex' but on 'Sector'"),
        ({"Sector": "Both"}, "at: 'Both' is no level of 'Sector'; they are: Catholic, Public"),
        ({"Sector": []}, "at gives no value of 'Sector'"),
        (["Sector"], "at must map columns to values, as in {'w': 0}, not ['Sector']"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    at: Any, message: str, reml_fits: Cache[hb.Fit]
) -> None:
    with pytest.raises(hb.DataError, match=f"^{re.escape(message)}$"):
        reml_fits["intercepts_slopes_cwg"].contextual("ses", at=at)


def test_other_refusals(hs: pd.DataFrame, reml_fits: Cache[hb.Fit]) -> None:
    plain = reml_fits["contextual_raw"]
    message = "the slopes of 'ses' do not depend on 'Sector' but on no other variable"
    with pytest.raises(hb.DataError, match=f"^{message}$"):
        plain.contextual("ses", at={"Sector": "Public"})
    with pytest.raises(hb.DataError, match=r"^a variable is named by text, as in 'ses', not 3$"):
        plain.contextual(3)  # type: ignore[arg-type]
    fit = fitted("mathach ~ (ses + cvar(ses, school)) * Size", hs, "~ 1 | school")
    with pytest.raises(hb.DataError, match=r"^at: 'Size' is a number, and 'big' is none$"):
        fit.contextual("ses", at={"Size": "big"})


# ---------------------------------------------------------------- group means in new data


@pytest.fixture(scope="module")
def newcomers() -> pd.DataFrame:
    """A student of a school of the fit, and two of a new one."""
    return pd.DataFrame(
        {"ses": [2.0, 1.0, 3.0], "school": ["1317", "new", "new"]}, index=["a", "b", "c"]
    )


@pytest.mark.parametrize("mean", ["cvar", "lvar"])
def test_means_of_a_known_school_are_remembered_or_its_own(
    mean: str, hs: pd.DataFrame, newcomers: pd.DataFrame
) -> None:
    fit = fitted(f"mathach ~ ses + {mean}(ses, school)", hs)
    level0 = fit.predict(newcomers, effects="none")
    own = fit.predict(newcomers, effects="none", group_means="own")
    again = fit.predict(newcomers, effects="none")
    gamma = fit.fixef().to_numpy()
    in_fit = hs.loc[hs["school"] == "1317", "ses"]
    means = np.array([in_fit.mean(), 2.0, 2.0]), np.array([2.0, 2.0, 2.0])
    rows = np.array([len(in_fit), 2, 2]), np.array([1, 2, 2])
    for found, xbar, n in zip((level0, own), means, rows, strict=True):
        of_group = xbar if mean == "cvar" else latent_by_hand(hs, xbar, n)
        expected = gamma[0] + gamma[1] * newcomers["ses"] + gamma[2] * of_group
        assert_allclose(found, expected, rtol=1e-10)
    pd.testing.assert_series_equal(level0, again)


def test_deviations_in_the_random_part_follow(hs: pd.DataFrame, newcomers: pd.DataFrame) -> None:
    fit = fitted("mathach ~ ses + cvar(ses, school)", hs)
    u = fit.ranef().loc["1317"]
    level0 = fit.predict(newcomers.iloc[:1], effects="none", group_means="own")
    level1 = fit.predict(newcomers.iloc[:1], group_means="own")
    assert float((level1 - level0).iloc[0]) == pytest.approx(u["Intercept"], rel=1e-9)
    remembered = fit.predict(newcomers.iloc[:1]) - fit.predict(newcomers.iloc[:1], effects="none")
    away = 2.0 - hs.loc[hs["school"] == "1317", "ses"].mean()
    expected = u["Intercept"] + away * u["dvar(ses, school)"]
    assert float(remembered.iloc[0]) == pytest.approx(expected, rel=1e-9)


def test_other_group_means_are_refused(reml_fits: Cache[hb.Fit]) -> None:
    message = r"^group_means must be one of remembered, own, not 'both'$"
    with pytest.raises(hb.DataError, match=message):
        reml_fits["contextual_raw"].predict(group_means="both")


# ---------------------------------------------------------------- latent group means


def latent_by_hand(data: pd.DataFrame, means: Any, rows: Any) -> Any:
    """Predictions of latent means of ses from sample means, by the textbook's moments."""
    groups = data.groupby("school", observed=True)["ses"]
    n, xbar, N = groups.size(), groups.mean(), len(data)
    J = len(n)
    within = float(((data["ses"] - groups.transform("mean")) ** 2).sum() / (N - J))
    between = float((n * (xbar - data["ses"].mean()) ** 2).sum() / (J - 1))
    tau2 = (between - within) / ((N - (n**2).sum() / N) / (J - 1))
    weights = 1 / (tau2 + within / n)
    mu = float((weights * xbar).sum() / weights.sum())
    return mu + tau2 / (tau2 + within / np.asarray(rows)) * (np.asarray(means) - mu)


def test_latent_means_by_hand(hs: pd.DataFrame) -> None:
    groups = hs.groupby("school", observed=True)["ses"]
    expected = latent_by_hand(hs, groups.transform("mean"), groups.transform("size"))
    assert_allclose(hb.lvar(hs["ses"], hs["school"]), expected, rtol=1e-12)


def test_latent_means_work_in_every_engine(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses + lvar(ses, school)", CWG, data=hs)
    equations = model.multilevel()
    assert equations.between["1"] == "1 + lvar(ses, school)"
    assert hb.equivalence(model, hb.Model(equations, data=hs)).holds
    for fit in (model.reml(), model.ml(), model.map()):
        text = str(fit.contextual("ses"))
        assert "Mean:   lvar(ses, school), latent group mean (approximate)" in text
        assert "of reliability 0.92 to 0.96" in text
        adds = fit.fixef()["lvar(ses, school)"]
        assert fit.contextual("ses").table.loc["contextual", "estimate"] == pytest.approx(adds)
        assert Contextual("ses").draws(fit)[0, 0] == pytest.approx(adds)
    tested = hb.mundlak(model)
    assert tested.added == ()
    assert tested.table.loc["ses", "contextual"] == pytest.approx(model.reml().fixef().iloc[2])


def test_latent_means_undo_attenuation() -> None:
    """y = x + 2ξ_j with four rows a group and λ = ½: the sample mean has half the effect."""
    rng = np.random.default_rng(4)
    J, n = 3000, 4
    groups = np.repeat(np.arange(J), n)
    xi = rng.normal(0.0, 0.5, J)[groups]
    x = xi + rng.normal(0.0, 1.0, J * n)
    y = x + 2.0 * xi + rng.normal(0.0, 0.3, J)[groups] + rng.normal(0.0, 0.5, J * n)
    data = pd.DataFrame({"y": y, "x": x, "g": groups})
    rows = {
        mean: hb.Model(f"y ~ x + {mean}(x, g) + (1 | g)", data=data).reml().contextual("x").table
        for mean in ("cvar", "lvar")
    }
    observed, latent = (rows[mean].loc["contextual"] for mean in ("cvar", "lvar"))
    assert abs(observed["estimate"] - 1.0) < 3 * observed["se"] < 0.2
    assert abs(latent["estimate"] - 2.0) < 3 * latent["se"] < 0.4


def test_latent_means_that_do_not_exist_are_refused(hs: pd.DataFrame) -> None:
    shuffled = hs.assign(x=np.tile([1.0, -1.0], len(hs))[: len(hs)])
    message = (
        "lvar finds no latent group means of 'x': its means differ by no more than sampling "
        "explains; leave it out, or use cvar for the means as they are"
    )
    with pytest.raises(hb.DataError, match=f"^{re.escape(message)}$"):
        hb.Model("mathach ~ x + lvar(x, school) + (1 | school)", data=shuffled)
    message = (
        "lvar cannot tell how reliable the group means of 'x' are: there are 3 groups in 3 rows, "
        "and it takes two groups and one with two rows; use cvar"
    )
    with pytest.raises(hb.DataError, match=f"^{re.escape(message)}$"):
        hb.lvar(pd.Series([1.0, 2.0, 4.0], name="x"), ["a", "b", "c"])


def test_a_variable_of_groups_is_its_own_latent_mean(hs: pd.DataFrame) -> None:
    assert_allclose(hb.lvar(hs["PRACAD"], hs["school"]), hs["PRACAD"], rtol=1e-9)


# ---------------------------------------------------------------- columns of one's own


@pytest.fixture(scope="module")
def own(hs: pd.DataFrame) -> pd.DataFrame:
    mean = hs.groupby("school", observed=True)["ses"].transform("mean")
    return hs.assign(meanses=mean, centred=mean - mean.mean(), dev=hs["ses"] - mean,
                     rounded=mean.round(3), **{"my mean": mean})  # fmt: skip


@pytest.mark.parametrize(
    ("fixed", "spelt"),
    [
        ("ses + meanses", "ses + cvar(ses, school)"),
        ("ses + `my mean`", "ses + cvar(ses, school)"),
        ("ses + centred", "ses + cvar(ses, school)"),
        ("ses + dev", "ses + dvar(ses, school)"),
        ("(ses + meanses) * Sector", "(ses + cvar(ses, school)) * Sector"),
        ("(ses + centred) * Sector", "(ses + cvar(ses, school)) * Sector"),
        ("ses * meanses", "ses * cvar(ses, school)"),
    ],
)
def test_own_columns_of_means_are_known(fixed: str, spelt: str, own: pd.DataFrame) -> None:
    mine = fitted(f"mathach ~ {fixed}", own, "~ 1 | school").contextual("ses")
    theirs = fitted(f"mathach ~ {spelt}", own, "~ 1 | school").contextual("ses")
    for table in ("table", "differences"):
        assert_allclose(getattr(mine, table), getattr(theirs, table), rtol=1e-7, atol=1e-12)


def test_own_columns_are_named(own: pd.DataFrame) -> None:
    text = str(fitted("mathach ~ ses + meanses", own, "~ 1 | school").contextual("ses"))
    assert "Mean:   meanses, which is cvar(ses, school) of these rows (exact)\n" in text


def test_what_is_nearly_a_mean_is_none(own: pd.DataFrame) -> None:
    with pytest.raises(hb.DataError, match=r"has no group mean of 'ses'"):
        fitted("mathach ~ ses + rounded", own, "~ 1 | school").contextual("ses")
    with pytest.raises(hb.DataError) as error:
        fitted("mathach ~ ses * centred", own, "~ 1 | school").contextual("ses")
    assert str(error.value) == (
        "the slopes of 'ses' change with its group mean, and the column that stands for it is that "
        "mean less a constant; write cvar(ses, school)"
    )


def test_means_of_groups_are_those_of_pandas_and_of_equal_values_their_value() -> None:
    rng = np.random.default_rng(8)
    sizes = rng.integers(1, 400, 60)
    group = rng.permutation(np.repeat([f"g{k}" for k in range(60)], sizes))
    x = pd.Series(1e6 + rng.normal(size=len(group)))
    assert_allclose(hb.cvar(x, group), x.groupby(group).transform("mean"), rtol=1e-15)
    level = x.groupby(group).transform("first") / 3.0
    assert (hb.cvar(level, group) == level).all() and not hb.dvar(level, group).any()


def test_rows_without_a_label_or_a_value_have_no_part_in_means() -> None:
    group = pd.Series(["a", None, "b", "a", "b", "c"], dtype="str")
    x = pd.Series([1.0, 7.0, 2.0, 4.0, np.nan, np.nan])
    assert_allclose(hb.cvar(x, group), [2.5, np.nan, 2.0, 2.5, 2.0, np.nan])
