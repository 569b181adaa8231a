"""The posterior of AR(1) and of strata beside a quadrature of the dense model, γ and u included."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.fit.effects import group_shrinkage, shrinkage_of_groups
from hierbayes.frames.arrays import Floats
from tests.test_residual_structures import ROWS, errors_by_hand

X = np.column_stack([np.ones(len(ROWS)), ROWS["x"]])
Z = (ROWS["g"].to_numpy()[:, None] == np.unique(ROWS["g"])).astype(float)
Y = ROWS["y"].to_numpy()
SIGMA, SD = np.linspace(0.55, 1.65, 20), np.linspace(0.02, 3.4, 28)
PRIORS = {"gamma": hb.Flat(), "sd": hb.HalfNormal(1), "sigma": hb.HalfNormal(2)}


@dataclass(frozen=True)
class Errors:
    """A structure of one parameter, a grid of it, and its prior density."""

    structure: hr.ResidualStructure
    name: str
    grid: Floats
    prior: Any


CASES = [
    Errors(hr.AR1("week"), "phi", np.linspace(-0.9, 0.97, 28), stats.uniform(-1, 2)),
    Errors(hr.Strata("sex"), "ratio[M]", np.linspace(0.4, 3.2, 28), stats.lognorm(1.0)),
]


def moments(case: Errors) -> dict[str, tuple[Floats, Floats]]:
    """Means and standard deviations of each quantity under the dense posterior, on a grid."""
    weights, means, seconds = [], [], []
    for value in case.grid:
        R = errors_by_hand(case.structure, ROWS, {case.name: value})
        sigma, sd = (one.ravel() for one in np.meshgrid(SIGMA, SD, indexing="ij"))
        V = sigma[:, None, None] ** 2 * R + sd[:, None, None] ** 2 * (Z @ Z.T)
        inverse = np.linalg.inv(V)  # (m, n, n)
        information = X.T @ inverse @ X
        cov = np.linalg.inv(information)
        gamma = (cov @ (X.T @ inverse @ Y)[..., None])[..., 0]
        rest = Y - gamma @ X.T
        solved = np.einsum("mij,mj->mi", inverse, rest)
        weights.append(
            -0.5 * (np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1]
                    + (rest * solved).sum(axis=1))
            + stats.norm(0, 2).logpdf(sigma) + stats.norm(0, 1).logpdf(sd)
            + case.prior.logpdf(value)
        )  # fmt: skip
        u = sd[:, None] ** 2 * (solved @ Z)  # E(u | y, θ), (m, J)
        own = np.column_stack([np.full(len(sd), value), sigma, sd])
        means.append(np.column_stack([own, gamma, u]))
        spread = np.diagonal(cov, axis1=1, axis2=2)
        seconds.append(np.column_stack([own**2, gamma**2 + spread]))
    log_p = np.concatenate(weights)
    p = np.exp(log_p - log_p.max())
    first = p @ np.concatenate(means) / p.sum()
    sizes = np.sqrt(p @ np.concatenate(seconds) / p.sum() - first[:5] ** 2)
    parts = {"errors": slice(0, 1), "sigma": slice(1, 2), "sd": slice(2, 3), "gamma": slice(3, 5)}
    return {k: (first[at], sizes[at]) for k, at in parts.items()} | {"u": (first[5:], np.empty(0))}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("sampler", ["importance", "nutpie"])
def test_moments_are_those_of_the_dense_model(case: Errors, sampler: str) -> None:
    model = hb.Model("y ~ x + (1 | g)", ROWS, residual=case.structure, priors=PRIORS)
    fit = model.sample(draws=500, tune=300, chains=2, seed=3, sampler=sampler, progress=False)
    drawn = {
        "errors": fit.error_draws[1],
        "sigma": fit.theta.sigma[..., None],
        "sd": fit.theta.sd,
        "gamma": fit.gamma_draws,
        "u": fit.us[0][..., 0],
    }
    for name, (mean, size) in moments(case).items():
        for k, value in enumerate(mean):
            draws = drawn[name][..., k]
            error = float(array_stats.mcse(draws, method="mean", chain_axis=0, draw_axis=1))
            assert abs(draws.mean() - value) < 6.0 * error, f"mean of {name} {k}"
            if len(size):
                error = float(array_stats.mcse(draws, method="sd", chain_axis=0, draw_axis=1))
                assert abs(draws.std() - size[k]) < 6.0 * error + 2e-3, f"sd of {name} {k}"


def test_shrinkage_of_each_draw_is_that_of_its_own_errors() -> None:
    """Λ_j = I − Cov(u_j | γ, θ, R, y)G⁻¹ with R written out, averaged over the draws."""
    structure = hr.AR1("week") * hr.Strata("sex")
    model = hb.Model("y ~ x + (1 + x | g)", ROWS, residual=structure)
    fit = model.sample(draws=15, chains=2, seed=4, sampler="importance", progress=False)
    names, drawn = fit.error_draws
    G, sigma = fit.theta.G.reshape(-1, 2, 2), fit.theta.sigma.ravel()
    found = np.empty((len(sigma), Z.shape[1], 2, 2))
    for m, own in enumerate(drawn.reshape(len(sigma), -1)):
        R = errors_by_hand(structure, ROWS, dict(zip(names, own, strict=True)))
        for j, member in enumerate(Z.T.astype(bool)):
            columns = X[member]
            A = columns.T @ np.linalg.solve(R[np.ix_(member, member)], columns) / sigma[m] ** 2
            found[m, j] = G[m] @ A @ np.linalg.inv(np.eye(2) + G[m] @ A)
    table = fit.shrinkage()
    for k, effect in enumerate(fit.design.effects):
        mean = found.mean(axis=0)[:, :, k].ravel()
        assert_allclose(table[f"shrinkage[{effect}]"], mean, rtol=1e-8, atol=1e-10)
        sd = found.std(axis=0, ddof=1)[:, :, k].ravel()
        assert_allclose(table[f"shrinkage_sd[{effect}]"], sd, rtol=1e-6, atol=1e-10)
    assert_allclose(group_shrinkage(fit, 3).reshape(-1, 2, 2), found[:, 3], rtol=1e-8, atol=1e-10)
    (one,) = shrinkage_of_groups(fit, 0, np.array([5]))
    assert_allclose(one, found[:, 5], rtol=1e-8, atol=1e-10)
