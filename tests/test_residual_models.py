"""Models with a residual structure beside each other: translated, compared, built step by step."""

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
