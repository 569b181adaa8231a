"""The random part built step by step, and the smaller model of a singular G."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.inference.reduction.smaller_model import smaller_problem
from hierbayes.specification.random_term import random_terms
from tests.conftest import REFERENCE, Cache

COMPARISONS = json.loads((REFERENCE / "profiles.json").read_text(encoding="utf-8"))["comparisons"]


# ---------------------------------------------------------------- forward


def test_one_way_against_no_random_effect(hs: pd.DataFrame) -> None:
    built = hb.build_random("mathach ~ 1 + (1 | school)", ["ses"], data=hs)
    golden = COMPARISONS["lm_vs_oneway_REML"]
    row = built.steps.iloc[0]
    assert row["chisq"] == pytest.approx(golden["chisq"], abs=1e-6)
    assert row["p_value"] == pytest.approx(golden["p_mixture_0_1"], rel=1e-5)


def test_steps_are_likelihood_ratios(hs: pd.DataFrame, models: Cache[hb.Model]) -> None:
    built = hb.build_random(models["nonrandom_slopes"], ["ses"])
    golden = COMPARISONS["REML_nonrandom_vs_intslopes"]
    row = built.steps.iloc[1]
    assert row["chisq"] == pytest.approx(golden["chisq"], abs=1e-6)
    assert row["p_value"] == pytest.approx(golden["p_mixture_1_2"], rel=1e-5)
    assert row["decision"] == "best, not kept"
    assert built.formula == "mathach ~ 1 + ses + Sector + ses:Sector + (1 | school)"
    assert built.fit.engine == "REML"


def test_the_best_term_is_kept_until_none_is_good(hs: pd.DataFrame) -> None:
    start = "mathach ~ ses * Sector + (1 | school)"
    built = hb.build_random(start, ["ses", "Minority", "Sex"], data=hs)
    kept = built.steps[built.steps["decision"] == "kept"]
    assert kept["term"].tolist() == ["1", "+ Minority", "+ Sex"]
    assert (built.steps["p_value"][kept.index[1:]] < 0.05).all()
    assert built.fit.design.specification.random_effects == (("1", "Minority", "Sex"),)
    assert built.findings[2] == (
        "step 2: 'Sex' (statistic 8.46, ½χ²(2) + ½χ²(3), p = 0.0260) has the smallest p-value and "
        "is kept; G is singular with it, see reduced()"
    )
    strict = hb.build_random(start, ["ses", "Minority", "Sex"], data=hs, alpha=0.01)
    assert strict.fit.design.specification.random_effects == (("1", "Minority"),)
    text = str(built)
    assert text.endswith("Chosen: " + built.formula)
    assert "½χ²(1) + ½χ²(2)" in text
    assert built._repr_html_().count("<table") == 1


def test_terms_that_cannot_be_random_are_said(hs: pd.DataFrame) -> None:
    start = "mathach ~ ses + (1 | school)"
    built = hb.build_random(start, ["Sector", "I(0 * ses)"], data=hs)
    assert built.steps["decision"].tolist() == ["kept", "best, not kept", "not possible"]
    assert built.steps["df"].tolist()[:2] == [1, 1]  # a variance for each sector is one more
    assert built.findings[1].startswith(
        "step 1: 'I(0 * ses)' cannot be a random effect here: the random effect 'I(0 * ses)' "
        "cannot be estimated in any group"
    )
    assert built.formula == "mathach ~ 1 + ses + (1 | school)"


REFUSALS: list[tuple[str, Callable[[hb.Model, pd.DataFrame], object]]] = [
    (
        "the formula 'y ~ x + (1 | g)' needs its data; add data=...",
        lambda model, hs: hb.build_random("y ~ x + (1 | g)", ["x"]),
    ),
    (
        "the model has its data; leave out data=...",
        lambda model, hs: hb.build_random(model, ["ses"], data=hs),
    ),
    (
        "build_random() starts from a model or a formula, not from int",
        lambda model, hs: hb.build_random(3, ["ses"]),
    ),
    (
        "build_random() adds to one block of correlated effects, and this model has 2; start from "
        "one, such as (1 | school)",
        lambda model, hs: hb.build_random("mathach ~ ses + (1 + ses || school)", ["Sex"], data=hs),
    ),
    (
        "candidates are none; name the terms to try, as in ['x', 'z']",
        lambda model, hs: hb.build_random(model, []),
    ),
    (
        "candidates must be terms by name, as in ['x', 'z'], not None",
        lambda model, hs: hb.build_random(model, None),  # type: ignore[arg-type]
    ),
    (
        "the candidate 'ses:nope' is no column of the data; its columns are: school, mathach, ses, "
        "Sex, Minority, Size, Sector, PRACAD, DISCLIM, HIMINTY",
        lambda model, hs: hb.build_random(model, ["Sex", "ses:nope"]),
    ),
    (
        "'1' stands in the random part already; leave it out",
        lambda model, hs: hb.build_random(model, ["1"]),
    ),
    (
        "alpha must lie between 0 and 1, not 5",
        lambda model, hs: hb.build_random(model, ["ses"], alpha=5),
    ),
]


@pytest.mark.parametrize(("text", "ask"), REFUSALS)
def test_refusals(
    text: str,
    ask: Callable[[hb.Model, pd.DataFrame], object],
    models: Cache[hb.Model],
    hs: pd.DataFrame,
) -> None:
    with pytest.raises(hb.InferenceError) as caught:
        ask(models["ancova"], hs)
    assert str(caught.value) == text


# ---------------------------------------------------------------- smaller


@pytest.fixture(scope="module")
def singular(hsfull: pd.DataFrame) -> hb.PointFit:
    return hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hsfull).reml()


def test_rank_one_of_hsfull(singular: hb.PointFit, hsfull: pd.DataFrame) -> None:
    small = hb.reduced(singular)
    assert not small.same_maximum and not small.smaller
    assert small.fit is singular
    formula = "mathach ~ 1 + ses + Sector + ses:Sector + (1 | school)"
    written = hb.Model(formula, data=hsfull).reml()
    assert small.models.loc[formula, "logLik"] == pytest.approx(written.loglik, abs=1e-8)
    loss = singular.loglik - written.loglik
    assert (
        small.models["loss"].iloc[1]
        == pytest.approx(loss, abs=1e-8)
        == pytest.approx(2.526, abs=1e-3)
    )
    assert small.axes["variance"].tolist()[1] == 0.0
    assert small.findings[-1] == (
        "no formula of this kind states a G of lower rank; (1 | school) comes nearest by AIC, "
        "parallel lines, and loses 2.5260 of the log-likelihood, more than its fewer parameters "
        "are worth"
    )
    assert "a pancake, without thickness along axis 2" in small.findings[0]
    assert small.findings[-2] == (
        "models without an intercept, or with independent effects, depend on where a column is 0: "
        "shift it and their likelihood changes, which that of the others does not"
    )
    own = small.models.iloc[0]
    assert own.name == str(singular.design.specification)
    assert (own["AIC"], own["loss"], own["singular"]) == (singular.aic, 0.0, "yes")
    assert max(len(line) for line in str(small).splitlines()) <= 100


def test_a_singular_model_can_be_the_best() -> None:
    """One strong direction, of two effects: whatever is left out costs more than it saves."""
    generator = np.random.default_rng(2)
    g = np.repeat(np.arange(30), 8)
    x = generator.normal(size=len(g))
    y = 2.0 * generator.normal(size=30)[g] * (1.0 + x) + generator.normal(size=len(g))
    data = pd.DataFrame({"y": y, "x": x, "g": g.astype(str)})
    fit = hb.Model("y ~ x + (1 + x | g)", data=data).reml()
    assert fit.maximum.singular
    small = hb.reduced(fit)
    assert small.fit is fit and not small.smaller and not small.same_maximum
    assert small.findings[-1].endswith(", more than its fewer parameters are worth")
    kept = "Suggested: none; keep the model: no smaller one has a smaller AIC"
    assert str(small).endswith(kept) and kept in small._repr_html_()


def test_one_column_has_the_maximum_of_rank_one(
    singular: hb.PointFit, hsfull: pd.DataFrame
) -> None:
    """As `reduced` says: with the ratio known, one effect is enough."""
    sd = singular.var_corr()["sd"]
    line = hsfull.assign(line=1.0 + sd["ses"] / sd["Intercept"] * hsfull["ses"])
    one = hb.Model("mathach ~ ses * Sector + (0 + line | school)", data=line).reml()
    assert one.loglik == pytest.approx(singular.loglik, abs=1e-7)
    said = hb.reduced(singular).findings[1]
    assert said == (
        "'Intercept' and 'ses' are correlated +1: u[ses] = 0.1409·u[Intercept] in every group, so "
        "that the groups' deviations all meet in zero at ses = -7.098; were that ratio known, one "
        "effect of the column 1 + 0.1409·ses would have the same maximum"
    )


def test_an_effect_without_variance_is_dropped(hs: pd.DataFrame) -> None:
    """Independent effects, of which one has no variance: the same maximum without it."""
    model = "mathach ~ ses * Sector + (1 | school) + (0 + ses | school)"
    fit = hb.Model(model, data=hb.load_dataset("hsfull")).reml()
    assert fit.maximum.singular
    small = hb.reduced(fit)
    assert small.same_maximum
    assert small.fit.design.effects == ("Intercept",)
    assert small.fit.loglik == pytest.approx(fit.loglik, abs=1e-7)
    assert small.models["loss"].tolist()[:2] == [0.0, 0.0]
    assert small.findings[1] == "'ses': no variance; left out, the likelihood is the same"
    assert str(small).endswith("Suggested: " + small.formula)
    assert small.findings[-1] == "(1 | school) has the same maximum with fewer parameters"


def test_three_dimensions_and_two(hs: pd.DataFrame) -> None:
    """A pancake in three dimensions that no single correlation shows."""
    formula = "mathach ~ ses * Sector + (1 + Minority + Sex | school)"
    fit = hb.Model(formula, data=hs).reml()
    assert fit.maximum.singular
    small = hb.reduced(fit)
    assert (small.axes["variance"] == 0.0).sum() == 1
    assert small.models["loss"].min() >= 0.0
    for formula, row in small.models.iterrows():
        assert row["logLik"] == pytest.approx(hb.Model(str(formula), data=hs).reml().loglik)
    assert len(small.models) == 3  # without an intercept a factor would be coded otherwise
    new = small.fit.predict(hs.head())
    np.testing.assert_allclose(new, small.fit.predict().head())


def test_a_smaller_problem_is_that_of_its_formula(hs: pd.DataFrame) -> None:
    large = hb.Model("mathach ~ ses + (1 + ses + Sex + I(ses**2) | school)", data=hs)
    for random in ((("1", "Sex"),), (("1",), ("ses", "I(ses ** 2)")), (("ses",),)):
        made = smaller_problem(large.problem, random_terms("school", random))
        written = hb.Model(made.design.specification.lme4(), data=hs).problem
        assert made.design.effects == written.design.effects
        np.testing.assert_array_equal(made.design.rows.Z, written.design.rows.Z)
        np.testing.assert_allclose(made.cross.A, written.cross.A, rtol=1e-10, atol=1e-8)
        X, Z = made.design.columns.new_matrices(hs.head(), random=True)
        np.testing.assert_array_equal(Z, written.design.rows.Z[:5])
        np.testing.assert_array_equal(X, written.design.rows.X[:5])


def test_nothing_to_reduce(reml_fits: Cache[hb.PointFit], hs: pd.DataFrame) -> None:
    with pytest.raises(hb.InferenceError) as caught:
        hb.reduced(reml_fits["random_coefficients"])
    assert str(caught.value) == (
        "G of this fit is not singular, there is nothing to reduce: its thinnest direction has "
        "5.9% of the variance of the random effects"
    )
    with pytest.raises(hb.InferenceError) as caught:
        hb.reduced(reml_fits["ancova"])
    assert "has 100% of the variance" in str(caught.value)
    generator = np.random.default_rng(1)
    flat = hs.assign(mathach=generator.normal(size=len(hs)))
    for seed in range(2, 9):
        fit = hb.Model("mathach ~ 1 + (1 | school)", data=flat).reml()
        if fit.maximum.singular:
            break
        flat["mathach"] = np.random.default_rng(seed).normal(size=len(hs))
    with pytest.raises(hb.InferenceError) as caught:
        hb.reduced(fit)
    assert str(caught.value) == (
        "the variance of 'Intercept' is estimated as zero and it is the only random effect: the "
        "model that is left has none and is a linear regression"
    )


def test_factors_that_would_be_coded_otherwise(hs: pd.DataFrame) -> None:
    generator = np.random.default_rng(4)
    flat = hs.assign(mathach=generator.normal(size=len(hs)))
    fit = hb.Model("mathach ~ 1 + (0 + Sex + Minority | school)", data=flat).reml()
    assert fit.maximum.singular
    with pytest.raises(hb.InferenceError) as caught:
        hb.reduced(fit)
    assert str(caught.value) == (
        "no smaller model can be written from this one: a term left out would change the coding of "
        "the factors beside it; state the smaller model yourself"
    )
