"""Group means in other systems' code are of the rows that its own program would take."""

import warnings

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb


@pytest.fixture(scope="module")
def gaps() -> pd.DataFrame:
    """A response that is missing in 25 of 96 rows, and one value of x too."""
    rng = np.random.default_rng(9)
    g = np.repeat(np.arange(12), 8)
    x = rng.normal(size=96) + rng.normal(size=12)[g]
    m = pd.Series(x).groupby(g).transform("mean").to_numpy()
    y = 1 + 2 * x + 1.5 * m + rng.normal(size=12)[g] + rng.normal(size=96)
    y[rng.choice(96, 25, replace=False)] = np.nan
    return pd.DataFrame({"y": y, "x": x, "w": np.repeat(rng.normal(size=12), 8), "g": g})


SQL = (
    "PROC SQL; CREATE TABLE e AS SELECT *, MEAN(x) AS mx FROM d {}GROUP BY g; QUIT; PROC MIXED "
    "DATA=e; CLASS g; MODEL y = x mx / SOLUTION; RANDOM INT / SUBJECT=g; RUN;"
)
OF_ALL_ROWS = (
    ("lme4", "lmer(y ~ x + ave(x, g) + (1 | g), d)", 'd[complete.cases(d[c("y", "x", "g")])'),
    ("lme4", "lmer(y ~ scale(x, scale = FALSE) + (1 | g), data = d)", "lmer computes center(x)"),
    ("rstanarm", "stan_lmer(y ~ poly(x, 2) + (1 | g), data = d)", "computes poly(x, 2)"),
    ("nlme", "lme(y ~ I(x - ave(x, g)), d, ~ 1 | g)", "lme computes dvar(x, g) on rows"),
    ("brms", "brm(y ~ x + ave(x, g) + (1 | g), data = d)", "brm computes cvar(x, g) on rows"),
    ("stata", "egen mx = mean(x), by(g)\nmixed y x mx || g:, reml", "drop if missing(y, x, g)"),
    (
        "stata",
        "egen mx = mean(x), by(g)\ndrop if missing(y)\nmixed y x mx || g:, reml",
        "Stata computes cvar(x, g) on rows that the model does not use",
    ),
    ("sas", SQL.format(""), "WHERE CMISS(y, x, g) = 0"),
    (
        "statsmodels",
        'smf.mixedlm("y ~ x + cvar(x, g)", d, groups="g")',
        'd = d.dropna(subset=["y", "x", "g"])',
    ),
)  # fmt: skip


@pytest.mark.parametrize(("system", "code", "said"), OF_ALL_ROWS)
def test_means_of_other_rows_are_refused(
    system: str, code: str, said: str, gaps: pd.DataFrame
) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code(system, code, data=gaps)
    assert said in str(refusal.value)
    whole = hb.read_code(system, code, data=gaps.dropna())  # nothing is missing: they are one
    assert len(whole.problem.design.rows.y) == 71


OF_COMPLETE_ROWS = (
    ("lme4", "d <- na.omit(d[c('y', 'x', 'g')])\nlmer(y ~ x + ave(x, g) + (1 | g), data = d)"),
    ("lme4", "lmer(y ~ x + ave(x, g) + (1 | g), data = d[complete.cases(d[c('y', 'x')]), ])"),
    ("stata", "drop if missing(y, x, g)\negen mx = mean(x), by(g)\nmixed y x mx || g:, reml"),
    ("sas", SQL.format("WHERE CMISS(y, x) = 0 ")),
    ("statsmodels", 'd = d.dropna(subset=["y"])\nsmf.mixedlm("y ~ x + cvar(x, g)", d, groups="g")'),
    ("bambi", 'bmb.Model("y ~ x + cvar(x, g) + (1|g)", d)'),  # it drops rows before it computes
)


@pytest.mark.parametrize(("system", "code"), OF_COMPLETE_ROWS)
def test_means_of_complete_rows_are_read(system: str, code: str, gaps: pd.DataFrame) -> None:
    model = hb.read_code(system, code, data=gaps)
    complete = gaps.dropna()
    complete = complete.assign(m=complete.groupby("g")["x"].transform("mean"))
    right = hb.Model("y ~ x + m + (1 | g)", data=complete).reml()
    np.testing.assert_allclose(model.reml().loglik, right.loglik, rtol=1e-10)


def test_means_that_no_row_changes_are_read(gaps: pd.DataFrame) -> None:
    model = hb.read_code("lme4", "lmer(y ~ x + ave(w, g) + (1 | g), data = d)", data=gaps)
    assert model.specification.fixed == ("1", "x", "cvar(w, g)")


def test_one_missing_value_spreads_over_its_group_in_r(gaps: pd.DataFrame) -> None:
    """``ave`` makes a whole group missing, which lmer then leaves out: 111 of 120 rows."""
    data = gaps.dropna()
    data.loc[data.index[3], "x"] = np.nan
    code = "lmer(y ~ ave(x, g) + (1 | g), data = d)"
    with pytest.raises(hb.FormulaError, match=r"lmer computes cvar\(x, g\) on rows"):
        hb.read_code("lme4", code, data=data)
    stata = "egen mx = mean(x), by(g)\nmixed y x mx || g:, reml"
    assert len(hb.read_code("stata", stata, data=data).problem.design.rows.y) == 70


@pytest.mark.parametrize("formula", ["y ~ x + cvar(x, g) + (1 | g)", "y ~ dvar(x, g) + (1 | g)"])
def test_emitted_code_has_means_of_the_rows_of_the_model(formula: str, gaps: pd.DataFrame) -> None:
    data = gaps.assign(x=gaps["x"].where(np.arange(96) != 7))
    model = hb.Model(formula, data=data)
    for system in ("lme4", "nlme", "brms", "rstanarm", "bambi", "statsmodels", "sas", "stata"):
        back = hb.read_code(system, model.emit(system, data="d"), data=data)
        assert hb.equivalence(model, back).identical
    space = {"d": data.copy()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(model.emit("statsmodels", data="d"), space)
    theirs: object = space["fit"]
    np.testing.assert_allclose(theirs.llf, model.reml().loglik, atol=1e-4)  # type: ignore[attr-defined]
