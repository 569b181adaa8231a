"""What a model explains of a response that is not Gaussian, from the definitions."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

import hierbayes as hb
from tests import family_fits
from tests.family_fits import DATA


def _shares(fit: hb.Fit, scale: str) -> pd.Series:
    table = hb.variance_explained(fit).shares
    return pd.Series(table.loc[scale, "estimate"])


def test_a_logit_has_the_variance_of_the_logistic_distribution() -> None:
    fit = family_fits.bernoulli()
    eta = DATA["x"] * fit.fixef()["x"]
    v, T, d = float(eta.var(ddof=1)), float(fit.theta.G[0, 0, 0, 0]), np.pi**2 / 3
    found = _shares(fit, "latent")
    assert_allclose(found["icc"], T / (T + d), rtol=1e-12)
    assert_allclose(found["R2 marginal"], v / (v + T + d), rtol=1e-10)
    assert_allclose(found["R2 conditional"], (v + T) / (v + T + d), rtol=1e-10)


@pytest.mark.slow
def test_the_scale_of_observations_is_of_the_response_itself() -> None:
    fit = family_fits.bernoulli()
    sd = float(fit.theta.sd[0, 0, 0])
    eta = fit.fixef()["Intercept"] + fit.fixef()["x"] * DATA["x"].to_numpy()

    def expected(power: int, at: float) -> float:
        return quad(lambda u: expit(at + sd * u) ** power * norm.pdf(u), -9, 9, epsabs=1e-13)[0]

    first, second = (np.array([expected(k, at) for at in eta]) for k in (1, 2))
    fixed, random = first.var(ddof=1), (second - first**2).mean()
    total = fixed + random + (first - second).mean()
    found = _shares(fit, "observation")
    assert_allclose(found["R2 marginal"], fixed / total, rtol=1e-9)
    assert_allclose(found["R2 conditional"], (fixed + random) / total, rtol=1e-9)
    assert_allclose(found["icc"], fit.icc(scale="response")["icc"], rtol=1e-12)
    parts = hb.variance_explained(fit).components.loc["observation", "estimate"]
    assert_allclose(parts["total"], parts.iloc[:3].sum(), rtol=1e-12)


@pytest.mark.parametrize(
    ("family", "response"),
    [("poisson", "c"), ("negativebinomial", "c"), ("negativebinomial1", "c"), ("gamma", "p")],
)
def test_a_log_link_has_an_observation_level_variance(family: str, response: str) -> None:
    """λ = exp(β + ½σ²) without covariates, and ln(1 + 1/λ + 1/φ) or ln(1 + 1/ν) there."""
    fit = hb.Model(f"{response} ~ 1 + (1 | h)", DATA.assign(p=DATA["c"] + 0.5), family=family).ml()
    T = float(fit.theta.G[0, 0, 0, 0])
    mean = np.exp(float(fit.fixef()["Intercept"]) + 0.5 * T)
    phi = float(fit.phi_draws[0, 0, 0]) if family != "poisson" else 0.0
    d = {
        "poisson": lambda: np.log1p(1.0 / mean),
        "negativebinomial": lambda: np.log1p(1.0 / mean + 1.0 / phi),
        "negativebinomial1": lambda: np.log1p((1.0 + phi) / mean),
        "gamma": lambda: np.log1p(1.0 / phi),
    }[family]()
    found = hb.variance_explained(fit)
    assert_allclose(found.components.loc[("latent", "residual"), "estimate"], d, rtol=1e-9)
    assert_allclose(_shares(fit, "latent")["icc"], T / (T + d), rtol=1e-9)
    assert f"λ = {mean:.4g}" in str(found)


def test_the_logarithm_of_a_lognormal_response_is_its_latent_one() -> None:
    data = DATA.assign(p=np.exp(DATA["x"] + 0.3 * DATA["h"]))
    log = hb.Model("log(p) ~ 1 + (1 | h)", data).ml()
    fit = hb.Model("p ~ 1 + (1 | h)", data, family="lognormal").ml()
    assert_allclose(fit.icc()["icc"], log.icc()["icc"], atol=1e-5)
    found = hb.variance_explained(log)
    assert_allclose(
        _shares(fit, "latent")["R2 conditional"],
        found.shares.loc["R2 conditional", "estimate"],
        atol=1e-5,
    )


def test_a_posterior_has_limits_and_several_factors_have_a_share_each() -> None:
    table = hb.variance_explained(family_fits.posterior(), at={}).shares
    assert list(table) == ["estimate", "sd", "lower", "upper"]
    assert (table["lower"] <= table["estimate"]).all()
    assert_allclose(table.loc[("latent", "icc at Intercept = 1")], table.loc[("latent", "icc")])
    counts = hb.variance_explained(family_fits.counts())
    assert [share for _, share in counts.shares.index[:2]] == ["icc[g]", "icc[h]"]
    assert counts.shares.loc[("observation", "icc[g]"), "estimate"] == 0.0  # Ĝ of g is zero


def test_nominal_categories_have_no_variance() -> None:
    data = DATA.assign(c=DATA["c"].clip(upper=2).astype(str))
    fit = hb.Model("c ~ 1 + (1 | h)", data, family="categorical").ml()
    with pytest.raises(hb.HierbayesError) as refused:
        hb.variance_explained(fit)
    assert str(refused.value) == (
        "nominal categories have a linear predictor each, and no one variance that a model could "
        "explain; fit a category against the first by itself, with the family Bernoulli"
    )
