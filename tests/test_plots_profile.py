"""Pictures of profiles and bootstraps: their frames against fits made anew."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.errors import InferenceError, StudyError
from hierbayes.plots import bootstrap_frame, plot_bootstrap, plot_profile_zeta, profile_zeta_frame
from hierbayes.plots.profile_curve import points_of, relative_density, value_at, zeta_at
from tests.conftest import Cache
from tests.dense import Array
from tests.drawn import fits_in, shows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small_ml(small: hb.Model) -> hb.PointFit:
    return small.ml()


@pytest.fixture(scope="module")
def deviance_with_w(small_data: pd.DataFrame, small_ml: hb.PointFit) -> "Cache[float]":
    """−2 log-likelihood above its minimum, the coefficient of w held, by a fit of y − w·value."""

    def held(value: str) -> float:
        y = small_data["y"] - float(value) * small_data["w"]
        fit = hb.Model("y ~ x", "~ 1 + x | g", data=small_data.assign(y=y)).ml()
        return 2.0 * (small_ml.loglik - fit.loglik)

    return Cache(held)


@pytest.fixture(scope="module")
def reml_profile(reml_fits: Cache[hb.PointFit]) -> hb.Profile:
    return hb.profile(reml_fits["intercepts_slopes"])


# ---------------------------------------------------------------- profile zeta plots


def test_zeta_squared_is_the_deviance_of_a_fit_with_the_parameter_held(
    small_ml: hb.PointFit, deviance_with_w: "Cache[float]"
) -> None:
    frame = profile_zeta_frame(hb.profile(small_ml, "w"))
    points = frame.points.loc["gamma", "w"]
    exact = [deviance_with_w[repr(float(value))] for value in points["value"]]
    assert_allclose(points["zeta"] ** 2, exact, atol=1e-6)
    signs = np.sign(points["value"] - small_ml.fixef()["w"])
    assert_allclose(np.sign(points["zeta"]), signs.where(points["zeta"] != 0.0, 0.0))


def test_the_curve_between_the_points_is_the_profile(
    small_ml: hb.PointFit, deviance_with_w: "Cache[float]"
) -> None:
    curve = profile_zeta_frame(hb.profile(small_ml, "w")).curve
    assert len(curve) == 201
    between = curve.iloc[[13, 37, 62, 90, 121, 150, 187]]
    exact = [deviance_with_w[repr(float(value))] for value in between["value"]]
    assert_allclose(np.abs(between["zeta"]), np.sqrt(exact), atol=0.01)
    assert (np.diff(curve["zeta"]) > 0.0).all()


def test_bounds_are_those_of_the_profile(reml_profile: hb.Profile) -> None:
    limits = reml_profile.intervals()
    bounds = profile_zeta_frame(reml_profile).bounds
    outer = bounds[np.isclose(bounds["prob"], 0.95)].set_index(["block", "parameter", "side"])
    inside = limits[limits["boundary"] == ""]
    assert len(inside) == 6
    for key in inside.index:
        assert outer.loc[(*key, -1), "value"] == limits.loc[key, "lower"]
        assert outer.loc[(*key, 1), "value"] == limits.loc[key, "upper"]
    assert_allclose(outer["zeta"].abs(), 1.959963984540054, rtol=1e-12)
    # Where the likelihood never falls that far there is no bound to draw.
    assert ("sd", "ses", -1) not in outer.index
    assert ("sd", "ses", 1) in outer.index
    assert not any(key[:2] == ("corr", "Intercept, ses") for key in outer.index)


def test_inner_levels_are_those_of_narrower_profiles(
    reml_fits: Cache[hb.PointFit], reml_profile: hb.Profile
) -> None:
    """Read off a curve through nine points: to 1 % of the half-width."""
    bounds = profile_zeta_frame(reml_profile, [0.8]).bounds
    narrow = hb.profile(reml_fits["intercepts_slopes"], prob=0.8).intervals()
    for key in (("gamma", "ses"), ("sd", "Intercept"), ("sigma", "sigma")):
        own = bounds[(bounds["block"] == key[0]) & (bounds["parameter"] == key[1])]
        exact = narrow.loc[key, ["lower", "upper"]].to_numpy(float)
        half = (exact[1] - exact[0]) / 2.0
        assert_allclose(own["value"], exact, atol=0.01 * half)


def test_the_density_of_a_profile_has_area_one_and_the_height_of_its_zeta(
    reml_fits: Cache[hb.PointFit],
) -> None:
    profile = hb.profile(reml_fits["intercepts_slopes"], "sd(Intercept)", prob=0.999)
    points = points_of(profile, ("sd", "Intercept"))
    low, high = points["value"].iloc[[0, -1]]
    x = np.linspace(low, high, 4001)
    density = relative_density(points, x)
    assert np.trapezoid(density, x) == pytest.approx(1.0, abs=1e-5)
    drop = np.log(density.max() / relative_density(points, points["value"].to_numpy()))
    assert_allclose(2.0 * drop, points["zeta"] ** 2, atol=1e-3)
    outside = zeta_at(points, np.array([low - 0.1, high + 0.1]))
    assert np.isnan(outside).all()
    assert value_at(points, 0.0) == pytest.approx(1.8816, abs=1e-3)
    assert np.isnan(value_at(points, 5.0))


def test_a_profile_zeta_plot_draws_its_frame(reml_profile: hb.Profile) -> None:
    figure = plot_profile_zeta(reml_profile)
    assert fits_in(figure)
    frame = profile_zeta_frame(reml_profile)
    assert [ax.get_xlabel() for ax in figure.axes] == frame.labels.tolist()
    assert figure.get_suptitle() == "Profile ζ, ML deviance and REML criterion"
    assert frame.labels.tolist()[4:] == [
        "sd(Intercept)", "sd(ses)", "corr(Intercept, ses)", "sigma",
    ]  # fmt: skip
    for ax, key in zip(figure.axes, frame.labels.index, strict=True):
        at = (frame.curve["block"] == key[0]) & (frame.curve["parameter"] == key[1])
        curve = frame.curve[at]
        assert shows(ax, curve["value"], curve["zeta"])


def test_parameters_in_any_order(reml_fits: Cache[hb.PointFit], reml_profile: hb.Profile) -> None:
    asked = ["sigma", "ses", "sd(ses)", "Intercept"]
    some = profile_zeta_frame(hb.profile(reml_fits["intercepts_slopes"], asked))
    assert some.labels.tolist() == asked
    whole = profile_zeta_frame(reml_profile).curve
    for (block, parameter), curve in some.curve.groupby(["block", "parameter"]):
        at = (whole["block"] == block) & (whole["parameter"] == parameter)
        assert_allclose(curve["zeta"], whole.loc[at, "zeta"], atol=1e-6)
    labels = [
        ax.get_xlabel()
        for ax in plot_profile_zeta(hb.profile(reml_fits["intercepts_slopes"], asked)).axes
    ]
    assert labels == asked


def test_profiles_on_given_axes(reml_profile: hb.Profile, reml_fits: Cache[hb.PointFit]) -> None:
    own = Figure()
    panels = own.subplots(2, 4)
    assert plot_profile_zeta(reml_profile, ax=panels) is own
    with pytest.raises(StudyError, match=r"^this picture has 8 panels, and ax has 4; give as many"):
        plot_profile_zeta(reml_profile, ax=panels[0])


@pytest.mark.parametrize("levels", [0.95, ()])
def test_levels_are_a_list(levels: Any, reml_profile: hb.Profile) -> None:
    with pytest.raises(StudyError) as error:
        profile_zeta_frame(reml_profile, levels)
    assert str(error.value) == f"levels must be a list of probabilities, not {levels!r}"


def test_profile_refusals(reml_profile: hb.Profile, reml_fits: Cache[hb.PointFit]) -> None:
    with pytest.raises(StudyError) as error:
        profile_zeta_frame(reml_profile, [0.99])
    assert str(error.value) == (
        "the profile reaches 0.95, and not the level 0.99; make it with hb.profile(..., prob=0.99)"
    )
    with pytest.raises(StudyError) as error:
        plot_profile_zeta(reml_fits["oneway"])  # type: ignore[arg-type]
    assert str(error.value) == (
        "plot_profile_zeta() takes what hb.profile() returns, not an object of type PointFit"
    )


# ---------------------------------------------------------------- bootstrap


def between_share(fit: hb.PointFit) -> float:
    return float(fit.icc()["icc"])


@pytest.fixture(scope="module")
def bootstrapped(reml_fits: Cache[hb.PointFit]) -> hb.Bootstrap:
    fit = reml_fits["intercepts_slopes"]
    return hb.bootstrap(fit, between_share, n=120, seed=3, progress=False)


def test_a_bootstrap_picture_is_a_histogram_of_the_refits(bootstrapped: hb.Bootstrap) -> None:
    frame = bootstrap_frame(bootstrapped, "sd(ses)")
    draws: Array = bootstrapped.draws["sd", "ses"].to_numpy()
    width = frame.bars["right"] - frame.bars["left"]
    assert (frame.bars["density"] * width).sum() == pytest.approx(1.0, rel=1e-12)
    for _, bar in frame.bars.iloc[:-1].iterrows():
        share = ((draws >= bar["left"]) & (draws < bar["right"])).mean()
        assert bar["density"] * (bar["right"] - bar["left"]) == pytest.approx(share, abs=1e-12)
    assert frame.estimate == bootstrapped.estimate["sd", "ses"]


def test_a_bootstrap_picture_has_the_intervals_of_every_method(
    bootstrapped: hb.Bootstrap, reml_fits: Cache[hb.PointFit]
) -> None:
    fit = reml_fits["intercepts_slopes"]
    table = bootstrap_frame(bootstrapped, "sd(Intercept)", fit=fit, prob=0.9).intervals
    assert table.index.tolist() == ["percentile", "basic", "Wald", "profile"]
    draws = bootstrapped.draws["sd", "Intercept"]
    low, high = np.quantile(draws, [0.05, 0.95])
    assert_allclose(table.loc["percentile"], [low, high])
    assert_allclose(table.loc["basic"], 2.0 * 1.8816 - np.array([high, low]), atol=1e-3)
    assert_allclose(
        table.loc["Wald"], fit.intervals(0.9).loc["sd", "Intercept"][["lower", "upper"]]
    )
    profiled = hb.profile(fit, prob=0.9).intervals().loc["sd", "Intercept"]
    assert_allclose(table.loc["profile"], profiled[["lower", "upper"]].to_numpy(float), rtol=1e-6)
    of_statistic = bootstrap_frame(bootstrapped, "between_share", fit=fit).intervals
    assert of_statistic.index.tolist() == ["percentile", "basic"]


def test_bootstrap_refusals(bootstrapped: hb.Bootstrap, posterior_hs: Any) -> None:
    with pytest.raises(StudyError) as error:
        plot_bootstrap(bootstrapped, "age")
    assert str(error.value) == (
        "the bootstrap has no parameter 'age'; they are: 'Intercept', 'ses', 'Sector[T.Public]', "
        "'ses:Sector[T.Public]', 'sd(Intercept)', 'sd(ses)', 'corr(Intercept, ses)', 'sigma', "
        "'between_share'"
    )
    with pytest.raises(InferenceError) as refused:
        plot_bootstrap(bootstrapped, "ses", fit=posterior_hs)
    assert str(refused.value) == (
        "plot_bootstrap() reads a maximised likelihood, and its argument is a posterior fit; use "
        "model.reml() or model.ml()"
    )


def test_a_wide_interval_does_not_dwarf_the_refits(
    bootstrapped: hb.Bootstrap, reml_fits: Cache[hb.PointFit]
) -> None:
    fit = reml_fits["intercepts_slopes"]
    frame = bootstrap_frame(bootstrapped, "sd(ses)", fit=fit)
    refits = frame.bars["right"].max() - frame.bars["left"].min()
    assert frame.intervals.loc["Wald", "upper"] > 4.0 * refits
    (ax,) = plot_bootstrap(bootstrapped, "sd(ses)", fit=fit).axes
    assert len(ax.patches) < 200  # bars are for the refits, not for the interval
    low, high = ax.get_xlim()
    assert high - low < 2.2 * refits
    assert ax.get_title(loc="left") == "Bootstrap, 95% intervals"
