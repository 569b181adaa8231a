"""MLwiN: macros, written only."""

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.translation.mlwin import DIALECT
from tests.models_to_write import CATALOGUE, to_write


def commands(model: hb.Model, *, ml: bool = False) -> list[str]:
    return DIALECT.emit(to_write(model, ml=ml)).splitlines()


def test_nothing_is_read() -> None:
    assert (DIALECT.name, DIALECT.title, DIALECT.read) == ("mlwin", "MLwiN: macro", None)


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
    with pytest.raises(
        hb.FormulaError, match=r"columns it names itself \(MNOM 0\), are not written"
    ):
        hb.Model("livch ~ age + (1 | district)", hb.load_dataset("contraception"),
                 family="categorical").emit("mlwin")  # fmt: skip


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
