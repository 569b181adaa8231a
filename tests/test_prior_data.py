"""Contraction, and conflict of prior and data, where both are known in closed form."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import hierbayes as hb
from hierbayes.studies.sensitivity.moments import Values, error_of_mean
from hierbayes.studies.sensitivity.weights import even
from tests.conftest import Cache
from tests.exact import exact_posterior

pytestmark = pytest.mark.slow


OF_CENTRED = [("sd", "Intercept"), ("corr", "Intercept, ses")]  # no closed prior as written


def information(fit: hb.Fit) -> pd.DataFrame:
    grid: dict[str, Any] = {"sigma": {"other": hb.HalfT(3, 0, 50)}}
    return hb.SensitivityStudy(fit, grid, progress=False).information()


# ---------------------------------------------------------------- a normal mean

J, ROWS = 50, 4


@pytest.fixture(scope="module")
def known_variances() -> pd.DataFrame:
    """Residuals of 50 groups of 4 rows with mean exactly 0."""
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(J), ROWS)
    y = rng.normal(size=J)[g] + rng.normal(size=J * ROWS)
    return pd.DataFrame({"y": y - y.mean(), "g": g})


@pytest.mark.parametrize(("mu", "s0"), [(0.1, 0.2), (0.7, 0.2), (-1.0, 0.3)])
def test_a_normal_mean_has_the_contraction_and_the_conflict_of_theory(
    known_variances: pd.DataFrame, mu: float, s0: float
) -> None:
    """sd(u) = σ = 1 to three digits by their priors, so ȳ ~ N(γ, v), v = (1 + 1/4)/50.

    Contraction is 1 − v/(v + s0²); the rest alone says N(ȳ, v), and the p-value is
    E 2Φ(−|R − μ|/s0) over R ~ N(ȳ, v).
    """
    one = hb.Gamma(1e6, 1e6)  # mean 1, sd 0.001
    priors = {"gamma": hb.Normal(mu, s0), "sd": one, "sigma": one}
    model = hb.Model("y ~ 1", "~ 1 | g", data=known_variances, priors=priors)
    found = information(model.sample(draws=1000, chains=4, seed=5, progress=False))
    row = found.loc[("gamma", "Intercept")]
    v = (1 + 1 / ROWS) / J
    left = v / (v + s0**2)
    # of M normal draws the interquartile range has relative sd 1.17/√M, and its square twice that
    chance = 2 * 1.17 / np.sqrt(4000)
    assert row["contraction"] == pytest.approx(1 - left, abs=4.5 * chance * left)
    rest = stats.norm(0.0, np.sqrt(v))
    p_value, _ = integrate.quad(
        lambda r: rest.pdf(r) * 2 * stats.norm.cdf(-abs(r - mu) / s0), -2.0, 2.0, points=[mu]
    )
    # p-values lie in [0, 1], on a grid of 999
    spread = np.sqrt(p_value * (1 - p_value) / 4000)
    assert row["conflict"] == pytest.approx(p_value, abs=4.5 * spread + 2 / 999)
    assert row["rest_50%"] == pytest.approx(0.0, abs=4.5 * 1.25 * np.sqrt(v / 4000))
    assert row["prior_25%"] == pytest.approx(stats.norm(mu, s0).ppf(0.25))
    said = "something was learnt from the data"
    if p_value < 0.05:
        said = "prior and data are in conflict"
    assert row["reading"] == said


def test_conflict_is_of_the_prior_that_is_wrong(hs: pd.DataFrame) -> None:
    """The slope of ses is 1.8 ± 0.3: a prior at 8 ± 0.5 is in conflict, the others are not."""
    model = hb.Model(
        "mathach ~ ses * Sector", "~ 1 + ses | school", data=hs,
        priors={"gamma": {"ses": hb.Normal(8, 0.5)}},
    )  # fmt: skip
    found = information(model.sample(draws=1000, chains=4, seed=6, progress=False))
    assert found.loc[("gamma", "ses"), "conflict"] < 0.001
    assert found.loc[("gamma", "ses"), "reading"] == "prior and data are in conflict"
    rest = found.loc[("gamma", "ses"), "rest_50%"]
    assert rest == pytest.approx(1.81, abs=0.1)  # as under a flat prior, see posterior_exact
    others = found.drop(index=("gamma", "ses"))
    assert others.loc[OF_CENTRED, "conflict"].isna().all()
    assert (others.drop(index=OF_CENTRED)["conflict"] > 0.05).all()


def test_where_prior_and_data_agree_the_data_decide(
    baselines: Cache[hb.Fit], hs: pd.DataFrame
) -> None:
    found = information(baselines["hs"])
    assert found.loc[OF_CENTRED, "reading"].str.endswith("judged of its centred column").all()
    centred = found.loc[["centred sd", "centred corr"]]
    assert centred.index.tolist() == [
        ("centred sd", "Intercept"),
        ("centred corr", OF_CENTRED[1][1]),
    ]
    assert (centred["conflict"] > 0.05).all() and centred["rest_50%"].notna().all()
    decided = found.drop(index=[*OF_CENTRED, *centred.index])
    assert (decided["reading"] == "much was learnt from the data").all()
    assert (decided["conflict"] > 0.05).all()
    posterior = np.quantile(baselines["hs"].theta.sigma, [0.25, 0.5, 0.75])
    names = [f"posterior_{p}%" for p in (25, 50, 75)]
    assert found.loc[("sigma", "sigma"), names].to_numpy(dtype=float) == pytest.approx(posterior)
    prior = stats.t(3).ppf((1 + np.array([0.25, 0.5, 0.75])) / 2) * hs["mathach"].std(ddof=0)
    names = [f"prior_{p}%" for p in (25, 50, 75)]
    assert found.loc[("sigma", "sigma"), names].to_numpy(dtype=float) == pytest.approx(prior)


# ---------------------------------------------------------------- a likelihood that says nothing


def test_a_correlation_of_effects_that_never_meet_is_all_prior() -> None:
    """a is 0 in the groups that have b: ρ is in no group's rows, so posterior = LKJ(2)."""
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(30), 6)
    a = (g < 15).astype(float)
    y = rng.normal(size=30)[g] + rng.normal(size=180)
    data = pd.DataFrame({"y": y, "a": a, "b": 1 - a, "g": g})
    model = hb.Model("y ~ 0 + a + b", "~ 0 + a + b | g", data=data)
    fit = model.sample(draws=1000, chains=4, seed=7, progress=False)
    rho = fit.draws("corr")[..., 0, 1].to_numpy()
    row = information(fit).loc[("corr", "a, b")]
    # (ρ + 1)/2 ~ Beta(2, 2); the sd of a quartile is √(3/16 / ESS)/density, and two quartiles
    # correlate by 1/3, so their difference has √(4/3) times that
    exact = stats.beta(2, 2, loc=-1, scale=2)
    equal = even(rho.size)
    below = Values((rho < exact.ppf(0.25)).astype(float)[..., None])
    ess = 3 / 16 / error_of_mean(below, equal)[0] ** 2
    width = exact.ppf(0.75) - exact.ppf(0.25)
    chance = np.sqrt(3 / 16 / ess) / exact.pdf(exact.ppf(0.25)) * np.sqrt(4 / 3) / width
    assert row["contraction"] == pytest.approx(0.0, abs=4.5 * 2 * chance)
    assert row["reading"] == "little was learnt: the posterior is mostly prior"
    quartiles = row[["prior_25%", "prior_50%", "prior_75%"]].to_numpy(dtype=float)
    assert quartiles == pytest.approx(exact.ppf([0.25, 0.5, 0.75]))


def test_a_flat_prior_has_nothing_to_contract(small_data: pd.DataFrame) -> None:
    model = hb.Model("y ~ x + w", "~ 1 + x | g", data=small_data, priors={"gamma": hb.Flat()})
    found = information(exact_posterior(model, draws=250, seed=8))
    row = found.loc[("gamma", "x")]
    assert np.isnan(row["contraction"]) and np.isnan(row["conflict"])
    assert row["reading"] == "no prior to compare with; conflict cannot be judged"


def test_the_prior_of_a_correlation_knows_effects_with_commas_in_their_names(
    small_data: pd.DataFrame,
) -> None:
    model = hb.Model("y ~ x + (1 + dvar(x, g) | g)", data=small_data)
    fit = exact_posterior(model, draws=200, chains=2)
    row = information(fit).loc[("corr", "Intercept, dvar(x, g)")]
    # LKJ(2) of two effects: (ρ + 1)/2 ~ Beta(2, 2)
    np.testing.assert_allclose(row["prior_25%"], 2.0 * stats.beta(2, 2).ppf(0.25) - 1.0, rtol=1e-6)
