"""Models with a residual structure in other systems' words: written, read back, or refused."""

import pickle
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.residuals.text import read_residual_text
from hierbayes.translation.registry import DIALECTS
from tests import residual_models

STRUCTURES = (
    hr.AR1(), hr.AR1("week", group="id"), hr.CAR1("t"), hr.CompoundSymmetry(), hr.Toeplitz("week"),
    hr.Unstructured("visit", group="id"), hr.ARMA("week"), hr.Strata("sex"),
    hr.Strata("sex", "arm") * hr.Power("x"), hr.CAR1("t") * hr.Exponential("x"),
)  # fmt: skip


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.text)
def test_a_structure_is_read_as_it_prints(structure: hr.ResidualStructure) -> None:
    assert read_residual_text(structure.text) == structure


@pytest.mark.parametrize(
    "text",
    [
        "ARMA('week', group='id')", "ARMA(1, 1, 'week', 'id')", "ARMA('week', 'id', p=1, q=1)",
        "ARMA(1, 1, time='week', group='id')", "ARMA(group='id', time='week', q=1, p=1)",
    ],
)  # fmt: skip
def test_orders_of_arma_may_be_stated(text: str) -> None:
    week = read_residual_text(text)
    assert week == hr.ARMA("week", group="id") == hr.ARMA(1, 1, "week", group="id")
    assert (repr(week), week.columns) == ("ARMA('week', group='id')", ("week", "id"))
    assert hr.ARMA(1, 1) == hr.ARMA(p=1, q=1) == hr.ARMA() == pickle.loads(pickle.dumps(hr.ARMA()))
    assert replace(hr.ARMA(1, 1, "week", "id"), group=None) == hr.ARMA("week")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ARMA('week', lag=1)", "ARMA takes orders p and q, time, group, not 'ARMA('week', lag=1)"),
        ("ARMA(1, 1, week)", "'week' is no name of a column in quotes"),
        ("AR2('week')", "there is no structure 'AR2'; there are AR1, CAR1,"),
        ("AR1", "'AR1' is no structure"),
        ("AR1('week') + Strata('sex')", "'AR1('week') + Strata('sex')' is no structure"),
        ("AR1(week)", "'week' is no name of a column in quotes"),
        ("AR1(lag='week')", "AR1 takes time, group, not 'lag='week''"),
        ("AR1('week', time='week')", "AR1 takes time, group, not 'time='week'' twice"),
        ("Power('x', y='z')", "Power takes x, not 'y='z''"),
        ("Power('x', 'y')", "Power takes x, not 2 arguments"),
        ("__import__('os').system('ls')", "there is no structure '__import__('os').system'"),
        ("AR1('week'", "'(' was never closed"),
    ],
)
def test_text_that_is_no_structure(text: str, why: str) -> None:
    with pytest.raises(hb.ResidualError, match=re.escape(f"structure '{text}': {why}")):
        read_residual_text(text)
    with pytest.raises(hb.ResidualError, match="CAR1 takes the column of its times"):
        read_residual_text("CAR1()")


def test_a_model_file_states_the_structure(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    text = "title = 't'\nformula = 'y ~ t * sex + (t | id)'\nresidual = \"{}\"\n"
    path.write_text(text.format("AR1('t') * Strata('sex')"), encoding="utf-8")
    data = residual_models.data("sim_AR1_varIdent_slope")
    model = hb.load_model(path, data)
    assert model.specification == residual_models.model("sim_AR1_varIdent_slope").specification
    path.write_text(text.format("AR1(1)"), encoding="utf-8")
    with pytest.raises(hb.ModelFileError, match="key 'residual': cannot read the residual"):
        hb.load_model(path, data)


@pytest.mark.parametrize("system", [name for name in DIALECTS if not DIALECTS[name].structures])
def test_systems_without_structures_refuse_them(system: str) -> None:
    model = residual_models.model("sim_AR1_row_order")
    with pytest.raises(hb.FormulaError, match=r"no word for the residual structure AR1\("):
        model.emit(system)


NLME = {
    "BodyWeight_CAR1_power": "  correlation = corCAR1(form = ~ Time | Rat),\n"
    "  weights = varPower(form = ~ Time),\n",
    "RatPup_varIdent_two": "  weights = varIdent(form = ~ 1 | sex * Treatment),\n",
    "MMRM_unstructured": 'form = ~ match(visit, c("1", "2", "3", "4")) | id),'
    "\n  weights = varIdent(form = ~ 1 | visit),\n",
    "MMRM_AR1_het": "  correlation = corAR1(form = ~ v | id),\n"
    "  weights = varIdent(form = ~ 1 | visit),\n",
    "Dialyzer_gls_exp": "  weights = varExp(form = ~ pressure),\n",
    "sim_AR1_row_order": "  correlation = corAR1(form = ~ 1 | id),\n",
}


@pytest.mark.parametrize("name", NLME)
def test_nlme_states_the_structure(name: str) -> None:
    model = residual_models.model(name)
    code = model.emit("nlme")
    assert NLME[name] in code
    assert f"fit <- {'lme' if model.specification.random else 'gls'}(" in code
    assert hb.read_code("nlme", code, data=model.data).specification == model.specification


@pytest.fixture(scope="module")
def occasions() -> pd.DataFrame:
    """Twelve persons at four occasions, in pairs."""
    rows = [(i // 24, i // 4, i % 4 + 1) for i in range(96)]
    frame = pd.DataFrame(rows, columns=["pair", "id", "v"])
    y = [(7 * i * i + 3 * i) % 11 + 0.3 * (i % 4) for i in range(96)]
    labels = frame["v"].map({1: "start", 2: "mid", 3: "late", 4: "end"})
    visit = pd.Categorical(labels, ["start", "mid", "late", "end"])
    return frame.assign(y=y, visit=visit, arm=frame["id"] % 2, x=frame["v"] + 0.5)


MORE = {
    "y ~ v + (1 | pair) + (1 | pair:id)": hr.AR1("v"),
    "y ~ v + (1 | pair)": hr.AR1("v", group="id") * hr.Strata("arm") * hr.Exponential("x"),
    "y ~ v": hr.Toeplitz("v", group="id"),
    "y ~ 1": hr.Unstructured("visit", group="id"),
    "y ~ v + (1 | id)": hr.ARMA("v"),
    "y ~ np.sin(2 * np.pi * v) + (1 | id)": hr.AR1("v"),  # R's pi
}


@pytest.mark.parametrize("formula", MORE)
def test_nlme_is_read_as_it_is_written(formula: str, occasions: pd.DataFrame) -> None:
    model = hb.Model(formula, occasions, residual=MORE[formula])
    code = model.emit("nlme")
    assert hb.read_code("nlme", code, data=occasions).specification == model.specification


NLME_READ = {
    "lme(y ~ v, random = ~ 1 | id, correlation = corAR1())": hr.AR1(),
    "lme(y ~ v, d, ~ 1 | id, correlation = corAR1(0.3, ~ v | id))": hr.AR1("v"),
    "lme(y ~ v, random = ~ 1 | pair, correlation = corCAR1(form = ~ v | pair/id))": hr.CAR1(
        "v", group="id"
    ),
    "gls(y ~ v, correlation = corExp(form = ~ v | id), weights = varIdent(form = ~ 1 | arm))": (
        hr.CAR1("v", group="id") * hr.Strata("arm")
    ),
    "gls(y ~ 1, d, corSymm(form = ~ as.integer(visit) | id), varIdent(form = ~ 1 | v))": (
        hr.Unstructured("v", group="id")
    ),
    "gls(y ~ 1, d, corARMA(form = ~ 1 | id, p = 3))": hr.Toeplitz(group="id"),
}


@pytest.mark.parametrize("code", NLME_READ)
def test_nlme_as_it_is_written_by_hand(code: str, occasions: pd.DataFrame) -> None:
    assert hb.read_code("nlme", code, data=occasions).specification.residual == NLME_READ[code]


NLME_REFUSED = {
    "gls(y ~ v, correlation = corAR1(form = ~ v))": "corAR1 names no group",
    "gls(y ~ 1, correlation = corSymm(form = ~ v | id))": "a variance for each, as in corSymm",
    "gls(y ~ v, correlation = corLin(form = ~ v | id))": "the correlation corLin of residuals",
    "gls(y ~ v, correlation = corAR1(0.3, ~ v | id, fixed = TRUE))": "fixed = TRUE of corAR1 asks",
    "gls(y ~ 1, correlation = corARMA(form = ~ v | id, p = 2))": r"corARMA\(p = 2, q = 0\) models",
    "gls(y ~ v, weights = varPower(form = ~ x | arm))": "varPower is read of one covariate",
    "gls(y ~ v, weights = ~ x)": r"weights = ~ \.\.\., models here do not have",
    "gls(y ~ v, weights = varConstPower(form = ~ x))": "residual variances varConstPower models",
    "gls(y ~ v, weights = varExp(form = ~ log(x)))": "the form of varExp is read of a column",
    "lme(y ~ v, random = ~ 1 | id, correlation = corAR1(form = ~ v | arm))": "are arm; read are",
}


@pytest.mark.parametrize("code", NLME_REFUSED)
def test_what_nlme_has_beside_is_refused_by_name(code: str, occasions: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError, match=NLME_REFUSED[code]):
        hb.read_code("nlme", code, data=occasions)


WRITTEN = {
    ("sas", "BodyWeight_CAR1"): "  REPEATED / SUBJECT=Rat TYPE=SP(POW)(Time);",
    ("sas", "MMRM_unstructured"): "  REPEATED visit / SUBJECT=id TYPE=UN;",
    ("sas", "MMRM_CS"): "  REPEATED / SUBJECT=id TYPE=CS;",
    ("sas", "MMRM_CS_het"): "  REPEATED visit / SUBJECT=id TYPE=CSH;",
    ("sas", "RatPup_varIdent_two"): "  REPEATED / GROUP=sex*Treatment;",
    ("sas", "Dialyzer_gls_exp"): "  REPEATED / LOCAL=EXP(pressure);",
    ("sas", "Dialyzer_lme_power"): "  REPEATED / LOCAL=EXP(log_abs_pressure);",
    ("sas", "sim_AR1_row_order"): "  REPEATED / SUBJECT=id TYPE=AR(1);",
    ("stata", "BodyWeight_CAR1"): "(unstructured) reml residuals(exponential, t(Time))",
    ("stata", "MMRM_unstructured"): "|| id:, noconstant reml residuals(unstructured, t(visit))",
    ("stata", "MMRM_CS"): "|| id:, noconstant reml residuals(exchangeable)",
    ("stata", "RatPup_varIdent"): "|| Litter:, reml residuals(independent, by(Treatment))",
    ("stata", "RatPup_varIdent_two"): "reml residuals(independent, by(sex_Treatment))",
}


@pytest.mark.parametrize(("system", "name"), WRITTEN)
def test_sas_and_stata_state_the_structure(system: str, name: str) -> None:
    model = residual_models.model(name)
    code = model.emit(system)
    assert WRITTEN[system, name] in code
    assert hb.read_code(system, code, data=model.data).specification == model.specification


@pytest.mark.parametrize("system", ["sas", "stata"])
@pytest.mark.parametrize(
    ("formula", "structure"),
    [
        ("y ~ v + (1 | id)", hr.AR1("v")),
        ("y ~ v + (1 | pair) + (1 | pair:id)", hr.AR1("v")),
        ("y ~ v + (1 | pair)", hr.Toeplitz("v", group="id")),
        ("y ~ 1", hr.Unstructured("visit", group="id")),
        ("y ~ v * arm + (1 | pair)", hr.Strata("arm")),
    ],
)
def test_sas_and_stata_are_read_as_they_are_written(
    system: str, formula: str, structure: hr.ResidualStructure, occasions: pd.DataFrame
) -> None:
    model = hb.Model(formula, occasions, residual=structure)
    code = model.emit(system)
    assert hb.read_code(system, code, data=occasions).specification == model.specification


CANNOT = {
    ("sas", "sim_AR1_varIdent_slope"): "with GROUP= each stratum has a correlation of its own",
    ("stata", "sim_AR1_varIdent_slope"): r"with by\(\) each stratum has a correlation of its own",
    ("stata", "sim_AR1_row_order"): "Stata orders errors by a column of times, and AR1",
    ("stata", "Dialyzer_gls_exp"): r"no word for the residual structure Exponential",
}


@pytest.mark.parametrize(("system", "name"), CANNOT)
def test_what_sas_and_stata_cannot_say_is_named(system: str, name: str) -> None:
    with pytest.raises(hb.FormulaError, match=CANNOT[system, name]):
        residual_models.model(name).emit(system)


_SAS = "PROC MIXED; CLASS id v; MODEL y = x; REPEATED {}; RUN;"
REFUSED = {
    _SAS.format("v / SUBJECT=id TYPE=TOEP(2)"): r"TYPE=TOEP\(2\) of residuals is not read",
    _SAS.format("v / SUBJECT=id TYPE=AR(1) GROUP=arm"): r"GROUP= beside TYPE=AR\(1\) is not read",
    _SAS.format("v / TYPE=UN"): "REPEATED has no SUBJECT=",
    _SAS.format("x / SUBJECT=id TYPE=AR(1) LOCAL"): r"LOCAL= beside TYPE=AR\(1\)",
    _SAS.format("gap / SUBJECT=id TYPE=AR(1)"): "no whole numbers one apart",
    "mixed y x || id:, residuals(ar 2, t(v))": r"residuals\(ar2,t\(v\)\) is not supported",
    "mixed y x || id:, residuals(ar 1, t(v) by(arm))": "has a correlation for each stratum",
    "mixed y x || id:, residuals(ar 1)": "names no time; write t",
    "mixed y x || id:, residuals(toeplitz 2, t(v))": "has correlations up to a lag",
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_sas_and_stata_have_beside_is_refused(code: str, occasions: pd.DataFrame) -> None:
    data = occasions.assign(gap=2 * occasions["v"])
    with pytest.raises(hb.FormulaError, match=REFUSED[code]):
        hb.read_code("stata" if code.startswith("mixed") else "sas", code, data=data)


LAWS = {
    hr.AR1("v") * hr.Strata("arm"): "c_st = φ^|s − t|    (s, t: v in one group)\ns = λ    (one for",
    hr.CompoundSymmetry() * hr.Power("x"): "c_st = ρ    (s, t: two rows in one group)\ns = |x|^λ",
    hr.ARMA("v"): "c_st = ρ_1 φ^(|s − t| − 1)    (s, t: v in one group)",
    hr.Unstructured("visit", group="id"): "c_st = ρ_st    (s, t: visit in one id)\ns = λ    (one",
}


@pytest.mark.parametrize("structure", LAWS, ids=lambda one: one.text)
def test_equations_state_the_law_of_the_errors(
    structure: hr.ResidualStructure, occasions: pd.DataFrame
) -> None:
    group = "pair" if isinstance(structure, hr.Unstructured) else "id"
    made = hb.Model(f"y ~ v + (1 | {group})", occasions, residual=structure).equations()
    lines = "\n".join(line.strip() for line in made.within.text.splitlines())
    assert "r_j ~ N(0, σ² Λ_j)\nΛ_j = " in lines
    assert LAWS[structure] in lines
    assert "σ² I" not in str(made)
    assert r"\boldsymbol{\Lambda}_{j}" in made.gls.latex


EVEN: dict[hr.ResidualStructure, str] = {
    hr.AR1("even", group="id"): "corAR1(0.5, form = ~ even | id)",
    hr.AR1("v", group="id"): "corAR1(form = ~ v | id)",
    hr.ARMA("even", group="id"): "corARMA(c(0.5, 0.1), form = ~ even | id, p = 1, q = 1)",
    hr.ARMA("v", group="id"): "corARMA(form = ~ v | id, p = 1, q = 1)",
}


@pytest.mark.parametrize("structure", list(EVEN), ids=lambda one: one.text)
def test_nlme_is_told_where_to_begin_at_even_lags(
    structure: hr.ResidualStructure, occasions: pd.DataFrame
) -> None:
    """From φ = 0 it does not move, as the slope of φ² is 0 there."""
    data = occasions.assign(even=2 * occasions["v"])
    model = hb.Model("y ~ v", data, residual=structure)
    code = model.emit("nlme")
    assert f"correlation = {EVEN[structure]}," in code
    assert hb.read_code("nlme", code, data=data).specification == model.specification


@pytest.mark.parametrize(("hour", "stated"), [(0, "2020-01-02"), (9, "2020-01-02 09:00:00")])
def test_days_are_occasions_as_r_writes_them(
    hour: int, stated: str, occasions: pd.DataFrame
) -> None:
    days = pd.Timestamp(2020, 1, 1, hour) + pd.to_timedelta(occasions["v"], "D")
    model = hb.Model("y ~ v", occasions.assign(day=days), residual=hr.Unstructured("day", "id"))
    code = model.emit("nlme")
    assert f'corSymm(form = ~ match(day, c("{stated}", ' in code
    assert hb.read_code("nlme", code, data=model.data).specification == model.specification
