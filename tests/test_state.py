"""θ and the likelihood at it, in the user's units, against matrices of the rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.reading import GIVEN, ML, NORMAL, REML, Reading
from hierbayes.likelihood.state import State
from hierbayes.likelihood.theta import Theta
from tests import dense
from tests.dense import Array

G = np.array([[2.0, 0.3], [0.3, 0.8]])
SIGMA = 1.3
GAMMA = np.array([0.4, -0.7, 0.2])
every_reading = pytest.mark.parametrize("reading", list(Reading), ids=lambda one: one.name)


@pytest.fixture(scope="module")
def model() -> hb.Model:
    """Eight groups of two to nine rows; x lies far from its zero, so that the basis matters."""
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(8), np.arange(2, 10))
    x, w = rng.normal(4.0, 2.0, len(group)), rng.normal(size=len(group))
    y = 5.0 + 3.0 * x + rng.normal(0.0, 5.0, 8)[group] + rng.normal(0.0, 4.0, len(group))
    data = pd.DataFrame({"y": y, "x": x, "w": w, "g": group})
    priors = {"gamma": hb.Normal(10.0, 5.0)}
    return hb.Model("y ~ x + w + (1 + x | g)", data=data, priors=priors)


def rows_of(model: hb.Model) -> dense.Rows:
    rows = model.problem.design.rows
    return dense.Rows(rows.y, rows.X, rows.Z, rows.codes)


def prior_of(reading: Reading) -> tuple[Array, Array] | None:
    return (np.full(3, 10.0), 25.0 * np.eye(3)) if reading == NORMAL else None


def likelihood_of(model: hb.Model, reading: Reading) -> Likelihood:
    cross = model.problem.cross
    return Likelihood(cross, reading, model.priors.normal_gamma(cross))


def state_of(model: hb.Model, reading: Reading) -> State:
    theta = Theta.of_covariance(G, SIGMA)
    return likelihood_of(model, reading).at(theta, GAMMA if reading == GIVEN else None)


def exact(model: hb.Model, reading: Reading, G: Array, sigma: float) -> float:
    return dense.log_density(rows_of(model), G, sigma, reading, GAMMA, prior_of(reading))


@every_reading
def test_value(model: hb.Model, reading: Reading) -> None:
    right = exact(model, reading, G, SIGMA)
    assert state_of(model, reading).value == pytest.approx(right, rel=1e-11)


@every_reading
def test_score(model: hb.Model, reading: Reading) -> None:
    """An entry off the diagonal stands twice in G; each of its places has half the slope."""
    score = state_of(model, reading).score
    by_G = dense.gradient(lambda g: exact(model, reading, 0.5 * (g + g.T), SIGMA), G)
    assert_allclose(score.G, by_G, rtol=1e-7, atol=1e-7)
    by_sigma = dense.gradient(lambda s: exact(model, reading, G, s[0]), np.array([SIGMA]))
    assert score.sigma == pytest.approx(by_sigma[0], rel=1e-7)


@every_reading
def test_gradient_is_in_the_internal_basis(model: hb.Model, reading: Reading) -> None:
    state, basis = state_of(model, reading), model.problem.cross.basis
    root, sigma = state.theta.internal(basis)
    likelihood = state.likelihood

    def value(root: Array, sigma: float) -> float:
        return State(likelihood, Theta.from_internal(root, sigma, basis), state.given).value

    by_root = dense.gradient(lambda r: value(r, float(sigma)), root)
    assert_allclose(state.gradient.root, by_root, rtol=1e-6, atol=1e-7)
    by_sigma = dense.gradient(lambda s: value(root, s[0]), np.array([float(sigma)]))
    assert state.gradient.sigma == pytest.approx(by_sigma[0], rel=1e-6)
    if reading == GIVEN:
        by_gamma = dense.gradient(lambda g: State(likelihood, state.theta, g).value, GAMMA)
        user = np.linalg.solve(basis.x.matrix.T, state.gradient.gamma) / basis.scale
        assert_allclose(user, by_gamma, rtol=1e-6)
    else:
        assert not state.gradient.gamma.any()


@pytest.mark.parametrize("reading", [REML, NORMAL])
def test_moments(model: hb.Model, reading: Reading) -> None:
    state = state_of(model, reading)
    right = dense.moments(rows_of(model), G, SIGMA, prior_of(reading))
    assert_allclose(state.gamma, right.gamma, rtol=1e-9)
    assert_allclose(state.gamma_cov, right.gamma_cov, rtol=1e-8, atol=1e-10)
    assert_allclose(state.u, right.u, rtol=1e-7, atol=1e-8)
    assert_allclose(state.u_cov(given_gamma=True), right.u_cov, rtol=1e-7, atol=1e-8)
    assert_allclose(state.u_cov(given_gamma=False), right.u_cov_marginal, rtol=1e-7, atol=1e-8)


def test_shrinkage(model: hb.Model) -> None:
    """Λ_j = G Z_j'V_j⁻¹Z_j, for one θ and over several."""
    rows, likelihood = rows_of(model), Likelihood(model.problem.cross)
    several = np.array([G, 0.1 * G, 4.0 * G])
    theta = Theta.of(np.linalg.cholesky(several), np.array([1.3, 2.0, 0.6]))
    right = np.empty((3, 8, 2, 2))
    for i, j in np.ndindex(3, 8):
        Z = rows.Z[rows.codes == j]
        V = Z @ several[i] @ Z.T + theta.sigma[i] ** 2 * np.eye(len(Z))
        right[i, j] = several[i] @ Z.T @ np.linalg.solve(V, Z)
    mean, sd = likelihood.shrinkage(theta)
    assert_allclose(mean, right.mean(axis=0), rtol=1e-7, atol=1e-8)
    assert_allclose(sd, right.std(axis=0, ddof=1), rtol=1e-6, atol=1e-7)
    assert_allclose(likelihood.shrinkage_of_group(theta, 5), right[:, 5], rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("reading", [ML, REML])
def test_no_effects_are_a_regression(model: hb.Model, reading: Reading) -> None:
    state = Likelihood(model.problem.cross, reading).without_effects()
    rows = rows_of(model)
    rest = rows.y - rows.X @ np.linalg.lstsq(rows.X, rows.y, rcond=None)[0]
    free = len(rows.y) - (3 if reading == REML else 0)
    assert not state.theta.G.any()
    assert float(state.theta.sigma) == pytest.approx(np.sqrt(rest @ rest / free), rel=1e-11)
    right = exact(model, reading, np.zeros((2, 2)), float(state.theta.sigma))
    assert state.value == pytest.approx(right, rel=1e-11)


def test_theta_comes_back_from_an_ill_placed_basis_with_every_digit() -> None:
    rng = np.random.default_rng(3)
    x = 1e6 + rng.normal(size=60)
    data = pd.DataFrame({"y": rng.normal(size=60), "x": x, "g": np.repeat(np.arange(6), 10)})
    basis = hb.Model("y ~ x + (1 + x | g)", data=data).problem.cross.basis
    root, sigma = np.array([[0.7, 0.0], [0.2, 0.4]]), 0.9
    theta = Theta.from_internal(root, sigma, basis)
    assert_allclose(theta.internal(basis)[0], root, rtol=0)
    by_units_alone = Theta(theta.root, theta.sigma).internal(basis)[0]
    assert_allclose(by_units_alone, root, rtol=1e-8, atol=1e-8)
    assert_allclose(theta.flat[0].internal(basis)[0], root, rtol=0)


def test_many_theta_are_each_one(model: hb.Model) -> None:
    roots = np.linalg.cholesky(np.array([[G, 2.0 * G, 3.0 * G], [G, G, 5.0 * G]]))
    theta = Theta.of(roots, np.arange(1.0, 7.0).reshape(2, 3))
    assert theta.shape == (2, 3)
    assert theta.flat.shape == (6,)
    assert_allclose(theta.flat[5].G, 5.0 * G)
    assert_allclose(theta[1, 2].G, 5.0 * G)
    assert theta[1, 2].shape == () and float(theta[1, 2].sigma) == 6.0
    assert_allclose(theta.sd[1, 2], np.sqrt(5.0 * np.diag(G)))
    assert_allclose(theta.corr[0, 1, 1, 0], 0.3 / np.sqrt(1.6))
    cross = model.problem.cross
    reduced = Likelihood(cross).reduce(theta.flat)
    prior = model.priors.normal_gamma(cross)
    several = reduced.log_density(prior, NORMAL)
    one = Likelihood(cross, NORMAL, prior).at(theta[1, 2]).value
    assert several[5] == pytest.approx(one, rel=1e-12)
