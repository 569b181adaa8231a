"""Residuals of rows and of groups, against n×n matrices."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm, rankdata

import hierbayes as hb
from hierbayes.errors import HypothesisError
from hierbayes.inference.residuals.normal_scores import normal_scores
from tests.conftest import MODELS, Cache
from tests.dense import Array
from tests.test_hard_data import rows_of, simulate

SIZES = [1, 2, 7, 5, 9, 1, 12, 4, 6, 8]


class Dense:
    """Everything from its definition: V, P and hat matrices."""

    def __init__(self, fit: hb.Fit) -> None:
        self.rows, self.G, self.sigma = rows_of(fit), fit.theta.G[0, 0], fit.sigma
        V = self.rows.V(self.G, self.sigma)
        X, inverse = self.rows.X, np.linalg.inv(V)
        gls = np.linalg.inv(X.T @ inverse @ X) @ X.T @ inverse
        n = len(V)
        self.marginal_hat = X @ gls
        self.P = inverse - inverse @ X @ gls
        between = V - self.sigma**2 * np.eye(n)
        u_hat = between @ inverse @ (np.eye(n) - self.marginal_hat)
        self.conditional_hat = self.marginal_hat + u_hat
        self.V = V

    def variance(self, hat: Array) -> Array:
        """Variances of the residuals (I − hat) y."""
        rest = np.eye(len(self.V)) - hat
        return np.diag(rest @ self.V @ rest.T)

    def u_variance(self, j: int) -> Array:
        Z = np.where((self.rows.codes == j)[:, None], self.rows.Z, 0.0)
        return self.G @ Z.T @ self.P @ Z @ self.G


@pytest.fixture(scope="module", params=["reml", "ml"])
def small(request: pytest.FixtureRequest) -> hb.Fit:
    data = simulate(SIZES, (1.0, 0.8), seed=11, corr=0.3)
    model = hb.Model("y ~ x1", random="~ 1 + x1 | g", data=data)
    return model.reml() if request.param == "reml" else model.ml()


@pytest.fixture(scope="module")
def singular() -> hb.Fit:
    data = simulate(SIZES, (1.0, 0.0), seed=3)
    fit = hb.Model("y ~ x1", random="~ 1 + x1 | g", data=data).reml()
    assert fit.maximum.singular
    return fit


def test_leverages_are_those_of_the_hat_matrices(small: hb.Fit) -> None:
    dense, frame = Dense(small), hb.level1_residuals(small).frame
    assert_allclose(frame["leverage"], np.diag(dense.conditional_hat), rtol=1e-9)
    assert_allclose(frame["leverage_marginal"], np.diag(dense.marginal_hat), rtol=1e-9)
    assert frame["leverage"].between(0.0, 1.0).all()


def test_residuals_and_their_variances(small: hb.Fit) -> None:
    dense, frame = Dense(small), hb.level1_residuals(small).frame
    y = dense.rows.y
    assert_allclose(frame["marginal"], y - dense.marginal_hat @ y, atol=1e-10)
    assert_allclose(frame["conditional"], y - dense.conditional_hat @ y, atol=1e-10)
    assert_allclose(frame["standardized"], frame["conditional"] / small.sigma, rtol=1e-12)
    for kind, hat in (("", dense.conditional_hat), ("marginal_", dense.marginal_hat)):
        raw = frame["marginal" if kind else "conditional"]
        sd = np.sqrt(dense.variance(hat))
        assert_allclose(frame[f"{kind}studentized"], raw / sd, rtol=1e-8)


def test_traces_of_the_hat_matrices(small: hb.Fit) -> None:
    sums = hb.level1_residuals(small).sums
    assert_allclose(sums["fixed_parameters"], 2.0, rtol=1e-10)
    assert_allclose(sums["effective_parameters"], np.trace(Dense(small).conditional_hat), rtol=1e-9)
    assert sums["rows"] == sum(SIZES)


def test_within_residuals_are_the_groups_own(small: hb.Fit) -> None:
    frame, rows = hb.level1_residuals(small).frame, rows_of(small)
    for j, size in enumerate(SIZES):
        own = frame["within"].to_numpy()[rows.codes == j]
        if size <= 2:
            assert np.isnan(own).all()
            continue
        Z, y = rows.Z[rows.codes == j], rows.y[rows.codes == j]
        assert_allclose(own, y - Z @ np.linalg.lstsq(Z, y, rcond=None)[0], atol=1e-10)
        assert_allclose(Z.T @ own, 0.0, atol=1e-10)


def test_normal_scores_by_blom() -> None:
    values = np.array([3.0, 1.0, np.nan, 1.0, 7.0])
    scores = normal_scores(values)
    kept = values[np.isfinite(values)]
    assert_allclose(
        scores[np.isfinite(values)], norm.ppf((rankdata(kept) - 0.375) / (len(kept) + 0.25))
    )
    assert np.isnan(scores[2])


def test_sums_over_rows_under_the_normal_equations(small: hb.Fit) -> None:
    """X'(y − Xγ̂ − Zû) = 0, and GZ_j'(y − Xγ̂ − Zû) = σ²û_j."""
    frame, rows = hb.level1_residuals(small).frame, rows_of(small)
    rest = frame["conditional"].to_numpy()
    assert_allclose(rows.X.T @ rest, 0.0, atol=1e-9)
    u = small.ranef().to_numpy()
    for j in range(len(SIZES)):
        mine = rows.codes == j
        weighed = small.theta.G[0, 0] @ rows.Z[mine].T @ rest[mine]
        assert_allclose(weighed, small.sigma**2 * u[j], rtol=1e-8, atol=1e-10)


def test_group_residuals(small: hb.Fit) -> None:
    dense, result = Dense(small), hb.level2_residuals(small)
    frame, u = result.frame, small.ranef().to_numpy()
    assert frame["n"].tolist() == SIZES
    for j, size in enumerate(SIZES):
        variance = dense.u_variance(j)
        assert_allclose(result.variance[j], variance, rtol=1e-7, atol=1e-10)
        row = frame.iloc[j]
        standardized = row[["standardized[Intercept]", "standardized[x1]"]].to_numpy(float)
        assert_allclose(standardized, u[j] / np.sqrt(np.diag(variance)), rtol=1e-7)
        inverse = np.linalg.pinv(variance, rcond=1e-8, hermitian=True)
        assert_allclose(row["mahalanobis"], u[j] @ inverse @ u[j], rtol=1e-6)
        assert row["df"] == min(size, 2)
        assert_allclose(row["p"], chi2.sf(row["mahalanobis"], row["df"]), rtol=1e-10)


def test_groups_of_one_row_are_told_of(small: hb.Fit) -> None:
    found = hb.level2_residuals(small).findings
    assert found[0] == (
        "2 of 10 groups have too few rows to show all 2 dimensions, and distances with fewer "
        "degrees of freedom"
    )
    assert hb.level1_residuals(small).findings[-1] == (
        "3 of 10 groups have no residuals within: no more rows than random effects, or columns "
        "that are dependent there"
    )


def test_singular_G(singular: hb.Fit) -> None:
    dense, result = Dense(singular), hb.level2_residuals(singular)
    assert (result.frame["df"] == 1).all()
    u = singular.ranef().to_numpy()
    for j in range(len(SIZES)):
        inverse = np.linalg.pinv(dense.u_variance(j), rcond=1e-8, hermitian=True)
        assert_allclose(result.frame["mahalanobis"].iloc[j], u[j] @ inverse @ u[j], rtol=1e-6)
    assert result.findings[0] == (
        "G is singular: the 2 random effects vary in 1 dimension only, so distances use a "
        "generalised inverse and have at most 1 degree of freedom, not 2"
    )
    frame = hb.level1_residuals(singular).frame
    assert_allclose(frame["leverage"], np.diag(dense.conditional_hat), rtol=1e-9)


def test_zero_G() -> None:
    data = simulate(SIZES, (0.0,), seed=1)
    fit = hb.Model("y ~ x1", random="~ 1 | g", data=data).reml()
    assert fit.theta.G[0, 0, 0, 0] == 0.0
    result = hb.level2_residuals(fit)
    assert result.frame["mahalanobis"].eq(0.0).all() and result.frame["df"].eq(0).all()
    assert result.frame[["p", "standardized[Intercept]"]].isna().to_numpy().all()
    assert result.findings == (
        "G is zero: every random effect is predicted as 0, and no group can lie far",
    )
    assert "Level-2 residuals" in str(result)


@pytest.mark.parametrize("name", MODELS)
def test_diagnostic_variance_is_G_less_prediction_error(
    name: str, reml_fits: Cache[hb.Fit]
) -> None:
    fit = reml_fits[name]
    G = fit.theta.G[0, 0]
    pev = fit.ranef_cov(given_gamma=False)
    variance = hb.level2_residuals(fit).variance
    assert_allclose(variance + pev, np.broadcast_to(G, pev.shape), atol=1e-10 * np.abs(G).max())


def test_posterior(posterior_hs: hb.Fit) -> None:
    rows, groups = hb.level1_residuals(posterior_hs), hb.level2_residuals(posterior_hs)
    assert_allclose(rows.frame["conditional"], posterior_hs.residuals(effects="all"))
    gamma, u = posterior_hs.gamma_draws, posterior_hs.u_draws
    design = posterior_hs.design
    for i in (0, 700, 1976):
        mean = gamma @ design.rows.X[i] + u[:, :, design.rows.codes[i]] @ design.rows.Z[i]
        assert_allclose(rows.frame["sd"].iloc[i], mean.std(ddof=1), rtol=1e-9)
    assert_allclose(groups.frame["u[ses]"], posterior_hs.ranef()["ses"])
    assert_allclose(groups.frame["sd[ses]"], u[..., 1].std(axis=(0, 1), ddof=1))
    assert (
        rows.about[2]
        == groups.about[2]
        == (
            "Given:  residuals at the posterior means of γ and u, their variances at the posterior "
            "means of G and σ"
        )
    )


def test_mode_of_a_posterior() -> None:
    """With a normal prior of γ: its variance over that prior too, (I − H)Ω(I − H)'."""
    data = simulate(SIZES, (1.0, 0.8), seed=11, corr=0.3)
    priors = {"gamma": hb.Normal(0, 2)}
    fit = hb.Model("y ~ x1", random="~ 1 + x1 | g", data=data, priors=priors).map()
    frame, rows = hb.level1_residuals(fit).frame, rows_of(fit)
    V = rows.V(fit.theta.G[0, 0], fit.sigma)
    whole = V + 4.0 * rows.X @ rows.X.T
    n = len(V)
    conditional = fit.sigma**2 * np.linalg.inv(whole)  # y − Xγ̂ − Zû = σ²Ω⁻¹y
    assert_allclose(frame["conditional"], conditional @ rows.y, rtol=1e-6, atol=1e-8)
    sd = np.sqrt(np.diag(conditional @ whole @ conditional))
    assert_allclose(frame["studentized"], frame["conditional"] / sd, rtol=1e-6)
    assert_allclose(frame["leverage"], np.diag(np.eye(n) - conditional), rtol=1e-6)
    marginal = V @ np.linalg.inv(whole) @ V
    assert_allclose(
        frame["marginal_studentized"], frame["marginal"] / np.sqrt(np.diag(marginal)), rtol=1e-6
    )
    assert np.isfinite(hb.level2_residuals(fit).frame["p"]).all()
    assert np.isfinite(hb.variance_explained(fit).shares["estimate"]).all()


def test_categories_without_rows(hs: pd.DataFrame) -> None:
    data = hs.assign(school=hs["school"].astype("category"))
    data = data[data["school"] != "1317"]
    fit = hb.Model("mathach ~ ses", random="~ 1 + ses | school", data=data).reml()
    assert len(hb.level2_residuals(fit).frame) == len(hb.influence(fit).frame) == 39
    assert np.isfinite(hb.variance_explained(fit).spread.to_numpy()).all()
    assert np.isfinite(hb.mundlak(fit).test).all()
    assert np.isfinite(hb.hausman(fit).tests.to_numpy(float)).all()


def test_index_is_that_of_the_data(hs: pd.DataFrame) -> None:
    data = hs.iloc[::-1].assign(ses=hs["ses"].where(np.arange(len(hs)) % 50 > 0))
    fit = hb.Model("mathach ~ ses", random="~ 1 | school", data=data).reml()
    frame = hb.level1_residuals(fit).frame
    assert frame.index.equals(fit.design.rows.index)
    assert (frame["group"] == data.loc[frame.index, "school"]).all()


def test_a_row_that_fits_itself() -> None:
    data = simulate([5, 5, 5, 5], (1.0,), seed=2).assign(one=lambda d: (d.index == 3) * 1.0)
    result = hb.level1_residuals(hb.Model("y ~ x1 + one + (1 | g)", data=data).reml())
    assert_allclose(result.frame["leverage"].iloc[3], 1.0)
    assert np.isnan(result.frame["studentized"].iloc[3])
    assert "1 row fits itself (leverage 1) and has no studentized residual" in result.findings


def test_quantiles_that_are_rounding_are_zero(small: hb.Fit) -> None:
    found = hb.level1_residuals(small)
    moved = found.frame["marginal"] - found.frame["marginal"].median() + 1e-17
    frame = found.frame.assign(marginal=moved)
    assert replace(found, frame=frame).quantiles().loc["marginal", "median"] == 0.0
    frame["marginal"] += 1e-6 * moved.std()
    assert replace(found, frame=frame).quantiles().loc["marginal", "median"] != 0.0


@pytest.mark.parametrize("function", [hb.level1_residuals, hb.level2_residuals])
def test_no_fit(function: type) -> None:
    with pytest.raises(HypothesisError) as error:
        function("reml")
    name = function.__name__
    assert str(error.value) == (
        f"{name}() takes a fit, and this is of type str; fits are what model.reml(), ml(), map() "
        "and sample() return"
    )


def test_print(reml_fits: Cache[hb.Fit]) -> None:
    rows, groups = (f(reml_fits["oneway"]) for f in (hb.level1_residuals, hb.level2_residuals))
    assert repr(rows).startswith("Level-1 residuals\n  Model:  ")
    assert "Largest studentized residuals:" in str(rows)
    assert "no school lies farther than chance allows" in " ".join(str(groups).split())
    assert rows._repr_html_().startswith("<h3>Level-1 residuals</h3>")
    assert "<li>" in groups._repr_html_()


def test_pages_of_a_posterior_are_at_most_100_columns(posterior_hs: hb.Fit) -> None:
    for result in (hb.level1_residuals(posterior_hs), hb.level2_residuals(posterior_hs)):
        assert max(map(len, str(result).splitlines())) <= 100
    assert "variances at the posterior" in " ".join(str(result).split())
