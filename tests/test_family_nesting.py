"""Likelihood ratios of families that hold one another, at the ends of their ranges too."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import hierbayes as hb

F = hb.families
HALF = {0: 0.5, 1: 0.5}
END = ", the end of its range, and its estimate stays there about half of the time; χ² alone gives"
OTHERWISE = ": give simulations=1000, or compare the models by AIC or BIC, see model_table()"


def _data() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(10), 6), rng.normal(size=60)
    mu = np.exp(1.0 + 0.3 * x + 0.4 * rng.normal(size=10)[g])
    data = pd.DataFrame({"g": g, "x": x, "y": rng.negative_binomial(2, 2 / (2 + mu)), "n": 8})
    return data.assign(k=rng.binomial(8, rng.beta(2, 3, size=60)))


DATA = _data()


@cache
def fit(family: hb.families.ResponseFamily, formula: str = "y ~ x + (1 | g)") -> hb.PointFit:
    return hb.Model(formula, DATA, family=family).ml()


AT_AN_END = {
    "NB2": (F.Poisson(), F.NegativeBinomial(), "y", "phi is infinite"),
    "NB1": (F.Poisson(), F.NegativeBinomial1(), "y", "phi is zero"),
    "beta-binomial": (F.Binomial(), F.BetaBinomial(), "k | trials(n)", "the precision is infinite"),
    "zeros": (F.Poisson(), F.ZeroInflated(), "y", "the probability of further zeros is zero"),
    "inside": (F.ZeroInflated(), F.ZeroInflated(F.NegativeBinomial()), "y", "phi is infinite"),
}


@pytest.mark.parametrize("case", AT_AN_END)
def test_a_family_at_the_end_of_another_is_tested_by_half_and_half(case: str) -> None:
    small, big, response, end = AT_AN_END[case]
    fits = [fit(family, f"{response} ~ x + (1 | g)") for family in (small, big)]
    test = hb.likelihood_ratio(*reversed(fits))
    assert test.chisq == pytest.approx(max(2.0 * (fits[1].loglik - fits[0].loglik), 0.0))
    assert (test.df, test.mixture) == (1, HALF)
    assert test.p_mixture == pytest.approx(0.5 * chi2.sf(test.chisq, 1))
    assert test.tested == f"tested: 1 parameter of {big} that the larger model has more"
    said = f"use the mixture 0.5 χ²(0) + 0.5 χ²(1): under the smaller model {end}{END}"
    assert test.advice.startswith(said)
    assert test.models.index.tolist() == [
        f"{response} ~ 1 + x + (1 | g), {family}" for family in (small, big)
    ]


def test_fixed_effects_more_add_their_degrees_of_freedom() -> None:
    test = hb.likelihood_ratio(fit(F.Poisson(), "y ~ 1 + (1 | g)"), fit(F.NegativeBinomial()))
    assert (test.df, test.mixture) == (2, {1: 0.5, 2: 0.5})


def test_families_inside_the_range_of_others_are_tested_by_chi_squared() -> None:
    by_column = hb.likelihood_ratio(fit(F.ZeroInflated()), fit(F.ZeroInflated(F.Poisson(), "~ x")))
    normal = "x ~ 1 + (1 | g)"
    degrees = hb.likelihood_ratio(*(fit(F.StudentT(df=df), normal) for df in (5.0, None)))
    for test in (by_column, degrees):
        assert (test.df, test.mixture) == (1, None)
        assert test.advice.startswith("use the p-value of χ²")


TOGETHER = "what is on the boundary together has a mixture of χ² without simple weights"
UNKNOWN = {
    "two ends": ("y ~ x + (1 | g)", F.ZeroInflated(F.NegativeBinomial()),
                 "phi is infinite and the probability of further zeros is zero, and " + TOGETHER),
    "columns": ("y ~ x + (1 | g)", F.ZeroInflated(F.Poisson(), "~ x"),
                "the probability of further zeros is zero, and the coefficients of its columns say "
                "nothing there"),
    "a variance": ("y ~ x", F.NegativeBinomial(),
                   "phi is infinite and 1 variance is zero, and " + TOGETHER),
}  # fmt: skip


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_has_no_known_law_is_refused(case: str) -> None:
    formula, family, words = UNKNOWN[case]
    small, big = fit(F.Poisson(), formula), fit(family)
    with pytest.raises(hb.InferenceError) as refused:
        hb.likelihood_ratio(small, big)
    assert str(refused.value) == f"under the smaller model {words}{OTHERWISE}"


def test_what_has_no_known_law_is_simulated() -> None:
    fits = fit(F.Poisson()), fit(F.ZeroInflated(F.Poisson(), "~ x"))
    test = hb.likelihood_ratio(*fits, simulations=2, seed=1, progress=False)
    assert test.mixture is None
    assert test.advice.startswith("use the simulated p-value")


DIFFERENT = "compare them by AIC or BIC, see model_table()"


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (F.NegativeBinomial(), F.NegativeBinomial1(), "neither is made"),
        (F.Poisson(), F.Hurdle(), "neither is made"),
        (F.ZeroInflated(), F.NegativeBinomial(), "neither is made"),
    ],
)
def test_families_that_do_not_hold_one_another_are_refused(
    one: hb.families.ResponseFamily, other: hb.families.ResponseFamily, why: str
) -> None:
    with pytest.raises(hb.InferenceError) as refused:
        hb.likelihood_ratio(fit(one), fit(other))
    assert str(refused.value).endswith(f"{why} a special case of the other; {DIFFERENT}")


def test_a_larger_family_with_fewer_columns_is_not_nested() -> None:
    with pytest.raises(hb.InferenceError) as refused:
        hb.likelihood_ratio(fit(F.NegativeBinomial(), "y ~ 1 + (1 | g)"), fit(F.Poisson()))
    assert str(refused.value) == (
        "the models have different families, NegativeBinomial(link='log') and Poisson(link='log'), "
        "and the first, of the model with no more parameters, is not a special case of the other; "
        + DIFFERENT
    )
