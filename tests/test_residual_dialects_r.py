"""Models with a residual structure in the words of brms and glmmTMB: written, read, refused."""

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import residuals as hr
from tests import residual_models

WRITTEN = {
    ("brms", "Dialyzer_gls_power_AR1"): "    ar(gr = Subject, p = 1, cov = TRUE),\n"
    "    sigma ~ log(abs(pressure))),",
    ("brms", "Dialyzer_gls_exp"): "    sigma ~ pressure),",
    ("brms", "RatPup_varIdent_two"): "sigma ~ 0 + interaction(sex, Treatment, drop = TRUE)),",
    ("brms", "MMRM_unstructured"): "visit * arm + unstr(time = visit, gr = id),\n"
    "    sigma ~ 0 + factor(visit)),",
    ("brms", "MMRM_CS"): "y ~ 0 + Intercept + visit * arm + cosy(gr = id),",
    ("brms", "sim_AR1_row_order"): "(1 + t | id) + ar(gr = id, p = 1, cov = TRUE),",
    ("glmmtmb", "BodyWeight_CAR1"): "+ ou(0 + numFactor(Time) | Rat),\n  data = data,\n"
    "  dispformula = ~ 0,\n  REML = TRUE",
    ("glmmtmb", "Dialyzer_gls_exp"): "  dispformula = ~ pressure,",
    ("glmmtmb", "Dialyzer_lme_power"): "  dispformula = ~ log(abs(pressure)),",
    ("glmmtmb", "RatPup_varIdent"): "  dispformula = ~ 0 + factor(Treatment),",
    ("glmmtmb", "MMRM_unstructured"): "y ~ visit * arm + us(0 + factor(visit) | id),",
    ("glmmtmb", "MMRM_CS_het"): "y ~ visit * arm + cs(0 + factor(visit) | id),",
}


@pytest.mark.parametrize(("system", "name"), WRITTEN)
def test_the_structure_is_stated_and_read_back(system: str, name: str) -> None:
    model = residual_models.model(name)
    code = model.emit(system)
    assert WRITTEN[system, name] in code
    assert hb.read_code(system, code, data=model.data).specification == model.specification


@pytest.fixture(scope="module")
def occasions() -> pd.DataFrame:
    """Twelve persons at four occasions, in pairs."""
    rows = [(i // 24, i // 4, i % 4 + 1) for i in range(96)]
    frame = pd.DataFrame(rows, columns=["pair", "id", "v"])
    y = [(7 * i * i + 3 * i) % 11 + 0.3 * (i % 4) for i in range(96)]
    sex = frame["id"].mod(2).map({0: "F", 1: "M"})
    more = {
        "arm": frame["id"] % 3,
        "x": frame["v"] + 0.5,
        "w": frame["v"] + 1.0,
        "even": 2 * frame["v"],
    }
    return frame.assign(y=y, sex=sex, **more)


MORE = {
    ("brms", "y ~ v + (1 | pair)"): (
        hr.ARMA("v", group="id") * hr.Strata("sex") * hr.Exponential("x"), "w"
    ),
    ("brms", "y ~ v + (1 | id)"): (hr.AR1("v"), ""),
    ("brms", "y ~ v"): (hr.Strata("arm") * hr.Strata("sex"), ""),
    ("brms", "y ~ 1 + (1 | pair)"): (hr.Unstructured("v", group="id"), ""),
    ("glmmtmb", "y ~ v + (1 | pair) + (1 | pair:id)"): (hr.AR1("v"), ""),
    ("glmmtmb", "y ~ v + (1 | pair)"): (hr.AR1("v", group="id") * hr.Strata("v"), ""),
    ("glmmtmb", "y ~ v"): (hr.Toeplitz("v", group="id") * hr.Strata("v"), ""),
    ("glmmtmb", "y ~ 1"): (hr.Toeplitz("v", group="id"), ""),
    ("glmmtmb", "y ~ v + (1 | id)"): (hr.AR1("even"), ""),
    ("glmmtmb", "y ~ 1 + (1 | id)"): (hr.Strata("arm", "sex") * hr.Power("x"), ""),
}  # fmt: skip


@pytest.mark.parametrize(("system", "formula"), MORE)
def test_they_are_read_as_they_are_written(
    system: str, formula: str, occasions: pd.DataFrame
) -> None:
    structure, weights = MORE[system, formula]
    model = hb.Model(formula, occasions, residual=structure, weights=weights or None)
    code = model.emit(system)
    assert hb.read_code(system, code, data=occasions).specification == model.specification


def test_brms_says_what_it_does_not_carry_over(occasions: pd.DataFrame) -> None:
    moving = hb.Model("y ~ v + (1 | id)", occasions, residual=hr.AR1("v")).emit("brms")
    assert 'class = "sigma"' not in moving  # its sigma is that of the innovations
    assert ", which is no parameter of this model in brms\n" in moving
    assert "there: the parameters of AR1('v')\n" in moving
    alike = hb.Model("y ~ v", occasions, residual=hr.CompoundSymmetry("id")).emit("brms")
    assert 'class = "sigma"' in alike and "below 0 brms has none\n" in alike


READ = {
    ("brms", "brm(y ~ v + (1 | id) + ar(v, id, cov = TRUE))"): hr.AR1("v"),
    ("brms", "brm(bf(y ~ ar(time = v, gr = id, p = 1, cov = T), sigma ~ sex:factor(arm)))"): (
        hr.AR1("v", group="id") * hr.Strata("sex", "arm")
    ),
    ("brms", "brm(bf(y ~ v + (1 | id), sigma ~ sex + x + log(w)))"): (
        hr.Strata("sex") * hr.Exponential("x") * hr.Power("w")
    ),
    ("brms", "brm(bf(y ~ cosy(gr = id) + v), d, gaussian())"): hr.CompoundSymmetry("id"),
    ("glmmtmb", "glmmTMB(y ~ v + ar1(0 + factor(v) | id), d, dispformula = ~0)"): (
        hr.AR1("v", group="id")
    ),
    ("glmmtmb", "glmmTMB(y ~ ar1(factor(even, levels = 2:8) + 0 | id), d, dispformula = ~0)"): (
        hr.AR1("even", group="id")
    ),
    ("glmmtmb", "glmmTMB(y ~ homcs(0 + factor(v) | id), d, dispformula = ~0)"): (
        hr.CompoundSymmetry("id")
    ),
    ("glmmtmb", "glmmTMB(y ~ v + (1 | pair), d, dispformula = ~ sex)"): hr.Strata("sex"),
}  # fmt: skip


@pytest.mark.parametrize(("system", "code"), READ)
def test_code_written_by_hand(system: str, code: str, occasions: pd.DataFrame) -> None:
    assert hb.read_code(system, code, data=occasions).specification.residual == READ[system, code]


CANNOT = {
    ("brms", "y ~ v + (1 | id)"): (hr.AR1("even"), "whatever lies between them, and in"),
    ("brms", "y ~ v + (1 | pair) + (1 | pair:id)"): (hr.AR1("v"), "one column for the groups"),
    ("brms", "y ~ v"): (hr.Toeplitz("v", group="id"), "no word for the residual structure Toepl"),
    ("glmmtmb", "y ~ v + (1 | id)"): (hr.AR1(), r"as in AR1\('place'\)"),
    ("glmmtmb", "y ~ v"): (hr.CompoundSymmetry("id"), r"as in CompoundSymmetry\(\) \* Strata"),
    ("glmmtmb", "y ~ 1 + (1 | id)"): (hr.AR1("v") * hr.Strata("sex"), "no variances but one for"),
    ("glmmtmb", "y ~ 1"): (hr.ARMA("v", group="id"), "no word for the residual structure ARMA"),
}  # fmt: skip


@pytest.mark.parametrize(("system", "formula"), CANNOT)
def test_what_a_system_cannot_say_is_named(
    system: str, formula: str, occasions: pd.DataFrame
) -> None:
    structure, message = CANNOT[system, formula]
    model = hb.Model(formula, occasions, residual=structure)
    with pytest.raises(hb.FormulaError, match=message):
        model.emit(system)


_TMB = "glmmTMB(y ~ v + {}, d, dispformula = ~ {})"
REFUSED = {
    "brm(y ~ v + ar(v, id))": r"ar\(\) without cov = TRUE regresses on the residuals before",
    "brm(y ~ v + ar(v, id, p = 2, cov = TRUE))": r"p = 2 of ar\(\) models here do not have",
    "brm(y ~ v + ar(even, id, cov = TRUE))": "'even', whose values are not one apart in each",
    "brm(y ~ v + ar(v, cov = TRUE))": r"ar\(\) names no group, so that all rows are one series",
    "brm(y ~ v + ma(v, id, cov = TRUE))": r"ma\(\.\.\.\) has a meaning of its own in brms",
    "brm(y ~ unstr(v, id))": r"unstr\(\) is read with a variance for each occasion",
    "brm(y ~ cosy(v, id) + ar(v, id, cov = TRUE))": "errors have one correlation; keep one",
    "brm(y | se(w, sigma = TRUE) ~ v + (1 | id))": r"se\(\.\.\., sigma = TRUE\) has a residual",
    "brm(bf(y ~ v + (1 | id), sigma ~ v * x))": "nothing here says this term",
    "brm(bf(y ~ v + (1 | id), sigma ~ v:sex))": r"'v' holds numbers, and sigma has a product",
    "brm(bf(y ~ v + (1 | id), sigma ~ 0 + x))": "sigma without an intercept and without strata",
    "brm(bf(y ~ v + (1 | id), sigma ~ offset(w)))": r"an offset of sigma is read as offset\(-log",
    "brm(bf(arm ~ v + (1 | id) + ar(v, id, cov = TRUE)), d, poisson())": "read of Gaussian",
    _TMB.format("ar1(0 + factor(v) | id)", "1"): r"the structure ar1\(\.\.\.\) of random effects",
    _TMB.format("(1 | id)", "0"): "leaves no residual variance; it is read with one term in its",
    _TMB.format("ar1(0 + factor(even) | id)", "0"): r"the levels of 'even' for times one apart",
    _TMB.format("(1 | id)", "sex + offset(w)"): "an offset of dispformula is",
}  # fmt: skip


@pytest.mark.parametrize("code", REFUSED)
def test_what_they_have_beside_is_refused(code: str, occasions: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError, match=REFUSED[code]):
        hb.read_code("brms" if code.startswith("brm") else "glmmtmb", code, data=occasions)


def test_known_standard_deviations_are_read_back(occasions: pd.DataFrame) -> None:
    model = hb.Model("y ~ v + (1 | id)", occasions, known_sd="w")
    code = model.emit("brms")
    assert "y | se(w) ~ " in code and "sigma" not in code
    assert hb.read_code("brms", code, data=occasions).specification == model.specification


@pytest.mark.parametrize("system", ["glmmtmb", "sas"])
def test_strata_are_occasions_where_they_tell_rows_apart(
    system: str, occasions: pd.DataFrame
) -> None:
    """Their words have one error for each occasion of a group, and nlme one for each row."""
    exchangeable = hr.CompoundSymmetry(group="id")
    by_visit = hb.Model("y ~ v", occasions, residual=exchangeable * hr.Strata("v"))
    code = by_visit.emit(system)
    read = hb.read_code(system, code, data=occasions).specification
    assert read == by_visit.specification
    by_sex = hb.Model("y ~ v", occasions, residual=exchangeable * hr.Strata("sex"))
    with pytest.raises(hb.FormulaError) as refusal:
        by_sex.emit(system)
    word = {"glmmtmb": "glmmTMB's cs()", "sas": "TYPE=CSH of PROC MIXED"}[system]
    assert str(refusal.value) == (
        f"{word} has one row of a group at each value of 'sex', and of "
        "CompoundSymmetry(group='id') * Strata('sex') some groups have several; nlme has it"
    )
    stated = {
        "glmmtmb": _TMB.format("cs(0 + factor(sex) | id)", "0"),
        "sas": "proc mixed data=d; class id sex; model y=v; repeated sex/subject=id type=csh; run;",
    }[system]
    with pytest.raises(hb.FormulaError, match=r"of 'sex'.*some (groups|subjects) have several"):
        hb.read_code(system, stated, data=occasions)
    nlme = hb.read_code("nlme", by_sex.emit("nlme"), data=occasions).specification
    assert nlme == by_sex.specification


def test_rows_without_a_time_are_left_out_before_glmmtmb_numbers_times(
    occasions: pd.DataFrame,
) -> None:
    data = occasions.assign(t=occasions["v"].astype(float).where(occasions.index != 7))
    model = hb.Model("y ~ v + (1 | pair)", data, residual=hr.CAR1("t", group="id"))
    code = model.emit("glmmtmb")
    assert "data <- data[!is.na(data$t), ]  # numFactor() takes no missing time\nfit <-" in code
    assert hb.read_code("glmmtmb", code, data=data).specification == model.specification


@pytest.mark.parametrize("random", ["", " + (1 | `pair of`/`per son`)", " + (1 | `pair of`)"])
@pytest.mark.parametrize("structure", [hr.AR1, hr.CAR1, hr.Unstructured])
def test_unusual_names_of_groups_are_read_back(
    random: str, structure: type[hr.AR1], occasions: pd.DataFrame
) -> None:
    data = occasions.rename(columns={"pair": "pair of", "id": "per son", "v": "visit no"})
    group = None if "/" in random else "per son"
    model = hb.Model(f"y ~ x{random}", data, residual=structure("visit no", group=group))
    read = hb.read_code("glmmtmb", model.emit("glmmtmb"), data=data)
    assert read.specification == model.specification


EXPONENTIALS = (
    "y ~ np.exp(x) + (1 | id)",
    "y ~ v + offset(np.exp(-w)) + (1 | id)",
    "np.exp(y / 10) ~ v + (1 | id)",
    "y ~ v + (I(np.exp(x) ** 2) | id)",
)


@pytest.mark.parametrize("formula", EXPONENTIALS)
def test_glmmtmb_takes_exponentials_out_of_a_formula(formula: str, occasions: pd.DataFrame) -> None:
    """Its parser has exp() for a covariance structure, and a model without the term is fitted."""
    model = hb.Model(formula, occasions)
    message = r"^glmmTMB takes exp\(\.\.\.\) for its structure of that name, wherever it stands"
    with pytest.raises(hb.FormulaError, match=message + r".* make a column of it \(lme4 has it\)$"):
        model.emit("glmmtmb")
    with pytest.raises(hb.FormulaError, match=message):
        code = model.emit("lme4").replace("lmer(", "glmmTMB(").replace("lme4", "glmmTMB")
        hb.read_code("glmmtmb", code, data=occasions)
    again = hb.read_code("lme4", model.emit("lme4"), data=occasions)
    assert again.specification == model.specification
    column = hb.Model("y ~ `exp(x)` + (1 | id)", occasions.assign(**{"exp(x)": occasions["x"]}))
    assert "y ~ `exp(x)` + (1 | id)" in column.emit("glmmtmb")
