"""Fits of families beside each other."""

import numpy as np
import pytest

import hierbayes as hb
from tests import families_reference as reference
from tests import family_fits


def test_maximum_likelihood_stands_beside_a_posterior() -> None:
    fit, posterior = family_fits.bernoulli(), family_fits.posterior()
    found = hb.compare(fit, posterior)
    both = found.fixed.loc["x"]
    assert both.loc["ML", "estimate"] == fit.fixef()["x"]
    assert both.loc["posterior", "estimate"] == pytest.approx(posterior.fixef()["x"])
    sd = found.variance.loc[("sd", "Intercept")]
    assert sd.loc["posterior", "se"] == pytest.approx(posterior.draws("sd").to_numpy().std(ddof=1))
    share = found.variance.loc[("icc", "icc"), "estimate"]
    assert share["ML"] == pytest.approx(fit.icc()["icc"])
    table = found.groups.loc[(2, "Intercept")]
    assert table.loc["ML", "value"] == pytest.approx(fit.coef().loc[2, "Intercept"])
    assert found.uncertainty.empty  # of families γ is not normal given θ
    assert found.criteria.loc["ML", "loglik"] == fit.loglik
    assert "from the full Hessian" in found.notes[0]
    assert found.overview.loc["ML", "family"] == "Bernoulli(link='logit')"


def test_standard_errors_are_slopes_of_the_scales_of_their_limits() -> None:
    fit = reference.fit("sim_binomial_slope")
    found = hb.compare(fit, fit, names=["a", "b"]).variance.xs("a", level="fit")
    limits, wide = fit.intervals(), 1.959963984540054
    of_sd, sd = limits.loc["sd"], found.loc["sd"]
    log_half = 0.5 * np.log(of_sd["upper"] / of_sd["lower"])
    np.testing.assert_allclose(sd["se"], sd["estimate"] * log_half / wide)
    low, rho, high = limits.loc["corr"].iloc[0]
    error = (1.0 - rho**2) * 0.5 * (np.arctanh(high) - np.arctanh(low)) / wide
    assert found.loc["corr", "se"].iloc[0] == pytest.approx(error)


def test_dispersion_and_thresholds_have_rows_of_their_own() -> None:
    fit = reference.fit("wine_clmm")
    found = hb.compare(fit, reference.model("wine_clmm").map())
    np.testing.assert_allclose(
        found.variance.loc[("2|3", "2|3", "ML"), ["lower", "estimate", "upper"]],
        fit.intervals().loc[("2|3", "2|3")],
    )
    lower, _, upper = fit.intervals().loc[("2|3", "2|3")]
    error = found.variance.loc[("2|3", "2|3", "ML"), "se"]
    assert error == pytest.approx((upper - lower) / (2 * 1.959963984540054))
    page = str(found)
    variances, thresholds = page.split("Variance parameters:")[1].split("Thresholds:")
    assert "sd(Intercept)" in variances
    assert "2|3" not in variances
    assert "2|3" in thresholds


def test_families_that_differ_are_a_reason() -> None:
    found = hb.compare(reference.fit("epil_nb2"), reference.fit("epil_poisson"))
    words = "the families differ, NegativeBinomial(link='log') and Poisson(link='log')"
    assert words in " ".join(" ".join(found.findings).split())
    assert "icc" not in found.variance.index.get_level_values("block")
    assert np.isnan(found.variance.loc[("phi", "phi", "ML 2"), "estimate"])


def test_a_gaussian_response_is_of_another_scale() -> None:
    gaussian = hb.Model("y ~ x + (1 | g)", family_fits.DATA).ml()
    with pytest.raises(hb.StudyError, match="of different scales"):
        hb.compare(family_fits.bernoulli(), gaussian)


def test_quadrature_and_laplace_are_told_apart() -> None:
    fit, exact = reference.fit("bacteria_ri"), reference.fit("bacteria_ri", 25)
    found = hb.compare(fit, exact, names=["Laplace", "AGQ"])
    assert "'Laplace' integrates u out by Laplace's approximation" in " ".join(found.findings)
