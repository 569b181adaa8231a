"""Weights of rows, offsets and known standard deviations in other systems' code."""

import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr


@pytest.fixture(scope="module")
def occasions() -> pd.DataFrame:
    """Twelve persons at four occasions, in pairs."""
    rows = [(i // 8, i // 4, i % 4 + 1) for i in range(48)]
    frame = pd.DataFrame(rows, columns=["pair", "id", "v"])
    return frame.assign(
        y=[(7 * i * i + 3 * i) % 11 + 0.3 * (i % 4) for i in range(48)],
        sex=frame["id"].mod(2).map({0: "F", 1: "M"}),
        x=frame["v"] + 0.5, w=1.0 + frame["v"] % 3, o=[0.1 * (i % 5) for i in range(48)],
    )  # fmt: skip


WEIGHTS = {
    "nlme": "weights = varFixed(~ I(1/w)),",
    "lme4": "  weights = w,",
    "glmmtmb": "  dispformula = ~ 1 + offset(-log(w) / 2),",
    "brms": "    sigma ~ 1 + offset(-log(w) / 2)),",
    "bambi": 'bmb.Formula("y ~ v + (1|id)", "sigma ~ 1 + offset(-0.5 * np.log(w))"),',
    "sas": "  WEIGHT w;",
}
STRATA = {
    "nlme": "weights = varComb(varFixed(~ I(1/w)), varIdent(form = ~ 1 | sex)),",
    "glmmtmb": "dispformula = ~ 0 + factor(sex) + offset(-log(w) / 2),",
    "brms": "sigma ~ 0 + factor(sex) + offset(-log(w) / 2)),",
    "bambi": "sigma ~ 0 + C(sex) + offset(-0.5 * np.log(w))",
    "sas": "  WEIGHT w;",
}
KNOWN = {
    "nlme": "  weights = varFixed(~ I(w^2)),",
    "glmmtmb": "  dispformula = ~ 1 + offset(log(w)),\n  start = list(betadisp = 0),\n"
    "  map = list(betadisp = factor(NA)),",
    "brms": "  y | se(w) ~ 0 + Intercept + v + (1 | id),",
    "bambi": '"sigma ~ 0 + offset(np.log(w))"),',
    "sas": "  WEIGHT x_1_w_2;\n  RANDOM INTERCEPT / SUBJECT=id;\n  PARMS (1) (1) / HOLD=2;",
    "stata": "meta meregress y v || id:, essevariable(w) mle",
}


@pytest.mark.parametrize("system", WEIGHTS)
def test_weights(system: str, occasions: pd.DataFrame) -> None:
    model = hb.Model("y ~ v + (1 | id)", occasions, weights="w")
    code = model.emit(system)
    assert WEIGHTS[system] in code
    assert hb.read_code(system, code, data=occasions).specification == model.specification


@pytest.mark.parametrize("system", STRATA)
def test_weights_beside_strata(system: str, occasions: pd.DataFrame) -> None:
    model = hb.Model("y ~ v + (1 | id)", occasions, weights="w", residual=hr.Strata("sex"))
    code = model.emit(system)
    assert STRATA[system] in code
    assert hb.read_code(system, code, data=occasions).specification == model.specification


@pytest.mark.parametrize("system", KNOWN)
def test_known_standard_deviations(system: str, occasions: pd.DataFrame) -> None:
    model = hb.Model("y ~ v + (1 | id)", occasions, known_sd="w")
    code = model.emit(system, ml=True)
    assert KNOWN[system] in code
    assert hb.read_code(system, code, data=occasions).specification == model.specification


OFFSETS = {
    "nlme": "  I(y - o - log(w)) ~ v,",
    "statsmodels": '    "I(y - o - np.log(w)) ~ v",',
    "sas": "  y_o_log_w = (y - o) - LOG(w);",
    "stata": "generate double y_o_log_w = (y - o) - ln(w)",
    "hlm": "    I(y - o - np.log(w))ij = β0j",
    "mlwin": "CALC 'y_o_log_w' = ('y' - 'o') - LOGE('w')",
}


@pytest.mark.parametrize("system", OFFSETS)
def test_offsets_are_subtracted_where_there_are_none(system: str, occasions: pd.DataFrame) -> None:
    model = hb.Model("y ~ v + offset(o) + offset(np.log(w)) + (1 | id)", occasions)
    code = model.emit(system)
    assert OFFSETS[system] in code
    again = hb.read_code(system, code, data=occasions)
    assert_allclose(again.reml().loglik, model.reml().loglik, rtol=1e-10)
    assert hb.equivalence(model, again).identical
    by_argument = hb.Model("y ~ v + (1 | id)", occasions, offset="o")
    read = hb.read_code(system, by_argument.emit(system), data=occasions)
    assert hb.equivalence(by_argument, read).identical and not hb.equivalence(model, read).holds


@pytest.mark.parametrize("system", ["nlme", "sas", "stata"])
def test_offsets_are_subtracted_beside_correlated_errors(
    system: str, occasions: pd.DataFrame
) -> None:
    model = hb.Model("y ~ v + offset(o)", occasions, residual=hr.AR1("v", group="id"))
    again = hb.read_code(system, model.emit(system), data=occasions)
    assert hb.equivalence(model, again).identical


@pytest.mark.parametrize("structure", [hr.Power(), hr.Exponential() * hr.Strata("sex")])
def test_variances_that_follow_the_mean_take_no_response_less_its_offset(
    structure: hr.ResidualStructure, occasions: pd.DataFrame
) -> None:
    """varPower of nlme would follow the mean less the offset."""
    model = hb.Model("y ~ v + offset(o) + (1 | id)", occasions, residual=structure)
    with pytest.raises(hb.FormulaError) as refusal:
        model.emit("nlme")
    assert str(refusal.value) == (
        f"the variances of {structure.text} follow the fitted values with their offset, and "
        "R: nlme::lme has no offset; make a column of the fitted values, and name it"
    )


_SAS = "proc mixed data=d; class id; model y=v; {}; random intercept/subject=id; parms {}; run;"
_TMB = "glmmTMB(y ~ v + (1 | id), d, dispformula = ~ {})"
REFUSED = {
    ("nlme", "lme(y ~ v, d, ~1 | id, weights = varFixed(~ w))"): "varFixed is read as",
    ("nlme", "lme(y ~ v, d, ~1 | id, weights = varFixed(~ I(w^2)))"): "known standard deviations",
    ("nlme", "lme(y ~ v, d, ~1 | id, control = list(sigma = 1))"): "sigma = ... holds σ fixed",
    ("nlme", "lme(y ~ v, d, ~1 | id, weights = varFixed(~ I(1/w)), control = list(sigma = 1))"): (
        "varFixed is read as"
    ),
    ("glmmtmb", _TMB.format("1 + offset(-log(w) / 2)")): "before version 1.1.9 of glmmTMB",
    ("glmmtmb", _TMB.format("1 + offset(log(w)), start = list(betadisp = 0), "
                            "map = list(betadisp = factor(NA))")): "before version 1.1.9",
    ("sas", _SAS.format("weight w", "(1) (1) / hold=2")): "the errors are known where WEIGHT is",
    ("sas", _SAS.format("weight w", "(1) (1) / hold=1")): "PARMS holds parameters fixed, which",
    ("sas", _SAS.format("weight w", "(1) (1) / lowerb=0")): "option 'lowerb' of PARMS is not read",
    ("stata", "meta meregress y v || id:"): "as in essevariable(se)",
    ("stata", "mixed y v || id:, essevariable(w)"): "essevariable() is of meta meregress",
    ("stata", "meta set y w\nmeta regress v"): "as in meta set y w, studylabel(study)",
    ("stata", "meta set y w, studylabel(id)\nmeta regress v, random(dlaird)"): "is no likelihood",
    ("stata", "meta set y w, studylabel(id)\nmeta regress v, fixed"): "option 'fixed' is not read",
}  # fmt: skip


@pytest.mark.parametrize(("system", "code"), REFUSED)
def test_what_is_not_read_is_pointed_at(system: str, code: str, occasions: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code(system, code, data=occasions)
    assert REFUSED[system, code] in str(refusal.value)


def test_reml_of_nlme_with_a_held_sigma_is_another(occasions: pd.DataFrame) -> None:
    model = hb.Model("y ~ v + (1 | id)", occasions, known_sd="w")
    with pytest.raises(hb.FormulaError, match=r"another REML where σ is held.*emit\('nlme', ml=T"):
        model.emit("nlme")


def test_glmmtmb_has_no_weights_of_correlated_errors(occasions: pd.DataFrame) -> None:
    model = hb.Model("y ~ v", occasions, weights="w", residual=hr.AR1("v", group="id"))
    with pytest.raises(hb.FormulaError, match="no weights beside correlated errors"):
        model.emit("glmmtmb")
    code = model.emit("nlme")
    assert hb.read_code("nlme", code, data=occasions).specification == model.specification


def test_known_errors_of_sas_by_any_inverse_square(occasions: pd.DataFrame) -> None:
    """Blocks of G first, then σ² held at 1; values that are not held only begin the search."""
    model = hb.Model("y ~ v + (1 + v | pair) + (1 | pair:id)", occasions, known_sd="w")
    code = model.emit("sas")
    assert "  PARMS (1) (0) (1) (1) (1) / HOLD=5;" in code
    assert hb.read_code("sas", code, data=occasions).specification == model.specification
    data = "data d; set e; u = 1/(w*w); run;\n"
    stated = _SAS.format("weight u", "(0.2) (1) / eqcons=2")
    assert hb.read_code("sas", data + stated, data=occasions).specification.known_sd == "w"
    free = hb.read_code("sas", _SAS.format("weight w", "(0.2) (1)"), data=occasions)
    assert (free.specification.weights, free.specification.known_sd) == ("w", "")


def test_meta_regress_of_stata_is_a_random_intercept_of_studies(occasions: pd.DataFrame) -> None:
    stated = "meta set y w, studylabel(study)\nmeta {}"
    for command, fixed in (("regress v, random(reml)", "y ~ v"), ("summarize", "y ~ 1")):
        data = occasions.assign(study=range(len(occasions)))
        model = hb.Model(f"{fixed} + (1 | study)", data, known_sd="w")
        read = hb.read_code("stata", stated.format(command), data=data)
        assert read.specification == model.specification
    crossed = hb.Model("y ~ v + (1 | id) + (1 | v)", occasions, known_sd="w")
    with pytest.raises(hb.FormulaError, match=r"meta meregress of Stata, .* has no crossed groups"):
        crossed.emit("stata")


@pytest.mark.parametrize("structure", [hr.Power("x"), hr.Exponential("x"), hr.Strata("sex")])
def test_bambi_leaves_out_rows_without_what_variances_depend_on(
    structure: hr.ResidualStructure, occasions: pd.DataFrame
) -> None:
    (needed,) = structure.columns
    data = occasions.assign(**{needed: occasions[needed].where(occasions.index != 9)})
    model = hb.Model("y ~ v + (1 | id)", data, residual=structure)
    code = model.emit("bambi")
    assert f'dropna(subset=["y", "v", "id", "{needed}"])' in code
    assert hb.read_code("bambi", code, data=data).specification == model.specification


@pytest.mark.parametrize("system", ["lme4", "rstanarm", "glmmtmb"])
def test_an_argument_offset_is_a_term(system: str, occasions: pd.DataFrame) -> None:
    function = {"lme4": "lmer", "rstanarm": "stan_lmer", "glmmtmb": "glmmTMB"}[system]
    code = f"{function}(y ~ v + (1 | id), data = d, offset = log(w))"
    model = hb.Model("y ~ v + offset(np.log(w)) + (1 | id)", occasions)
    assert hb.read_code(system, code, data=occasions).specification == model.specification


UNREAD = {
    ("rstanarm", "stan_lmer(y ~ v + (1 | id), d, weights = w)"): (
        "the argument 'weights' of stan_lmer asks for log likelihoods of rows that are multiplied "
        "by a number, which models here do not have"
    ),
    ("statsmodels", 'smf.mixedlm("y ~ v", d, groups="id", offset=d["o"])'): (
        "mixedlm of statsmodels has no argument 'offset'"
    ),
    ("lme4", "lmer(y ~ log(.) + (1 | id), d)"): "'.' means every other column; name the columns",
    ("nlme", "gls(y ~ I(. + v), d)"): "'.' means every other column; name the columns",
}


@pytest.mark.parametrize(("system", "code"), UNREAD)
def test_arguments_that_are_not_read(system: str, code: str, occasions: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code(system, code, data=occasions)
    assert str(refusal.value).startswith(UNREAD[system, code])
