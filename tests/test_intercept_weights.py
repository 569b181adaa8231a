"""What the intercept estimates: weights of groups in it, and codings by weights."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.frames.arrays import Floats
from tests.conftest import Cache

# ---------------------------------------------------------------- the one-way model


@pytest.fixture(scope="module")
def oneway(models: Cache[hb.Model]) -> hb.InterceptWeights:
    return hb.intercept_weights(models["oneway"], "Size")


def test_gls_is_that_of_the_slides(oneway: hb.InterceptWeights) -> None:
    row = oneway.estimates.loc["model"]
    assert row["estimate"] == pytest.approx(12.60468, abs=5e-6)
    assert row["se"] == pytest.approx(0.4711941, abs=5e-8)


def test_other_weights_are_the_means_they_are_named_for(
    oneway: hb.InterceptWeights, hs: pd.DataFrame
) -> None:
    estimate = oneway.estimates["estimate"]
    schools = hs.groupby("school", observed=True)
    means, sizes = schools["mathach"].mean(), schools["Size"].first()
    assert estimate["equal"] == pytest.approx(means.mean(), rel=1e-12)
    assert estimate["sample_size"] == pytest.approx(hs["mathach"].mean(), rel=1e-12)
    assert estimate["size_share"] == pytest.approx((sizes * means).sum() / sizes.sum(), rel=1e-12)
    assert_allclose(oneway.table["mean"], means, rtol=1e-12)


def test_both_standard_errors_are_those_of_the_slides(
    oneway: hb.InterceptWeights, reml_fits: Cache[hb.Fit]
) -> None:
    fit, table = reml_fits["oneway"], oneway.table
    g, sigma2 = float(fit.theta.G[0, 0, 0, 0]), fit.sigma**2
    best = 1 / (g + sigma2 / table["n"])
    assert_allclose(table["model"], best / best.sum(), rtol=1e-10)
    for scheme in ("equal", "sample_size", "size_share", "model"):
        w, row = table[scheme], oneway.estimates.loc[scheme]
        assert w.sum() == pytest.approx(1.0, rel=1e-12)
        given = float((w**2 * sigma2 / table["n"]).sum())
        assert row["se_given_groups"] == pytest.approx(np.sqrt(given), rel=1e-9)
        mixed = float((w**2 * (g + sigma2 / table["n"])).sum())
        assert row["se"] == pytest.approx(np.sqrt(mixed), rel=1e-9)
    assert oneway.estimates["se_given_groups"].idxmin() == "sample_size"
    assert oneway.estimates["se"].idxmin() == "model"


def test_it_prints_and_draws(oneway: hb.InterceptWeights) -> None:
    text = str(oneway)
    assert text.startswith("What the intercept estimates\n  Model:  mathach ~ 1 + (1 | school)")
    assert "11% of the way from equal ones (the mean of schools) to shares of the rows" in " ".join(
        text.split()
    )
    frame = oneway.frame
    assert list(frame) == ["group", "n", "scheme", "weight"]
    assert len(frame) == 4 * 40
    of_first = frame[frame["group"] == "1317"].set_index("scheme")["weight"]
    assert_allclose(of_first["model"], oneway.table.loc["1317", "model"])
    assert of_first.index.tolist() == ["equal", "sample_size", "size_share", "model"]


# ---------------------------------------------------------------- g00 against σ²


def one_way_data(between: float, within: float) -> pd.DataFrame:
    """Groups of 2, 5, 9, 14, 20 and 30 rows, their means and residuals exactly as wide."""
    rng = np.random.default_rng(5)
    sizes = [2, 5, 9, 14, 20, 30]
    codes = np.repeat(np.arange(6), sizes)
    noise = rng.normal(size=len(codes))
    noise -= (np.bincount(codes, noise) / sizes)[codes]
    levels = np.array([-1.0, 0.4, 1.3, -0.2, 0.9, -1.4])
    return pd.DataFrame({"y": between * levels[codes] + within * noise, "g": codes})


@pytest.mark.parametrize(
    ("between", "within", "nearest"), [(100.0, 0.1, "equal"), (0.01, 10.0, "sample_size")]
)
def test_weights_go_to_the_two_means(between: float, within: float, nearest: str) -> None:
    model = hb.Model("y ~ 1 + (1 | g)", data=one_way_data(between, within))
    table = hb.intercept_weights(model).table
    assert_allclose(table["model"], table[nearest], rtol=1e-4)


@pytest.mark.parametrize("within", [0.5, 2.0, 4.0])
def test_weights_lie_between_the_two(within: float) -> None:
    """w_j/w_k lies between 1 and n_j/n_k for every two groups."""
    model = hb.Model("y ~ 1 + (1 | g)", data=one_way_data(1.0, within))
    table = hb.intercept_weights(model).table
    w, n = table["model"].to_numpy(), table["n"].to_numpy()
    larger = np.triu_indices(len(n), 1)
    ratio = w[larger[1]] / w[larger[0]]
    assert (ratio > 1.0).all()
    assert (ratio < n[larger[1]] / n[larger[0]]).all()


# ---------------------------------------------------------------- other models


def rows_weights(fit: hb.Fit) -> Floats:
    """Weights of the rows in the intercept, from dense matrices."""
    d = fit.design
    same = d.rows.codes[:, None] == d.rows.codes
    V = d.rows.Z @ fit.theta.G[0, 0] @ d.rows.Z.T * same + fit.sigma**2 * np.eye(d.n)
    VX = np.linalg.solve(V, d.rows.X)
    weights: Floats = np.linalg.solve(d.rows.X.T @ VX, VX.T)[d.terms.index("Intercept")]
    return weights


@pytest.mark.parametrize(
    "name",
    ["means_as_outcomes", "ancova", "random_coefficients", "intercepts_slopes", "contextual_raw"],
)
@pytest.mark.slow
def test_weights_of_other_models_against_dense_matrices(
    name: str, reml_fits: Cache[hb.Fit]
) -> None:
    fit = reml_fits[name]
    found, rows = hb.intercept_weights(fit), rows_weights(fit)
    assert_allclose(found.table["model"], np.bincount(fit.design.rows.codes, rows), atol=1e-10)
    assert found.table["model"].sum() == pytest.approx(1.0, rel=1e-9)
    row = found.estimates.loc["model"]
    assert row["estimate"] == pytest.approx(fit.fixef()["Intercept"], rel=1e-10)
    assert row["se"] == pytest.approx(np.sqrt(fit.vcov().loc["Intercept", "Intercept"]), rel=1e-9)
    assert row["se_given_groups"] == pytest.approx(fit.sigma * np.sqrt(rows @ rows), rel=1e-7)


def test_a_shift_of_one_group_moves_the_intercept_by_its_weight(small_data: pd.DataFrame) -> None:
    fit = hb.Model("y ~ x + w", "~ 1 | g", data=small_data).ml()
    weights = hb.intercept_weights(fit).table["model"]
    rows = rows_weights(fit)
    shifted = small_data["y"] + (small_data["g"] == "c")
    moved = rows @ shifted.to_numpy() - fit.fixef()["Intercept"]
    assert moved == pytest.approx(weights["c"], rel=1e-8)


def test_means_of_own_intercepts_of_random_coefficients(
    reml_fits: Cache[hb.Fit], hs: pd.DataFrame
) -> None:
    fit = reml_fits["random_coefficients"]
    found = hb.intercept_weights(fit).estimates.loc["equal"]
    lines = {school: np.polyfit(d["ses"], d["mathach"], 1, cov="unscaled")
             for school, d in hs.groupby("school", observed=True)}  # fmt: skip
    own = np.array([line[0][1] for line in lines.values()])
    error = fit.sigma**2 * np.array([line[1][1, 1] for line in lines.values()])
    assert found["estimate"] == pytest.approx(own.mean(), rel=1e-9)
    assert found["se_given_groups"] == pytest.approx(np.sqrt(error.sum()) / 40, rel=1e-9)
    total = error + fit.theta.G[0, 0, 0, 0]
    assert found["se"] == pytest.approx(np.sqrt(total.sum()) / 40, rel=1e-9)


def test_groups_of_the_other_level_have_no_weight(
    reml_fits: Cache[hb.Fit], hs: pd.DataFrame
) -> None:
    found = hb.intercept_weights(reml_fits["means_as_outcomes"])
    sector = hs.groupby("school", observed=True)["Sector"].first()
    assert (found.table["model"][sector == "Public"] == 0.0).all()
    assert found.estimates.index.tolist() == ["model"]
    assert "19 of 40 have no weight" in str(found)
    assert "other weights are not compared" in str(found)


def test_groups_too_small_for_a_line_of_their_own(small_data: pd.DataFrame) -> None:
    data = small_data[(small_data["g"] != "a") | (small_data.index == 0)]
    found = hb.intercept_weights(hb.Model("y ~ x", "~ 1 + x | g", data=data))
    assert found.estimates.loc[["equal", "sample_size"]].isna().all(axis=None)
    assert found.table["model"].sum() == pytest.approx(1.0, rel=1e-9)
    assert "other weights have no estimate" in str(found)


def test_a_posterior_averages_over_its_draws(small_data: pd.DataFrame, small: hb.Model,
                                             small_posterior: hb.Fit) -> None:  # fmt: skip
    found = hb.intercept_weights(small_posterior)
    d = small.problem.design
    G, sigma = small_posterior.theta.G.reshape(-1, 2, 2), small_posterior.theta.sigma.ravel()
    same = d.rows.codes[:, None] == d.rows.codes
    weights, estimates, variances = [], [], []
    for g, s in zip(G, sigma, strict=True):
        VX = np.linalg.solve(d.rows.Z @ g @ d.rows.Z.T * same + s**2 * np.eye(d.n), d.rows.X)
        inverse = np.linalg.inv(d.rows.X.T @ VX)
        rows = inverse[0] @ VX.T
        weights.append(np.bincount(d.rows.codes, rows))
        estimates.append(rows @ d.rows.y)
        variances.append(inverse[0, 0])
    assert_allclose(found.table["model"], np.mean(weights, axis=0), rtol=1e-7)
    row = found.estimates.loc["model"]
    assert row["estimate"] == pytest.approx(np.mean(estimates), rel=1e-9)
    total = np.mean(variances) + np.var(estimates, ddof=1)
    assert row["se"] == pytest.approx(np.sqrt(total), rel=1e-8)
    assert "averaged over the draws" in str(found)


# ---------------------------------------------------------------- sizes, and refusals


def test_sizes_in_every_spelling(models: Cache[hb.Model], hs: pd.DataFrame) -> None:
    by_school = hs.groupby("school", observed=True)["Size"].first()
    fit = models["oneway"].reml()
    expected = hb.intercept_weights(models["oneway"], "Size").table
    for found in (
        hb.intercept_weights(fit, by_school[::-1]),
        hb.intercept_weights(fit, by_school.to_dict()),
        hb.intercept_weights(fit, "Size", data=hs),
    ):
        pd.testing.assert_frame_equal(found.table, expected)
    assert "size" not in hb.intercept_weights(fit).table


@pytest.mark.parametrize(
    ("size", "data", "message"),
    [
        (
            "Size",
            False,
            "a fit does not keep the column 'Size': give data=..., or the sizes themselves as a "
            "Series by school",
        ),
        ("size", True, "there is no column 'size' in the data"),
        ("ses", True, "'ses' varies within school 1317; a size is one number for each school"),
        (
            {"1317": 3},
            False,
            "group '1906' has no positive weight; give a number above 0 for each group",
        ),
        (
            [1, 2],
            False,
            "weights must be 'equal', 'sample size' or a Series of numbers by group, not list",
        ),
    ],
)
def test_sizes_that_cannot_be_are_refused(
    size: Any, data: bool, message: str, reml_fits: Cache[hb.Fit], hs: pd.DataFrame
) -> None:
    with pytest.raises(hb.DataError, match=f"^{re.escape(message)}$"):
        hb.intercept_weights(reml_fits["oneway"], size, data=hs if data else None)


def test_models_without_intercept_are_refused(hs: pd.DataFrame) -> None:
    message = (
        "the fixed part '0 + Sector' has no intercept, so that there is none to weigh; write it "
        "with '1'"
    )
    with pytest.raises(hb.HypothesisError, match=f"^{re.escape(message)}$"):
        hb.intercept_weights(hb.Model("mathach ~ 0 + Sector + (1 | school)", data=hs))


# ---------------------------------------------------------------- codings


def least_squares_intercept(coding: pd.DataFrame, data: pd.DataFrame) -> float:
    columns = coding.loc[data["school"]].to_numpy()
    X = np.column_stack([np.ones(len(data)), columns / np.abs(columns).max()])
    return float(np.linalg.lstsq(X, data["mathach"], rcond=None)[0][0])


@pytest.mark.parametrize("scheme", ["equal", "sample size", "school size"])
def test_the_intercept_of_a_coding_is_the_weighted_mean(scheme: str, hs: pd.DataFrame) -> None:
    schools = hs.groupby("school", observed=True)
    means, size = schools["mathach"].mean(), schools["Size"].first()
    weights = {"equal": 0 * size + 1, "sample size": schools.size(), "school size": size}[scheme]
    coding = hb.group_coding(hs["school"], size if scheme == "school size" else scheme)
    expected = float((weights * means).sum() / weights.sum())
    assert coding.shape == (40, 39)
    assert least_squares_intercept(coding, hs) == pytest.approx(expected, rel=1e-10)
    assert_allclose(weights @ coding, 0.0, atol=1e-9)


def test_codings_are_those_of_the_slides(hs: pd.DataFrame) -> None:
    n = hs.groupby("school", observed=True).size().to_numpy()
    equal, sample = hb.group_coding(hs["school"]), hb.group_coding(hs["school"], "sample size")
    assert (equal.sum() == 0.0).all()
    assert (sample.loc[hs["school"]].sum() == 0.0).all()
    assert_allclose(sample.to_numpy(), np.vstack([n[-1] * np.eye(39), -n[:-1]]))
    assert sample.columns.tolist() == sample.index[:-1].tolist()


@pytest.mark.parametrize(
    ("groups", "weights", "message"),
    [
        (["a", "a"], "equal", "a coding needs at least two groups, and there is 1"),
        (
            pd.DataFrame({"school": ["a", "b"]}),
            "equal",
            "groups must be a label for each row, as in data['school'], not a table",
        ),
        (["a", None, "b"], "equal", "the group of 1 rows is missing; leave them out"),
        (
            ["a", "b"],
            "size",
            "weights must be 'equal', 'sample size' or a number for each group, not 'size'",
        ),
        (
            ["a", "b"],
            {"a": 1, "b": -2},
            "group 'b' has no positive weight; give a number above 0 for each group",
        ),
        (
            ["a", "b"],
            pd.Series([1, 2, 3], index=["a", "b", "a"]),
            "group 'a' has more than one weight; give one for each group",
        ),
    ],
)
def test_codings_that_cannot_be_are_refused(groups: Any, weights: Any, message: str) -> None:
    with pytest.raises(hb.DataError, match=f"^{re.escape(message)}$"):
        hb.group_coding(groups, weights)
