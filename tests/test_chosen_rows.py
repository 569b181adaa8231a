"""Rows chosen and columns changed by code around a model: read rightly, or refused by name."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(12), 8)
    x = rng.normal(size=96)
    return pd.DataFrame({
        "y": x + rng.normal(size=12)[g] + rng.normal(size=96),
        "x": x,
        "z": np.where(np.arange(96) == 5, np.nan, x**2),
        "k": np.tile(["a", "b", "c"], 32),
        "n": np.tile([1, 2, 3], 32),
        "g": g,
    })  # fmt: skip


FIT = "lmer(y ~ x + (1 | g), data = d)"
MIXED = "CLASS g; MODEL y = x; RANDOM INT / SUBJECT=g; RUN;"
STATA = "mixed y x || g:, reml"

REFUSED = (
    ("lme4", "lmer(y ~ x + (1 | g), data = subset(d, x > 0))", "subset(...) makes other data"),
    ("lme4", "lmer(y ~ x + (1 | g), data = d[d$x > 0, ])", "[...] makes other data"),
    ("lme4", "lmer(y ~ x + (1 | g), data = d[1:50, ])", "[...] makes other data"),
    ("lme4", "lmer(y ~ x + (1 | g), data = head(d, 50))", "head(...) makes other data"),
    ("lme4", "lmer(y ~ x + (1 | g), data = filter(d, x > 0))", "filter(...) makes other data"),
    ("lme4", "lmer(y ~ x + (1 | g), data = d %>% filter(x > 0))", "filter(...) makes other"),
    ("lme4", "d |> filter(x > 0) |> lmer(y ~ x + (1 | g), data = _)", "filter(...) makes other"),
    ("lme4", "d %>% slice(1:9) %>% lmer(y ~ x + (1 | g), data = .)", "slice(...) makes other"),
    ("lme4", f"d <- subset(d, x > 0)\n{FIT}", "subset(...) makes other data"),
    ("lme4", f"d = d[d$x > 0, ]\n{FIT}", "[...] makes other data"),
    ("lme4", f"subset(d, x > 0) -> d\n{FIT}", "subset(...) makes other data"),
    ("lme4", f"e <- d <- subset(d, x > 0)\n{FIT}", "subset(...) makes other data"),
    ("lme4", f"invisible(d <- subset(d, x > 0))\n{FIT}", "subset(...) makes other data"),
    ("lme4", f"d %<>% filter(x > 0)\n{FIT}", "'%<>%' changes the data"),
    ("lme4", f"d <- merge(d, e)\n{FIT}", "merge(...) makes other data"),
    ("lme4", f"d <- read.csv('d.csv', nrows = 50)\n{FIT}", "read.csv(...) makes other data"),
    ("lme4", f"source('prepare.R')\n{FIT}", "source(...) before the model is not read"),
    ("lme4", f"options(contrasts = c('contr.sum', 'contr.poly'))\n{FIT}", "options(...) before"),
    ("lme4", f"d$x <- 2 * d$x\n{FIT}", "the code changes the column 'x'"),
    ("lme4", f'd[["x"]] <- 2 * d[["x"]]\n{FIT}', "the code changes the column 'x'"),
    ("lme4", f"d$y[d$y > 2] <- NA\n{FIT}", "the code changes the column 'y'"),
    ("lme4", f'd[d$y > 2, "y"] <- NA\n{FIT}', "the code changes the column 'y'"),
    ("lme4", f"is.na(d$y) <- d$y > 2\n{FIT}", "the code changes the column 'y'"),
    ("lme4", f"d <- within(d, x <- 2 * x)\n{FIT}", "within(...) makes other data"),
    ("lme4", f"d <- mutate(d, x = 2 * x)\n{FIT}", "the code changes the column 'x'"),
    ("lme4", f"d <- d %>% mutate(x = 2 * x)\n{FIT}", "the code changes the column 'x'"),
    ("lme4", f"d[, x := 2 * x]\n{FIT}", "the code changes the column 'x'"),
    ("lme4", f"names(d) <- c('x', 'y', 'g')\n{FIT}", "this changes the data"),
    ("lme4", f"with(subset(d, x > 0), {FIT.replace(', data = d', '')})", "subset(...) makes"),
    ("lme4", f"lapply(split(d, d$k), function(d) {FIT})", "lmer stands inside function(...)"),
    ("lme4", f"{FIT[:-1]}, na.action = na.pass)", "na.action = na.pass is not read"),
    ("lme4", f"fit <- {FIT}\nfit <- update(fit, subset = x > 0)", "update(...) makes another"),
    ("lme4", "x <- 2 * d$x\nlmer(y ~ x + (1 | g))", "the code gives 'x' a value"),
    ("lme4", f"d <- na.omit(d)\n{FIT}", "leaves out rows where 'z' is missing"),
    ("lme4", f"d <- d[!is.na(d$z), ]\n{FIT}", "leaves out rows where 'z' is missing"),
    (
        "lme4",
        "d$k <- factor(d$k, levels = c('a', 'b'))\nlmer(y ~ k + (1 | g), d)",
        "the code changes the column 'k'",
    ),
    (
        "lme4",
        "d$k <- relevel(d$k, ref = 'b')\nlmer(y ~ k + (1 | g), d)",
        "the code changes the column 'k'",
    ),
    (
        "lme4",
        "contrasts(d$k) <- contr.sum(3)\nlmer(y ~ k + (1 | g), d)",
        "the code changes the column 'k'",
    ),
    (
        "lme4",
        "log <- function(x) x\nlmer(y ~ log(n) + (1 | g), d)",
        "the code defines log(...) itself",
    ),
    (
        "nlme",
        "lme(y ~ x, random = ~ 1 | g, data = transform(d, x = 2 * x))",
        "the code changes the column 'x'",
    ),
    ("nlme", "lme(y ~ x, d, ~ 1 | g, subset = x > 0)", "the argument 'subset' of lme asks for"),
    (
        "nlme",
        "lme(y ~ x, d, ~ 1 | g, control = lmeControl(sigma = 1))",
        "sigma = ... holds σ fixed",
    ),
    (
        "brms",
        "brm(y ~ x + (1 | g), d, family = gaussian(link = 'log'))",
        "the link log of a Gaussian response is not the identity",
    ),
    ("brms", "brm(y ~ x + (1 | g), d[d$x > 0, ])", "[...] makes other data"),
    ("brms", "brm(y | subset(k) ~ x + (1 | g), d)", "what stands after the response"),
    ("rstanarm", "stan_lmer(y ~ x + (1 | g), data = head(d))", "head(...) makes other data"),
    ("statsmodels", 'smf.mixedlm("y ~ x", d[d.x > 0], groups="g")', "[...] makes other data"),
    ("statsmodels", 'smf.mixedlm("y ~ x", d.query("x > 0"), groups="g")', ".query(...) makes"),
    ("statsmodels", 'smf.mixedlm("y ~ x", d.iloc[:50], groups="g")', "[...] makes other data"),
    ("statsmodels", 'smf.mixedlm("y ~ x", d.head(50), groups="g")', ".head(...) makes other"),
    ("statsmodels", 'smf.mixedlm("y ~ x", prepare(d), groups="g")', "prepare(...) makes other"),
    (
        "statsmodels",
        'd = pd.read_csv("d.csv", nrows=9)\nsmf.mixedlm("y ~ x", d, groups="g")',
        ".read_csv(...) makes other data",
    ),
    (
        "statsmodels",
        'd = d[d["x"] > 0]\nsmf.mixedlm("y ~ x", d, groups="g")',
        "[...] makes other data",
    ),
    (
        "statsmodels",
        'd.query("x > 0", inplace=True)\nsmf.mixedlm("y ~ x", d, groups="g")',
        ".query(...) makes other data",
    ),
    (
        "statsmodels",
        'd["x"] = 2 * d["x"]\nsmf.mixedlm("y ~ x", d, groups="g")',
        "the code changes the column 'x'",
    ),
    (
        "statsmodels",
        'd["x"] -= 1\nsmf.mixedlm("y ~ x", d, groups="g")',
        "the code changes the column 'x'",
    ),
    (
        "statsmodels",
        'd.loc[d.x > 0, "x"] = 0\nsmf.mixedlm("y ~ x", d, groups="g")',
        "the code changes the column 'x'",
    ),
    (
        "statsmodels",
        'smf.mixedlm("y ~ x", d.assign(x=2 * d.x), groups="g")',
        "the code changes the column 'x'",
    ),
    (
        "statsmodels",
        'for c in ["x"]:\n    d[c] = 0\nsmf.mixedlm("y ~ x", d, groups="g")',
        "this statement may choose rows or change columns of 'd'",
    ),
    (
        "statsmodels",
        'prepare(d)\nsmf.mixedlm("y ~ x", d, groups="g")',
        "prepare(...) may choose rows or change columns of 'd'",
    ),
    (
        "statsmodels",
        'def fit(d):\n    return smf.mixedlm("y ~ x", d, groups="g")',
        "the model stands inside a function",
    ),
    (
        "statsmodels",
        'e = d[d.x > 0]\nsmf.mixedlm("y ~ x", d, groups=e["g"])',
        "the groups are of other rows than the data",
    ),
    (
        "statsmodels",
        'smf.mixedlm("y ~ x", d, groups="g").fit_regularized("l1", 3)',
        ".fit_regularized(...) penalises parameters",
    ),
    ("bambi", "bmb.Model('y ~ x + (1|g)', d[d.x > 0])", "[...] makes other data"),
    ("bambi", "bmb.Model('y ~ x + (1|g)', d.dropna())", "leaves out rows where 'z' is missing"),
    ("sas", f"PROC MIXED DATA=d(WHERE=(x>0)); {MIXED}", "WHERE= of a data set chooses rows"),
    ("sas", f"PROC MIXED DATA=d(OBS=50); {MIXED}", "OBS= of a data set chooses rows"),
    ("sas", f"PROC MIXED DATA=d(RENAME=(z=x)); {MIXED}", "RENAME= of a data set chooses rows"),
    ("sas", f"OPTIONS OBS=50; PROC MIXED DATA=d; {MIXED}", "OBS= chooses rows"),
    ("sas", f"DATA e; SET d(FIRSTOBS=9); RUN; PROC MIXED; {MIXED}", "FIRSTOBS= of a data set"),
    ("sas", f"DATA e; SET d f; RUN; PROC MIXED; {MIXED}", "SET is read with one data set alone"),
    ("sas", f"DATA e(WHERE=(x>0)); SET d; RUN; PROC MIXED; {MIXED}", "WHERE= of a data set"),
    ("sas", f"PROC SORT DATA=d NODUPKEY; BY g; RUN; PROC MIXED; {MIXED}", "NODUPKEY of PROC SORT"),
    (
        "sas",
        f"PROC SORT DATA=d; BY g; WHERE x > 0; RUN; PROC MIXED; {MIXED}",
        "'WHERE' begins no statement",
    ),
    (
        "sas",
        f"DATA e; SET d; WHERE CMISS(x) = 0 OR x > 3 AND CMISS(y) = 0; RUN; PROC MIXED; {MIXED}",
        "a WHERE clause that chooses rows is not read",
    ),
    (
        "sas",
        "PROC SQL; CREATE TABLE e AS SELECT g, MEAN(x) AS x, MEAN(y) AS y FROM d GROUP BY g; "
        f"QUIT; PROC MIXED; {MIXED}",
        "the SELECT has one row a group",
    ),
    ("stata", f"use d if x > 0\n{STATA}", "'if' behind use chooses rows"),
    ("stata", f"use d in 1/50\n{STATA}", "'in' behind use chooses rows"),
    ("stata", f"import delimited d.csv, rowrange(2:9)\n{STATA}", "'rowrange' behind import"),
    ("stata", f"keep if x > 0\n{STATA}", "the command 'keep' is not read"),
    ("stata", f"replace x = 2 * x\n{STATA}", "the command 'replace' is not read"),
    ("stata", f"drop if missing(x) | x > 3 & (x < 5)\n{STATA}", "'drop' is not read, other than"),
    ("stata", "mixed y x if x > 0 || g:, reml", "'if' and 'in' choose rows"),
    ("stata", "mixed y x in 1/50 || g:, reml", "'if' and 'in' choose rows"),
    ("stata", "mixed y x [pw=n] || g:, reml", "weights are not supported"),
    ("stata", "mixed y x [fweight=n] || g:, reml", "counts of equal rows are counts= of the model"),
    ("stata", "mixed y i(1 3).n || g:, reml", "'i(1 3).' picks levels"),
    ("stata", "mixed y 2.n || g:, reml", "the operator '2.' picks one level"),
    ("stata", "mixed y i2.n || g:, reml", "the operator 'i2.' is not read"),
    ("stata", "mixed y ib2.n || g:, reml", "'ib2.' makes level 2 of 'n' the reference"),
    ("stata", "mixed y ib(last).n || g:, reml", "'ib(last).' is not read"),
    ("stata", "mixed y i.n, noconstant || g:, reml", "without a constant Stata leaves out the"),
    ("stata", "encode k, generate(c)\nmixed y c || g:, reml", "Stata takes 'c' for numbers here"),
    ("stata", "bysort g n: egen m = mean(x)\nmixed y m || g:", "the prefix by is read with one"),
)  # fmt: skip


@pytest.mark.parametrize(("system", "code", "said"), REFUSED)
def test_refused_by_name(system: str, code: str, said: str, data: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code(system, code, data=data)
    assert said in str(refusal.value)


WHOLE = (
    ("lme4", f"library(lme4)\nd <- read.csv('d.csv')\nsummary(d)\nm <- {FIT}\nd <- head(d)"),
    ("lme4", f"e <- subset(d, x > 0)\n{FIT}"),
    ("lme4", f"d$w <- d$x^2\nd$k <- factor(d$k)\n{FIT}"),
    ("lme4", f"d$g <- factor(d$g)\n{FIT}"),
    ("lme4", f"d <- d %>% arrange(g) %>% as.data.frame()\n{FIT}"),
    ("lme4", f"d <- d[order(d$g), c('y', 'x', 'g')]\n{FIT}"),
    ("lme4", f"d <- na.omit(d[c('y', 'x', 'g')])\n{FIT}"),
    ("lme4", f"d <- subset(d, !is.na(y) & !is.na(x))\n{FIT}"),
    ("lme4", "with(d, lmer(y ~ x + (1 | g)))"),
    ("lme4", "lmer(y ~ x + (1 | g), data = datasets::d, na.action = na.exclude)"),
    ("nlme", "lme(y ~ x, data = d, random = ~ 1 | g, control = lmeControl(opt = 'optim'))"),
    ("brms", "brm(y ~ x + (1 | g), data = d, family = gaussian(link = 'identity'))"),
    ("statsmodels", 'd = pd.read_csv("d.csv")\nsmf.mixedlm("y ~ x", d, groups=d["g"]).fit()'),
    ("statsmodels", 'e = d[["y", "x", "g"]].dropna().copy()\nsmf.mixedlm("y ~ x", e, groups=e.g)'),
    ("statsmodels", 'd["w"] = d["x"] ** 2\nsmf.mixedlm("y ~ x", d.reset_index(), groups="g")'),
    ("bambi", "with warnings.catch_warnings():\n    m = bmb.Model('y ~ x + (1|g)', d)"),
    ("sas", f"PROC MIXED DATA=d(KEEP=y x g); {MIXED}"),
    ("sas", f"PROC SORT DATA=d OUT=e; BY g; RUN; PROC MIXED DATA=e; {MIXED}"),
    ("sas", f"DATA e; SET d; x = 2 * x; RUN; PROC MIXED DATA=d; {MIXED}"),
    ("stata", f"use d\nsort g\ndrop if missing(y, x)\n{STATA}"),
)  # fmt: skip


@pytest.mark.parametrize(("system", "code"), WHOLE)
def test_code_that_keeps_every_row(system: str, code: str, data: pd.DataFrame) -> None:
    model = hb.read_code(system, code, data=data)
    assert model.specification.lme4() == "y ~ 1 + x + (1 | g)"
    assert len(model.problem.design.rows.y) == len(data)


def test_a_column_changed_in_a_data_step_is_read_as_changed(data: pd.DataFrame) -> None:
    code = f"DATA e; SET d; x = 2 * x; RUN; PROC MIXED DATA=e; {MIXED}"
    model = hb.read_code("sas", code, data=data)
    np.testing.assert_array_equal(model.problem.design.rows.X[:, 1], 2.0 * data["x"])


def test_stata_levels_are_read_where_they_mean_the_same(data: pd.DataFrame) -> None:
    for code in ("ib1.n", "i.n", "ib(first).n", "ibn.n"):
        model = hb.read_code("stata", f"mixed y {code} || g:, reml", data=data)
        assert model.specification.fixed == ("1", "C(n)")
    model = hb.read_code("stata", "mixed y ibn.n, noconstant || g:, reml", data=data)
    assert len(model.problem.design.terms) == 3
