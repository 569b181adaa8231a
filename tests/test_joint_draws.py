"""Draws from joint priors against textbook distributions and their own densities."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import hierbayes as hb
from hierbayes.priors.draws import PriorDraws, draw_priors

pytestmark = pytest.mark.slow

DRAWS = 20_000


def draws_of(hs: pd.DataFrame, **priors: object) -> tuple[hb.Model, PriorDraws]:
    model = hb.Model("mathach ~ ses * Sector", "~ 1 + ses | school", data=hs, priors=priors)
    return model, draw_priors(model.priors, model.problem, DRAWS, seed=11)


def kolmogorov(sample: np.ndarray, reference: np.ndarray) -> float:
    """P-value of the hypothesis that two samples have one distribution."""
    return float(stats.ks_2samp(sample, reference).pvalue)


@pytest.mark.parametrize("family", [hb.Wishart, hb.InverseWishart])
def test_draws_of_G_are_those_of_the_textbook_distribution(hs: pd.DataFrame, family: type) -> None:
    scale = np.array([[4.0, 0.5], [0.5, 1.0]])
    _, drawn = draws_of(hs, G=family(5, scale))
    G = drawn.theta.G
    textbook = stats.wishart if family is hb.Wishart else stats.invwishart
    reference = textbook(5, scale).rvs(DRAWS, random_state=3)
    for read in (
        lambda g: g[:, 0, 0],
        lambda g: g[:, 1, 1],
        lambda g: g[:, 0, 1] / np.sqrt(g[:, 0, 0] * g[:, 1, 1]),
        np.linalg.det,
    ):
        assert kolmogorov(read(G), read(reference)) > 1e-3
    assert np.all(drawn.theta.root[:, 0, 1] == 0.0)


def test_the_icc_of_the_draws_is_the_stated_beta(hs: pd.DataFrame) -> None:
    model, drawn = draws_of(hs, icc=hb.Beta(2, 6), corr=hb.LKJ(3))
    Z = model.problem.design.rows.Z
    G = drawn.theta.G
    between = np.einsum("dkl,kl->d", G, Z.T @ Z / len(Z))
    icc = between / (between + drawn.theta.sigma**2)
    assert stats.kstest(icc, stats.beta(2, 6).cdf).pvalue > 1e-3
    parts = np.diagonal(G, axis1=1, axis2=2) * (Z**2).mean(axis=0)
    share = parts[:, 0] / parts.sum(axis=1)
    assert stats.kstest(share, stats.uniform.cdf).pvalue > 1e-3
    rho = G[:, 0, 1] / np.sqrt(G[:, 0, 0] * G[:, 1, 1])
    assert stats.kstest((rho + 1) / 2, stats.beta(3, 3).cdf).pvalue > 1e-3


def test_the_explained_variance_of_the_draws_is_the_stated_beta(hs: pd.DataFrame) -> None:
    """Given the shares, γ² var(x)/(σ²τ²φ) is χ²₁, and the sds give the rest of R²."""
    model, drawn = draws_of(hs, r2=hb.R2D2M2(0.3, 5.0, 1.0))
    design = model.problem.design
    sd = np.sqrt((drawn.theta.root**2).sum(axis=2))
    by_groups = (sd**2 * (design.rows.Z**2).mean(axis=0)).sum(axis=1) / drawn.theta.sigma**2
    # τ² times the Dirichlet shares of 2 of 5 columns: τ² · Beta(2, 3)
    generator = np.random.default_rng(8)
    r2 = generator.beta(1.5, 3.5, DRAWS)
    reference = r2 / (1 - r2) * generator.beta(2, 3, DRAWS)
    assert kolmogorov(by_groups, reference) > 1e-3
    at = design.terms.index("ses")
    effect = drawn.gamma[:, at] * design.rows.X[:, at].std() / drawn.theta.sigma
    r2 = generator.beta(1.5, 3.5, DRAWS)
    spread = np.sqrt(r2 / (1 - r2) * generator.beta(1, 4, DRAWS))
    assert kolmogorov(effect, spread * generator.standard_normal(DRAWS)) > 1e-3


def test_a_prior_predictive_of_a_joint_prior_says_what_was_stated(hs: pd.DataFrame) -> None:
    model, _ = draws_of(hs, icc=hb.Beta(2, 6))
    implied = model.prior_predictive(seed=5)
    exact = stats.beta(2, 6).ppf([0.5, 0.05, 0.95])
    # a quantile of n draws has standard error √(p(1 − p)/n)/density
    density = stats.beta(2, 6).pdf(exact)
    error = np.sqrt(np.array([0.25, 0.0475, 0.0475]) / 4000) / density
    shown = implied.implications.loc["ICC", ["median", "5%", "95%"]].to_numpy(float)
    assert np.abs((shown - exact) / error).max() < 4.0
