"""What a model explains, against R, and from draws."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.errors import HypothesisError
from hierbayes.studies.sensitivity.effect_quantities import R2
from tests.conftest import MODELS, Cache
from tests.test_hard_data import rows_of, simulate

CASES = [(name, engine) for name in MODELS for engine in ("REML", "ML")]


@pytest.mark.parametrize(("name", "engine"), CASES)
@pytest.mark.slow
def test_shares_are_those_of_r(
    name: str,
    engine: str,
    diagnostics: dict[str, Any],
    reml_fits: Cache[hb.Fit],
    ml_fits: Cache[hb.Fit],
) -> None:
    fit = {"REML": reml_fits, "ML": ml_fits}[engine][name]
    result, golden = hb.variance_explained(fit), diagnostics["models"][name]
    shares, parts = result.shares["estimate"], result.components["estimate"]
    theirs = golden[engine]["nakagawa"]
    assert_allclose(shares["icc"], theirs["icc_adjusted"], atol=1e-7)
    assert_allclose(shares["R2 marginal"], theirs["r2_marginal"], atol=1e-7)
    assert_allclose(shares["R2 conditional"], theirs["r2_conditional"], atol=1e-7)
    fixed = parts["fixed part, within groups"] + parts["fixed part, between groups"]
    assert_allclose(fixed, theirs["var_fixed_n_minus_1"], rtol=1e-6, atol=1e-12)
    assert_allclose(parts["random effects"], theirs["var_random_mean"], rtol=1e-6)
    assert_allclose(parts["residual"], theirs["sigma2"], rtol=1e-6)
    assert_allclose(parts["total"], parts.iloc[:4].sum(), rtol=1e-12)
    if engine == "REML" and "performance" in golden:
        other = golden["performance"]
        assert_allclose(shares["icc"], other["icc"], atol=1e-7)
        assert_allclose(shares["R2 marginal"], other["r2_marginal"], atol=1e-7)
        assert_allclose(shares["R2 conditional"], other["r2_conditional"], atol=1e-7)


@pytest.mark.parametrize(("name", "engine"), CASES)
def test_reductions_are_those_of_r(
    name: str,
    engine: str,
    diagnostics: dict[str, Any],
    reml_fits: Cache[hb.Fit],
    ml_fits: Cache[hb.Fit],
) -> None:
    fit = {"REML": reml_fits, "ML": ml_fits}[engine][name]
    explained = hb.variance_explained(fit).explained
    golden = diagnostics["models"][name][engine]["snijders_bosker"]
    assert_allclose(
        explained["estimate"],
        [
            golden[key]
            for key in ("R2_level1", "R2_level2_harmonic", "R2_level2_mean_n",
                        "raudenbush_bryk_level1", "raudenbush_bryk_level2")
        ],
        atol=1e-7,
    )  # fmt: skip
    assert_allclose(explained["n"].iloc[1:3], [golden["n_harmonic"], golden["n_mean"]], rtol=1e-10)
    for key, value in explained.attrs["variances"].items():
        assert_allclose(value, golden[key], rtol=1e-6)


def test_share_of_ses_between_schools(
    diagnostics: dict[str, Any], reml_fits: Cache[hb.Fit]
) -> None:
    spread = hb.variance_explained(reml_fits["ancova"]).spread
    golden = diagnostics["slope_estimators"]["eta2_ses"]
    assert_allclose(spread.loc["ses", "share_between"], golden, rtol=1e-10)
    assert_allclose(spread["within"] + spread["between"], spread["total"], rtol=1e-12)


def test_spread_from_its_definition() -> None:
    data = simulate([3, 1, 6, 2, 8], (1.0,), seed=3)
    result = hb.variance_explained(hb.Model("y ~ x1 + (1 | g)", data=data).reml())
    for column in ("y", "x1"):
        values, groups = data[column], data.groupby("g")[column]
        within = ((values - groups.transform("mean")) ** 2).sum()
        between = ((groups.transform("mean") - values.mean()) ** 2).sum()
        row = result.spread.loc[column]
        assert_allclose(row[["within", "between"]] * 20, [within, between], rtol=1e-12)
        size = (20 - (9 + 1 + 36 + 4 + 64) / 20) / 4
        B, W = between / 4, within / 15
        assert_allclose(row["icc"], (B - W) / (B + (size - 1) * W), rtol=1e-12)


def test_reliability_from_its_definition() -> None:
    data = simulate([1, 2, 7, 5, 9, 1, 12], (1.0, 0.8), seed=12, corr=0.3)
    fit = hb.Model("y ~ x1", random="~ 1 + x1 | g", data=data).reml()
    table = hb.variance_explained(fit).reliability
    rows, G, s2 = rows_of(fit), fit.theta.G[0, 0], fit.sigma**2
    whole, alone = [], []
    for j in range(7):
        A = rows.Z[rows.codes == j].T @ rows.Z[rows.codes == j]
        # G(G + σ²A⁻¹)⁻¹ without the inverse of A, which two groups do not have
        whole.append(np.diag(G @ np.linalg.solve(s2 * np.eye(2) + A @ G, A)))
        if rows.codes.tolist().count(j) > 1:
            error = s2 * np.diag(np.linalg.inv(A))
            alone.append(np.diag(G) / (np.diag(G) + error))
    assert_allclose(table["estimate"], np.mean(whole, axis=0), rtol=1e-9)
    assert_allclose(table["own_variance"], np.mean(alone, axis=0), rtol=1e-9)
    assert (table["groups"] == 5).all()


def test_one_effect_has_one_reliability(reml_fits: Cache[hb.Fit]) -> None:
    table = hb.variance_explained(reml_fits["ancova"]).reliability
    assert_allclose(table["estimate"], table["own_variance"], rtol=1e-10)


def test_conditional_icc(reml_fits: Cache[hb.Fit]) -> None:
    fit = reml_fits["intercepts_slopes"]
    shares = hb.variance_explained(fit, at={"ses": 1}).shares["estimate"]
    G = fit.theta.G[0, 0]
    T = G[0, 0] + 2 * G[0, 1] + G[1, 1]
    assert_allclose(shares["icc at ses = 1"], T / (T + fit.sigma**2), rtol=1e-12)


def test_posterior(posterior_hs: hb.Fit) -> None:
    result = hb.variance_explained(posterior_hs, at={"ses": 0}, prob=0.9)
    shares = result.shares
    assert list(shares) == ["estimate", "sd", "lower", "upper"]
    icc = posterior_hs.icc()
    assert_allclose(shares.loc["icc", ["estimate", "sd"]], icc, rtol=1e-12)
    # the quantity of a sensitivity study counts n rows, Nakagawa and Schielzeth's n − 1
    draws = R2().draws(posterior_hs)
    assert_allclose(shares.loc["R2 marginal", "estimate"], draws.mean(), rtol=1e-3)
    lower, upper = np.quantile(draws, [0.05, 0.95])
    assert_allclose(shares.loc["R2 marginal", ["lower", "upper"]], [lower, upper], rtol=2e-3)
    assert (result.components["lower"] < result.components["estimate"]).all()
    assert list(result.reliability)[:4] == ["estimate", "sd", "lower", "upper"]
    assert result.notes[0] == (
        "estimate and sd are the posterior mean and sd, limits enclose 90% equal-tailed"
    )
    assert "by REML, not from the fit's own θ" in result.notes[2]


def test_singular_and_zero_G(hsfull: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses * Sector", random="~ 1 + ses | school", data=hsfull).reml()
    assert np.isfinite(hb.variance_explained(fit).reliability.to_numpy(float)).all()
    zero = hb.Model("y ~ x1 + (1 | g)", data=simulate([4] * 6, (0.0,), seed=1)).reml()
    result = hb.variance_explained(zero)
    assert result.shares.loc["icc", "estimate"] == result.reliability["estimate"].iloc[0] == 0.0


def test_groups_of_one_row() -> None:
    data = simulate([1, 1, 1, 1, 8], (1.0, 0.5), seed=7)
    fit = hb.Model("y ~ x1", random="~ 1 + x1 | g", data=data).reml()
    table = hb.variance_explained(fit).reliability
    assert (table["groups"] == 1).all() and np.isfinite(table["estimate"]).all()


def test_refusals(reml_fits: Cache[hb.Fit]) -> None:
    with pytest.raises(HypothesisError) as wrong:
        hb.variance_explained(None)  # type: ignore[arg-type]
    assert str(wrong.value) == (
        "variance_explained() takes a fit, and this is of type NoneType; fits are what "
        "model.reml(), ml(), map() and sample() return"
    )
    with pytest.raises(hb.DataError) as unknown:
        hb.variance_explained(reml_fits["ancova"], at={"ses": 1})
    with pytest.raises(hb.DataError) as missing:
        hb.variance_explained(reml_fits["random_coefficients"], at={"ses": np.nan})
    assert str(missing.value) == "at must be finite, and 'ses' is nan; give it a number"
    assert str(unknown.value) == ("'ses' is no random column of this model; they are: 'Intercept'")
    with pytest.raises(hb.HierbayesError) as prob:
        hb.variance_explained(reml_fits["ancova"], prob=95)
    assert str(prob.value) == "prob must lie between 0 and 1, not 95"


def test_print(reml_fits: Cache[hb.Fit]) -> None:
    result = hb.variance_explained(reml_fits["random_coefficients"])
    assert repr(result).startswith("Variance explained\n  Model:  ")
    text = " ".join(str(result).split())
    assert "so that one coefficient mixes two slopes: 'ses'; see mundlak()" in text
    assert "<h4>Shares of variance</h4>" in result._repr_html_()


def test_reliability_of_each_group(hs: pd.DataFrame, reml_fits: Cache[hb.Fit]) -> None:
    """λ_j = τ²/(τ² + σ²/n_j) with a random intercept, and the shrinkage of the mean."""
    one = hb.Model("mathach ~ 1 + (1 | school)", data=hs).reml()
    found = hb.variance_explained(one)
    tau2, sigma2 = float(one.G[0, 0]), float(one.sigma) ** 2
    n = hs.groupby("school", observed=True).size()
    by_group = found.by_group.xs("Intercept", level="effect")
    assert_allclose(by_group["lambda"], tau2 / (tau2 + sigma2 / n.loc[by_group.index]), rtol=1e-10)
    assert_allclose(by_group["lambda"], one.shrinkage()["shrinkage[Intercept]"], rtol=1e-10)
    assert (by_group["n"] == n.loc[by_group.index]).all()

    two = hb.variance_explained(reml_fits["intercepts_slopes"])
    means = two.by_group.groupby("effect", sort=False)["lambda"].mean()
    assert_allclose(means, two.reliability["own_variance"], rtol=1e-10)


def test_reliability_of_groups_of_several_factors() -> None:
    eg = hb.load_dataset("egsingle")
    eg = eg[eg["school"].isin(eg["school"].unique()[:4])]
    fit = hb.Model("math ~ year + (1 | school/child)", data=eg).reml()
    table = hb.variance_explained(fit).by_group
    assert table.index.names == ["factor", "group", "effect"]
    G, n = fit.G[1, 1], table.loc["school:child", "n"]
    assert_allclose(
        table.loc["school:child", "lambda"], G / (G + float(fit.sigma) ** 2 / n), rtol=1e-10
    )
