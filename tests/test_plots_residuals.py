"""Residual plots at both levels and influence: against distributions and the tables they show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes.display.interval import Interval
from hierbayes.plots.normal_quantiles import normal_band
from tests.conftest import Cache
from tests.drawn import refused

pytestmark = pytest.mark.slow

plots = hb.plots


@pytest.fixture(scope="module")
def fit(reml_fits: Cache[hb.Fit]) -> hb.Fit:
    return reml_fits["intercepts_slopes"]


def blom(values: Any) -> np.ndarray:
    return np.asarray(stats.norm.ppf((stats.rankdata(values) - 0.375) / (len(values) + 0.25)))


# ---------------------------------------------------------------- the band


def test_band_is_that_of_order_statistics() -> None:
    rng = np.random.default_rng(4)
    scores = blom(rng.normal(size=25))
    low, high = normal_band(scores, Interval(0.9))
    rank = stats.rankdata(scores)
    assert_allclose(low, stats.norm.ppf(stats.beta.ppf(0.05, rank, 26 - rank)), rtol=1e-9)
    assert_allclose(high, stats.norm.ppf(stats.beta.ppf(0.95, rank, 26 - rank)), rtol=1e-9)


def test_band_covers_a_normal_sample_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    samples = np.sort(rng.normal(size=(4000, 15)), axis=1)
    low, high = normal_band(blom(np.arange(15.0)), Interval(0.8))
    inside = ((samples > low) & (samples < high)).mean(axis=0)
    assert_allclose(inside, 0.8, atol=4.0 * np.sqrt(0.16 / 4000))


def test_band_leaves_out_what_is_missing() -> None:
    scores = np.array([np.nan, 0.3, -0.3])
    low, high = normal_band(scores, Interval(0.95))
    assert np.isnan(low[0]) and np.isnan(high[0])
    assert_allclose(high[1], stats.norm.ppf(stats.beta.ppf(0.975, 2, 1)), rtol=1e-9)


# ---------------------------------------------------------------- level 1


def test_level1_residuals_are_those_of_the_table(fit: hb.Fit, hs: pd.DataFrame) -> None:
    found = plots.level1_residuals_frame(fit)
    table = hb.level1_residuals(fit).frame
    assert_allclose(found.rows["residual"], table["studentized"], rtol=0)
    gamma, u = fit.fixef(), fit.ranef().loc[hs["school"]]
    public = (hs["Sector"] == "Public").to_numpy(float)
    fitted = (
        gamma["Intercept"] + public * gamma["Sector[T.Public]"] + u["Intercept"].to_numpy()
        + (gamma["ses"] + public * gamma["ses:Sector[T.Public]"] + u["ses"].to_numpy()) * hs["ses"]
    )  # fmt: skip
    assert_allclose(found.rows["fitted"], fitted, rtol=1e-10)
    assert_allclose(found.rows["normal_score"], blom(found.rows["residual"]), rtol=1e-9)
    assert found.rows["group"].tolist() == hs["school"].tolist()


@pytest.mark.parametrize("kind", ["marginal", "within", "conditional", "standardized"])
def test_kinds_of_residuals(fit: hb.Fit, kind: str) -> None:
    found = plots.level1_residuals_frame(fit, kind=kind)
    values = hb.level1_residuals(fit).frame[kind]
    assert_allclose(found.rows["residual"], values, rtol=0)
    scaled = values if kind == "standardized" else values / values.std(ddof=0)
    assert_allclose(found.rows["scaled"], scaled, rtol=1e-12)
    effects = "none" if kind == "marginal" else "all"
    assert_allclose(found.rows["fitted"], fit.predict(effects=effects), rtol=0)
    assert len(plots.plot_level1_residuals(fit, kind=kind).axes) == 3


def test_boxes_are_quartiles(fit: hb.Fit) -> None:
    found = plots.level1_residuals_frame(fit)
    for group, rows in found.rows.groupby("group"):
        values = rows["residual"].to_numpy()
        cuts = np.quantile(values, [0.0, 0.25, 0.5, 0.75, 1.0])
        assert_allclose(found.groups.loc[group].tolist(), [len(values), *cuts], rtol=1e-12)
    assert found.groups["median"].is_monotonic_increasing


def test_drawn_level1_residuals_are_the_frame(fit: hb.Fit) -> None:
    found = plots.level1_residuals_frame(fit)
    first, second, third = plots.plot_level1_residuals(fit).axes
    assert_allclose(np.asarray(first.lines[0].get_xydata()), found.rows[["fitted", "residual"]])
    bars = [bar for bar in second.patches]
    assert_allclose([bar.get_y() for bar in bars], found.groups["q1"])  # type: ignore[attr-defined]
    height = found.groups["q3"] - found.groups["q1"]
    assert_allclose([bar.get_height() for bar in bars], height)  # type: ignore[attr-defined]
    ordered = found.rows.sort_values("normal_score", kind="stable")
    points = third.lines[1]
    assert_allclose(np.asarray(points.get_xydata()), ordered[["normal_score", "scaled"]])


def test_a_far_row_is_named(hs: pd.DataFrame) -> None:
    data = hs.iloc[:400].copy()
    data["school"] = data["school"].cat.remove_unused_categories()
    data.loc[17, "mathach"] = 90.0
    far = hb.Model("mathach ~ ses + (1 | school)", data=data).reml()
    first, _, third = plots.plot_level1_residuals(far).axes
    assert [text.get_text() for text in first.texts] == ["row 17"]
    assert "17" in [text.get_text() for text in third.texts]


def test_a_regression_has_one_box_without_an_order(hs: pd.DataFrame) -> None:
    first, drawn, _ = hb.plots.plot_level1_residuals(hb.Model("mathach ~ ses", hs).reml()).axes
    assert first.get_xlabel() == "fitted value"
    assert drawn.get_title("left") == "Quartiles"
    assert drawn.get_xlabel() == "all rows"
    assert list(drawn.get_xticks()) == []


def test_quantile_residuals_are_those_of_the_fit(hs: pd.DataFrame) -> None:
    few = hs[hs["school"].isin(hs["school"].unique()[:8])]
    binary = hb.Model("Minority ~ ses + (1 | school)", few, family="bernoulli").ml()
    found = plots.level1_residuals_frame(binary, kind="quantile", seed=3)
    assert_allclose(found.rows["residual"], binary.residuals(kind="quantile", seed=3), rtol=0)
    assert_allclose(found.rows["fitted"], binary.predict(), rtol=0)
    assert found.rows["group"].tolist() == few["school"].tolist()
    assert len(plots.plot_level1_residuals(binary, kind="quantile", seed=3).axes) == 3


def test_what_has_no_level1_residuals(fit: hb.Fit, hs: pd.DataFrame) -> None:
    refused(
        lambda: plots.level1_residuals_frame(fit, kind="pearson"), hb.StudyError,
        "there are no residuals 'pearson'; kind is one of: studentized, standardized, conditional, "
        "marginal, marginal_studentized, within, quantile",
    )  # fmt: skip
    refused(
        lambda: plots.level1_residuals_frame(hs),
        hb.HypothesisError,
        "level1_residuals() takes a fit, and this is of type DataFrame; fits are what "
        "model.reml(), ml(), map() and sample() return",
    )


# ---------------------------------------------------------------- level 2


def test_level2_residuals_are_those_of_the_table(fit: hb.Fit) -> None:
    found = plots.level2_residuals_frame(fit)
    table = hb.level2_residuals(fit).frame
    for effect in ("Intercept", "ses"):
        rows = found.effects[found.effects["effect"] == effect]
        assert rows["group"].tolist() == table.index.tolist()
        assert_allclose(rows["u"], fit.ranef()[effect], rtol=1e-12)
        assert_allclose(rows["standardized"], table[f"standardized[{effect}]"], rtol=0)
        assert_allclose(rows["normal_score"], blom(rows["standardized"]), rtol=1e-9)


def test_distances_against_chi_square(fit: hb.Fit) -> None:
    frame = plots.level2_residuals_frame(fit).distances
    assert (frame["df"] == 2).all()
    assert_allclose(frame["distance"], frame["mahalanobis"], rtol=1e-9)
    position = (stats.rankdata(frame["mahalanobis"]) - 0.375) / 40.25
    assert_allclose(frame["expected"], stats.chi2.ppf(position, 2), rtol=1e-9)
    assert not frame["far"].any()


def test_distances_of_unequal_df_are_made_alike(small_data: pd.DataFrame) -> None:
    data = small_data.drop(index=small_data.index[small_data["g"] == "a"][1:])
    data["y"] += data["x"] * data["g"].map(dict(zip("abcdefgh", range(8), strict=True)))
    few = hb.Model("y ~ x + (1 + x | g)", data=data).reml()
    frame = plots.level2_residuals_frame(few).distances
    assert frame.at["a", "df"] == 1
    assert (frame["df"].drop("a") == 2).all()
    expected = stats.chi2.isf(stats.chi2.sf(frame.at["a", "mahalanobis"], 1), 2)
    assert_allclose(frame.at["a", "distance"], expected, rtol=1e-8)


def test_a_far_child_is_named() -> None:
    data = hb.load_dataset("orthodont")
    growth = hb.Model("distance ~ age * Sex + (1 + age | Subject)", data=data).reml()
    frame = plots.level2_residuals_frame(growth).distances
    assert frame.index[frame["far"]].tolist() == ["M13"]
    last = plots.plot_level2_residuals(growth).axes[-1]
    assert last.texts[1].get_text() == "M13"  # after the name of the limit
    (limit,) = [line for line in last.lines if line.get_linestyle() == ":"]
    assert_allclose(np.asarray(limit.get_ydata()), stats.chi2.isf(0.05 / 27, 2), rtol=1e-9)


def test_drawn_level2_residuals_are_the_frame(fit: hb.Fit) -> None:
    found = plots.level2_residuals_frame(fit)
    first, _, pair, last = plots.plot_level2_residuals(fit).axes
    rows = found.effects[found.effects["effect"] == "Intercept"].sort_values("normal_score")
    drawn = np.asarray(first.lines[1].get_xydata())
    assert_allclose(drawn, rows[["normal_score", "standardized"]])
    assert_allclose(np.asarray(pair.lines[0].get_xydata()), fit.ranef()[["Intercept", "ses"]])
    points = found.distances[["expected", "distance"]]
    assert_allclose(np.asarray(last.lines[0].get_xydata()), points)


def test_one_random_effect_has_no_pair(reml_fits: Cache[hb.Fit]) -> None:
    figure = plots.plot_level2_residuals(reml_fits["ancova"])
    assert [panel.get_title("left") for panel in figure.axes] == [
        "u[Intercept]", "Mahalanobis distances"
    ]  # fmt: skip


def test_a_singular_g_is_drawn(hsfull: pd.DataFrame) -> None:
    singular = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hsfull).reml()
    found = plots.level2_residuals_frame(singular)
    assert (found.distances["df"] == 1).all()
    assert len(plots.plot_level2_residuals(singular).axes) == 4


def test_no_random_effects_is_said_in_words() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"g": np.repeat(np.arange(6), 10), "y": rng.normal(size=60)})
    data["y"] -= data.groupby("g")["y"].transform("mean")
    none = hb.Model("y ~ 1 + (1 | g)", data=data).reml()
    refused(
        lambda: plots.level2_residuals_frame(none), hb.StudyError,
        "G is zero, and every random effect is predicted as 0: there are no level-2 residuals to "
        "show",
    )  # fmt: skip


def test_residuals_of_every_engine(small: hb.Model, small_posterior: hb.Fit) -> None:
    for one in (small.reml(), small.ml(), small.map(), small_posterior):
        rows = plots.level1_residuals_frame(one).rows
        assert_allclose(rows["residual"], hb.level1_residuals(one).frame["studentized"], rtol=0)
        u = plots.level2_residuals_frame(one).effects
        expected = one.u_draws.mean(axis=(0, 1))
        assert_allclose(u.loc[u["effect"] == "x", "u"], expected[:, 1], rtol=1e-10)
        assert len(plots.plot_level1_residuals(one).axes) == 3
        assert len(plots.plot_level2_residuals(one).axes) == 4


# ---------------------------------------------------------------- influence


@pytest.fixture(scope="module")
def influence(fit: hb.Fit) -> hb.Influence:
    return hb.influence(fit, progress=False)


def test_influence_is_that_of_the_table(influence: hb.Influence, fit: hb.Fit) -> None:
    frame = plots.influence_frame(influence)
    assert frame["case"].tolist() == fit.design.groups.tolist()
    assert_allclose(frame["value"], influence.frame["cook"], rtol=0)
    assert frame["upper"].unique().tolist() == [4.0 / 40.0]
    assert frame["flagged"].tolist() == (influence.frame["cook"] > 0.1).tolist()
    again = plots.influence_frame(fit)
    assert_allclose(again["value"], frame["value"], rtol=1e-9)


def test_dfbetas_have_a_panel_per_term(influence: hb.Influence, fit: hb.Fit) -> None:
    frame = plots.influence_frame(influence, measure="dfbetas")
    assert frame["panel"].unique().tolist() == list(fit.design.terms)
    for term, rows in frame.groupby("panel"):
        assert_allclose(rows["value"], influence.dfbetas[term], rtol=0)
    limit = 2.0 / np.sqrt(40.0)
    assert_allclose(frame[["lower", "upper"]], np.tile([-limit, limit], (160, 1)), rtol=1e-12)
    assert frame["flagged"].tolist() == (frame["value"].abs() > limit).tolist()


def test_other_measures(influence: hb.Influence) -> None:
    ratio = plots.influence_frame(influence, measure="covratio")
    assert_allclose(ratio[["lower", "upper"]].iloc[0], [1 - 12 / 40, 1 + 12 / 40], rtol=1e-12)
    assert ratio["flagged"].any()
    moved = plots.influence_frame(influence, measure="displacement")
    assert moved[["lower", "upper"]].isna().all(axis=None) and not moved["flagged"].any()


def test_drawn_influence_is_the_frame(influence: hb.Influence) -> None:
    frame = plots.influence_frame(influence, measure="dfbetas")
    figure = plots.plot_influence(influence, measure="dfbetas")
    for panel, (term, rows) in zip(figure.axes, frame.groupby("panel", sort=False), strict=True):
        assert panel.get_title("left") == term
        points = [one for one in panel.lines if one.get_marker() == "o"]
        hollow, filled = (np.asarray(one.get_xydata()) for one in points)
        flagged = rows["flagged"]
        assert_allclose(filled, rows.loc[flagged, ["position", "value"]])
        assert_allclose(hollow, rows.loc[~flagged, ["position", "value"]])
        named = {text.get_text() for text in panel.texts}
        assert named == set(rows.loc[flagged, "case"])


def test_influence_of_rows(fit: hb.Fit, hs: pd.DataFrame) -> None:
    rows = hb.influence(fit, level=1)
    frame = plots.influence_frame(rows)
    assert frame["case"].tolist() == hs.index.tolist()
    assert frame["flagged"].sum() == (rows.frame["cook"] > 4.0 / 1977).sum()
    (panel,) = plots.plot_influence(rows).axes
    assert [text.get_text() for text in panel.texts] == [
        str(case) for case in rows.frame["cook"].nlargest(8).index
    ]


def test_what_has_no_influence(small_posterior: hb.Fit, influence: hb.Influence) -> None:
    refused(
        lambda: plots.influence_frame(influence, measure="leverage"), hb.StudyError,
        "there is no measure 'leverage'; it is one of: cook, covratio, displacement, dfbetas",
    )  # fmt: skip
    refused(
        lambda: plots.influence_frame(3),  # type: ignore[arg-type]
        hb.StudyError,
        "plot_influence() takes what hb.influence() returns, or a fit, not an object of type int",
    )
    refused(
        lambda: plots.influence_frame(small_posterior), hb.InferenceError,
        "influence() maximises the likelihood anew, and a posterior fit does not maximise one; use "
        "model.reml(), or hb.SensitivityStudy(posterior).deletion() for a posterior",
    )  # fmt: skip
