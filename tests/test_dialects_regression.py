"""Models without a random part, written in the words of other systems and read back."""

import pandas as pd
import pytest

import hierbayes as hb


@pytest.fixture(scope="module")
def hs() -> pd.DataFrame:
    return hb.load_dataset("hs")


@pytest.mark.parametrize("system", ["nlme", "glmmtmb", "brms", "sas", "stata"])
def test_a_regression_is_read_back(system: str, hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses * Sector", hs)
    back = hb.read_code(system, model.emit(system, data="hs"), data=hs)
    assert back.specification.random == () and hb.equivalence(model, back).identical


@pytest.mark.parametrize("system", ["glmmtmb", "brms", "sas", "stata"])
def test_a_generalised_linear_model_is_read_back(system: str, hs: pd.DataFrame) -> None:
    model = hb.Model("Minority ~ ses", hs, family="bernoulli")
    back = hb.read_code(system, model.emit(system, data="hs"), data=hs)
    assert back.problem.family == model.problem.family
    assert back.specification.random == () and hb.equivalence(model, back).identical


def test_what_others_write(hs: pd.DataFrame) -> None:
    spelt = {
        "nlme": "gls(mathach ~ ses, data = hs)",
        "brms": "brm(mathach ~ ses, data = hs)",
        "sas": "proc mixed; model mathach = ses; run;",
        "stata": "mixed mathach ses, reml",
    }
    for system, code in spelt.items():
        assert str(hb.read_code(system, code, data=hs).specification) == "mathach ~ 1 + ses"
