"""Stata: ``mixed`` written, and read in many spellings."""

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.translation.stata.reader import read_stata
from hierbayes.translation.stata.writer import DIALECT
from tests.models_to_write import CATALOGUE, FORMULAS, complaint, to_write, with_tracks

COLUMNS = ("school", "mathach", "ses", "Sex", "Size", "Sector", "W")


def test_name_and_reader() -> None:
    assert (DIALECT.name, DIALECT.read) == ("stata", read_stata)


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_comes_back_the_same(name: str) -> None:
    model = hb.load_model(name)
    back = read_stata(DIALECT.emit(to_write(model)), list(model.data.columns)).specification
    assert back == model.specification
    assert hb.equivalence(model, hb.Model(back.lme4(), data=model.data)).holds


@pytest.mark.parametrize("formula", FORMULAS)
def test_other_models_come_back_the_same(formula: str, hs: pd.DataFrame) -> None:
    model = hb.Model(formula, data=with_tracks(hs))
    assert (
        read_stata(DIALECT.emit(to_write(model)), list(model.data.columns)).specification
        == model.specification
    )


GOLDEN = {
    "mathach ~ 1 + (1 | school)": "mixed mathach || school:, reml",
    "mathach ~ ses + (1 + ses | school)":
        "mixed mathach ses || school: ses, covariance(unstructured) reml",
    "mathach ~ ses * Sector + (1 + ses | school)": """\
rename Sector Sector_text
encode Sector_text, generate(Sector)
mixed mathach c.ses##i.Sector || school: ses, covariance(unstructured) reml""",
    "mathach ~ cvar(ses, school) + dvar(ses, school) + (1 + dvar(ses, school) | school)": """\
drop if missing(mathach, school, ses)
egen double cvar_ses = mean(ses), by(school)
generate double dvar_ses = ses - cvar_ses
mixed mathach cvar_ses dvar_ses || school: dvar_ses, covariance(unstructured) reml""",
    "mathach ~ dvar(ses, school) + (1 | school)": """\
drop if missing(mathach, school, ses)
egen double mean_ses = mean(ses), by(school)
generate double dvar_ses = ses - mean_ses
mixed mathach dvar_ses || school:, reml""",
    # Stata orders labels by alphabet; the model has another order.
    "mathach ~ Track + (1 | school)": """\
rename Track Track_text
label define Track 1 "general" 2 "academic" 3 "technical"
encode Track_text, generate(Track) label(Track)
mixed mathach i.Track || school:, reml""",
    # Equations of one group are independent of each other.
    "mathach ~ ses + (ses || school)":
        "mixed mathach ses || school: ses, covariance(independent) reml",
    "mathach ~ ses + (1 + ses | school) + (0 + I(ses ** 2) | school)": """\
generate double ses_2 = ses ^ 2
mixed mathach ses || school: ses, covariance(unstructured) || school: ses_2, noconstant reml""",
    "mathach ~ 0 + ses + Sector + (0 + ses | school)": """\
rename Sector Sector_text
encode Sector_text, generate(Sector)
mixed mathach ses ibn.Sector, noconstant || school: ses, noconstant reml""",
}  # fmt: skip


@pytest.mark.parametrize(("formula", "code"), GOLDEN.items())
def test_code(formula: str, code: str, hs: pd.DataFrame) -> None:
    assert DIALECT.emit(to_write(hb.Model(formula, data=with_tracks(hs)))) == code


def test_maximum_likelihood_is_said(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses + (1 | school)", data=hs)
    assert DIALECT.emit(to_write(model, ml=True)) == "mixed mathach ses || school:, mle"


def test_labels_that_are_numbers_stay_numbers(small_data: pd.DataFrame) -> None:
    levels = pd.Categorical(["3", "1"] * 30, categories=["3", "1"])
    model = hb.Model("y ~ a + x:a + (1 | g)", data=small_data.assign(a=levels))
    code = DIALECT.emit(to_write(model))
    assert code == "mixed y ib3.a c.x#ib3.a || g:, reml".replace("c.x#ib3.a", "c.x#ibn.a")
    assert read_stata(code, ["y", "x", "a", "g"]).specification == model.specification


READINGS = {
    "xtmixed mathach ses || school: ses": "mathach ~ 1 + ses + (1 | school) + (0 + ses | school)",
    "mixed mathach ses || school: ses, cov(un)": "mathach ~ 1 + ses + (1 + ses | school)",
    "mixed mathach ses || school: ses, cov(ind)":
        "mathach ~ 1 + ses + (1 | school) + (0 + ses | school)",
    "mixed mathach ses, nocons || school: ses, nocons cov(id)":
        "mathach ~ 0 + ses + (0 + ses | school)",
    "mixed mathach ses || school: ses, cov(un) nocons || school:, reml":
        "mathach ~ 1 + ses + (0 + ses | school) + (1 | school)",
    "mixed mathach c.ses##ib2.Sector##ib(first).Sex || school:, mle var nolog level(90)":
        "mathach ~ 1 + ses + Sector + Sex + ses:Sector + ses:Sex + Sector:Sex + ses:Sector:Sex "
        "+ (1 | school)",
    "mixed mathach c.ses c.ses#c.ses i.Sector#c.ses || school:, res(ind) vce(robust)":
        "mathach ~ 1 + ses + I(ses ** 2) + Sector:ses + (1 | school)",
    # Levels lie within those before them; R. makes groups of every level of a column.
    "mixed mathach ses || school: || Sex: ses, cov(un)":
        "mathach ~ 1 + ses + (1 | school) + (1 + ses | school:Sex)",
    "mixed mathach || _all: R.Size || school: ses, cov(un) || school: W, nocons":
        "mathach ~ 1 + (1 | Size) + (1 + ses | school) + (0 + W | school)",
    "mixed mathach || _all: R.Size || _all: R.Sex, cov(id) || school:, mle":
        "mathach ~ 1 + (1 | Size) + (1 | Sex) + (1 | school)",
    "egen long cell = group(school Sex)\nmixed mathach || _all: R.cell || Size: R.W || Sector:":
        "mathach ~ 1 + (1 | school:Sex) + (1 | Size:W) + (1 | Size:Sector)",
    "version 15\nuse hs.dta, clear\n* a comment\nbysort school: egen m = mean(ses)\n"
    "gen d = ses - m\nqui mixed mathach m d i.Sector /// all\n   || school: d, cov(uns) // end\n"
    "estat icc":
        "mathach ~ 1 + cvar(ses, school) + dvar(ses, school) + Sector + "
        "(1 + dvar(ses, school) | school)",
    "encode Sector, gen(sec)\ngen l = ln(Size)^2\nmixed mathach i.sec l || school:":
        "mathach ~ 1 + Sector + I(np.log(Size) ** 2) + (1 | school)",
    "encode school, gen(sch)\negen m = mean(ses), by(sch)\nmixed mathach m || sch:":
        "mathach ~ 1 + cvar(ses, school) + (1 | school)",
    ". mixed mathach ses || school:": "mathach ~ 1 + ses + (1 | school)",
}  # fmt: skip


@pytest.mark.parametrize(("code", "formula"), READINGS.items())
def test_spellings(code: str, formula: str) -> None:
    assert str(read_stata(code, COLUMNS).specification) == formula


_STRUCTURES = (
    "is not supported: effects are correlated (unstructured) or independent, each with its own "
    "variance"
)
REFUSALS = [
    ("regress mathach ses", "the command 'regress' is not read; make its columns and choose its "
     "rows in the data", "regress"),
    ("mixed mathach SES || school:", "'SES' is no column of the data; Stata heeds case, did you "
     "mean 'ses'? the columns are: 'school', 'mathach', 'ses', 'Sex', 'Size', 'Sector', 'W'",
     "SES"),
    ("mixed mathach s* || school:", "abbreviated lists of variables are not read; write every "
     "name", "*"),
    ("mixed mathach ses#i.Sector || school:", "in an interaction Stata takes 'ses' for a factor; "
     "write c.ses or i.ses", "ses#"),
    ("mixed mathach L.ses || school:", "the operator 'L.' is not read; only i., ib#. and c. are",
     "L."),
    ("mixed mathach 1.Sector || school:", "the operator '1.' picks one level; name the whole "
     "factor with i.", "1."),
    ("mixed mathach i.(Sex Sector) || school:", "parentheses in a list of variables are not read; "
     "write the terms one by one", "(Sex"),
    ("mixed mathach ses if Size > 1 || school:", "'if' and 'in' choose rows; choose the rows of "
     "the data instead", "if"),
    ("mixed mathach ses [pw=W] || school:", "weights are not supported", "[pw"),
    ("mixed mathach ses ||", "the level variable is missing after ||", "||"),
    ("mixed mathach ses || school ses", "':' is expected here, not 'ses'", "ses"),
    ("mixed mathach ses || _all: ses", "_all: is one group of all rows; R. makes groups of the "
     "levels of a column, as in || _all: R.group", "_all"),
    ("mixed mathach ses || school: ses R.Sex", "R. makes an effect of every level, which stands "
     "by itself after a level, as in || _all: R.group", "R.Sex"),
    ("mixed mathach ses || school: i.Sex", "a random-effects equation takes columns only, no "
     "factor variables and no products; make the column first", "i.Sex"),
    ("mixed mathach ses || school: ses, cov(ex)", f"covariance(exchangeable) {_STRUCTURES}",
     "cov"),
    ("mixed mathach ses || school: ses, cov(toep)", f"covariance(toep) {_STRUCTURES}", "toep"),
    ("mixed mathach ses || school:, residuals(ma 1, t(Size))", "residuals(ma1,t(Size)) is not "
     "supported; read are independent, exchangeable, ar, toeplitz, unstructured, exponential, of "
     "ar the order 1", "residuals"),
    ("mixed mathach ses || school:, wrong", "the option 'wrong' is not read: it is not known, or "
     "has no counterpart in the package", "wrong"),
    ("drop if ses > 2\nmixed mathach ses || school:", "'drop' is not read, other than drop if "
     "missing(...); choose the rows of the data first", "drop"),
    ("egen m = mean(ses)\nmixed mathach m || school:", "'m' is a mean over all rows; a mean of "
     "groups needs by(group)", "m ="),
    ("egen m = sd(ses), by(school)", "'m' is no mean(column); make the column in the data "
     "instead", "sd"),
    ("gen male = Sex == 2\nmixed mathach male || school:", "'male' is an indicator of one level "
     "of 'Sex'; use the factor 'Sex' itself, or label the indicator 'Sex[T.level]' if all levels "
     "but the first have one", "male"),
    ("mixed mathach ses || school:\nmixed mathach || school:", "there are two commands mixed; "
     "read one at a time", "mixed"),
    ("by Sex: mixed mathach ses || school:", "the prefix 'Sex' is not read here", "Sex"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "place"), REFUSALS)
def test_refusals_point_at_the_word(code: str, message: str, place: str) -> None:
    with pytest.raises(hb.FormulaError) as caught:
        read_stata(code, COLUMNS)
    said, rest = complaint(caught.value)
    assert said == f"cannot read the Stata code: {message}"
    assert rest.startswith(place)


def test_no_mixed() -> None:
    with pytest.raises(hb.FormulaError) as caught:
        read_stata("use hs.dta", COLUMNS)
    assert str(caught.value) == "cannot read the Stata code: it has no command mixed"


def unsayable(formula: str, data: pd.DataFrame) -> str:
    with pytest.raises(hb.FormulaError) as caught:
        DIALECT.emit(to_write(hb.Model(formula, data=data)))
    return str(caught.value)


def test_what_stata_cannot_say(small_data: pd.DataFrame) -> None:
    data = small_data.assign(
        using=small_data["x"] ** 2, a=["it's $5", "no"] * 30, **{"x.2": small_data["x"] ** 3}
    )
    assert unsayable("y ~ x + poly(w, 2) + (1 | g)", data) == (
        "Stata cannot say 'poly(w, 2)': the function 'poly' has no counterpart there; make a "
        "column of the data from it first"
    )
    assert unsayable("y ~ using + (1 | g)", data) == (
        "Stata cannot name the column 'using': that word is its own; rename the column"
    )
    assert unsayable("y ~ `x.2` + (1 | g)", data) == (
        "Stata cannot name the column 'x.2': its names are letters, digits and underscores, with "
        "no digit first; rename the column"
    )
    levels = pd.Categorical(data["a"], categories=["no", "it's $5"])
    assert unsayable("y ~ a + (1 | g)", data.assign(a=levels)) == (
        """Stata cannot quote the text "it's $5"; rename the level or the column"""
    )
