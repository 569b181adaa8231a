"""What priors of several grouping factors imply, factor by factor."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import hierbayes as hb
from hierbayes.likelihood.theta import Theta
from hierbayes.plots.implied_lines import implied_lines_frame
from hierbayes.plots.implied_variance import implied_icc_frame
from hierbayes.studies.prior_predictive.prior_predictive import PriorPredictive
from tests.factors_reference import model

pytestmark = pytest.mark.slow

PRIORS = {
    "sd": {"a": {"1": hb.HalfNormal(2), "x": hb.Exponential(1.5)}, "b": hb.HalfNormal(1)},
    "gamma": hb.Normal(0, 5),
}


@pytest.fixture(scope="module")
def stated() -> hb.Model:
    data = model("sim_singular_crossed").data
    return hb.Model("y ~ x + (1 + x | a) + (1 | b)", data, priors=PRIORS)


@pytest.fixture(scope="module")
def prior(stated: hb.Model) -> PriorPredictive:
    return stated.prior_predictive(4000, seed=1)


def test_sds_of_every_factor_are_drawn_from_their_own_priors(prior: PriorPredictive) -> None:
    """Each has a stream of its own, also where two factors have an effect of one name."""
    sd = prior.draws["sd"]
    assert sd["effect"].values.tolist() == ["Intercept|a", "x|a", "Intercept|b"]
    exact = (stats.halfnorm(scale=2), stats.expon(scale=1 / 1.5), stats.halfnorm())
    for k, distribution in enumerate(exact):
        error = distribution.std() / np.sqrt(4000)
        assert abs(float(sd[:, k].mean()) - distribution.mean()) < 4.5 * error, k
    between = np.corrcoef(sd.to_numpy(), rowvar=False)[np.triu_indices(3, 1)]
    assert np.abs(between).max() < 4.5 / np.sqrt(4000)
    corr = prior.draws["corr"].to_numpy()
    assert_allclose(corr[:, 2, :2], 0.0)
    assert abs(corr[:, 0, 1].std() - stats.beta(2, 2, -1, 2).std()) < 0.03


def test_shares_are_those_of_a_fit(prior: PriorPredictive, stated: hb.Model) -> None:
    fit, draws = stated.reml(), prior.draws
    for d in (0, 17):
        theta = Theta.of_covariance(draws["G"].to_numpy()[d], float(draws["sigma"][d]))
        assert_allclose(draws["icc"][d], replace(fit, theta=theta[None, None]).icc()["icc"])


def test_lines_are_those_of_one_factor(prior: PriorPredictive) -> None:
    """z'G_az, in the units of y, at the rows near the percentiles of x."""
    G, spread = prior.draws["G"].to_numpy(), prior.draws["line_spread"]
    assert [at.rpartition("|")[2] for at in spread["at"].values] == ["a", "a"]
    for k, at in enumerate(spread["at"].values):
        z = np.array([1.0, float(at.removeprefix("x = ").removesuffix("|a"))])
        assert_allclose(spread[:, k], np.sqrt(np.einsum("i,dij,j->d", z, G[:, :2, :2], z)))


def test_the_tables_name_the_factors(prior: PriorPredictive) -> None:
    rows = list(prior.implications.index)
    assert rows[:5] == ["ICC of a", "ICC of b", "sd(Intercept|a)", "sd(x|a)", "sd(Intercept|b)"]
    assert rows[5].startswith("sd between a lines at x = ")
    assert_allclose(prior.implications.at["ICC of b", "median"], prior.draws["icc"][:, 1].median())
    assert "P(|corr(Intercept|a, x|a)| > 0.9)" in prior.probabilities.index
    assert "P(ICC of b < 0.01)" in prior.probabilities.index
    assert "P(sd(x|a) > 1 sd of y per sd of x)" in prior.probabilities.index
    assert prior.ellipse()["pair"].unique().tolist() == ["corr(Intercept|a, x|a)"]


def test_pictures_are_of_one_factor(prior: PriorPredictive) -> None:
    frame = implied_icc_frame(prior, factor="b")
    assert_allclose(frame.median, prior.implications.at["ICC of b", "median"])
    assert implied_lines_frame(prior, factor="a").lines["slope"].nunique() == 60
    flat = implied_lines_frame(prior, "x", factor="b").lines
    assert_allclose(flat["slope"], prior.draws["gamma"][:60, 1])
    with pytest.raises(hb.DataError) as refusal:
        hb.plots.plot_implied_icc(prior)
    assert str(refusal.value) == "the model has several grouping factors; name one: 'a', 'b'"
    with pytest.raises(hb.DataError, match="'c' is no grouping factor of this model"):
        hb.plots.plot_implied_lines(prior, factor="c")
