"""Models of other families in other systems' words: what is emitted states the same model."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

import hierbayes as hb
from tests.families_reference import FOLDER
from tests.test_dialects_python import log_density

F = hb.families
PRIORS = dict(gamma=hb.Normal(0, 2), sd=hb.HalfNormal(1))

MODELS: dict[str, tuple[str, str, F.ResponseFamily, dict[str, Any]]] = {
    "bernoulli": ("bacteria", "y ~ late + (1 | ID)", F.Bernoulli(), {}),
    "binomial": ("sim_binomial", "cbind(k, m) ~ x + (1 | g)", F.Binomial(link="cloglog"), {}),
    "trials": ("sim_binomial", "k | trials(n) ~ x + (1 | g)", F.Binomial(), {}),
    "poisson": ("Mmmec", "deaths ~ uvb + offset(np.log(expected)) + (1 | region)", F.Poisson(), {}),
    "negative binomial": (
        "Mmmec", "deaths ~ uvb + (1 | region)", F.NegativeBinomial(), {"phi": hb.Exponential(1)}
    ),
    "gamma": ("sim_gamma", "y ~ x + (1 | g)", F.Gamma(), {"shape": hb.Exponential(1)}),
}  # fmt: skip


def posed(name: str) -> hb.Model:
    file, formula, family, own = MODELS[name]
    data = pd.read_csv(FOLDER / f"{file}.csv").head(60)
    return hb.Model(formula, data, family=family, priors=PRIORS | own)


def executed(model: hb.Model, system: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"data": model.data.copy()}
    code = model.emit(system).replace("results = model.fit()", "model.build()")
    exec(compile(code, "<emitted>", "exec"), namespace)
    return namespace


def joint(name: str, gamma: Any, sd: float, z: Any, phi: float) -> float:
    """Joint log density of y, γ, sd, z and dispersion by scipy, from the data themselves."""
    file, formula, _, own = MODELS[name]
    data = pd.read_csv(FOLDER / f"{file}.csv").head(60)
    group = {"bacteria": "ID", "Mmmec": "region"}.get(file, "g")
    codes = pd.factorize(data[group], sort=True)[0]
    column = {"bacteria": "late", "Mmmec": "uvb"}.get(file, "x")
    eta = gamma[0] + gamma[1] * data[column].to_numpy(float) + sd * z[codes]
    if "offset" in formula:
        eta = eta + np.log(data["expected"].to_numpy())
    mu = np.exp(eta)
    match name:
        case "bernoulli":
            rows = stats.bernoulli(expit(eta)).logpmf(data["y"] == "y")
        case "binomial":
            rows = stats.binom(data["n"], 1 - np.exp(-mu)).logpmf(data["k"])
        case "trials":
            rows = stats.binom(data["n"], expit(eta)).logpmf(data["k"])
        case "poisson":
            rows = stats.poisson(mu).logpmf(data["deaths"])
        case "negative binomial":
            rows = stats.nbinom(phi, phi / (phi + mu)).logpmf(data["deaths"])
        case _:
            rows = stats.gamma(phi, scale=mu / phi).logpdf(data["y"])
    total = rows.sum() + stats.norm(0, 2).logpdf(gamma).sum() + stats.halfnorm.logpdf(sd)
    total += stats.norm.logpdf(z).sum() + (stats.expon.logpdf(phi) if own else 0.0)
    return float(total)


@pytest.mark.parametrize("name", MODELS)
def test_pymc_is_the_same_density(name: str) -> None:
    model = posed(name)
    rng = np.random.default_rng(1)
    J = model.problem.design.J
    gamma, sd, z, phi = np.array([0.3, -0.2]), 0.7, rng.normal(size=J), 2.0
    point = {"gamma": gamma, "sd": [sd], "z": z[:, None]}
    point |= dict.fromkeys(model.problem.dispersion, phi)
    found = log_density(executed(model, "pymc")["model"], point)
    np.testing.assert_allclose(found, joint(name, gamma, sd, z, phi), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:For backward compatibility")  # of bambi's own use of pandas
@pytest.mark.parametrize("name", ["bernoulli", "binomial", "poisson", "negative binomial"])
def test_bambi_is_the_same_density(name: str) -> None:
    model = posed(name)
    group = model.specification.group
    rng = np.random.default_rng(2)
    gamma, sd, phi = np.array([0.3, -0.2]), 0.7, 2.0
    z = rng.normal(size=model.problem.design.J)
    point = {"Intercept": gamma[0], model.problem.design.terms[1]: gamma[1]}
    point |= {f"1|{group}_sigma": sd, f"1|{group}_offset": z, "alpha": phi}
    found = log_density(executed(model, "bambi")["model"].backend.model, point)
    np.testing.assert_allclose(found, joint(name, gamma, sd, z, phi), rtol=1e-9)


def test_r_code_has_family_trials_and_offset() -> None:
    assert posed("binomial").emit("lme4") == (
        "library(lme4)\n\nfit <- glmer(\n  cbind(k, m) ~ x + (1 | g),\n  data = data,\n"
        '  family = binomial(link = "cloglog")\n)\n'
    )
    assert "  cbind(k, n - k) ~ x + (1 | g),\n" in posed("trials").emit("lme4")
    assert "fit <- glmer.nb(\n  deaths ~ uvb + (1 | region),\n  data = data\n)" in posed(
        "negative binomial"
    ).emit("lme4")
    assert posed("trials").emit("brms") == (
        "library(brms)\n\nfit <- brm(\n  k | trials(n) ~ 0 + Intercept + x + (1 | g),\n"
        '  data = data,\n  family = binomial(link = "logit"),\n  prior = c(\n'
        '    prior(normal(0, 2), class = "b"),\n    prior(normal(0, 1), class = "sd")\n  )\n)\n'
    )
    poisson = posed("poisson").emit("brms")
    assert "uvb + offset(log(expected)) + (1 | region)" in poisson
    assert 'prior(exponential(1), class = "shape")' in posed("gamma").emit("brms")
    assert 'data$y <- factor(data$y, levels = c("n", "y"))\n' in posed("bernoulli").emit("lme4")


def test_what_a_system_does_not_have_is_refused() -> None:
    with pytest.raises(hb.FormulaError) as refused:
        posed("bernoulli").emit("nlme")
    assert str(refused.value) == (
        "code for nlme has no word for the family Bernoulli(link='logit'); it is written for: "
        "Gaussian responses alone"
    )
    data = pd.read_csv(FOLDER / "sim_beta.csv")
    beta = hb.Model("y ~ x + (1 | g)", data, family="beta")
    with pytest.raises(hb.FormulaError, match=r"code for lme4 has no word for the family Beta"):
        beta.emit("lme4")
