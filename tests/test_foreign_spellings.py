"""Spellings of R in a formula: what is read as in R, and what is refused with a remedy."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.specification.foreign_spellings import REMEDIES, SPELLINGS
from hierbayes.specification.known_functions import read_functions
from hierbayes.specification.terms import factors_of, read_terms


@pytest.mark.parametrize("square", ["I(ses^2)", "I(ses ^ 2)", "I(ses**2)"])
def test_a_caret_in_a_call_is_a_power(square: str, hs: pd.DataFrame) -> None:
    model = hb.Model(f"mathach ~ ses + {square} + (1 | school)", data=hs)
    assert model.specification.fixed == ("1", "ses", "I(ses ** 2)")
    np.testing.assert_allclose(model.problem.design.rows.X[:, 2], hs["ses"] ** 2, rtol=1e-14)


def test_a_caret_in_a_call_is_a_power_of_whole_numbers_too(hs: pd.DataFrame) -> None:
    whole = hs.astype({"Size": "int64"})
    model = hb.Model("mathach ~ I(Size^2) + (1 | school)", data=whole)
    np.testing.assert_array_equal(model.problem.design.rows.X[:, 1], hs["Size"] ** 2.0)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("np.log(x^2 + 1)", ("1", "np.log(x ** 2 + 1)")),
        ("I(I(x^2)^3):w", ("1", "I(I(x ** 2) ** 3):w")),
        ("I(2^(x))", ("1", "I(2 ** x)")),
        ("I(`p^q`^2) + `a^b`", ("1", "I(`p^q` ** 2)", "`a^b`")),
        ("I(x == 'a^b')", ("1", "I(x == 'a^b')")),
        ("{x^2}", ("1", "{x ^ 2}")),
        ("(a + b)^2", ("1", "a", "b", "a:b")),
        ("x^2", ("1", "x")),
    ],
)
def test_where_a_caret_is_a_power(text: str, terms: tuple[str, ...]) -> None:
    assert read_terms(text) == terms
    assert read_terms(" + ".join(terms)) == terms


@pytest.mark.parametrize("name", REMEDIES)
def test_functions_of_r_are_refused(name: str) -> None:
    text = f"w + {name}(x)"
    with pytest.raises(hb.FormulaError) as refused:
        read_terms(text)
    assert str(refused.value) == (
        f"cannot read the formula '{text}': a formula has no function '{name}'; "
        f"write {REMEDIES[name]}\n    {text}\n        ^"
    )


@pytest.mark.parametrize("name", SPELLINGS)
def test_functions_of_r_are_read_where_they_mean_the_same(name: str) -> None:
    assert read_terms(f"w + {name}(x):v") == read_terms(f"w + {SPELLINGS[name]}(x):v")
    said = "has a function" if name.isidentifier() else "is called by a plain name"
    with pytest.raises(hb.FormulaError, match=said):
        read_functions({name: np.sqrt})


@pytest.mark.parametrize(
    ("as_in_r", "here"),
    [
        ("sqrt(mathach + 9) ~ factor(Sector):ses", "np.sqrt(mathach + 9) ~ C(Sector):ses"),
        ("mathach ~ I(ses - ave(ses, school))", "mathach ~ I(ses - cvar(ses, school))"),
        ("mathach ~ poly(ses, 2, raw=TRUE)", "mathach ~ poly(ses, 2, raw=True)"),
        ("mathach ~ ifelse(ses > 0, pmin(ses, 1), 0)", "mathach ~ "
         "np.where(ses > 0, np.minimum(ses, 1), 0)"),
    ],
)  # fmt: skip
def test_a_model_with_spellings_of_r_is_the_same(as_in_r: str, here: str, hs: pd.DataFrame) -> None:
    theirs = hb.Model(f"{as_in_r} + (1 | school)", data=hs)
    ours = hb.Model(f"{here} + (1 | school)", data=hs)
    assert theirs.specification == ours.specification
    np.testing.assert_array_equal(theirs.problem.design.rows.X, ours.problem.design.rows.X)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("mathach ~ cut(ses, 3) + (1 | school)", "cannot read the fixed part 'cut(ses, 3)':"),
        ("as.numeric(Size) ~ 1 + (1 | school)", "cannot read the response 'as.numeric(Size)':"),
        ("mathach ~ 1 + (I(mean(ses)^2) | school)", "cannot read the random part 'I(mean(ses)^2"),
        ("mathach ~ TRUE + (1 | school)", "cannot read the fixed part 'TRUE': a formula has no c"),
    ],
)  # fmt: skip
def test_a_model_refuses_the_others_wherever_they_stand(
    formula: str, message: str, hs: pd.DataFrame
) -> None:
    with pytest.raises(hb.FormulaError) as refused:
        hb.Model(formula, data=hs)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    "factor",
    [
        "C(Sector)",
        "C(Sector, contr.poly)",
        "C(Sector, contr.treatment('Public'))",
        "I(Size.astype(float))",
        "cr(ses, df=3, constraints='center')",
        "np.where(ses > 0, 1, 0)",
        "np.minimum(ses, 1)",
        "np.maximum(ses, 0)",
        "cvar(ses, school)",
        "np.sqrt(Size)",
        "np.arctan(ses)",
    ],
)
def test_what_is_written_in_their_place_works(factor: str, hs: pd.DataFrame) -> None:
    design = hb.Model(f"mathach ~ {factor} + (1 | school)", data=hs).problem.design
    assert design.rows.X.shape[1] > 1


def test_words_of_python_are_columns_in_calls_and_r_names_with_dots_groups(
    hs: pd.DataFrame,
) -> None:
    named = hs.rename(columns={"ses": "class", "Size": "sqrt", "school": "b.id"})
    model = hb.Model("mathach ~ I(class - sqrt^2) + (1 | factor(b.id):Sex)", data=named)
    assert model.specification.fixed == ("1", "I(`class` - sqrt ** 2)")
    assert [term.columns for term in model.specification.random] == [("b.id", "Sex")]
    again = hb.Model("mathach ~ I(`class` - sqrt**2) + (1 | `b.id`:Sex)", data=named)
    assert again.specification == model.specification
    with pytest.raises(hb.DataError, match=r"no column 'pi' .* number is np\.pi;"):
        hb.Model("mathach ~ sin(2 * pi * sqrt) + (1 | b.id)", data=named)


def test_columns_may_be_called_as_functions_and_constants_of_r_are(hs: pd.DataFrame) -> None:
    named = hs.rename(columns={"ses": "factor", "Size": "TRUE"})
    model = hb.Model("mathach ~ factor * `TRUE` + (1 | school)", data=named)
    assert model.specification.fixed == ("1", "factor", "`TRUE`", "factor:`TRUE`")
    assert factors_of("factor:`TRUE`") == ("factor", "`TRUE`")
    assert hb.Model(model.multilevel(), data=named).reml().loglik == model.reml().loglik
