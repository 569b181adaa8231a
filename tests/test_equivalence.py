"""Two spellings of one model are proved the same; two models are not."""

import pandas as pd
import pytest

import hierbayes as hb

COMBINED = "mathach ~ ses * Sector + (1 + ses | school)"


@pytest.mark.parametrize(
    "other",
    [
        ("mathach ~ Sector * ses", "~ ses | school"),
        ("mathach ~ Sector + ses + ses:Sector + (ses | school)", None),
    ],
)
def test_spellings_of_one_model(hs: pd.DataFrame, other: tuple[str, str | None]) -> None:
    proof = hb.equivalence(hb.Model(COMBINED, data=hs), hb.Model(*other, data=hs))
    assert proof.holds
    assert str(proof).startswith(
        "equivalent: same rows, same fixed columns, same random columns, REML log-likelihoods"
    )


def test_equations_and_combined_form_are_one_model(hs: pd.DataFrame) -> None:
    equations = hb.Multilevel(
        within="mathach ~ 1 + ses",
        between={"1": "1 + Sector", "ses": "1 + Sector"},
        group="school",
        random=["1", "ses"],
    )
    combined = hb.Model(COMBINED, data=hs)
    assert hb.equivalence(combined, hb.Model(equations, data=hs)).holds
    assert hb.equivalence(combined, hb.Model(combined.multilevel(), data=hs)).holds


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("mathach ~ ses + Sector + (1 + ses | school)", "different fixed columns, same random"),
        ("mathach ~ ses * Sector + (ses || school)", "same fixed columns, different random"),
        ("mathach ~ ses * Sector + (1 + ses | Sex)", "different rows"),
    ],
)
def test_other_models_are_told_apart(hs: pd.DataFrame, formula: str, said: str) -> None:
    proof = hb.equivalence(hb.Model(COMBINED, data=hs), hb.Model(formula, data=hs))
    assert not proof.holds
    assert said in str(proof)
