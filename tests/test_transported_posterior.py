"""Posteriors of models with a family: their log density, its gradient, and what is sampled."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from numpy.typing import NDArray
from scipy import stats
from scipy.special import logsumexp

import hierbayes as hb
from hierbayes.errors import EstimationError
from hierbayes.estimation import pseudo_data as pseudo_data_module
from hierbayes.estimation.density import callbacks, density_at
from hierbayes.estimation.latent_effects import effects_of
from hierbayes.estimation.posterior import sample_target
from hierbayes.estimation.pseudo_data import pseudo_data
from hierbayes.estimation.settings import SamplerSettings
from hierbayes.estimation.whitening import whitened
from hierbayes.families import Bernoulli, Binomial, NegativeBinomial, Poisson
from hierbayes.families.family import ResponseFamily
from hierbayes.likelihood import transported
from tests.family_models import Posed, expanded, pose

Array = NDArray[np.float64]
GAMMA, SD = hb.Normal(0.0, 2.0), hb.HalfNormal(1.5)
PRIORS: dict[str, Any] = {"gamma": GAMMA, "sd": SD}
CASES: dict[str, tuple[str, ResponseFamily]] = {
    "intercepts, Bernoulli": ("b ~ x + (1 | g)", Bernoulli()),
    "slopes, Poisson": ("y ~ x + (1 + x | g)", Poisson()),
    "independent, binomial": ("k ~ x + (1 | g) + (0 + x | g)", Binomial(link="probit")),
    "crossed, Bernoulli": ("b ~ x + (1 + x | g) + (1 | h)", Bernoulli(link="cloglog")),
    "nested, Poisson": ("y ~ x + (1 | h) + (1 | h:g)", Poisson()),
    "slopes, negative binomial": ("y ~ x + (1 + x | g)", NegativeBinomial()),
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(8), 6)
    x = rng.normal(size=48)
    eta = -0.3 + 0.5 * x + rng.normal(0.0, 0.7, 8)[g]
    p = 1.0 / (1.0 + np.exp(-eta))
    return pd.DataFrame({
        "x": x, "g": g, "h": np.arange(48) % 5,
        "b": (rng.uniform(size=48) < p).astype(float),
        "y": rng.poisson(np.exp(eta)).astype(float),
        "k": rng.binomial(4, p).astype(float),
    })  # fmt: skip


def posed(name: str, data: pd.DataFrame) -> Posed:
    formula, family = CASES[name]
    data = data.assign(trials=4.0) if family.name == "Binomial" else data
    corr = {"corr": hb.LKJ(2)} if "1 + x |" in formula else {}
    sigma = {"sigma": hb.Exponential(0.5)} if family.dispersion else {}
    phi = np.full(len(family.dispersion), 2.0)
    return pose(formula, data, family, PRIORS | corr | sigma, phi=phi)


@pytest.mark.parametrize("name", CASES)
def test_value_is_that_of_priors_rows_and_the_map(name: str, data: pd.DataFrame) -> None:
    """All of it written out; the volume of the map by differences of the effects."""
    one = posed(name, data)
    target, rng = one.target, np.random.default_rng(2)
    d = target.n_dim - target.latent
    values = []
    for _ in range(2):
        x = np.concatenate(
            [one.start[0] + 0.3 * rng.normal(size=d), rng.normal(size=target.latent)]
        )
        value, _, parameters = density_at(x, target.data)
        root, sigma, gamma = target.parameters(parameters)
        assert gamma is not None
        z = target.latent_coordinates(parameters)
        np.testing.assert_array_equal(z, x[d:])

        def b_of(z: Array, root: Array = root, gamma: Array = gamma) -> Array:
            us = effects_of(one.roots(root), one.rows.to_internal @ gamma, z, one.pseudo)
            solved = [
                np.linalg.solve(L, u.T).T.ravel() for L, u in zip(one.roots(root), us, strict=True)
            ]
            return np.concatenate(solved)

        h = 1e-4
        steps = h * np.eye(len(z))
        jacobian = np.array([(b_of(z + e) - b_of(z - e)) / (2.0 * h) for e in steps])
        us = effects_of(one.roots(root), one.rows.to_internal @ gamma, z, one.pseudo)
        u = np.concatenate([part.ravel() for part in us])
        eta = one.design.X @ gamma + expanded(one.design) @ u
        family, y, m = one.rows.family, one.rows.y, one.rows.m
        b = b_of(z)
        phi = np.full(len(family.dispersion), float(sigma))
        expected = float(family.derivatives(y, m, eta, phi)[0].sum())
        expected += (stats.expon(scale=2.0).logpdf(phi) + np.log(phi)).sum()
        expected += family.log_constant(y, m) + stats.norm.logpdf(b).sum()
        expected += float(np.linalg.slogdet(jacobian)[1])
        expected += stats.norm(0.0, 2.0).logpdf(gamma).sum()
        values.append(value - expected - _log_prior_of_sd(one, x, root))
    assert values == pytest.approx([0.0, 0.0], abs=1e-6)


def _log_prior_of_sd(one: Posed, x: Array, root: Array) -> float:
    """That of the coordinates of sd and corr: half-normal in a signed sd, LKJ(2) of pairs."""
    columns = one.priors.columns(len(root))
    within = np.linalg.solve(columns, root)
    sd = np.linalg.norm(within, axis=1)
    q = len(sd)
    total = float(stats.norm(0.0, 1.5).logpdf(sd).sum())  # of sd / unit: its volume is cosh x
    total += float(np.log(np.cosh(x[:q])).sum())
    at, pair = 0, q
    for size in one.design.blocks:
        if size == 2:  # ρ = z/√(1 + z²), dρ/dz = (1 + z²)^(−3/2)
            rho = x[pair] / math.hypot(1.0, x[pair])
            total += float(stats.beta(2, 2).logpdf(0.5 * (1.0 + rho))) - math.log(2.0)
            total -= 1.5 * math.log1p(x[pair] ** 2)
            pair += 1
        at += size
    return total


@pytest.mark.parametrize("name", CASES)
def test_gradient_in_every_coordinate(name: str, data: pd.DataFrame) -> None:
    one = posed(name, data)
    for target in (one.target, whitened(one.target, one.start)):
        x = np.random.default_rng(3).normal(0.0, 0.6, target.n_dim)
        value, gradient = called(target, x)
        h = 1e-5
        steps = h * np.eye(len(x))
        numeric = [(called(target, x + e)[0] - called(target, x - e)[0]) / (2 * h) for e in steps]
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6 * abs(value))


def called(target: Any, x: Array) -> tuple[float, Array]:
    """Value and gradient as a sampler asks for them."""
    gradient, value = np.empty(len(x)), np.empty(1)
    arrays = [np.ascontiguousarray(x), gradient, value, target.data]
    pointers = [a.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for a in arrays]
    assert target.log_density.ctypes(len(x), *pointers) == 0
    return float(value[0]), gradient


def test_nothing_is_compiled_for_another_structure_or_family(data: pd.DataFrame) -> None:
    for name in CASES:
        one = posed(name, data)
        assert one.target.log_density is callbacks().log_density
        assert one.target.expand is callbacks().expand
        assert one.inputs.address == transported.address()


# ---------------------------------------------------------------- pseudo-data


def test_several_factors_with_one_that_says_nothing_are_as_the_other(data: pd.DataFrame) -> None:
    """The general way, where another factor has no variance, is that of one factor."""
    one, both = posed("slopes, Poisson", data), posed("crossed, Bernoulli", data)
    rows = one.normal
    h, J = both.normal.codes[1], both.normal.groups[1]
    several = type(rows)(
        rows.kappa, rows.response, rows.X, (*rows.Z, np.ones((len(h), 1))), (*rows.codes, h),
        (*rows.groups, J),
    )  # fmt: skip
    found = pseudo_data(several, [np.diag([0.7, 0.0]), np.zeros((1, 1))])
    np.testing.assert_allclose(found.A[0], one.pseudo.A[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.B[0], one.pseudo.B[0], rtol=1e-9, atol=1e-12)


def test_of_the_factor_mapped_first_moments_are_those_of_all_effects(data: pd.DataFrame) -> None:
    """(G⁻¹ + A)⁻¹ is the variance of u_j, and (G⁻¹ + A)⁻¹(B_y − B_X γ) its mean, given γ."""
    one, sd = posed("crossed, Bernoulli", data), 0.7
    Z, rows = expanded(one.design), one.normal
    V = np.linalg.inv(Z.T @ (rows.kappa[:, None] * Z) + np.eye(Z.shape[1]) / sd**2)
    gamma = np.array([0.3, -0.8])
    mean = V @ Z.T @ (rows.response - rows.kappa * (rows.X @ gamma))
    assert one.pseudo.order == (1, 0)
    for j, (A, B) in enumerate(zip(one.pseudo.A[1], one.pseudo.B[1], strict=True)):
        at = 2 * rows.groups[0] + j
        K = 1.0 / (A[0, 0] + sd**-2)
        assert pytest.approx(V[at, at], rel=1e-9) == K
        assert K * (B[0, 2] - B[0, :2] @ gamma) == pytest.approx(mean[at], rel=1e-8)


@pytest.mark.parametrize("name", ["slopes, Poisson", "nested, Poisson", "three levels", "crossed"])
def test_of_the_gaussian_rows_z_is_standard_normal(name: str, data: pd.DataFrame) -> None:
    """Of nested factors all of it; of crossed ones that of the factor that is mapped last."""
    if name == "three levels":
        data = data.assign(i=np.arange(len(data)) // 2, f=data["g"] // 3)
        one = pose("y ~ x + (1 | f) + (1 | f:g) + (1 | f:g:i)", data, Poisson(), PRIORS)
    else:
        one = posed("crossed, Bernoulli" if name == "crossed" else name, data)
    rows, Z, gamma, sd = one.normal, expanded(one.design), np.array([0.3, -0.8]), 0.7
    roots = one.roots(sd * np.eye(len(one.design.effects)))
    z = np.random.default_rng(6).normal(size=len(Z.T))
    if name == "crossed":
        z[2 * rows.groups[0] :] = 0.0

    def log_density(z: Array) -> float:
        u = np.concatenate([part.ravel() for part in effects_of(roots, gamma, z, one.pseudo)])
        away = rows.response / rows.kappa - rows.X @ gamma - Z @ u
        return float(-0.5 * rows.kappa @ away**2 - 0.5 * u @ u / sd**2)

    found = log_density(z) - log_density(np.zeros_like(z))
    assert found == pytest.approx(-0.5 * (z @ z), rel=1e-8)


def test_too_many_effects_of_several_factors_are_refused(
    data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the factor with most groups count for nothing."""
    monkeypatch.setattr(pseudo_data_module, "LARGEST", 4)
    with pytest.raises(EstimationError) as refused:
        posed("crossed, Bernoulli", data)
    assert str(refused.value) == (
        "5 random effects beside those of the grouping factor with most groups are too many for a "
        "posterior of a family other than the Gaussian: at most 4; use ml()"
    )
    monkeypatch.setattr(pseudo_data_module, "LARGEST", 5)
    assert posed("crossed, Bernoulli", data).pseudo.order


# ---------------------------------------------------------------- posteriors


SETTINGS = SamplerSettings(
    draws=500, tune=300, chains=2, seed=4, target_accept=0.8, sampler="nutpie", cores=1,
    progress=False,
)  # fmt: skip


def exact_moments(
    log_rows: Callable[[Array], Array], codes: Array, J: int
) -> tuple[tuple[float, float], tuple[float, float], Array]:
    """Mean and variance of γ and of sd, and means of u, by quadrature over γ, sd and each u_j."""
    gamma, sd = np.linspace(-4.0, 4.0, 161), np.linspace(0.02, 5.0, 120)
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    log_weights = np.log(weights / weights.sum())
    log_p, u = np.empty((len(gamma), len(sd))), np.empty((len(gamma), J, len(sd)))
    for i, g in enumerate(gamma):
        eta = g + sd[:, None] * nodes  # (sd, nodes)
        rows = log_rows(eta)  # (n, sd, nodes)
        groups = np.array([rows[codes == j].sum(axis=0) for j in range(J)])
        each = logsumexp(groups + log_weights, axis=-1)  # (J, sd)
        log_p[i] = each.sum(axis=0)
        u[i] = np.exp(groups + log_weights - each[..., None]) @ nodes * sd
    log_p += stats.norm(0.0, 2.0).logpdf(gamma)[:, None] + stats.halfnorm(0.0, 1.5).logpdf(sd)
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    means = np.einsum("ijk,ik->j", u, p)
    return _moments(gamma, p.sum(axis=1)), _moments(sd, p.sum(axis=0)), means


def _moments(x: Array, p: Array) -> tuple[float, float]:
    mean = float(x @ p)
    return mean, float((x - mean) ** 2 @ p)


@pytest.mark.parametrize("family", [Bernoulli(), Poisson()], ids=["Bernoulli", "Poisson"])
@pytest.mark.slow
def test_posterior_is_that_of_quadrature(family: ResponseFamily, data: pd.DataFrame) -> None:
    name = "b" if family.name == "Bernoulli" else "y"
    one = pose(f"{name} ~ 1 + (1 | g)", data, family, PRIORS)
    target = whitened(one.target, one.start)
    d = target.n_dim - target.latent
    start = np.zeros(target.n_dim), np.r_[np.full(d, 0.5), np.ones(target.latent)]
    draws = sample_target(target, start, SETTINGS, 0.0)
    assert draws.gamma is not None and draws.latent is not None
    y = data[name].to_numpy()[:, None, None]

    def log_rows(eta: Array) -> Array:
        if family.name == "Bernoulli":
            return -np.logaddexp(0.0, np.where(y > 0, -eta, eta))
        return y * eta - np.exp(eta)

    *exact, exact_u = exact_moments(log_rows, data["g"].to_numpy(), 8)
    for found, (mean, variance) in zip(
        (draws.gamma[..., 0], np.abs(draws.theta.root[..., 0, 0])), exact, strict=True
    ):
        assert_mean(found, mean)
        assert_mean((found - mean) ** 2, variance)
    internal = draws.gamma @ one.rows.to_internal.T
    (u,) = effects_of([draws.theta.root], internal, draws.latent, one.pseudo)
    for j, mean in enumerate(exact_u):
        assert_mean(u[..., j, 0], mean)


def assert_mean(draws: Array, expected: float) -> None:
    """Within four Monte Carlo standard errors."""
    error = draws.std() / math.sqrt(float(array_stats.ess(draws, method="mean")))
    assert abs(float(draws.mean()) - expected) < 4.0 * error
