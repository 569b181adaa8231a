"""Names that are words of another language: as response, predictor, group and factor in code."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb

NAMES = ("class", "if", "lambda", "function", "TRUE", "True", "in", "a.b", "my var", "größe", "F")
SYSTEMS = ("nlme", "lme4", "brms", "rstanarm", "bambi", "statsmodels", "sas", "stata", "hlm")
REFUSALS = ("rename", "PROC MIXED cannot", "Stata cannot", "the correlated block")


def data_with(name: str, role: str) -> pd.DataFrame:
    r = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 9)
    x = r.normal(size=108) + r.normal(size=12)[g]
    y = 1 + x + r.normal(size=12)[g] + r.normal(size=108)
    f = np.where(r.random(108) < 0.5, "lo", "up")
    names = {"response": "yy", "predictor": "xx", "group": "gg", "factor": "ff"} | {role: name}
    made = dict(zip(names.values(), (y, x, [f"g{k:02d}" for k in g], f), strict=True))
    return pd.DataFrame(made)


@pytest.mark.parametrize("role", ["response", "predictor", "group", "factor"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_code_of_any_name_comes_back(name: str, role: str) -> None:
    data = data_with(name, role)
    Y, X, G, F = (f"`{column}`" for column in data.columns)
    model = hb.Model(
        f"{Y} ~ dvar({X}, {G}) + cvar({X}, {G}) + {F} + (0 + dvar({X}, {G}) | {G})", data=data
    )
    said = 0
    for system in SYSTEMS:
        try:
            code = model.emit(system, data="d")
        except hb.FormulaError as refusal:
            assert any(words in str(refusal) for words in REFUSALS), (system, str(refusal))
            continue
        back = hb.read_code(system, code, data=data).problem.design.rows
        ours = model.problem.design.rows
        assert_allclose(back.X, ours.X, err_msg=system)
        assert_allclose(back.Z, ours.Z, err_msg=system)
        assert_allclose(back.y, ours.y, err_msg=system)
        said += 1
    assert said >= 4


@pytest.mark.parametrize("name", ["class", "my var", "TRUE", "it's"])
@pytest.mark.slow
def test_statsmodels_takes_any_name(name: str) -> None:
    for role in ("response", "predictor", "group", "factor"):
        data = data_with(name, role)
        Y, X, G, F = (f"`{column}`" for column in data.columns)
        model = hb.Model(f"{Y} ~ cvar({X}, {G}) + {F} + (1 | {G})", data=data)
        code = model.emit("statsmodels", data="d").partition(").fit(")[0] + ")"
        space = {"d": data.copy()}
        exec(code, space)
        theirs = np.asarray(space["fit"].exog, dtype=float)
        ours = model.problem.design.rows.X  # patsy puts factors first
        assert_allclose(np.sort((theirs**2).sum(axis=0)), np.sort((ours**2).sum(axis=0)))


def test_a_keyword_as_group_in_r_code() -> None:
    data = data_with("class", "group")
    code = (
        "lmer(yy ~ I(xx - ave(xx, class)) + ave(xx, class) + (I(xx - ave(xx, class)) | class), "
        "data = d)"
    )
    right = hb.Model(
        "yy ~ dvar(xx, k) + cvar(xx, k) + (dvar(xx, k) | k)",
        data=data.rename(columns={"class": "k"}),
    )
    got = hb.read_code("lme4", code, data=data)
    assert_allclose(got.reml().loglik, right.reml().loglik, rtol=1e-10)
