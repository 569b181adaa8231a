"""Smaller models that a singular G of a family's model suggests."""

import numpy as np
import pytest

import hierbayes as hb
from tests import family_fits
from tests.family_fits import DATA


def test_a_factor_without_variance_is_left_out_by_the_same_approximation() -> None:
    fit = family_fits.counts()  # Ĝ of g is zero
    found = hb.reduced(fit)
    assert found.formula == "c ~ 1 + x + offset(log(t)) + (1 | h)"
    assert (found.same_maximum, found.smaller) == (True, True)
    own = hb.Model(found.formula, DATA, family="poisson").ml()
    assert found.fit.loglik == pytest.approx(own.loglik, abs=1e-7)
    assert found.fit.problem.family == own.problem.family
    assert found.fit.loglik == pytest.approx(fit.loglik, abs=1e-6)
    assert found.models["AIC"].iloc[1] == pytest.approx(fit.aic - 2.0, abs=1e-5)


def test_a_correlation_of_one_is_a_finding() -> None:
    fit = hb.Model("y ~ x + (1 + x | g)", DATA, family="bernoulli").ml(nodes=9)
    found = hb.reduced(fit)
    ratio = fit.theta.sd[0, 0, 1] / fit.theta.sd[0, 0, 0]
    assert f"u[x] = {ratio:.4g}·u[Intercept]" in str(found).replace("\n    ", " ")
    apart = hb.Model("y ~ x + (1 | g)", DATA, family="bernoulli").ml(nodes=9)
    assert found.fit.evidence.nodes == 9  # type: ignore[attr-defined]
    np.testing.assert_allclose(found.models["loss"].iloc[1], fit.loglik - apart.loglik, atol=1e-7)


def test_what_has_no_smaller_model_is_refused() -> None:
    counts = hb.Model("c ~ x + (1 | g)", DATA, family="poisson").ml()
    with pytest.raises(hb.HierbayesError) as only:
        hb.reduced(counts)
    assert str(only.value).endswith(
        "the model that is left has none and is a regression of Poisson(link='log') without groups"
    )
    with pytest.raises(hb.HierbayesError, match=r"not singular, there is nothing to reduce"):
        hb.reduced(family_fits.bernoulli())
    data = DATA.assign(c=DATA["c"].clip(upper=2).astype(str))
    fit = hb.Model("c ~ 1 + (1 | h)", data, family="categorical").ml()
    with pytest.raises(hb.HierbayesError) as several:
        hb.reduced(fit)
    assert str(several.value) == (
        "reduced() reads models of one linear predictor, and this one has 2; state the smaller "
        "model yourself"
    )
