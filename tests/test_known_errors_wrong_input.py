"""Known standard deviations that are none, or beside what they do not go with; and exact rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from tests.conftest import REFERENCE


def trials() -> pd.DataFrame:
    data = pd.read_csv(REFERENCE / "weights" / "bcg.csv")
    return data.assign(s=np.sqrt(data["v"]), n=2)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "'s' is 0 at row label 2; every row needs a finite number above 0"),
        (-1.0, "'s' is -1 at row label 2; every row needs a finite number above 0"),
        (np.inf, "'s' is inf at row label 2; every row needs a finite number above 0"),
        (np.nan, "'s' is missing at row label 2; every row needs a finite number above 0"),
        (1e-200, "column 's' has values of the size 1e-200, whose squares cannot be computed with"),
        (1e200, r"column 's' has values of the size 1e\+200, whose squares cannot be computed"),
    ],
)
def test_values_refused(value: float, said: str) -> None:
    data = trials()
    data.loc[2, "s"] = value
    with pytest.raises(hb.DataError, match=f"^known_sd: {said}"):
        hb.Model("y ~ 1 + (1 | trial)", data, known_sd="s")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"family": "poisson"}, r"is of Gaussian responses, and the family is Poisson.*keep one"),
        ({"residual": hb.residuals.StudentT(4)}, r"the family is StudentT.*; keep one of them$"),
        ({"residual": hb.residuals.AR1("n")}, r"and residual= both state the variances of rows"),
        ({"weights": "n"}, r"weights= and known_sd= both state the variances of rows"),
    ],
)
def test_words_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(hb.FormulaError, match=said):
        hb.Model("y ~ 1 + (1 | trial)", trials(), known_sd="s", **words)


def test_degrees_of_freedom_refused() -> None:
    fit = hb.Model("y ~ 1 + (1 | trial)", trials(), known_sd="s").reml()
    with pytest.raises(hb.HypothesisError, match=r"df='none', or cluster-robust .* robust='CR2'$"):
        hb.wald(fit, df="satterthwaite")


def test_studies_that_say_the_same_are_two_studies() -> None:
    """Rows that the groups reproduce leave no residual variance, which is none to be estimated."""
    data = trials()
    twice = hb.Model("y ~ 1 + (1 | trial)", pd.concat([data, data]), known_sd="s").reml()
    counted = hb.Model("y ~ 1 + (1 | trial)", data, known_sd="s", counts="n").reml()
    pooled = data.assign(s=data["s"] / np.sqrt(2.0))
    one = hb.Model("y ~ 1 + (1 | trial)", pooled, known_sd="s").reml()
    for fit in (twice, counted):
        assert_allclose(fit.G, one.G, rtol=1e-6)
        assert_allclose(fit.vcov(), one.vcov(), rtol=1e-6)
    assert counted.loglik == pytest.approx(twice.loglik, abs=1e-9)


def test_an_exact_line_leaves_no_heterogeneity() -> None:
    data = trials().assign(y=lambda d: 1.0 + 2.0 * d["ablat"])
    fit = hb.Model("y ~ ablat + (1 | trial)", data, known_sd="s").reml()
    X = np.column_stack([np.ones(len(data)), data["ablat"]])
    assert_allclose(fit.gamma, [1.0, 2.0], rtol=1e-9)
    assert fit.singular and fit.G[0, 0] == 0.0
    assert_allclose(fit.vcov(), np.linalg.inv(X.T @ (X / data[["v"]].to_numpy())), rtol=1e-8)


@pytest.mark.parametrize("formula", ["y ~ 1", "y ~ ablat", "y ~ ablat + (1 | trial)"])
def test_studies_too_far_apart_are_refused(formula: str) -> None:
    data = trials().assign(s=0.5)
    data.loc[2, "s"] = 4e-9
    said = (
        "known_sd: 's' is 4e-09 at row label 2 and 0.5 at row label 0, too far apart to compute "
        "with: check the unit of the least, or leave those rows out"
    )
    with pytest.raises(hb.DataError) as refusal:
        hb.Model(formula, data, known_sd="s")
    assert str(refusal.value) == said
    data.loc[2, "s"] = 6e-9
    if "|" not in formula:
        assert hb.Model(formula, data, known_sd="s").ml().gamma.shape == (
            formula.count("ablat") + 1,
        )


def test_a_study_beside_which_no_other_counts() -> None:
    """Cross-products have no digits for the others, and the message says whose fault it is."""
    data = trials()
    data.loc[2, "s"] *= 1e-7
    said = r"as far as rows count: standard deviations of errors are up to .*e\+0\d times as large"
    with pytest.raises(hb.DataError, match=said):
        hb.Model("y ~ 1 + (1 | trial)", data, known_sd="s")
