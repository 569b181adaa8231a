"""Posteriors by re-weighting against posteriors that were sampled, and what weights are made of."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.likelihood.reduction import Reduction, reduce_draws
from hierbayes.studies.sensitivity.answers import baseline_of, reprior
from hierbayes.studies.sensitivity.moments import Values, error_of_mean
from hierbayes.studies.sensitivity.weights import K_HAT_LIMIT, Weights, even
from tests import dense
from tests.conftest import Cache
from tests.exact import exact_posterior

pytestmark = pytest.mark.slow

GRID: dict[str, dict[str, Any]] = {
    "gamma": {
        "narrow": hb.Normal(0, 5),
        "flat": hb.Flat(),
        "one term": {"ses": hb.Normal(1, 0.3)},
    },
    "sd": {
        "half-t, a fifth": hb.HalfT(3, 0, 1.5),
        "half-t, one effect": {"Intercept": hb.HalfT(3, 0, 0.5)},
        "half-normal": hb.HalfNormal(1),
        "uniform": hb.Uniform(0, 8),
        "boundary-avoiding": hb.Gamma(2.5, 0.5),
    },
    "corr": {"lkj 1": hb.LKJ(1), "lkj 4": hb.LKJ(4), "lkj 10": hb.LKJ(10)},
    "sigma": {"near 6.3": hb.HalfT(30, 0, 1)},
    "several": {
        "sceptical": {
            "gamma": {"ses": hb.Normal(0, 0.5)},
            "sd": hb.HalfT(3, 0, 1.5),
            "corr": hb.LKJ(4),
            "sigma": hb.HalfT(30, 0, 1),
        }
    },
}
NAMES = [(block, name) for block, entries in GRID.items() for name in entries]
BORDERLINE = ("lkj 1",)  # weights ∝ 1/(1 − ρ²): k-hat is about 0.5, and on which side is chance


@pytest.fixture(scope="module")
def studies(baselines: Cache[hb.PosteriorFit]) -> Cache[hb.SensitivityStudy]:
    """Each baseline under the whole grid, nothing refitted."""
    return Cache(lambda d: hb.SensitivityStudy(baselines[d], GRID, refit=False, progress=False))


def second_moments(values: Values, weights: Weights) -> tuple[Any, Any]:
    """Variance of each quantity and its Monte Carlo error."""
    centred = values.draws - values.flat @ weights.values
    squares = Values(centred**2)
    return squares.flat @ weights.values, error_of_mean(squares, weights)


CASES = [("hs", *entry) for entry in NAMES]
# where REML lies on the boundary: what the answers there rest on, once for each block
CASES += [("hsfull", *entry) for entry in NAMES if entry[1] in (
    "flat", "half-normal", "boundary-avoiding", "lkj 10", "sceptical")]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "block", "name"), CASES, ids=[f"{data}-{name}" for data, _, name in CASES]
)
def test_a_reweighted_posterior_is_the_one_that_is_sampled(
    studies: Cache[hb.SensitivityStudy],
    studied: Cache[hb.Model],
    data: str,
    block: str,
    name: str,
) -> None:
    study = studies[data]
    answer = next(one for one in study.answers if one.alternative.name == name)
    if name in BORDERLINE and answer.how == "not answered":
        assert answer.weights.k_hat > K_HAT_LIMIT
        return
    assert answer.how == "re-weighted" and answer.fit is not None
    stated = GRID[block][name] if block == "several" else {block: GRID[block][name]}
    model = hb.Model(
        "mathach ~ ses * Sector", "~ 1 + ses | school", data=hb.load_dataset(data), priors=stated
    )
    defaults = studied[data].priors.frame()["prior"]
    assert (answer.alternative.priors.frame()["prior"] == model.priors.frame()["prior"]).all()
    assert (model.priors.frame()["prior"] != defaults).any()
    fresh = exact_posterior(model, draws=500, seed=7)

    ours, theirs = study.estimands.values(answer.fit), study.estimands.values(fresh)
    weights, equal = answer.weights, even(2000)
    difference = ours.flat @ weights.values - theirs.flat.mean(axis=1)
    error = np.hypot(error_of_mean(ours, weights), error_of_mean(theirs, equal))
    assert (np.abs(difference) < 4.5 * error).all()

    # delta method: log(sd1/sd2) = (log v1 − log v2)/2, each log v with error(v)/v
    (v1, e1), (v2, e2) = second_moments(ours, weights), second_moments(theirs, equal)
    assert (np.abs(np.log(v1 / v2)) < 4.5 * np.hypot(e1 / v1, e2 / v2)).all()


@pytest.mark.parametrize("data", ["hs", "hsfull"])
def test_cells_are_the_weighted_draws(studies: Cache[hb.SensitivityStudy], data: str) -> None:
    """Each cell of the table by its own plain formula."""
    study = studies[data]
    base = study.estimands.values(study.baseline.fit)
    for answer in study.answers:
        if answer.fit is None:
            assert bool(study.cells["mean"].sel(alternative=answer.alternative.name).isnull().all())
            continue
        values, w = study.estimands.values(answer.fit).flat, answer.weights.values
        cell = study.cells.sel(alternative=answer.alternative.name)
        mean = np.average(values, axis=1, weights=w)
        assert_allclose(cell["mean"], mean, rtol=1e-12)
        sd = np.sqrt(np.average((values - mean[:, None]) ** 2, axis=1, weights=w))
        assert_allclose(cell["sd"], sd, rtol=1e-8)
        moved = (mean - base.flat.mean(axis=1)) / base.flat.std(axis=1)
        assert_allclose(cell["movement"], moved, atol=1e-11)
        above = np.average(values[:4] > 0.0, axis=1, weights=w)
        assert_allclose(cell["above"][:4], above, atol=1e-12)
        assert (cell["distance"] >= np.abs(cell["movement"]) - 1e-9).all()  # W1 ≥ |Δ mean|


# ---------------------------------------------------------------- γ drawn anew


def rows_of(model: hb.Model) -> dense.Rows:
    design = model.problem.design
    return dense.Rows(
        design.rows.y, design.rows.X, design.rows.Z, design.rows.codes.astype(np.intp)
    )


@pytest.mark.parametrize("stated", [hb.Flat(), hb.Normal(-1, 0.4)], ids=str)
def test_gamma_is_drawn_anew_exactly(
    small_data: pd.DataFrame, small_posterior: hb.PosteriorFit, stated: hb.Normal | hb.Flat
) -> None:
    """γ = m(θ) + Fε with FF' = V(θ), so (γ − m)'V⁻¹(γ − m) = ε'ε for the dense m and V."""
    changed = hb.Model("y ~ x + w", "~ 1 + x | g", data=small_data, priors={"gamma": stated})
    priors = changed.priors
    fit = reprior(baseline_of(small_posterior), priors)
    assert fit.theta.sigma is small_posterior.theta.sigma
    rows = rows_of(changed)
    normals = fit.generator(0).standard_normal((1000, 3))
    prior = (
        (np.full(3, stated.mu), stated.sigma**2 * np.eye(3))
        if isinstance(stated, hb.Normal)
        else None
    )
    gammas = fit.gamma_draws.reshape(-1, 3)
    for i in range(0, 1000, 25):
        G, sigma = fit.theta.G.reshape(-1, 2, 2)[i], fit.theta.sigma.ravel()[i]
        exact = dense.moments(rows, G, sigma, prior)
        away = gammas[i] - exact.gamma
        assert away @ np.linalg.solve(exact.gamma_cov, away) == pytest.approx(
            normals[i] @ normals[i], rel=1e-8
        )


# ---------------------------------------------------------------- the likelihood of θ


def reduced(model: hb.Model) -> tuple[Reduction, Any, Any, Any]:
    """The data of a model reduced at 20 random θ; G, σ and γ of each."""
    rng = np.random.default_rng(4)
    cross = model.problem.cross
    roots = np.tril(rng.normal(size=(20, 2, 2)))
    sigmas, gammas = rng.uniform(0.5, 2.0, 20), rng.normal(size=(20, 3))
    scaled = sigmas / cross.basis.scale
    reduction = reduce_draws(
        cross.basis.root_internal(roots) / scaled[:, None, None], scaled, cross
    )
    return reduction, roots @ np.swapaxes(roots, 1, 2), sigmas, gammas


def test_the_reduced_likelihood_is_the_dense_one(small: hb.Model) -> None:
    reduction, G, sigmas, gammas = reduced(small)
    rows, basis = rows_of(small), small.problem.cross.basis
    normal = small.priors
    mean = np.array([p.parameters["mu"] for _, p, _ in normal.gamma])
    size = np.array([p.parameters["sigma"] for _, p, _ in normal.gamma])
    spread = np.linalg.inv(rows.X.T @ rows.X)
    scale = size / np.sqrt(np.diag(spread))
    cov = scale[:, None] * spread * scale
    internal = normal.normal_gamma(small.problem.cross)
    given = reduction.log_density_given(basis.gamma_internal(gammas))
    for reading, prior in ((REML, None), (NORMAL, (mean, cov))):
        found = reduction.log_density(internal, reading)
        exact = [dense.log_density(rows, G[i], sigmas[i], reading, prior=prior) for i in range(20)]
        assert_allclose(found, exact, atol=1e-8)
    exact = [
        dense.log_normal(rows.y - rows.X @ gammas[i], rows.V(G[i], sigmas[i])) for i in range(20)
    ]
    assert_allclose(given, exact, atol=1e-8)


def test_a_prior_that_is_flat_in_one_term_is_the_limit_of_wide_ones(
    small: hb.Model, small_data: pd.DataFrame
) -> None:
    """N(0, s²) on one term, s = 3000, has density 1/(s√2π) wherever there is any likelihood."""
    reduction, G, sigmas, _ = reduced(small)
    stated = {"x": hb.Flat(), "Intercept": hb.Normal(1, 2), "w": hb.Normal(-1, 0.5)}
    model = hb.Model("y ~ x + w", "~ 1 + x | g", data=small_data, priors={"gamma": stated})
    found = reduction.log_density(model.priors.normal_gamma(small.problem.cross), NORMAL)
    wide = (np.array([1.0, 0.0, -1.0]), np.diag([4.0, 9e6, 0.25]))
    rows = rows_of(small)
    exact = [dense.log_density(rows, G[i], sigmas[i], NORMAL, prior=wide) for i in range(20)]
    assert_allclose(np.diff(found), np.diff(exact), atol=1e-5)


def test_a_prior_that_is_flat_in_one_term_is_answered_and_sampled(
    small: hb.Model, small_data: pd.DataFrame
) -> None:
    fit = exact_posterior(small, draws=500, seed=3)
    grid = {"gamma": {"x flat": {"x": hb.Flat()}}}
    study = hb.SensitivityStudy(fit, grid, refit=False, progress=False)
    assert study.alternatives["how"].tolist() == ["re-weighted"]
    (answer,) = study.answers
    assert answer.fit is not None
    model = hb.Model(
        "y ~ x + w", "~ 1 + x | g", data=small_data, priors={"gamma": {"x": hb.Flat()}}
    )
    fresh = exact_posterior(model, draws=500, seed=4)
    ours, theirs = study.estimands.values(answer.fit), study.estimands.values(fresh)
    error = np.hypot(error_of_mean(ours, answer.weights), error_of_mean(theirs, even(2000)))
    gap = ours.flat @ answer.weights.values - theirs.flat.mean(axis=1)
    assert (np.abs(gap) < 4.5 * error).all()
