"""Python code: what is emitted is executed, and states the same model."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes.design.blocks import block_slices
from tests.dialect_models import PRIORS, dialect_models, schools_and_items, with_plain_priors
from tests.interpreted import INTERPRETED, without_compiler

pytestmark = pytest.mark.slow

REFUSED_BY_STATSMODELS = {
    "polynomial": "statsmodels cannot say 'poly(ses, 2)': 'poly' is not known there with the same "
    "meaning; make a column of it",
    "scaled": "statsmodels cannot say 'scale(ses)': 'scale' is not known there with the same "
    "meaning; make a column of it",
}


@pytest.fixture(scope="module")
def spoken(hs: pd.DataFrame) -> dict[str, hb.Model]:
    return dialect_models(hs)


def executed(code: str, data: pd.DataFrame) -> dict[str, Any]:
    """What the code leaves behind; the data it works on are a copy."""
    namespace: dict[str, Any] = {"hs": data.copy()}
    exec(compile(code, "<emitted>", "exec"), namespace)
    return namespace


# ------------------------------------------------------------------ statsmodels


def names_of_models() -> list[str]:
    return [name for name in dialect_models(hb.load_dataset("hs")) if name not in PRIORS]


# By both methods where the models differ in kind; the code of one differs by a word from the other.
MAXIMA = [(name, False) for name in names_of_models()]
MAXIMA += [(name, True) for name in names_of_models()[::6]]


@pytest.mark.parametrize(("name", "ml"), MAXIMA)
def test_statsmodels_finds_the_same_maximum(
    name: str, ml: bool, spoken: dict[str, hb.Model]
) -> None:
    model = spoken[name]
    if name in REFUSED_BY_STATSMODELS:
        with pytest.raises(hb.FormulaError) as refusal:
            model.emit("statsmodels")
        assert str(refusal.value) == REFUSED_BY_STATSMODELS[name]
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own about singular or flat corners
        theirs = executed(model.emit("statsmodels", data="hs", ml=ml), model.data)["fit"]
    ours = model.ml() if ml else model.reml()
    assert theirs.converged
    assert_allclose(theirs.llf, ours.loglik, rtol=0, atol=1e-3)
    expected = model.problem.design.rows.X @ ours.fixef().to_numpy()
    assert_allclose(theirs.model.exog @ theirs.fe_params.to_numpy(), expected, atol=0.02)


# ------------------------------------------------------------------ PyMC and bambi


def distribution(prior: Any) -> Any:
    """scipy's distribution of a prior; None of a flat one."""
    match prior:
        case hb.Normal(mu, sigma):
            return stats.norm(mu, sigma)
        case hb.StudentT(nu, mu, sigma):
            return stats.t(nu, mu, sigma)
        case hb.HalfNormal(sigma):
            return stats.halfnorm(0, sigma)
        case hb.HalfT(nu, _, sigma):
            return Folded(stats.t(nu, 0, sigma))
        case hb.HalfCauchy(beta):
            return stats.halfcauchy(0, beta)
        case hb.Exponential() | hb.PC():
            return stats.expon(scale=1 / prior.parameters["lam"])
        case hb.Uniform(lower, upper):
            return stats.uniform(lower, upper - lower)
        case hb.Gamma(alpha, beta):
            return stats.gamma(alpha, scale=1 / beta)
        case hb.InverseGamma(alpha, beta):
            return stats.invgamma(alpha, scale=beta)
    return None


class Folded:
    """Distribution of the absolute value of what is symmetric about 0."""

    def __init__(self, symmetric: Any) -> None:
        self.symmetric = symmetric

    def logpdf(self, x: Any) -> Any:
        return self.symmetric.logpdf(x) + np.log(2.0)


def log_prior(entries: Any, values: Any) -> float:
    found = [distribution(prior) for _, prior, _ in entries]
    return float(sum(d.logpdf(v) for d, v in zip(found, values, strict=True) if d is not None))


def dense(
    model: hb.Model, gamma: Any, sd: Any, roots: list[Any], z: list[Any], sigma: float
) -> float:
    """Joint log density of y, γ, sd, z and σ, given correlations, from the definition."""
    design, priors = model.problem.design, model.priors
    mean = design.rows.X @ gamma
    owners = [design.place_of_factor(term.factor) for term in design.specification.random]
    for k, block, root, draws in zip(owners, block_slices(design.blocks), roots, z, strict=True):
        u = draws @ (np.asarray(sd[block])[:, None] * root).T
        mean = mean + (design.rows.Z[:, block] * u[design.rows.codes_of[k]]).sum(axis=1)
    total = stats.norm(mean, sigma).logpdf(design.rows.y).sum()
    total += sum(stats.norm.logpdf(draws).sum() for draws in z)
    total += log_prior(priors.gamma, gamma) + log_prior(priors.sd, sd)
    return float(total + log_prior([priors.sigma], [sigma]))


def log_density(model: pm.Model, point: Mapping[str, Any]) -> float:
    """A PyMC model's log density at values of its untransformed variables, no Jacobians."""
    names = {model.rvs_to_values[rv]: rv.name for rv in model.free_RVs}
    transforms = {rv.name: model.rvs_to_transforms[rv] for rv in model.free_RVs}
    values = {}
    for value, name in names.items():
        at = np.asarray(point[name], dtype=float)
        transform, rv = transforms[name], model[name]
        inputs = rv.owner.inputs
        values[value.name] = (
            at if transform is None else transform.forward(at, *inputs).eval(mode=INTERPRETED)
        )
    return float(model.compile_logp(jacobian=False, mode=INTERPRETED)(values))


def drawn(model: hb.Model, seed: int) -> tuple[Any, Any, list[Any], float]:
    """Some γ, sd, z by block, and σ."""
    rng, design = np.random.default_rng(seed), model.problem.design
    gamma = model.reml().fixef().to_numpy() + 0.1 * rng.normal(size=design.rows.X.shape[1])
    owners = [design.place_of_factor(term.factor) for term in design.specification.random]
    sizes = [design.factors[k].J for k in owners]
    z = [rng.normal(size=shape) for shape in zip(sizes, design.blocks, strict=True)]
    return gamma, rng.uniform(0.5, 2.0, design.rows.Z.shape[1]), z, 6.0


@without_compiler
@pytest.mark.parametrize("name", ["means_as_outcomes", "levels", "share_of_level", "transformed"])
def test_pymc_is_the_same_density(name: str, spoken: dict[str, hb.Model]) -> None:
    model = spoken[name]
    graph = executed(model.emit("pymc", data="hs"), model.data)["model"]
    gamma, sd, z, sigma = drawn(model, 1)
    point = {"gamma": gamma, "sd": sd, "z": z[0], "sigma": sigma}
    expected = dense(model, gamma, sd, [np.eye(1)], z, sigma)
    assert_allclose(log_density(graph, point), expected, rtol=1e-10)
    terms = [term.replace("Sex == 'Male'", "Sex") for term in graph.coords["term"]]
    assert terms == list(model.problem.design.terms)


@without_compiler
def test_pymc_with_independent_blocks(spoken: dict[str, hb.Model]) -> None:
    model = spoken["independent"]
    graph = executed(model.emit("pymc", data="hs"), model.data)["model"]
    gamma, sd, z, sigma = drawn(model, 2)
    point = {"gamma": gamma, "sigma": sigma}
    point |= {"sd_0": sd[:1], "z_0": z[0], "sd_1": sd[1:], "z_1": z[1]}
    expected = dense(model, gamma, sd, [np.eye(1), np.eye(1)], z, sigma)
    assert_allclose(log_density(graph, point), expected, rtol=1e-10)


@without_compiler
@pytest.mark.parametrize("name", ["random_coefficients", *PRIORS])
def test_pymc_with_correlated_effects(name: str, spoken: dict[str, hb.Model]) -> None:
    """The correlation is a root L in PyMC; its density is that of ρ where x ↦ ρ is counted."""
    model = spoken[name]
    graph = executed(model.emit("pymc", data="hs"), model.data)["model"]
    gamma, sd, z, sigma = drawn(model, 3)
    values = {rv.name: graph.rvs_to_values[rv] for rv in graph.free_RVs}
    root = graph.replace_rvs_by_values([graph["L"]])[0]
    at_x = pm.pytensorf.compile([values["L"]], root, mode=INTERPRETED)
    x, step = np.array([0.3]), 1e-6
    L = at_x(x)
    slope = (at_x(x + step)[1, 0] - at_x(x - step)[1, 0]) / (2.0 * step)
    eta = model.priors.corr[0][1].parameters["eta"]
    expected = dense(model, gamma, sd, [L], z, sigma)
    expected += stats.beta(eta, eta, -1, 2).logpdf(L[1, 0]) + np.log(abs(slope))
    point: dict[str, Any] = {values["L"].name: x, "z": z[0]}
    jacobian = 0.0
    given = {"gamma": gamma, "sd": sd, "sigma": sigma}
    for rv in graph.free_RVs:
        block, _, at = rv.name.partition("_")
        if block in ("L", "z"):
            continue
        value = np.asarray(given[block][int(at)] if at else given[block], dtype=float)
        transform = graph.rvs_to_transforms[rv]
        if transform is not None:
            inner = transform.forward(value, *rv.owner.inputs)
            jacobian += float(
                np.sum(transform.log_jac_det(inner, *rv.owner.inputs).eval(mode=INTERPRETED))
            )
            value = inner.eval(mode=INTERPRETED)
        point[values[rv.name].name] = value
    found = graph.compile_logp(jacobian=True, mode=INTERPRETED)(point)
    assert_allclose(found, expected + jacobian, rtol=1e-8)


BAMBI = {
    "means_as_outcomes": ["Intercept", "Sector"],
    "independent": ["Intercept", "ses"],
    "levels": ["Intercept", "ses", "band", "ses:band"],
    "share_of_level": ["Intercept", "Sex", "cvar(Sex == 'Male', school)"],
    "transformed": ["Intercept", "np.log(Size)", "I(ses ** 2)", "ses"],
    "labels_of_numbers": ["Intercept", "C(HIMINTY)", "ses", "C(HIMINTY):ses"],
    "no_intercept": ["Sector", "ses"],
    "mathach ~ I((ses + 1) * 2) + np.log(Size + 1) + (1 | school)": [
        "Intercept", "I(ses + 1 * 2)", "np.log(Size + 1)",
    ],
    "mathach ~ `ses score` + (`ses score` || school)": ["Intercept", "ses score"],
}  # fmt: skip


@without_compiler
@pytest.mark.parametrize("name", BAMBI)
def test_bambi_is_the_same_density(name: str, spoken: dict[str, hb.Model]) -> None:
    data = spoken["levels"].data
    model = spoken[name] if name in spoken else with_plain_priors(hb.Model(name, data=data))
    code = model.emit("bambi", data="hs").replace("results = model.fit()", "model.build()")
    made = executed(code, model.data)["model"].backend.model
    gamma, sd, z, sigma = drawn(model, 4)
    point: dict[str, Any] = {"sigma": sigma}
    start = 0
    for term in BAMBI[name]:
        shape = made[term].eval(mode=INTERPRETED).shape
        size = int(np.prod(shape))
        point[term] = gamma[start : start + size].reshape(shape)
        start += size
    assert start == len(gamma)
    for effect, scale, draws in zip(("1", BAMBI[name][-1]), sd, z, strict=False):
        point |= {f"{effect}|school_sigma": scale, f"{effect}|school_offset": draws[:, 0]}
    expected = dense(model, gamma, sd, [np.eye(1) for _ in z], z, sigma)
    assert_allclose(log_density(made, point), expected, rtol=1e-8)


def test_bambi_refuses_a_correlated_block(spoken: dict[str, hb.Model]) -> None:
    with pytest.raises(hb.FormulaError) as refusal:
        spoken["random_coefficients"].emit("bambi")
    assert str(refusal.value) == (
        "bambi's group effects are independent; this model has the correlated block "
        "(1 + ses | school); write (1 + ses || school) if independence is meant"
    )
    with pytest.raises(hb.FormulaError) as refusal:
        spoken["effects_of_levels"].emit("bambi")
    assert str(refusal.value) == (
        "bambi's group effects are independent; this model has the correlated block "
        "(0 + Sex | school); make columns of numbers of its levels"
    )


def test_rows_with_gaps_are_left_out_first(hs: pd.DataFrame) -> None:
    """Group means are of the rows that the model uses, in every system."""
    gaps = hs.assign(mathach=hs["mathach"].where(np.arange(len(hs)) % 7 > 0))
    model = hb.Model("mathach ~ cvar(ses, school) + ses + (1 | school)", data=gaps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = executed(model.emit("statsmodels", data="hs"), gaps)["fit"]
    assert_allclose(theirs.llf, model.reml().loglik, rtol=0, atol=1e-4)
    assert 'hs <- na.omit(hs[c("mathach", "school", "ses")])' in model.emit("lme4", data="hs")


# ------------------------------------------------------------------ several grouping factors


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (1 + x | school) + (1 | school:klass)",
        "y ~ x + (1 | school) + (x || school:klass)",
        "y ~ x + (1 | school) + (1 | room)",
        "y ~ x + (1 | school) + (x || item)",
        "y ~ x + (1 | item) + (1 | school:klass)",
    ],
)
@pytest.mark.parametrize("ml", [False, True])
def test_statsmodels_with_several_factors(formula: str, ml: bool) -> None:
    model = hb.Model(formula, data=schools_and_items())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = executed(model.emit("statsmodels", data="hs", ml=ml), model.data)["fit"]
    assert_allclose(theirs.llf, (model.ml() if ml else model.reml()).loglik, rtol=0, atol=1e-3)


FACTORS = "y ~ x + (x || item) + (1 | school) + (1 | school:klass)"
BY_FACTOR: dict[str, Any] = {
    "gamma": hb.Normal(0, 4),
    "sd": {
        "item": {"1": hb.HalfNormal(1), "x": hb.Exponential(2)},
        "school": hb.HalfNormal(3),
        "school:klass": hb.HalfCauchy(2),
    },
    "sigma": hb.HalfNormal(2),
}


@without_compiler
def test_pymc_with_several_factors() -> None:
    model = hb.Model(FACTORS, data=schools_and_items(), priors=BY_FACTOR)
    graph = executed(model.emit("pymc", data="hs"), model.data)["model"]
    assert list(graph.coords["group_2"][:2]) == ["s0:1", "s0:2"]
    gamma, sd, z, sigma = drawn(model, 5)
    point = {"gamma": gamma, "sigma": sigma}
    point |= {f"sd_{k}": sd[k : k + 1] for k in range(4)} | {f"z_{k}": z[k] for k in range(4)}
    expected = dense(model, gamma, sd, [np.eye(1)] * 4, z, sigma)
    assert_allclose(log_density(graph, point), expected, rtol=1e-10)


@without_compiler
def test_bambi_with_several_factors() -> None:
    model = hb.Model(FACTORS, data=schools_and_items(), priors=BY_FACTOR)
    code = model.emit("bambi", data="hs").replace("results = model.fit()", "model.build()")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formulae's own about columns of texts
        made = executed(code, model.data)["model"].backend.model
    gamma, sd, z, sigma = drawn(model, 6)
    point: dict[str, Any] = {"sigma": sigma, "Intercept": gamma[0], "x": gamma[1]}
    for name, scale, draws in zip(
        ("1|item", "x|item", "1|school", "1|school:klass"), sd, z, strict=True
    ):
        point |= {f"{name}_sigma": scale, f"{name}_offset": draws[:, 0]}
    expected = dense(model, gamma, sd, [np.eye(1)] * 4, z, sigma)
    assert_allclose(log_density(made, point), expected, rtol=1e-8)
