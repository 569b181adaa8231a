"""R code: what is emitted was run in R once, and what R made of it is what is made here."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from tests.dialect_models import FURTHER, PRIORS, dialect_models

pytestmark = pytest.mark.slow

REFERENCE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "reference" / "dialects.json").read_text(encoding="utf-8")
)["models"]
READABLE = ("nlme", "lme4", "brms", "rstanarm", "bambi", "statsmodels")
MAXIMISED = [
    (name, system, method)
    for name, systems in REFERENCE.items()
    for system in ("nlme", "lme4")
    for method in systems.get(system, ())
]


def of_system(system: str) -> list[str]:
    return [name for name, systems in REFERENCE.items() if system in systems]


@pytest.fixture(scope="module")
def spoken(hs: pd.DataFrame) -> dict[str, hb.Model]:
    return dialect_models(hs)


def test_reference_has_every_model(spoken: dict[str, hb.Model]) -> None:
    assert set(REFERENCE) == set(spoken)
    assert len(REFERENCE) == 10 + len(FURTHER) + len(PRIORS)


@pytest.mark.parametrize(("name", "system", "method"), MAXIMISED)
def test_maximum_of_emitted_code(
    name: str, system: str, method: str, spoken: dict[str, hb.Model]
) -> None:
    golden = REFERENCE[name][system][method]
    model = spoken[name]
    assert model.emit(system, data="hs", ml=method == "ML") == golden["code"]
    fit = model.ml() if method == "ML" else model.reml()
    if "error" in golden:  # nlme gives up where G is (nearly) singular
        assert system == "nlme"
        assert "nlminb problem, convergence error code = 1" in golden["error"]
        return
    assert_allclose(fit.loglik, golden["logLik"], rtol=0, atol=1e-5)
    assert fit.loglik > golden["logLik"] - 1e-8
    error = np.sqrt(np.diag(fit.vcov()))
    assert_allclose((fit.fixef() - golden["fixef"]) / error, 0.0, atol=5e-4)


def test_nlme_gives_up_on_few(spoken: dict[str, hb.Model]) -> None:
    failed = [case for case in MAXIMISED if "error" in REFERENCE[case[0]][case[1]][case[2]]]
    assert failed == [
        ("intercepts_and_slopes_as_outcomes", "nlme", "ML"),
        ("effects_of_levels", "nlme", "REML"),
        ("effects_of_levels", "nlme", "ML"),
    ]


STAN = {
    "normal": "Normal", "exponential": "Exponential", "gamma": "Gamma", "inv_gamma": "InverseGamma",
    "uniform": "Uniform", "lkj_corr_cholesky": "LKJ", "student_t": "StudentT", "cauchy": "Cauchy",
}  # fmt: skip


def statements(priors: dict[Any, Any]) -> Iterator[str]:
    """The statements of Stan that say these priors, written independently."""
    for (block, _), prior in priors.items():
        values = list(prior.parameters.values())
        kind = type(prior).__name__
        if kind == "Flat":
            continue
        if kind in ("HalfNormal", "HalfCauchy"):
            values = [0, *values]
        if kind == "HalfT":
            values = [values[0], 0, values[1]]
        stan = {
            "HalfNormal": "normal", "HalfT": "student_t", "HalfCauchy": "cauchy",
            "PC": "exponential", "LKJ": "lkj_corr_cholesky", "InverseGamma": "inv_gamma",
            "StudentT": "student_t",
        }.get(kind, kind.lower())  # fmt: skip
        yield f"{block} {stan} {', '.join(f'{value:.10g}' for value in values)}"


def declared(lines: list[str]) -> Iterator[str]:
    """The statements of brms's Stan code in the same words, one for each parameter."""
    blocks = {"b": "gamma", "sd": "sd", "L": "corr", "sigma": "sigma"}
    for line in lines:
        if not line.startswith("lprior"):
            continue
        name, _, inside = line.removeprefix("lprior += ").partition("_lpdf(")
        variable, _, numbers = inside.rstrip(");").partition(" | ")
        values = ", ".join(f"{float(text):.10g}" for text in numbers.split(", "))
        yield f"{blocks[variable.partition('[')[0].partition('_')[0]]} {name} {values}"


@pytest.mark.parametrize("name", of_system("brms"))
def test_brms_has_the_same_columns_and_priors(name: str, spoken: dict[str, hb.Model]) -> None:
    golden, model = REFERENCE[name]["brms"], spoken[name]
    assert model.emit("brms", data="hs") == golden["code"]
    design = model.problem.design
    assert_allclose((design.rows.X**2).sum(axis=0), golden["squares"], rtol=1e-10)
    assert_allclose((design.rows.Z**2).sum(axis=0), golden["random_squares"], rtol=1e-10)
    # brms writes equal priors of a vector as one statement
    assert set(declared(golden["priors"])) == set(statements(model.priors.families))


@pytest.mark.parametrize("name", of_system("rstanarm"))
def test_rstanarm_has_the_same_columns_and_says_what_is_lost(
    name: str, spoken: dict[str, hb.Model]
) -> None:
    golden, model = REFERENCE[name]["rstanarm"], spoken[name]
    code = model.emit("rstanarm", data="hs")
    assert code == golden["code"]
    assert_allclose((model.problem.design.rows.X**2).sum(axis=0), golden["squares"], rtol=1e-10)
    lost = [line.partition("there: ")[2] for line in code.splitlines() if line.startswith("# Not")]
    slopes = [entry for entry in model.priors.gamma if entry[0] != "Intercept"]
    kept = [prior for name, prior, _ in slopes if f"{name} ~ {prior}" not in lost]
    assert len(kept) in (0, len(slopes))
    if kept and not isinstance(kept[0], hb.Flat):
        assert_allclose(golden["prior"]["scale"], [prior.parameters["sigma"] for prior in kept])
    for entry, prior, _ in model.priors.sd:
        assert f"sd({entry}) ~ {prior}" in lost
    if model.priors.corr:
        assert golden["regularization"] == model.priors.corr[0][1].parameters["eta"]
    if f"sigma ~ {model.priors.sigma[1]}" not in lost:
        stated = model.priors.sigma[1].parameters
        said = golden["aux"].get("scale", golden["aux"].get("rate"))
        assert said == next(v for k, v in stated.items() if k in ("sigma", "beta", "lam"))


CASES = [(name, system) for name in REFERENCE for system in READABLE]


@pytest.mark.parametrize(("name", "system"), CASES)
def test_round_trip(name: str, system: str, spoken: dict[str, hb.Model]) -> None:
    model = spoken[name]
    try:
        code = model.emit(system, data="hs")
    except hb.FormulaError as error:
        assert (name, system) in REFUSED or "the correlated block" in str(error)
        return
    assert (name, system) not in REFUSED
    again = hb.read_code(system, code, data=model.data)
    assert again.specification == model.specification
    assert hb.equivalence(model, again).holds


REFUSED = {
    ("backticks", "nlme"), ("backticks", "brms"), ("polynomial", "bambi"), ("scaled", "bambi"),
    ("polynomial", "statsmodels"), ("scaled", "statsmodels"),
}  # fmt: skip


FIXED = (
    "ses", "Sector", "Sex", "band", "wave", "cvar(ses, school)", "dvar(ses, school)",
    "np.log(Size)", "I(ses ** 2)", "`ses score`", "center(Size)", "cvar(Sex, school)",
    "C(HIMINTY)", "I((ses + 1) / (wave - 2))",
)  # fmt: skip
RANDOM = ("ses", "wave", "dvar(ses, school)", "Sex", "I(wave ** 2)")


def random_formula(seed: int) -> str:
    """Up to four fixed terms, perhaps a product, and up to two blocks of random effects."""
    rng = np.random.default_rng(seed)
    fixed = list(rng.permutation(FIXED)[: rng.integers(1, 5)])
    if len(fixed) > 1 and rng.random() < 0.5:
        fixed[0] = f"{fixed[0]} * {fixed.pop()}"
    effects = list(rng.permutation(RANDOM)[: rng.integers(0, 4)])
    first, second = effects[: rng.integers(0, 3)], effects[2:]
    blocks = [f"({' + '.join(['1', *first])} | school)"]
    blocks += [f"({' + '.join(['0', *second])} | school)"] if second else []
    return f"mathach ~ {' + '.join([*fixed, *blocks])}"


@pytest.mark.parametrize("seed", range(30))
def test_round_trip_of_random_models(seed: int, spoken: dict[str, hb.Model]) -> None:
    data = spoken["levels"].data
    try:
        model = hb.Model(random_formula(seed), data=data)
    except (
        hb.DataError
    ) as error:  # ses beside `ses score`, dvar and cvar beside ses, Sex in a block without 1
        said = str(error)
        reasons = ("is a combination of", "cannot be estimated in any group", "cannot tell apart")
        assert any(reason in said for reason in reasons)
        return
    odd = "ses score" in str(model.specification)
    for system in READABLE:
        try:
            code = model.emit(system)
        except hb.FormulaError as error:
            correlated = "the correlated block" in str(error)
            correlated |= "one block of correlated effects" in str(error)
            assert correlated or (odd and "'ses score'" in str(error))
            continue
        again = hb.read_code(system, code, data=data).specification
        if system == "statsmodels":  # it puts the correlated block first
            again = replace(again, random=tuple(sorted(again.random)))
            ordered = tuple(sorted(model.specification.random))
            assert again == replace(model.specification, random=ordered)
        else:
            assert again == model.specification


@pytest.mark.parametrize("system", ["nlme", "lme4"])
def test_levels_with_quotes_come_back(system: str, hs: pd.DataFrame) -> None:
    data = hs.assign(said=np.where(hs["Sex"] == "Male", 'he said "no"', "a\\b"))
    model = hb.Model("mathach ~ cvar(said, school) + (1 | school)", data=data)
    back = hb.read_code(system, model.emit(system), data=data)
    assert back.specification == model.specification
