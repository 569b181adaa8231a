"""Families without a random part: generalised linear models with the accessors of every other fit.

Held to iteratively reweighted least squares, to sums of scipy's log densities and to quadrature.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

import hierbayes as hb

LOGIT = "Minority ~ ses * Sector"


@pytest.fixture(scope="module")
def hs() -> pd.DataFrame:
    return hb.load_dataset("hs")


@pytest.fixture(scope="module")
def logit(hs: pd.DataFrame) -> hb.PointFit:
    return hb.Model(LOGIT, hs, family="bernoulli").ml()


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    x, t = rng.normal(size=80), rng.uniform(1.0, 3.0, size=80)
    return pd.DataFrame({"x": x, "t": t, "k": rng.poisson(t * np.exp(0.4 - 0.3 * x))})


def reweighted(
    X: np.ndarray, y: np.ndarray, offset: np.ndarray, of_log: bool
) -> tuple[np.ndarray, np.ndarray]:
    """γ and its standard errors, of a canonical link: score X'(y - μ), information X'WX."""
    gamma = np.zeros(X.shape[1])
    for _ in range(30):
        eta = X @ gamma + offset
        mean = np.exp(eta) if of_log else special.expit(eta)
        weight = mean if of_log else mean * (1.0 - mean)
        information = X.T @ (weight[:, None] * X)
        gamma = gamma + np.linalg.solve(information, X.T @ (y - mean))
    return gamma, np.sqrt(np.diag(np.linalg.inv(information)))


def test_a_logistic_regression_is_that_of_reweighted_least_squares(
    logit: hb.PointFit, hs: pd.DataFrame
) -> None:
    public = (hs["Sector"] == "Public").to_numpy(dtype=float)
    ses, y = hs["ses"].to_numpy(), (hs["Minority"] == "Yes").to_numpy(dtype=float)
    X = np.column_stack([np.ones(len(hs)), ses, public, ses * public])
    gamma, se = reweighted(X, y, np.zeros(len(y)), of_log=False)
    np.testing.assert_allclose(logit.fixef(), gamma, rtol=1e-7)
    table = logit.summary().fixed
    np.testing.assert_allclose(table["Std.Error"], se, rtol=1e-5)
    mean = special.expit(X @ gamma)
    assert logit.loglik == pytest.approx(stats.bernoulli.logpmf(y, mean).sum(), abs=1e-7)
    assert logit.aic == pytest.approx(8.0 - 2.0 * logit.loglik, abs=1e-9)
    np.testing.assert_allclose(logit.predict(), mean, rtol=1e-6)
    assert logit.diagnose().ok


def test_counts_with_an_exposure_are_those_of_reweighted_least_squares(
    counts: pd.DataFrame,
) -> None:
    fit = hb.Model("k ~ x + offset(log(t))", counts, family="poisson").ml()
    X = np.column_stack([np.ones(80), counts["x"]])
    gamma, se = reweighted(X, counts["k"].to_numpy(), np.log(counts["t"]).to_numpy(), of_log=True)
    np.testing.assert_allclose(fit.fixef(), gamma, rtol=1e-7)
    np.testing.assert_allclose(fit.summary().fixed["Std.Error"], se, rtol=1e-5)


def test_a_dispersion_is_found_with_the_coefficients() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=120)
    data = pd.DataFrame({"x": x, "y": rng.gamma(3.0, np.exp(0.5 + 0.4 * x) / 3.0)})
    fit = hb.Model("y ~ x", data, family="gamma").ml()

    def minus(at: np.ndarray) -> float:
        mean, shape = np.exp(at[0] + at[1] * x), np.exp(at[2])
        return -float(stats.gamma.logpdf(data["y"], shape, scale=mean / shape).sum())

    found = optimize.minimize(minus, [0.5, 0.4, 1.0], tol=1e-12)
    np.testing.assert_allclose(fit.fixef(), found.x[:2], atol=1e-5)
    assert fit.loglik == pytest.approx(-found.fun, abs=1e-8)


def test_nominal_categories_are_those_of_two_regressions_at_once() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=150)
    of = np.column_stack([np.zeros(150), 0.3 + 0.5 * x, -0.2 - 0.4 * x])
    code = (of + rng.gumbel(size=of.shape)).argmax(axis=1)
    data = pd.DataFrame({"x": x, "y": np.array(["a", "b", "c"])[code]})
    fit = hb.Model("y ~ x", data, family="categorical").ml()

    def minus(at: np.ndarray) -> float:
        eta = np.column_stack([np.zeros(150), at[0] + at[1] * x, at[2] + at[3] * x])
        return -float(special.log_softmax(eta, axis=1)[np.arange(150), code].sum())

    found = optimize.minimize(minus, np.zeros(4), tol=1e-12)
    np.testing.assert_allclose(fit.fixef(), found.x, atol=1e-5)
    assert fit.loglik == pytest.approx(-found.fun, abs=1e-8)


def test_the_page_says_that_nothing_is_approximate(logit: hb.PointFit) -> None:
    page = str(logit)
    assert page.startswith(
        "Generalised linear model fit by maximum likelihood (exact: no random effects)\n"
        "  Model:  Minority ~ 1 + ses + Sector + ses:Sector\n"
    )
    assert "  Given:  there is no u, and the likelihood is exact\n" in page
    assert "Random effects" not in page
    assert "there is no u, and the likelihood is exact" in logit.diagnose().findings


def test_equations_have_no_random_effects(logit: hb.PointFit, hs: pd.DataFrame) -> None:
    forms = hb.Model(LOGIT, hs, family="bernoulli").equations()
    assert str(forms.within).startswith("Minority_i ~ Bernoulli(p_i)    (1 is 'Yes')\n")
    assert str(forms.gls) == "none: this response is no sum of a mean and an error"
    assert "Conditional" not in str(logit.meanings())


def test_groups_are_tested_against_none(logit: hb.PointFit, hs: pd.DataFrame) -> None:
    groups = hb.Model(f"{LOGIT} + (1 | school)", hs, family="bernoulli").ml()
    test = hb.likelihood_ratio(logit, groups)
    assert test.chisq == pytest.approx(2.0 * (groups.loglik - logit.loglik), abs=1e-9)
    assert test.mixture == {0: 0.5, 1: 0.5}
    assert str(test).startswith("Likelihood ratio test of two ML (Laplace's approximation) fits")
    smaller = hb.Model("Minority ~ ses", hs, family="bernoulli").ml()
    assert "(exact: no random effects)" in str(hb.likelihood_ratio(smaller, logit))


@pytest.mark.parametrize("effects", ["all", "none", "new"])
def test_margins_are_the_same_of_any_effects(
    logit: hb.PointFit, hs: pd.DataFrame, effects: str
) -> None:
    found = hb.comparisons(logit, hs, "ses", effects=effects)
    eta = special.logit(logit.predict(hs).to_numpy())
    slope = logit.fixef()["ses"] + logit.fixef()["ses:Sector[T.Public]"] * (
        hs["Sector"] == "Public"
    )
    half = 0.5 * slope
    step = (special.expit(eta + half) - special.expit(eta - half)).mean()
    assert found.table["estimate"].item() == pytest.approx(step, rel=1e-9)
    assert "Groups: none: the model has no random effects" in str(found)


def test_the_posterior_of_one_probability_is_that_of_quadrature() -> None:
    """7 of 20, logit p ~ N(0, 1.5): mean and sd of logit p by quadrature on a grid."""
    data = pd.DataFrame({"y": [1] * 7 + [0] * 13})
    model = hb.Model("y ~ 1", data, family="bernoulli", priors=dict(gamma=hb.Normal(0, 1.5)))
    draws = model.sample(draws=500, seed=1)
    grid = np.linspace(-8.0, 8.0, 4001)
    density = stats.norm.pdf(grid, 0.0, 1.5) * special.expit(grid) ** 7 * special.expit(-grid) ** 13
    density /= density.sum()
    mean = float(density @ grid)
    sd = float(np.sqrt(density @ (grid - mean) ** 2))
    row = draws.summary().parameters.loc[("gamma", "Intercept")]
    assert abs(row["mean"] - mean) < 6.0 * row["mcse_mean"]
    assert abs(row["sd"] - sd) < 6.0 * sd / np.sqrt(2.0 * row["ess_tail"])
    assert str(draws.summary()).startswith(
        "Generalised linear model, posterior by NUTS (everything sampled)\n"
    )
    again = hb.recheck(draws)
    assert again.how == "exact: no random effects"
    assert again.findings[0].startswith("Both ways agree")


@pytest.mark.parametrize("name", ["ranef", "coef", "icc"])
def test_what_is_of_random_effects_says_that_there_are_none(logit: hb.PointFit, name: str) -> None:
    message = (
        f"{name}() is made for random effects, and the model has none; add a term such as "
        "(1 | group)"
    )
    with pytest.raises(hb.FormulaError) as caught:
        getattr(logit, name)()
    assert str(caught.value) == message


@pytest.fixture(scope="module")
def few(hs: pd.DataFrame) -> pd.DataFrame:
    return hs.iloc[::40]


def test_evidence_without_random_effects_is_that_of_quadrature(few: pd.DataFrame) -> None:
    priors = dict(gamma=hb.Normal(0, 2))
    model = hb.Model("Minority ~ ses", few, family="bernoulli", priors=priors)
    grid = np.linspace(-9.0, 9.0, 361)
    a, b = np.meshgrid(grid, grid, indexing="ij")
    log = stats.norm.logpdf(a, 0, 2) + stats.norm.logpdf(b, 0, 2)
    for x, yes in zip(few["ses"], few["Minority"] == "Yes", strict=True):
        log += yes * (a + b * x) - np.logaddexp(0.0, a + b * x)
    found = hb.evidence(model)
    assert abs(found.log_evidence - special.logsumexp(log) - 2 * np.log(0.05)) < 6.0 * found.error
    assert found.error < 0.01
    assert found.method == "importance sampling"


def test_evidence_of_a_regression_is_that_of_quadrature(few: pd.DataFrame) -> None:
    priors = dict(gamma=hb.Normal(0, 5), sigma=hb.HalfNormal(10))
    found = hb.evidence(hb.Model("mathach ~ ses", few, priors=priors))
    X = np.column_stack([np.ones(len(few)), few["ses"]])
    sigmas = np.linspace(0.05, 40.0, 800)
    log = [
        stats.multivariate_normal.logpdf(
            few["mathach"], cov=sigma**2 * np.eye(len(few)) + 25.0 * X @ X.T
        )
        + stats.halfnorm.logpdf(sigma, scale=10)
        for sigma in sigmas
    ]
    dense = special.logsumexp(log) + np.log(sigmas[1] - sigmas[0])
    assert found.log_evidence == pytest.approx(dense, abs=1e-5)


def test_the_prior_predictive_has_responses_and_no_spread_of_lines(few: pd.DataFrame) -> None:
    priors = dict(gamma=hb.Normal(0, 2))
    regression = hb.Model("mathach ~ ses", few, priors=priors)
    implied = regression.prior_predictive(draws=200, seed=1).implications.index
    assert "R² of the population line" in implied
    assert not [name for name in implied if "ICC" in name or "line sd" in name]
    logit = hb.Model("Minority ~ ses", few, family="bernoulli", priors=priors)
    assert "mean of Minority" in logit.prior_predictive(draws=200, seed=1).implications.index


def test_a_name_given_to_the_index_of_one_table_is_its_own(logit: hb.PointFit) -> None:
    logit.fixef().index.name = logit.vcov().columns.name = "mine"
    assert logit.fixef().index.name == logit.vcov().columns.name == logit.vcov().index.name
    assert logit.vcov().index.name == "term"
