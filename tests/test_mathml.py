"""Equations as MathML: well-formed, every sign in an element, and what the text has."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.language.mathml import MathmlWriter
from hierbayes.language.writer import Line, Term
from tests.conftest import Cache
from tests.test_equations import CATALOGUE, ODD, STRANGE, catalogue, odd_data, odd_models  # noqa: F401

TOKENS = {"mi", "mn", "mo", "mtext", "mspace"}
PAIRS = {"msub", "msup", "mover"}
NUMBER = re.compile(r"\d+\.\d+")


def read(mathml: str) -> Element:
    """The tree of a formula, checked."""
    root = ElementTree.fromstring(mathml)
    for element in root.iter():
        kind = element.tag.rpartition("}")[2]
        outside = [element.text or "", *(child.tail or "" for child in element)]
        if kind in TOKENS:
            assert len(element) == 0
        else:
            assert "".join(outside) == "", f"{outside} in no element"
        assert kind not in PAIRS or len(element) == 2
    return root


def seen(root: Element) -> str:
    """The signs of a formula in their order, without blanks."""
    return "".join("".join(root.itertext()).split())


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_catalogue_is_well_formed(
    catalogue: Cache[hb.Model],  # noqa: F811
    name: str,
) -> None:
    equations = catalogue[name].equations()
    for form in (*equations.forms, *equations.by_level.values()):
        read(form.mathml)


@pytest.mark.parametrize("formula", ODD)
def test_odd_models_are_well_formed(
    odd_models: Cache[hb.Model],  # noqa: F811
    formula: str,
) -> None:
    for form in odd_models[formula].equations().forms:
        read(form.mathml)


def test_the_checker_finds_faults() -> None:
    for wrong in ("<math>x</math>", "<math><msub><mi>x</mi></msub></math>"):
        with pytest.raises(AssertionError):
            read(wrong)


def test_a_name_may_hold_any_character(odd_models: Cache[hb.Model]) -> None:  # noqa: F811
    form = odd_models[f"mathach ~ `{STRANGE}` * Sector + (1 + `{STRANGE}` | school)"].equations()
    assert STRANGE in seen(read(form.within.mathml))


def test_the_slides_model() -> None:
    hs = hb.load_dataset("hs")
    equations = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs).equations()
    times = "\N{INVISIBLE TIMES}"
    assert seen(read(equations.within.mathml)) == (
        f"mathachij=β0j+β1j{times}sesij+rijrij∼N(0,σ2)(independent)"
    )
    assert seen(read(equations.between.mathml)) == (
        f"β0j=γ00+γ01{times}Sector[Public]j+u0jβ1j=γ10+γ11{times}Sector[Public]j+u1j"
        "u0ju1j∼N(0,G)(independentbetweenschoolsandoferrors)G=g00g10g10g11"
    )


def test_numbers_are_those_of_the_text(reml_fits: Cache[hb.Fit]) -> None:
    for name in ("oneway", "intercepts_slopes"):
        for form in reml_fits[name].equations().forms[:3]:
            root = read(form.mathml)
            assert sorted(NUMBER.findall(" ".join(root.itertext()))) == sorted(
                NUMBER.findall(form.text)
            )


def test_errors_in_time_and_other_families_are_well_formed(hs: pd.DataFrame) -> None:
    orthodont = hb.load_dataset("orthodont")
    errors = hb.residuals.AR1("age") * hb.residuals.Strata("Sex")
    formula = "distance ~ age * Sex + (1 | Subject)"
    law = read(hb.Model(formula, orthodont, residual=errors).equations().within.mathml)
    assert "cst=φ|s−t|(s,t:age" in seen(law)
    counts = hs.assign(y=range(len(hs)))
    made = hb.Model("y ~ ses + (1 | school)", counts, family="negativebinomial").equations()
    assert "(varianceμ+μ2/φ)" in seen(read(made.within.mathml))


def test_pieces() -> None:
    writer = MathmlWriter()
    small = seen(read(writer.align([Line("a", "=", writer.number(-2.4e-7).text)])))
    assert small == "a=2.40·10−7"
    assert writer.number(-0.5) == Term("<mn>0.500</mn>", negative=True)
    assert writer.words(" or ") == "<mtext>\xa0or\xa0</mtext>"
    assert writer.width(writer.name("a<b", "i", "j")) == len("a<bij")
    long = [Term(writer.name("x" * 30, k)) for k in range(4)]
    assert len(writer.rows(long)) == 2
