"""Residuals of rows and groups, and rows left out, with a residual structure: dense matrices."""

from dataclasses import dataclass, replace

import arviz as az  # type: ignore[import-untyped]
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal, norm

import hierbayes as hb
from hierbayes.design.problem import Problem
from hierbayes.design.residual_blocks import correlation_roots
from hierbayes.fit.convergence import relative_efficiency
from hierbayes.fit.fit import Fit
from hierbayes.fit.predictions.densities_of_errors import given_errors_before, given_other_errors
from hierbayes.fit.structured.posterior import StructuredPosteriorFit
from hierbayes.frames.arrays import Floats
from tests import residual_models

NAMES = ("sim_AR1_varIdent_slope", "MMRM_CS_het", "RatPup_varIdent")


@dataclass(frozen=True)
class Dense:
    """σ²R, V and P of a fit as n × n matrices."""

    fit: Fit
    R: Floats
    V: Floats
    P: Floats

    @property
    def rest(self) -> Floats:
        """y − Xγ̂ − Zû."""
        return self.R @ self.P @ self.fit.design.rows.response


def errors_of(fit: Fit) -> Floats:
    """σ²R (n, n)."""
    return np.asarray(fit.sigma**2 * relative_errors(fit.problem))


def relative_errors(problem: Problem) -> Floats:
    """R (n, n)."""
    moments, z = problem.moments, problem.z
    assert moments is not None
    assert z is not None
    rows = moments.rows
    C = np.eye(rows.n)
    if rows.correlation is not None:
        for at, root in correlation_roots(rows, z):
            C[np.ix_(at, at)] = root @ root.T
    sd = rows.level_sd(z)
    return np.asarray(C * np.outer(sd, sd))


def dense(fit: Fit) -> Dense:
    rows = fit.design.rows
    R, V = errors_of(fit), errors_of(fit)
    for codes, span in zip(rows.codes_of, fit.design.spans, strict=True):
        same = codes[:, None] == codes[None, :]
        V = V + same * (rows.Z[:, span] @ fit.G[span, span] @ rows.Z[:, span].T)
    inverse = np.linalg.inv(V)
    XV = rows.X.T @ inverse
    return Dense(fit, R, V, inverse - XV.T @ np.linalg.solve(XV @ rows.X, XV))


@pytest.fixture(scope="module", params=NAMES)
def found(request: pytest.FixtureRequest) -> Dense:
    return dense(residual_models.fit(request.param, "REML"))


def test_residuals_of_rows_are_those_of_dense_matrices(found: Dense) -> None:
    fit = found.fit
    frame = hb.level1_residuals(fit).frame
    hat = np.eye(len(frame)) - found.R @ found.P
    rows = fit.design.rows
    assert_allclose(frame["conditional"], found.rest, atol=1e-8)
    assert_allclose(frame["leverage"], np.diag(hat), atol=1e-8)
    sd = np.sqrt(np.diag(found.R @ found.P @ found.R))
    assert_allclose(frame["studentized"], found.rest / sd, atol=1e-7)
    assert_allclose(frame["standardized"], found.rest / np.sqrt(np.diag(found.R)), atol=1e-8)
    marginal = rows.response - rows.X @ fit.gamma
    spread = np.sqrt(np.diag(found.V @ found.P @ found.V))
    assert_allclose(frame["marginal_studentized"], marginal / spread, atol=1e-7)
    of_gamma = rows.X @ np.linalg.solve(rows.X.T @ np.linalg.solve(found.V, rows.X), rows.X.T)
    share = np.diag(of_gamma @ np.linalg.inv(found.V))
    assert_allclose(frame["leverage_marginal"], share, atol=1e-8)


def test_residuals_within_are_those_of_the_group_weighted_by_its_errors() -> None:
    fit = residual_models.fit(NAMES[0], "REML")
    rows, R = fit.design.rows, errors_of(fit)
    at = np.flatnonzero(rows.codes == 3)
    Z, rest = rows.Z[at], rows.response[at] - rows.X[at] @ fit.gamma
    weighed = np.linalg.solve(R[np.ix_(at, at)], Z)
    expected = rest - Z @ np.linalg.solve(weighed.T @ Z, weighed.T @ rest)
    within = hb.level1_residuals(fit).frame["within"].to_numpy()[at]
    assert_allclose(within, expected, atol=1e-8)


@pytest.mark.parametrize("name", [NAMES[0], NAMES[2]])
def test_residuals_of_groups_vary_as_dense_matrices_say(name: str) -> None:
    found = dense(residual_models.fit(name, "REML"))
    design = found.fit.design
    ZG = block_diag(*(design.rows.Z[design.rows.codes == j] for j in range(design.J)))
    order = np.argsort(design.rows.codes, kind="stable")
    Z = np.empty_like(ZG)
    Z[order] = ZG
    G = np.kron(np.eye(design.J), found.fit.G)
    variance = G @ Z.T @ found.P @ Z @ G
    q = len(design.effects)
    blocks = [variance[j * q : (j + 1) * q, j * q : (j + 1) * q] for j in range(design.J)]
    ours = hb.level2_residuals(found.fit)
    assert_allclose(ours.variance, blocks, atol=1e-8 * np.abs(blocks).max())
    u = (G @ Z.T @ found.P @ design.rows.response).reshape(design.J, q)
    distance = [one @ np.linalg.solve(V, one) for one, V in zip(u, blocks, strict=True)]
    assert_allclose(ours.frame["mahalanobis"], distance, rtol=1e-6)


def test_a_row_left_out_is_the_conditional_of_the_joint_normal(found: Dense) -> None:
    y, P = found.fit.design.rows.response, found.P
    error = (P @ y) / np.diag(P)
    expected = norm.logpdf(error, scale=np.diag(P) ** -0.5)
    ours = hb.loo(found.fit)
    assert_allclose(ours.frame["elpd"], expected, atol=1e-7)
    inverse = np.linalg.inv(found.R)
    told = np.diag(inverse @ (found.R - found.R @ P @ found.R) @ inverse)
    own = np.diag(inverse)
    whole = norm.logpdf(inverse @ found.rest / own, scale=np.sqrt(1.0 / own + told / own**2))
    assert_allclose(ours.frame["p"], whole - expected, atol=1e-7)


@pytest.fixture(scope="module", params=[NAMES[0], NAMES[2]])
def posterior(request: pytest.FixtureRequest) -> hb.PosteriorFit:
    return residual_models.model(request.param).sample(draws=100, chains=2, seed=1)


@pytest.mark.slow
def test_posterior_residuals_say_that_errors_are_at_their_means(
    posterior: hb.PosteriorFit,
) -> None:
    ours = hb.level1_residuals(posterior)
    assert any("and of the coordinates of the errors" in line for line in ours.about)
    rest = posterior.residuals(effects="all").to_numpy()
    assert_allclose(ours.frame["conditional"], rest)
    assert np.isfinite(ours.frame["sd"]).all()


@pytest.mark.slow
def test_a_row_of_a_draw_is_given_the_errors_of_its_group(posterior: hb.PosteriorFit) -> None:
    assert isinstance(posterior, StructuredPosteriorFit)
    rows = posterior.design.rows
    draws = posterior.parameter_draws(None, None, 1)
    left_out, in_turn = (
        f(posterior.problem, draws) for f in (given_other_errors, given_errors_before)
    )
    for chain, draw in [(1, 99)]:
        one = replace(posterior.problem, z=posterior.z[chain, draw])
        R = posterior.theta.sigma[chain, draw] ** 2 * relative_errors(one)
        e = rows.response - rows.X @ posterior.gamma_draws[chain, draw]
        e -= (rows.Z * posterior.us[0][chain, draw][rows.codes]).sum(axis=1)
        inverse = np.linalg.inv(R)
        own = np.diag(inverse)
        expected = norm.logpdf(inverse @ e / own, scale=own**-0.5)
        assert_allclose(left_out[100 * chain + draw], expected, atol=1e-8)
        whole = multivariate_normal.logpdf(e, cov=R)
        assert_allclose(in_turn[100 * chain + draw].sum(), whole, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_arviz_leaves_rows_of_correlated_errors_out_as_loo_does(
    posterior: hb.PosteriorFit,
) -> None:
    tree = posterior.to_datatree(log_likelihood=True)
    assert any("and their errors" in line for line in hb.loo(posterior).about) == (
        posterior.problem.has_correlated_errors
    )
    found = az.loo(tree, pointwise=True, reff=relative_efficiency(posterior))
    assert_allclose(found.elpd_i, hb.loo(posterior).frame["elpd"], rtol=1e-8)
    if not posterior.problem.has_correlated_errors:
        return
    assert "the other rows of its group" in tree["log_likelihood"].attrs["density"]
    turned = posterior.to_datatree(log_likelihood="in turn", log_prior=True)
    assert "before it" in turned["log_likelihood"].attrs["density"]
    assert (az.psense(turned, group="likelihood", var_names=["gamma"])["gamma"] > 0.0).all()
    with pytest.raises(hb.DataError, match=r"^log_likelihood='turn' is not known; use True or 'in"):
        posterior.to_datatree(log_likelihood="turn")  # type: ignore[arg-type]


@pytest.mark.slow
def test_loo_of_a_posterior_is_near_that_of_its_maximum() -> None:
    """Where a maximum takes θ̂ for known, far rows of small strata differ; the others hardly do."""
    model = residual_models.model(NAMES[2])
    drawn, reml = hb.loo(model.sample(seed=1)), hb.loo(residual_models.fit(NAMES[2], "REML"))
    assert not any("and their errors" in line for line in drawn.about)  # they are independent
    differ = (drawn.frame["elpd"] - reml.frame["elpd"]).abs()
    assert differ.median() < 0.03
    assert differ[drawn.frame["k_hat"] < 0.5].max() < 1.5


@pytest.mark.parametrize("name", [NAMES[0], NAMES[2]])
def test_a_group_leaves_with_its_rows_at_the_errors_of_all(name: str) -> None:
    """γ̂ and V of the rows that are left, from dense matrices."""
    found = dense(residual_models.fit(name, "REML"))
    rows, J = found.fit.design.rows, found.fit.design.J
    ours = hb.influence(found.fit, refit=0)
    assert any("the parameters of the errors held" in line for line in ours.about)
    inverse = np.linalg.inv(found.fit.vcov().to_numpy())
    for j in (0, J - 1):
        at = rows.codes != j
        XV = np.linalg.solve(found.V[np.ix_(at, at)], rows.X[at]).T
        gamma = np.linalg.solve(XV @ rows.X[at], XV @ rows.response[at])
        moved = found.fit.gamma - gamma
        assert_allclose(ours.gamma.iloc[j], gamma, rtol=1e-7, atol=1e-8)
        assert_allclose(ours.frame["cook"].iloc[j], moved @ inverse @ moved / len(moved), rtol=1e-6)


def test_a_row_leaves_as_dense_matrices_say() -> None:
    found = dense(residual_models.fit(NAMES[0], "REML"))
    rows = found.fit.design.rows
    ours = hb.influence(found.fit, level=1)
    for i in (0, 17):
        at = np.arange(len(rows.response)) != i
        XV = np.linalg.solve(found.V[np.ix_(at, at)], rows.X[at]).T
        gamma = np.linalg.solve(XV @ rows.X[at], XV @ rows.response[at])
        se = np.sqrt(np.diag(np.linalg.inv(XV @ rows.X[at])))
        assert_allclose(ours.gamma.iloc[i], gamma, rtol=1e-7, atol=1e-8)
        assert_allclose(ours.dfbetas.iloc[i] * se, found.fit.gamma - gamma, atol=1e-8)
    expected = (found.P @ rows.response) / np.diag(found.P)
    assert_allclose(ours.frame["deleted_residual"], expected, atol=1e-7)
    with pytest.raises(hb.errors.ResidualError, match="level=1, refit="):
        hb.influence(found.fit, level=1, refit=2)


def test_a_group_left_out_of_a_maximum_is_the_density_of_its_rows_given_the_others() -> None:
    """elpd + p is at the θ̂ of all: a joint normal of all rows, γ flat, less that of the others."""
    found = dense(residual_models.fit(NAMES[0], "REML"))
    rows = found.fit.design.rows
    ours = hb.logo(found.fit)
    whole = (ours.frame["elpd"] + ours.frame["p"]).to_numpy()

    def restricted(at: np.ndarray) -> float:
        V, X, y = found.V[np.ix_(at, at)], rows.X[at], rows.response[at]
        XV = np.linalg.solve(V, X).T
        rest = y - X @ np.linalg.solve(XV @ X, XV @ y)
        n, p = X.shape
        logs = np.linalg.slogdet(V)[1] + np.linalg.slogdet(XV @ X)[1]
        return float(
            -0.5 * (logs + rest @ np.linalg.solve(V, rest) + (n - p) * np.log(2.0 * np.pi))
        )

    everything = restricted(np.ones(len(rows.response), dtype=bool))
    for j in (0, 5):
        assert_allclose(whole[j], everything - restricted(rows.codes != j), atol=1e-7)
    assert any("the parameters of the errors held" in line for line in ours.about)
