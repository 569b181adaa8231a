"""Variances that follow the fitted values, beside nlme's varPower() and varExp()."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.structured.fitted_variances import fitted_values
from hierbayes.residuals.text import read_residual_text
from tests.test_residual_structures import ROWS

FOLDER = Path(__file__).parent / "reference" / "residuals"
CASES = json.loads((FOLDER / "fitted.json").read_text())
MODELS: dict[str, tuple[str, str, hr.ResidualStructure]] = {
    "BodyWeight_lme_power": ("weight ~ Time * Diet + (Time | Rat)", "BodyWeight", hr.Power()),
    "BodyWeight_gls_power": ("weight ~ Time * Diet", "BodyWeight", hr.Power()),
    "Dialyzer_gls_exponential_AR1": (
        "rate ~ (pressure + I(pressure ** 2) + I(pressure ** 3)) * QB", "Dialyzer",
        hr.AR1("index", group="Subject") * hr.Exponential(),
    ),
    "Orthodont_lme_power_strata": (
        "distance ~ age * Sex + (1 | Subject)", "orthodont", hr.Power() * hr.Strata("Sex"),
    ),
}  # fmt: skip
EACH = [(name, engine) for name in MODELS for engine in ("REML", "ML")]


@cache
def rows_of(name: str) -> pd.DataFrame:
    if name == "orthodont":
        return hb.load_dataset(name)
    data = pd.read_csv(FOLDER / f"{name}.csv")
    return data.assign(**{k: data[k].astype(str) for k in ("Diet", "QB") if k in data})


@cache
def fit(name: str, engine: str) -> Any:
    formula, data, structure = MODELS[name]
    model = hb.Model(formula, rows_of(data), residual=structure)
    return model.reml() if engine == "REML" else model.ml()


@pytest.mark.parametrize(("name", "engine"), EACH)
def test_estimates_are_those_of_nlme(name: str, engine: str) -> None:
    found, case = fit(name, engine), CASES[name][engine]
    # where nlme stops, ℓ is good to some 1e-7 and the flattest parameter to some 1e-4
    assert_allclose(found.loglik, case["logLik"], atol=2e-6)
    assert found.loglik == pytest.approx(hand_loglik(found, engine == "REML"), abs=1e-7)
    se = np.array([*case["se"].values()])
    assert_allclose(found.fixef(), np.array([*case["fixef"].values()]), atol=1e-3 * se.max())
    if engine == "REML":  # of ML gls has others, times the root of n/(n − p)
        assert_allclose(np.sqrt(np.diag(found.vcov())), se, rtol=1e-3)
    parameters = found.error_parameters
    own = case["variance"]
    power = own.get("power", own.get("expon", own.get("A.power")))
    assert parameters["rate" if "rate" in parameters else "power"] == pytest.approx(power, rel=2e-3)


def hand_loglik(found: Any, restricted: bool) -> float:
    """ℓ with the fitted values of the fit in the variances, from n × n matrices."""
    design, at, structure = found.design, found.error_parameters, found.error_rows.structure
    mu, n = fitted_values(found), found.design.n
    sd = np.ones(n)
    if "power" in at:
        sd = np.abs(mu) ** at["power"]
    if "rate" in at:
        sd = np.exp(at["rate"] * mu)
    for name in at.index:
        if name.startswith("ratio"):
            label = design.rows.frames[0]["Sex"].astype(str).to_numpy()
            sd = sd * np.where(label == name[6:-1], at[name], 1.0)
    C = np.eye(n)
    if structure.correlation is not None:
        frame = design.rows.frames[0]
        lag = np.abs(np.subtract.outer(frame["index"].to_numpy(), frame["index"].to_numpy()))
        same = frame["Subject"].to_numpy()[:, None] == frame["Subject"].to_numpy()
        C = np.where(same, at["phi"] ** lag, 0.0)
    V = found.sigma**2 * C * np.outer(sd, sd)
    for codes, span in zip(design.rows.codes_of, design.spans, strict=True):
        Z = design.rows.Z[:, span]
        V = V + Z @ found.G[span, span] @ Z.T * (codes[:, None] == codes)
    X, y = design.rows.X, design.rows.response
    W = np.linalg.inv(V)
    gamma = np.linalg.solve(X.T @ W @ X, X.T @ W @ y)
    rest, k = y - X @ gamma, n - restricted * X.shape[1]
    value = k * np.log(2.0 * np.pi) + np.linalg.slogdet(V)[1] + rest @ W @ rest
    return float(-0.5 * (value + restricted * np.linalg.slogdet(X.T @ W @ X)[1]))


def test_pages_say_what_kind_of_estimate_it_is(tmp_path: Path) -> None:
    found = fit("Orthodont_lme_power_strata", "REML")
    assert "Power() * Strata('Sex')" in str(found)
    said = " ".join(str(found).split())
    assert "the variances of errors follow the fitted values, which are held and computed" in said
    assert "(pseudo-likelihood): logLik and standard errors are given them" in said
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=hr.Exponential())
    assert "μ: the fitted value of the row" in model.equations().within.text
    found.save(tmp_path / "power.fit")
    again: Any = hb.load_fit(tmp_path / "power.fit")
    assert_allclose(again.loglik, found.loglik, rtol=1e-12)
    assert_allclose(again.error_rows.fitted, found.error_rows.fitted, rtol=1e-12)
    assert_allclose(again.residuals(kind="normalized"), found.residuals(kind="normalized"))


def test_what_rests_on_a_likelihood_of_all_parameters_is_refused() -> None:
    found = fit("Orthodont_lme_power_strata", "ML")
    model = hb.Model("distance ~ age + (1 | Subject)", rows_of("orthodont"), residual=hr.Power())
    calls = {
        "sample()": lambda: model.sample(draws=10, progress=False), "map()": model.map,
        "profile()": lambda: hb.profile(found),
        "refitting new responses": lambda: hb.bootstrap(found, n=10, progress=False),
    }  # fmt: skip
    for name, call in calls.items():
        with pytest.raises(hb.ResidualError) as refused:
            call()
        assert str(refused.value).startswith(
            f"{name} is not made for variances that follow the fitted values, and the errors"
        )
    new = rows_of("orthodont").head(2)
    assert len(found.predict(new)) == 2
    with pytest.raises(hb.DataError, match="the fitted mean is the same in every row"):
        hb.Model("distance ~ 1", rows_of("orthodont"), residual=hr.Power())


def test_new_responses_have_the_variances_of_their_predicted_means() -> None:
    found = fit("BodyWeight_lme_power", "REML")
    new = rows_of("BodyWeight").head(3).assign(Time=[2.0, 11.0, 90.0])
    plain = found.predict(new, prob=0.9)
    table = found.predict(new, kind="response", prob=0.9)
    power = float(found.error_parameters["power"])
    errors = found.sigma * np.abs(table["predicted"]) ** power
    assert_allclose(table["se"], np.hypot(plain["se"], errors), rtol=1e-8)
    assert table.attrs["method"].endswith(
        "variances of new responses are those at their predicted means, whose own uncertainty does "
        "not move them (approximate)"
    )


def test_nlme_writes_and_reads_them_and_others_have_no_word() -> None:
    data = rows_of("orthodont")
    model = hb.Model("distance ~ age + (1 | Subject)", data, residual=hr.Power() * hr.Strata("Sex"))
    code = model.emit("nlme")
    assert "varComb(varPower(form = ~ fitted(.)), varIdent(form = ~ 1 | Sex))" in code
    written = model.problem.design.specification.residual
    assert hb.read_code("nlme", code, data=data).specification.residual == written
    for text, structure in {
        "gls(distance ~ age, data, weights = varPower())": hr.Power(),
        "gls(distance ~ age, data, weights = varExp(form = ~ fitted(.)))": hr.Exponential(),
    }.items():
        assert hb.read_code("nlme", text, data=data).specification.residual == structure
    by = "varPower(form = ~ fitted(.) | Sex)"
    with pytest.raises(hb.FormulaError, match="by stratum models here do not have it"):
        hb.read_code("nlme", f"gls(distance ~ age, d, weights = {by})", data=data)
    for name in ("glmmtmb", "brms", "sas"):
        with pytest.raises(hb.FormulaError, match=r"no word for the residual structure Power\(\)"):
            model.emit(name)


def test_model_files_and_the_command_line_have_them_as_text() -> None:
    for structure in (hr.Power(), hr.AR1("age") * hr.Exponential()):
        assert read_residual_text(structure.text) == structure
