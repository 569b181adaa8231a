"""Shares of variance where the variances of errors are unequal: averaged, and of kinds of rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from tests.test_residual_structures import ROWS

DATA = ROWS.assign(w=1.0 + np.arange(len(ROWS)) % 3, se=0.5 + 0.1 * (np.arange(len(ROWS)) % 4))


@pytest.fixture(scope="module")
def strata() -> hb.Fit:
    return hb.Model("y ~ x + (1 + x | g)", DATA, residual=hr.Strata("sex"), weights="w").reml()


@pytest.fixture(scope="module")
def posterior() -> hb.PosteriorFit:
    priors = {"gamma": hb.Normal(0, 3), "sd": hb.HalfNormal(1), "sigma": hb.HalfNormal(2)}
    model = hb.Model("y ~ x + (1 | g)", DATA, residual=hr.Strata("sex"), priors=priors)
    return model.sample(draws=60, tune=150, chains=2, seed=2, progress=False)


def error_sd(fit: hb.Fit) -> pd.Series:
    """Of each row beside σ, without its weight."""
    (name,) = fit.error_parameters.index  # type: ignore[attr-defined]
    ratio = fit.error_parameters[name]  # type: ignore[attr-defined]
    return DATA["sex"].map(lambda sex: ratio if f"ratio[{sex}]" == name else 1.0).astype(float)


def test_a_share_averages_the_variances_of_errors_over_the_rows(strata: hb.Fit) -> None:
    Z = strata.design.rows.Z
    between = np.einsum("nk,kl,nl->n", Z, strata.G, Z)
    variance = strata.sigma**2 * error_sd(strata) ** 2
    assert_allclose(strata.icc()["icc"], between.mean() / (between.mean() + variance.mean()))
    at = strata.icc({"x": 2.0})["icc"]
    z = np.array([1.0, 2.0])
    assert_allclose(at, z @ strata.G @ z / (z @ strata.G @ z + variance.mean()))


def test_shares_of_kinds_of_rows_have_their_own_variances_and_weights(strata: hb.Fit) -> None:
    Z = strata.design.rows.Z
    between = np.einsum("nk,kl,nl->n", Z, strata.G, Z)
    variance = strata.sigma**2 * error_sd(strata) ** 2 / DATA["w"]
    frame = pd.DataFrame({"sex": DATA["sex"], "between": between, "error": variance})
    means = frame.groupby("sex", observed=True).mean()
    found = strata.icc(by="sex", data=DATA)
    assert_allclose(found["icc"], means["between"] / means.sum(axis=1))
    assert list(found.index) == list(means.index)
    one = strata.icc(data=DATA.iloc[[5]])
    assert_allclose(one["icc"], between[5] / (between[5] + variance.iloc[5]))
    two = strata.icc(by=["sex", "w"], data=DATA, at={})
    assert two.index.names == ["sex", "w"]
    ratio = 1.0 / two["icc"] - 1.0  # σ²s²/w over G_00
    assert_allclose(ratio.xs(1.0, level="w") / ratio.xs(3.0, level="w"), 3.0)


def test_known_variances_have_shares_at_rows() -> None:
    fit = hb.Model("y ~ x + (1 | g)", DATA, known_sd="se").reml()
    found = fit.icc(by="se", data=DATA)["icc"]
    assert_allclose(found, fit.G[0, 0] / (fit.G[0, 0] + found.index.to_numpy() ** 2))


def test_each_draw_has_variances_of_its_own(posterior: hb.PosteriorFit) -> None:
    names, draws = posterior.error_draws
    kinds = posterior.icc(by="sex", data=DATA)
    (kind,) = [sex for sex in kinds.index if f"ratio[{sex}]" == names[0]]
    G, sigma = posterior.theta.G[..., 0, 0], posterior.theta.sigma
    shares = G / (G + sigma**2 * draws[..., 0] ** 2)
    assert_allclose(kinds.loc[kind, "icc"], shares.mean())
    assert_allclose(kinds.loc[kind, "sd"], posterior.spread(shares)["sd"])
    portion = (DATA["sex"] == kind).mean()
    whole = G / (G + sigma**2 * (portion * draws[..., 0] ** 2 + 1.0 - portion))
    assert_allclose(posterior.icc()["icc"], whole.mean())
    assert_allclose(hb.quantities.ICC().draws(posterior), whole)
    curves = hb.plots.icc_frame(posterior).curves
    for _, curve in curves.groupby("kind"):
        assert_allclose(np.trapezoid(curve["density"], curve["x"]), 1.0, atol=0.03)


def test_what_is_explained_has_them_too(strata: hb.Fit, posterior: hb.PosteriorFit) -> None:
    found = hb.variance_explained(strata)
    residual = strata.sigma**2 * (error_sd(strata) ** 2).mean()
    assert_allclose(found.components.loc["residual", "estimate"], residual)
    total = found.components.loc["total", "estimate"]
    assert_allclose(found.shares.loc["R2 conditional", "estimate"], 1.0 - residual / total)
    weight = DATA["w"] / (strata.sigma * error_sd(strata)) ** 2
    rows, diagonal = strata.design.rows, []
    for j in range(strata.design.J):
        at = rows.codes == j
        precision = rows.Z[at].T @ (weight[at].to_numpy()[:, None] * rows.Z[at])
        shrink = np.linalg.solve(np.eye(2) + strata.G @ precision, strata.G @ precision)
        diagonal.append(np.diag(shrink))
    assert_allclose(found.reliability["estimate"], np.mean(diagonal, axis=0), rtol=1e-6)
    said = " ".join(str(found).split())
    assert "σ² is the variance of an error of weight 1 (of 'w')" in said
    assert "errors: Strata('sex'), their variances averaged over the rows" in said
    of_draws = hb.variance_explained(posterior)
    assert_allclose(of_draws.shares.loc["icc", "estimate"], posterior.icc()["icc"])
    assert (of_draws.by_group["lambda"].between(0.0, 1.0)).all()


def test_a_regression_with_unequal_errors_has_a_share() -> None:
    fit = hb.Model("y ~ x", DATA, residual=hr.Strata("sex")).reml()
    found = hb.variance_explained(fit)
    residual = fit.sigma**2 * (error_sd(fit) ** 2).mean()
    assert_allclose(found.components.loc["residual", "estimate"], residual)
    assert list(found.shares.index) == ["R2 marginal"]


def test_rows_are_asked_for_and_read_or_refused(strata: hb.Fit) -> None:
    with pytest.raises(hb.DataError, match=r"^by= needs the columns of the rows: hand over data="):
        strata.icc(by="sex")
    with pytest.raises(hb.DataError, match=r"^there is no column 'sexx'"):
        strata.icc(by="sexx", data=DATA)
    with pytest.raises(hb.DataError, match="standard deviations by row"):
        strata.icc(data=DATA.drop(columns="w"))
    with pytest.raises(hb.DataError, match=r"need column 'sex'"):
        strata.icc(data=DATA.drop(columns="sex"))
