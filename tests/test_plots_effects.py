"""Effect plots, gaps, surfaces and ellipsoids: against hb.wald, draws and distributions."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from numpy.testing import assert_allclose
from scipy import optimize, stats

import hierbayes as hb
from hierbayes.inference.reduction.pancake import principal_axes
from hierbayes.plots.band import row_space, zero_left_out
from tests.conftest import Cache
from tests.drawn import artists, refused

pytestmark = pytest.mark.slow

plots = hb.plots


def wald_of_each_row(fit: hb.Fit, L: pd.DataFrame, **more: Any) -> pd.DataFrame:
    """hb.wald of each row by itself."""
    rows = [hb.wald(fit, L.iloc[[k]], **more).rows.iloc[0] for k in range(len(L))]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def fit(reml_fits: Cache[hb.PointFit]) -> hb.Fit:
    """mathach ~ ses * Sector."""
    return reml_fits["intercepts_slopes"]


@pytest.fixture(scope="module")
def contextual(hs: pd.DataFrame) -> hb.Fit:
    formula = "mathach ~ ses * Sector + cvar(ses, school) + Sex + (1 + ses | school)"
    return hb.Model(formula, data=hs).reml()


# ---------------------------------------------------------------- effects


def test_effects_are_combinations_of_gamma(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.effects_frame(fit, hs, "ses", by="Sector")
    assert found.frame["by"].unique().tolist() == ["Catholic", "Public"]
    x = found.frame["x"].to_numpy()
    public = (found.frame["by"] == "Public").to_numpy(float)
    L = np.column_stack([np.ones(len(x)), x, public, x * public])
    assert_allclose(found.L, L, atol=1e-12)
    assert_allclose([x.min(), x.max()], [hs["ses"].min(), hs["ses"].max()], rtol=0)
    assert_allclose(found.frame["estimate"], L @ fit.fixef().to_numpy(), rtol=1e-10)
    assert found.held == ""
    assert found.band == "95% confidence band, df Satterthwaite"


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "inner-outer", "none"])
def test_bands_are_those_of_wald(fit: hb.Fit, hs: pd.DataFrame, df: str) -> None:
    found = plots.effects_frame(fit, hs, "ses", by="Sector", df=df, prob=0.9)
    some = [0, 17, 60, 61, 100, 121]
    rows = wald_of_each_row(fit, found.L.iloc[some].reset_index(drop=True), df=df, prob=0.9)
    columns = ["estimate", "se", "df", "lower", "upper"]
    assert_allclose(found.frame[columns].iloc[some], rows[columns], rtol=1e-7)


def test_other_variables_are_averaged(contextual: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.effects_frame(contextual, hs, "ses", by="Sector")
    x = found.frame["x"].to_numpy()
    public = (found.frame["by"] == "Public").to_numpy(float)
    mean = hs.groupby("school", observed=True)["ses"].transform("mean").mean()
    expected = {
        "Intercept": np.ones(len(x)), "ses": x, "Sector[T.Public]": public,
        "cvar(ses, school)": np.full(len(x), mean),
        "Sex[T.Male]": np.full(len(x), (hs["Sex"] == "Male").mean()),
        "ses:Sector[T.Public]": x * public,
    }  # fmt: skip
    assert set(expected) == set(found.L)
    for term, column in expected.items():
        assert_allclose(found.L[term], column, atol=1e-10)
    assert found.held == "averaged over the groups, Sex"


def test_other_variables_at_stated_values(contextual: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.effects_frame(
        contextual, hs, "Sector", at={"ses": 0.5, "Sex": "Female", "school": "1317"}
    )
    assert found.held == "ses = 0.5, Sex = Female, school = 1317"
    assert found.L["ses"].tolist() == [0.5, 0.5]
    assert found.L["Sex[T.Male]"].tolist() == [0.0, 0.0]
    mean = hs.loc[hs["school"] == "1317", "ses"].mean()
    assert_allclose(found.L["cvar(ses, school)"], mean, rtol=1e-12)
    assert found.frame["x"].tolist() == ["Catholic", "Public"]
    assert not found.along


def test_numbers_are_held_at_their_means(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.effects_frame(fit, hs, "Sector")
    assert_allclose(found.L["ses"], hs["ses"].mean(), rtol=1e-12)
    assert found.held == "ses = -0.0268 (mean)"


def test_groups_of_numbers_are_averaged(small_data: pd.DataFrame) -> None:
    data = small_data.assign(g=small_data["g"].map(ord) * 1000)
    one = hb.Model("y ~ x + cvar(x, g) + (1 | g)", data=data).reml()
    found = plots.effects_frame(one, data, "x")
    mean = data.groupby("g")["x"].transform("mean").mean()
    assert_allclose(found.L["cvar(x, g)"], mean, rtol=1e-10)


def test_by_a_number(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.effects_frame(fit, hs, "Sector", by="ses")
    values = np.quantile(hs["ses"], [0.1, 0.5, 0.9])
    assert found.frame["by"].tolist() == [f"{value:.3g}" for value in values for _ in range(2)]
    assert_allclose(found.L["ses"], np.repeat(values, 2), rtol=1e-12)
    growth = hb.load_dataset("orthodont")
    of_age = hb.Model("distance ~ age * Sex + (1 | Subject)", data=growth).reml()
    frame = plots.effects_frame(of_age, growth, "Sex", by="age").frame
    assert frame["by"].unique().tolist() == ["8", "10", "12", "14"]


def test_numbers_taken_for_labels_are_levels() -> None:
    growth = hb.load_dataset("orthodont")
    one = hb.Model("distance ~ C(age) + Sex + (1 | Subject)", data=growth).reml()
    found = plots.effects_frame(one, growth, "age")
    assert found.frame["x"].tolist() == [8, 10, 12, 14] and not found.along
    gamma = one.fixef()
    share = (growth["Sex"] == "Female").mean()
    first = gamma["Intercept"] + share * gamma["Sex[T.Female]"]
    assert_allclose(found.frame["estimate"].iloc[0], first, rtol=1e-10)
    assert_allclose(found.frame["estimate"].iloc[3] - first, gamma["C(age)[T.14]"], rtol=1e-8)
    assert len(plots.plot_effects(one, growth, "age", by="Sex").axes) == 1


def test_posterior_bands_are_quantiles(
    small_posterior: hb.PosteriorFit, small_data: pd.DataFrame
) -> None:
    found = plots.effects_frame(small_posterior, small_data, "x", prob=0.8)
    draws = small_posterior.gamma_draws.reshape(-1, 3)
    x = found.frame["x"].to_numpy()
    values = draws[:, [0]] + draws[:, [1]] * x + draws[:, [2]] * small_data["w"].mean()
    assert_allclose(found.frame["estimate"], values.mean(axis=0), rtol=1e-8)
    limits = np.quantile(values, [0.1, 0.9], axis=0)
    assert_allclose(found.frame[["lower", "upper"]], limits.T, rtol=1e-8)
    assert found.frame["df"].isna().all()
    assert found.band == "80% equal-tailed posterior band"


def test_a_map_fit_has_no_df(small: hb.Model, small_data: pd.DataFrame) -> None:
    mode = small.map()
    found = plots.effects_frame(mode, small_data, "x")
    assert np.isinf(found.frame["df"]).all()
    half = (found.frame["upper"] - found.frame["estimate"]) / found.frame["se"]
    assert_allclose(half, stats.norm.ppf(0.975), rtol=1e-9)
    assert found.band == "95% confidence band, df none (normal and χ²)"


def test_drawn_effects_are_the_frame(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.effects_frame(fit, hs, "ses", by="Sector")
    (panel,) = plots.plot_effects(fit, hs, "ses", by="Sector").axes
    thick = [one for one in panel.lines if one.get_linewidth() == 2.2]
    thin = [one for one in panel.lines if one.get_linewidth() == 0.7]
    for k, (_, rows) in enumerate(found.frame.groupby("by", sort=False)):
        assert_allclose(np.asarray(thick[k].get_xydata()), rows[["x", "estimate"]])
        assert_allclose(np.asarray(thin[2 * k].get_ydata()), rows["lower"])
        assert_allclose(np.asarray(thin[2 * k + 1].get_ydata()), rows["upper"])
    (panel,) = plots.plot_effects(fit, hs, "Sector").axes
    rows = plots.effects_frame(fit, hs, "Sector").frame
    assert_allclose(np.asarray(panel.lines[0].get_ydata()), rows["estimate"])
    (limits, *_) = panel.collections
    assert isinstance(limits, LineCollection)
    segments = limits.get_segments()
    assert_allclose([one[:, 1] for one in segments], rows[["lower", "upper"]])
    assert [one.get_text() for one in panel.get_xticklabels()] == ["Catholic", "Public"]


def test_without_data_a_fit_has_its_own(fit: hb.Fit, hs: pd.DataFrame) -> None:
    own, given = (plots.effects_frame(fit, data, "ses", by="Sector") for data in (None, hs))
    pd.testing.assert_frame_equal(own.frame, given.frame)
    assert own.held == given.held


def test_what_is_no_effect(fit: hb.Fit, contextual: hb.Fit, hs: pd.DataFrame) -> None:
    refused(
        lambda: plots.effects_frame(fit, hs, "Size"), hb.StudyError,
        "'Size' is no variable of the fixed part; its variables are: 'ses', 'Sector'",
    )  # fmt: skip
    refused(
        lambda: plots.effects_frame(contextual, hs, "cvar(ses, school)"), hb.StudyError,
        "'cvar(ses, school)' is no variable of the fixed part; its variables are: 'ses', 'Sector', "
        "'school', 'Sex'; make a column of the data of it, and fit with that",
    )  # fmt: skip
    for call in (plots.effects_frame, plots.gap_frame):
        refused(
            partial(call, fit, hs, "ses", by="ses"), hb.StudyError,
            "'ses' is x and by; by= names another variable",
        )  # fmt: skip
    refused(
        lambda: plots.effects_frame(fit, hs, "ses", at={"ses": 1.0}), hb.StudyError,
        "'ses' is drawn and stated in at=; leave it out there",
    )  # fmt: skip
    refused(
        lambda: plots.effects_frame(fit, hs, "ses", at={"Sector": "Private"}), hb.DataError,
        "'Sector' has the level 'Private', which the data of the fit do not have; they have: "
        "'Catholic', 'Public'",
    )  # fmt: skip
    refused(
        lambda: plots.effects_frame(contextual, hs, "ses", by="school"), hb.StudyError,
        "'school' has 40 levels, and by= tells at most 6 apart; group them first",
    )  # fmt: skip
    refused(
        lambda: plots.effects_frame(fit, hs.iloc[:-1], "ses"), hb.StudyError,
        "these data have 1976 rows and those of the fit 1977; give the data of the fit",
    )  # fmt: skip
    refused(
        lambda: plots.effects_frame(fit, [1.0], "ses"),
        hb.StudyError, "data must be the DataFrame of the fit, not list",
    )  # fmt: skip
    refused(
        lambda: plots.effects_frame(hs, hs, "ses"),
        hb.HypothesisError,
        "plot_effects() takes a fit, and this is of type DataFrame; fits are what model.reml(), "
        "ml(), map() and sample() return",
    )


# ---------------------------------------------------------------- the gap


def test_gap_and_its_pointwise_bounds(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.gap_frame(fit, hs, "ses", "Sector")
    x = found.frame["x"].to_numpy()
    L = np.column_stack([np.zeros(len(x)), np.zeros(len(x)), np.ones(len(x)), x])
    order = ["Intercept", "ses", "Sector[T.Public]", "ses:Sector[T.Public]"]
    assert_allclose(found.L[order], L, atol=1e-12)
    assert found.name == "Sector: Public − Catholic"
    some = [0, 20, 41, 60]
    rows = wald_of_each_row(fit, found.L.iloc[some].reset_index(drop=True))
    columns = ["estimate", "se", "df", "lower", "upper"]
    assert_allclose(found.frame[columns].iloc[some], rows[columns], rtol=1e-7)


def test_bounds_for_all_x_are_scheffes(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.gap_frame(fit, hs, "ses", "Sector", prob=0.9)
    joint = hb.wald(fit, "Sector").joint
    assert joint["numDF"].item() == 2
    radius = np.sqrt(2.0 * stats.f.ppf(0.9, 2, joint["denDF"].item()))
    assert_allclose(found.radius, radius, rtol=1e-7)
    frame = found.frame
    assert_allclose(frame["upper_together"], frame["estimate"] + radius * frame["se"], rtol=1e-7)
    assert_allclose(frame["lower_together"], frame["estimate"] - radius * frame["se"], rtol=1e-7)


def test_inner_outer_df_of_all_x(contextual: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.gap_frame(contextual, hs, "ses", "Sector", df="inner-outer")
    joint = hb.wald(contextual, "Sector", df="inner-outer").joint
    assert joint["numDF"].item() == 2
    radius = np.sqrt(2.0 * stats.f.ppf(0.95, 2, joint["denDF"].item()))
    assert_allclose(found.radius, radius, rtol=1e-10)


def test_bounds_with_kenward_roger_and_without_df(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.gap_frame(fit, hs, "ses", "Sector", df="kenward-roger")
    test = hb.wald(fit, "Sector", df="kenward-roger")
    row = test.joint.iloc[0]
    # F reported is scaled: scaling = F/(the unscaled F)
    cov = np.zeros((2, 2))
    one = wald_of_each_row(fit, test.L, df="kenward-roger")
    both = hb.wald(fit, {"both": "Sector[T.Public] + ses:Sector[T.Public]"}, df="kenward-roger")
    cov[0, 0], cov[1, 1] = one["se"].to_numpy() ** 2
    cov[0, 1] = cov[1, 0] = (both.rows["se"].item() ** 2 - cov[0, 0] - cov[1, 1]) / 2.0
    unscaled = one["estimate"].to_numpy() @ np.linalg.solve(cov, one["estimate"].to_numpy()) / 2.0
    radius = np.sqrt(2.0 * stats.f.ppf(0.95, 2, row["denDF"]) * unscaled / row["F"])
    assert_allclose(found.radius, radius, rtol=1e-6)
    none = plots.gap_frame(fit, hs, "ses", "Sector", df="none")
    assert_allclose(none.radius, np.sqrt(stats.chi2.ppf(0.95, 2)), rtol=1e-10)


def test_one_dimension_has_one_band(contextual: hb.Fit, hs: pd.DataFrame) -> None:
    """Where the gap is the same everywhere, at each x and at all x is one question."""
    found = plots.gap_frame(contextual, hs, "ses", "Sex")
    frame = found.frame
    assert_allclose(frame["estimate"], contextual.fixef()["Sex[T.Male]"], rtol=1e-8)
    assert_allclose(frame["lower_together"], frame["lower"], rtol=1e-7)
    assert_allclose(frame["upper_together"], frame["upper"], rtol=1e-7)


def test_where_zero_is_left_out(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.gap_frame(fit, hs, "ses", "Sector")

    def upper(x: float, column: str) -> float:
        row = hb.wald(fit, {"gap": {"Sector[T.Public]": 1.0, "ses:Sector[T.Public]": x}}).rows.iloc[
            0
        ]
        width = found.radius * row["se"] if column == "together" else row["upper"] - row["estimate"]
        return float(row["estimate"] + width)

    regions = found.regions.set_index("band")
    for band in ("pointwise", "together"):
        root = optimize.brentq(upper, -1.0, 1.0, args=(band,))
        assert_allclose(regions.at[band, "end"], root, atol=2e-3)
        assert_allclose(regions.at[band, "start"], hs["ses"].min(), rtol=0)
        assert regions.at[band, "sign"] == "−"
    first, second = found.findings
    assert first == "at each ses: 0 is left out for ses -2.5 to 0.155 (−)"
    assert second == "for all ses at once: 0 is left out for ses -2.5 to -0.0641 (−)"


def test_regions_at_both_ends_and_in_the_middle() -> None:
    x = np.linspace(-2.0, 2.0, 401)
    frame = pd.DataFrame({"x": x, "lower": x**2 - 1.0, "upper": x**2 + 1.0})
    frame["lower_together"], frame["upper_together"] = x - 1.5, 0.5 - np.abs(x - 1.0)
    found = zero_left_out(frame, True)
    assert found["band"].tolist() == ["pointwise"] * 2 + ["together"] * 3
    assert found["sign"].tolist() == ["+", "+", "+", "−", "−"]
    ends = [[-2.0, -1.0], [1.0, 2.0], [1.5, 2.0], [-2.0, 0.5], [1.5, 2.0]]
    assert_allclose(found[["start", "end"]], ends, atol=1e-6)


def test_nowhere_is_said(small_data: pd.DataFrame) -> None:
    data = small_data.assign(h=np.where(np.arange(len(small_data)) % 2, "a", "b"))
    one = hb.Model("y ~ x * h + (1 | g)", data=data).reml()
    found = plots.gap_frame(one, data, "x", "h", prob=0.999)
    assert found.regions.empty
    assert found.findings[1] == "for all x at once: 0 is nowhere left out"


def test_gap_of_a_posterior(small_data: pd.DataFrame, small_posterior: hb.PosteriorFit) -> None:
    found = plots.gap_frame(small_posterior, small_data, "x", "w", levels=(0.0, 2.0), prob=0.8)
    draws = 2.0 * small_posterior.gamma_draws[..., 2].ravel()
    assert_allclose(found.frame["estimate"], draws.mean(), rtol=1e-8)
    assert_allclose(found.frame["lower"], np.quantile(draws, 0.1), rtol=1e-8)
    away = np.abs(draws - draws.mean()) / draws.std(ddof=1)
    assert_allclose(found.radius, np.quantile(away, 0.8), rtol=1e-8)
    assert found.name == "w: 2 − 0"


def test_band_of_a_posterior_holds_draws_as_a_whole(
    hs: pd.DataFrame, posterior_hs: hb.PosteriorFit
) -> None:
    found = plots.gap_frame(posterior_hs, hs, "ses", "Sector", prob=0.9)
    draws = posterior_hs.gamma_draws.reshape(-1, 4) @ found.L.to_numpy().T
    frame = found.frame
    inside = (draws >= frame["lower_together"].to_numpy()) & (
        draws <= frame["upper_together"].to_numpy()
    )
    assert_allclose(inside.all(axis=1).mean(), 0.9, atol=1e-3)
    # near Scheffé's with infinite df, which holds for all x of the line, not those seen alone
    assert 1.0 < np.sqrt(stats.chi2.ppf(0.9, 2)) / found.radius < 1.06


def test_gap_along_a_factor(contextual: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.gap_frame(contextual, hs, "Sex", "Sector", at={"ses": -1.0})
    assert found.frame["x"].tolist() == ["Female", "Male"]
    assert found.regions["start"].tolist() == ["Female", "Male"] * 2
    assert found.findings[0] == "at each Sex: 0 is left out for Sex Female (−), Sex Male (−)"
    (panel,) = plots.plot_gap(contextual, hs, "Sex", "Sector", at={"ses": -1.0}).axes
    (limits, *_) = panel.collections
    assert isinstance(limits, LineCollection)
    segments = limits.get_segments()
    assert_allclose([one[:, 1] for one in segments], found.frame[["lower", "upper"]])


def test_levels_of_the_gap(hs: pd.DataFrame, fit: hb.Fit) -> None:
    there = plots.gap_frame(fit, hs, "ses", "Sector").frame
    back = plots.gap_frame(fit, hs, "ses", "Sector", levels=("Public", "Catholic")).frame
    assert_allclose(back["lower"], -there["upper"], rtol=1e-10)


def test_drawn_gap_is_the_frame(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.gap_frame(fit, hs, "ses", "Sector")
    (panel,) = plots.plot_gap(fit, hs, "ses", "Sector").axes
    columns = ["lower", "upper", "lower_together", "upper_together", "estimate"]
    for line, column in zip(panel.lines, columns, strict=False):
        assert_allclose(np.asarray(line.get_xydata()), found.frame[["x", column]])
    bars = [np.asarray(one.get_xdata()) for one in panel.lines[5:7]]
    assert_allclose(bars, found.regions[["start", "end"]])
    (note,) = panel.texts
    assert note.get_text() == "\n".join([*found.findings, found.band])


def test_what_is_no_gap(fit: hb.Fit, hs: pd.DataFrame) -> None:
    refused(
        lambda: plots.gap_frame(fit, hs, "Sector", "ses"), hb.StudyError,
        "'ses' has 323 values; name two, as in levels=(-2.498, -2.188)",
    )  # fmt: skip
    refused(
        lambda: plots.gap_frame(fit, hs, "ses", "Sector", levels=("Public", "Private")),
        hb.StudyError, "'Sector' has no level 'Private'; they are: 'Catholic', 'Public'",
    )  # fmt: skip
    refused(
        lambda: plots.gap_frame(fit, hs, "ses", "Sector", levels="Public"),
        hb.StudyError, "levels must be two values of 'Sector', not 'Public'",
    )  # fmt: skip


def test_a_group_mean_alone_makes_no_gap(small_data: pd.DataFrame) -> None:
    one = hb.Model("y ~ w + cvar(x, g) + (1 | g)", data=small_data).reml()
    refused(
        lambda: plots.gap_frame(one, small_data, "w", "x", levels=(0.0, 1.0)),
        hb.StudyError, "the fixed part is the same at 'x' = 0.0 and 1.0: no gap",
    )  # fmt: skip


def test_row_space_keeps_what_rows_span() -> None:
    L = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 2.0], [0.0, 3.0, 1e3]])
    basis = row_space(L, np.array([1.0, 1e-3, 50.0]))
    assert_allclose(basis, [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], atol=1e-12)
    mixed = np.array([[2.0, 4.0, 0.0, 2.0], [1.0, 2.0, 1.0, 3.0]])
    expected = [[1.0, 2.0, 0.0, 1.0], [0.0, 0.0, 1.0, 2.0]]
    assert_allclose(row_space(mixed, np.array([5.0, 1.0, 1e-3, 2.0])), expected, atol=1e-12)


# ---------------------------------------------------------------- in space


def test_surface_is_the_prediction(hs: pd.DataFrame) -> None:
    one = hb.Model("mathach ~ ses * PRACAD + Sex + (1 | school)", data=hs).reml()
    found = plots.plane_frame(one, hs, "ses", "PRACAD", at={"Sex": "Male"})
    rows = pd.DataFrame({"ses": found.surface["x"], "PRACAD": found.surface["w"], "Sex": "Male"})
    assert_allclose(found.surface["y"], one.predict(rows, effects="none"), rtol=1e-10)
    assert_allclose(found.points, hs[["ses", "PRACAD", "mathach"]], rtol=0)
    averaged = plots.plane_frame(one, hs, "ses", "PRACAD")
    share = (hs["Sex"] == "Male").mean() - 1.0
    shift = share * one.fixef()["Sex[T.Male]"]
    assert_allclose(averaged.surface["y"], found.surface["y"] + shift, rtol=1e-10)
    assert averaged.held == "averaged over Sex"


def test_drawn_surface_is_the_frame(hs: pd.DataFrame) -> None:
    one = hb.Model("mathach ~ ses + PRACAD + (1 | school)", data=hs).reml()
    found = plots.plane_frame(one, hs, "ses", "PRACAD")
    space: Any = plots.plot_plane(one, hs, "ses", "PRACAD").axes[0]
    drawn = np.column_stack([np.asarray(part) for part in space.lines[0].get_data_3d()])
    assert_allclose(drawn, found.points)
    wires = np.vstack([np.asarray(one) for one in space.collections[1]._segments3d])
    assert_allclose([wires[:, 2].min(), wires[:, 2].max()],
                    [found.surface["y"].min(), found.surface["y"].max()])  # fmt: skip


def test_numbers_of_the_depth_are_clear_of_its_name(hs: pd.DataFrame) -> None:
    data = hs.assign(ses_mean=hb.cvar(hs["ses"], hs["school"]))
    fit = hb.Model("mathach ~ ses + ses_mean + (1 | school)", data=data).reml()
    figure = plots.plot_plane(fit, data, "ses", "ses_mean")
    figure.draw_without_rendering()
    depth = cast(Any, figure.axes[0]).yaxis
    name = depth.label.get_window_extent()
    middle = np.array([name.x0 + name.x1, name.y0 + name.y1]) / 2.0
    low, high = depth.get_view_interval()
    boxes = [tick.label1.get_window_extent() for tick in depth.get_major_ticks()
             if low <= tick.get_loc() <= high]  # fmt: skip
    gaps = [np.linalg.norm(np.maximum(np.maximum(box.min - middle, middle - box.max), 0.0))
            for box in boxes]  # fmt: skip
    assert len(boxes) > 3
    assert min(gaps) > depth.label.get_size() * figure.dpi / 72.0  # in pixels, as the boxes


def test_what_has_no_surface(fit: hb.Fit, hs: pd.DataFrame) -> None:
    refused(
        lambda: plots.plane_frame(fit, hs, "ses", "Sector"), hb.StudyError,
        "'Sector' is a factor, and a surface needs two numbers; plot_effects() shows a line for "
        "each of its levels",
    )  # fmt: skip
    refused(
        lambda: plots.plane_frame(fit, hs, "ses", "ses"), hb.StudyError,
        "a surface needs two variables, and both are 'ses'",
    )  # fmt: skip
    one = hb.Model("mathach ~ ses + PRACAD + (1 | school)", data=hs).reml()
    flat = matplotlib.figure.Figure().subplots()
    refused(
        lambda: plots.plot_plane(one, hs, "ses", "PRACAD", ax=flat), hb.StudyError,
        "this picture needs axes made with projection='3d'",
    )  # fmt: skip


@pytest.fixture(scope="module")
def quadratic() -> hb.PointFit:
    data = hb.load_dataset("sleepstudy")
    formula = "Reaction ~ Days + I(Days**2) + (1 + Days + I(Days**2) | Subject)"
    return hb.Model(formula, data=data).reml()


def test_pancake_is_the_ellipsoid_of_g(quadratic: hb.PointFit) -> None:
    found = plots.pancake_frame(quadratic)
    days = hb.load_dataset("sleepstudy")["Days"].to_numpy(float)
    G = quadratic.theta.G[0, 0] * np.outer(found.spread, found.spread)
    points = found.surface.to_numpy()
    assert_allclose(np.einsum("mi,ij,mj->m", points, np.linalg.inv(G), points), 1.0, rtol=1e-6)
    assert_allclose(found.axes["variance"], np.linalg.eigvalsh(G)[::-1], rtol=1e-8)
    ends = found.axes[["x", "y", "z"]].to_numpy()
    assert_allclose(G @ ends.T, ends.T * found.axes["variance"].to_numpy(), rtol=1e-6)
    assert_allclose((ends**2).sum(axis=1), found.axes["variance"], rtol=1e-8)
    assert_allclose(ends @ ends.T, np.diag(found.axes["variance"]), atol=1e-8)
    assert_allclose(found.groups, quadratic.ranef().to_numpy() * found.spread, rtol=1e-10)
    assert_allclose(found.spread[:2], [1.0, days.std()], rtol=1e-8)
    variance = principal_axes(quadratic)["variance"]
    assert_allclose(found.axes["variance"], variance, rtol=1e-10)


def test_a_flat_pancake(hs: pd.DataFrame) -> None:
    one = hb.Model("mathach ~ ses + Sex + (1 + ses + Sex | school)", data=hs).reml()
    found = plots.pancake_frame(one)
    assert found.axes["variance"].iloc[2] == 0.0
    normal = np.cross(*found.axes[["x", "y", "z"]].to_numpy()[:2])
    away = found.surface.to_numpy() @ normal / np.linalg.norm(normal)
    assert_allclose(away, 0.0, atol=1e-3)


def test_axes_of_a_posterior_are_those_of_its_mean(small_posterior: hb.PosteriorFit) -> None:
    spread = np.asarray(small_posterior.problem.cross.basis.z.spread)
    mean = small_posterior.theta.G.mean(axis=(0, 1)) * np.outer(spread, spread)
    variance = principal_axes(small_posterior)["variance"]
    assert_allclose(variance, np.linalg.eigvalsh(mean)[::-1], rtol=1e-10)


def test_drawn_pancake_is_the_frame(quadratic: hb.PointFit) -> None:
    found = plots.pancake_frame(quadratic)
    space: Any = plots.plot_pancake(quadratic).axes[0]
    groups, *axes = space.lines[:4]
    assert_allclose(np.column_stack(groups.get_data_3d()), found.groups)
    for line, (_, end) in zip(axes, found.axes[["x", "y", "z"]].iterrows(), strict=True):
        assert_allclose(np.column_stack(line.get_data_3d()), [-end, end])


def test_fewer_effects_are_answered_in_words(
    fit: hb.Fit, reml_fits: Cache[hb.PointFit], quadratic: hb.PointFit
) -> None:
    for one, more, message in (
        (fit, None, "the model has two random effects, whose G is an ellipse and no ellipsoid; "
                    "plot_beta_space() shows it"),
        (reml_fits["ancova"], None,
         "the model has one random effect ('Intercept'), whose G is one variance; "
         "plot_caterpillar() shows the effects"),
        (quadratic, ["Days", "Days", "Intercept"],
         "effects must name three random effects, not ['Days', 'Days', 'Intercept']"),
        (quadratic, ["Days", "Intercept", "z"],
         "'z' is no random effect of this model; they are: 'Intercept', 'Days', 'I(Days ** 2)'"),
    ):  # fmt: skip
        refused(
            partial(plots.pancake_frame, one, effects=more),
            hb.StudyError, message,
        )  # fmt: skip


# ---------------------------------------------------------------- other engines and data


def test_every_engine(
    small: hb.Model, small_posterior: hb.PosteriorFit, small_data: pd.DataFrame
) -> None:
    for one in (small.reml(), small.ml(), small.map(), small_posterior):
        assert len(plots.plot_effects(one, small_data, "x", at={"w": 0.0}).axes) == 1
        assert len(plots.plot_gap(one, small_data, "x", "w", levels=(0.0, 1.0)).axes) == 1
        assert len(plots.plot_plane(one, small_data, "x", "w").axes) == 1


def test_odd_names_and_kinds_of_columns() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({
        "g": np.repeat(np.arange(8), 10), "x 1": rng.normal(size=80), "b": rng.random(80) > 0.5,
        "s": rng.choice(list("uvw"), 80).astype(object),
    })  # fmt: skip
    data["y"] = np.exp(data["x 1"] + rng.normal(size=80) + rng.normal(size=8)[data["g"]])
    one = hb.Model("log(y) ~ `x 1` * b + s + (1 | g)", data=data).reml()
    gamma = one.fixef()
    frame = plots.effects_frame(one, data, "b", by="s", at={"x 1": 2.0}).frame
    assert frame["x"].tolist() == [False, True] * 3
    first = gamma["Intercept"] + 2.0 * gamma["x 1"]
    assert_allclose(frame["estimate"].iloc[0], first, rtol=1e-10)
    step = frame["estimate"].iloc[5] - frame["estimate"].iloc[0]
    (b,) = [term for term in one.design.terms if term.startswith("b")]
    (product,) = [term for term in one.design.terms if term.startswith("x 1:")]
    assert_allclose(step, gamma["s[T.w]"] + gamma[b] + 2.0 * gamma[product], rtol=1e-9)
    gap = plots.gap_frame(one, data, "x 1", "s", levels=("u", "w"))
    assert_allclose(gap.frame["estimate"], gamma["s[T.w]"], rtol=1e-9)


@pytest.mark.slow
def test_pictures_of_160_schools_have_few_artists(hsfull: pd.DataFrame) -> None:
    """Rows and groups share an artist, so that 7185 of them are drawn as quickly as 100.

    A trellis, which has a panel for each group, is drawn of some.
    """
    one = hb.Model("mathach ~ ses * Sector + PRACAD + (1 + ses | school)", data=hsfull).reml()
    rows = "mathach ~ ses | school"
    some = hsfull[hsfull["school"].isin(hsfull["school"].unique()[::8])]
    of_some = hb.Model("mathach ~ ses * Sector + (1 | school)", data=some).reml()
    for draw in (
        lambda: plots.plot_uniform_quantiles(hsfull),
        lambda: plots.plot_trellis(some, rows, by="Sex"),
        lambda: plots.plot_trellis(some, rows, fit=of_some),
        lambda: plots.plot_data_space(hsfull, rows, by="Sector"),
        lambda: plots.plot_caterpillar(one),
        lambda: plots.plot_level1_residuals(one),
        lambda: plots.plot_level2_residuals(one),
        lambda: plots.plot_influence(one),
        lambda: plots.plot_effects(one, hsfull, "ses", by="Sector"),
        lambda: plots.plot_gap(one, hsfull, "ses", "Sector"),
        lambda: plots.plot_plane(one, hsfull, "ses", "PRACAD"),
    ):
        figure = draw()
        assert artists(figure) < 100 + 100 * len(figure.axes) + 2 * 160


def test_effects_by_combinations_of_several(hs: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses * Minority * Sector + (1 | school)", data=hs).reml()
    both = plots.effects_frame(fit, hs, "ses", by=["Minority", "Sector"])
    assert both.by == "Minority, Sector"
    for sector in ("Catholic", "Public"):
        one = plots.effects_frame(fit, hs, "ses", by="Minority", at={"Sector": sector}).frame
        for level in ("No", "Yes"):
            ours = both.frame[both.frame["by"] == f"{level}, {sector}"].drop(columns="by")
            theirs = one[one["by"] == level].drop(columns="by")
            assert_allclose(ours, theirs, rtol=1e-10)
    figure = plots.plot_effects(fit, hs, "ses", by=["Minority", "Sector"])
    assert figure.axes[0].get_title("left") == "Effect of ses by Minority, Sector, REML"


@pytest.mark.parametrize("draw", ["plot_effects", "plot_gap"])
def test_several_values_in_at_are_refused(hs: pd.DataFrame, draw: str) -> None:
    fit = hb.Model("mathach ~ ses * Minority * Sector + (1 | school)", data=hs).reml()
    with pytest.raises(hb.StudyError) as error:
        getattr(plots, draw)(fit, hs, "ses", by="Minority", at={"Sector": ["Public", "Catholic"]})
    assert str(error.value) == (
        "at= holds each variable at one value, and 'Sector' has several: ['Public', 'Catholic']; "
        "name it in by= to see it at each of them"
    )


def test_an_offset_is_held_at_its_mean(hs: pd.DataFrame) -> None:
    """Pictures of y with an offset are those of y less the offset, moved by its mean."""
    data = hs.assign(known=4.0 * hs["PRACAD"] + 3.0)
    data["less"] = data["mathach"] - data["known"]
    formula = "{} ~ ses * Sector + PRACAD + (1 | school)"
    fit = hb.Model(formula.format("mathach") + " + offset(known)", data).reml()
    less = hb.Model(formula.format("less"), data).reml()
    mean = float(data["known"].mean())
    effects = [plots.effects_frame(one, data, "ses", by="Sector") for one in (fit, less)]
    shown = [one.frame[["estimate", "lower", "upper"]] for one in effects]
    assert_allclose(shown[0], shown[1] + mean, rtol=1e-9)
    assert effects[0].held.endswith(f"offset = {mean:.3g} (mean)")
    planes = [plots.plane_frame(one, data, "ses", "PRACAD") for one in (fit, less)]
    assert_allclose(planes[0].surface["y"], planes[1].surface["y"] + mean, rtol=1e-9)
    assert_allclose(planes[0].points["y"], data["mathach"], rtol=1e-12)
    assert planes[0].held.endswith("(mean)")
    gaps = [plots.gap_frame(one, data, "ses", "Sector").frame for one in (fit, less)]
    assert_allclose(gaps[0]["estimate"], gaps[1]["estimate"], rtol=1e-7)
    lines = [
        plots.trellis_frame(data, f"{y} ~ ses | school", fit=one).lines.set_index("line")
        for y, one in (("mathach", fit), ("less", less))
    ]
    at_mean = lines[0]["panel"].map(data.groupby("school", observed=True)["known"].mean())
    for line in ("BLUE", "BLUP", "population"):
        moved = at_mean.astype(float)[line]
        assert_allclose(lines[0].loc[line, "y"], lines[1].loc[line, "y"] + moved, rtol=1e-7)


def test_a_long_note_leaves_the_panel_its_width() -> None:
    rng = np.random.default_rng(2)
    names = [f"a_rather_long_name_{k}" for k in range(7)]
    data = pd.DataFrame(rng.normal(size=(60, 7)), columns=names).assign(y=rng.normal(size=60))
    figure = plots.plot_effects(hb.Model("y ~ " + " + ".join(names), data).reml(), data, names[0])
    figure.draw_without_rendering()
    (panel,) = figure.axes
    (note,) = panel.texts
    assert all(f"{name} = " in note.get_text() for name in names[1:])
    assert panel.get_position().width > 0.8
    assert note.get_window_extent().x1 <= figure.bbox.width
