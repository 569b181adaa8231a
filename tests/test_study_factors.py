"""Sensitivity studies of models of several grouping factors."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.design.sparse_products import SparseProducts
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.reading import NORMAL, REML
from hierbayes.likelihood.sparse import SparseLikelihood
from hierbayes.likelihood.theta import Theta
from hierbayes.studies.sensitivity.moments import Values, error_of_mean
from hierbayes.studies.sensitivity.weights import even, pareto_smoothed
from tests.factors_reference import fit, model

pytestmark = pytest.mark.slow

FORMULA = "yield ~ nitro + Variety + (1 | Block/Variety)"
GRID: dict[str, dict[str, Any]] = {
    "sd": {
        "by factor": {"Block": hb.HalfNormal(25), "Block:Variety": hb.HalfNormal(14)},
        "one of them": {"Intercept|Block": hb.HalfNormal(20)},
    },
    "gamma": {"narrow": hb.Normal(0, 60)},
    "sigma": {"exponential": hb.Exponential(0.1)},
}


@pytest.fixture(scope="module")
def baseline() -> hb.PosteriorFit:
    posed = hb.Model(FORMULA, model("Oats_split_plot").data)
    return posed.sample(draws=1000, tune=500, chains=4, seed=1, progress=False)


@pytest.fixture(scope="module")
def study(baseline: hb.PosteriorFit) -> hb.SensitivityStudy:
    return hb.SensitivityStudy(baseline, GRID, refit=False, progress=False)


def test_reductions_are_the_likelihood_at_each_draw(baseline: hb.PosteriorFit) -> None:
    cross, theta, priors = baseline.problem.products, baseline.theta.flat[:7], baseline.priors
    assert isinstance(cross, SparseProducts) and priors is not None
    prior = priors.normal_gamma(cross)
    reduction = SparseLikelihood(cross).reduce(theta)
    for reading in (NORMAL, REML):
        likelihood = SparseLikelihood(cross, reading, prior)
        expected = [likelihood.at(theta[m]).value for m in range(7)]
        assert_allclose(reduction.log_density(prior, reading), expected, rtol=1e-12)


def test_quantities_are_named_by_factor(study: hb.SensitivityStudy) -> None:
    assert study.estimands.names == [
        "Intercept", "nitro", "Variety[T.Marvellous]", "Variety[T.Victory]", "sd(Intercept|Block)",
        "sd(Intercept|Block:Variety)", "sigma", "icc of Block", "icc of Block:Variety",
        "R2 of fixed part",
    ]  # fmt: skip
    reml = study.baseline.fit.problem
    fit = model("Oats_split_plot").reml()
    assert reml.design.terms == fit.design.terms
    assert_allclose(study.reml.loc["icc of Block", "REML"], fit.icc().loc["Block", "icc"])
    limits = fit.intervals().loc[("sd", "Intercept|Block:Variety")]
    row = study.reml.loc["sd(Intercept|Block:Variety)"]
    assert_allclose(row[["REML lower", "REML upper"]], limits[["lower", "upper"]], rtol=1e-5)


@pytest.mark.parametrize(("block", "name"), [(b, n) for b, of in GRID.items() for n in of])
def test_a_reweighted_posterior_is_the_one_that_is_sampled(
    study: hb.SensitivityStudy, block: str, name: str
) -> None:
    answer = next(one for one in study.answers if one.alternative.name == name)
    assert answer.how == "re-weighted" and answer.fit is not None
    posed = hb.Model(FORMULA, model("Oats_split_plot").data, priors={block: GRID[block][name]})
    ours = answer.alternative.priors.frame()["prior"]
    assert (ours == posed.priors.frame()["prior"]).all()
    fresh = posed.sample(draws=1000, tune=500, chains=4, seed=5, progress=False)
    found, theirs = (study.estimands.values(fit) for fit in (answer.fit, fresh))
    error = np.hypot(error_of_mean(found, answer.weights), error_of_mean(theirs, even(4000)))
    difference = found.flat @ answer.weights.values - theirs.flat.mean(axis=1)
    assert np.abs(difference / error).max() < 4.5


def test_quantities_of_groups(baseline: hb.PosteriorFit) -> None:
    asked = [
        hb.quantities.GroupCoefficient("II", factor="Block"),
        hb.quantities.Rank("I:Victory", factor="Block:Variety"),
        hb.quantities.SD("Intercept|Block"),
        hb.quantities.NewGroup({"nitro": 0.2, "Variety": "Victory"}),
    ]
    assert [one.name for one in asked[:2]] == [
        "Intercept of Block II", "rank of Block:Variety I:Victory by Intercept",
    ]  # fmt: skip
    coefficient, rank, sd, new = (one.draws(baseline) for one in asked)
    assert_allclose(coefficient.mean(), baseline.coef("Block").loc["II", "Intercept"])
    beta = baseline.draws("beta", "Block:Variety")[0, 0, :, 0]
    groups = beta["group_Block:Variety"].to_numpy().tolist()
    assert rank[0, 0] == (beta >= beta[groups.index("I:Victory")]).sum()
    sds = baseline.draws("sd")
    assert_allclose(sd, sds.sel(effect="Intercept|Block"))
    between = (sds**2).sum("effect").mean()
    gamma = baseline.draws("gamma").to_numpy() @ np.array([1.0, 0.2, 0.0, 1.0])
    spread = Values(((new - gamma) ** 2)[..., None])
    error = float(error_of_mean(spread, even(4000))[0])
    assert abs(spread.flat.mean() - float(between)) < 4.5 * error
    with pytest.raises(hb.DataError, match="the model has several grouping factors; name one"):
        hb.quantities.GroupCoefficient("II").draws(baseline)
    with pytest.raises(hb.StudyError) as refusal:
        hb.quantities.SD("Intercept").draws(baseline)
    assert str(refusal.value) == (
        "there is no random effect 'Intercept'; they are: 'Intercept|Block', "
        "'Intercept|Block:Variety'"
    )


def test_further_questions(study: hb.SensitivityStudy) -> None:
    numbers = study.derivatives()["number"].to_numpy().tolist()
    assert {"sd(Intercept|Block).sigma", "sd(Intercept|Block:Variety).sigma"} <= set(numbers)
    found = study.information()
    assert found.loc["sd"].index.tolist() == ["Intercept|Block", "Intercept|Block:Variety"]
    assert np.isfinite(found.loc["sd", "contraction"].to_numpy(float)).all()
    assert len(study.to_datatree().attrs["cross_products_sha256"]) == 64
    assert "icc of Block" in str(study)
    tipping = study.tipping("nitro", scales=(0.8, 1.0), progress=False)
    assert_allclose(
        tipping.cells["mean"].sel(scale=1.0), study.before["mean"].sel(quantity="nitro")
    )


def test_a_group_left_out_is_the_data_without_its_rows(study: hb.SensitivityStudy) -> None:
    """Weights and means of γ from the model of the other rows, in a basis of its own.

    The design is balanced, so that priors of centred columns are the same without a block.
    """
    factor, group = "Block", "II"
    found = study.deletion("by factor", factor=factor, progress=False)
    fit, data = study.baseline.fit, model("Oats_split_plot").data
    labels = fit.design.factors[fit.design.place_of_factor(factor)].labels.tolist()
    assert found["group"].to_numpy().tolist() == [*labels, "none"]
    left = hb.Model(FORMULA, data[data["Block"] != group]).problem.products
    densities, priors = study.baseline.densities, study.baseline.priors
    reading = REML if priors.gamma_is_flat else NORMAL
    reduction = likelihood_of(left).reduce(densities.theta)
    ratio = reduction.log_density(priors.normal_gamma(left), reading)
    weights = pareto_smoothed(ratio - densities.log_likelihood(priors))
    gammas = reduction.gamma_means(priors.normal_gamma(left), reading)
    whole = densities.reduction.gamma_means(priors.normal_gamma(fit.problem.products), reading)
    cell = found.sel(group=group, alternative="baseline")
    assert_allclose(cell["k_hat"], weights.k_hat, atol=1e-6)
    moved = gammas[:, 1] @ weights.values - whole[:, 1].mean()
    sd = fit.gamma_draws[..., 1].std()
    assert_allclose(cell["movement"].sel(quantity="nitro"), moved / sd, atol=1e-6)
    sigma = densities.theta.sigma
    moved = (sigma @ weights.values - sigma.mean()) / sigma.std()
    assert_allclose(cell["movement"].sel(quantity="sigma"), moved, atol=1e-6)
    none = found["movement"].sel(group="none", alternative="baseline")
    assert_allclose(none, 0.0, atol=1e-12)


def test_a_factor_must_be_named_to_leave_out_its_groups(study: hb.SensitivityStudy) -> None:
    with pytest.raises(hb.DataError) as refusal:
        study.deletion()
    assert str(refusal.value) == (
        "the model has several grouping factors; name one: 'Block', 'Block:Variety'"
    )


@pytest.mark.parametrize("name", ["Oats_split_plot", "Pixel_slope_outer"])
def test_shrinkage_of_a_group(name: str) -> None:
    """What Cov(u | γ, θ, y) leaves of G, at the estimate."""
    ours = fit(name, "REML")
    for k, factor in enumerate(ours.design.factors):
        span = ours.design.spans[k]
        own = np.eye(span.stop - span.start) - ours.ranef_cov(factor.name).to_numpy() @ (
            np.linalg.inv(ours.G[span, span])
        )
        for i, effect in enumerate(ours.design.effects[span]):
            asked = hb.quantities.Shrinkage(factor.labels[1], effect, factor=factor.name)
            assert_allclose(asked.draws(ours), [[own[1, i, i]]], rtol=1e-5)


def test_shrinkage_of_a_group_over_draws(baseline: hb.PosteriorFit) -> None:
    root, sigma = baseline.theta.root[:, :3], baseline.theta.sigma[:, :3]
    few = replace(baseline, theta=Theta.of(root, sigma))
    asked = hb.quantities.Shrinkage("II", factor="Block")
    assert asked.name == "shrinkage factor of Intercept of Block II"
    likelihood = likelihood_of(baseline.problem.products)
    for chain, draw in ((0, 0), (3, 2)):
        state = likelihood.at(few.theta[chain, draw])
        left = 1.0 - state.u_cov_of(0, given_gamma=True)[1] / few.theta.G[chain, draw, 0, 0]
        assert_allclose(asked.draws(few)[chain, draw], left[0, 0], rtol=1e-8)


def test_the_usual_grid_has_no_prior_of_one_icc(baseline: hb.PosteriorFit) -> None:
    usual = hb.SensitivityStudy(baseline, None, ["nitro"], refit=False, progress=False)
    blocks = set(usual.alternatives["block"])
    assert blocks == {"gamma", "sd", "sigma", "cautionary"}
