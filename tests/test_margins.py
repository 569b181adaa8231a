"""Predictions, comparisons and slopes, beside marginaleffects, dense algebra and draws."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import block_diag
from scipy.special import expit, logit, ndtri

import hierbayes as hb
from hierbayes.fit.of_family.natural import covariance_with_dispersion
from hierbayes.fit.of_family.point import FamilyPointFit
from tests import family_fits
from tests.dense import Array

REFERENCE = json.loads(
    (Path(__file__).parent / "reference" / "margins.json").read_text(encoding="utf-8")
)
DATA = pd.DataFrame(REFERENCE["data"])
NONE: dict[str, Any] = {"effects": "none"}
MAPPING: Any = {"x": 1}
CALLS: dict[str, Callable[[hb.Fit], hb.Margins]] = {
    "predictions by row": lambda fit: hb.predictions(fit, DATA.head(6), **NONE),
    "predictions by a": lambda fit: hb.predictions(fit, DATA, by="a", **NONE),
    "predictions on a grid": lambda fit: hb.predictions(
        fit, hb.datagrid(fit, DATA, x=[-1.0, 0.5], a=["p", "q"]), **NONE
    ),
    "comparisons of x": lambda fit: hb.comparisons(fit, DATA, "x", **NONE),
    "comparisons of x by a, a step of 2": lambda fit: hb.comparisons(
        fit, DATA, {"x": 2}, by="a", **NONE
    ),
    "comparisons of x between values": lambda fit: hb.comparisons(
        fit, DATA, {"x": [-1, 1]}, **NONE
    ),
    "comparisons of x by sd": lambda fit: hb.comparisons(fit, DATA, {"x": "sd"}, **NONE),
    "comparisons of a, pairwise": lambda fit: hb.comparisons(fit, DATA, {"a": "pairwise"}, **NONE),
    "ratio of x by iqr": lambda fit: hb.comparisons(
        fit, DATA, {"x": "iqr"}, comparison="ratio", **NONE
    ),
    "slopes of x by a": lambda fit: hb.slopes(fit, DATA, "x", by="a", **NONE),
    "slopes of x by row": lambda fit: hb.slopes(fit, DATA.head(6), "x", by=False, **NONE),
    "log odds ratio of a": lambda fit: hb.comparisons(
        fit, DATA, {"a": ["p", "q"]}, comparison="lnor", **NONE
    ),
    "lift of x": lambda fit: hb.comparisons(fit, DATA, "x", comparison="lift", **NONE),
}


@pytest.fixture(scope="module")
def no_variance() -> dict[str, hb.PointFit]:
    """Fits whose G is 0: those of a linear model and of a logit."""
    return {
        "linear": hb.Model("y ~ x * a + (1 | g)", DATA).reml(),
        "logit": hb.Model("b ~ x * a + (1 | h)", DATA, family="bernoulli").ml(),
    }


@pytest.fixture(scope="module")
def fit(small: hb.Model) -> hb.PointFit:
    return small.reml()


@pytest.mark.parametrize("response", ["linear", "logit"])
def test_numbers_of_marginaleffects(no_variance: dict[str, hb.PointFit], response: str) -> None:
    found = no_variance[response]
    assert found.G[0, 0] == 0.0
    for name, expected in REFERENCE[response].items():
        table = CALLS[name](found).table
        # theirs of slopes are differences by γ of differences by x, and lose digits; the
        # covariance of the logit is that of a Hessian by differences
        rtol = 1e-2 if "slopes" in name else 5e-5
        assert_allclose(table["estimate"], expected["estimate"], rtol=2e-6, err_msg=name)
        assert_allclose(table["se"], expected["std_error"], rtol=rtol, err_msg=name)
        half = ndtri(0.975) * table["se"]
        if response == "logit" and "predictions" in name:
            p = table["estimate"]
            assert_allclose(table["upper"], expit(logit(p) + half / (p * (1.0 - p))), rtol=1e-6)
        else:
            assert_allclose(table["upper"], table["estimate"] + half, rtol=1e-12)


def test_slopes_of_a_linear_model_are_those_of_a_step(no_variance: dict[str, hb.PointFit]) -> None:
    fit = no_variance["linear"]
    names = ["estimate", "se"]
    small, step = (
        verb(fit, DATA, "x", by="a", **NONE).table for verb in (hb.slopes, hb.comparisons)
    )
    assert_allclose(small[names], step[names], rtol=1e-8)
    assert_allclose(step["se"][0], np.sqrt(fit.vcov().loc["x", "x"]), rtol=1e-10)


def _henderson(fit: hb.PointFit) -> tuple[Array, Array]:
    """Columns of γ and of every u, (n, p + Σ J q), and the covariance of their errors.

    Of u = Lb with standard normal b, so that G may be singular.
    """
    rows, p = fit.design.rows, fit.design.rows.X.shape[1]
    parts, turns = [rows.X], [np.eye(p)]
    for codes, at, factor in zip(rows.codes_of, fit.design.spans, fit.design.factors, strict=True):
        levels = np.eye(factor.J)[codes]
        parts.append(np.einsum("nj,nq->njq", levels, rows.Z[:, at]).reshape(rows.n, -1))
        turns.append(np.kron(np.eye(factor.J), fit.theta.root[0, 0][at, at]))
    W, turn = np.hstack(parts), block_diag(*turns)
    penalty = np.diag(np.r_[np.zeros(p), np.full(len(turn) - p, fit.sigma**2)])
    inner = W @ turn
    return W, turn @ (fit.sigma**2 * np.linalg.inv(inner.T @ inner + penalty)) @ turn.T


def test_errors_given_the_groups_are_those_of_hendersons_equations(
    fit: hb.PointFit, small_data: pd.DataFrame
) -> None:
    W, cov = _henderson(fit)
    a = W.mean(axis=0)
    table = hb.predictions(fit, by=True).table
    assert_allclose(table["estimate"], fit.predict().mean(), rtol=1e-12)
    assert_allclose(table["se"], np.sqrt(a @ cov @ a), rtol=1e-9)
    by_row = hb.predictions(fit, small_data).table
    assert_allclose(by_row["se"], fit.predict(prob=0.9)["se"], rtol=1e-9)
    slope = hb.slopes(fit, small_data, "x").table
    moved = [small_data.assign(x=small_data["x"] + 1.0), small_data]
    expected = np.subtract(*(fit.predict(one).mean() for one in moved))
    assert_allclose(slope["estimate"], expected, rtol=1e-9)
    slopes = np.zeros(W.shape[1])
    slopes[1] = 1.0
    share = np.bincount(fit.design.rows.codes) / len(W)
    slopes[len(fit.gamma) + 1 :: 2] = share
    assert_allclose(slope["se"], np.sqrt(slopes @ cov @ slopes), rtol=1e-7)


def test_errors_given_the_groups_of_several_factors() -> None:
    rng = np.random.default_rng(4)
    a, b = (one.ravel().repeat(3) for one in np.meshgrid(np.arange(6), np.arange(5)))
    x = rng.normal(size=len(a))
    y = 1.0 + x + rng.normal(size=6)[a] * (1 + x) + rng.normal(size=5)[b] + rng.normal(size=len(a))
    data = pd.DataFrame({"y": y, "x": x, "a": a, "b": b, "half": x > 0.0})
    crossed = hb.Model("y ~ x + (x || a) + (1 | b)", data=data).reml()
    W, cov = _henderson(crossed)
    table = hb.predictions(crossed, data, by="half").table
    for k, half in enumerate((False, True)):
        mean = W[x > 0.0 if half else x <= 0.0].mean(axis=0)
        assert_allclose(table["se"][k], np.sqrt(mean @ cov @ mean), rtol=1e-8)


def test_averages_of_a_family_have_the_spread_of_joint_draws() -> None:
    fit = family_fits.bernoulli()
    table = hb.predictions(fit, by=True).table
    drawn = fit.predict_draws(draws=4000, seed=3).mean("obs").to_numpy()[0]
    assert_allclose(table["estimate"], fit.predict().mean(), rtol=1e-12)
    # linear to within a few percent of the standard error, and the noise of 4000 draws
    assert_allclose(table["se"], drawn.std(), rtol=0.03 + 6 / np.sqrt(8000))


def test_rows_of_a_family_have_the_errors_of_their_predictions() -> None:
    """Of one factor and of two, with and without the effects of one."""
    counts = family_fits.counts()
    for effects in ("all", "none", "h"):
        table = hb.predictions(counts, effects=effects, kind="linear").table
        expected = counts.predict(effects=effects, kind="linear", prob=0.95)
        assert_allclose(table["se"], expected["se"], rtol=1e-8)
        assert_allclose(table["lower"], expected["lower"], rtol=1e-8)
    mean, expected = hb.predictions(counts).table, counts.predict(prob=0.95)
    assert_allclose(mean["se"], expected["se"], rtol=1e-5)
    for end in ("lower", "upper"):
        assert_allclose(mean[end], expected[end], rtol=1e-8)


def test_limits_of_averages_stay_in_the_range_of_the_response() -> None:
    """Symmetric on the log scale of a positive mean, on the logit scale of a probability."""
    table = hb.predictions(family_fits.counts(), by=True, prob=0.9999999).table.loc[0]
    assert table["lower"] > 0.0
    assert_allclose(table["lower"] * table["upper"], table["estimate"] ** 2, rtol=1e-12)
    share = hb.predictions(family_fits.bernoulli(), by=True, prob=0.9999999)
    found = share.table.loc[0]
    assert 0.0 < found["lower"] < found["upper"] < 1.0
    middle = logit(found[["lower", "upper"]].to_numpy(dtype=float)).mean()
    assert_allclose(middle, logit(found["estimate"]), rtol=1e-6)
    assert "normal on the logit scale" in share.table.attrs["limits"]


def test_numbered_groups_are_compared_as_labels() -> None:
    data = family_fits.DATA
    fit = hb.Model("k ~ x + cvar(x, g) + (1 | g)", data=data).reml()
    table = hb.comparisons(fit, data, {"g": [0, 3]}).table
    moved = [fit.predict(data.assign(g=g)).mean() for g in (3, 0)]
    assert_allclose(table["estimate"][0], moved[0] - moved[1], rtol=1e-9)
    assert hb.comparisons(fit, data, "g").table["contrast"].tolist() == [
        f"{g} - 0" for g in range(1, 12)
    ]
    assert hb.predictions(fit, data, variables="g", by=True).table["g"].tolist() == list(range(12))


def test_a_value_that_is_stated_twice_counts_once(
    fit: hb.PointFit, small_data: pd.DataFrame
) -> None:
    table = hb.predictions(fit, small_data, variables={"x": [0, 0, 2]}, by=True).table
    assert table["x"].tolist() == [0, 2]
    assert hb.datagrid(fit, small_data, x=[1, 1])["x"].tolist() == [1]


def test_new_groups_are_averaged_over() -> None:
    """A lognormal mean; of a Gaussian response that of u = 0."""
    counts = family_fits.counts()
    rows = family_fits.DATA.head(3)
    held = hb.predictions(counts, rows, effects="none").table
    averaged = hb.predictions(counts, rows, effects="new").table
    factor = np.exp(0.5 * np.trace(counts.G))
    for name in ("estimate", "se"):
        assert_allclose(averaged[name], factor * held[name], rtol=1e-7)
    ratio = hb.comparisons(counts, rows, "x", effects="new", comparison="lnratio").table
    assert_allclose(ratio["se"], np.sqrt(counts.vcov().loc["x", "x"]), rtol=1e-2)


def test_gaussian_new_groups_are_at_no_effect(fit: hb.PointFit, small_data: pd.DataFrame) -> None:
    held = hb.comparisons(fit, small_data, effects="none")
    averaged = hb.comparisons(fit, small_data, effects="new")
    pd.testing.assert_frame_equal(held.table, averaged.table, check_flags=False)
    assert "which is at u = 0" in averaged.table.attrs["effects"]
    assert held.table["term"].tolist() == ["x", "w"]
    assert_allclose(held.table["se"], np.sqrt(np.diag(fit.vcov()))[1:], rtol=1e-10)


def test_margins_of_a_posterior_are_those_of_its_draws() -> None:
    fit = family_fits.posterior()
    table = hb.comparisons(fit, family_fits.DATA, "x", effects="none", prob=0.8).table
    gamma = fit.gamma_draws.reshape(-1, 2)
    x = family_fits.DATA["x"].to_numpy()
    sides = [expit(gamma[:, :1] + gamma[:, 1:] * (x + half)) for half in (0.5, -0.5)]
    drawn = (sides[0] - sides[1]).mean(axis=1)
    expected = [drawn.mean(), drawn.std(ddof=1), *np.quantile(drawn, (0.1, 0.9))]
    found = table[["estimate", "se", "lower", "upper"]].iloc[0]
    assert_allclose(found.to_numpy(dtype=float), expected, rtol=1e-12)
    assert table["above"][0] == (drawn > 0.0).mean()
    given = hb.predictions(fit, family_fits.DATA, by="h").table
    each = fit.predict_draws().to_numpy()[0]
    by_h = [each[:, family_fits.DATA["h"] == h].mean() for h in range(4)]
    assert_allclose(given["estimate"], by_h, rtol=1e-12)


def test_new_groups_of_a_posterior_are_integrated_draw_by_draw() -> None:
    fit = family_fits.posterior()
    row = family_fits.DATA.head(1)
    table = hb.predictions(fit, row, effects="new").table
    eta = fit.gamma_draws.reshape(-1, 2) @ [1.0, row["x"].iloc[0]]
    z, step = np.linspace(-9.0, 9.0, 2001, retstep=True)
    spread = np.sqrt(fit.theta.G[..., 0, 0]).reshape(-1, 1)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    p = (expit(eta[:, None] + spread * z) * density).sum(axis=1) * step
    assert_allclose(table["estimate"], p.mean(), rtol=1e-5)
    assert_allclose(table["se"], p.std(ddof=1), rtol=1e-3)


def test_a_gaussian_posterior(small_posterior: hb.PosteriorFit, small_data: pd.DataFrame) -> None:
    table = hb.comparisons(small_posterior, small_data, "x").table
    up, down = (
        small_posterior.predict_draws(small_data.assign(x=small_data["x"] + half)).mean("obs")
        for half in (0.5, -0.5)
    )
    drawn = (up - down).to_numpy()
    assert_allclose(table["estimate"], drawn.mean(), rtol=1e-9)
    assert_allclose(table["above"], (drawn > 0.0).mean(), rtol=1e-12)


def test_group_means_stay_or_move(small_data: pd.DataFrame) -> None:
    """Within groups at remembered means, and within and between at means of their own."""
    fit = hb.Model("y ~ x + cvar(x, g) + (1 | g)", data=small_data).reml()
    gamma = fit.fixef()
    within = hb.comparisons(fit, small_data, "x", **NONE).table
    both = hb.comparisons(fit, small_data, "x", group_means="own", **NONE).table
    assert_allclose(within["estimate"], gamma["x"], rtol=1e-9)
    assert_allclose(both["estimate"], gamma["x"] + gamma["cvar(x, g)"], rtol=1e-9)


def test_rows_are_set_to_values(fit: hb.PointFit, small_data: pd.DataFrame) -> None:
    table = hb.predictions(fit, small_data, variables={"x": [0, 2]}, by=True, **NONE).table
    assert table["x"].tolist() == [0, 2]
    assert_allclose(np.diff(table["estimate"]), 2.0 * fit.fixef()["x"], rtol=1e-10)
    by_row = hb.predictions(fit, small_data, variables={"x": [0, 2]}, **NONE).table
    assert len(by_row) == 2 * len(small_data)


def test_a_grid_holds_what_is_not_stated(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses * Sector + Sex + (1 + ses | school)", data=hs)
    grid = hb.datagrid(model, Sector=["Catholic", "Public"], ses=lambda x: [x.min(), 0.0])
    assert grid.columns.tolist() == ["Sector", "ses", "Sex"]
    assert grid["ses"].tolist() == [hs["ses"].min(), 0.0] * 2
    assert set(grid["Sex"]) == {hs["Sex"].mode()[0]}
    assert hb.datagrid(model).shape == (1, 3)
    assert_allclose(hb.datagrid(model)["ses"], hs["ses"].mean())
    of_means = hb.Model("mathach ~ ses + cvar(ses, school) + (1 | school)", data=hs)
    assert set(hb.datagrid(of_means)["school"]) == {hs["school"].mode()[0]}
    assert hb.datagrid(model, school=["1906", "2305"])["school"].tolist() == ["1906", "2305"]
    with pytest.raises(
        hb.DataError, match=r"^'Nope' is no level of 'Sector'; they are: Catholic, P"
    ):
        hb.datagrid(model, Sector=["Catholic", "Nope"])


def test_the_page_says_what_was_averaged(fit: hb.PointFit, small_data: pd.DataFrame) -> None:
    found = hb.comparisons(fit, small_data, "x", effects="none")
    assert str(found).splitlines()[:7] == [
        "Comparisons, REML",
        "  Model:  y ~ 1 + x + w + (1 + x | g)",
        "  Data:   60 rows, 8 groups (g)",
        "  Of:     the expected y",
        "  Mean:   over 60 rows",
        "  Groups: none: of groups whose u is 0",
        "  Limits: 95%, normal, standard errors by the delta method given the REML estimates of θ",
    ]
    assert found.table.attrs["averaged"] == "over 60 rows"
    by_w = hb.predictions(fit, small_data.assign(high=small_data["w"] > 0.0), by="high")
    assert by_w.table.attrs["averaged"].endswith("rows of each 'high'")


ROW = {"x": [0.0], "w": [0.0], "g": ["zz"]}


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda fit, data: hb.predictions(fit, by="w"), "a fit keeps none; hand them over"),
        (lambda fit, data: hb.predictions(fit, data, by="v"), "there is no column 'v'"),
        (
            lambda fit, data: hb.predictions(fit, data, effects="some"),
            "effects must be one of 'all', 'none', 'new', not 'some'",
        ),
        (
            lambda fit, data: hb.predictions(fit, data, kind="response"),
            "kind must be one of 'mean', 'linear', 'probability', not 'response'",
        ),
        (lambda fit, data: hb.predictions(fit, data, kind="probability"), "leave it out"),
        (
            lambda fit, data: hb.predictions(fit, pd.DataFrame(ROW)),
            "row 0 of newdata is in no group of 'g' that the fit has seen; effects='new'",
        ),
        (
            lambda fit, data: hb.predictions(fit, variables={"x": [1]}),
            "variables needs the columns of the rows",
        ),
        (
            lambda fit, data: hb.predictions(fit, data, variables="x"),
            "say at which values, as in variables={'x': [0, 1]}",
        ),
        (lambda fit, data: hb.comparisons(fit, data, "y"), "the model does not read 'y'"),
        (
            lambda fit, data: hb.comparisons(fit, data, {"x": "reference"}),
            "'x' is a number, and is varied by a step, two values [lo, hi] or one of 'sd'",
        ),
        (
            lambda fit, data: hb.comparisons(fit, data, comparison="odds"),
            "comparison must be one of 'difference', 'ratio'",
        ),
        (lambda fit, data: hb.slopes(fit, data, MAPPING), "slopes() takes names of variables"),
        (lambda fit, data: hb.datagrid(fit, x=[0]), "a fit keeps no columns of its data"),
        (lambda fit, data: hb.datagrid(fit, data, y=[0]), "the model does not read 'y'"),
        (lambda fit, data: hb.datagrid(data), "datagrid() takes a model or a fit, not DataFrame"),
        (lambda fit, data: hb.predictions(data), "predictions"),
        (
            lambda fit, data: hb.datagrid(fit, data, x=[0, np.nan]),
            "a value that is stated of 'x' is missing",
        ),
        (lambda fit, data: hb.datagrid(fit, data, x="a"), "'x' is a number, and 'a' is not"),
        (
            lambda fit, data: hb.predictions(fit, data, variables={"x": []}),
            "no value of 'x' is stated",
        ),
        (lambda fit, data: hb.predictions(fit, data, variables={}), "variables names no column"),
        (lambda fit, data: hb.comparisons(fit, data, {"x": [1, 1]}), "the same value"),
        (
            lambda fit, data: hb.comparisons(fit, data, "g", effects="new"),
            "with effects='new' the effects of the groups of 'g' are not counted, and nothing "
            "changes with it; effects='all' compares the groups of the fit",
        ),
        (
            lambda fit, data: hb.comparisons(fit, data, "g", effects="none"),
            "with effects='none' the effects of the groups of 'g' are not counted",
        ),
        (lambda fit, data: hb.comparisons(fit, data.head(1), {"x": "sd"}), "no standard deviation"),
        (
            lambda fit, data: hb.slopes(fit, data.assign(x=data["x"].mask(data.index < 2)), "x"),
            "'x' is missing in 2 of the new rows",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(
    fit: hb.PointFit, small_data: pd.DataFrame, ask: Callable[[Any, Any], object], words: str
) -> None:
    with pytest.raises(hb.HierbayesError) as refusal:
        ask(fit, small_data)
    assert words in str(refusal.value)


def test_what_is_expected_asks_for_no_variances_of_errors(small_data: pd.DataFrame) -> None:
    """At times between those of the fit the mean is known, and the variance is not."""
    data = small_data.assign(t=small_data.index % 3, id=small_data.index // 3)
    structure = hb.residuals.Unstructured("t", group="id")
    fit = hb.Model("y ~ t", data, residual=structure).reml()
    new = data.head(2).assign(t=0.5)
    assert_allclose(fit.predict(new), fit.gamma[0] + 0.5 * fit.gamma[1])
    assert_allclose(fit.predict(new, prob=0.9)["predicted"], fit.predict(new))
    assert_allclose(hb.slopes(fit, data, "t").table["estimate"], fit.gamma[1])
    with pytest.raises(hb.DataError, match=r"^the fit has no occasion t = 0.5; it has: 0, 1, 2"):
        fit.predict(new, prob=0.9, kind="response")
    with pytest.raises(hb.FormulaError, match=r"^contextual\(\) is made for random effects"):
        fit.contextual("t")


# ------------------------------------------------------------------ the dispersion in the mean

CLM_SE = [  # predict(clm(rating ~ temp + contact, wine), type = "prob", se.fit = TRUE), contact no
    [0.08481920, 0.08683884, 0.06388672, 0.01380264, 0.00482850],
    [0.01319147, 0.07233205, 0.07498381, 0.06761012, 0.03777829],
]  # fmt: skip


LIMITS = ["se", "lower", "upper"]


def test_thresholds_are_uncertain_as_in_clm() -> None:
    wine = hb.load_dataset("wine")
    fit = hb.Model("rating ~ temp + contact", wine, family="cumulative").ml()
    grid = pd.DataFrame({"temp": ["cold", "warm"], "contact": "no"})
    found = hb.predictions(fit, grid, effects="none", kind="probability")
    assert_allclose(found.table["se"].to_numpy().reshape(2, 5), CLM_SE, rtol=2e-4)
    assert found.table.attrs["limits"].endswith("given the ML estimates of variances")
    own = fit.predict(grid, effects="none", scale="probability", prob=0.95)
    assert_allclose(own[LIMITS], found.table[LIMITS], rtol=1e-12)
    assert own.attrs["method"].endswith(
        "given the ML estimates of variances: normal on the logit scale, standard errors by the "
        "delta method, those of the dispersion included"
    )


def test_what_moves_with_the_dispersion_has_the_slopes_of_a_sample_of_it() -> None:
    rng = np.random.default_rng(4)
    g, x = np.repeat(np.arange(12), 20), rng.normal(size=240)
    y = rng.poisson(np.exp(0.8 + 0.3 * x + 0.5 * rng.normal(size=12)[g]))
    data = pd.DataFrame({"y": np.where(rng.random(240) < 0.3, 0, y), "x": x, "g": g.astype(str)})
    family = hb.families.ZeroInflated(hb.families.Poisson(), "~ x")
    fit = hb.Model("y ~ x + (1 | g)", data, family=family).ml()
    assert isinstance(fit, FamilyPointFit)
    grid = pd.DataFrame({"x": [-1.0, 1.0], "g": "0"})
    V = covariance_with_dispersion(fit.optimum, fit.bend, fit.scale, fit.unbounded)
    drawn = rng.multivariate_normal(np.append(fit.gamma, fit.phi), V, size=20_000)
    sides = np.array([-1.0, 1.0])
    mean = np.exp(drawn[:, [0]] + drawn[:, [1]] * sides)
    mean = mean / (1.0 + np.exp(drawn[:, [2]] + drawn[:, [3]] * sides))
    found = hb.predictions(fit, grid, effects="none").table
    assert_allclose(found["se"], mean.std(axis=0), rtol=0.06)
    own = hb.predictions(fit, grid).table  # û moves with the dispersion
    assert_allclose(fit.predict(grid, prob=0.95)[LIMITS], own[LIMITS], rtol=1e-12)
    assert (own["se"] > 0.3 * found["se"]).all()
