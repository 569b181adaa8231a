"""SAS: PROC MIXED written as in the lecture slides, and read in many spellings."""

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.translation.sas.reader import read_sas
from hierbayes.translation.sas.writer import DIALECT
from tests.models_to_write import CATALOGUE, FORMULAS, complaint, to_write, with_tracks

COLUMNS = ("school", "mathach", "ses", "Sex", "Size", "Sector", "Y", "X", "W")


def mixed(model: str = "y = x", random: str = "int / sub=school", classes: str = "school") -> str:
    return f"proc mixed; class {classes}; model {model}; random {random}; run;"


def test_name_and_reader() -> None:
    assert (DIALECT.name, DIALECT.read) == ("sas", read_sas)


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_comes_back_the_same(name: str) -> None:
    model = hb.load_model(name)
    back = read_sas(DIALECT.emit(to_write(model)), list(model.data.columns)).specification
    assert back == model.specification
    assert hb.equivalence(model, hb.Model(back.lme4(), data=model.data)).holds


@pytest.mark.parametrize("formula", FORMULAS)
def test_other_models_come_back_the_same(formula: str, hs: pd.DataFrame) -> None:
    model = hb.Model(formula, data=with_tracks(hs))
    code = DIALECT.emit(to_write(model))
    assert read_sas(code, list(model.data.columns)).specification == model.specification


def test_intercepts_and_slopes_as_in_the_slides(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses * Sector", "~ 1 + ses | school", data=hs)
    assert (
        DIALECT.emit(to_write(model))
        == """\
PROC MIXED DATA=hs METHOD=REML;
  CLASS school Sector(REF="Catholic");
  MODEL mathach = ses Sector ses*Sector / SOLUTION;
  RANDOM INTERCEPT ses / SUBJECT=school TYPE=UN;
RUN;"""
    )


def test_one_way_model_as_in_the_slides(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ 1 + (1 | school)", data=hs)
    assert (
        DIALECT.emit(to_write(model, data="MIXED.HS", ml=True))
        == """\
PROC MIXED DATA=MIXED.HS METHOD=ML;
  CLASS school;
  MODEL mathach = / SOLUTION;
  RANDOM INTERCEPT / SUBJECT=school;
RUN;"""
    )


def test_contextual_columns_are_made_first() -> None:
    model = hb.load_model("contextual_mean_and_centred_within_group")
    assert (
        DIALECT.emit(to_write(model))
        == """\
PROC SQL;
  CREATE TABLE derived AS
  SELECT *,
    MEAN(ses) AS cvar_ses,
    ses - MEAN(ses) AS dvar_ses
  FROM hs
  WHERE CMISS(mathach, school, ses) = 0
  GROUP BY school;
QUIT;

PROC MIXED DATA=derived METHOD=REML;
  CLASS school;
  MODEL mathach = cvar_ses dvar_ses / SOLUTION;
  RANDOM INTERCEPT dvar_ses / SUBJECT=school TYPE=UN;
RUN;"""
    )


def test_transformations_and_indicators_are_made_first(hs: pd.DataFrame) -> None:
    formula = "mathach ~ log(Size) + Track + (1 + Track | school) + (0 + ses | school)"
    model = hb.Model(formula, data=with_tracks(hs))
    assert (
        DIALECT.emit(to_write(model))
        == """\
DATA derived;
  SET hs;
  WHERE CMISS(mathach, Size, Track, ses, school) = 0;
  log_Size = LOG(Size);
  Track_academic = (Track = "academic");
  Track_technical = (Track = "technical");
  LABEL log_Size = "log(Size)";
  LABEL Track_academic = "Track[T.academic]";
  LABEL Track_technical = "Track[T.technical]";
RUN;

PROC MIXED DATA=derived METHOD=REML;
  CLASS school Track(REF="general");
  MODEL mathach = log_Size Track / SOLUTION;
  RANDOM INTERCEPT Track_academic Track_technical / SUBJECT=school TYPE=UN;
  RANDOM ses / SUBJECT=school;
RUN;"""
    )


READINGS = {
    # The lecture slides' own commands.
    "PROC MIXED DATA = MIXED.HS;  CLASS SCHOOL;  MODEL Y = ;  RANDOM INTERCEPT / SUBJECT=SCHOOL;"
    "  RUN;": "Y ~ 1 + (1 | school)",
    "PROC MIXED DATA = MIXED.HS;\nCLASS SCHOOL;\nMODEL Y = W ;\nRANDOM INTERCEPT / SUBJECT = "
    "SCHOOL;\nRUN": "Y ~ 1 + W + (1 | school)",
    "PROC MIXED DATA = MIXED.HS;\nCLASS SCHOOL;\nMODEL Y = X ;\nRANDOM INTERCEPT X / SUBJECT = "
    "SCHOOL TYPE =\nUN;\nRUN;": "Y ~ 1 + X + (1 + X | school)",
    "PROC MIXED DATA = MIXED.HS;\n CLASS SCHOOL;\n MODEL Y = X W X*W;\n RANDOM INTERCEPT X / "
    "SUBJECT = SCHOOL TYPE = UN;\n RUN;": "Y ~ 1 + X + W + X:W + (1 + X | school)",
    # Without TYPE= effects are independent.
    mixed(random="int x / sub=school"): "Y ~ 1 + X + (1 | school) + (0 + X | school)",
    mixed(random="int x / sub=school type=vc"): "Y ~ 1 + X + (1 | school) + (0 + X | school)",
    mixed(random="int x / type=un(1) sub=school"): "Y ~ 1 + X + (1 | school) + (0 + X | school)",
    mixed(random="int x / sub=school type=fa0(2) g gcorr"): "Y ~ 1 + X + (1 + X | school)",
    mixed(random="x w / sub=school type=un; random int / sub=school"):
        "Y ~ 1 + X + (0 + X + W | school) + (1 | school)",
    # Subjects that are combinations, effects of CLASS that are groups.
    mixed(random="int / sub=school; random int x / sub=sex(school) type=un"):
        "Y ~ 1 + X + (1 | school) + (1 + X | school:Sex)",
    mixed(random="int / sub=school; random int / sub=sex*school"):
        "Y ~ 1 + X + (1 | school) + (1 | Sex:school)",
    mixed(random="int / sub=size(school sex)"): "Y ~ 1 + X + (1 | school:Sex:Size)",
    mixed(random="int / sub=school; random int / sub=sex"):
        "Y ~ 1 + X + (1 | school) + (1 | Sex)",
    mixed(random="int sex x*sex / sub=school", classes="school sex"):
        "Y ~ 1 + X + (1 | school) + (1 | school:Sex) + (0 + X | school:Sex)",
    mixed(random="school sex sex*school x*sex", classes="school sex"):
        "Y ~ 1 + X + (1 | school) + (1 | Sex) + (0 + X | Sex) + (1 | Sex:school)",
    mixed(random="school sex(school) / type=vc", classes="school sex"):
        "Y ~ 1 + X + (1 | school) + (1 | school:Sex)",
    mixed("y = x / noint s ddfm=kr(firstorder) htype=1,3"): "Y ~ 0 + X + (1 | school)",
    mixed("y = x|w|ses"): "Y ~ 1 + X + W + ses + X:W + X:ses + W:ses + X:W:ses + (1 | school)",
    mixed("y = x|w|ses@2"): "Y ~ 1 + X + W + ses + X:W + X:ses + W:ses + (1 | school)",
    mixed("y = x x*x"): "Y ~ 1 + X + I(X ** 2) + (1 | school)",
    mixed("y = sex", "sex / sub=school type=un", "school sex(ref='Male')"):
        "Y ~ 1 + Sex + (0 + Sex | school)",
    mixed("y = x; * it's a comment; /* random x; */"): "Y ~ 1 + X + (1 | school)",
    "title 'a;b'; proc sort data=hs; by school; run; proc mixed data=hs covtest noclprint "
    "method=ml; class school; model y=x; random int/sub=school; lsmeans x / diff; run; quit;":
        "Y ~ 1 + X + (1 | school)",
    "proc sql; create table d as select *, avg(x) as m label='mean', x - avg(x) as d from hs "
    "group by school; quit; " + mixed("y = m d", "int d / sub=school type=un"):
        "Y ~ 1 + cvar(X, school) + dvar(X, school) + (1 + dvar(X, school) | school)",
    "proc sql; create table a.d as select *, mean(x) as m from hs group by school; quit; "
    "data d; set d; dev = x - m; l = log(size) / 2; run; " + mixed("y = dev l"):
        "Y ~ 1 + dvar(X, school) + I(np.log(Size) / 2) + (1 | school)",
}  # fmt: skip


@pytest.mark.parametrize(("code", "formula"), READINGS.items())
def test_spellings(code: str, formula: str) -> None:
    assert str(read_sas(code, COLUMNS).specification) == formula


REFUSALS = [
    ("model y = x;", "'model' begins no statement that is read here", "model"),
    ("proc reg; model y = x; run;", "PROC REG is not read; only MIXED and GLIMMIX, and "
     "before it SQL, SORT and DATA steps that make columns", "reg"),
    ("proc mixed; class school; run;", "PROC MIXED has no MODEL statement", "proc"),
    (mixed() + mixed(), "there are two PROC MIXED; read one at a time", "mixed"),
    (mixed("y = z"), "'z' is no column of the data; the columns are: 'school', 'mathach', 'ses', "
     "'Sex', 'Size', 'Sector', 'Y', 'X', 'W'", "z;"),
    (mixed("y x"), "'=' is expected here, not 'x'", "x;"),
    (mixed("y = x + w"), "a column is expected here, not '+'", "+ w"),
    (mixed("y = x / wrong"), "the option 'wrong' of MODEL is not read: it is not known, or has no "
     "counterpart in the package", "wrong"),
    (mixed("y = intercept x"), "MODEL has its intercept by itself; leave the word out",
     "intercept x"),
    (mixed("y = sex(school)"), "the nested effect 'sex(...)' is not read; write the interaction "
     "with '*'", "sex(school)"),
    (mixed(random="x"), "the RANDOM statement has no SUBJECT=; write RANDOM INTERCEPT / "
     "SUBJECT=group", "x; run"),
    (mixed(random="int"), "the RANDOM statement has no SUBJECT=; write RANDOM INTERCEPT / "
     "SUBJECT=group", "int; run"),
    (mixed(random="school / type=un"), "TYPE=UN without SUBJECT= ties the levels of a factor to "
     "each other, which has no counterpart; name the subject", "type=un"),
    (mixed(random="int / sub="), "a value is missing", ""),
    (mixed(random="/ sub=school"), "the RANDOM statement has no effects; write INTERCEPT",
     "random /"),
    (mixed(random="int x / sub=school type=ar(1)"), "TYPE=AR(1) is not supported: a block of G is "
     "unstructured (TYPE=UN), and blocks are independent (TYPE=VC)", "ar(1)"),
    (mixed(random="int x / sub=school type=cs"), "TYPE=CS is not supported: a block of G is "
     "unstructured (TYPE=UN), and blocks are independent (TYPE=VC)", "cs;"),
    (mixed(random="int / sub=school group=sex"), "the option 'group' of RANDOM is not read: G is "
     "the same in all groups", "group=sex"),
    (mixed("y = x; repeated / type=sp(gau)(x) sub=school"), "TYPE=SP(GAU)(X) of residuals is not "
     "read; read are AR(1), ARH(1), TOEP, TOEPH, ARMA(1,1), UN, UNR, CS, CSH, VC, SIMPLE and "
     "SP(POW)(time)", "type"),
    ("proc mixed nobound; model y = x; run;", "the option 'nobound' of PROC MIXED is not read: "
     "variances are never negative here", "nobound"),
    ("proc mixed method=mivque0; model y = x; run;", "METHOD=MIVQUE0 has no counterpart; the "
     "package has REML and ML", "method"),
    ("data d; set hs; if x > 3; run;", "the statement IF of a DATA step is not read; only SET, "
     "LABEL, WHERE CMISS(...) = 0 and assignments are. Make the column in the data instead", "if"),
    ("data d; set hs; l = lag(x); run;", "the expression for 'l' is no plain arithmetic of "
     "columns; make the column in the data instead", "l = lag"),
    ("data d; set hs; male = (sex = 'Male'); run;" + mixed("y = male"), "'male' is an indicator "
     "of one level of 'Sex'; use the factor 'Sex' itself, or label the indicator 'Sex[T.level]' "
     "if all levels but the first have one", "male;"),
    ("proc sql; create table d as select *, max(x) as m from hs group by school;", "'m' is "
     "neither MEAN(x) nor x - MEAN(x). Make the column in the data instead", "max"),
    ("proc sql; create table d as select *, mean(x) as m from hs;", "'m' is a mean over all rows; "
     "a mean of groups needs GROUP BY", "m from"),
    ("proc sql; create table d as select * from hs where x > 1;", "a WHERE clause that chooses "
     "rows is not read, other than CMISS(...) = 0; choose the rows of the data first", "x > 1"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "place"), REFUSALS)
def test_refusals_point_at_the_word(code: str, message: str, place: str) -> None:
    with pytest.raises(hb.FormulaError) as caught:
        read_sas(code, COLUMNS)
    said, rest = complaint(caught.value)
    assert said == f"cannot read the SAS code: {message}"
    assert rest.startswith(place)


def test_no_proc_mixed() -> None:
    with pytest.raises(hb.FormulaError) as caught:
        read_sas("title 'nothing';", COLUMNS)
    assert str(caught.value) == "cannot read the SAS code: it has no PROC MIXED or GLIMMIX"


def test_case_decides_between_columns() -> None:
    code = mixed("y = {}")
    assert read_sas(code.format("X"), ("y", "x", "X", "school")).specification.fixed == ("1", "X")
    with pytest.raises(hb.FormulaError) as caught:
        read_sas(code.format("AB"), ("y", "ab", "Ab", "school"))
    message = (
        "cannot read the SAS code: 'AB' may be any of the columns 'ab', 'Ab'; write one of them"
    )
    assert complaint(caught.value) == (message, "AB; random int / sub=school; run;")


def unsayable(formula: str, data: pd.DataFrame) -> str:
    with pytest.raises(hb.FormulaError) as caught:
        DIALECT.emit(to_write(hb.Model(formula, data=data)))
    return str(caught.value)


def test_what_sas_cannot_say(small_data: pd.DataFrame) -> None:
    data = small_data.assign(X=small_data["w"] ** 2, **{"a b": small_data["x"] ** 2, "i" * 33: 1.0})
    assert unsayable("y ~ x + bs(w, df=3) + (1 | g)", data) == (
        "PROC MIXED cannot say 'bs(w, df=3)': the function 'bs' has no counterpart there; make a "
        "column of the data from it first"
    )
    assert unsayable("y ~ x + `a b` + (1 | g)", data) == (
        "PROC MIXED cannot name the column 'a b': its names are letters, digits and underscores, "
        "with no digit first; rename the column"
    )
    assert unsayable(f"y ~ 0 + x + {'i' * 33} + (1 | g)", data) == (
        f"PROC MIXED cannot name the column '{'i' * 33}': its names have at most 32 characters; "
        "rename the column"
    )
    assert unsayable("y ~ x + X + (1 | g)", data) == (
        "PROC MIXED ignores case and cannot tell the columns 'x' and 'X' apart; rename one"
    )
    assert unsayable("y ~ int + (1 | g)", data.assign(int=small_data["x"])) == (
        "PROC MIXED cannot name the column 'int': that word is its own; rename the column"
    )


def test_levels_in_quotes(small_data: pd.DataFrame) -> None:
    levels = pd.Series(["R&D 'new'", "50%"] * len(small_data)).iloc[: len(small_data)]
    data = small_data.assign(a=levels.to_numpy())
    model = hb.Model("y ~ x + a + (1 | g)", data=data)
    assert """  CLASS g a(REF='50%');""" in DIALECT.emit(to_write(model)).splitlines()
    back = read_sas(DIALECT.emit(to_write(model)), list(data.columns)).specification
    assert back == model.specification


def test_overlapping_random_columns_are_refused(hs: pd.DataFrame) -> None:
    message = unsayable("mathach ~ Sex * Minority + (1 + Sex:Minority | school)", hs)
    assert message == (
        "PROC MIXED cannot say 'Sex:Minority' beside the other terms: its columns would overlap "
        "with theirs; write the terms it is marginal to as well, as a * b does"
    )


def test_odd_names_of_data_sets_are_refused(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses + (1 | school)", data=hs)
    for name in ("my data", "a.b.c", "2x", "x" * 33):
        with pytest.raises(hb.FormulaError) as caught:
            DIALECT.emit(to_write(model, data=name))
        assert str(caught.value) == (
            f"PROC MIXED cannot name the data set '{name}'; call the data by letters, digits and "
            "underscores"
        )


def test_new_columns_get_free_names(small_data: pd.DataFrame) -> None:
    data = small_data.assign(CVAR_X=small_data["w"] ** 2)
    model = hb.Model("y ~ cvar(x, g) + CVAR_X + (1 | g)", data=data)
    code = DIALECT.emit(to_write(model))
    assert "MEAN(x) AS cvar_x_2" in code
    assert read_sas(code, list(data.columns)).specification == model.specification


def test_random_columns_are_as_many_as_effects(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ Sex * Track + (1 + ses * Track | school)", data=with_tracks(hs))
    line = next(x for x in DIALECT.emit(to_write(model)).splitlines() if "RANDOM" in x)
    effects = line.partition("/")[0].split()[1:]
    assert len(effects) == len(model.problem.design.effects) == 6
