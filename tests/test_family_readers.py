"""Models of other families read from other systems' code, and written and read again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests.families_reference import FOLDER

F = hb.families
SINGLE = "(1 | herd)"


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    cbpp = hb.load_dataset("cbpp")
    cbpp["share"] = cbpp["incidence"] / cbpp["size"]
    cbpp["part"] = np.log(cbpp["size"])
    frames = {name: hb.load_dataset(name) for name in ("contraception", "wine")}
    files = {name: pd.read_csv(FOLDER / f"{name}.csv") for name in ("sim_gamma", "sim_beta")}
    return frames | files | {"cbpp": cbpp}


READ: tuple[tuple[str, str, str, str, Any], ...] = (
    ("lme4", "cbpp",
     "glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial)",
     "cbind(incidence, size - incidence) ~ 1 + period + (1 | herd)", F.Binomial()),
    ("lme4", "cbpp",
     'glmer(incidence / size ~ period + (1 | herd), weights = size, family = binomial("probit"))',
     "incidence | trials(size) ~ 1 + period + (1 | herd)", F.Binomial(link="probit")),
    ("lme4", "cbpp",
     "glmer(share ~ period + (1 | herd), weights = size, family = binomial(link = cloglog))",
     "I(np.rint(share * size)) | trials(size) ~ 1 + period + (1 | herd)",
     F.Binomial(link="cloglog")),
    ("lme4", "contraception",
     'm <- lme4::glmer(use ~ age + (1 + urban | district), d, family = "binomial", nAGQ = 1)',
     "use ~ 1 + age + (1 + urban | district)", F.Bernoulli()),
    ("lme4", "cbpp",
     "glmer.nb(incidence ~ period + (1 | herd) + offset(log(size)), data = d)",
     "incidence ~ 1 + period + offset(np.log(size)) + (1 | herd)", F.NegativeBinomial()),
    ("lme4", "cbpp",
     "f <- stats::poisson()\nglmer(incidence ~ period + (1 | herd), d, f, offset = log(size))",
     "incidence ~ 1 + period + offset(np.log(size)) + (1 | herd)", F.Poisson()),
    ("glmmtmb", "cbpp",
     "glmmTMB(incidence ~ period + diag(1 + part | herd), d, nbinom2, ziformula = ~ 1)",
     "incidence ~ 1 + period + (1 | herd) + (0 + part | herd)",
     F.ZeroInflated(F.NegativeBinomial())),
    ("glmmtmb", "cbpp",
     "glmmTMB(incidence ~ period + (1 | herd), d, poisson, ziformula = ~ log(size))",
     f"incidence ~ 1 + period + {SINGLE}", F.ZeroInflated(F.Poisson(), "~ np.log(size)")),
    ("glmmtmb", "sim_beta", "glmmTMB(y ~ x + us(1 + x | g), d, family = beta_family())",
     "y ~ 1 + x + (1 + x | g)", F.Beta()),
    ("glmmtmb", "sim_gamma", "glmmTMB(y ~ x + (1 | g), d, Gamma(log), dispformula = ~ 1)",
     "y ~ 1 + x + (1 | g)", F.Gamma()),
    ("glmmtmb", "sim_gamma", "glmmTMB(y ~ x + (1 | g), d, ziformula = ~ 0, REML = TRUE)",
     "y ~ 1 + x + (1 | g)", None),
    ("rstanarm", "cbpp", "stan_glmer(incidence ~ period + (1 | herd), d, neg_binomial_2())",
     f"incidence ~ 1 + period + {SINGLE}", F.NegativeBinomial()),
    ("brms", "cbpp",
     "brm(incidence | trials(size) ~ period + (1 | herd), data = d, family = beta_binomial())",
     "incidence | trials(size) ~ 1 + period + (1 | herd)", F.BetaBinomial()),
    ("brms", "wine",
     "wine$rating <- factor(wine$rating, ordered = TRUE)\n"
     'brm(rating ~ temp + (1 | judge), data = wine, family = cumulative("probit"))',
     "rating ~ 1 + temp + (1 | judge)", F.Cumulative(link="probit")),
    ("bambi", "wine", 'bmb.Model("rating ~ 0 + temp + (1|judge)", wine, family="cumulative")',
     "rating ~ 1 + temp + (1 | judge)", F.Cumulative()),
    ("brms", "cbpp",
     "brm(bf(incidence ~ period + (1 | herd), zi ~ 1), data = d, "
     "family = zero_inflated_poisson())",
     f"incidence ~ 1 + period + {SINGLE}", F.ZeroInflated(F.Poisson())),
    ("brms", "cbpp",
     "brm(bf(incidence ~ period + (1 | herd), hu ~ 1), d, family = hurdle_negbinomial())",
     f"incidence ~ 1 + period + {SINGLE}", F.Hurdle(F.NegativeBinomial())),
    ("glmmtmb", "cbpp",
     "glmmTMB(incidence ~ period + (1 | herd), d, truncated_poisson, ziformula = ~ 1)",
     f"incidence ~ 1 + period + {SINGLE}", F.Hurdle(F.Poisson())),
)  # fmt: skip


@pytest.mark.parametrize(("system", "data", "code", "formula", "family"), READ)
def test_read(
    system: str, data: str, code: str, formula: str, family: Any,
    frames: Mapping[str, pd.DataFrame],
) -> None:  # fmt: skip
    model = hb.read_code(system, code, data=frames[data])
    assert model.specification.lme4() == formula
    found = model.problem.family
    assert (found and (found.title, found.link)) == (family and (family.title, family.link))


@pytest.mark.parametrize("system", ["lme4", "glmmtmb", "rstanarm", "brms"])
@pytest.mark.parametrize(
    ("data", "formula", "family"),
    [
        ("contraception", "use ~ age + (1 + urban | district)", F.Bernoulli(link="cloglog")),
        ("cbpp", "incidence | trials(size) ~ period + (1 | herd)", F.Binomial()),
        ("cbpp", "incidence ~ period + offset(part) + (1 | herd)", F.NegativeBinomial()),
        ("sim_gamma", "y ~ x + (x || g)", F.Gamma()),
    ],
)
def test_what_is_written_is_read_again(
    system: str, data: str, formula: str, family: Any, frames: Mapping[str, pd.DataFrame]
) -> None:
    model = hb.Model(formula, frames[data], family=family)
    again = hb.read_code(system, model.emit(system), data=frames[data])
    assert again.problem.family == family
    one, other = model.problem.family_rows, again.problem.family_rows
    np.testing.assert_array_equal(one.y, other.y)
    np.testing.assert_array_equal(one.m, other.m)
    np.testing.assert_array_equal(one.offset, other.offset)
    assert again.problem.design.terms == model.problem.design.terms


WRONG: tuple[tuple[str, str, str], ...] = (
    ("lme4", "glmer(part ~ period + (1 | herd), d, family = Gamma)",
     "the link inverse of Gamma is not read: Gamma has the links log here, as in "
     'Gamma(link = "log")'),
    ("lme4", "glmer(part ~ period + (1 | herd), d, family = inverse.gaussian)",
     "the family inverse.gaussian of glmer is not read; read are: gaussian, binomial, poisson, "
     "Gamma"),
    ("lme4", "glmer(incidence ~ period + (1 | herd), d, poisson, weights = size)",
     "the argument 'weights' is read as the trials of a share, as in glmer(k / n ~ ..., weights "
     "= n, family = binomial); other weights models here do not have"),
    ("lme4", "glmer(incidence / part ~ period + (1 | herd), d, binomial, weights = size)",
     "the response 'incidence / part' is no share of the weights 'size'; write the trials in both "
     "places, as in k / n with weights = n"),
    ("lme4", "glmer(part ~ period + (1 | herd), d, binomial, weights = size)",
     "the share 'part' of 'size' trials is no whole number of successes: row 0 has 36.9468"),
    ("glmmtmb", "glmmTMB(incidence ~ period + (1 | herd), d, truncated_poisson)",
     "truncated_poisson by itself is of counts above 0 alone, which models here do not have; with "
     "ziformula = ~ 1 it is a hurdle"),
    ("glmmtmb", "glmmTMB(incidence ~ ar1(period + 0 | herd), d, family = poisson)",
     "the structure ar1(...) of random effects models here do not have beside a residual variance; "
     "us(...) and diag(...) are read, and with dispformula = ~ 0 what stands for the errors"),
    ("glmmtmb", "glmmTMB(incidence ~ period + (1 | herd), d, nbinom2, dispformula = ~ period)",
     "dispformula = ~ 1 is read of a family; a dispersion of it that depends on columns models "
     "here do not have"),
    ("brms", "brm(incidence | weights(size) ~ period + (1 | herd), d, poisson())",
     "weights(w) multiplies the log likelihood of each row by w; where w counts equal rows, leave "
     "it out and give counts='w', and where the variance of a row is σ²/w, write bf(..., sigma ~ "
     "offset(-log(w) / 2))"),
    ("brms", "brm(bf(incidence ~ period + (1 | herd), shape ~ period), d, negbinomial())",
     "bf(...) with more than one formula models more than the mean; those of 'sigma', 'zi' and "
     "'hu' are read"),
    ("brms", "brm(bf(incidence ~ period + (1 | herd), zi ~ (1 | herd)), d, "
     "zero_inflated_poisson())",
     "what zeros depend on has no random effects: '~ (1 | herd)'"),
    ("brms", "brm(bf(incidence ~ period + (1 | herd), zi ~ period), d, hurdle_poisson())",
     "'zi' has a formula, and the family is none of those with it, such as "
     "zero_inflated_poisson()"),
    ("brms", "brm(period ~ size + (1 | herd), d, categorical(refcat = '2'))",
     "the argument 'refcat' of a family is not read; leave it out"),
    ("glmmtmb", "glmmTMB(part ~ size + (1 | herd), d, map = list(theta = factor(NA)), "
     "start = list(theta = 0))",
     "the argument 'map' holds parameters fixed; the degrees of freedom of t_family are read, as "
     "in start = list(psi = log(5)), map = list(psi = factor(NA))"),
    ("brms", "d$period <- factor(d$period, ordered = TRUE)\n"
     "brm(incidence ~ period + (1 | herd), d, poisson())",
     "the code makes an ordered factor of 'period', which R codes by polynomials; make columns of "
     "them in the data, or a plain factor"),
)  # fmt: skip


@pytest.mark.parametrize(("system", "code", "message"), WRONG)
def test_refused(system: str, code: str, message: str, frames: Mapping[str, pd.DataFrame]) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code(system, code, data=frames["cbpp"])
    assert str(refusal.value).split("\n")[0] == message


def test_degrees_of_freedom_that_a_call_holds(frames: Mapping[str, pd.DataFrame]) -> None:
    data = frames["sim_gamma"]
    call = "brm({}, data = d, family = student(){})"
    for formula, prior, df in (
        ("y ~ x + (1 | g)", ', prior = set_prior("constant(4.5)", class = "nu")', 4.5),
        ("bf(y ~ x + (1 | g), nu = 3)", "", 3.0),
        ("y ~ x + (1 | g)", ", prior = c(prior(constant(4), class = sigma))", None),
    ):
        model = hb.read_code("brms", call.format(formula, prior), data=data)
        assert model.problem.family == F.StudentT(df=df)
    code = "glmmTMB(y ~ x + (1 | g), d, t_family(), start = list(psi = 2), map = list({} = NA))"
    family = hb.read_code("glmmtmb", code.format("psi"), data=data).problem.family
    assert family == F.StudentT(df=math.exp(2.0))


def test_zeros_of_columns_and_nominal_categories_in_brms(
    frames: Mapping[str, pd.DataFrame],
) -> None:
    own = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1)}
    zeros = hb.Model("incidence ~ period + (1 | herd)", frames["cbpp"],
                     family=F.Hurdle(F.Poisson(), "~ period * size"),
                     priors=own | {"zero: size": hb.Normal(0, 0.5)})  # fmt: skip
    code = zeros.emit("brms")
    assert "(1 | herd), hu ~ 0 + Intercept + period * size),\n" in code
    assert 'prior(normal(0, 0.5), class = "b", coef = "size", dpar = "hu")\n' in code
    assert "# Not carried over, brms has priors of its own there: zero: period[T.2]:size ~" in code
    again = hb.read_code("brms", code, data=frames["cbpp"])
    assert again.problem.family == zeros.problem.family
    np.testing.assert_array_equal(again.problem.family_rows.m, zeros.problem.family_rows.m)
    women = hb.Model("livch ~ age + (1 + age | district)", frames["contraception"],
                     family="categorical", priors=own)  # fmt: skip
    code = women.emit("brms")
    assert "  livch ~ 0 + Intercept + age + (1 + age | district),\n" in code
    assert '  family = categorical(link = "logit"),\n' in code
    assert '    prior(normal(0, 2), class = "b", dpar = "mu3"),\n' in code
    assert '    prior(normal(0, 1), class = "sd", dpar = "mu3"),\n    prior(lkj(2)' in code
    assert hb.read_code("brms", code, data=frames["contraception"]).problem.family == (
        women.problem.family
    )
    children = frames["contraception"]["livch"].astype(str).replace("3+", "2+")
    same = frames["contraception"].assign(livch=children)
    with pytest.raises(hb.FormulaError, match="two of '1', '2', '2\\+' are one; rename them"):
        hb.Model("livch ~ age + (1 | district)", same, family="categorical").emit("brms")


def test_priors_of_thresholds_and_of_further_zeros_in_brms(
    frames: Mapping[str, pd.DataFrame],
) -> None:
    priors = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1)}
    own = priors | {"thresholds": hb.Exponential(1)}
    wine = hb.Model("rating ~ temp + (1 | judge)", frames["wine"], family="cumulative", priors=own)
    code = wine.emit("brms", data="wine")
    lost = [line.split("there: ")[1] for line in code.splitlines() if line.startswith("# Not")]
    assert lost == [
        "minus the first threshold ~ Normal(0, 2)",
        *(f"distance {k}|{k + 1} to {k + 1}|{k + 2} ~ Exponential(1)" for k in (1, 2, 3)),
    ]
    assert "  rating ~ temp + (1 | judge),\n" in code
    assert '    prior(normal(0, 2), class = "b"),\n' in code
    zeros = hb.Model(
        "incidence ~ period + (1 | herd)", frames["cbpp"],
        family=F.ZeroInflated(F.NegativeBinomial()),
        priors=priors | {"phi": hb.Exponential(1), "logit zero": hb.Normal(0, 1.5)},
    )  # fmt: skip
    code = zeros.emit("brms")
    assert "  bf(incidence ~ 0 + Intercept + period + (1 | herd), zi ~ 1),\n" in code
    assert '    prior(normal(0, 1.5), class = "Intercept", dpar = "zi")\n' in code
    hurdle = hb.Model(zeros.specification.lme4(), frames["cbpp"], family=F.Hurdle(F.Poisson()),
                      priors=priors | {"logit zero": hb.Normal(0, 1.5)})  # fmt: skip
    code = hurdle.emit("brms")
    assert "(1 | herd), hu ~ 1),\n" in code
    assert '  family = hurdle_poisson(link = "log"),\n' in code
    assert '    prior(normal(0, 1.5), class = "Intercept", dpar = "hu")\n' in code
    logged = F.ZeroInflated(F.Poisson(), "~ np.log(size)")
    zeros = hb.Model(hurdle.specification.lme4(), frames["cbpp"], family=logged)
    assert "  ziformula = ~ log(size)\n" in zeros.emit("glmmtmb")
    code = hurdle.emit("glmmtmb")
    assert '  family = truncated_poisson(link = "log"),\n  ziformula = ~ 1\n' in code
