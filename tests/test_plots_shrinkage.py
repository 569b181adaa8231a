"""Shrinkage by size and by group, and three means: numbers by hand, artists against frames."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.errors import StudyError
from hierbayes.plots.choice import ENGINES
from tests.conftest import Cache
from tests.drawn import arrows_of, fits_in, legend_of, lines_of, shows
from tests.exact import exact_posterior


@pytest.fixture(scope="module")
def oneway(reml_fits: Cache[hb.Fit]) -> hb.Fit:
    return reml_fits["oneway"]


@pytest.fixture(scope="module")
def slopes(reml_fits: Cache[hb.Fit]) -> hb.Fit:
    return reml_fits["intercepts_slopes"]


# ---------------------------------------------------------------- shrinkage


def test_shrinkage_by_hand(oneway: hb.Fit, hs: pd.DataFrame) -> None:
    frame = hb.plots.shrinkage_frame(oneway)
    means = hs.groupby("school", observed=True)["mathach"].agg(["size", "mean"]).loc[frame.index]
    g, s2 = oneway.theta.G[0, 0, 0, 0], oneway.sigma**2
    mu = oneway.fixef()["Intercept"]
    share = g / (g + s2 / means["size"])
    assert frame["n"].tolist() == means["size"].tolist()
    assert_allclose(frame["blue"], means["mean"], rtol=1e-10)
    assert_allclose(frame["blup"], mu + share * (means["mean"] - mu), rtol=1e-10)
    assert_allclose(frame["population"], mu, rtol=1e-12)
    assert_allclose(frame["moved"], frame["blup"] - frame["blue"], rtol=1e-12)


def test_against_n(oneway: hb.Fit) -> None:
    before = dict(mpl.rcParams)
    frame, figure = hb.plots.shrinkage_frame(oneway), hb.plots.plot_shrinkage(oneway)
    assert dict(mpl.rcParams) == before
    (ax,) = figure.axes
    assert shows(ax, frame["n"], frame["blue"]) and shows(ax, frame["n"], frame["blup"])
    assert_allclose(arrows_of(ax), frame[["n", "blue", "n", "blup"]], rtol=1e-10)
    mu = oneway.fixef()["Intercept"]
    assert shows(ax, [0.0, 1.0], [mu, mu]) and len(lines_of(ax)) == 3
    assert ax.get_title(loc="left") == "Shrinking from the BLUE to the BLUP: Intercept, REML"
    assert legend_of(figure) == ["BLUE (own least squares)", "BLUP", "population"]
    assert fits_in(figure)


def test_against_groups(slopes: hb.Fit) -> None:
    figure = hb.plots.plot_shrinkage(slopes, "ses", against="group")
    (ax,) = figure.axes
    frame = hb.plots.shrinkage_frame(slopes, "ses").sort_values("blup", kind="stable")
    x = np.arange(40)
    for column in ("blue", "blup", "population"):
        assert shows(ax, x, frame[column])
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == [str(label) for label in frame.index]
    assert fits_in(figure)


def test_many_groups_and_some_of_them(hsfull: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses + (1 + ses | school)", data=hsfull).reml()
    figure = hb.plots.plot_shrinkage(fit, against="group")
    (ax,) = figure.axes
    assert len(arrows_of(ax)) == 160 and len(ax.get_xticks()) == 0
    assert ax.get_xlabel() == "160 groups of school, by BLUP"
    assert fits_in(figure)
    few = hb.plots.plot_shrinkage(fit, against="group", max_groups=20)
    assert len(arrows_of(few.axes[0])) == 20 and len(few.axes[0].get_xticks()) == 20


def test_of_a_posterior_on_given_axes(small_posterior: hb.Fit) -> None:
    given = Figure().subplots()
    figure = hb.plots.plot_shrinkage(small_posterior, "x", ax=given)
    assert figure is given.figure and "posterior mean" in legend_of(figure)
    frame = hb.plots.shrinkage_frame(small_posterior, "x")
    beta = small_posterior.draws("beta").sel(effect="x").mean(("chain", "draw"))
    assert_allclose(frame["blup"], beta, rtol=1e-10)


# ---------------------------------------------------------------- three means


def test_three_means_by_hand(oneway: hb.Fit, hs: pd.DataFrame) -> None:
    frame = hb.plots.three_means_frame(oneway)
    by_school = hs.groupby("school", observed=True)["mathach"].mean()
    assert_allclose(frame.means["mean of rows"], hs["mathach"].mean(), rtol=1e-12)
    assert_allclose(frame.means["mean of groups"], by_school.mean(), rtol=1e-12)
    assert f"{frame.means['GLS']:.5f}" == "12.60468"  # the slides' fixef( fit.oneway.re )
    assert_allclose(frame.groups["weight"] @ frame.groups["mean"], frame.means["GLS"], rtol=1e-10)
    assert_allclose(frame.groups["weight"].sum(), 1.0, rtol=1e-12)
    assert_allclose(frame.groups["mean"], by_school.loc[frame.groups.index], rtol=1e-12)


def test_three_means_drawn(oneway: hb.Fit, hs: pd.DataFrame) -> None:
    frame, figure = hb.plots.three_means_frame(oneway), hb.plots.plot_three_means(oneway)
    whole, close = figure.axes
    assert shows(whole, frame.rows["position"], frame.rows["y"])
    for ax in (whole, close):
        assert shows(ax, np.arange(40), frame.groups["mean"])
        for value in frame.means:
            assert shows(ax, [0.0, 1.0], [value, value])
    low, high = close.get_ylim()
    assert low < frame.means.min() < frame.means.max() < high
    assert legend_of(figure) == [
        "GLS: 12.605", "mean of rows: 12.783", "mean of groups: 12.583", "group means", "rows"
    ]  # fmt: skip
    assert fits_in(figure)


def test_three_means_of_a_posterior(small_data: pd.DataFrame) -> None:
    fit = exact_posterior(hb.Model("y ~ 1 + (1 | g)", data=small_data), draws=50, chains=2)
    frame = hb.plots.three_means_frame(fit)
    assert_allclose(frame.means["GLS"], fit.gamma_draws.mean(), rtol=1e-12)
    assert fits_in(hb.plots.plot_three_means(fit))


# ---------------------------------------------------------------- refusals


def test_refusals(slopes: hb.Fit, oneway: hb.Fit) -> None:
    for call, message in (
        (lambda: hb.plots.plot_shrinkage(oneway, "ses"),
         "'ses' is no random effect of this model; they are: 'Intercept'"),
        (lambda: hb.plots.plot_shrinkage(oneway, against="x"),
         "against must be 'n' or 'group', not 'x'"),
        (lambda: hb.plots.plot_shrinkage(oneway, groups=["x"]),
         "there is no group 'x' in 'school'; they are: 1317, 1906, 2208, 2458, 2626, ..."),
        (lambda: hb.plots.plot_shrinkage(3),  # type: ignore[arg-type]
         f"plot_shrinkage() takes what {ENGINES} returns, not an object of type int"),
        (lambda: hb.plots.plot_three_means(3),  # type: ignore[arg-type]
         f"plot_three_means() takes what {ENGINES} returns, not an object of type int"),
        (lambda: hb.plots.plot_three_means(slopes),
         "the three means are those of a model with nothing but an intercept, such as "
         "'y ~ 1 + (1 | school)'; this one is "
         "'mathach ~ 1 + ses + Sector + ses:Sector + (1 + ses | school)'"),
    ):  # fmt: skip
        with pytest.raises(StudyError) as refused:
            call()
        assert str(refused.value) == message


def test_a_group_hardly_estimable_alone_does_not_squash_the_others() -> None:
    rng = np.random.default_rng(5)
    codes = np.repeat(np.arange(20), [2, *[15] * 19])
    x = rng.normal(size=len(codes))
    x[:2] = [0.0, 1e-3]
    u = rng.normal(size=(20, 2))
    y = u[codes, 0] + (1.0 + 0.3 * u[codes, 1]) * x + rng.normal(size=len(codes))
    fit = hb.Model("y ~ x + (1 + x | g)", data=pd.DataFrame({"y": y, "x": x, "g": codes})).reml()
    own = fit.blue()["x"]
    assert own.abs().idxmax() == 0 and own.abs().max() > 50.0
    said = "beyond the picture, hardly estimable alone: BLUE of '0'"
    for figure in (hb.plots.plot_shrinkage(fit, "x"), hb.plots.plot_beta_space(fit)):
        ax = figure.axes[0]
        low, high = ax.get_ylim()
        assert high - low < 10.0
        assert low < own.drop(0).min() and own.drop(0).max() < high
        assert said in [text.get_text() for text in ax.texts]
    few = hb.plots.plot_beta_space(fit, max_groups=5).axes[0]
    assert any(text.get_text().startswith("5 of 20 groups") for text in few.texts)


def test_groups_of_one_size_stand_beside_each_other_about_it() -> None:
    orthodont = hb.load_dataset("orthodont")
    fit = hb.Model("distance ~ age + (1 | Subject)", data=orthodont).reml()
    axes = hb.plots.plot_shrinkage(fit).axes[0]
    assert axes.get_xlim() == (3.0, 5.0)
    assert axes.get_xlabel() == "rows of the group, those of one number beside each other"
    x, _, _, blup = arrows_of(axes).T
    assert len(set(x)) == 27 and min(x) > 3.6 and max(x) < 4.4
    assert_allclose(np.mean(x), 4.0)
    assert (np.diff(blup[np.argsort(x)]) >= 0.0).all()
