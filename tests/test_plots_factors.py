"""Pictures of models of several grouping factors: those of one factor at a time."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.plots.beta_space import beta_space_frame
from hierbayes.plots.caterpillar import caterpillar_frame
from hierbayes.plots.shrinkage import shrinkage_frame
from tests.factors_reference import fit

PIXEL = "Pixel_slope_outer"


def test_caterpillars_have_the_effects_of_one_factor() -> None:
    ours = fit(PIXEL, "REML")
    found = caterpillar_frame(ours, factor="Dog:Side").frame
    u = ours.ranef("Dog:Side")["Intercept"]
    assert found["effect"].unique().tolist() == ["Intercept"]
    assert_allclose(found["estimate"], u.loc[found["group"]])
    assert found["n"].sum() == ours.design.n
    half = 1.959964 * np.sqrt(ours.ranef_cov("Dog:Side")[:, 0, 0].to_series())
    assert_allclose(found["upper"] - found["estimate"], half.loc[found["group"]], rtol=1e-6)
    both = caterpillar_frame(ours, factor="Dog", order="day").frame
    assert both["effect"].unique().tolist() == ["Intercept", "day"]
    figure = hb.plots.plot_caterpillar(ours, factor="Dog")
    assert figure.get_suptitle() == "Random effects by Dog, REML"
    plt.close(figure)


def test_shrinkage_is_that_of_one_factor() -> None:
    ours = fit(PIXEL, "REML")
    found = shrinkage_frame(ours, "day", factor="Dog")
    expected = ours.shrinkage("Dog").xs("day", level="effect")
    pd.testing.assert_frame_equal(found[["n", "blue", "blup"]], expected[["n", "blue", "blup"]])
    figure = hb.plots.plot_shrinkage(ours, factor="Dog:Side", against="group")
    assert figure.axes[0].get_xlabel() == "Dog:Side"
    assert figure.axes[0].get_title("left").endswith("Intercept by Dog:Side, REML")
    plt.close(figure)


def test_beta_space_has_the_block_of_one_factor() -> None:
    ours = fit(PIXEL, "REML")
    found = beta_space_frame(ours, factor="Dog")
    assert found.effects == ("Intercept", "day")
    assert_allclose(found.groups[["blup_x", "blup_y"]], ours.coef("Dog")[["Intercept", "day"]])
    own = found.ellipses[found.ellipses["kind"] == "G"]
    centre = found.populations.iloc[0]
    sd = ours.var_corr().loc["Dog", "sd"].to_numpy()
    assert_allclose((own[["x", "y"]] - centre).max(), sd, rtol=2e-3)
    with pytest.raises(hb.StudyError, match="the model has one random effect"):
        beta_space_frame(ours, factor="Dog:Side")
    with pytest.raises(hb.DataError) as refusal:
        beta_space_frame(ours)
    assert str(refusal.value) == (
        "the model has several grouping factors; name one: 'Dog', 'Dog:Side'"
    )


def test_a_group_in_which_a_variable_is_0_has_the_population_of_the_others() -> None:
    """As one with a single row there: its slope is γ + u, not u."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"g": np.repeat(np.arange(9), 5), "x": rng.normal(size=45)})
    data.loc[data["g"] == 4, "x"] = 0.0
    data["y"] = data["x"] * (2.0 + rng.normal(size=9)[data["g"]]) + rng.normal(size=45)
    ours = hb.Model("y ~ x + (1 + x | g)", data).reml()
    slopes = ours.shrinkage().xs("x", level="effect")
    assert_allclose(slopes["population"], ours.fixef()["x"])
    assert_allclose(slopes["blup"], ours.coef()["x"])
    assert beta_space_frame(ours).populations.index.tolist() == ["all groups"]
