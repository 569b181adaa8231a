"""Truth values are numbers here and labels in R and patsy: code says which, and is read so.

Log-likelihoods are lme4's (1.1-31), of ``lmer`` on the same data with a logical column ``b``.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb

NUMBERS = {
    "y ~ x + b + (1 | g)": -192.651093677,
    "y ~ 0 + b + x + (1 | g)": -198.602220466,
    "y ~ b + x:b + (1 | g)": -226.627021797,
    "y ~ x + (0 + b | g)": -216.023605238,
    "y ~ 0 + I(x > 0) + (1 | g)": -224.800341303,
    "y ~ x + cvar(b, g) + (1 | g)": -202.052832309,
    "y ~ 0 + C(b) + x + (1 | g)": -192.651093677,
    "y ~ x + I(b & (x > 0)) + (0 + I(x > 0) | g)": -210.595213115,
}  # models written here: R's logLik of the code emitted
LABELS = {
    "y ~ x + b + (1 | g)": -192.651093677,
    "y ~ 0 + b + x + (1 | g)": -192.651093677,
    "y ~ b + x:b + (1 | g)": -193.307010466,
    "y ~ b * x + (1 | g)": -193.307010466,
    "y ~ b:x + (1 | g)": -205.150197635,
    "y ~ x + (0 + b | g)": -195.482528013,
    "y ~ x + (b | g)": -195.482528026,
    "y ~ 0 + I(x > 0) + (1 | g)": -222.963526828,
    "y ~ 0 + as.numeric(b) + x + (1 | g)": -198.602220466,
    "b ~ x + (1 | g)": -91.4366567326,
    "y / 2 ~ x + (1 | g)": -122.813850433,
}  # formulas as R means them: its logLik


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    r = np.random.default_rng(3)
    J, n = 15, 8
    g = np.repeat(np.arange(J), n)
    x = r.normal(size=J * n)
    b = r.random(J * n) < 0.5
    y = 1 + x + b + r.normal(size=J)[g] + r.normal(size=J * n)
    return pd.DataFrame({"y": y, "x": x, "b": b, "g": g})


@pytest.mark.parametrize("formula", NUMBERS)
@pytest.mark.slow
def test_emitted_code_has_numbers(formula: str, data: pd.DataFrame) -> None:
    model = hb.Model(formula, data=data)
    assert_allclose(model.reml().loglik, NUMBERS[formula], atol=1e-7)
    for system in ("lme4", "nlme", "brms", "rstanarm", "statsmodels", "bambi", "stata", "sas"):
        try:
            code = model.emit(system, data="d")
        except hb.FormulaError as refusal:
            said = str(refusal)
            assert "has no counterpart there" in said or "no such operator" in said, system
            continue
        back = hb.read_code(system, code, data=data)
        assert hb.equivalence(model, back).identical, (system, code)
        if "b" in formula and system in ("lme4", "nlme", "brms", "rstanarm"):
            assert "d$b <- as.numeric(d$b)" in code


@pytest.mark.parametrize("formula", NUMBERS)
def test_statsmodels_finds_the_same_maximum(formula: str, data: pd.DataFrame) -> None:
    space: dict[str, Any] = {"d": data.copy()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(hb.Model(formula, data=data).emit("statsmodels", data="d"), space)
    assert_allclose(space["fit"].llf, NUMBERS[formula], atol=1e-3)


@pytest.mark.parametrize("formula", LABELS)
def test_r_code_has_labels(formula: str, data: pd.DataFrame) -> None:
    model = hb.read_code("lme4", f"lmer({formula}, data = d)", data=data)
    assert_allclose(model.reml().loglik, LABELS[formula], atol=1e-6)


def test_python_code_has_labels_where_patsy_has(data: pd.DataFrame) -> None:
    def terms(system: str, code: str) -> tuple[str, ...]:
        return hb.read_code(system, code, data=data).problem.design.terms

    call = 'smf.mixedlm("y ~ 0 + b + x", d, groups="g")'
    assert terms("statsmodels", call) == ("C(b)[False]", "C(b)[True]", "x")
    made = 'd["b"] = d["b"].astype(int)\n' + call
    assert terms("statsmodels", made) == ("b", "x")
    assert terms("bambi", 'bmb.Model("y ~ 0 + b + x + (1|g)", d)') == ("b", "x")
    compared = 'smf.mixedlm("y ~ 0 + I(x > 0)", d, groups="g")'
    assert len(terms("statsmodels", compared)) == 2


def test_labels_of_truth_values_in_stata_and_sas(data: pd.DataFrame) -> None:
    stata = hb.read_code("stata", "mixed y i.b x || g:, reml", data=data)
    assert stata.specification.fixed == ("1", "C(b)", "x")
    code = "PROC MIXED; CLASS g b; MODEL y = b x; RANDOM INT / SUBJECT=g; RUN;"
    assert hb.read_code("sas", code, data=data).specification.fixed == ("1", "C(b)", "x")
    code = code.replace(" b;", ";")
    assert hb.read_code("sas", code, data=data).specification.fixed == ("1", "b", "x")
