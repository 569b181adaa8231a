"""Rows that a family cannot tell apart, as one row each: the same likelihood and posterior."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design.blocks import free_entries
from hierbayes.design.merged_rows import _least, merged_rows
from hierbayes.estimation.density import density_at
from hierbayes.estimation.family_inputs import inputs_at_mode
from hierbayes.estimation.laplace_search import maximise_latent
from hierbayes.estimation.latent_criterion import LatentCriterion
from hierbayes.estimation.latent_problem import curvature_of, every_row, latent_rows
from hierbayes.estimation.posterior import target_of

FORMULAS = {
    "bernoulli": "b ~ x + (1 | g)",
    "binomial": "cbind(k, 4 - k) ~ x + (1 | g) + (1 | h)",
    "poisson": "k ~ x + offset(log(t)) + (1 | g)",
}


def data_of(n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    g, h, x, t = (rng.integers(0, k, n) for k in (6, 4, 2, 2))
    eta = -0.5 + 0.6 * x + rng.normal(0, 0.8, 6)[g] + rng.normal(0, 0.5, 4)[h]
    p = 1.0 / (1.0 + np.exp(-eta))
    return pd.DataFrame({"g": g, "h": h, "x": x, "t": t + 1.0, "b": rng.random(n) < p,
                         "k": rng.binomial(4, p)})  # fmt: skip


@pytest.fixture(scope="module", params=list(FORMULAS))
def model(request: pytest.FixtureRequest) -> hb.Model:
    return hb.Model(FORMULAS[request.param], data_of(), family=request.param)


def test_the_likelihood_of_merged_rows_is_that_of_all(model: hb.Model) -> None:
    problem = model.problem
    optima = []
    for rows in (latent_rows(problem), every_row(problem)):
        criterion = LatentCriterion(
            rows, free_entries(problem.design.blocks), curvature_of(problem, rows), 1
        )
        optima.append(maximise_latent(criterion))
    merged, full = optima
    assert merged.mode.rows.n < 0.5 * full.mode.rows.n
    assert merged.value == pytest.approx(full.value, abs=1e-8)
    np.testing.assert_allclose(merged.mode.point.gamma, full.mode.point.gamma, atol=1e-6)
    np.testing.assert_allclose(merged.mode.point.root, full.mode.point.root, atol=1e-5)
    np.testing.assert_allclose(merged.hessian, full.hessian, rtol=1e-4, atol=1e-4)


def test_the_posterior_density_of_merged_rows_is_that_of_all(model: hb.Model) -> None:
    problem, priors = model.problem, model.priors
    found = []
    for rows in (latent_rows(problem), every_row(problem)):
        criterion = LatentCriterion(
            rows, free_entries(problem.design.blocks), curvature_of(problem, rows), 1
        )
        mode = maximise_latent(criterion).mode
        target = target_of(problem.design, inputs_at_mode(problem, priors, mode), priors,
                           progress=False)  # fmt: skip
        x = np.linspace(-0.4, 0.4, target.n_dim)
        found.append(density_at(x, target.data))
    (value, gradient), (value_all, gradient_all) = (one[:2] for one in found)
    assert value == pytest.approx(value_all, abs=1e-4)  # the modes are equal within 1e-6
    np.testing.assert_allclose(gradient, gradient_all, rtol=1e-4, atol=1e-4)


def test_sums_and_constants_of_merged_rows() -> None:
    data = data_of()
    model = hb.Model(FORMULAS["poisson"], data, family="poisson")
    merged = merged_rows(model.problem.design, model.problem.family_rows)
    groups = data.groupby(["g", "x", "t"])
    assert len(merged.at) == groups.ngroups
    assert sorted(merged.y) == sorted(groups["k"].sum())
    weights = groups["t"].sum()  # Σ t = how many times t
    assert sorted(np.exp(merged.offset).round(8)) == sorted(weights.astype(float))


def test_rows_that_differ_stay_as_they_are() -> None:
    data = data_of().assign(z=np.linspace(0, 1, 240))
    model = hb.Model("b ~ z + (1 | g)", data, family="bernoulli")
    merged = merged_rows(model.problem.design, model.problem.family_rows)
    np.testing.assert_array_equal(merged.at, np.arange(240))
    negative = hb.Model("k ~ x + (1 | g)", data, family="negative binomial")
    assert len(merged_rows(negative.problem.design, negative.problem.family_rows).at) == 240


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("p", [0, 3, 19])
def test_sums_of_columns_count_the_kinds_of_rows(p: int, order: Literal["C", "F"]) -> None:
    """Wherever rows stand, and however their columns stand in memory."""
    rng, problem = np.random.default_rng(p), hb.Model(FORMULAS["bernoulli"], data_of(97)).problem
    X = np.asarray(rng.integers(0, 3, (97, p)) / 7.0, order=order)
    X = np.where(rng.random((97, 1)) < 0.5, X, 0.1)
    offset = np.array(rng.integers(0, 2, 97) / 3.0, dtype=np.float64)
    rows = replace(problem.design.rows, X=np.asarray(X, order=order))
    every = np.column_stack([rows.X, rows.Z, offset, *rows.codes_of])
    assert _least(rows, offset) == len(np.unique(every, axis=0))


def test_a_page_says_how_many_kinds_of_rows_there_are(model: hb.Model) -> None:
    kinds = len(latent_rows(model.problem).y)
    note = f"Note:   rows that are alike are counted: {kinds} kinds of rows"
    assert note in model.ml().summary().about
