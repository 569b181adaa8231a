"""Several grouping factors in other systems' words, written and read."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.translation.columns import columns_of
from hierbayes.translation.registry import read
from tests.dialect_models import schools_and_items

NESTED = "y ~ x + (1 + x | school) + (1 | school:klass)"
UNIQUE = "y ~ x + (1 | school) + (1 + x | room)"  # each room is of one school
CROSSED = "y ~ x + (1 | school) + (1 | item)"
MIXED = "y ~ x + (1 | item) + (1 | school) + (1 | school:klass)"
SLOPES = "y ~ x + (1 + x | school) + (1 + x | item)"
INDEPENDENT = "y ~ x + (x || school) + (x || school:klass)"
WRITTEN = (NESTED, UNIQUE, CROSSED, MIXED, SLOPES, INDEPENDENT)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return schools_and_items()


def emitted(system: str, formula: str, data: pd.DataFrame, **stated: Any) -> str:
    return hb.Model(formula, data=data, **stated).emit(system, data="d")


CODE = {
    ("lme4", MIXED): """\
library(lme4)

fit <- lmer(
  y ~ x + (1 | item) + (1 | school) + (1 | school:klass),
  data = d,
  REML = TRUE
)
""",
    ("nlme", NESTED): """\
library(nlme)

fit <- lme(
  y ~ x,
  random = list(school = ~ 1 + x, klass = ~ 1),
  data = d,
  method = "REML",
  na.action = na.omit
)
""",
    ("nlme", INDEPENDENT): """\
library(nlme)

fit <- lme(
  y ~ x,
  random = list(school = pdDiag(~ 1 + x), klass = pdDiag(~ 1 + x)),
  data = d,
  method = "REML",
  na.action = na.omit
)
""",
    ("sas", MIXED): """\
PROC MIXED DATA=d METHOD=REML;
  CLASS item school klass;
  MODEL y = x / SOLUTION;
  RANDOM INTERCEPT / SUBJECT=item;
  RANDOM INTERCEPT / SUBJECT=school;
  RANDOM INTERCEPT / SUBJECT=klass(school);
RUN;""",
    ("sas", "y ~ x + (1 | item) + (1 + x | school:item)"): """\
PROC MIXED DATA=d METHOD=REML;
  CLASS item school;
  MODEL y = x / SOLUTION;
  RANDOM INTERCEPT / SUBJECT=item;
  RANDOM INTERCEPT x / SUBJECT=school*item TYPE=UN;
RUN;""",
    ("mlwin", "y ~ x + (x || school) + (x || school:klass)"): """\
NOTE 'd' has complete rows only, sorted by 'school' and 'klass'; 'row' numbers them
LINK 1 G21
NAME G21[1] 'cons'
CALC 'cons' = 0 * 'y' + 1

RESP 'y'
IDEN 1 'row'
IDEN 2 'klass'
IDEN 3 'school'
ADDT 'cons'
ADDT 'x'
SETV 2 'cons'
SETV 2 'x'
SETV 3 'cons'
SETV 3 'x'
CLRE 2 'cons' 'x'
CLRE 3 'cons' 'x'
SETV 1 'cons'
NOTE METH 0 is RIGLS, restricted maximum likelihood; METH 1 is IGLS, maximum likelihood
METH 0
BATC 1
STAR""",
    ("stata", NESTED): "mixed y x || school: x, covariance(unstructured) || klass:, reml",
    ("stata", MIXED): """\
egen long item_number = group(item)
mixed y x || _all: R.item_number || school: || klass:, reml""",
    ("stata", "y ~ x + (1 | klass) + (1 + x | school:item)"): """\
egen long school_item = group(school item)
mixed y x || _all: R.klass || school_item: x, covariance(unstructured) reml""",
    ("statsmodels", "y ~ x + (1 + x | school) + (x || school:klass)"): """\
import statsmodels.formula.api as smf

d = d.dropna(subset=["y", "x", "school", "klass"])
fit = smf.mixedlm(
    "y ~ x",
    d,
    groups=d["school"],
    re_formula="1 + x",
    vc_formula={
        "Intercept|school:klass": "0 + C(klass)",
        "x|school:klass": "0 + C(klass):x",
    },
).fit(reml=True, method=["lbfgs", "powell"])
""",
    ("statsmodels", "y ~ x + (x || item) + (1 | school:klass)"): """\
import numpy as np
import statsmodels.formula.api as smf

d = d.dropna(subset=["y", "x", "item", "school", "klass"])
fit = smf.mixedlm(
    "y ~ x",
    d,
    groups=np.ones(len(d)),  # one group of all rows
    vc_formula={
        "Intercept|item": "0 + C(item)",
        "x|item": "0 + C(item):x",
        "Intercept|school:klass": "0 + C(school):C(klass)",
    },
).fit(reml=True, method=["lbfgs", "powell"])
""",
}  # fmt: skip


@pytest.mark.parametrize(("system", "formula"), CODE)
def test_code(system: str, formula: str, data: pd.DataFrame) -> None:
    assert emitted(system, formula, data) == CODE[system, formula]


PRIORS: dict[str, Any] = {
    "gamma": {"Intercept": hb.Flat(), "x": hb.Normal(0, 4)},
    "sd": {
        "school": hb.HalfNormal(2),
        "item": {"Intercept": hb.HalfNormal(3), "x": hb.Exponential(0.5)},
    },
    "corr": {"school": hb.LKJ(1), "item": hb.LKJ(4)},
    "sigma": hb.Exponential(1),
}


def test_priors_by_factor(data: pd.DataFrame) -> None:
    assert (
        emitted("brms", SLOPES, data, priors=PRIORS)
        == """\
library(brms)

fit <- brm(
  y ~ 0 + Intercept + x + (1 + x | school) + (1 + x | item),
  data = d,
  family = gaussian(),
  prior = c(
    prior(normal(0, 4), class = "b", coef = "x"),
    prior(normal(0, 2), class = "sd", coef = "Intercept", group = "school"),
    prior(normal(0, 2), class = "sd", coef = "x", group = "school"),
    prior(normal(0, 3), class = "sd", coef = "Intercept", group = "item"),
    prior(exponential(0.5), class = "sd", coef = "x", group = "item"),
    prior(lkj(1), class = "cor", group = "school"),
    prior(lkj(4), class = "cor", group = "item"),
    prior(exponential(1), class = "sigma")
  )
)
"""
    )
    lost = [line for line in emitted("rstanarm", SLOPES, data, priors=PRIORS).splitlines()
            if line.startswith("# Not carried over")]  # fmt: skip
    assert [line.partition("there: ")[2] for line in lost] == [
        "sd(Intercept|school) ~ HalfNormal(2)",
        "sd(x|school) ~ HalfNormal(2)",
        "sd(Intercept|item) ~ HalfNormal(3)",
        "sd(x|item) ~ Exponential(0.5)",
        "corr(Intercept|school, x|school) ~ LKJ(1)",
        "corr(Intercept|item, x|item) ~ LKJ(4)",
    ]


def test_priors_by_factor_in_bambi(data: pd.DataFrame) -> None:
    stated = {**PRIORS, "sd": {**PRIORS["sd"], "school": hb.HalfT(3, 0, 2)}}
    del stated["corr"]
    code = emitted("bambi", "y ~ x + (x || item) + (1 | school)", data, priors=stated)
    assert (
        code
        == """\
import bambi as bmb

d = d.dropna(subset=["y", "x", "item", "school"])
model = bmb.Model(
    "y ~ x + (1|item) + (0 + x|item) + (1|school)",
    d,
    priors={
        "Intercept": bmb.Prior("Flat"),
        "x": bmb.Prior("Normal", mu=0, sigma=4),
        "1|item": bmb.Prior("Normal", mu=0, sigma=bmb.Prior("HalfNormal", sigma=3)),
        "x|item": bmb.Prior("Normal", mu=0, sigma=bmb.Prior("Exponential", lam=0.5)),
        "1|school": bmb.Prior("Normal", mu=0, sigma=bmb.Prior("HalfStudentT", nu=3, sigma=2)),
        "sigma": bmb.Prior("Exponential", lam=1),
    },
    center_predictors=False,
    noncentered=True,
)
results = model.fit()
"""
    )


def test_pymc_by_factor(data: pd.DataFrame) -> None:
    code = emitted("pymc", "y ~ x + (1 + x | item) + (1 | school:klass)", data, priors={
        "gamma": hb.Normal(0, 4), "sd": hb.HalfNormal(2), "corr": hb.LKJ(3),
        "sigma": hb.Exponential(1),
    })  # fmt: skip
    assert (
        code
        == """\
import pandas as pd
import pymc as pm
from formulaic import model_matrix

d = d.dropna(subset=["y", "x", "item", "school", "klass"])
X = model_matrix("1 + x", d)
Z_0 = model_matrix("1 + x", d)
Z_1 = model_matrix("1", d)
y = model_matrix("0 + y", d).to_numpy()[:, 0]
group_0, groups_0 = pd.factorize(d["item"], sort=True)
cells = pd.MultiIndex.from_frame(d[["school", "klass"]])
group_1, groups_1 = pd.factorize(cells, sort=True)
groups_1 = [":".join(map(str, label)) for label in groups_1]

coords = {
    "term": list(X.columns),
    "effect_0": list(Z_0.columns),
    "effect_1": list(Z_1.columns),
    "group_0": groups_0,
    "group_1": groups_1,
    "row": d.index,
}

with pm.Model(coords=coords) as model:
    gamma = pm.Normal("gamma", mu=0, sigma=4, dims="term")
    sd_0 = pm.HalfNormal("sd_0", sigma=2, dims="effect_0")
    L_0 = pm.LKJCorr("L_0", n=2, eta=3)  # lower root of the correlation matrix
    z_0 = pm.Normal("z_0", 0, 1, dims=("group_0", "effect_0"))
    u_0 = pm.Deterministic("u_0", z_0 @ (sd_0[:, None] * L_0).T, dims=("group_0", "effect_0"))
    sd_1 = pm.HalfNormal("sd_1", sigma=2, dims="effect_1")
    z_1 = pm.Normal("z_1", 0, 1, dims=("group_1", "effect_1"))
    u_1 = pm.Deterministic("u_1", z_1 * sd_1, dims=("group_1", "effect_1"))
    sigma = pm.Exponential("sigma", lam=1)
    mu = X.to_numpy() @ gamma
    mu = mu + (Z_0.to_numpy() * u_0[group_0]).sum(axis=-1)
    mu = mu + (Z_1.to_numpy() * u_1[group_1]).sum(axis=-1)
    pm.Normal("y", mu, sigma, observed=y, dims="row")
"""
    )


def test_priors_of_some_factors_are_not_those_of_all(data: pd.DataFrame) -> None:
    """brms would take a prior of the class for the factors whose own are not carried over."""
    code = emitted("brms", "y ~ x + (1 + x | school) + (1 | item)", data)
    (line,) = (line for line in code.splitlines() if 'class = "sd"' in line)
    assert line.endswith('class = "sd", coef = "Intercept", group = "item"),')


REFUSED = {
    ("nlme", CROSSED): "lme has nested grouping factors only, and 'school' and 'item' cross; lmer "
    "of lme4 has both",
    ("nlme", MIXED): "lme has nested grouping factors only, and 'item' and 'school' cross; lmer of "
    "lme4 has both",
    ("nlme", SLOPES): "lme has nested grouping factors only, and 'school' and 'item' cross; lmer "
    "of lme4 has both",
    ("nlme", "y ~ x + (1 | school:klass)"): "lme names one column for each level of nesting, and "
    "'school:klass' is not one more column; make a column of it first",
    ("stata", SLOPES): "Stata has slopes over one of several crossed factors only, and here over "
    "'school', 'item'; lmer of lme4 has them all",
    ("statsmodels", SLOPES): "statsmodels has correlated effects over groups that all others lie "
    "in only, and this model has (1 + x | school); (1 + x || school) is independent",
    ("statsmodels", UNIQUE): "statsmodels has correlated effects over the groups of 'school' only, "
    "and this model has (1 + x | room); (1 + x || room) is independent",
    ("bambi", NESTED): "bambi's group effects are independent; this model has the correlated block "
    "(1 + x | school); write (1 + x || school) if independence is meant",
    ("bambi", UNIQUE): "bambi's group effects are independent; this model has the correlated block "
    "(1 + x | room); write (1 + x || room) if independence is meant",
    ("bambi", SLOPES): "bambi's group effects are independent; this model has the correlated block "
    "(1 + x | school); write (1 + x || school) if independence is meant",
    ("hlm", MIXED): "HLM has nested grouping factors (HLM2 to HLM4), or two that cross (HCM2), and "
    "this model has 'item', 'school', 'school:klass'; equations() writes them all",
    ("hlm", "y ~ x + (1 | school:klass)"): "HLM has one column of groups at two levels (HLM2), and "
    "'school:klass' is made of several; make a column of it first",
    ("mlwin", CROSSED): "IGLS of MLwiN has nested grouping factors only, and 'school' and 'item' "
    "cross; lmer of lme4 has both",
    ("sas", "y ~ x + klass + (1 | school) + (1 | klass)"): "PROC MIXED takes 'klass' for labels, "
    "as the groups of CLASS are, and the model has it as a number too; make a second column of it",
}  # fmt: skip


@pytest.mark.parametrize(("system", "formula"), REFUSED)
def test_what_cannot_be_said(system: str, formula: str, data: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        emitted(system, formula, data)
    assert str(refusal.value) == REFUSED[system, formula]


# These name a level of nesting by one column, whose groups are those of its combinations.
BY_COLUMN = {"nlme", "stata"}
SYSTEMS = ("nlme", "lme4", "brms", "rstanarm", "bambi", "statsmodels", "sas", "stata", "hlm")


@pytest.mark.parametrize("formula", WRITTEN)
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.slow
def test_round_trip(system: str, formula: str, data: pd.DataFrame) -> None:
    if (system, formula) in REFUSED:
        return
    model = hb.Model(formula, data=data)
    again = hb.read_code(system, model.emit(system), data=model.data)
    found = in_order(again.specification)
    if system in BY_COLUMN and formula == UNIQUE:
        combined = hb.Model("y ~ x + (1 | school) + (1 + x | school:room)", data=data)
        assert found == in_order(combined.specification)
        assert again.reml().loglik == pytest.approx(model.reml().loglik, abs=1e-8)
    else:
        assert found == in_order(model.specification)
    if system not in BY_COLUMN:
        assert again.specification == model.specification


def in_order(specification: Any) -> Any:
    """The same with its grouping factors by name: crossed ones come first in Stata."""
    return replace(specification, random=tuple(sorted(specification.random)))


READ = {
    ("statsmodels", "smf.mixedlm('y ~ x', d, groups='school', vc_formula={'k': '0 + C(klass)'})"):
        "(1 | school:klass)",
    ("statsmodels", "smf.mixedlm('y ~ x', d, groups='school', re_formula='1', "
     "vc_formula={'k': '0 + room', 's': '0 + x', 'r': '0 + room:x'})"):
        "(1 | school) + (0 + x | school) + (1 | school:room) + (0 + x | school:room)",
    ("statsmodels", "d['all'] = 1\nsmf.mixedlm('y ~ x', d, groups='all', re_formula='0', "
     "vc_formula={'a': '0 + C(school)', 'b': '0 + C(item)', 'c': '0 + C(school):C(item)'})"):
        "(1 | school) + (1 | item) + (1 | school:item)",
    ("bambi", "bmb.Model('y ~ x + (x|school) + (1|school:klass) + (1|item)', d)"):
        "(1 | school) + (0 + x | school) + (1 | school:klass) + (1 | item)",
}  # fmt: skip


@pytest.mark.parametrize(("system", "code"), READ)
def test_read(system: str, code: str, data: pd.DataFrame) -> None:
    specification = read(system, code, columns_of(data)).specification
    assert " + ".join(map(str, specification.random)) == READ[system, code]


WRONG = {
    "smf.mixedlm('y ~ x', d, groups=np.ones(len(d)), re_formula='1')":
        "one group of all rows has effects that cannot be estimated",
    "smf.mixedlm('y ~ x', d, groups=np.ones(len(d)), vc_formula={'s': '0 + x'})":
        "the component '0 + x' is of one group, all rows",
    "smf.mixedlm('y ~ x', d, groups='school', vc_formula={'s': '0 + C(klas)'})":
        "the data have no column 'klas'; did you mean 'klass'?",
    "smf.mixedlm('y ~ x', d, groups='school', vc_formula={'s': 'C(klass)'})":
        "the component '1 + C(klass)' has one variance for several effects, which models here do "
        "not have",
}  # fmt: skip


@pytest.mark.parametrize("code", WRONG)
def test_components_that_are_refused(code: str, data: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        read("statsmodels", code, columns_of(data))
    assert str(refusal.value).partition("\n")[0] == WRONG[code]
