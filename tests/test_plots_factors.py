"""Pictures of models of several grouping factors: those of one factor at a time."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import plots
from hierbayes.plots.beta_space import beta_space_frame
from hierbayes.plots.caterpillar import caterpillar_frame
from hierbayes.plots.shrinkage import shrinkage_frame
from tests.drawn import fits_in, legend_of, lines_of, shows
from tests.factors_reference import fit, model

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
    with pytest.raises(hb.StudyError, match=r"^'Dog:Side' has one random effect"):
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


def test_level1_residuals_are_shown_by_the_groups_of_one_factor() -> None:
    """Any factor's groups; fitted values have the effects of all."""
    ours, data = fit(PIXEL, "REML"), model(PIXEL).data
    found = plots.level1_residuals_frame(ours, factor="Dog")
    table = hb.level1_residuals(ours).frame
    assert_allclose(found.rows["fitted"], data["pixel"] - ours.residuals(), rtol=1e-10)
    assert_allclose(found.rows["residual"], table["studentized"])
    medians = table.groupby(data["Dog"].to_numpy())["studentized"].median()
    assert_allclose(found.groups["median"], medians.loc[found.groups.index])
    within = plots.level1_residuals_frame(ours, kind="within", factor="Dog:Side")
    assert_allclose(within.rows["residual"], table["within[Dog:Side]"])
    assert sorted(within.groups["n"]) == sorted(data.groupby(["Dog", "Side"]).size())
    figure = hb.plots.plot_level1_residuals(ours, kind="within", factor="Dog:Side")
    first, second, _ = figure.axes
    assert shows(first, within.rows["fitted"], within.rows["residual"])
    assert (first.get_xlabel(), first.get_ylabel(), second.get_xlabel()) == (
        "fitted value with all random effects", "residual within Dog:Side",
        "Dog:Side, in order of the median",
    )  # fmt: skip


def test_level2_residuals_are_those_of_one_factor() -> None:
    ours = fit(PIXEL, "REML")
    found = plots.level2_residuals_frame(ours, factor="Dog")
    table = hb.level2_residuals(ours, "Dog").frame
    for effect, rows in found.effects.groupby("effect"):
        assert rows["group"].tolist() == table.index.tolist()
        assert_allclose(rows["standardized"], table[f"standardized[{effect}]"])
    assert_allclose(found.distances["mahalanobis"], table["mahalanobis"])
    figure = hb.plots.plot_level2_residuals(ours, factor="Dog:Side")
    assert [panel.get_title("left") for panel in figure.axes] == [
        "u[Intercept]", "Mahalanobis distances",
    ]  # fmt: skip
    assert figure.get_suptitle() == "Residuals of the groups of Dog:Side, REML; bands 95%"


@pytest.mark.parametrize("picture", ["level1_residuals", "level2_residuals", "pancake"])
def test_the_factor_is_named(picture: str) -> None:
    ours, draw = fit(PIXEL, "REML"), getattr(plots, f"plot_{picture}")
    with pytest.raises(hb.DataError, match=r"^the model has several grouping factors; name one: "):
        draw(ours)
    with pytest.raises(hb.DataError, match=r"^'Sid' is no grouping factor of this model; they "):
        draw(ours, factor="Sid")


def test_effects_have_the_uncertainty_of_all_factors() -> None:
    """The fixed part and its bands, whatever the groups are; so have a gap and a surface."""
    ours, data = fit("Oats_split_plot", "REML"), model("Oats_split_plot").data
    found = plots.effects_frame(ours, data, "Variety", at={"nitro": 0.3})
    L = np.column_stack([np.ones(3), np.full(3, 0.3), [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert_allclose(found.L, L, atol=1e-12)
    rows = hb.wald(ours, L).rows
    assert_allclose(found.frame[["lower", "upper"]], rows[["lower", "upper"]], rtol=1e-6)
    gap = plots.gap_frame(ours, data, "nitro", "Variety", levels=("Victory", "Marvellous"))
    assert_allclose(gap.frame["estimate"], ours.fixef() @ [0.0, 0.0, 1.0, -1.0])
    dogs, pixel = fit(PIXEL, "REML"), model(PIXEL).data
    plane = plots.plane_frame(dogs, pixel, "day", "day2")
    corner = plane.surface.iloc[-1]
    assert_allclose(corner["y"], dogs.fixef() @ [1.0, corner["x"], corner["w"]])


def test_pictures_of_effects_need_the_data_of_the_fit() -> None:
    ours, data = fit("Oats_split_plot", "REML"), model("Oats_split_plot").data
    other = data.assign(Variety=data["Variety"].to_numpy()[::-1])
    with pytest.raises(hb.StudyError) as refusal:
        plots.effects_frame(ours, other, "nitro")
    assert str(refusal.value) == (
        "'yield', 'Block' or 'Variety' differ from those of the fit; give the data of the fit"
    )


def test_group_means_are_averaged_over_the_groups_they_are_of() -> None:
    data = model("ScotsSec_crossed").data
    formula = "attain ~ cvar(verbal, second) + sex + (1 | primary) + (1 | second)"
    ours = hb.Model(formula, data).reml()
    found = plots.effects_frame(ours, data, "sex", at={"verbal": 0.0})
    assert found.held == "verbal = 0, averaged over the groups of second"
    means = data.groupby("second", observed=True)["verbal"].transform("mean")
    expected = ours.fixef()["Intercept"] + ours.fixef().filter(like="cvar").iloc[0] * means.mean()
    assert_allclose(found.frame["estimate"].iloc[0], expected)


def test_a_pancake_is_of_one_factor() -> None:
    data = model(PIXEL).data
    ours = hb.Model("pixel ~ day + day2 + (1 + day + day2 | Dog) + (1 | Side)", data).reml()
    found = plots.pancake_frame(ours, factor="Dog")
    assert found.effects == ("Intercept", "day", "day2")
    u = ours.ranef("Dog").to_numpy()
    assert_allclose(found.groups.to_numpy(), u * found.spread)
    G = ours.var_corr().loc["Dog", "variance"].to_numpy()
    assert_allclose(found.axes["variance"].sum(), (G * found.spread**2).sum())
    figure = hb.plots.plot_pancake(ours, factor="Dog")
    assert figure.axes[0].get_title() == "G of Dog, one standard deviation, REML"
    with pytest.raises(hb.StudyError, match=r"^'Side' has one random effect"):
        plots.pancake_frame(ours, factor="Side")


# ---------------------------------------------------------------- of a posterior


@pytest.fixture(scope="module")
def posterior() -> hb.PosteriorFit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the chains are short
        return model(PIXEL).sample(chains=2, draws=100, tune=150, seed=1, progress=False)


@pytest.mark.slow
def test_each_factor_has_its_share_of_the_variance(posterior: hb.PosteriorFit) -> None:
    shares = posterior.icc()
    frames = {factor: plots.icc_frame(posterior, factor=factor) for factor in shares.index}
    for factor, frame in frames.items():
        assert_allclose(frame.mean, shares.loc[factor, "icc"])
        assert_allclose(frame.maximum, fit(PIXEL, "REML").icc().loc[factor, "icc"], rtol=1e-5)
        assert {"prior", "posterior"} == set(frame.curves["kind"])
        for _, curve in frame.curves.groupby("kind"):
            assert_allclose(np.trapezoid(curve["density"], curve["x"]), 1.0, atol=0.02)
    figure = hb.plots.plot_icc(posterior)
    assert [panel.get_title("left") for panel in figure.axes] == ["Dog", "Dog:Side"]
    for panel, frame in zip(figure.axes, frames.values(), strict=True):
        for _, curve in frame.curves.groupby("kind"):
            assert shows(panel, curve["x"], curve["density"])
    with pytest.raises(hb.DataError, match="several grouping factors; name one"):
        plots.icc_frame(posterior)


@pytest.mark.slow
def test_prior_shares_are_those_of_the_prior_predictive(posterior: hb.PosteriorFit) -> None:
    """Of one and the same priors, by two ways, within Monte Carlo error."""
    drawn = model(PIXEL).prior_predictive(draws=4000, seed=7).draws["icc"].to_numpy()
    (panel,) = hb.plots.plot_icc(posterior, factor="Dog:Side").axes
    assert panel.get_title("left") == "Intraclass correlation of Dog:Side: prior and posterior"
    x, density = max(lines_of(panel), key=lambda line: line[0, 1]).T  # the prior is high at 0
    assert_allclose(np.trapezoid(x * density, x), drawn[:, 1].mean(), atol=0.04)


def test_shrinkage_factors_are_of_the_groups_of_one_factor(posterior: hb.PosteriorFit) -> None:
    frame = plots.shrinkage_factors_frame(posterior, "day", factor="Dog")
    exact = posterior.shrinkage("Dog").xs("day", level="effect")
    assert_allclose(frame["mean"], exact["shrinkage[day]"].loc[frame.index])
    at_reml = fit(PIXEL, "REML").shrinkage("Dog").xs("day", level="effect")
    assert_allclose(frame["REML"], at_reml["shrinkage[day]"].loc[frame.index], rtol=1e-5)
    assert (frame["lower"] < frame["25%"]).all() and (frame["75%"] < frame["upper"]).all()
    assert frame["n"].tolist() == exact["n"].loc[frame.index].tolist()
    figure = hb.plots.plot_shrinkage_factors(posterior, factor="Dog:Side", groups=["1:L", "2:R"])
    assert figure.axes[0].get_ylabel() == "2 of 20 groups (Dog:Side)"
    assert fits_in(figure)
    low = hb.plots.plot_shrinkage_factors(posterior, factor="Dog:Side", figsize=(5.0, 2.5))
    assert low.axes[0].get_yticklabels() == []  # no room for 20 names


def test_prior_ellipses_are_of_one_factor(posterior: hb.PosteriorFit) -> None:
    grid = {"sd": {"wide": {"Dog": hb.HalfNormal(40)}, "inner": {"Dog:Side": hb.HalfNormal(15)}}}
    study = hb.SensitivityStudy(posterior, grid, ["day"], refit=False, progress=False)
    frame = plots.prior_ellipses_frame(study, factor="Dog")
    assert frame.effects == ("Intercept", "day")
    G = posterior.theta.G[..., :2, :2].mean(axis=(0, 1))
    baseline = frame.table.loc["baseline"]
    assert_allclose(baseline[["sd_x", "sd_y"]].astype(float), np.sqrt(np.diag(G)))
    assert_allclose(baseline["corr"], G[0, 1] / np.sqrt(G[0, 0] * G[1, 1]))
    (panel,) = plots.plot_prior_ellipses(study, factor="Dog").axes
    points = frame.boundaries[frame.boundaries["ellipse"] == "baseline"]
    assert shows(panel, points["x"], points["y"])
    assert panel.get_title("left") == "G of Dog, one sd, under each prior"
    with pytest.raises(hb.StudyError) as refusal:
        plots.plot_prior_ellipses(study, factor="Dog:Side")
    assert str(refusal.value) == (
        "'Dog:Side' has one random effect, and G no ellipse; plot_ridge(study, "
        "'sd(Intercept|Dog:Side)') shows how its sd moves with the prior"
    )


# ---------------------------------------------------------------- trellis


def test_a_trellis_has_panels_by_one_factor_and_lines_of_another() -> None:
    """Each line is the prediction of the panel's rows with one variable moved."""
    ours, data = fit(PIXEL, "REML"), model(PIXEL).data
    frame = plots.trellis_frame(data, "pixel ~ day | Dog", by="Dog:Side", fit=ours)
    assert frame.panels.index.tolist() == data["Dog"].cat.categories.tolist()
    own = data[(data["Dog"] == "3") & (data["Side"] == "R")]
    line = frame.lines[frame.lines["level"] == "3:R"]
    assert set(line["panel"]) == {"3"} and set(line["line"]) == {"BLUP of Dog:Side"}
    expected = [ours.predict(own.assign(day=x)).mean() for x in line["x"]]
    assert_allclose(line["y"], expected, rtol=1e-10)
    dog = data[data["Dog"] == "3"]
    for name, effects in (("BLUP", "Dog"), ("population", "none")):
        line = frame.lines[(frame.lines["panel"] == "3") & (frame.lines["line"] == name)]
        expected = [ours.predict(dog.assign(day=x), effects=effects).mean() for x in line["x"]]
        assert_allclose(line["y"], expected, rtol=1e-10)
    blue = frame.lines[(frame.lines["panel"] == "3") & (frame.lines["line"] == "BLUE")]
    rest = dog["pixel"] - ours.fixef()["day2"] * dog["day2"]
    line = np.polyval(np.polyfit(dog["day"], rest, 1), blue["x"])
    assert_allclose(blue["y"], line + ours.fixef()["day2"] * dog["day2"].mean(), rtol=1e-8)


def test_panels_of_an_inner_factor_have_the_effects_of_the_outer() -> None:
    ours, data = fit("Oats_split_plot", "REML"), model("Oats_split_plot").data
    frame = plots.trellis_frame(data, "yield ~ nitro | Block:Variety", fit=ours, by="Block")
    assert frame.shown == "" and len(frame.panels) == 18 and "level" not in frame.lines
    line = frame.lines[(frame.lines["panel"] == "II:Victory") & (frame.lines["line"] == "BLUP")]
    own = data[(data["Block"] == "II") & (data["Variety"] == "Victory")]
    expected = [ours.predict(own.assign(nitro=x)).mean() for x in line["x"]]
    assert_allclose(line["y"], expected, rtol=1e-10)


@pytest.mark.slow
def test_drawn_lines_of_two_factors_are_the_frame() -> None:
    ours, data = fit(PIXEL, "REML"), model(PIXEL).data
    frame = plots.trellis_frame(data, "pixel ~ day | Dog", by="Dog:Side", fit=ours)
    figure = plots.plot_trellis(data, "pixel ~ day | Dog", by="Dog:Side", fit=ours)
    for panel, dog in zip(figure.axes, frame.panels.index, strict=True):
        for (name, level), line in frame.lines[frame.lines["panel"] == dog].groupby(
            ["line", "level"], dropna=False
        ):
            ends = line[["x", "y"]].to_numpy()
            gap = np.full((int(name not in ("BLUE", "BLUP", "population")), 2), np.nan)
            assert shows(panel, *np.vstack([ends, gap]).T), (name, level)
    assert legend_of(figure) == [
        "BLUP of Dog:Side, apart within a panel", "BLUE of Dog", "BLUP of Dog", "population",
    ]  # fmt: skip
    crossed, students = fit("sim_student_teacher_school", "REML"), "sim_student_teacher_school"
    rows = model(students).data
    few = plots.plot_trellis(rows, "y ~ x | student", by="school", fit=crossed, max_groups=4)
    assert legend_of(few)[0] == "school 1"
    many = plots.plot_trellis(rows, "y ~ x | teacher", by="student", fit=crossed, max_groups=4)
    assert legend_of(many)[0] == "BLUP of student"
    assert all(len(panel.lines) < 10 for panel in many.axes)


def test_no_line_hides_another_in_a_dense_panel() -> None:
    """White edges lie under every line of a panel."""
    ours, data = fit("ScotsSec_crossed", "REML"), model("ScotsSec_crossed").data
    largest = data["second"].value_counts().index[:1]
    (panel,) = plots.plot_trellis(data, "attain ~ verbal | second", fit=ours, groups=largest).axes
    colors = [line.get_color() for line in panel.lines if len(np.asarray(line.get_xdata())) == 13]
    assert len(colors) == 6 and colors[:3] == ["white"] * 3


def test_a_trellis_of_a_fit_names_one_of_its_factors() -> None:
    ours, data = fit(PIXEL, "REML"), model(PIXEL).data
    with pytest.raises(hb.StudyError) as refusal:
        plots.trellis_frame(data, "pixel ~ day | Side", fit=ours)
    assert str(refusal.value) == (
        "the formula has the group 'Side' and the fit 'Dog', 'Dog:Side'; lines of a fit need one "
        "of its factors"
    )
