"""A prior of the intraclass correlation on the latent scale of a link."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from numpy.polynomial.hermite_e import hermegauss
from scipy import stats
from scipy.special import expit

import hierbayes as hb
from hierbayes.estimation.family_mode import log_prior_of
from hierbayes.likelihood.laplace import LatentPoint
from hierbayes.priors.joint_density import joint_density_at

F = hb.families
PRIORS = dict(icc=hb.Beta(2, 8), gamma=hb.Normal(0, 2))
VARIANCE = {"logit": np.pi**2 / 3, "probit": 1.0, "cloglog": np.pi**2 / 6}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Successes out of six trials in eight groups."""
    k = np.array([1, 3, 2, 5, 0, 4, 6, 3])
    return pd.DataFrame({"g": np.arange(8), "k": k, "n": 6, "x": np.linspace(-1.0, 1.0, 8)})


def posed(rows: pd.DataFrame, link: str = "logit", effects: str = "1") -> hb.Model:
    formula = f"k | trials(n) ~ 1 + ({effects} | g)"
    return hb.Model(formula, rows, family=F.Binomial(link=link), priors=PRIORS)


@pytest.mark.parametrize("link", VARIANCE)
def test_one_effect_is_a_change_of_variable(link: str, rows: pd.DataFrame) -> None:
    """p(sd) = p(icc) d icc/d sd with icc = sd²/(sd² + v), whatever stands for σ."""
    model, v = posed(rows, link), VARIANCE[link]
    sd, sigma = np.array([0.2, 0.7, 1.9]), np.array([1.0, 3.0, 0.1])
    icc = sd**2 / (sd**2 + v)
    known = stats.beta(2, 8).logpdf(icc) + np.log(2.0 * sd * v / (sd**2 + v) ** 2)
    (entry,) = model.priors.joint
    found = joint_density_at(entry, model.problem.design, sd[:, None, None], sigma)
    np.testing.assert_allclose(found, known, rtol=1e-12)
    basis = model.problem.working.basis
    for one, wanted in zip(sd, known, strict=True):
        root = np.array([[one]]) @ np.linalg.inv(basis.root(np.eye(1)))
        point = LatentPoint(basis.gamma_internal(np.array([0.3])), root, np.empty(0))
        total = log_prior_of(model.problem, model.priors)(point)
        assert total == pytest.approx(wanted + stats.norm(0, 2).logpdf(0.3), rel=1e-10)


@pytest.mark.parametrize("effects", ["1", "1 + x"])
@pytest.mark.parametrize("link", VARIANCE)
def test_what_the_prior_implies_is_what_is_stated(
    link: str, effects: str, rows: pd.DataFrame
) -> None:
    data = pd.concat([rows, rows.assign(x=rows["x"] + 0.5)])
    drawn = posed(data, link, effects).prior_predictive(draws=1000, seed=3).draws
    icc, n = drawn["icc"].to_numpy(), 1000
    beta = stats.beta(2, 8)
    assert abs(icc.mean() - beta.mean()) < 6.0 * beta.std() / np.sqrt(n)
    assert abs((icc < 0.1).mean() - beta.cdf(0.1)) < 6.0 * 0.5 / np.sqrt(n)
    second = np.array([[1.0, data["x"].mean()], [data["x"].mean(), (data["x"] ** 2).mean()]])
    q = 1 + (effects != "1")
    between = np.einsum("dkl,kl->d", drawn["G"].to_numpy(), second[:q, :q])
    np.testing.assert_allclose(icc, between / (between + VARIANCE[link]), rtol=1e-10)


@pytest.mark.slow
def test_the_posterior_is_that_of_quadrature(rows: pd.DataFrame) -> None:
    """Over a grid of γ and sd, u by Gauss and Hermite's nodes."""
    nodes, weights = hermegauss(30)
    gamma, sd = np.linspace(-4.0, 4.0, 81), np.linspace(0.01, 5.0, 250)
    p = expit(gamma[:, None, None] + sd[:, None] * nodes)  # (γ, sd, node)
    log_joint = stats.norm(0, 2).logpdf(gamma)[:, None] + np.zeros(len(sd))
    v = np.pi**2 / 3
    icc = sd**2 / (sd**2 + v)
    log_joint = log_joint + stats.beta(2, 8).logpdf(icc) + np.log(2.0 * sd * v / (sd**2 + v) ** 2)
    for k, n in zip(rows["k"], rows["n"], strict=True):
        log_joint = log_joint + np.log((p**k * (1.0 - p) ** (n - k)) @ weights)
    density = np.exp(log_joint - log_joint.max())
    density /= density.sum()
    post = posed(rows).sample(draws=500, tune=300, seed=2)
    drawn = post.theta.sd[..., 0]
    share = drawn**2 / (drawn**2 + v)
    for values, known in ((share, icc), (drawn, sd)):
        mean = float(density.sum(axis=0) @ known)
        assert abs(values.mean() - mean) < 6.0 * float(array_stats.mcse(values, method="mean"))
    assert post.icc()["icc"] == pytest.approx(share.mean(), rel=1e-10)


@pytest.mark.parametrize(
    ("family", "formula"),
    [(F.Poisson(), "k ~ 1 + (1 | g)"), (F.BetaBinomial(), "k | trials(n) ~ 1 + (1 | g)"),
     (F.Categorical(), "c ~ 1 + (1 | g)")],
)  # fmt: skip
def test_families_without_such_a_scale_refuse(
    family: F.ResponseFamily, formula: str, rows: pd.DataFrame
) -> None:
    with pytest.raises(hb.PriorError) as refused:
        twice = pd.concat([rows, rows.assign(k=6 - rows["k"])])
        hb.Model(formula, twice.assign(c=twice["k"] % 3), family=family, priors=PRIORS)
    assert "a prior of 'icc' is on a latent scale with a known variance, as links of" in str(
        refused.value
    )
    assert str(refused.value).endswith(f"and {family} has none; state 'sd' instead")


def test_it_is_printed_as_it_is_stated_and_kept_in_a_file(
    rows: pd.DataFrame, tmp_path: object
) -> None:
    model = posed(rows, "probit")
    assert model.priors.frame().loc[("icc", "icc"), "prior"] == "Beta(2, 8)"
    fit = model.map()
    fit.save(f"{tmp_path}/icc.fit")
    assert hb.load_fit(f"{tmp_path}/icc.fit").priors == model.priors
    with pytest.raises(hb.PriorError, match="the prior of 'icc' says what that of 'sd' would say"):
        hb.Model("k | trials(n) ~ 1 + (1 | g)", rows, family="binomial",
                 priors=PRIORS | {"sd": hb.HalfNormal(1)})  # fmt: skip
