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
