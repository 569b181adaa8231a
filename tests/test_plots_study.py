"""Pictures of studies and comparisons: their frames against the tables and the weighted draws."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose
from scipy import linalg, stats
from scipy.optimize import brentq

import hierbayes as hb
from hierbayes import plots
from hierbayes.errors import StudyError
from hierbayes.plots.look import LIKELIHOOD
from hierbayes.plots.prior_ellipses import distance
from hierbayes.studies.sensitivity.tipping import TippingPoints
from tests.conftest import Cache
from tests.drawn import artists, fits_in, legend_of, shows
from tests.exact import exact_posterior

pytestmark = pytest.mark.slow

GRID: dict[str, Any] = {
    "gamma": {
        "up": {"ses": hb.Normal(3, 0.5)},
        "to zero": {"ses:Sector[T.Public]": hb.Normal(0, 0.25)},
    },
    "sd": {"narrow": hb.HalfNormal(0.8), "wide": hb.HalfNormal(20)},
    "corr": {"LKJ(8)": hb.LKJ(8)},
    "cautionary": {"far": {"gamma": {"ses": hb.Normal(100, 0.1)}}},
}  # fmt: skip
SES, CORR = "ses", "corr(Intercept, ses)"
ANSWERED = ["up", "to zero", "narrow", "wide", "LKJ(8)"]


@pytest.fixture(scope="module")
def study(baselines: Cache[hb.Fit]) -> hb.SensitivityStudy:
    """One alternative, 'far', cannot be answered without sampling."""
    return hb.SensitivityStudy(baselines["hs"], GRID, refit=False, progress=False)


@pytest.fixture(scope="module")
def tipping(study: hb.SensitivityStudy) -> TippingPoints:
    how: dict[str, Any] = {"scales": (0.5, 1.0, 2.0), "etas": (1.5, 2.0, 5.0, 10.0)}
    return study.tipping(CORR, **how, progress=False)


@pytest.fixture(scope="module")
def comparison(studied: Cache[hb.Model], baselines: Cache[hb.Fit]) -> hb.Comparison:
    return hb.compare(studied["hs"].reml(), studied["hs"].ml(), baselines["hs"])


# ---------------------------------------------------------------- ridge


def test_each_ridge_is_the_density_of_the_weighted_draws(study: hb.SensitivityStudy) -> None:
    frame = plots.ridge_frame(study, SES)
    of = dict(iter(frame.curves.groupby("prior")))
    assert set(of) == {"baseline", *ANSWERED}
    draws = study.baseline.fit.draws("gamma").sel(term=SES).to_numpy().ravel()
    for answer in study.answers[2:5]:  # draws of γ are the baseline's, only their weights differ
        curve, w = of[answer.alternative.name], answer.weights.values
        order = np.argsort(draws)
        level = np.cumsum(w[order])
        iqr = np.diff(np.interp([0.25, 0.75], level, draws[order]))[0]
        mean = w @ draws
        sd = np.sqrt(w @ (draws - mean) ** 2)
        h = 0.9 * min(sd, iqr / 1.349) * answer.weights.ess**-0.2
        exact = stats.norm.pdf(curve["x"].to_numpy()[:, None], draws, h) @ w
        assert_allclose(curve["density"], exact, atol=0.01 * exact.max())


@pytest.mark.parametrize("quantity", [SES, "sd(Intercept)", "sd(ses)", CORR, "sigma", "icc"])
def test_ridges_agree_with_the_cells_of_the_study(
    quantity: str, study: hb.SensitivityStudy
) -> None:
    frame = plots.ridge_frame(study, quantity)
    assert frame.maximum == study.reml.at[quantity, "REML"]
    for name, curve in frame.curves.groupby("prior"):
        x, density = curve["x"].to_numpy(), curve["density"].to_numpy()
        row = frame.summary.loc[str(name)]
        cells = study.before if name == "baseline" else study.cells.sel(alternative=name)
        cell = cells.sel(quantity=quantity)
        assert [row["mean"], row["lower"], row["upper"]] == [
            float(cell[key]) for key in ("mean", "lower", "upper")
        ]
        assert np.trapezoid(density, x) == pytest.approx(1.0, abs=0.01)
        assert np.trapezoid(density * x, x) == pytest.approx(
            row["mean"], abs=0.08 * float(cell["sd"])
        )
        below = np.interp([row["lower"], row["upper"]], x, np.cumsum(density) * (x[1] - x[0]))
        assert_allclose(below, [0.025, 0.975], atol=0.02)


def test_a_ridge_draws_its_frame(study: hb.SensitivityStudy) -> None:
    figure = plots.plot_ridge(study, SES, ["narrow", "far"])
    frame = plots.ridge_frame(study, SES, ["narrow", "far"])
    assert frame.summary["how"].tolist() == ["baseline", "re-weighted", "not answered"]
    (ax,) = figure.axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["far", "narrow", "baseline"]
    assert "not answered" in [text.get_text() for text in ax.texts]
    assert ax.get_xlabel() == SES


def test_what_has_no_ridge(study: hb.SensitivityStudy, baselines: Cache[hb.Fit]) -> None:
    with pytest.raises(StudyError) as error:
        plots.plot_ridge(study, "age")
    assert str(error.value).startswith(
        "the study has no quantity 'age'; they are: 'Intercept', 'ses', 'Sector[T.Public]', "
    )
    with pytest.raises(StudyError) as error:
        plots.plot_ridge(study, SES, "half-normal")
    assert str(error.value) == (
        "the study has no alternative 'half-normal'; they are: 'up', 'to zero', 'narrow', 'wide', "
        "'LKJ(8)', 'far'"
    )
    asked = [hb.quantities.Probability(SES, above=1)]
    other = hb.SensitivityStudy(
        baselines["hs"], {"corr": [hb.LKJ(3)]}, asked, refit=False, progress=False
    )
    (name,) = other.estimands.names
    with pytest.raises(StudyError) as error:
        plots.plot_ridge(other, name)
    assert str(error.value) == (
        f"the draws of '{name}' have 2 different values, and no density; its mean and limits are "
        "in the tables"
    )


@pytest.mark.parametrize("name", ["ridge", "tornado", "prior_ellipses", "power_scaling"])
def test_a_fit_is_no_study(name: str, baselines: Cache[hb.Fit]) -> None:
    rest = [SES] if name == "ridge" else []
    with pytest.raises(StudyError) as error:
        getattr(plots, f"plot_{name}")(baselines["hs"], *rest)
    assert str(error.value) == (
        f"plot_{name}() takes a study, hb.SensitivityStudy(posterior), "
        "not an object of type PosteriorFit"
    )


# ---------------------------------------------------------------- tornado


def test_a_tornado_is_sorted_movement(study: hb.SensitivityStudy) -> None:
    frame = plots.tornado_frame(study)
    names = list(frame.index.unique("quantity"))
    assert len(names) == 4
    cells = study.cells.sel(alternative=ANSWERED)
    largest = cells["movement"].to_pandas().abs().max(axis=1)
    assert set(names) == set(largest.nlargest(4).index)
    for name in names:
        table, cell = frame.loc[name], cells.sel(quantity=name)
        assert table["movement"].abs().is_monotonic_decreasing
        assert set(table.index) == set(ANSWERED)
        before = study.before.sel(quantity=name)
        mean = cell["mean"].to_series()[table.index]
        moved = (mean - float(before["mean"])) / float(before["sd"])
        assert_allclose(table["movement"], moved, atol=1e-12)
        assert_allclose(table["mcse"], cell["mcse"].to_series()[table.index])


def test_a_tornado_marks_conclusions_that_change(study: hb.SensitivityStudy) -> None:
    """The interaction is 1.4 ± 0.46; its prior at 0 ± 0.25 takes the interval well across 0."""
    name = "ses:Sector[T.Public]"
    frame = plots.tornado_frame(study, name, most=2)
    assert len(frame) == 2
    assert frame.loc[(name, "to zero"), "flips"]
    cell = study.cells.sel(quantity=name, alternative="to zero")
    assert float(cell["lower"]) < 0.0 < float(study.before.sel(quantity=name)["lower"])
    (ax,) = plots.plot_tornado(study, name, most=2).axes
    assert ax.get_yticklabels()[0].get_text() == "to zero *"
    figure = ax.get_figure(root=True)
    assert figure is not None and figure.get_suptitle() == (
        "How far each prior moves the posterior (*: to another conclusion)"
    )
    widths = [bar.get_width() for bar in ax.patches if isinstance(bar, Rectangle)]
    assert_allclose(widths, frame["movement"])


# ---------------------------------------------------------------- tipping points


def test_a_tipping_map_is_the_grid_of_the_study(
    study: hb.SensitivityStudy, tipping: TippingPoints
) -> None:
    frame = plots.tipping_frame(tipping)
    assert frame.baseline == (1.0, 2.0)
    assert len(frame.points) == 12
    points = frame.points.set_index(["scale", "eta"])
    for (scale, eta), row in points.iterrows():
        cell = tipping.cells.sel(scale=scale, eta=eta)
        assert row["mean"] == float(cell["mean"])
    # The baseline's own point is the baseline.
    before = study.before.sel(quantity=CORR)
    assert points.loc[(1.0, 2.0), "mean"] == pytest.approx(float(before["mean"]), abs=1e-9)
    assert set(points["conclusion"]) == {"stands"}


def test_a_tipping_map_shows_where_a_conclusion_gives_way(baselines: Cache[hb.Fit]) -> None:
    """A contrast whose interval just has 0 inside; where the slopes vary less, it has not.

    Just: by a third of what its lower limit moves by, at the least.
    """
    gamma = baselines["hs"].draws("gamma")
    product, ses = (gamma.sel(term=term).to_numpy() for term in ("ses:Sector[T.Public]", SES))
    weight = brentq(lambda c: np.quantile(product - c * ses, 0.025) + 0.012, 0.1, 0.4)
    quantity = hb.quantities.Contrast({"ses:Sector[T.Public]": 1.0, SES: -weight})
    study = hb.SensitivityStudy(
        baselines["hs"], {"corr": [hb.LKJ(4)]}, [quantity], refit=False, progress=False
    )
    scales = (0.02, 0.05, 0.2, 1.0, 3.0)
    tipping = study.tipping(quantity.name, scales=scales, etas=(2.0, 6.0), progress=False)
    frame = plots.tipping_frame(tipping)
    decision = tipping.cells["decision"].to_series()
    before = float(study.before.sel(quantity=quantity.name)["decision"])
    said = frame.points.set_index(["scale", "eta"])["conclusion"].to_dict()
    for key, found in decision.items():
        expected = "stands" if found == before else "gives way"
        assert said[key] == ("not answered" if np.isnan(found) else expected)
    assert said[1.0, 2.0] == "stands"
    assert said[0.02, 2.0] == "gives way"


def test_tipping_along_one_axis_and_without_a_conclusion(study: hb.SensitivityStudy) -> None:
    tipping = study.tipping("sigma", scales=(0.5, 1.0, 2.0), etas=(2.0,), progress=False)
    frame = plots.tipping_frame(tipping)
    assert set(frame.points["conclusion"]) == {"no conclusion"}
    (ax,) = plots.plot_tipping(tipping).axes
    assert ax.get_ylabel() == "sigma"
    assert ax.get_xlabel() == "scale of the priors of sd, relative to the baseline"
    assert shows(ax, frame.points["scale"], frame.points["mean"])


def test_a_tipping_plot_draws_its_frame(tipping: TippingPoints, study: hb.SensitivityStudy) -> None:
    frame = plots.tipping_frame(tipping)
    (ax,) = plots.plot_tipping(tipping).axes
    assert shows(ax, frame.points["scale"], frame.points["eta"])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    with pytest.raises(StudyError) as error:
        plots.plot_tipping(study)  # type: ignore[arg-type]
    assert str(error.value) == (
        "plot_tipping() takes what study.tipping(quantity) returns, not an object of type "
        "SensitivityStudy"
    )


def test_labels_of_contours_tell_them_apart(tipping: TippingPoints) -> None:
    narrow = replace(tipping, cells=tipping.cells.assign(mean=1.3 + tipping.cells["mean"] / 100.0))
    for one in (tipping, narrow):
        (ax,) = plots.plot_tipping(one).axes
        labels = [text.get_text() for text in ax.texts]
        assert len(labels) > 1 and len(set(labels)) == len(labels)


# ---------------------------------------------------------------- ellipses


def test_ellipses_are_those_of_the_posterior_means_of_G(study: hb.SensitivityStudy) -> None:
    """E[sd²] from the cells of the study: its mean squared and its variance."""
    frame = plots.prior_ellipses_frame(study)
    assert frame.effects == ("Intercept", "ses")
    assert set(frame.table.index) == {"baseline", "REML", *ANSWERED}
    for name in ["baseline", *ANSWERED]:
        cells = study.before if name == "baseline" else study.cells.sel(alternative=name)
        for effect, column in (("Intercept", "sd_x"), ("ses", "sd_y")):
            cell = cells.sel(quantity=f"sd({effect})")
            square = float(cell["mean"]) ** 2 + float(cell["sd"]) ** 2
            assert frame.table.loc[name, column] ** 2 == pytest.approx(square, rel=1e-9)
        points = frame.boundaries[frame.boundaries["ellipse"] == name]
        row = frame.table.loc[name]
        assert points["x"].max() == pytest.approx(row["sd_x"], rel=2e-3)
        assert points["y"].max() == pytest.approx(row["sd_y"], rel=2e-3)
    assert frame.table.loc["REML", ["sd_x", "sd_y"]].astype(float).tolist() == pytest.approx(
        [1.8816, 0.3565], abs=5e-5
    )
    assert frame.table.loc["REML", "corr"] == pytest.approx(0.5232, abs=5e-5)


def test_of_each_block_the_farthest_has_a_line(study: hb.SensitivityStudy) -> None:
    table = plots.prior_ellipses_frame(study).table
    assert table.index[table["named"]].tolist() == [
        "baseline",
        "REML",
        "to zero",
        "narrow",
        "LKJ(8)",
    ]
    stated = plots.prior_ellipses_frame(study, "wide").table
    assert stated.index[stated["named"]].tolist() == ["baseline", "REML", "wide"]
    figure = plots.plot_prior_ellipses(study)
    assert legend_of(figure) == ["baseline", "REML", "to zero", "narrow", "LKJ(8)", "other priors"]
    handles = figure.legends[0].legend_handles
    colors = [one.get_color() for one in handles if isinstance(one, Line2D)]
    assert colors[1] == LIKELIHOOD.color and colors.count(LIKELIHOOD.color) == 1


def test_one_effect_has_no_ellipse(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses", "~ 1 | school", data=hs)
    fit = exact_posterior(model, draws=100)
    study = hb.SensitivityStudy(fit, {"sd": [hb.HalfNormal(9)]}, ["ses"], progress=False)
    with pytest.raises(StudyError) as error:
        plots.plot_prior_ellipses(study)
    assert str(error.value) == (
        "the model has one random effect, and G no ellipse; plot_ridge(study, 'sd(Intercept)') "
        "shows how its sd moves with the prior"
    )


def test_the_distance_of_two_ellipses() -> None:
    rng = np.random.default_rng(1)
    A, B = (x @ x.T for x in rng.normal(size=(2, 2, 4)))
    exact = np.abs(np.log(linalg.eigh(B, A, eigvals_only=True))).max()
    assert distance(A, B) == pytest.approx(exact)
    assert distance(B, A) == pytest.approx(exact)
    T = np.array([[10.0, 0.0], [3.0, 0.1]])
    assert distance(T @ A @ T.T, T @ B @ T.T) == pytest.approx(exact)
    assert distance(A, np.array([[1.0, 1.0], [1.0, 1.0]])) == np.inf


# ---------------------------------------------------------------- power-scaling, comparison


def test_power_scaling_is_the_table_of_the_study(study: hb.SensitivityStudy) -> None:
    frame = plots.power_scaling_frame(study)
    table = study.power_scaling.drop(columns="diagnosis")
    assert len(frame) == table.size
    for _, row in frame.iterrows():
        exact = table.at[row["quantity"], row["component"]]
        assert row["sensitivity"] == exact
        assert row["sensitive"] == (exact >= 0.05)
    (ax,) = plots.plot_power_scaling(study).axes
    shown = [text.get_text() for text in ax.texts]
    assert shown == [f"{value:.2f}" for value in table.to_numpy().ravel()]
    bold = [text.get_fontweight() == "bold" for text in ax.texts]
    assert bold == (table.to_numpy().ravel() >= 0.05).tolist()


def test_a_comparison_is_that_of_the_tables(
    comparison: hb.Comparison, baselines: Cache[hb.Fit], studied: Cache[hb.Model]
) -> None:
    frame = plots.comparison_frame(comparison)
    labels = ["Intercept", SES, "Sector[T.Public]", "ses:Sector[T.Public]", "sd(Intercept)",
              "sd(ses)", CORR, "sigma", "icc"]  # fmt: skip
    assert list(dict.fromkeys(frame["label"])) == labels
    assert len(frame) == 27
    limits = {"REML": studied["hs"].reml(), "posterior": baselines["hs"]}
    for name, fit in limits.items():
        own = frame[(frame["fit"] == name) & (frame["block"] != "icc")]
        own = own.set_index(["block", "parameter"])[["lower", "estimate", "upper"]]
        exact = fit.intervals()
        assert_allclose(own.reindex(exact.index).to_numpy(float), exact.to_numpy(float))
    icc = frame[(frame["label"] == "icc") & (frame["fit"] == "REML")].iloc[0]
    assert icc["estimate"] == pytest.approx(studied["hs"].reml().icc()["icc"])
    assert np.isnan(icc["lower"])


def test_an_interval_without_end_does_not_dwarf_the_others(comparison: hb.Comparison) -> None:
    """Wald's interval for sd(ses) reaches to 8.5, the posterior's to 1.1."""
    frame = plots.comparison_frame(comparison, "sd(ses)").set_index("fit")
    assert frame.loc["REML", "upper"] > 8.0
    (ax,) = plots.plot_comparison(comparison, "sd(ses)").axes
    low, high = ax.get_xlim()
    length = frame.loc["posterior", "upper"] - frame.loc["posterior", "lower"]
    assert high < 4.0 * length
    assert low < frame["estimate"].min() < frame.loc["posterior", "upper"] < high
    arrows = [line for line in ax.lines if line.get_marker() == ">"]
    assert [float(np.asarray(line.get_xdata())[0]) for line in arrows] == [high]


def test_some_parameters_of_a_comparison(comparison: hb.Comparison) -> None:
    frame = plots.comparison_frame(comparison, ["sd", SES])
    assert list(dict.fromkeys(frame["label"])) == ["sd(Intercept)", "sd(ses)", SES]
    figure = plots.plot_comparison(comparison, ["sd", SES])
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["sd(Intercept)", "sd(ses)", SES]
    with pytest.raises(StudyError) as error:
        plots.plot_comparison(comparison, "sd(age)")
    assert str(error.value) == (
        "the comparison has no parameter 'sd(age)'; they are: 'Intercept', 'ses', "
        "'Sector[T.Public]', 'ses:Sector[T.Public]', 'sd(Intercept)', 'sd(ses)', "
        "'corr(Intercept, ses)', 'sigma', 'icc'"
    )


# ---------------------------------------------------------------- drawing


def test_each_picture_takes_axes_and_has_few_artists(
    study: hb.SensitivityStudy, tipping: TippingPoints, comparison: hb.Comparison
) -> None:
    calls: dict[str, tuple[tuple[Any, ...], int]] = {
        "ridge": ((study, SES), 1),
        "tornado": ((study,), 4),
        "tipping": ((tipping,), 1),
        "prior_ellipses": ((study,), 1),
        "power_scaling": ((study,), 1),
        "comparison": ((comparison,), 9),
    }
    _ = study.table
    for name, (of, panels) in calls.items():
        plot = getattr(plots, f"plot_{name}")
        assert fits_in(plot(*of)), name
        figure = plot(*of, figsize=(7.0, 5.0))
        assert artists(figure) < 200 + 100 * len(figure.axes), name
        assert len(figure.axes) == panels
        assert figure.get_size_inches().tolist() == [7.0, 5.0]
        own = Figure()
        given = own.subplots(1, panels)
        assert plot(*of, ax=given) is own
