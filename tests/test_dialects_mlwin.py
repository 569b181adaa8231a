"""MLwiN: macros, written and read."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.translation.columns import columns_of
from hierbayes.translation.mlwin.reader import read_mlwin
from hierbayes.translation.mlwin.writer import DIALECT
from tests.models_to_write import CATALOGUE, FORMULAS, complaint, to_write, with_tracks


def commands(model: hb.Model, *, ml: bool = False) -> list[str]:
    return DIALECT.emit(to_write(model, ml=ml)).splitlines()


def test_name_and_reader() -> None:
    assert (DIALECT.name, DIALECT.title, DIALECT.read) == ("mlwin", "MLwiN: macro", read_mlwin)


def test_intercepts_and_slopes_as_outcomes() -> None:
    model = hb.load_model("intercepts_and_slopes_as_outcomes_with_contextual_mean")
    assert (
        DIALECT.emit(to_write(model))
        == """\
NOTE 'hs' has complete rows only, sorted by 'school'; 'row' numbers them
NOTE 'Sector' is coded 1 Catholic, 2 Public
LINK 4 G21
NAME G21[1] 'cons'
NAME G21[2] 'cvar_ses'
NAME G21[3] 'Sector_Public'
NAME G21[4] 'dvar_ses'
CALC 'cons' = 0 * 'mathach' + 1
MLAV 'school' 'ses' 'cvar_ses'
CALC 'Sector_Public' = 'Sector' == 2
CALC 'dvar_ses' = 'ses' - 'cvar_ses'

RESP 'mathach'
IDEN 1 'row'
IDEN 2 'school'
ADDT 'cons'
ADDT 'cvar_ses'
ADDT 'Sector_Public'
ADDT 'dvar_ses'
ADDT 'cvar_ses' 'Sector_Public'
ADDT 'dvar_ses' 'Sector_Public'
SETV 2 'cons'
SETV 2 'dvar_ses'
SETV 1 'cons'
NOTE METH 0 is RIGLS, restricted maximum likelihood; METH 1 is IGLS, maximum likelihood
METH 0
BATC 1
STAR"""
    )


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_column_has_its_place(name: str) -> None:
    model = hb.load_model(name)
    lines, design = commands(model), model.problem.design
    added = [line for line in lines if line.startswith("ADDT")]
    taken_out = [line for line in lines if line.startswith("FPAR 0")]
    assert len(added) - len(taken_out) == len(design.terms)
    assert sum(line.startswith("SETV 2") for line in lines) == len(design.effects)


def test_effects_without_a_fixed_part_leave_it(hs: pd.DataFrame) -> None:
    lines = commands(hb.Model("mathach ~ 0 + ses + (0 + I(ses ** 2) | school)", data=hs))
    assert lines[lines.index("IDEN 2 'school'") + 1 :][:7] == [
        "ADDT 'ses'",
        "ADDT 'ses_2'",
        "ADDT 'cons'",
        "FPAR 0 'ses_2'",
        "FPAR 0 'cons'",
        "SETV 2 'ses_2'",
        "SETV 1 'cons'",
    ]
    assert "CALC 'ses_2' = 'ses' ^ 2" in lines


def test_blocks_have_no_covariances(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses + (1 + Sex | school) + (0 + ses | school)", data=hs)
    lines = commands(model, ml=True)
    assert [line for line in lines if line.startswith("CLRE")] == [
        "CLRE 2 'cons' 'ses'",
        "CLRE 2 'Sex_Male' 'ses'",
    ]
    assert "METH 1" in lines


def test_columns_called_cons_and_row_keep_their_names(small_data: pd.DataFrame) -> None:
    data = small_data.rename(columns={"x": "cons", "w": "row"})
    lines = commands(hb.Model("y ~ cons + row + (1 | g)", data=data))
    assert lines[0].endswith("'row_2' numbers them")
    assert {"ADDT 'cons_2'", "ADDT 'cons'", "ADDT 'row'", "IDEN 1 'row_2'"} <= set(lines)


def test_what_mlwin_cannot_say(small_data: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError) as caught:
        commands(hb.Model("y ~ bs(x, df=4) + (1 | g)", data=small_data))
    assert str(caught.value) == (
        "MLwiN cannot say 'bs(x, df=4)': the function 'bs' has no counterpart there; make a "
        "column of the data from it first"
    )


def test_counts_and_other_responses() -> None:
    cbpp = hb.load_dataset("cbpp")
    model = hb.Model("cbind(incidence, size - incidence) ~ 1 + (1 | herd)", cbpp, family="binomial")
    found = model.emit("mlwin").splitlines()
    assert {"CALC 'incidence_size' = 'incidence' / 'size'", "RESP 'incidence_size'"} <= set(found)
    assert found[found.index("IDEN 2 'herd'") + 1 :] == [
        "RDIS 1 0",
        "LFUN 0",
        "DOFF 1 'size'",
        "ADDT 'cons'",
        "SETV 2 'cons'",
        "SETV 1 'bcons.1'",
        "NOTE LINE 1 2 is PQL2, near maximum likelihood; of few rows in a group MCMC is nearer",
        "METH 1",
        "LINE 1 2",
        "BATC 1",
        "STAR",
    ]
    women = hb.Model("use ~ age + (1 | district)", hb.load_dataset("contraception"),
                     family=hb.families.Bernoulli("probit"))  # fmt: skip
    found = women.emit("mlwin").splitlines()
    assert {"RESP 'use_Y'", "CALC 'use_Y' = 'use' == 2", "LFUN 1", "DOFF 1 'cons'"} <= set(found)
    counts = "incidence ~ period + offset(np.log(size)) + (1 | herd)"
    found = hb.Model(counts, cbpp, family="negativebinomial").emit("mlwin").splitlines()
    assert {"RDIS 1 2", "LFUN 3", "DOFF 1 'log_size'", "SETV 1 'bcons2.1'"} <= set(found)
    with pytest.raises(hb.FormulaError, match="MLwiN has no offset of counts out of trials"):
        hb.Model(counts.replace("incidence ", "incidence | trials(size) "), cbpp,
                 family="binomial").emit("mlwin")  # fmt: skip


@pytest.mark.parametrize(
    ("system", "refusal"),
    [
        ("hlm", "HLM has exposures of counts alone; leave out offset(o)"),
        ("mlwin", "MLwiN has no offset of categories: its command DOFF states their trials; leave "
         "out offset(o)"),
    ],
)  # fmt: skip
def test_ordered_categories_have_no_offset_there(system: str, refusal: str) -> None:
    wine = hb.load_dataset("wine")
    wine = wine.assign(o=wine.index % 3 / 4)
    model = hb.Model("rating ~ temp + offset(o) + (1 | judge)", wine, family="cumulative")
    with pytest.raises(hb.FormulaError) as error:
        model.emit(system)
    assert str(error.value) == refusal
    for other in ("brms", "bambi", "sas", "stata"):
        read = hb.read_code(other, model.emit(other), data=wine)
        assert read.specification == model.specification


def test_nominal_categories_have_coefficients_and_effects_of_their_own() -> None:
    model = hb.Model("livch ~ age + (age || district)", hb.load_dataset("contraception"),
                     family="categorical")  # fmt: skip
    found = model.emit("mlwin").splitlines()
    assert found[found.index("") + 4 :] == [
        "MNOM 0 'livch' 'resp' 'resp_indicator' 1",
        "RESP 'resp'",
        "IDEN 1 'resp_indicator'",
        "IDEN 2 'row'",
        "IDEN 3 'district'",
        "RDIS 1 4",
        "LFUN 0",
        "DOFF 1 'cons'",
        "ADDT 'cons'",
        "ADDT 'age'",
        *(f"SETV 3 '{name}.{k}'" for k in (2, 3, 4) for name in ("cons", "age")),
        *(f"CLRE 3 '{a}' '{b}'" for a, b in combinations(
            [f"{name}.{k}" for k in (2, 3, 4) for name in ("cons", "age")], 2)),
        "NOTE LINE 1 2 is PQL2, near maximum likelihood; of few rows in a group MCMC is nearer",
        "METH 1",
        "LINE 1 2",
        "BATC 1",
        "STAR",
    ]  # fmt: skip


def test_ordered_categories_are_stacked() -> None:
    wine = hb.load_dataset("wine")
    wine = wine.assign(warm=1.0 * (wine["temp"] == "warm"))
    family = hb.families.Cumulative("probit")
    model = hb.Model("rating ~ warm * contact + (warm || judge)", wine, family=family)
    found = model.emit("mlwin").splitlines()
    assert found[found.index("") + 1 :] == [
        "LINK 2 G21",
        "NAME G21[1] 'resp'",
        "NAME G21[2] 'resp_indicator'",
        "MNOM 1 'rating' 'resp' 'resp_indicator' 5",
        "RESP 'resp'",
        "IDEN 1 'resp_indicator'",
        "IDEN 2 'row'",
        "IDEN 3 'judge'",
        "RDIS 1 5",
        "LFUN 1",
        "DOFF 1 'cons'",
        "ADDT 'cons'",
        "RPAT 1 1 1 1",
        "ADDT 'warm'",
        "ADDT 'contact_yes'",
        "ADDT 'warm' 'contact_yes'",
        "ADDT 'cons'",
        "RPAT",
        "FPAR 0 'cons.1234'",
        "SETV 3 'cons.1234'",
        "SETV 3 'warm.1234'",
        "CLRE 3 'cons.1234' 'warm.1234'",
        "NOTE coefficients are of low categories, P(y <= s): each has the other sign than here",
        "NOTE LINE 1 2 is PQL2, near maximum likelihood; of few rows in a group MCMC is nearer",
        "METH 1",
        "LINE 1 2",
        "BATC 1",
        "STAR",
    ]
    words = pd.Categorical(
        wine["rating"].map(dict(enumerate("cdeab", 1))), list("cdeab"), ordered=True
    )
    labelled = hb.Model("word ~ temp + (1 | judge)", wine.assign(word=words), family=family)
    found = labelled.emit("mlwin").splitlines()
    assert "NOTE 'word' is coded 1 c, 2 d, 3 e, 4 a, 5 b" in found
    assert "MNOM 1 'word' 'resp' 'resp_indicator' 5" in found


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_comes_back_the_same(name: str) -> None:
    model = hb.load_model(name)
    code = DIALECT.emit(to_write(model))
    for known in (columns_of(model.data), list(model.data.columns)):
        assert read_mlwin(code, known).specification == model.specification


@pytest.mark.parametrize("formula", FORMULAS)
def test_other_models_come_back_the_same(formula: str, hs: pd.DataFrame) -> None:
    model = hb.Model(formula, data=with_tracks(hs))
    code = DIALECT.emit(to_write(model))
    for known in (columns_of(model.data), list(model.data.columns)):
        assert read_mlwin(code, known).specification == model.specification


F = hb.families
RESPONSES = [
    ("cbpp", "incidence | trials(size) ~ period + (1 | herd)", F.Binomial("cloglog")),
    ("cbpp", "incidence ~ period + offset(np.log(size)) + (1 | herd)", F.Poisson()),
    ("cbpp", "incidence ~ period + (1 | herd)", F.NegativeBinomial()),
    ("contraception", "use ~ age + I(age ** 2) + livch + (1 + urban | district)", F.Bernoulli()),
    ("contraception", "livch ~ age + (1 + age | district)", F.Categorical()),
    ("wine", "rating ~ temp * contact + (temp || judge)", F.Cumulative("probit")),
    ("grouseticks", "TICKS ~ cHEIGHT + (1 | LOCATION) + (1 | LOCATION:BROOD)", F.Poisson()),
]


@pytest.mark.parametrize(("name", "formula", "family"), RESPONSES)
def test_responses_come_back_the_same(
    name: str, formula: str, family: hb.families.ResponseFamily
) -> None:
    data = hb.load_dataset(name)
    data = data.assign(temp=1.0 * (data["temp"] == "warm")) if name == "wine" else data
    model = hb.Model(formula, data, family=family)
    back = hb.read_code("mlwin", model.emit("mlwin"), data=data)
    assert back.specification == model.specification
    assert str(back.problem.family) == str(family)


MACRO = """\
ECHO    0
NOTE    as R2MLwiN writes them
INIT    3 6000 2500 14 30
RSTA    'hs.dta'
DESC    cb50 'mathach'
RESP    'mathach'
IDEN 2  'school'
IDEN 1  'student'
ADDT    'Intercept'
ADDT    'ses'
ADDT    'Sector' 1
ADDT    'ses' 'Sector' 1
SETV  2 'Intercept'
SETV  2 'ses'
SETV  1 'Intercept'
METH 1
BATC 1
STAR
PUTS 1 2
"""
SETV = "SETV  2 'Intercept'\nSETV  2 'ses'"
ALIKE = {
    "as it is": (MACRO, "(1 + ses | school)"),
    "variances alone": (MACRO.replace(SETV, "SETE 2 'Intercept' 'Intercept'\nSETE 2 'ses' 'ses'"),
                        "(1 | school) + (0 + ses | school)"),
    "a covariance put in": (MACRO.replace(SETV, "SETE 2 'Intercept' 'Intercept'\n"
                                          "SETE 2 'ses' 'ses'\nSETE 2 'Intercept' 'ses'"),
                            "(1 + ses | school)"),
    "a covariance taken out": (MACRO.replace("METH", "CLRE 2 'ses' 'Intercept'\nMETH"),
                               "(1 | school) + (0 + ses | school)"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALIKE)
def test_macros_of_others(name: str, hs: pd.DataFrame) -> None:
    code, random = ALIKE[name]
    found = read_mlwin(code, columns_of(hs)).specification
    assert found.lme4() == f"mathach ~ 1 + ses + Sector + ses:Sector + {random}"


def test_shares_of_trials_are_counts() -> None:
    cbpp = hb.load_dataset("cbpp")
    model = hb.read_code("mlwin", """RESP 'share'
IDEN 2 'herd'
RDIS 1 0
LFUN 1
DOFF 1 'size'
ADDT 'cons'
SETV 2 'cons'
SETV 1 'bcons.1'""", data=cbpp.assign(share=cbpp["incidence"] / cbpp["size"]))  # fmt: skip
    assert model.specification.left == "I(np.rint(share * size)) | trials(size)"
    rows = model.problem.design.rows.family
    assert rows is not None
    np.testing.assert_array_equal(rows.observed, cbpp["incidence"])


START = "cannot read the MLwiN code: "
REFUSED = {
    "an unknown command": ("METH 1", "WEIG 2 1 'w'", "the command WEIG is not read; make its "
        "columns and choose its rows in the data", "WEIG 2 1 'w'"),
    "another reference": ("'Sector' 1", "'Sector' 2", "the reference category must be the first; "
        "order the levels", "2"),
    "no such column": ("'ses'", "'sess'", "'sess' is no column of the data; the columns are: "
        "'school', 'mathach', 'ses', 'Sex', 'Minority', 'Size', 'Sector', 'PRACAD', 'DISCLIM', "
        "'HIMINTY'", "'sess'"),
    "level 1": ("METH 1", "SETV 1 'ses'", "the variance of level 1 depends on 'ses'", "'ses'"),
    "nothing varies": (SETV, "", "nothing varies over groups, as SETV 2 'cons' would say", "STAR"),
    "not put in": ("SETV  2 'ses'", "SETV 2 'Size'", "'Size' is not in the model; ADDT has put in: "
        "'intercept', 'ses', 'public', 'ses.public'", "'Size'"),
    "no groups": ("IDEN 2", "NOTE", "IDEN 2 is missing, which names the groups of the level",
        "STAR"),
    "no number": ("IDEN 2", "IDEN x", "'x' is no number of a level", "x    'school'"),
    "no response": ("RESP", "NOTE", "it has no RESP, which names the response", ""),
    "two responses": ("METH 1", "RESP 'Size'", "models here have one response", "'Size'"),
    "a distribution": ("METH 1", "RDIS 1 7", "the distribution is one of 0 shares, 1 counts, 2 "
        "overdispersed counts, 4 unordered categories, 5 ordered categories", "7"),
    "a link": ("METH 1", "RDIS 1 0\nLFUN 3", "shares have no link log here", "'mathach'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named(name: str, hs: pd.DataFrame) -> None:
    old, new, words, place = REFUSED[name]
    with pytest.raises(hb.FormulaError) as caught:
        hb.read_code("mlwin", MACRO.replace(old, new), data=hs)
    sentence, rest = complaint(caught.value)
    assert (sentence, rest.split()[:1]) == (START + words, place.split()[:1])


OTHER = {
    ("wine", "'resp_indicator' 5", "'resp_indicator' 1"): "MNOM compares the categories of "
        "'rating' with 1, and models here with the last, 5; order them in the data",
    ("wine", "FPAR 0 'cons.1234'", "NOTE"): "ordered categories have an intercept beside their "
        "thresholds; FPAR 0",
    ("wine", "RPAT 1 1 1 1", "NOTE"): "thresholds share all coefficients but their intercepts "
        "here; put RPAT 1 1 ... before other columns and RPAT behind them",
    ("wine", "CALC 'temp_warm' = 'temp' == 2", "CALC 'temp_warm' = 'temp' == 3"): "'temp' has 2 "
        "levels, and none has the number 3",
    ("wine", "1 cold, 2 warm", "1 warm, 2 cold"): "'temp' has other codes than its levels in the "
        "data, 1 cold, 2 warm; order the levels in the data",
    ("contraception", "CLRE 3 'cons.2' 'cons.3'", "NOTE"): "'cons.2' and 'cons.3' are of two "
        "categories, and independent in models here; take their covariance out, CLRE with both",
    ("contraception", "SETV 3 'cons.2'", "NOTE"): "random effects are of 2 categories, and models "
        "here have them of all 3 but the first",
    ("contraception", "'resp_indicator' 1", "'resp_indicator' 4"): "MNOM compares the categories "
        "of 'livch' with 4, and models here with the first, 1; order them in the data",
}  # fmt: skip


@pytest.mark.parametrize("case", OTHER)
def test_categories_otherwise_are_refused(case: tuple[str, str, str]) -> None:
    name, old, new = case
    data = hb.load_dataset(name)
    formula = "rating ~ temp + (1 | judge)" if name == "wine" else "livch ~ age + (1 | district)"
    family = "cumulative" if name == "wine" else "categorical"
    code = hb.Model(formula, data, family=family).emit("mlwin")
    assert old in code
    with pytest.raises(hb.FormulaError) as caught:
        hb.read_code("mlwin", code.replace(old, new), data=data)
    assert complaint(caught.value)[0] == START + OTHER[case]


def test_levels_that_are_left_out_are_named(hs: pd.DataFrame) -> None:
    data = with_tracks(hs)
    code = hb.Model("mathach ~ Track + (1 | school)", data).emit("mlwin")
    code = code.replace("ADDT 'Track_technical'\n", "")
    with pytest.raises(hb.FormulaError, match=r"of 'Track' they have Track\[academic\], and its"):
        hb.read_code("mlwin", code, data=data)
