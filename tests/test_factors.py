"""Models of several grouping factors as a user writes and reads them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from tests.factors_reference import fit, model

OATS = model("Oats_split_plot")


@pytest.mark.parametrize(
    "written",
    [
        "yield ~ nitro + Variety + (1 | Block/Variety)",
        "yield ~ nitro + Variety + (1 | Block:Variety) + (1 | Block)",
        ("yield ~ nitro + Variety", "~ 1 | Block/Variety"),
        ("yield ~ nitro + Variety", {"Block": "~ 1", "Variety": "~ 1"}),
    ],
)
def test_nested_factors_in_every_spelling(written: str | tuple[str, object]) -> None:
    formula, random = (written, None) if isinstance(written, str) else written
    same = hb.Model(formula, random, data=OATS.data)  # type: ignore[call-overload]
    assert_allclose(same.reml().loglik, fit("Oats_split_plot", "REML").loglik, atol=1e-9)


def test_terms_of_one_factor_stand_together() -> None:
    data = OATS.data
    apart = hb.Model("yield ~ nitro + (1 | Block) + (1 | Variety) + (0 + nitro | Block)", data)
    assert [str(term) for term in apart.specification.random] == [
        "(1 | Block)",
        "(0 + nitro | Block)",
        "(1 | Variety)",
    ]
    assert apart.problem.design.effect_labels == (
        "Intercept|Block",
        "nitro|Block",
        "Intercept|Variety",
    )


def test_what_is_by_group_is_by_factor() -> None:
    ours = fit("Oats_split_plot", "REML")
    every = ours.ranef()
    assert list(every) == ["Block", "Block:Variety"]
    for name, frame in every.items():
        pd.testing.assert_frame_equal(frame, ours.ranef(name))
        gamma = ours.fixef()["Intercept"]
        assert_allclose(ours.coef(name)["Intercept"], gamma + frame["Intercept"])
    assert every["Block:Variety"].index[:2].tolist() == ["I:Golden Rain", "I:Marvellous"]
    with pytest.raises(hb.DataError) as refusal:
        ours.ranef("Variet")
    assert str(refusal.value) == (
        "'Variet' is no grouping factor of this model; they are: 'Block', 'Block:Variety'"
    )
    for called in ("Variety", "Variety:Block"):
        pd.testing.assert_frame_equal(ours.ranef(called), every["Block:Variety"])
        assert ours.predict(effects=called).equals(ours.predict(effects="Block:Variety"))
    with pytest.raises(hb.DataError) as refusal:
        ours.draws("u")
    assert str(refusal.value) == (
        "the model has several grouping factors; name one: 'Block', 'Block:Variety'"
    )


def test_predictions_add_the_effects_of_the_factors_named() -> None:
    ours = fit("Oats_split_plot", "REML")
    none, both = ours.predict(effects="none"), ours.predict()
    block, plot = ours.predict(effects="Block"), ours.predict(effects=["Block:Variety"])
    assert_allclose(both - none, (block - none) + (plot - none), atol=1e-10)
    assert_allclose(ours.residuals(), OATS.data["yield"] - both)
    u = ours.ranef("Block")["Intercept"]
    assert_allclose(block - none, u.loc[OATS.data["Block"]], atol=1e-10)


def test_new_levels_of_any_factor() -> None:
    ours = fit("Oats_split_plot", "REML")
    new = pd.DataFrame({"nitro": [0.0], "Variety": ["Victory"], "Block": ["VII"]})
    with pytest.raises(hb.DataError, match="there is no group 'VII' in 'Block'"):
        ours.predict(new)
    allowed = ours.predict(new, new_groups="population")
    assert_allclose(allowed, ours.predict(new, effects="none"))


def test_shares_of_the_variance_by_factor() -> None:
    ours = fit("Oats_split_plot", "REML")
    variance = ours.var_corr()["variance"]
    expected = variance.loc[["Block", "Block:Variety"]].to_numpy() / variance.sum()
    assert_allclose(ours.icc()["icc"], expected)
    for name, share in zip(ours.design.specification.factors, expected, strict=True):
        assert_allclose(ours.icc(factor=name)["icc"], share)
    with pytest.raises(hb.DataError, match="'nowhere' is no grouping factor of this model"):
        ours.icc(factor="nowhere")


def test_what_is_made_for_one_factor_says_so() -> None:
    """Nothing takes the first factor for the only one."""
    ours = fit("Oats_split_plot", "REML")
    for of_one in (
        lambda: OATS.problem.cross,
        lambda: OATS.problem.design.factor,
        lambda: OATS.specification.group,
        lambda: ours.u_draws,
        lambda: ours.state,
    ):
        with pytest.raises(hb.FormulaError) as refusal:
            of_one()
        assert str(refusal.value) == (
            "this is made for models of one grouping factor, and the model has 'Block', "
            "'Block:Variety'"
        )


def test_weights_and_means_of_groups_name_models_of_one_factor() -> None:
    ours = fit("Oats_split_plot", "REML")
    for what, ask in (
        ("weights of groups in an intercept", hb.intercept_weights),
        ("three means of a response", hb.plots.three_means_frame),
    ):
        with pytest.raises(hb.HierbayesError) as refusal:
            ask(ours)
        assert str(refusal.value) == (
            f"{what}: they are those of one grouping factor, whose groups share nothing else, and "
            "the model has 'Block', 'Block:Variety'; fit '`yield` ~ 1 + (1 | Block)' or '`yield` ~ "
            "1 + (1 | Block:Variety)'"
        )
    several: Any = ["Block", "Variety"]
    with pytest.raises(hb.FormulaError) as refused:
        hb.estimators("yield ~ nitro", data=OATS.data, group=several)
    assert str(refused.value) == (
        "group must name the column of groups, not ['Block', 'Variety']; the estimators are of "
        "groups of one factor: ask for each apart"
    )


def test_variances_that_cannot_be_told_apart_are_refused_by_factor() -> None:
    data = OATS.data.assign(copy=OATS.data["Block"].astype(str) + "x")
    with pytest.raises(hb.DataError) as refusal:
        hb.Model("yield ~ nitro + (1 | Block) + (1 | copy)", data)
    assert str(refusal.value) == (
        "the data cannot tell apart the variance of 'Intercept' (Block) and the variance of "
        "'Intercept' (copy): the model has 3 variance parameters, and rows at these values of the "
        "random columns determine 2; 'Block' and 'copy' put the same rows together: keep one of "
        "them (of nested factors the outer one stands first, (1 | outer/inner))"
    )
    with pytest.raises(hb.DataError, match="the group column 'Block:Variety:nitro' has as many"):
        hb.Model("yield ~ 1 + (1 | Block) + (1 | Block:Variety:nitro)", data)


def test_labels_that_would_be_one_are_refused() -> None:
    data = pd.DataFrame({"y": np.arange(8.0) ** 1.5, "a": ["x", "x:y"] * 4, "b": ["y:z", "z"] * 4})
    with pytest.raises(hb.DataError) as refusal:
        hb.Model("y ~ 1 + (1 | a:b)", data)
    assert str(refusal.value) == (
        "two groups of 'a:b' would both be called 'x:y:z'; make the colons in the labels of its "
        "columns another character"
    )


def test_rows_and_levels_in_another_order_are_the_same_model() -> None:
    data = OATS.data
    mixed = data.sample(frac=1.0, random_state=1)
    mixed = mixed.assign(Block=mixed["Block"].astype(str).radd("b"))
    again = hb.Model("yield ~ nitro + Variety + (1 | Block/Variety)", mixed).reml()
    ours = fit("Oats_split_plot", "REML")
    assert_allclose(again.loglik, ours.loglik, atol=1e-9)
    u = again.ranef("Block")
    assert_allclose(u.set_axis(u.index.str[1:]).loc[ours.ranef("Block").index], ours.ranef("Block"),
                    rtol=1e-6)  # fmt: skip
