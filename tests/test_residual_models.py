"""Models with a residual structure beside each other: translated, compared, built step by step."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes import residuals as hr
from tests import residual_models

STRUCTURE = hr.AR1("t") * hr.Strata("sex")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return residual_models.data("sim_AR1_varIdent_slope")


@pytest.fixture(scope="module")
def combined(data: pd.DataFrame) -> hb.Model:
    return hb.Model("y ~ t * sex + (t | id)", data, residual=STRUCTURE)


def test_equations_stand_beside_the_structure(combined: hb.Model, data: pd.DataFrame) -> None:
    again = hb.Model(combined.multilevel(), data, residual=STRUCTURE)
    found = hb.equivalence(combined, again)
    assert found.identical
    assert_allclose(found.loglik_difference, 0.0, atol=1e-8)


def test_another_structure_or_none_is_another_model(combined: hb.Model, data: pd.DataFrame) -> None:
    for other in (None, hr.AR1("t"), hr.CAR1("t") * hr.Strata("sex")):
        assert not hb.equivalence(
            combined, hb.Model(combined.multilevel(), data, residual=other)
        ).holds
    shifted = data.assign(t=data["t"].where(data["t"] != data["t"].max(), data["t"] + 1))
    model = hb.Model("y ~ t * sex + (t | id)", shifted, residual=STRUCTURE)
    assert not hb.equivalence(combined, model).holds


def test_parts_of_a_structure_in_any_order_and_with_their_group_named(
    combined: hb.Model, data: pd.DataFrame
) -> None:
    """The innermost groups are those by default; other groups are another model."""
    formula = "y ~ t * sex + (t | id)"
    named = hr.Strata("sex") * hr.AR1("t", group="id")
    again = hb.Model(formula, data, residual=named)
    assert hb.equivalence(combined, again).identical
    halves = data.assign(half=data["id"].astype(str) + (data["t"] > data["t"].mean()).map(str))
    other = hb.Model(formula, halves, residual=hr.AR1("t", group="half") * hr.Strata("sex"))
    assert not hb.equivalence(combined, other).same_rows
    strata = [hr.Strata("sex") * hr.Strata("late"), hr.Strata("late") * hr.Strata("sex")]
    late = data.assign(late=np.where(data["t"] > data["t"].mean(), "a", "b"))
    first, second = (hb.Model(formula, late, residual=one) for one in strata)
    assert hb.equivalence(first, second).identical
    coarse = hb.Model(formula, late, residual=hr.Strata("sex"))
    assert not hb.equivalence(first, coarse).same_rows


def test_the_random_part_is_built_with_the_structure(
    combined: hb.Model, data: pd.DataFrame
) -> None:
    start = hb.Model("y ~ t * sex + (1 | id)", data, residual=STRUCTURE)
    built = hb.build_random(start, "t")
    small, large = start.reml(), combined.reml()
    test = hb.likelihood_ratio(small, large)
    (row,) = built.steps.to_dict(orient="records")
    assert_allclose(row["chisq"], test.chisq, atol=1e-8)
    assert_allclose(row["p_value"], test.p_mixture if test.mixture else test.p_chi2, atol=1e-8)
    assert row["logLik"] == pytest.approx(large.loglik, abs=1e-8)
    assert "in every model" in built.findings[0]


@pytest.mark.parametrize(
    "words",
    [
        {"residual": hr.AR1() * hr.Strata("Sex")},
        {"weights": "w"},
        {"counts": "k"},
        {"known_sd": "w"},
    ],
    ids=str,
)
def test_group_means_join_a_model_with_its_errors(words: dict[str, Any]) -> None:
    """Mundlak's test is a change of columns alone: that of the model with cvar() in it."""
    hs = hb.load_dataset("hs").iloc[:400]
    hs = hs.assign(w=np.linspace(2.0, 8.0, len(hs)), k=1 + np.arange(len(hs)) % 3)
    model = hb.Model("mathach ~ ses + (1 | school)", hs, **words)
    stated = hb.Model("mathach ~ ses + cvar(ses, school) + (1 | school)", hs, **words).reml()
    df = "none" if "known_sd" in words else None
    found = hb.mundlak(model, df=df).table.loc["ses"]
    assert_allclose(found[["within", "contextual"]], stated.fixef().iloc[1:], rtol=1e-7)
    assert_allclose(found["se"], np.sqrt(np.diag(stated.vcov())[2]), rtol=1e-7)
    again = hb.Model(model.multilevel(), hs, **words)  # beside which the words stand
    assert hb.equivalence(model, again).identical


def test_variances_that_follow_the_mean_take_no_further_columns() -> None:
    model = hb.Model("mathach ~ ses + (1 | school)", hb.load_dataset("hs"), residual=hr.Power())
    with pytest.raises(
        hb.ResidualError, match=r"^mundlak\(\) is not made for variances that follow"
    ):
        hb.mundlak(model)
