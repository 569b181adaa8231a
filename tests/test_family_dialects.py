"""Models of other families in other systems' words: what is emitted states the same model."""

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats
from scipy.special import expit

import hierbayes as hb
from tests.families_reference import FOLDER
from tests.interpreted import INTERPRETED
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
    "beta": ("sim_beta", "y ~ x + (1 | g)", F.Beta(), {"precision": hb.Exponential(1)}),
    "inflated": (
        "sim_binomial", "k ~ x + (1 | g)", F.ZeroInflated(F.NegativeBinomial()),
        {"phi": hb.Exponential(1), "logit zero": hb.Normal(-1, 0.5)},
    ),
    "inflated shares": (
        "sim_binomial", "cbind(k, m) ~ x + (1 | g)", F.ZeroInflated(F.BetaBinomial()),
        {"precision": hb.Exponential(1), "logit zero": hb.Normal(-1, 0.5)},
    ),
    "hurdle": (
        "sim_binomial", "k ~ x + (1 | g)", F.Hurdle(F.Poisson()), {"logit zero": hb.Normal(-1, 0.5)}
    ),
    "zeros by column": ("sim_binomial", "k ~ x + (1 | g)", F.Hurdle(F.Poisson(), "~ x"), {}),
    "ordered": (
        "wine", "rating ~ late + (1 | judge)", F.Cumulative(link="probit"),
        {"thresholds": hb.Exponential(1)},
    ),
    "ordered cloglog": (
        "wine", "rating ~ late + (1 | judge)", F.Cumulative(link="cloglog"),
        {"thresholds": hb.Exponential(1)},
    ),
}  # fmt: skip
ZERO, SLOPE = -0.4, 0.3  # logit of a further zero, and what it changes by x
DISTANCES = np.array([1.0, 0.7, 1.2])


def data_of(file: str) -> pd.DataFrame:
    data = pd.read_csv(FOLDER / f"{file}.csv").head(60)
    return data.assign(late=1.0 * (data["temp"] == "warm")) if file == "wine" else data


def posed(name: str) -> hb.Model:
    file, formula, family, own = MODELS[name]
    data = data_of(file)
    return hb.Model(formula, data, family=family, priors=PRIORS | own)


def executed(model: hb.Model, system: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"data": model.data.copy()}
    code = model.emit(system).replace("results = model.fit()", "model.build()")
    exec(compile(code, "<emitted>", "exec"), namespace)
    return namespace


def joint(name: str, gamma: Any, sd: float, z: Any, phi: float) -> float:
    """Joint log density of y, γ, sd, z and dispersion by scipy, from the data themselves."""
    file, formula, family, own = MODELS[name]
    data = data_of(file)
    group = {"bacteria": "ID", "Mmmec": "region", "wine": "judge"}.get(file, "g")
    codes = pd.factorize(data[group], sort=True)[0]
    column = {"bacteria": "late", "Mmmec": "uvb", "wine": "late"}.get(file, "x")
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
        case "gamma":
            rows = stats.gamma(phi, scale=mu / phi).logpdf(data["y"])
        case "beta":
            rows = stats.beta(phi * expit(eta), phi * expit(-eta)).logpdf(data["y"])
        case "inflated":
            counted = stats.nbinom(phi, phi / (phi + mu)).pmf(data["k"])
            rows = np.log(expit(ZERO) * (data["k"] == 0) + expit(-ZERO) * counted)
        case "inflated shares":
            p = expit(eta)
            counted = stats.betabinom(data["n"], phi * p, phi * (1 - p)).pmf(data["k"])
            rows = np.log(expit(ZERO) * (data["k"] == 0) + expit(-ZERO) * counted)
        case "hurdle" | "zeros by column":
            counted = stats.poisson(mu).pmf(data["k"]) / -np.expm1(-mu)
            zero = ZERO + (SLOPE * data["x"] if name != "hurdle" else 0.0)
            rows = np.log(np.where(data["k"] == 0, expit(zero), expit(-zero) * counted))
        case _:
            ends = np.r_[-np.inf, 0.0, np.cumsum(DISTANCES), np.inf] - eta[:, None]
            cloglog = -np.exp(-np.exp(np.minimum(ends, 50.0)))  # but for 1
            below = stats.norm.cdf(ends) if family.link == "probit" else cloglog
            rows = np.log(np.diff(below)[np.arange(len(data)), data["rating"] - 1])
    total = 0.0
    if name == "zeros by column":  # the default: as much as least squares is spread, times 1.5² n
        W = np.column_stack([np.ones(len(data)), data["x"]])
        cov = 1.5**2 * len(data) * np.linalg.inv(W.T @ W)
        total = stats.multivariate_normal([0.0, 0.0], cov).logpdf([ZERO, SLOPE])
    total += rows.sum() + stats.norm(0, 2).logpdf(gamma).sum() + stats.halfnorm.logpdf(sd)
    for parameter, prior in own.items():
        if parameter == "thresholds":
            total += stats.expon.logpdf(DISTANCES).sum()
        elif parameter == "logit zero":
            total += stats.norm(prior.mu, prior.sigma).logpdf(ZERO)
        else:
            total += stats.expon.logpdf(phi)
    return float(total + stats.norm.logpdf(z).sum())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.slow
def test_pymc_is_the_same_density(name: str) -> None:
    model = posed(name)
    rng = np.random.default_rng(1)
    J = model.problem.design.J
    gamma, sd, z, phi = np.array([0.3, -0.2]), 0.7, rng.normal(size=J), 2.0
    point = {"gamma": gamma, "sd": [sd], "z": z[:, None]}
    point |= dict.fromkeys(model.problem.dispersion, phi)
    point |= {"logit zero": ZERO, "distances": DISTANCES, "zero": [ZERO, SLOPE]}
    found = log_density(executed(model, "pymc")["model"], point)
    np.testing.assert_allclose(found, joint(name, gamma, sd, z, phi), rtol=1e-8)


BAMBI = ("bernoulli", "binomial", "poisson", "negative binomial", "gamma", "beta", "hurdle")


@pytest.mark.filterwarnings("ignore:For backward compatibility")  # of bambi's own use of pandas
@pytest.mark.parametrize("name", BAMBI)
@pytest.mark.slow
def test_bambi_is_the_same_density(name: str) -> None:
    model = posed(name)
    group = model.specification.group
    rng = np.random.default_rng(2)
    gamma, sd, phi = np.array([0.3, -0.2]), 0.7, 2.0
    z = rng.normal(size=model.problem.design.J)
    point = {"Intercept": gamma[0], model.problem.design.terms[1]: gamma[1]}
    point |= {f"1|{group}_sigma": sd, f"1|{group}_offset": z, "alpha": phi, "kappa": phi}
    point["psi"] = expit(-ZERO)
    found = log_density(executed(model, "bambi")["model"].backend.model, point)
    if name == "hurdle":  # its prior is of the share, not of the logit
        found += np.log(expit(ZERO) * expit(-ZERO))
    np.testing.assert_allclose(found, joint(name, gamma, sd, z, phi), rtol=1e-8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:For backward compatibility")
def test_ordered_categories_in_bambi() -> None:
    """Thresholds stand for the intercept; bambi's own prior of them is not held to anything."""
    model = posed("ordered")
    code = model.emit("bambi")
    assert "# Not carried over, bambi has priors of its own there: minus the first" in code
    built = executed(model, "bambi")["model"].backend.model
    rng, gamma, sd = np.random.default_rng(3), np.array([0.0, -0.2]), 0.7
    z, thresholds = rng.normal(size=model.problem.design.J), np.r_[0.0, np.cumsum(DISTANCES)]
    point = {"late": gamma[1], "1|judge_sigma": sd, "1|judge_offset": z, "threshold": thresholds}
    own = pm.logp(built["threshold"], thresholds).sum().eval(mode=INTERPRETED)
    rows = log_density(built, point) - own
    total = joint("ordered", gamma, sd, z, 0.0) - stats.norm(0, 2).logpdf(0.0)
    np.testing.assert_allclose(rows, total - stats.expon.logpdf(DISTANCES).sum(), rtol=1e-7)


def test_the_column_of_trials_of_bambi_is_no_column_of_the_data() -> None:
    data = pd.read_csv(FOLDER / "sim_binomial.csv").head(60)
    data = data.assign(trials=data["x"] ** 2)
    model = hb.Model("cbind(k, m) ~ x + trials + (1 | g)", data, family="binomial", priors=PRIORS)
    code = model.emit("bambi")
    assert 'data = data.assign(trials_=data.eval("k + (m)"))\n' in code
    assert '"p(k, trials_) ~ x + trials + (1|g)",' in code
    assert '"p(k, n) ~ x + (1|g)",' in posed("trials").emit("bambi")
    again = hb.read_code("bambi", posed("trials").emit("bambi"), data=data)
    assert (again.specification.left, again.problem.family) == ("k | trials(n)", F.Binomial())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("family='gamma'", "the link inverse of gamma is not read; models here have log, as in "
         "link='log'"),
        ("family='wald'", "the family wald of bambi is not read; read are: gaussian, bernoulli, "
         "binomial, poisson, beta_binomial, negativebinomial, gamma, lognormal, beta, t, "
         "cumulative, categorical, zero_inflated_... and hurdle_... of these"),
    ],
)  # fmt: skip
def test_families_of_bambi_that_are_not_read(arguments: str, message: str) -> None:
    data = pd.read_csv(FOLDER / "sim_gamma.csv").head(60)
    with pytest.raises(hb.FormulaError) as refused:
        hb.read_code("bambi", f"bmb.Model('y ~ x + (1|g)', data, {arguments})", data=data)
    assert str(refused.value).split("\n")[0] == message


def test_families_of_bambi_are_read() -> None:
    data = pd.read_csv(FOLDER / "bacteria.csv").head(60)
    code = "bmb.Model(\"y['y'] ~ late + (1|ID)\", d, family='bernoulli', link='probit')"
    model = hb.read_code("bambi", code, data=data)
    assert (model.specification.response, model.problem.family) == ("y", F.Bernoulli("probit"))
    with pytest.raises(hb.FormulaError, match=r"'y\[n\]' takes 'n' for the success, and models"):
        hb.read_code("bambi", code.replace("['y']", "['n']"), data=data)
    code = "bmb.Model('k ~ x + (1|g)', d, family='hurdle_poisson')"
    hurdle = hb.read_code("bambi", code, data=pd.read_csv(FOLDER / "sim_binomial.csv"))
    assert hurdle.problem.family == F.Hurdle(F.Poisson())


@pytest.mark.parametrize("system", ["brms", "glmmtmb", "bambi"])
@pytest.mark.parametrize("df", [5.0, None])
def test_degrees_of_freedom_are_read_again(system: str, df: float | None) -> None:
    data = pd.read_csv(FOLDER / "sim_gamma.csv").head(60)
    model = hb.Model("y ~ x + (1 | g)", data, family=F.StudentT(df=df))
    again = hb.read_code(system, model.emit(system), data=data)
    assert again.problem.family == F.StudentT(df=df)


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
    with pytest.raises(
        hb.FormulaError, match=r"of statsmodels has no offset\(np.log\(expected\)\)"
    ):
        posed("poisson").emit("statsmodels")
    with pytest.raises(hb.FormulaError) as refused:
        posed("gamma").emit("statsmodels")
    assert str(refused.value) == (
        "code for statsmodels has no word for the family Gamma(link='log'); it is written for: "
        "Bernoulli logit, Poisson log (its mixed GLM is of binary responses and counts, and its "
        "GEE has no random effects)"
    )
    data = pd.read_csv(FOLDER / "sim_beta.csv")
    beta = hb.Model("y ~ x + (1 | g)", data, family="beta")
    with pytest.raises(hb.FormulaError, match=r"code for lme4 has no word for the family Beta"):
        beta.emit("lme4")


@pytest.mark.parametrize("name", ["bernoulli", "poisson"])
def test_the_mixed_glm_of_statsmodels_is_the_same_density(name: str) -> None:
    """Of γ and u given sd; its prior of log sd is its own, N(0, 1)."""
    file, formula, family, _ = MODELS[name]
    data = data_of(file)
    formula = formula.replace("offset(np.log(expected)) + ", "")
    model = hb.Model(formula, data, family=family, priors=PRIORS)
    code = model.emit("statsmodels")
    assert "priors of its own there: sd(Intercept) ~ HalfNormal(1)" in code
    again = hb.read_code("statsmodels", code, data=data)
    assert (again.specification, again.problem.family) == (model.specification, family)
    namespace: dict[str, Any] = {"data": data.copy()}
    exec(compile(code.partition("fit = ")[0], "<emitted>", "exec"), namespace)
    rng, codes = (
        np.random.default_rng(5),
        pd.factorize(data[model.specification.group], sort=True)[0],
    )
    found = []
    for _ in range(2):
        gamma, log_sd, u = rng.normal(size=2), rng.normal(), rng.normal(size=codes.max() + 1)
        known = stats.norm(0, 2).logpdf(gamma).sum() + stats.norm.logpdf(log_sd)
        known += stats.norm(0, np.exp(log_sd)).logpdf(u).sum()
        eta = np.column_stack([np.ones(len(data)), model.problem.design.rows.X[:, 1]]) @ gamma
        eta = eta + u[codes]
        response = (
            stats.bernoulli(expit(eta)) if name == "bernoulli" else stats.poisson(np.exp(eta))
        )
        y = (data["y"] == "y") if name == "bernoulli" else data["deaths"]
        known += response.logpmf(y).sum()
        found.append(namespace["model"].logposterior(np.r_[gamma, log_sd, u]) - known)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-8)  # but for a constant


def test_labels_made_numbers_are_those_of_a_response() -> None:
    data = data_of("bacteria")
    code = """d = d.assign(**{"y": 1 * (d["y"] == "y")})
bmb.Model("y ~ late + (1|ID)", d, family="bernoulli")"""
    assert hb.read_code("bambi", code, data=data).problem.family == F.Bernoulli()
    with pytest.raises(hb.FormulaError, match="labels of 'y', which is no response"):
        hb.read_code("bambi", code.replace("y ~ late", "late ~ y"), data=data)
    with pytest.raises(hb.FormulaError, match="the code changes the column 'y' before"):
        hb.read_code("bambi", code.replace('== "y"', '== "n"'), data=data)


def test_correlated_effects_of_the_mixed_glm_of_statsmodels_are_refused() -> None:
    data = data_of("bacteria")
    model = hb.Model("y ~ late + (1 + late | ID)", data, family="bernoulli")
    with pytest.raises(hb.FormulaError, match=r"statsmodels has independent effects, .* \(1 \+ l"):
        model.emit("statsmodels")
    with pytest.raises(hb.FormulaError, match="is read from its call with formulas, as in"):
        hb.read_code("statsmodels", "BinomialBayesMixedGLM.from_formula('y ~ late')", data=data)


@pytest.mark.filterwarnings("ignore:For backward compatibility")
def test_nominal_categories_of_bambi_are_the_same_density() -> None:
    data = hb.load_dataset("contraception").iloc[::25]
    model = hb.Model("livch ~ age + (1 | district)", data, family="categorical", priors=PRIORS)
    again = hb.read_code("bambi", model.emit("bambi"), data=data)
    assert again.problem.family == model.problem.family
    built = executed(model, "bambi")["model"].backend.model
    rng = np.random.default_rng(4)
    places = {str(label): k for k, label in enumerate(built.coords["district__factor_dim"])}
    codes = np.array([places[str(label)] for label in data["district"]])
    sd, z = np.array([0.5, 1.0, 0.8]), rng.normal(size=(codes.max() + 1, 3))
    gamma = np.array([[0.3, -0.2, 0.1], [0.02, 0.01, -0.03]])
    point = {"Intercept": gamma[0], "age": gamma[1]}
    point |= {"1|district_sigma": sd, "1|district_offset": z}
    eta = gamma[0] + np.outer(data["age"], gamma[1]) + sd * z[codes]
    whole = np.column_stack([np.zeros(len(data)), eta])
    at = [["0", "1", "2", "3+"].index(label) for label in data["livch"]]
    known = (whole - np.log(np.exp(whole).sum(axis=1))[:, None])[np.arange(len(data)), at].sum()
    known += stats.norm(0, 2).logpdf(gamma).sum()
    known += stats.halfnorm.logpdf(sd).sum() + stats.norm.logpdf(z).sum()
    np.testing.assert_allclose(log_density(built, point), known, rtol=1e-8)
    uneven = {"gamma": {"1: age": hb.Normal(0, 1), "2: age": hb.Normal(0, 3)}}
    model = hb.Model("livch ~ age + (1 | district)", data, family="categorical", priors=uneven)
    with pytest.raises(hb.FormulaError, match="bambi has one prior of 'age' for all categories"):
        model.emit("bambi")


@pytest.mark.slow
def test_nominal_categories_of_pymc_are_the_same_density() -> None:
    """Each category has effects of its own; 0 stands for the first."""
    data = hb.load_dataset("contraception").iloc[::25].assign(half=lambda d: d.index % 2)
    priors = {"gamma": hb.Normal(0, 2), "sd": hb.HalfNormal(1), "corr": hb.LKJ(1)}
    formula = "livch ~ age + (1 + age | district) + (1 | half)"
    model = hb.Model(formula, data, family="categorical", priors=priors)
    built = executed(model, "pymc")["model"]
    rng = np.random.default_rng(5)
    codes, labels = pd.factorize(data["district"], sort=True)
    age, half = data["age"].to_numpy(), data["half"].to_numpy()
    point: dict[str, Any] = {}
    known, etas = 0.0, [np.zeros(len(data))]
    for c in ("_1", "_2", "_3"):
        gamma, sd, other = rng.normal(size=2), np.array([0.5, 0.1]), 0.4
        z, w = rng.normal(size=(len(labels), 2)), rng.normal(size=(2, 1))
        root = np.array([[1.0, 0.0], [0.3, np.sqrt(1 - 0.09)]])
        point |= {f"gamma{c}": gamma, f"sd_0{c}": sd, f"z_0{c}": z, f"L_0{c}": root}
        point |= {f"sd_1{c}": [other], f"z_1{c}": w}
        u = z @ (sd[:, None] * root).T
        etas.append(gamma[0] + gamma[1] * age + u[codes, 0] + u[codes, 1] * age
                    + other * w[half, 0])  # fmt: skip
        known += stats.norm(0, 2).logpdf(gamma).sum() + stats.halfnorm.logpdf([*sd, other]).sum()
        known += stats.norm.logpdf(z).sum() + stats.norm.logpdf(w).sum() - np.log(2.0)  # LKJ(1)
    whole = np.column_stack(etas)
    at = [["0", "1", "2", "3+"].index(label) for label in data["livch"]]
    known += (whole - np.log(np.exp(whole).sum(axis=1))[:, None])[np.arange(len(data)), at].sum()
    np.testing.assert_allclose(log_density(built, point), known, rtol=1e-8)
