"""The table of terms: type III as lmerTest has it, however factors are coded."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb
from tests.conftest import MODELS, Cache, spelled

BOTH = ("satterthwaite", "kenward-roger")
JOINT = ("slopes", "band", "three", "bandSector", "ctx")
COLUMNS = ["numDF", "denDF", "F"]


@pytest.fixture(scope="module")
def banded(hs: pd.DataFrame) -> pd.DataFrame:
    """With the size of the school in three levels."""
    band = np.select([hs["Size"] < 800, hs["Size"] < 1600], ["small", "middle"], "large")
    return hs.assign(band=band)


def row_of(table: pd.DataFrame, term: str) -> pd.Series:
    """The row of a term, whatever the order of its factors."""
    factors = sorted(spelled(term).split(":"))
    return table.loc[next(t for t in table.index if sorted(t.split(":")) == factors)]


def assert_same_tables(table: pd.DataFrame, theirs: list[dict[str, Any]]) -> None:
    assert len(table) == len(theirs)
    for golden in theirs:
        row = row_of(table, golden["term"])
        numbers = [golden[name] for name in ("num", "den", "F")]
        assert_allclose(row[COLUMNS].astype(float), numbers, rtol=5e-6)
        assert_allclose(np.log(row["p"]), np.log(golden["p"]), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize("name", [name for name in MODELS if name != "oneway"])
@pytest.mark.slow
def test_tables_of_lmertest(
    name: str, method: str, inference: dict[str, Any], reml_fits: Cache[hb.Fit]
) -> None:
    theirs = inference["models"][name][method.replace("-", "_")]["terms"]
    assert_same_tables(hb.anova(reml_fits[name], df=method).table, theirs)


@pytest.mark.parametrize("name", JOINT)
def test_terms_of_several_rows(name: str, inference: dict[str, Any], banded: pd.DataFrame) -> None:
    golden = inference["joint"][name]
    fit = hb.Model(spelled(golden["formula"]), data=banded).reml()
    p = len(fit.design.terms)
    about_ses = [k for k, term in enumerate(fit.design.terms) if "ses" in term]
    some = np.eye(p)[about_ses] if len(about_ses) > 1 else np.eye(p)
    for method in BOTH:
        theirs = golden[method.replace("-", "_")]
        assert_same_tables(hb.anova(fit, df=method).table, theirs["terms"])
        for L, key in ((some, "ses"), (np.eye(p), "all")):
            joint = hb.wald(fit, L, df=method).joint.loc["joint"]
            numbers = [theirs[key][column] for column in ("num", "den", "F")]
            assert_allclose(joint[COLUMNS].astype(float), numbers, rtol=5e-6)


CODINGS = ("Sector", "C(Sector, contr.sum)", "C(Sector, contr.treatment('Public'))",
           "C(Sector, contr.helmert)")  # fmt: skip


@pytest.mark.parametrize("coded", CODINGS[1:])
@pytest.mark.parametrize("formula", ["ses * F", "F * Sex * ses", "band * F + ses"])
@pytest.mark.slow
def test_codings_do_not_matter(banded: pd.DataFrame, formula: str, coded: str) -> None:
    fits = [
        hb.Model(f"mathach ~ {formula.replace('F', f)} + (1 | school)", data=banded).reml()
        for f in (CODINGS[0], coded)
    ]
    for method in ("kenward-roger", "inner-outer"):
        one, other = (hb.anova(fit, df=method).table for fit in fits)
        renamed = other.rename(index=lambda term: term.replace(coded, "Sector"))
        columns = ["numDF", "F"] if method == "inner-outer" else COLUMNS
        for term, row in one.iterrows():
            assert_allclose(row_of(renamed, str(term))[columns], row[columns], rtol=1e-6)


def test_hypotheses_are_differences_of_averages(banded: pd.DataFrame) -> None:
    fit = hb.Model("mathach ~ ses * band + (1 | school)", data=banded).reml()
    assert fit.design.terms == ("Intercept", "ses", "band[T.middle]", "band[T.small]",
                                "ses:band[T.middle]", "ses:band[T.small]")  # fmt: skip
    L = hb.anova(fit).L
    third = 1.0 / 3.0
    assert_allclose(L["ses"], [[0, 1, 0, 0, third, third]])
    assert_allclose(L["band"], np.eye(6)[2:4])
    assert_allclose(L["ses:band"], np.eye(6)[4:])
    assert L["ses"].columns.tolist() == list(fit.design.terms)


def test_a_term_answers_for_what_has_no_term_of_its_own(banded: pd.DataFrame) -> None:
    cases: dict[str, dict[str, int]] = {
        "0 + Sector + ses:Sector": {"Sector": 2, "ses:Sector": 2},
        "Sector + ses:Sector": {"Sector": 1, "ses:Sector": 2},
        "Sector:band": {"Sector:band": 5},
        "0 + Sector + Sex": {"Sector": 2, "Sex": 1},
        "0 + ses + band": {"ses": 1, "band": 3},
        "poly(ses, 2) * Sex": {"poly(ses, 2)": 2, "Sex": 1, "poly(ses, 2):Sex": 2},
        "Sex * poly(ses, 2):band": {"Sex": 1, "poly(ses, 2):band": 6, "Sex:poly(ses, 2):band": 6},
    }
    for formula, rows in cases.items():
        fit = hb.Model(f"mathach ~ {formula} + (1 | school)", data=banded).reml()
        table = hb.anova(fit, df="inner-outer").table
        assert {term: int(m) for term, m in table["numDF"].items()} == {
            next(t for t in table.index if sorted(t.split(":")) == sorted(term.split(":"))): m
            for term, m in rows.items()
        }


def test_products_of_several_columns_in_any_order(banded: pd.DataFrame) -> None:
    """A full model of cells: the interaction is what the model without it lacks."""
    full = hb.Model("mathach ~ poly(ses, 2) * band * Sex + (1 | school)", data=banded).reml()
    other = hb.Model("mathach ~ Sex * band * poly(ses, 2) + (1 | school)", data=banded).reml()
    one, two = (hb.anova(fit, df="kenward-roger").table for fit in (full, other))
    for term, row in one.iterrows():
        assert_allclose(row_of(two, str(term))[COLUMNS], row[COLUMNS], rtol=1e-6)


@pytest.mark.slow
def test_table_of_a_posterior(posterior_hs: hb.Fit) -> None:
    found = hb.anova(posterior_hs)
    assert found.df is None
    assert found.table.index.tolist() == ["ses", "Sector", "ses:Sector"]
    for term, L in found.L.items():
        joint = hb.wald(posterior_hs, L).joint
        assert_allclose(found.table.loc[[term]], joint, rtol=1e-12)  # missing where missing
    assert found.notes == (
        "ses: none of the 4000 draws lies beyond the null: that mass is below what so many draws "
        "can tell, about 0.0008 were they independent",
    )


def test_printed_table(reml_fits: Cache[hb.Fit]) -> None:
    found = hb.anova(reml_fits["intercepts_slopes"], df="kenward-roger")
    assert (
        str(found)
        == repr(found)
        == (
            """Terms of the fixed part, REML
  Model:  mathach ~ 1 + ses + Sector + ses:Sector + (1 + ses | school)
  Data:   1977 rows, 40 groups (school)
  Terms:  type III; a term is averaged over the levels of the factors it interacts with, and taken
          where numbers it interacts with are 0
  df:     Kenward–Roger, covariance of γ̂ adjusted

           numDF  denDF         F       p
ses            1  36.15  128.9647  <.0001
Sector         1  38.24    5.7670  0.0213
ses:Sector     1  36.15    9.9517  0.0032"""
        )
    )
    assert found._repr_html_().count("<tr") == 4


def test_refusals(reml_fits: Cache[hb.Fit], hs: pd.DataFrame) -> None:
    products = hb.Model(
        "mathach ~ poly(ses, 2):poly(DISCLIM, 2):Sector + (1 | school)", data=hs
    ).reml()
    for fit, message in (
        (
            reml_fits["oneway"],
            "the fixed part has no term but the intercept; test that with wald(fit)",
        ),
        (
            products,
            "the columns of 'poly(ses, 2):poly(DISCLIM, 2):Sector' cannot be told apart by their "
            "factors; leave the term out of a table of terms and use wald() with a pattern",
        ),
        (
            None,
            "anova() takes a fit, and this is of type NoneType; fits are what model.reml(), "
            "ml(), map() and sample() return",
        ),
    ):
        with pytest.raises(hb.HypothesisError) as error:
            hb.anova(fit)  # type: ignore[arg-type]
        assert str(error.value) == message


def test_several_fits_are_sent_where_they_are_compared(reml_fits: Cache[hb.Fit]) -> None:
    with pytest.raises(hb.HypothesisError) as error:
        hb.anova(reml_fits["oneway"], reml_fits["ancova"])
    assert str(error.value) == (
        "anova() tests the terms of one fit; two fits are compared by "
        "hb.likelihood_ratio(smaller, larger), several by hb.model_table(a, b, ...) or "
        "hb.compare(a, b, ...)"
    )
