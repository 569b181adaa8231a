"""Pictures of posteriors, priors and what priors imply: their frames against exact densities."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes import plots
from hierbayes.design.group_design import group_design
from hierbayes.errors import EstimationError, InferenceError, StudyError
from hierbayes.plots.density import POSITIVE, SHARE, Sample, sample_of
from hierbayes.plots.prior_curve import exact_density
from hierbayes.plots.profile_curve import whole_points
from hierbayes.priors.chosen_priors import choose_priors
from hierbayes.priors.quantile import quantile
from tests.conftest import Cache
from tests.dense import Array
from tests.drawn import artists, fits_in, legend_of, shows

pytestmark = pytest.mark.slow


def with_priors(fit: hb.Fit, **stated: Any) -> hb.Fit:
    """The same draws, said to be under other priors: only what is drawn of priors changes."""
    return replace(fit, priors=choose_priors(stated, fit.problem))


def area(curve: pd.DataFrame) -> float:
    return float(np.trapezoid(curve["density"], curve["x"]))


# ---------------------------------------------------------------- densities


def reflected(values: Array, weights: Array, bandwidth: float, x: Array) -> Array:
    """Kernels at every draw and at its image in 0, summed one by one."""
    kernels = stats.norm.pdf(x[:, None], values, bandwidth)
    images = stats.norm.pdf(x[:, None], -values, bandwidth)
    return (kernels + images) @ weights


def test_a_density_is_a_sum_of_reflected_kernels() -> None:
    rng = np.random.default_rng(1)
    values = np.abs(rng.normal(0.0, 2.0, 3000))
    weights = rng.gamma(2.0, size=3000)
    sample = Sample("sd", values, weights / weights.sum(), POSITIVE)
    x = np.linspace(0.0, 6.0, 61)
    exact = reflected(values, sample.weights, sample.bandwidth, x)
    assert_allclose(sample.density(x), exact, atol=1e-3 * exact.max())
    assert sample.density(np.array([-0.01]))[0] == 0.0


def test_the_bandwidth_is_silvermans() -> None:
    values = np.random.default_rng(2).standard_t(3, 4000)
    iqr = float(np.subtract(*np.quantile(values, [0.75, 0.25])))
    expected = 0.9 * min(values.std(), iqr / 1.349) * 4000**-0.2
    assert sample_of("x", values).bandwidth == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("shape", [(0.5, 0.5), (1.0, 1.0), (20.0, 2.0)])
def test_a_density_on_a_range_has_its_whole_mass_there(shape: tuple[float, float]) -> None:
    values = np.random.default_rng(3).beta(*shape, size=4000)
    sample = sample_of("share", values, SHARE)
    x = np.linspace(0.0, 1.0, 4001)
    assert np.trapezoid(sample.density(x), x) == pytest.approx(1.0, abs=2e-3)
    low, high = sample.span()
    assert 0.0 <= low < values.mean() < high <= 1.0


def test_a_density_near_the_true_one() -> None:
    """Silverman's estimate of a normal density from 4000 draws: within 0.025 of a height of 0.4."""
    values = np.random.default_rng(4).normal(size=4000)
    x = np.linspace(-3.0, 3.0, 61)
    assert_allclose(sample_of("x", values).density(x), stats.norm.pdf(x), atol=0.025)


def test_a_handful_of_values_has_no_density() -> None:
    with pytest.raises(StudyError) as error:
        sample_of("rank of a", np.repeat(np.arange(8.0), 50))
    assert str(error.value) == (
        "the draws of 'rank of a' have 8 different values, and no density; its mean and limits are "
        "in the tables"
    )


FAMILIES: list[tuple[Any, Any]] = [
    (hb.Normal(1, 2), stats.norm(1, 2)),
    (hb.StudentT(4, 1, 2), stats.t(4, 1, 2)),
    (hb.HalfNormal(3), stats.halfnorm(0, 3)),
    (hb.HalfCauchy(2), stats.halfcauchy(0, 2)),
    (hb.Exponential(0.5), stats.expon(0, 2)),
    (hb.PC(5, 0.05), stats.expon(0, -5 / np.log(0.05))),
    (hb.Gamma(2.5, 0.5), stats.gamma(2.5, 0, 2)),
    (hb.InverseGamma(2, 3), stats.invgamma(2, 0, 3)),
    (hb.Uniform(0, 4), stats.uniform(0, 4)),
]


@pytest.mark.parametrize(("prior", "same"), FAMILIES, ids=lambda one: str(one)[:20])
def test_exact_densities_are_those_of_scipy(prior: Any, same: Any) -> None:
    x = np.linspace(0.05, 9.0, 40)
    assert_allclose(exact_density(prior, x), same.pdf(x), rtol=1e-8)


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("eta", [0.7, 1.0, 2.0, 10.0])
def test_a_correlation_under_lkj(eta: float, size: int) -> None:
    shape = eta - 1.0 + size / 2.0
    x = np.array([-0.99, -0.4, 0.0, 0.3, 0.8])
    density = exact_density(hb.LKJ(eta), x, size)
    assert_allclose(density, stats.beta(shape, shape, -1, 2).pdf(x), rtol=1e-10)
    grid = np.linspace(-1.0, quantile(hb.LKJ(eta), 0.3, size), 400_001)[1:]
    mass = np.trapezoid(exact_density(hb.LKJ(eta), grid, size), grid)
    assert mass == pytest.approx(0.3, abs=0.01 if shape < 1 else 1e-4)


# ---------------------------------------------------------------- prior against posterior


def curve(frame: Any, kind: str, block: str, parameter: str) -> pd.DataFrame:
    of = frame.curves
    at = (of["kind"] == kind) & (of["block"] == block) & (of["parameter"] == parameter)
    found: pd.DataFrame = of[at]
    return found


def test_priors_are_exact_and_posteriors_those_of_the_draws(posterior_hs: hb.PosteriorFit) -> None:
    frame = plots.prior_posterior_frame(posterior_hs)
    corr = ("corr", "Intercept, ses")
    exact: dict[tuple[str, str], Any] = {
        ("gamma", "ses"): stats.norm(0, 20),
        ("sd", "ses"): stats.halfnorm(0, 10),
        corr: stats.beta(2, 2, -1, 2),
        ("sigma", "sigma"): stats.halfnorm(0, 10),
    }
    for key, prior in exact.items():
        drawn = curve(frame, "prior", *key)
        assert_allclose(drawn["density"], prior.pdf(drawn["x"]), rtol=1e-9, atol=1e-12)
    for key in frame.summary.index:
        posterior = curve(frame, "posterior", *key)
        assert area(posterior) == pytest.approx(1.0, abs=5e-3)
    # Weighing each point of the curve gives back the mean of the draws.
    sigma = curve(frame, "posterior", "sigma", "sigma")
    weighed = np.trapezoid(sigma["density"] * sigma["x"], sigma["x"])
    assert weighed == pytest.approx(posterior_hs.sigma, abs=2e-3)
    limits = posterior_hs.intervals()
    assert_allclose(frame.summary[["lower", "upper"]], limits[["lower", "upper"]])
    assert frame.summary["mean"].tolist() == pytest.approx(limits["estimate"].tolist())


def test_the_likelihood_beside_them_is_remls(
    posterior_hs: hb.PosteriorFit, reml_fits: Cache[hb.PointFit]
) -> None:
    frame = plots.prior_posterior_frame(posterior_hs, ["sd", "sigma"])
    reml = reml_fits["intercepts_slopes"]
    assert_allclose(frame.summary["REML"], [1.8816, 0.3565, 6.1180], atol=5e-5)
    for key in frame.summary.index:
        drawn = curve(frame, "profile", *key).dropna()
        assert area(drawn) == pytest.approx(1.0, abs=0.02)
    # At the ends of the 80% profile interval of sigma, exp(−ζ²/2) has fallen to exp(−1.2816²/2).
    ends = hb.profile(reml, "sigma", prob=0.8).intervals().iloc[0]
    drawn = curve(frame, "profile", "sigma", "sigma").dropna()
    at = np.interp([ends["lower"], ends["estimate"], ends["upper"]], drawn["x"], drawn["density"])
    assert_allclose(at[[0, 2]] / at[1], np.exp(-(1.2815515655**2) / 2.0), rtol=0.01)


def test_half_a_profile_is_not_scaled_to_an_area(reml_fits: Cache[hb.PointFit]) -> None:
    found, key = hb.profile(reml_fits["intercepts_slopes"], "sigma"), ("sigma", "sigma")
    points = whole_points(found, key)
    assert points is not None
    assert points["value"].tolist() == found.table["value"].tolist()
    limits = found.limits.assign(lower=np.nan)
    assert whole_points(replace(found, limits=limits), key) is None


def test_without_likelihood_and_under_flat_priors(posterior_hs: hb.PosteriorFit) -> None:
    flat = with_priors(posterior_hs, gamma={"ses": hb.Flat()}, sd=hb.HalfNormal(2))
    frame = plots.prior_posterior_frame(flat, ["ses", "sd(ses)"], likelihood=False)
    assert set(frame.curves["kind"]) == {"prior", "posterior"}
    assert curve(frame, "prior", "gamma", "ses").empty
    assert frame.summary["REML"].isna().all()


def test_a_prior_of_G_is_drawn(posterior_hs: hb.PosteriorFit) -> None:
    """Under InverseWishart(ν, S) a variance is inverse-gamma((ν − q + 1)/2, S_kk/2)."""
    joint = with_priors(posterior_hs, G=hb.InverseWishart(8, 10.0), gamma=hb.Flat())
    frame = plots.prior_posterior_frame(joint, ["sd(Intercept)", "sigma"], likelihood=False)
    drawn = curve(frame, "prior", "sd", "Intercept")
    variance = stats.invgamma(3.5, 0, 5.0)
    exact = variance.pdf(drawn["x"] ** 2) * 2.0 * drawn["x"]
    assert_allclose(drawn["density"], exact, atol=0.06 * exact.max())
    assert len(curve(frame, "prior", "sigma", "sigma"))


def test_a_prior_posterior_plot_draws_its_frame(posterior_hs: hb.PosteriorFit) -> None:
    frame = plots.prior_posterior_frame(posterior_hs, ["sd", "corr"])
    figure = plots.plot_prior_posterior(posterior_hs, ["sd", "corr"])
    labels = ["sd(Intercept)", "sd(ses)", "corr(Intercept, ses)"]
    assert figure.get_suptitle() == "Prior and posterior"
    assert [ax.get_xlabel() for ax in figure.axes] == labels == frame.summary["label"].tolist()
    for ax, key in zip(figure.axes, frame.summary.index, strict=True):
        for kind in ("prior", "posterior", "profile"):
            points = curve(frame, kind, *key)
            assert shows(ax, points["x"], points["density"])


def test_a_parameter_that_does_not_exist(posterior_hs: hb.PosteriorFit) -> None:
    with pytest.raises(InferenceError, match=r"^this fit has no parameter 'age'; they are: 'Inter"):
        plots.plot_prior_posterior(posterior_hs, "age")


@pytest.mark.parametrize("name", ["prior_posterior", "icc", "shrinkage_factors"])
def test_a_point_has_no_posterior(name: str, reml_fits: Cache[hb.PointFit]) -> None:
    plot = getattr(plots, f"plot_{name}")
    with pytest.raises(StudyError) as error:
        plot(reml_fits["intercepts_slopes"])
    assert str(error.value) == (
        f"plot_{name}() shows a posterior, model.sample(); a fit by REML has one θ and no draws"
    )
    with pytest.raises(StudyError) as error:
        plot("hs")
    assert str(error.value) == (
        f"plot_{name}() takes a posterior, model.sample(), not an object of type str"
    )


# ---------------------------------------------------------------- ICC and shrinkage


def test_the_icc_of_a_posterior(
    posterior_hs: hb.PosteriorFit, reml_fits: Cache[hb.PointFit]
) -> None:
    frame = plots.icc_frame(posterior_hs)
    assert frame.mean == pytest.approx(posterior_hs.icc()["icc"])
    assert frame.maximum == pytest.approx(reml_fits["intercepts_slopes"].icc()["icc"])
    of = dict(iter(frame.curves.groupby("kind")))
    for kind in ("prior", "posterior"):
        assert area(of[kind]) == pytest.approx(1.0, abs=0.01)
    posterior = of["posterior"]
    below = posterior[posterior["x"] <= frame.lower]
    assert area(below) == pytest.approx(0.025, abs=0.008)
    # What the prior has below 0.3, against draws made here.
    rng = np.random.default_rng(5)
    sd = np.abs(rng.normal(0, 10, (100_000, 2)))
    rho = 2.0 * rng.beta(2, 2, 100_000) - 1.0
    z = posterior_hs.design.rows.Z[:, 1]
    between = sd[:, 0] ** 2 + 2 * rho * sd.prod(axis=1) * z.mean()
    between += sd[:, 1] ** 2 * (z**2).mean()
    share = between / (between + rng.normal(0, 10, 100_000) ** 2)
    prior = of["prior"]
    assert area(prior[prior["x"] <= 0.3]) == pytest.approx((share <= 0.3).mean(), abs=0.03)


def test_a_prior_of_the_icc_itself_is_exact(posterior_hs: hb.PosteriorFit) -> None:
    stated = with_priors(posterior_hs, icc=hb.Beta(2, 5))
    curves = plots.icc_frame(stated).curves
    prior = curves[curves["kind"] == "prior"]
    assert_allclose(prior["density"], stats.beta(2, 5).pdf(prior["x"]), rtol=1e-9, atol=1e-12)


def test_an_improper_prior_says_nothing_of_the_icc(posterior_hs: hb.PosteriorFit) -> None:
    improper = with_priors(posterior_hs, sigma=hb.Flat())
    assert set(plots.icc_frame(improper).curves["kind"]) == {"posterior"}
    figure = plots.plot_icc(improper)
    assert legend_of(figure) == ["posterior", "its 95% interval", "REML"]
    assert figure.axes[0].get_title(loc="left") == "Intraclass correlation: posterior"


def test_shrinkage_factors_are_those_of_the_fit(
    small_posterior: hb.PosteriorFit, small: hb.Model
) -> None:
    for effect in ("Intercept", "x"):
        frame = plots.shrinkage_factors_frame(small_posterior, effect)
        assert frame["mean"].is_monotonic_increasing
        exact = small_posterior.shrinkage().xs(effect, level="effect")
        assert_allclose(frame["mean"].reindex(exact.index), exact[f"shrinkage[{effect}]"])
        at_reml = small.reml().shrinkage().xs(effect, level="effect")
        assert_allclose(frame["REML"].reindex(exact.index), at_reml[f"shrinkage[{effect}]"])
        asked = hb.quantities.Shrinkage("c", effect).draws(small_posterior)
        limits = np.quantile(asked, [0.025, 0.25, 0.75, 0.975])
        assert_allclose(frame.loc["c", ["lower", "25%", "75%", "upper"]].astype(float), limits)
    assert frame["n"].sort_index().tolist() == list(range(4, 12))


def test_every_factor_is_in_sight(small_posterior: hb.PosteriorFit) -> None:
    for effect in ("Intercept", "x"):
        frame = plots.shrinkage_factors_frame(small_posterior, effect)
        shown = frame[["lower", "upper", "REML"]].to_numpy()
        (ax,) = plots.plot_shrinkage_factors(small_posterior, effect).axes
        low, high = ax.get_xlim()
        assert low < min(0.0, shown.min())
        assert shown.max() < high


def test_shrinkage_factors_of_some_groups(small_posterior: hb.PosteriorFit) -> None:
    some = plots.shrinkage_factors_frame(small_posterior, groups=["b", "h"])
    assert set(some.index) == {"b", "h"}
    (ax,) = plots.plot_shrinkage_factors(small_posterior, groups=["b", "h"]).axes
    assert ax.get_xlabel() == "shrinkage factor of Intercept"
    assert ax.get_ylabel() == "2 of 8 groups (g)"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == some.index.tolist()
    with pytest.raises(StudyError, match=r"^'w' is no random effect of this model; they are: 'Int"):
        plots.plot_shrinkage_factors(small_posterior, "w")


# ---------------------------------------------------------------- what priors imply


@pytest.fixture(scope="module")
def implied(models: Cache[hb.Model]) -> Any:
    return models["intercepts_slopes"].prior_predictive(draws=4000, seed=7)


def test_implied_lines_are_new_groups_around_the_population(implied: Any) -> None:
    """u = line − W_jγ, whitened by the root of its G, is standard normal."""
    frame = plots.implied_lines_frame(implied, lines=4000)
    design, table = implied.design, frame.lines
    assert (frame.column, frame.response) == ("ses", "mathach")
    assert table["draw"].tolist() == list(range(4000))
    assert set(table["group"]) == set(design.groups)
    at = design.groups.get_indexer(table["group"])
    W = group_design(design).W[at]
    centre = np.einsum("mkp,mp->mk", W, implied.draws["gamma"].to_numpy())
    u = table[["intercept", "slope"]].to_numpy() - centre
    root = np.linalg.cholesky(implied.draws["G"].to_numpy())
    e = np.linalg.solve(root, u[..., None])[..., 0]
    assert_allclose(e.mean(axis=0), 0.0, atol=5.0 / np.sqrt(4000))
    assert_allclose(np.cov(e.T), np.eye(2), atol=5.0 * np.sqrt(2.0 / 4000))
    assert stats.kstest(e.ravel(), "norm").pvalue > 1e-4
    assert frame.observed == (design.rows.y.min(), design.rows.y.max())


def test_columns_beside_the_axis_stay_at_the_mean_of_the_group(small_data: pd.DataFrame) -> None:
    v = np.random.default_rng(6).normal(size=len(small_data))
    priors = dict(gamma=hb.Normal(0, 1), sd=hb.HalfNormal(1e-9), sigma=hb.HalfNormal(1))
    data = small_data.assign(v=v)
    model = hb.Model("y ~ x * w + v", "~ 1 | g", data=data, priors=priors)
    prior = model.prior_predictive(draws=30, seed=1)
    frame = plots.implied_lines_frame(prior)
    assert frame.column == "x"
    for _, line in frame.lines.iterrows():
        own = data[data["g"] == line["group"]]
        gamma = prior.draws["gamma"].isel(draw=line["draw"]).to_series()
        w = own["w"].iloc[0]
        slope = gamma["x"] + gamma["x:w"] * w
        intercept = gamma["Intercept"] + gamma["w"] * w + gamma["v"] * own["v"].mean()
        assert_allclose([line["intercept"], line["slope"]], [intercept, slope], atol=1e-6)
    assert plots.implied_lines_frame(prior, "v", lines=5).column == "v"


def test_implied_icc_and_ellipses_are_those_of_the_tables(implied: Any) -> None:
    frame = plots.implied_icc_frame(implied)
    table = implied.implications.loc["ICC"]
    assert [frame.median, frame.lower, frame.upper] == pytest.approx(
        table[["median", "5%", "95%"]].tolist()
    )
    assert area(frame.curve) == pytest.approx(1.0, abs=5e-3)
    draws = implied.draws["icc"].to_numpy()
    for level in (0.2, 0.5, frame.median):
        below = frame.curve[frame.curve["x"] <= level]
        assert area(below) == pytest.approx((draws <= below["x"].max()).mean(), abs=0.01)
    ellipses = plots.implied_ellipses_frame(implied, 0.8)
    pd.testing.assert_frame_equal(ellipses, implied.ellipse(0.8))
    (ax,) = plots.plot_implied_ellipses(implied).axes
    assert ax.get_ylabel() == "random effect of ses"
    assert ax.get_title(loc="left") == "50% of the groups, by G under the priors"


def test_what_has_no_lines_or_ellipses(models: Cache[hb.Model], implied: Any) -> None:
    alone = models["oneway"].prior_predictive(draws=50, seed=1)
    with pytest.raises(StudyError) as error:
        plots.plot_implied_lines(alone)
    assert str(error.value) == (
        "no column of the model varies within groups, and groups have no lines; "
        "plot_implied_icc() shows what the priors say of their spread"
    )
    with pytest.raises(StudyError) as error:
        plots.plot_implied_ellipses(alone)
    assert str(error.value) == (
        "the model has no correlated random effects, and G no ellipse; plot_implied_icc() shows "
        "what the priors say of its variances"
    )
    with pytest.raises(StudyError) as error:
        plots.plot_implied_lines(implied, "Sector[T.Public]")
    assert str(error.value) == (
        "'Sector[T.Public]' is no column that varies within groups; they are: 'ses', "
        "'ses:Sector[T.Public]'"
    )
    with pytest.raises(EstimationError, match=r"^lines must be"):
        plots.plot_implied_lines(implied, lines=0)
    with pytest.raises(StudyError) as error:
        plots.plot_implied_icc(models["oneway"])  # type: ignore[arg-type]
    assert str(error.value) == (
        "plot_implied_icc() takes what model.prior_predictive() returns, not an object of type "
        "Model"
    )


# ---------------------------------------------------------------- drawing


def test_each_picture_takes_axes_and_has_few_artists(
    posterior_hs: hb.PosteriorFit, implied: Any
) -> None:
    calls: dict[str, tuple[Any, int]] = {
        "prior_posterior": (posterior_hs, 8),
        "icc": (posterior_hs, 1),
        "shrinkage_factors": (posterior_hs, 1),
        "implied_lines": (implied, 1),
        "implied_icc": (implied, 1),
        "implied_ellipses": (implied, 1),
    }
    for name, (of, panels) in calls.items():
        plot = getattr(plots, f"plot_{name}")
        assert fits_in(plot(of)), name
        figure = plot(of, figsize=(7.0, 5.0))
        assert artists(figure) < 200 + 100 * len(figure.axes) + 4 * 40, name
        assert isinstance(figure, Figure)
        assert len(figure.axes) == panels
        assert figure.get_size_inches().tolist() == [7.0, 5.0]
        own = Figure()
        given = own.subplots(1, panels)
        assert plot(of, ax=given) is own
        with pytest.raises(StudyError, match="figsize is that of a new figure"):
            plot(of, ax=given, figsize=(7.0, 5.0))
