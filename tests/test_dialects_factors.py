"""Several grouping factors in other systems' words, written and read."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb

NESTED = "y ~ x + (1 + x | school) + (1 | school:klass)"
UNIQUE = "y ~ x + (1 | school) + (1 + x | room)"  # each room is of one school
CROSSED = "y ~ x + (1 | school) + (1 | item)"
MIXED = "y ~ x + (1 | item) + (1 | school) + (1 | school:klass)"
SLOPES = "y ~ x + (1 + x | school) + (1 + x | item)"
INDEPENDENT = "y ~ x + (x || school) + (x || school:klass)"
WRITTEN = (NESTED, UNIQUE, CROSSED, MIXED, SLOPES, INDEPENDENT)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Six schools of three classes, numbered in each, by five items; four rows a cell."""
    rng = np.random.default_rng(5)
    cells = pd.MultiIndex.from_product(
        [[f"s{k}" for k in range(6)], [1, 2, 3], list("abcde"), range(4)],
        names=["school", "klass", "item", "row"],
    )
    frame = cells.to_frame(index=False).drop(columns="row")
    frame["room"] = frame["school"] + "-" + frame["klass"].astype(str)
    frame["x"] = rng.normal(size=len(frame))
    for name in ("school", "room", "item"):
        codes = pd.factorize(frame[name])[0]
        effects = rng.normal(size=(codes.max() + 1, 2))[codes]
        frame[f"of_{name}"] = effects[:, 0] + 0.7 * effects[:, 1] * frame["x"]
    noise = rng.normal(size=len(frame))
    frame["y"] = frame["x"] + frame.filter(like="of_").sum(axis=1) + noise
    return frame[["y", "x", "school", "klass", "room", "item"]]


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
    ("stata", NESTED): "mixed y x || school: x, covariance(unstructured) || klass:, reml",
    ("stata", MIXED): """\
egen long item_number = group(item)
mixed y x || _all: R.item_number || school: || klass:, reml""",
    ("stata", "y ~ x + (1 | klass) + (1 + x | school:item)"): """\
egen long school_item = group(school item)
mixed y x || _all: R.klass || school_item: x, covariance(unstructured) reml""",
}  # fmt: skip


@pytest.mark.parametrize(("system", "formula"), CODE)
def test_code(system: str, formula: str, data: pd.DataFrame) -> None:
    assert emitted(system, formula, data) == CODE[system, formula]


PRIORS = {
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
SYSTEMS = ("nlme", "lme4", "brms", "rstanarm", "sas", "stata")


@pytest.mark.parametrize("formula", WRITTEN)
@pytest.mark.parametrize("system", SYSTEMS)
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
