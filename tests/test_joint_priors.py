"""Priors of G, of the intraclass correlation and of R²: densities, posteriors, refusals."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from arviz_stats.base import array_stats
from scipy import stats
from scipy.optimize import minimize

import hierbayes as hb
from hierbayes.estimation.inputs import graph_inputs
from hierbayes.fit.convergence import convergence_table
from hierbayes.likelihood.reading import REML
from hierbayes.priors.joint_density import joint_density_at
from tests.dense import Array, Rows, log_density
from tests.interpreted import INTERPRETED, without_compiler

pytestmark = pytest.mark.slow

AXES = {"chain_axis": 0, "draw_axis": 1}
RANDOM = {1: "~ 1 | g", 2: "~ 1 + x | g", 3: "~ 1 + x + w | g"}


@pytest.fixture(scope="module")
def little() -> pd.DataFrame:
    """Eight groups of four rows: little information on any variance."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(8), 4)
    x, w = rng.normal(0.5, 1.0, 32), rng.uniform(0.0, 2.0, 32)
    y = 1.0 + 0.5 * x + rng.normal(0.0, 0.8, 8)[g] + rng.normal(0.0, 1.0, 32)
    return pd.DataFrame({"y": y, "x": x, "w": w, "g": g})


def pose(data: pd.DataFrame, q: int = 1, fixed: str = "y ~ x", **priors: Any) -> hb.Model:
    return hb.Model(fixed, RANDOM[q], data=data, priors=priors)


def rows_of(model: hb.Model) -> Rows:
    design = model.problem.design
    return Rows(design.rows.y, design.rows.X, design.rows.Z, design.rows.codes)


def some_roots(q: int, n: int) -> Array:
    """Lower-triangular roots (n, q, q) whose rows have either sign."""
    rng = np.random.default_rng(q)
    roots = np.tril(0.4 * rng.normal(size=(n, q, q))) + np.eye(q)
    return roots * np.sign(rng.normal(size=(n, q, 1)))


def densities(model: hb.Model, roots: Array, sigmas: Array) -> Array:
    return joint_density_at(model.priors.joint[0], model.problem.design, roots, sigmas)


# ---------------------------------------------------------------- penalised complexity


def test_pc_is_the_exponential_distribution_with_that_tail(little: pd.DataFrame) -> None:
    model = pose(little, sigma=hb.PC(5, 0.05))
    rate = hb.PC(5, 0.05).parameters["lam"]
    assert stats.expon(scale=1 / rate).sf(5.0) == pytest.approx(0.05, rel=1e-12)
    assert model.priors.frame().loc[("sigma", "sigma"), "prior"] == "PC(5, 0.05)"
    draws = np.asarray(pm.draw(model.graph()["sigma"], 4000, random_seed=1, mode=INTERPRETED))
    assert abs((draws > 5.0).mean() - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 4000)


def test_pc_compiles_as_the_exponential_distribution(little: pd.DataFrame) -> None:
    structures = {
        graph_inputs(m.problem.design, m.problem.cross, m.priors).structure
        for m in (
            pose(little, 2, sd=hb.PC(5, 0.05), sigma=hb.PC(3, 0.1)),
            pose(little, 2, sd=hb.Exponential(1), sigma=hb.Exponential(2)),
            pose(little, 2, sd={"x": hb.PC(1, 0.5), "1": hb.Exponential(1)}, sigma=hb.PC(1, 0.1)),
        )
    }
    assert len(structures) == 1
    mixed = pose(little, 2, sd={"x": hb.PC(1, 0.5), "1": hb.Exponential(1)}).graph()
    assert {rv.name for rv in mixed.free_RVs} == {"sd", "corr_chol", "sigma"}


def test_the_numbers_of_a_joint_prior_are_no_part_of_the_structure(little: pd.DataFrame) -> None:
    pairs: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
        ({"G": hb.Wishart(4, 1)}, {"G": hb.Wishart(5, (1, 2))}),
        ({"icc": hb.Beta(1, 2)}, {"icc": hb.Beta(3, 4)}),
        ({"r2": hb.R2D2M2()}, {"r2": hb.R2D2M2(0.2, 1, 3)}),
    )
    seen = []
    for pair in pairs:
        models = [pose(little, 2, **priors) for priors in pair]
        inputs = [graph_inputs(m.problem.design, m.problem.cross, m.priors) for m in models]
        assert inputs[0].structure == inputs[1].structure
        seen.append(inputs[0].structure)
    assert len(set(seen)) == 3


# ---------------------------------------------------------------- densities


def scale_of(q: int) -> Array:
    return np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])[:q, :q]


MATRIX: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "inverse": (hb.InverseWishart, stats.invwishart),
    "wishart": (hb.Wishart, stats.wishart),
}


@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("q", [1, 2, 3])
def test_a_prior_of_G_is_the_density_of_scipy(name: str, q: int, little: pd.DataFrame) -> None:
    """Times the volume of (sd, R) → G: each sd to the power q, and 2 for each variance."""
    family, exact = MATRIX[name]
    model = pose(little, q, G=family(q + 1.5, scale_of(q)))
    roots = some_roots(q, 5)
    G = roots @ roots.transpose(0, 2, 1)
    sd = np.sqrt(np.diagonal(G, axis1=1, axis2=2))
    logpdf = np.array([exact(q + 1.5, scale_of(q)).logpdf(one) for one in G])
    expected = logpdf + q * np.log(2.0) + q * np.log(sd).sum(axis=1)
    np.testing.assert_allclose(densities(model, roots, np.ones(5)), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("prior", "diagonal"), [(hb.InverseWishart(5, 2), (2, 2)), (hb.Wishart(5, (2, 3)), (2, 3))]
)
def test_a_scale_may_be_a_number_or_a_diagonal(
    prior: Any, diagonal: tuple[float, float], little: pd.DataFrame
) -> None:
    full = type(prior)(5, np.diag(diagonal))
    values = [densities(pose(little, 2, G=p), some_roots(2, 3), np.ones(3)) for p in (prior, full)]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-14)


@pytest.mark.parametrize(
    "priors",
    [{"G": hb.InverseWishart(3, 1)}, {"G": hb.Wishart(3, 1)}, {"icc": hb.Beta(0.4, 2)}],
    ids=["inverse", "wishart", "icc"],
)
def test_a_singular_G_has_density_zero(priors: dict[str, Any], little: pd.DataFrame) -> None:
    roots = np.array([np.zeros((2, 2)), [[1.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
    assert (densities(pose(little, 2, **priors), roots, np.ones(3)) == -np.inf).all()


@without_compiler
@pytest.mark.parametrize("q", [1, 2, 3])
def test_the_graph_states_the_density_of_G_and_nothing_else(q: int, little: pd.DataFrame) -> None:
    """Potential and uniform R together; PyMC counts R per Cholesky factor, Π L_ii^(q−i) more."""
    model = pose(little, q, G=hb.InverseWishart(q + 1, scale_of(q)))
    graph = model.graph()
    parts = [graph["prior_G"], *([graph["corr_chol"]] if q > 1 else [])]
    rvs = [*parts, graph["sd"]]
    logp = graph.compile_logp(vars=rvs, jacobian=False, mode=INTERPRETED)
    point = graph.initial_point() | {"sd_log__": np.log(np.arange(1.0, q + 1.0))}
    if q > 1:
        point["corr_chol_normalisedrows__"] = np.linspace(-0.5, 0.8, q * (q - 1) // 2)
    names = [graph["root"], graph["sigma"]]
    values = graph.replace_rvs_by_values(names)
    function = graph.compile_fn(values, inputs=graph.value_vars, mode=INTERPRETED)
    root, sigma = function(point)
    L = root / np.sqrt((root**2).sum(axis=1))[:, None]
    volume = (np.arange(q - 1, -1, -1) * np.log(np.diagonal(L))).sum()
    stated = densities(model, root[None], np.atleast_1d(sigma))[0]
    assert float(logp(point)) - volume == pytest.approx(stated, abs=1e-9)


def test_one_intraclass_correlation_is_a_change_of_variable(little: pd.DataFrame) -> None:
    model = pose(little, icc=hb.Beta(2, 5))
    sd, sigma = np.array([0.1, 0.7, 3.0]), np.array([1.0, 2.0, 0.5])
    icc = sd**2 / (sd**2 + sigma**2)
    slope = 2.0 * sd * sigma**2 / (sd**2 + sigma**2) ** 2
    expected = stats.beta(2, 5).logpdf(icc) + np.log(slope)
    np.testing.assert_allclose(densities(model, sd[:, None, None], sigma), expected, atol=1e-9)


@pytest.mark.parametrize("q", [2, 3])
def test_the_density_of_the_icc_is_that_of_its_construction(q: int, little: pd.DataFrame) -> None:
    """Sds made from icc, uniform shares, R and σ: the mean of h/p over them is 1 for any density h.

    h is log-normal, narrow, and placed at three points, so that p is right at each of them.
    """
    model, n = pose(little, q, icc=hb.Beta(2, 3)), 200_000
    rng = np.random.default_rng(q)
    sigma, Z = 1.3, model.problem.design.rows.Z
    M = Z.T @ Z / len(Z)
    chol = np.linalg.cholesky(np.array([[1, 0.5, 0.2], [0.5, 1, -0.3], [0.2, -0.3, 1]])[:q, :q])
    icc, share = rng.beta(2, 3, n), rng.dirichlet(np.ones(q), n)
    unit = np.sqrt(share / np.diagonal(M))[:, :, None] * chol
    total = sigma**2 * icc / (1 - icc) / np.einsum("nik,ij,njk->n", unit, M, unit)
    roots = np.sqrt(total)[:, None, None] * unit
    sd = np.sqrt((roots**2).sum(axis=2))
    density = densities(model, roots, np.full(n, sigma))
    for centre in (0.3, 0.6, 1.0):
        h = stats.lognorm(0.25, scale=centre).logpdf(sd).sum(axis=1)
        ratio = np.exp(h - density)
        assert abs(ratio.mean() - 1.0) < 4 * ratio.std() / np.sqrt(n)
        assert ratio.std() / np.sqrt(n) < 0.03


# ---------------------------------------------------------------- posteriors


def log_prior_sd(name: str, sd: Array, sigma: Array) -> Array:
    """Log density of a single sd, from the textbook distribution of the variance or the icc."""
    if name == "G":
        return stats.invgamma(2.0, scale=1.5).logpdf(sd**2) + np.log(2.0 * sd)
    variance = sd**2 + sigma**2
    return stats.beta(2, 3).logpdf(sd**2 / variance) + np.log(2.0 * sd * sigma**2 / variance**2)


ONE_EFFECT: dict[str, dict[str, Any]] = {
    "G": {"G": hb.InverseWishart(4, 3)},  # an inverse-gamma variance of shape ν/2, scale Ψ/2
    "icc": {"icc": hb.Beta(2, 3)},
}


@pytest.mark.parametrize("name", ONE_EFFECT)
def test_one_effect_equals_quadrature(name: str, little: pd.DataFrame) -> None:
    model = pose(little, gamma=hb.Flat(), sigma=hb.HalfNormal(2), **ONE_EFFECT[name])
    rows = rows_of(model)
    log_sd, log_sigma = np.linspace(-4.0, 3.0, 71), np.linspace(-0.9, 1.1, 41)
    sd, sigma = (np.exp(a) for a in np.meshgrid(log_sd, log_sigma, indexing="ij"))
    density = log_prior_sd(name, sd, sigma) + stats.halfnorm(scale=2).logpdf(sigma)
    density += np.log(sd * sigma)
    for index in np.ndindex(sd.shape):
        G = np.array([[sd[index] ** 2]])
        density[index] += log_density(rows, G, float(sigma[index]), REML)
    weight = np.exp(density - density.max())
    weight /= weight.sum()
    assert max(weight[[0, -1]].sum(), weight[:, [0, -1]].sum()) < 1e-4  # the grid is wide enough
    fit = model.sample(seed=3, progress=False)
    sd_draws = fit.draws("sd").to_numpy()[..., 0]
    icc_draws = sd_draws**2 / (sd_draws**2 + fit.theta.sigma**2)
    assert fit.icc()["icc"] == pytest.approx(icc_draws.mean(), rel=1e-12)
    for draws, exact in (
        (icc_draws, sd**2 / (sd**2 + sigma**2)),
        (np.log(sd_draws), np.log(sd)),
        (fit.theta.sigma, sigma),
    ):
        mean = (weight * exact).sum()
        spread = np.sqrt((weight * (exact - mean) ** 2).sum())
        assert abs(draws.mean() - mean) < 4 * array_stats.mcse(draws, method="mean", **AXES)
        assert abs(draws.std() - spread) < 4 * array_stats.mcse(draws, method="sd", **AXES)


@pytest.mark.parametrize("name", ONE_EFFECT)
def test_the_mode_is_that_of_likelihood_times_prior(name: str, little: pd.DataFrame) -> None:
    model = pose(little, gamma=hb.Flat(), sigma=hb.HalfNormal(2), **ONE_EFFECT[name])
    rows = rows_of(model)

    def minus_log_density(log_theta: Array) -> float:
        sd, sigma = np.exp(log_theta)
        prior = log_prior_sd(name, sd, sigma) + stats.halfnorm(scale=2).logpdf(sigma)
        return -float(log_density(rows, np.array([[sd**2]]), sigma, REML) + prior)

    exact = minimize(
        minus_log_density, [-0.5, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 0}
    )
    fit = model.map()
    found = [fit.draws("sd").to_numpy().item(), fit.sigma]
    np.testing.assert_allclose(found, np.exp(exact.x), rtol=1e-5)


def test_drawn_standard_deviations_explain_the_stated_share(little: pd.DataFrame) -> None:
    model = pose(little, 2, r2=hb.R2D2M2(0.3, 5, 0.7))
    graph, design = model.graph(), model.problem.design
    sd, gamma_sd, sigma = pm.draw(
        [graph["sd"], graph["gamma_sd"], graph["sigma"]], 3000, random_seed=2, mode=INTERPRETED
    )
    by_random = sd**2 * (design.rows.Z**2).mean(axis=0)
    by_fixed = gamma_sd**2 * design.rows.X[:, 1:].var(axis=0)
    explained = by_random.sum(axis=1) + by_fixed.sum(axis=1)
    assert stats.kstest(explained / (explained + sigma**2), stats.beta(1.5, 3.5).cdf).pvalue > 1e-3
    for part in (*by_random.T, *by_fixed.T):
        assert stats.kstest(part / explained, stats.beta(0.7, 1.4).cdf).pvalue > 1e-3


@pytest.mark.slow
def test_r2_equals_draws_of_the_prior_weighted_by_the_likelihood(little: pd.DataFrame) -> None:
    """γ given its scales is normal and integrates out; the rest is drawn and weighted."""
    priors: dict[str, Any] = dict(gamma={"1": hb.Normal(0, 2)}, sigma=hb.HalfNormal(2))
    model = pose(little, r2=hb.R2D2M2(0.4, 4, 1), **priors)
    rows, rng, n = rows_of(model), np.random.default_rng(5), 20_000
    r2, share, sigma = rng.beta(1.6, 2.4, n), rng.uniform(size=n), np.abs(rng.normal(0, 2, n))
    tau = sigma * np.sqrt(r2 / (1 - r2))
    sd, scale = tau * np.sqrt(share), tau * np.sqrt(1 - share) / rows.X[:, 1].std()
    weight, slope = np.empty(n), np.empty(n)
    within, between = rows.V(np.zeros((1, 1)), 1.0), rows.V(np.ones((1, 1)), 0.0)
    one, x = (rows.X[:, [k]] @ rows.X[:, [k]].T for k in (0, 1))
    for some in np.split(np.arange(n), n // 500):  # y ~ N(0, V), and γ is normal given y
        s, u, c = (values[some, None, None] ** 2 for values in (sigma, sd, scale))
        V = s * within + u * between + 4.0 * one + c * x
        solved = np.linalg.solve(V, np.broadcast_to(rows.y[:, None], (500, len(rows.y), 1)))[..., 0]
        weight[some] = -0.5 * (np.linalg.slogdet(V)[1] + solved @ rows.y)
        slope[some] = scale[some] ** 2 * (solved @ rows.X[:, 1])
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    fit = model.sample(draws=1000, seed=4, progress=False)
    for draws, values in (
        (fit.draws("sd").to_numpy()[..., 0], sd),
        (fit.theta.sigma, sigma),
        (fit.draws("gamma").to_numpy()[..., 1], slope),
    ):
        exact = (weight * values).sum()
        noise = np.sqrt((weight**2 * (values - exact) ** 2).sum())
        assert noise < 0.1 * np.sqrt((weight * (values - exact) ** 2).sum())
        error = np.hypot(noise, array_stats.mcse(draws, method="mean", **AXES))
        assert abs(draws.mean() - exact) < 5 * error


@pytest.mark.slow
def test_r2_samples_well(hs: pd.DataFrame) -> None:
    model = hb.Model(
        "mathach ~ ses * Sector", "~ 1 + ses | school", data=hs, priors={"r2": hb.R2D2M2()}
    )
    fits = [model.sample(seed=seed, progress=False) for seed in (1, 2)]
    for fit in fits:
        assert convergence_table(fit, random_effects=False)["r_hat"].max() < 1.01
        assert fit.draws("gamma").shape == (4, 1000, 4)
    a, b = (fit.draws("gamma").sel(term="ses").to_numpy() for fit in fits)
    errors = [array_stats.mcse(draws, method="mean", **AXES) for draws in (a, b)]
    assert abs(a.mean() - b.mean()) < 5 * np.hypot(*errors)
    assert "u integrated out; marginal" in str(fits[0].summary())


# ---------------------------------------------------------------- statements and refusals


def test_the_table_shows_joint_priors_first(little: pd.DataFrame) -> None:
    def shown(q: int, **priors: Any) -> list[tuple[str, str, str]]:
        table = pose(little, q, **priors).priors.frame()
        return [(*index, row) for index, row in table["prior"].items()]

    assert [row[:2] for row in shown(2, G=hb.Wishart(4, 1))] == [
        ("G", "G"), ("gamma", "Intercept"), ("gamma", "x"), ("sigma", "sigma"),
    ]  # fmt: skip
    assert [row[:2] for row in shown(2, icc=hb.Beta(1, 1))] == [
        ("icc", "icc"), ("gamma", "Intercept"), ("gamma", "x"), ("corr", "Intercept, x"),
        ("sigma", "sigma"),
    ]  # fmt: skip
    assert [row[:2] for row in shown(2, r2=hb.R2D2M2())] == [
        ("r2", "r2"), ("gamma", "Intercept"), ("corr", "Intercept, x"), ("sigma", "sigma"),
    ]  # fmt: skip
    texts = {
        "InverseWishart(4, 10)": hb.InverseWishart(4, 10),
        "InverseWishart(4, [10, 2.5])": hb.InverseWishart(4, (10, 2.5)),
        "Wishart(4, [[1, 0.5], [0.5, 2]])": hb.Wishart(4, [[1, 0.5], [0.5, 2]]),
    }
    for text, prior in texts.items():
        assert shown(2, G=prior)[0][2] == text
    assert shown(1, r2=hb.R2D2M2())[0][2] == "R2D2M2(0.5, 2, 1)"
    assert pose(little, 1, r2=hb.R2D2M2()).priors.joint[0][1].has_density is False


EFFECTS = "'Intercept', 'x'"
NOT_TWICE = "leave one of them out"
WRONG: tuple[tuple[Callable[[pd.DataFrame], object], str], ...] = (
    (lambda d: hb.PC(0, 0.5), "PC: upper must be positive, not 0"),
    (lambda d: hb.PC(1, 1), "PC: prob must lie between 0 and 1, not 1"),
    (lambda d: hb.Beta(0, 1), "Beta: alpha must be positive, not 0"),
    (lambda d: hb.R2D2M2(mean=1), "R2D2M2: mean must lie between 0 and 1, not 1"),
    (lambda d: hb.R2D2M2(concentration=-1), "R2D2M2: concentration must be positive, not -1"),
    (lambda d: hb.Wishart("a", 1), "Wishart: nu must be a number, not 'a'"),  # type: ignore[arg-type]
    (lambda d: hb.Wishart(3, -1), "Wishart: scale must be positive, not -1"),
    (lambda d: hb.Wishart(3, "1"),
     "Wishart: scale must be a number, a sequence of numbers or a square matrix, not '1'"),
    (lambda d: hb.Wishart(3, [[1, 2]]),
     "Wishart: scale must be a number, a sequence of numbers or a square matrix, not [[1, 2]]"),
    (lambda d: hb.InverseWishart(3, [[1, 2], [2, 1]]),
     "InverseWishart: scale must be symmetric and positive definite, not [[1, 2], [2, 1]]"),
    (lambda d: hb.InverseWishart(3, [1, 0]),
     "InverseWishart: scale must be symmetric and positive definite, not [1, 0]"),
    (lambda d: pose(d, 2, G=hb.InverseWishart(1, 1)),
     "InverseWishart: nu must exceed 1, one less than the number of random effects "
     f"({EFFECTS}), not 1"),
    (lambda d: pose(d, 2, G=hb.InverseWishart(4, (1, 2, 3))),
     f"InverseWishart: scale is for 3 random effects, but the model has 2: {EFFECTS}"),
    (lambda d: pose(d, 2, G=3), "the prior of 'G' must be one of InverseWishart, Wishart, not int"),
    (lambda d: pose(d, 2, G=hb.LKJ(2)),
     "LKJ has no place as a prior of 'G'; use one of InverseWishart, Wishart"),
    (lambda d: pose(d, 2, icc=pm.Beta.dist(2, 8)),
     "PyMC Beta(2, 8) has no place as a prior of 'icc'; use one of Beta"),
    (lambda d: pose(d, 2, sd=hb.Beta(1, 1)),
     "Beta has no place as a prior of 'sd'; use one of HalfNormal, HalfT, HalfCauchy, "
     "Exponential, PC, Uniform, Gamma, InverseGamma, Flat"),
    (lambda d: pose(d, 2, r2=hb.Beta(1, 1)),
     "Beta has no place as a prior of 'r2'; use one of R2D2M2"),
    (lambda d: pose(d, 2, G=hb.Wishart(3, 1), corr=hb.LKJ(2)),
     f"the prior of 'G' says what that of 'corr' would say again; {NOT_TWICE}"),
    (lambda d: pose(d, 2, icc=hb.Beta(1, 1), sd=hb.HalfNormal(2)),
     f"the prior of 'icc' says what that of 'sd' would say again; {NOT_TWICE}"),
    (lambda d: pose(d, 2, icc=hb.Beta(1, 1), G=hb.Wishart(3, 1)),
     f"the prior of 'G' says what that of 'icc' would say again; {NOT_TWICE}"),
    (lambda d: pose(d, 2, r2=hb.R2D2M2(), sd={"x": hb.HalfNormal(2)}),
     f"the prior of 'r2' says what that of 'sd' would say again; {NOT_TWICE}"),
    (lambda d: pose(d, 2, r2=hb.R2D2M2(), gamma={"x": hb.Normal(0, 2)}),
     f"the prior of 'r2' says what that of 'gamma' would say again; {NOT_TWICE}, "
     "or state 'gamma' for 'Intercept' alone"),
    (lambda d: pose(d, 2, r2=hb.R2D2M2(), gamma=hb.Normal(0, 2)),
     f"the prior of 'r2' says what that of 'gamma' would say again; {NOT_TWICE}, "
     "or state 'gamma' for 'Intercept' alone"),
    (lambda d: pose(d, 1, "y ~ 0 + x", r2=hb.R2D2M2()),
     "a prior of 'r2' needs an intercept among the fixed effects, whose prior stays its own; "
     "write the formula with 1"),
    (lambda d: pose(d, 1, r2=hb.R2D2M2()).map(),
     "the prior of 'r2' has no density in (sd, corr, σ) that could be maximised, only one with "
     "latent shares of the variance; use sample()"),
)  # fmt: skip


@pytest.mark.parametrize(("state", "message"), WRONG)
def test_wrong_joint_priors(
    state: Callable[[pd.DataFrame], object], message: str, little: pd.DataFrame
) -> None:
    with pytest.raises(hb.PriorError, match=f"^{re.escape(message)}$"):
        state(little)
