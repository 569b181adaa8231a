"""Variance explained, and smaller models, of several grouping factors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from tests.factors_reference import fit, model, short_posterior


def test_components_add_up_and_shares_follow() -> None:
    ours = fit("Pixel_slope_outer", "REML")
    found = hb.variance_explained(ours, at={"day": 0.0})
    parts = found.components["estimate"]
    assert_allclose(parts.drop("total").sum(), parts["total"])
    design, G = ours.design, ours.theta.G[0, 0]
    fitted = design.rows.X @ ours.gamma
    assert_allclose(parts["fixed part"], fitted.var(ddof=1))
    Z = design.rows.Z[:, :2]
    assert_allclose(parts["random effects, Dog"], np.einsum("nk,kl,nl->n", Z, G[:2, :2], Z).mean())
    shares = found.shares["estimate"]
    unexplained = parts["total"] - parts["fixed part"]
    assert_allclose(shares["icc[Dog]"], parts["random effects, Dog"] / unexplained)
    assert_allclose(shares["icc[Dog] at day = 0"], G[0, 0] / (G[0, 0] + G[2, 2] + ours.sigma**2))
    assert_allclose(shares["R2 conditional"], 1.0 - ours.sigma**2 / parts["total"])
    assert "several" not in str(found) and "icc[Dog:Side]" in str(found)


def test_reductions_are_of_models_with_intercepts_alone() -> None:
    ours, data = fit("Oats_split_plot", "REML"), model("Oats_split_plot").data
    explained = hb.variance_explained(ours).explained["estimate"]
    null = hb.Model("yield ~ 1 + (1 | Block/Variety)", data).reml().var_corr()["variance"]
    full = ours.var_corr()["variance"]
    expected = (1.0 - full / null).to_numpy()
    names = ["Block", "Block:Variety", "residual"]
    assert_allclose(
        explained.loc[[f"Raudenbush-Bryk, {one}" for one in names]], expected, atol=1e-6
    )
    assert_allclose(explained.iloc[0], 1.0 - full.sum() / null.sum(), atol=1e-6)


def test_reliability_is_the_mean_shrinkage() -> None:
    ours = fit("Oats_split_plot", "REML")
    found = hb.variance_explained(ours).reliability["estimate"]
    for factor in ("Block", "Block:Variety"):
        mean = ours.shrinkage(factor)["shrinkage[Intercept]"].mean()
        assert_allclose(found[f"Intercept|{factor}"], mean)


def test_spread_between_the_groups_of_each_factor() -> None:
    spread = hb.variance_explained(fit("Oats_split_plot", "REML")).spread
    assert_allclose(spread.loc["nitro", "share_between[Block]"], 0.0, atol=1e-12)
    assert_allclose(spread.loc["Variety[T.Victory]", "share_between[Block:Variety]"], 1.0)
    data = model("Oats_split_plot").data["yield"]
    assert_allclose(spread.loc["`yield`", "total"], data.var(ddof=0))


@pytest.mark.slow
def test_a_posterior_has_spreads() -> None:
    ours = short_posterior("Oats_split_plot")
    found = hb.variance_explained(ours)
    share = ours.icc()
    assert_allclose(found.shares.loc["icc[Block]", ["estimate", "sd"]], share.loc["Block"])
    assert (found.reliability["sd"] > 0.0).all()


# ---------------------------------------------------------------- smaller models


@pytest.mark.parametrize("name", ["sim_singular_crossed", "sim_student_teacher_school"])
def test_a_factor_without_variance_can_be_left_out(name: str) -> None:
    ours = fit(name, "REML")
    small = hb.reduced(ours)
    assert small.same_maximum and small.smaller
    assert_allclose(small.fit.loglik, ours.loglik, atol=1e-7)
    table = ours.var_corr()["variance"]
    for factor in small.fit.design.specification.factors:
        assert table.loc[factor].max() > 0.0
    again = hb.Model(small.formula, model(name).data).reml()
    assert_allclose(again.loglik, small.fit.loglik, atol=1e-7)


def test_what_is_flat_is_said_by_factor() -> None:
    small = hb.reduced(fit("sim_singular_crossed", "REML"))
    assert small.findings == (
        "G of 'b' is zero: nothing varies between its groups beyond the rest",
        "(1 | a) has the same maximum with fewer parameters",
    )
    assert small.formula == "y ~ 1 + x + (1 | a)"
    small = hb.reduced(fit("sim_singular_slope", "REML"))
    assert small.axes.index.names == ["factor", "axis"]
    assert (small.axes["variance"] >= 0.0).all()
    assert small.models["loss"].min() > -1e-6
    with pytest.raises(hb.InferenceError, match="is not singular"):
        hb.reduced(fit("Oats_split_plot", "REML"))


# ---------------------------------------------------------------- the random part, built


def test_a_random_part_is_built_for_one_of_several_factors() -> None:
    data = model("Pixel_slope_outer").data
    start = hb.Model("pixel ~ day + day2 + (1 | Dog) + (1 | Dog:Side)", data)
    built = hb.build_random(start, ["day"], factor="Dog")
    assert built.formula == "pixel ~ 1 + day + day2 + (1 + day | Dog) + (1 | Dog:Side)"
    test = hb.likelihood_ratio(start.reml(), fit("Pixel_slope_outer", "REML"))
    assert_allclose(built.steps["chisq"], [test.chisq])
    assert built.steps["reference"].tolist() == ["½χ²(1) + ½χ²(2)"]
    with pytest.raises(hb.InferenceError) as refusal:
        hb.build_random(start, ["day"])
    assert str(refusal.value) == (
        "the model has several grouping factors; name the one that candidates vary over, factor= "
        "one of 'Dog', 'Dog:Side'"
    )
    with pytest.raises(hb.InferenceError, match="'Sid' is no grouping factor of this model"):
        hb.build_random(start, ["day"], factor="Sid")
