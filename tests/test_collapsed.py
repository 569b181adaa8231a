"""The collapsed likelihood and what it leaves given θ, against n×n matrices."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from hierbayes.design.basis import Basis
from hierbayes.design.crossproducts import CrossProducts
from hierbayes.design.standardisation import Standardisation
from hierbayes.likelihood.conditional import (
    NormalPrior,
    draw_gamma,
    draw_u,
    flat_prior,
)
from hierbayes.likelihood.covariance import block_mask
from hierbayes.likelihood.gaussian import Likelihood
from hierbayes.likelihood.native import collapsed_native, provide
from hierbayes.likelihood.reading import GIVEN, ML, NORMAL, REML, Reading
from hierbayes.likelihood.theta import Theta
from tests import dense
from tests.dense import Array, Rows

READINGS = {"ML": ML, "REML": REML, "NORMAL": NORMAL, "GIVEN": GIVEN}
BLOCKS = ((1,), (2,), (1, 1), (3,), (2, 1), (4,), (1, 3), (5,), (2, 1, 2))
SIZES = (1, 1, 2, 3, 5, 9, 14)  # most A_j are singular when q is large
P = 3

every_reading = pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
every_structure = pytest.mark.parametrize("blocks", BLOCKS, ids=str)
every_rank = pytest.mark.parametrize("singular", [False, True], ids=["regular", "singular"])


def unchanged(k: int) -> Standardisation:
    zero, one = np.zeros(k), np.ones(k)
    return Standardisation(zero, one, np.eye(k), np.eye(k), one, zero)


def collapsed(root: Array, *arguments: Any) -> Any:
    """The likelihood at a root of the internal basis."""
    provide()
    return collapsed_native(root, *arguments[:2], np.eye(len(root)), *arguments[2:])


class Setting:
    """Random rows and a random θ, γ and prior of γ, drawn anew from the blocks of G."""

    def __init__(self, blocks: tuple[int, ...], singular: bool = False) -> None:
        q = sum(blocks)
        rng = np.random.default_rng([*blocks, singular])
        codes = np.repeat(np.arange(len(SIZES)), SIZES)
        n = len(codes)
        Z = np.column_stack([np.ones(n), rng.normal(size=(n, q - 1))])
        X = np.column_stack([np.ones(n), rng.normal(size=(n, P - 1))])
        order = rng.permutation(n)
        self.rows = Rows(rng.normal(1.0, 2.0, n)[order], X[order], Z[order], codes[order])
        self.root = np.where(block_mask(blocks), rng.normal(size=(q, q)), 0.0)
        if singular:
            self.root[:, 0] = 0.0
        self.sigma = float(rng.uniform(0.5, 2.0))
        self.gamma = rng.normal(size=P)
        half = rng.normal(size=(P, P))
        self.precision = half @ half.T + 0.3 * np.eye(P)
        self.mean = rng.normal(size=P)
        self.prior = (self.mean, np.linalg.inv(self.precision))
        J, q = len(SIZES), len(self.root)
        basis = Basis(unchanged(P), unchanged(q), np.zeros(P), 0.0, 1.0, np.zeros(P))
        sizes = np.array(SIZES, dtype=np.float64)
        self.cross = CrossProducts.from_sums(
            *self.rows.cross_products(), sizes, pd.RangeIndex(J), basis
        )
        self.n = float(n)

    def arguments(self, root: Array, sigma: float, gamma: Array, reading: Reading) -> Any:
        return (
            root, sigma, gamma, self.cross.R, self.cross.T, self.cross.W, self.n, self.precision,
            self.mean, int(reading),
        )  # fmt: skip

    def dense(self, L: Array, sigma: float, gamma: Array, reading: Reading) -> float:
        return dense.log_density(self.rows, L @ L.T, sigma, reading, gamma, self.prior)


@every_reading
@every_rank
@every_structure
def test_value_and_gradient(blocks: tuple[int, ...], singular: bool, reading: Reading) -> None:
    s = Setting(blocks, singular)
    L, sigma, gamma = s.root, s.sigma, s.gamma
    value, d_root, d_sigma, d_gamma = collapsed(*s.arguments(L, sigma, gamma, reading))
    assert_allclose(value, s.dense(L, sigma, gamma, reading), rtol=1e-11)
    by_root = dense.gradient(lambda t: s.dense(t, sigma, gamma, reading), L)
    assert_allclose(d_root, by_root, rtol=1e-7, atol=1e-7)
    by_sigma = dense.gradient(lambda t: s.dense(L, t[0], gamma, reading), np.array([sigma]))
    assert_allclose(d_sigma, by_sigma[0], rtol=1e-7, atol=1e-7)
    by_gamma = dense.gradient(lambda t: s.dense(L, sigma, t, reading), gamma)
    assert_allclose(d_gamma, by_gamma if reading == GIVEN else 0.0, rtol=1e-7, atol=1e-7)


@every_reading
def test_only_G_matters_not_which_root(reading: Reading) -> None:
    s = Setting((3,))
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    one = collapsed(*s.arguments(s.root, s.sigma, s.gamma, reading))[0]
    other = collapsed(*s.arguments(s.root @ turn, s.sigma, s.gamma, reading))[0]
    assert_allclose(other, one, rtol=1e-13)


@every_reading
def test_no_between_variance_is_a_regression(reading: Reading) -> None:
    s = Setting((2,))
    value = collapsed(*s.arguments(np.zeros((2, 2)), s.sigma, s.gamma, reading))[0]
    assert_allclose(value, s.dense(np.zeros((2, 2)), s.sigma, s.gamma, reading), rtol=1e-12)


HOPELESS = {
    "overflow": (1e200, 1.0),
    "infinite root": (np.inf, 1.0),
    "nan root": (np.nan, 1.0),
    "sigma 0": (1.0, 0.0),
    "negative sigma": (1.0, -1.0),
    "infinite sigma": (1.0, np.inf),
    "nan sigma": (1.0, np.nan),
    "sigma underflows": (1.0, 1e-200),
}


@every_reading
@pytest.mark.parametrize("which", HOPELESS)
def test_hopeless_proposals_have_density_zero(which: str, reading: Reading) -> None:
    s = Setting((2, 1))
    root, sigma = s.root.copy(), HOPELESS[which][1]
    root[1, 1] = HOPELESS[which][0]
    value = collapsed(*s.arguments(root, sigma, s.gamma, reading))[0]
    assert value == -np.inf


def test_hopeless_gamma_or_prior_has_density_zero() -> None:
    s = Setting((2,))
    for bad in (np.nan, np.inf):
        gamma = np.array([bad, 0.0, 0.0])
        assert collapsed(*s.arguments(s.root, s.sigma, gamma, GIVEN))[0] == -np.inf
    s.precision = -1e3 * s.precision  # Q is then not positive definite
    assert collapsed(*s.arguments(s.root, s.sigma, s.gamma, NORMAL))[0] == -np.inf


@every_rank
@every_structure
@pytest.mark.parametrize("flat", [True, False], ids=["flat", "normal"])
def test_conditional_moments(blocks: tuple[int, ...], singular: bool, flat: bool) -> None:
    s = Setting(blocks, singular)
    prior = flat_prior(P) if flat else NormalPrior(s.mean, s.precision)
    cross = s.cross
    theta = Theta.from_internal(s.root * s.sigma, s.sigma, cross.basis)
    found = Likelihood(cross, NORMAL, prior).at(theta).moments
    G = s.sigma**2 * s.root @ s.root.T
    true = dense.moments(s.rows, G, s.sigma, None if flat else s.prior)
    for name in ("gamma", "gamma_cov", "u", "u_cov", "u_cov_marginal"):
        assert_allclose(getattr(found, name), getattr(true, name), atol=1e-10, err_msg=name)


@every_structure
@pytest.mark.parametrize("flat", [True, False], ids=["flat", "normal"])
def test_draws_are_the_moments_exactly(blocks: tuple[int, ...], flat: bool) -> None:
    """A draw is its mean plus a factor of its covariance times the standard normals."""
    s, J, q = Setting(blocks), len(SIZES), sum(blocks)
    cross, prior = s.cross, flat_prior(P) if flat else NormalPrior(s.mean, s.precision)
    true = dense.moments(s.rows, s.sigma**2 * s.root @ s.root.T, s.sigma, None if flat else s.prior)
    units = np.vstack([np.zeros(P), np.eye(P)])
    roots, sigmas = np.tile(s.root, (P + 1, 1, 1)), np.full(P + 1, s.sigma)
    gamma = draw_gamma(roots, sigmas, cross, prior, units)
    F = (gamma[1:] - gamma[0]).T
    assert_allclose(gamma[0], true.gamma, atol=1e-10)
    assert_allclose(F @ F.T, true.gamma_cov, atol=1e-10)

    units = np.zeros((q + 1, J, q))
    units[1:] = np.eye(q)[:, None, :]
    roots, sigmas = np.tile(s.root, (q + 1, 1, 1)), np.full(q + 1, s.sigma)
    u = draw_u(roots, sigmas, np.tile(gamma[0], (q + 1, 1)), cross, units)
    F = np.moveaxis(u[1:] - u[0], 0, -1)  # (J, q, q)
    assert_allclose(u[0], true.u, atol=1e-10)
    assert_allclose(F @ np.swapaxes(F, 1, 2), true.u_cov, atol=1e-10)


def test_moments_of_many_draws_of_gamma_and_u() -> None:
    """Drawn one after the other, (γ, u) have the moments of both; five standard errors."""
    M, s, rng = 20_000, Setting((2, 1)), np.random.default_rng(7)
    J, q, cross = len(SIZES), 3, s.cross
    true = dense.moments(s.rows, s.sigma**2 * s.root @ s.root.T, s.sigma, s.prior)
    roots, sigmas = np.tile(s.root, (M, 1, 1)), np.full(M, s.sigma)
    prior = NormalPrior(s.mean, s.precision)
    gamma = draw_gamma(roots, sigmas, cross, prior, rng.standard_normal((M, P)))
    u = draw_u(roots, sigmas, gamma, cross, rng.standard_normal((M, J, q)))
    blocks = [(gamma, true.gamma, true.gamma_cov)]
    blocks += [(u[:, j], true.u[j], true.u_cov_marginal[j]) for j in range(J)]
    for draws, mean, cov in blocks:
        white = np.linalg.solve(np.linalg.cholesky(cov), (draws - mean).T)  # N(0, I)
        assert np.abs(white.mean(axis=1)).max() < 5.0 / np.sqrt(M)
        second = white @ white.T / M - np.eye(len(cov))
        assert (np.abs(second) < 5.0 * np.sqrt((1.0 + np.eye(len(cov))) / M)).all()


@every_reading
@every_structure
def test_native_is_absolute_in_another_basis(blocks: tuple[int, ...], reading: Reading) -> None:
    provide()
    s, q = Setting(blocks), sum(blocks)
    T = np.random.default_rng(q).normal(size=(q, q))
    arguments = s.arguments(s.root, s.sigma, s.gamma, reading)
    found = collapsed_native(*arguments[:3], T, *arguments[3:])
    value, d_root, d_sigma, d_gamma = collapsed(T @ s.root, *arguments[1:])
    assert_allclose(found[0], value, rtol=1e-13)
    assert_allclose(found[1], T.T @ d_root, rtol=1e-10, atol=1e-12)
    assert_allclose(found[2], d_sigma, rtol=1e-11)
    assert_allclose(found[3], d_gamma, rtol=1e-11)
