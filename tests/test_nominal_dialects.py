"""Nominal categories in other systems' words: SAS, Stata and HLM read again, PyMC run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import logsumexp

import hierbayes as hb
from tests.interpreted import without_compiler
from tests.test_dialects_python import log_density

F = hb.families
WORDS = {"0": "none", "1": "one", "2": "two", "3+": "more"}  # in no alphabetic order


@pytest.fixture(scope="module")
def women() -> pd.DataFrame:
    data = hb.load_dataset("contraception")
    words = data["livch"].astype(str).map(WORDS)
    numbers = data["livch"].astype(str).str[0].astype(int)
    return data.assign(words=pd.Categorical(words, [*WORDS.values()]), numbers=numbers)


FORMULAS = (
    "livch ~ age + urban + (1 + age | district)",
    "words ~ 0 + age + (age || district)",
    "numbers ~ age * urban + (1 | district)",
    "words ~ age + (1 | urban) + (1 + age | urban:district)",
)


@pytest.mark.parametrize("system", ["sas", "stata", "hlm"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_what_is_written_is_read_again(system: str, formula: str, women: pd.DataFrame) -> None:
    model = hb.Model(formula, women, family="categorical")
    again = hb.read_code(system, model.emit(system), data=women)
    assert again.specification == model.specification
    assert again.problem.family == model.problem.family
    np.testing.assert_array_equal(again.problem.family_rows.y, model.problem.family_rows.y)
    assert again.problem.design.blocks == model.problem.design.blocks


def test_models_of_nominal_categories_are_compared(women: pd.DataFrame) -> None:
    few = women[women["numbers"] < 3].iloc[::12].astype({"livch": str})
    half = few.assign(half=np.arange(len(few)) % 4)
    wide, other = (
        hb.Model(f"livch ~ 1 + {random}", half, family="categorical")
        for random in ("(1 | district) + (1 | half)", "(1 | half) + (1 | district)")
    )
    assert hb.equivalence(wide, other).same_random
    slope = hb.Model("livch ~ 1 + (age | district) + (1 | half)", half, family="categorical")
    assert not hb.equivalence(wide, slope).same_random


def test_programs_in_full(women: pd.DataFrame) -> None:
    few = women[women["numbers"] < 3]
    model = hb.Model("numbers ~ age + (1 + age | district)", few, family="categorical")
    assert model.emit("sas", data="women") == (
        "PROC GLIMMIX DATA=women METHOD=LAPLACE;\n"
        "  CLASS district numbers;\n"
        "  MODEL numbers(REF='0') = age / SOLUTION DIST=MULTINOMIAL LINK=GLOGIT;\n"
        "  RANDOM INTERCEPT age / SUBJECT=district TYPE=UN GROUP=numbers;\n"
        "RUN;"
    )
    assert model.emit("stata") == (
        "gsem ///\n"
        "    (1.numbers <- age M1[district]@1 c.age#M2[district]@1) ///\n"
        "    (2.numbers <- age M3[district]@1 c.age#M4[district]@1), ///\n"
        "    mlogit covariance(M1[district]*M3[district]@0 M1[district]*M4[district]@0 ///\n"
        "    M2[district]*M3[district]@0 M2[district]*M4[district]@0) intmethod(laplace)"
    )
    lines = model.emit("hlm").splitlines()
    assert "\n".join(line for line in lines if not line.startswith("Estimation")) == EQUATIONS


EQUATIONS = """\
Level-1 model
    Prob(numbersij = 1|βj) = φij(1)
    Prob(numbersij = 2|βj) = φij(2)
    Prob(numbersij = 0|βj) = φij(3)
    log[φij(1)/φij(3)] = ηij(1)
    log[φij(2)/φij(3)] = ηij(2)
    ηij(1) = β0j(1) + β1j(1)*(ageij)
    ηij(2) = β0j(2) + β1j(2)*(ageij)

Level-2 model (district)
    β0j(1) = γ00(1) + u0j(1)
    β1j(1) = γ10(1) + u1j(1)
    β0j(2) = γ00(2) + u0j(2)
    β1j(2) = γ10(2) + u1j(2)

Mixed model
    ηij(1) = γ00(1) + γ10(1)*ageij
        + u0j(1) + u1j(1)*ageij
    ηij(2) = γ00(2) + γ10(2)*ageij
        + u0j(2) + u1j(2)*ageij

with categories numbered as above: HLM compares them with the last
Cov(u0j(1), u0j(2)) = 0
Cov(u0j(1), u1j(2)) = 0
Cov(u1j(1), u0j(2)) = 0
Cov(u1j(1), u1j(2)) = 0"""

GLIMMIX = (
    "PROC GLIMMIX; CLASS district; MODEL livch{} = age / DIST=MULT LINK=GLOGIT; "
    "RANDOM INT / SUB=district{}; RUN;"
)
GSEM = "gsem (2.livch <- age {}) (3.livch <- age {}) (4.livch <- age {}), mlogit {}"
EFFECTS = ("M1[district]", "M2[district]", "M3[district]")
APART = "cov(M1[district]*M2[district]@0 M1[district]*M3[district]@0 M3[district]*M2[district]@0)"
APART += " intpoints(5)"


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("sas", GLIMMIX.format("(REF=FIRST)", " GROUP=livch")),
        ("sas", GLIMMIX.format("(DESC)", " GROUP=LIVCH")),
        ("sas", GLIMMIX.format("(DESCENDING REFERENCE=LAST)", " GRP=livch")),
        ("stata", GSEM.format(*EFFECTS, APART)),
        ("stata", GSEM.format(*EFFECTS, APART).replace("gsem ", "gsem (1b.livch) ")),
    ],
)
def test_ways_to_write_them(system: str, code: str, women: pd.DataFrame) -> None:
    model = hb.read_code(system, code, data=women)
    assert model.specification.lme4() == "livch ~ 1 + age + (1 | district)"
    assert model.problem.family == F.Categorical(categories=("0", "1", "2", "3+"))


WRONG: tuple[tuple[str, str, str], ...] = (
    ("sas", GLIMMIX.format("", " GROUP=livch"),
     "PROC GLIMMIX compares categories of 'livch' with 'last' here, and models here with the "
     "first; write livch(REF='0')"),
    ("sas", GLIMMIX.format("(REF='2')", " GROUP=livch"),
     "PROC GLIMMIX compares categories of 'livch' with '2' here, and models here with the first; "
     "write livch(REF='0')"),
    ("sas", GLIMMIX.format("(REF='0')", ""),
     "effects of nominal categories (LINK=GLOGIT) are of each category; write GROUP=livch"),
    ("sas", GLIMMIX.format("(REF='0')", " GROUP=urban"),
     "effects of nominal categories (LINK=GLOGIT) are of each category; write GROUP=livch"),
    ("sas", GLIMMIX.format("", " GROUP=urban").replace("GLOGIT", "CLOGIT"),
     "the option 'GROUP' of RANDOM is not read: G is the same in all groups"),
    ("stata", GSEM.format(*EFFECTS, ""),
     "'M1' and 'M2' of two categories are correlated, as gsem has it by itself, and here they are "
     "independent; write covariance(M1[district]*M2[district]@0)"),
    ("stata", GSEM.format(*EFFECTS[:2], "M1[district]", ""),
     "'M1' and 'M2' of two categories are correlated, as gsem has it by itself, and here they are "
     "independent; write covariance(M1[district]*M2[district]@0)"),
    ("stata", GSEM.format(EFFECTS[0], EFFECTS[0], EFFECTS[2], APART),
     "'M1' is one effect of two categories, and effects here are of each; name another"),
    ("stata", "gsem (i.livch <- age M1[district]), mlogit",
     "an equation is of one category, as in (2.y <- x M2[g]); effects of all together models here "
     "do not have"),
    ("stata", GSEM.format(*EFFECTS, APART).replace("4.", "1."),
     "the categories of 'livch' are 1, 2, 3, 4, and equations are of all but the first; those "
     "here are of 2, 3, 1"),
    ("stata", GSEM.format(*EFFECTS, APART).replace("age", "i.urban", 1),
     "category 3 has other terms than category 2; models here have the same for all"),
    ("stata", GSEM.format("M1[district]@2", *EFFECTS[1:], APART),
     "a latent variable has the coefficient 1 here, not 2"),
    ("stata", GSEM.format(*EFFECTS, APART.replace("@0 M1", "@0.5 M1")),
     "a covariance is free or held at 0 here, not at 0.5"),
    ("stata", GSEM.format(*EFFECTS, APART).replace(", mlogit", ","),
     "gsem is read of nominal categories alone: with mlogit, and an equation for each category "
     "but the first"),
    ("stata", GSEM.format(*EFFECTS, APART + " var(M1[district]@1)"),
     "the option 'var' is not read: it is not known, or has no counterpart in the package"),
)  # fmt: skip


@pytest.mark.parametrize(("system", "code", "message"), WRONG)
def test_refused(system: str, code: str, message: str, women: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code(system, code, data=women)
    name = {"sas": "SAS", "stata": "Stata"}[system]
    assert str(refusal.value).split("\n")[0] == f"cannot read the {name} code: {message}"


AS_PRINTED = """Level-1 Model
Prob[NUMBERS(1) = 1|βj] = φij(1)
Prob[NUMBERS(2) = 1|βj] = φij(2)
Prob[NUMBERS(3) = 1|βj] = φij(3) = 1 - φij(1) - φij(2)
log[φij(1)/φij(3)] = β0j(1) + β1j(1)*(AGEij)
log[φij(2)/φij(3)] = β0j(2) + β1j(2)*(AGEij)
Level-2 Model (district)
β0(1)j = γ00(1) + u0j(1); β1(1)j = γ10(1)
β0(2)j = γ00(2) + u0j(2); β1(2)j = γ10(2)
Cov(u0(2), u0(1)) = 0"""


@pytest.mark.parametrize("family", ["categorical", "cumulative"])
def test_bambi_makes_categories_of_numbers(family: str, women: pd.DataFrame) -> None:
    model = hb.Model("numbers ~ age + (1 | district)", women, family=family)
    code = model.emit("bambi")
    assert 'data["numbers"] = pd.Categorical(data["numbers"], ordered=' in code
    again = hb.read_code("bambi", code, data=women)
    assert hb.equivalence(model, again)
    assert again.problem.family == model.problem.family
    with pytest.raises(hb.FormulaError, match=r"categories of the numbers of 'numbers', which is"):
        hb.read_code("bambi", code.replace('"numbers ~ ', '"livch ~ numbers + '), data=women)


def test_equations_as_hlm_prints_them(women: pd.DataFrame) -> None:
    """Without labels, whose first category here has the last number there."""
    model = hb.read_code("hlm", AS_PRINTED, data=women.assign(numbers=women["numbers"] % 3))
    assert model.specification.lme4() == "numbers ~ 1 + age + (1 | district)"
    assert model.problem.family == F.Categorical(categories=("0", "1", "2"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Cov(u0j(1), u0j(2)) = 0", "",
         "u0j(1) and u0j(2) of two categories are correlated in HLM, and independent in models "
         "here; write Cov(u0j(1), u0j(2)) = 0"),
        ("β1j(2) = γ10(2)", "β1j(2) = γ10(2) + u1j(2)",
         "category 2 has other ones than category 1; models here have the same columns and effects "
         "for all"),
        ("log[φij(2)/φij(4)]", "log[φij(2)/φij(3)]",
         "log odds are of one category each against one and the same, and what each is stands in "
         "lines such as 'Prob(yij = a|βj) = φij(1)'"),
        ("livchij = 0|", "livchij = 7|",
         "they compare categories of 'livch' with '7', and models here with the first, '0'; order "
         "the levels in the data"),
    ],
)  # fmt: skip
def test_equations_refused(old: str, new: str, message: str, women: pd.DataFrame) -> None:
    text = hb.Model("livch ~ age + (1 | district)", women, family="categorical").emit("hlm")
    assert old in text
    text = (
        text.replace(old, new) if "Cov" in old else text.replace(old, new).partition("\nMixed")[0]
    )
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code("hlm", text, data=women)
    assert str(refusal.value) == f"cannot read the HLM equations: {message}"


def test_what_gsem_is_not_written_for(women: pd.DataFrame) -> None:
    crossed = hb.Model("livch ~ age + (1 | district) + (1 | urban)", women, family="categorical")
    with pytest.raises(hb.FormulaError, match=r"gsem of Stata has nested grouping factors only"):
        crossed.emit("stata")
    backwards = women.assign(back=pd.Categorical(women["numbers"].astype(str), list("3210")))
    model = hb.Model("back ~ age + (1 | district)", backwards, family="categorical")
    with pytest.raises(hb.FormulaError, match=r"with the lowest number, 0, and this model with 3"):
        model.emit("stata")
    below = hb.Model(
        "numbers ~ age + (1 | district)", women.assign(numbers=-women["numbers"]),
        family="categorical",
    )  # fmt: skip
    with pytest.raises(hb.FormulaError, match=r"takes whole numbers from 0 on for categories"):
        below.emit("stata")


@without_compiler
@pytest.mark.slow
def test_pymc_is_the_same_density(women: pd.DataFrame) -> None:
    """Joint of y, γ, sd and z by scipy, from the data themselves; priors are those in force."""
    few = women[women["numbers"] < 3].iloc[::25]
    priors = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1)}
    model = hb.Model("numbers ~ age + (1 | district)", few, family="categorical", priors=priors)
    namespace: dict[str, Any] = {"data": few.copy()}
    exec(compile(model.emit("pymc"), "<emitted>", "exec"), namespace)
    codes, groups = pd.factorize(few["district"], sort=True)
    rng, y = np.random.default_rng(6), few["numbers"].to_numpy()
    point: dict[str, Any] = {}
    eta, total = [np.zeros(len(few))], 0.0
    for name in ("1", "2"):
        gamma, sd, z = rng.normal(size=2), rng.uniform(0.3, 1.0), rng.normal(size=len(groups))
        point |= {f"gamma_{name}": gamma, f"sd_{name}": [sd], f"z_{name}": z[:, None]}
        eta.append(gamma[0] + gamma[1] * few["age"].to_numpy() + sd * z[codes])
        total += stats.norm(0, 2).logpdf(gamma).sum() + stats.halfnorm.logpdf(sd)
        total += stats.norm.logpdf(z).sum()
    whole = np.stack(eta, axis=1)
    total += (whole[np.arange(len(few)), y] - logsumexp(whole, axis=1)).sum()
    assert log_density(namespace["model"], point) == pytest.approx(total, rel=1e-9)
