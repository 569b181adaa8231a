"""What priors imply of responses that are not Gaussian, against draws by hand."""

import numpy as np
import pytest
from scipy import stats

import hierbayes as hb
from tests import families_reference as reference
from tests import family_fits

TIGHT = dict(gamma=hb.Normal(0, 1e-6), sd=hb.HalfNormal(1e-6))


def test_without_spread_the_responses_are_those_of_the_family() -> None:
    data = family_fits.DATA
    model = hb.Model("c ~ 1 + (1 | g)", data, family="negativebinomial",
                     priors=TIGHT | dict(phi=hb.Gamma(1e6, 1e6)))  # fmt: skip
    prior = model.prior_predictive(400, seed=1)
    wanted = stats.nbinom(1.0, 0.5)  # mean 1, φ = 1
    found = float(prior.draws["mean"].mean())
    assert found == pytest.approx(1.0, abs=6.0 * np.sqrt(2.0 / (400 * 200)))
    assert prior.implications.loc["phi", "median"] == pytest.approx(1.0, abs=0.01)
    assert prior.implications.loc["mean of c", "observed"] == data["c"].mean()
    outside = wanted.sf(data["c"].max())
    share = prior.probabilities.loc["P(new c outside the observed range)"]
    assert abs(share["probability"] - outside) < 6.0 * share["mcse"]
    assert prior.findings[0].endswith("lie outside the observed range, 0 to 5")


def test_probabilities_at_their_ends_are_a_finding() -> None:
    wide = hb.Model("k | trials(n) ~ x + (1 | g)", family_fits.DATA, family="binomial",
                    priors=dict(gamma=hb.Normal(0, 100)))  # fmt: skip
    prior = wide.prior_predictive(300, seed=1)
    assert prior.findings[0].startswith("wide on the scale of probabilities: ")
    assert prior.implications.loc["mean of share of k", "observed"] == pytest.approx(
        family_fits.DATA["k"].sum() / 300
    )
    assert "ICC, latent" in prior.implications.index


def test_shares_of_ordered_categories_are_implied() -> None:
    model = reference.model("wine_clmm")
    prior = model.prior_predictive(100, seed=1)
    shares = prior.draws["share"].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    observed = reference.data_of("wine_clmm")["rating"].value_counts(normalize=True)
    table = prior.implications["observed"]
    assert all(table[f"share of '{label}'"] == pytest.approx(observed[label]) for label in "12345")
    gaps = np.diff([prior.draws[name].to_numpy() for name in model.problem.dispersion], axis=0)
    assert (gaps > 0.0).all()
    intercept = prior.draws["gamma"].sel(term="Intercept")
    np.testing.assert_array_equal(prior.draws["1|2"], -intercept)  # as fits tell thresholds


@pytest.mark.parametrize("name", ["sim_gamma_log", "Owls_zinb2"])
def test_equal_seeds_give_equal_tables(name: str) -> None:
    first, second = (reference.model(name).prior_predictive(50, seed=3) for _ in range(2))
    assert str(first) == str(second)
    assert "Priors in force" in str(first)
