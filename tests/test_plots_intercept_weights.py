"""Weights of groups in the intercept, drawn: numbers by hand, lines and points against frames."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.errors import StudyError
from tests.conftest import Cache
from tests.drawn import fits_in, legend_of, shows


@pytest.fixture(scope="module")
def oneway(models: Cache[hb.Model]) -> hb.InterceptWeights:
    return hb.intercept_weights(models["oneway"], "Size")


def line_at(ax: Axes, color: str, x: float) -> float:
    """Height of a straight line of this colour at x, from where it is on the screen."""
    (line,) = [one for one in ax.get_lines() if one.get_color() == color and
               one.get_marker() == "None" and np.size(one.get_xydata())]  # fmt: skip
    points = line.get_transform().transform(line.get_xydata())
    (x0, y0), (x1, y1) = ax.transData.inverted().transform(points)
    return float(y0 + (y1 - y0) * (x - x0) / (x1 - x0))


def test_frame_by_hand(
    oneway: hb.InterceptWeights, reml_fits: Cache[hb.Fit], hs: pd.DataFrame
) -> None:
    frame = hb.plots.intercept_weights_frame(oneway)
    fit, wide = reml_fits["oneway"], frame.pivot(index="group", columns="scheme", values="weight")
    sizes = hs.groupby("school", observed=True)["Size"].agg(["size", "first"]).loc[wide.index]
    n = sizes["size"]
    best = 1 / (fit.theta.G[0, 0, 0, 0] + fit.sigma**2 / n)
    assert_allclose(wide["model"], best / best.sum(), rtol=1e-10)
    assert_allclose(wide["equal"], 1 / 40, rtol=1e-12)
    assert_allclose(wide["sample_size"], n / 1977, rtol=1e-12)
    assert_allclose(wide["size_share"], sizes["first"] / sizes["first"].sum(), rtol=1e-12)
    assert frame.groupby("group")["n"].first().loc[wide.index].tolist() == n.tolist()


def test_lines_and_points(oneway: hb.InterceptWeights) -> None:
    figure = hb.plots.plot_intercept_weights(oneway)
    (ax,) = figure.axes
    table = oneway.table
    assert shows(ax, table["n"], table["model"]) and shows(ax, table["n"], table["size_share"])
    assert line_at(ax, "#D55E00", 20.0) == pytest.approx(1 / 40, rel=1e-9)
    assert line_at(ax, "#000000", 20.0) == pytest.approx(20 / 1977, rel=1e-9)
    assert ax.get_xlabel() == "rows of the group, n_j"
    assert ax.get_xlim()[0] == ax.get_ylim()[0] == 0.0
    assert ax.get_xlim()[1] > table["n"].max() and ax.get_ylim()[1] > table["size_share"].max()
    assert legend_of(figure) == [
        "equal: 1/J",
        "share of rows: n_j/n",
        "share of sizes",
        "in the model's intercept",
    ]
    assert fits_in(figure)


def test_without_sizes_and_with_weights_below_zero(hs: pd.DataFrame) -> None:
    """The intercept of schools of size 0 lies beyond the data: large schools count against it."""
    weights = hb.intercept_weights(hb.Model("mathach ~ Size + (1 | school)", data=hs))
    figure = hb.plots.plot_intercept_weights(weights)
    (ax,) = figure.axes
    assert "share of sizes" not in legend_of(figure)
    low = weights.table["model"].min()
    assert low < 0.0 and ax.get_ylim()[0] == pytest.approx(1.05 * low)
    assert shows(ax, [0.0, 1.0], [0.0, 0.0])


def test_all_schools_a_posterior_and_equal_sizes(
    hsfull: pd.DataFrame, small_posterior: hb.Fit
) -> None:
    full = hb.intercept_weights(hb.Model("mathach ~ 1 + (1 | school)", data=hsfull))
    balanced = hsfull.groupby("school", observed=True).head(14)
    even = hb.intercept_weights(hb.Model("mathach ~ 1 + (1 | school)", data=balanced))
    for weights in (full, hb.intercept_weights(small_posterior), even):
        figure = hb.plots.plot_intercept_weights(weights)
        assert shows(figure.axes[0], weights.table["n"], weights.table["model"])
    assert line_at(figure.axes[0], "#000000", 14.0) == pytest.approx(1 / 160, rel=1e-9)


def test_axes_that_are_given(oneway: hb.InterceptWeights) -> None:
    figure = Figure()
    ax = figure.subplots()
    assert hb.plots.plot_intercept_weights(oneway, ax=ax) is figure
    assert np.isfinite(ax.get_xlim()).all() and len(ax.get_lines()) > 3


def test_something_else_is_refused(reml_fits: Cache[hb.Fit]) -> None:
    message = (
        "plot_intercept_weights() takes what hb.intercept_weights() returns, not an object of "
        "type PointFit"
    )
    with pytest.raises(StudyError) as refused:
        hb.plots.plot_intercept_weights(reml_fits["oneway"])  # type: ignore[arg-type]
    assert str(refused.value) == message
