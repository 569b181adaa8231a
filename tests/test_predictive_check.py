"""Predictive checks: what statistics are, what replications are, and what is said of them."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.inference.checks.predictive_check import p_text
from hierbayes.inference.checks.statistics import Groups, Slopes, usual_statistics
from tests import family_fits


@pytest.fixture(scope="module")
def fit(small: hb.Model) -> hb.PointFit:
    return small.reml()


@pytest.fixture(scope="module")
def check(fit: hb.PointFit) -> hb.PredictiveCheck:
    return hb.predictive_check(fit, {"median": np.median}, n=300, seed=1, progress=False)


def test_statistics_of_groups_are_those_of_pandas(small_data: pd.DataFrame) -> None:
    codes, labels = pd.factorize(small_data["g"], sort=True)
    groups, y = Groups(codes, len(labels)), small_data["y"].to_numpy()
    by_group = small_data.groupby("g")["y"]
    assert_allclose(groups.means(y), by_group.mean())
    assert_allclose(groups.spread(y), by_group.mean().std())
    inside = (by_group.var() * (by_group.size() - 1)).sum()
    assert_allclose(groups.within(y) ** 2, inside / (len(y) - len(labels)))
    slopes = [np.polyfit(one["x"], one["y"], 1)[0] for _, one in small_data.groupby("g")]
    found = Slopes.of_column(groups, small_data["x"].to_numpy()).spread(y)
    assert_allclose(found, np.std(slopes, ddof=1), rtol=1e-10)


def test_a_balanced_icc_is_that_of_the_analysis_of_variance() -> None:
    y = np.array([1.0, 3.0, 5.0, 7.0, 2.0, 2.0])
    groups = Groups(np.array([0, 0, 1, 1, 2, 2]), 3)
    within, between = (2 + 2 + 0) / 3, 2 * np.var([2, 6, 2], ddof=1)
    share = (between - within) / 2 / ((between - within) / 2 + within)
    assert_allclose(groups.icc(y), share)


def test_the_statistics_suit_the_response(fit: hb.PointFit) -> None:
    of_small = [(one.level, one.name) for one in usual_statistics(fit.problem)]
    assert of_small == [
        ("rows", "mean"), ("rows", "sd"), ("rows", "smallest"), ("rows", "largest"),
        ("g", "sd of means"), ("g", "smallest mean"), ("g", "largest mean"), ("g", "sd within"),
        ("g", "intraclass correlation"), ("g", "sd of slopes of x"),
    ]  # fmt: skip
    of_binary = [one.name for one in usual_statistics(family_fits.MODEL.problem)]
    assert of_binary[:2] == ["mean", "sd of means"]
    of_counts = [one.name for one in usual_statistics(family_fits.COUNTS.problem)]
    assert of_counts[4] == "share of zeros"


def test_replications_of_rows_keep_the_effects(fit: hb.PointFit, check: hb.PredictiveCheck) -> None:
    """The mean of a replication is normal about that of the predictions, with σ/√n."""
    n = fit.design.n
    drawn = check.draws["rows", "mean"]
    assert abs(drawn.mean() - fit.predict().mean()) < 6 * fit.sigma / np.sqrt(n * 300)
    assert_allclose(drawn.std(), fit.sigma / np.sqrt(n), rtol=6 / np.sqrt(600))
    assert check.frame.loc[("rows", "median"), "observed"] == np.median(fit.design.y)


def test_replications_of_groups_have_new_effects(fit: hb.PointFit) -> None:
    """The variance of one group's mean is m'Gm + σ²/n_j beside what the rows have in common."""
    checks = (
        hb.predictive_check(fit, groups=which, n=300, seed=2, progress=False)
        for which in ("kept", "new")
    )
    kept, new = (one.draws["g", "sd of means"] for one in checks)
    rows = fit.design.rows
    groups = Groups(rows.codes, fit.design.J)
    Zbar = np.column_stack([groups.means(z) for z in rows.Z.T])
    fixed = groups.means(rows.X @ fit.gamma)
    for draws, variance, centre in (
        (kept, fit.sigma**2 / groups.sizes, groups.means(fit.predict().to_numpy())),
        (new, np.einsum("jq,qr,jr->j", Zbar, fit.G, Zbar) + fit.sigma**2 / groups.sizes, fixed),
    ):
        # E of the sample variance of independent means: that of the centres, and the mean variance
        expected = centre.var(ddof=1) + variance.mean()
        error = (draws**2).std() / np.sqrt(300)
        assert abs((draws**2).mean() - expected) < 6 * error


def test_p_counts_equal_replications_by_half() -> None:
    check = hb.PredictiveCheck(
        "", (), pd.DataFrame({("rows", "largest"): [0.0, 1.0, 1.0, 2.0]}),
        pd.Series({("rows", "largest"): 1.0}), {}, 0.95, 1,
    )  # fmt: skip
    assert check.frame["p"].tolist() == [0.5]
    assert check.findings == ("every statistic lies where the replications do",)
    far = pd.Series({("rows", "largest"): 9.0})
    out = hb.PredictiveCheck("", (), check.draws, far, {}, 0.5, 1)
    assert out.findings == (
        "largest (rows): observed 9, and 50% of the replications lie from 0.75 to 1.25",
    )


def test_too_little_spread_is_found() -> None:
    """Counts that vary more within groups than a Poisson response does."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(8), 12)
    y = rng.poisson(np.exp(rng.normal(1.0, 1.2, len(g))))
    fit = hb.Model("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g}), family="poisson").ml()
    check = hb.predictive_check(fit, n=200, seed=1, progress=False)
    assert check.frame.loc[("g", "sd within"), "p"] == 0.0
    assert any(text.startswith("sd within (g): observed") for text in check.findings)


def test_categories_have_shares(check: hb.PredictiveCheck) -> None:
    data = hb.load_dataset("wine")
    fit = hb.Model("rating ~ temp + (1 | judge)", data, family="cumulative").ml()
    found = hb.predictive_check(fit, n=20, seed=1, progress=False)
    shares = found.frame.loc["rows"]
    assert_allclose(shares["observed"].sum(), 1.0)
    assert_allclose(found.draws["rows"].sum(axis=1), 1.0)
    assert not found.groups and set(check.groups) == {"g"}


def test_a_posterior_is_checked_with_its_draws(small_posterior: hb.PosteriorFit) -> None:
    check = hb.predictive_check(small_posterior, n=30, seed=1, progress=False)
    assert check.title == "Posterior predictive check"
    again = hb.predictive_check(small_posterior, n=30, seed=1, progress=False)
    pd.testing.assert_frame_equal(check.draws, again.draws)


def test_the_picture_draws_the_frame(check: hb.PredictiveCheck) -> None:
    figure = hb.plots.plot_predictive_check(check)
    assert isinstance(figure, Figure) and len(figure.axes) == len(check.frame)
    lines = [float(np.asarray(panel.lines[0].get_xdata())[0]) for panel in figure.axes]
    assert_allclose(lines, check.frame["observed"])
    bars = hb.plots.predictive_check_frame(check, ["median"]).bars
    assert_allclose(((bars["right"] - bars["left"]) * bars["density"]).sum(), 1.0)
    with pytest.raises(hb.StudyError, match="the check has no statistic 'mode'; they are: 'mean'"):
        hb.plots.predictive_check_frame(check, ["mode"])


def test_values_that_rounding_tells_apart_are_one_bar() -> None:
    """The sd of as many ones in another order; 0.1 + 0.2 for 0.3."""
    names = pd.MultiIndex.from_tuples([("rows", "sd")], names=["level", "statistic"])
    draws = pd.DataFrame([[0.3], [0.1 + 0.2], [0.3], [0.5]], columns=names)
    seen = pd.Series([0.1 + 0.2], index=names)
    check = hb.PredictiveCheck("", (), draws, seen, {}, 0.95, 1)
    bars = hb.plots.predictive_check_frame(check).bars
    assert_allclose(bars[["left", "right", "density"]], [[0.2, 0.4, 3.75], [0.4, 0.6, 1.25]])
    assert check.frame["p"].tolist() == [0.625]  # (3/2 + 1)/4


def test_wrong_words_are_refused(fit: hb.PointFit) -> None:
    with pytest.raises(hb.InferenceError, match="groups must be 'by level', 'kept' or 'new'"):
        hb.predictive_check(fit, groups="all")
    with pytest.raises(hb.InferenceError, match=r"^the statistic 'odd' raises ZeroDivisionError: "):
        hb.predictive_check(fit, {"odd": lambda y: 1 / 0}, n=2, progress=False)
    with pytest.raises(hb.InferenceError, match="statistics must map names to functions"):
        hb.predictive_check(fit, [np.median])  # type: ignore[arg-type]  # on purpose
    with pytest.raises(hb.InferenceError, match="the statistic 'rows' returns ndarray"):
        hb.predictive_check(fit, {"rows": lambda y: y}, n=2, progress=False)
    with pytest.raises(hb.EstimationError, match="n must be a whole number of at least 1"):
        hb.predictive_check(fit, n=0)


def test_groups_that_are_rows_have_no_statistics_of_their_own() -> None:
    model = hb.Model("c ~ x + (1 | row) + (1 | g)", family_fits.DATA, family="poisson")
    assert {one.level for one in usual_statistics(model.problem)} == {"rows", "g"}


def test_what_cannot_be_computed_is_no_finding() -> None:
    draws = pd.DataFrame({("rows", "odd"): [np.nan, np.nan]})
    check = hb.PredictiveCheck("", (), draws, pd.Series({("rows", "odd"): np.nan}), {}, 0.9, 1)
    assert check.frame["p"].isna().all()
    assert check.findings == ("every statistic lies where the replications do",)


def test_shares_are_told_as_far_as_the_replications_tell_them() -> None:
    assert [p_text(p, 40) for p in (0.0, 0.5, 1.0, np.nan)] == ["< 0.025", "0.500", "> 0.975", ""]


@pytest.mark.slow
def test_replicated_rows_are_not_kept() -> None:
    """Of 40 000 rows and 200 replications all of them would take 64 MB."""
    rng = np.random.default_rng(8)
    g = np.arange(40_000) % 100
    data = pd.DataFrame({"y": rng.normal(size=100)[g] + rng.normal(size=len(g)), "g": g})
    fit = hb.Model("y ~ 1 + (1 | g)", data).reml()
    tracemalloc.start()
    hb.predictive_check(fit, n=200, seed=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6
