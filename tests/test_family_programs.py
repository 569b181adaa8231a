"""Models of other families as programs of SAS and Stata and equations of HLM, written and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests.families_reference import FOLDER

F = hb.families
LABELS = ["none", "low", "mid", "high", "most"]


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    cbpp, wine = hb.load_dataset("cbpp"), hb.load_dataset("wine")
    frames = {name: hb.load_dataset(name) for name in ("contraception", "grouseticks")}
    words = pd.Categorical([LABELS[k - 1] for k in wine["rating"]], LABELS, ordered=True)
    files = {name: pd.read_csv(FOLDER / f"{name}.csv") for name in ("sim_gamma", "sim_beta")}
    return (
        frames
        | files
        | {"wine": wine, "words": wine.assign(rating=words)}
        | {"cbpp": cbpp.assign(part=np.log(cbpp["size"]))}
    )


MODELS: tuple[tuple[str, str, Any, str], ...] = (
    ("cbpp", "incidence | trials(size) ~ period + (1 | herd)", F.Binomial(link="cloglog"), ""),
    ("cbpp", "cbind(incidence, size) ~ period + (1 | herd)", F.Binomial(), ""),
    ("contraception", "use ~ age + urban + (1 + urban | district)",
     F.Bernoulli(link="probit"), ""),
    ("cbpp", "incidence ~ period + offset(np.log(size)) + (1 | herd)", F.NegativeBinomial(), ""),
    ("cbpp", "incidence ~ 0 + period + offset(part) + (1 | herd)", F.NegativeBinomial1(), "sas"),
    ("grouseticks", "TICKS ~ YEAR + (1 | LOCATION) + (1 | LOCATION:BROOD)", F.Poisson(), ""),
    ("sim_gamma", "y ~ x + (x || g)", F.Gamma(), ""),
    ("sim_beta", "y ~ x + (1 | g)", F.Beta(), "stata"),
    ("sim_gamma", "y ~ x + (1 | g)", F.Lognormal(), "stata"),
    ("sim_gamma", "y ~ x + (1 | g)", F.StudentT(df=5), "stata"),
    ("wine", "rating ~ temp + (1 | judge) + (1 | bottle)", F.Cumulative(), ""),
    ("wine", "rating ~ temp + (1 | judge)", F.Cumulative(link="cloglog"), "stata"),
    ("words", "rating ~ temp + (1 | judge)", F.Cumulative(link="probit"), "sas"),
)  # fmt: skip


@pytest.mark.parametrize("system", ["sas", "stata"])
@pytest.mark.parametrize(("data", "formula", "family", "lacks"), MODELS)
def test_what_is_written_is_read_again(
    system: str, data: str, formula: str, family: Any, lacks: str,
    frames: Mapping[str, pd.DataFrame],
) -> None:  # fmt: skip
    model = hb.Model(formula, frames[data], family=family)
    if system == lacks:
        with pytest.raises(hb.FormulaError, match=r"has no word for the family|sorts the categ"):
            model.emit(system)
        return
    again = hb.read_code(system, model.emit(system), data=frames[data])
    found, known = again.problem.family, model.problem.family
    assert found == known
    one, other = model.problem.family_rows, again.problem.family_rows
    np.testing.assert_array_equal(one.y, other.y)
    np.testing.assert_array_equal(one.m, other.m)
    np.testing.assert_allclose(one.offset, other.offset, rtol=1e-15)
    assert again.problem.design.terms == model.problem.design.terms
    assert again.problem.design.blocks == model.problem.design.blocks


def test_programs_in_full(frames: Mapping[str, pd.DataFrame]) -> None:
    women = hb.Model("use ~ age + urban + (1 | district)", frames["contraception"],
                     family="bernoulli")  # fmt: skip
    assert women.emit("sas", data="women") == (
        "PROC GLIMMIX DATA=women METHOD=LAPLACE;\n"
        '  CLASS district urban(REF="N");\n'
        "  MODEL use(EVENT='Y') = age urban / SOLUTION DIST=BINARY LINK=LOGIT;\n"
        "  RANDOM INTERCEPT / SUBJECT=district;\n"
        "RUN;"
    )
    assert women.emit("stata") == (
        "drop if missing(use, age, urban, district)\n"
        "rename use use_text\nencode use_text, generate(use)\n"
        "rename urban urban_text\nencode urban_text, generate(urban)\n"
        'generate use_Y = (use == 2)\nlabel variable use_Y "use[T.Y]"\n'
        "melogit use_Y age i.urban || district:, intmethod(laplace)"
    )
    counts = hb.Model("incidence ~ period + offset(np.log(size)) + (1 | herd)", frames["cbpp"],
                      family=F.NegativeBinomial1())  # fmt: skip
    assert counts.emit("stata") == (
        "menbreg incidence i.period, exposure(size) || herd:, dispersion(constant) "
        "intmethod(laplace)"
    )
    ordered = hb.Model("rating ~ temp + (1 | judge)", frames["wine"],
                       family=F.Cumulative(link="cloglog"))  # fmt: skip
    assert ordered.emit("sas").splitlines()[0] == (
        "* CUMCLL is of low categories: coefficients have the other sign;"
    )


READ: tuple[tuple[str, str, str, Any], ...] = (
    ("stata", "meglm incidence i.period || herd:, family(binomial size) link(probit)",
     "incidence | trials(size) ~ 1 + period + (1 | herd)", F.Binomial(link="probit")),
    ("stata", "xtmelogit incidence i.period || herd:, bin(size) laplace or",
     "incidence | trials(size) ~ 1 + period + (1 | herd)", F.Binomial()),
    ("stata", "mepoisson incidence i.period, exp(size) offset(part) || herd:, irr intp(9)",
     "incidence ~ 1 + period + offset(np.log(size)) + offset(part) + (1 | herd)", F.Poisson()),
    ("sas", "PROC GLIMMIX; CLASS herd period; MODEL incidence/size = period / S; "
     "RANDOM INT / SUB=herd; RUN;",
     "incidence | trials(size) ~ 1 + period + (1 | herd)", F.Binomial()),
    ("sas", "proc glimmix method=quad(qpoints=9); class herd period; nloptions maxiter=9;"
     "model incidence = period / dist=p offset=part noint; random int / sub=herd; run;",
     "incidence ~ 0 + period + offset(part) + (1 | herd)", F.Poisson()),
)  # fmt: skip


@pytest.mark.parametrize(("system", "code", "formula", "family"), READ)
def test_read(
    system: str, code: str, formula: str, family: Any, frames: Mapping[str, pd.DataFrame]
) -> None:
    model = hb.read_code(system, code, data=frames["cbpp"])
    assert (model.specification.lme4(), model.problem.family) == (formula, family)


def test_trials_that_are_a_number(frames: Mapping[str, pd.DataFrame]) -> None:
    data = frames["cbpp"].assign(k=np.minimum(frames["cbpp"]["incidence"], 5))
    model = hb.Model("k | trials(5) ~ period + (1 | herd)", data, family="binomial")
    assert model.specification.left == "k | trials(5)"
    assert set(model.problem.family_rows.m) == {5.0}
    same = hb.Model("cbind(k, 5 - k) ~ period + (1 | herd)", data, family="binomial")
    np.testing.assert_array_equal(same.problem.family_rows.m, model.problem.family_rows.m)
    assert "  cbind(k, 5 - k) ~ period + (1 | herd),\n" in model.emit("lme4")
    assert '"p(k, 5) ~ period + (1|herd)",' in model.emit("bambi")
    for system in ("lme4", "brms", "bambi", "stata", "sas"):
        again = hb.read_code(system, model.emit(system), data=data)
        np.testing.assert_array_equal(again.problem.family_rows.m, 5.0)


HLM: tuple[tuple[str, str, Any, tuple[str, ...]], ...] = (
    ("cbpp", "incidence | trials(size) ~ period + (1 | herd)", F.Binomial(),
     ("E(incidenceij|βj) = φij*sizeij", "log[φij/(1 - φij)] = ηij")),
    ("contraception", "use ~ age + urban + (1 + urban | district)", F.Bernoulli(),
     ("Prob(useij = Y|βj) = φij", "log[φij/(1 - φij)] = ηij")),
    ("cbpp", "incidence ~ period + offset(np.log(size)) + (1 | herd)", F.Poisson(),
     ("E(incidenceij|βj) = λij*sizeij", "log[λij] = ηij")),
    ("wine", "rating ~ temp + (1 | judge)", F.Cumulative(),
     ("Prob(ratingij <= m|βj) = φmij", "log[φmij/(1 - φmij)] = ηij + δm")),
    ("grouseticks", "TICKS ~ YEAR + (1 | LOCATION) + (1 | LOCATION:BROOD)", F.Poisson(),
     ("E(TICKSijk|βjk) = λijk", "log[λijk] = ηijk")),
    ("grouseticks", "TICKS ~ cHEIGHT + (1 | LOCATION) + (1 | YEAR)", F.Poisson(),
     ("E(TICKSijk|βjk) = λijk", "log[λijk] = ηijk")),
    ("wine", "contact ~ temp + (1 + temp | judge) + (1 | bottle)", F.Bernoulli(),
     ("Prob(contactijk = yes|βjk) = φijk", "log[φijk/(1 - φijk)] = ηijk")),
)  # fmt: skip


@pytest.mark.parametrize(("data", "formula", "family", "head"), HLM)
def test_equations_of_hlm_are_read_again(
    data: str, formula: str, family: Any, head: tuple[str, ...], frames: Mapping[str, pd.DataFrame]
) -> None:
    model = hb.Model(formula, frames[data], family=family)
    lines = [line.strip() for line in model.emit("hlm").splitlines()]
    assert tuple(lines[1:3]) == head
    assert any("unit-specific (HLM's population-average" in line for line in lines)
    again = hb.read_code("hlm", model.emit("hlm"), data=frames[data])
    assert again.problem.family == model.problem.family
    assert again.specification == model.specification
    for name in ("y", "m", "offset"):
        found, known = (getattr(one.problem.family_rows, name) for one in (again, model))
        np.testing.assert_array_equal(found, known)


def test_equations_of_hlm_as_people_type_them(frames: Mapping[str, pd.DataFrame]) -> None:
    code = r"""E(Y_{ij}|\beta_j) = n_{ij}*\phi; logit(phi_{ij}) = eta_{ij}
    Level 1: eta_ij = B0j + B1j*X_ij
    Level 2 (herd): B0j = G00 + u0j; B1j = G10"""
    called = {"incidence": "y", "size": "n", "part": "x"}
    data = frames["cbpp"].rename(columns=called)
    model = hb.read_code("hlm", code, data=data)
    assert model.specification.lme4() == "y | trials(n) ~ 1 + x + (1 | herd)"
    assert model.problem.family == F.Binomial()


LOGIT = "log[φij/(1 - φij)] = ηij\nηij = β0j\nLevel-2 model (district)\nβ0j = γ00 + u0j"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (f"Prob(useij = N|βj) = φij\n{LOGIT}",
         "they take 'N' of 'use' for the success, and models here 'Y'; order the levels in "),
        ("ηij = β0j\nLevel-2 model (district)\nβ0j = γ00 + u0j",
         "η has an equation, and what it is of is not said; write 'Prob(yij = 1|βj) = φij' and"),
        (f"Prob(useij = Y|βj) = φij\n{LOGIT.replace('log[φij/(1 - φij)]', 'probit[φij]')}",
         "'Prob(useij = Y|βj) = φij' with 'probit[φij] = ηij' is not read; read are Bernoulli,"),
    ],
)  # fmt: skip
def test_equations_of_hlm_refused(
    code: str, message: str, frames: Mapping[str, pd.DataFrame]
) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code("hlm", code, data=frames["contraception"])
    assert str(refusal.value).startswith(f"cannot read the HLM equations: {message}")


@pytest.mark.parametrize(
    ("data", "formula", "family", "message"),
    [
        ("wine", "rating ~ temp + (1 | judge)", F.Cumulative("probit"), "has no word for the fam"),
        ("wine", "rating ~ temp + (1 | judge) + (1 | bottle)", F.Cumulative(), "no categor"),
        ("cbpp", "incidence ~ period + offset(part) + (1 | herd)", F.Poisson(),
         r"HLM takes an exposure, and offset\(part\) is no logarithm"),
    ],
)  # fmt: skip
def test_what_hlm_does_not_have(
    data: str, formula: str, family: Any, message: str, frames: Mapping[str, pd.DataFrame]
) -> None:
    with pytest.raises(hb.FormulaError, match=message):
        hb.Model(formula, frames[data], family=family).emit("hlm")


GLIMMIX = "PROC GLIMMIX; CLASS district; MODEL use{} = age / {}; RANDOM INT / SUB=district; RUN;"
WRONG: tuple[tuple[str, str, str], ...] = (
    ("sas", GLIMMIX.format("", "DIST=BINARY"),
     "PROC GLIMMIX models the probability of the first level of 'use' here, and models here that "
     "of the last one; write use(EVENT='Y')"),
    ("sas", GLIMMIX.format("(EVENT='N')", "DIST=BINARY"),
     "PROC GLIMMIX models the probability of the first level of 'use' here, and models here that "
     "of the last one; write use(EVENT='Y')"),
    ("sas", GLIMMIX.format("", "DIST=GEOMETRIC"),
     "DIST=GEOMETRIC of PROC GLIMMIX is not read; read are NORMAL with the identity, BINARY, "
     "BINOMIAL, POISSON, NEGBIN, GAMMA, BETA, LOGNORMAL, TCENTRAL, MULTINOMIAL"),
    ("sas", GLIMMIX.format("(EVENT='Y')", "DIST=BINARY LINK=LOGLOG"),
     "LINK=LOGLOG of Bernoulli is not read; models here have logit, probit, cloglog"),
    ("stata", "meglm age i.urban || district:, family(gamma) link(identity)",
     "family(gamma) link(identity) of meglm is not read; read are gaussian identity, bernoulli, "
     "binomial (logit, probit, cloglog), ordinal (logit, probit), poisson, nbinomial and gamma "
     "(log)"),
    ("stata", "melogit use age, asis || district:",
     "the option 'asis' is not read: it is not known, or has no counterpart in the package"),
)  # fmt: skip


@pytest.mark.parametrize(("system", "code", "message"), WRONG)
def test_refused(system: str, code: str, message: str, frames: Mapping[str, pd.DataFrame]) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code(system, code, data=frames["contraception"])
    first = str(refusal.value).split("\n")[0]
    name = {"sas": "SAS", "stata": "Stata"}[system]
    assert first == f"cannot read the {name} code: {message}"


@pytest.mark.parametrize("option", ["(EVENT='Y')", "(DESCENDING)", "(REF='N')", "(EVENT=LAST)"])
def test_ways_to_say_which_level_is_the_success(
    option: str, frames: Mapping[str, pd.DataFrame]
) -> None:
    code = GLIMMIX.format(option, "DIST=BINARY")
    assert hb.read_code("sas", code, data=frames["contraception"]).problem.family == F.Bernoulli()
