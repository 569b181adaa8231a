"""Errors with heavy tails: the model of a family, said in another word."""

import re
from pathlib import Path
from typing import Any

import pytest

import hierbayes as hb
from hierbayes import residuals as hr
from hierbayes.cli import main
from hierbayes.residuals.text import read_residual_text

FORMULA = "mathach ~ ses + (1 | school)"


@pytest.mark.parametrize("df", [4.0, None])
def test_it_is_the_model_of_the_family(df: float | None, hs: Any) -> None:
    one = hb.Model(FORMULA, hs, residual=hr.StudentT(df))
    other = hb.Model(FORMULA, hs, family=hb.families.StudentT(df=df))
    assert one.problem.family == other.problem.family
    assert str(one.specification) == str(other.specification)
    if df is not None:
        assert one.ml().loglik == other.ml().loglik
        assert str(one.equations()) == str(other.equations())


def test_there_is_no_reml(hs: Any) -> None:
    with pytest.raises(hb.FormulaError, match="StudentT"):
        hb.Model(FORMULA, hs, residual=hr.StudentT(4)).reml()


@pytest.mark.parametrize("text", ["StudentT(4)", "StudentT(2.5)", "StudentT(None)"])
def test_it_is_read_as_it_is_written(text: str) -> None:
    assert repr(read_residual_text(text)) == text
    assert read_residual_text(f"hb.residuals.{text}") == read_residual_text(text)


REFUSED = [
    (lambda: hr.AR1("week") * hr.StudentT(4),
     "StudentT(4) is of independent errors that are alike, and is part of no product; keep one of "
     "them"),
    (lambda: hr.StudentT(0),
     "StudentT: df must be a positive number, or None to estimate it, not 0"),
    (lambda: hr.StudentT(True),
     "StudentT: df must be a positive number, or None to estimate it, not True"),
    (lambda: read_residual_text("StudentT(-1)"),
     "StudentT: df must be a positive number, or None to estimate it, not -1"),
    (lambda: hb.Model(FORMULA, hb.load_dataset("hs"), family="poisson", residual=hr.StudentT(4)),
     "residual structures are of Gaussian responses, and the family is Poisson(link='log'); leave "
     "one of them out"),
    (lambda: read_residual_text("StudentT('week')"),
     "cannot read the residual structure 'StudentT('week')': ''week'' is no number; write one as "
     "in \"AR1('week') * Strata('sex')\""),
]  # fmt: skip


@pytest.mark.parametrize(("call", "said"), REFUSED, ids=range(len(REFUSED)))
def test_what_has_no_meaning_is_refused(call: Any, said: str) -> None:
    with pytest.raises(hb.ResidualError, match=f"^{re.escape(said)}$"):
        call()


def test_a_model_file_and_the_command_line_have_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tails.toml"
    file.write_text(
        f'title = "Heavy tails"\nabout = "t"\ndataset = "hs"\nformula = "{FORMULA}"\n'
        'residual = "StudentT(4)"\n'
    )
    assert hb.load_model(file).problem.family == hb.families.StudentT(df=4)
    assert main(["equations", str(file)]) == 0
    of_file = capsys.readouterr().out
    data = Path(__file__).parents[1] / "data" / "hs.csv"
    stated = ["--formula", FORMULA, "--data", str(data), "--residual", "StudentT(4)"]
    assert main(["fit", *stated, "--method", "ml"]) == 0
    assert "StudentT" in of_file and "StudentT" in capsys.readouterr().out
    assert main(["fit", *stated[:-1], "StudentT(-1)", "--method", "ml"]) == 2
    assert "StudentT: df must be a positive number" in capsys.readouterr().err


CODE = {
    "glmmtmb": "map = list(psi = factor(NA))", "brms": 'prior(constant(4), class = "nu")',
    "bambi": 'family="t"', "sas": "DIST=TCENTRAL(4)",
}  # fmt: skip


@pytest.mark.parametrize("system", CODE)
def test_other_systems_have_a_family_for_it(system: str, hs: Any) -> None:
    model = hb.Model(FORMULA, hs, residual=hr.StudentT(4))
    code = model.emit(system)
    assert CODE[system] in code
    again = hb.read_code(system, code, data=hs)
    assert again.problem.family == hb.families.StudentT(df=4)
    assert hb.equivalence(model, again).identical


def test_sas_does_not_estimate_degrees_of_freedom(hs: Any) -> None:
    model = hb.Model(FORMULA, hs, residual=hr.StudentT(None))
    with pytest.raises(hb.FormulaError, match=r"holds the degrees of freedom of DIST=TCENTRAL"):
        model.emit("sas")


@pytest.mark.parametrize("system", ["nlme", "lme4", "stata", "hlm", "mlwin", "statsmodels"])
def test_systems_without_such_a_family_refuse_it(system: str, hs: Any) -> None:
    model = hb.Model(FORMULA, hs, residual=hr.StudentT(4))
    with pytest.raises(hb.FormulaError, match=r"has no word for the family StudentT\("):
        model.emit(system)
