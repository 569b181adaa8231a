"""HLM: equations at two levels, written and read."""

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.translation.hlm.reader import read_hlm
from hierbayes.translation.hlm.writer import DIALECT
from tests.models_to_write import CATALOGUE, FORMULAS, complaint, to_write, with_tracks

COLUMNS = ("school", "mathach", "ses", "Sex", "Size", "Sector", "Y", "X", "W")


def test_name_and_reader() -> None:
    assert (DIALECT.name, DIALECT.read is not None) == ("hlm", True)


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_comes_back_the_same(name: str) -> None:
    model = hb.load_model(name)
    back = read_hlm(DIALECT.emit(to_write(model)), list(model.data.columns))
    assert back == model.specification
    assert hb.equivalence(model, hb.Model(back.lme4(), data=model.data)).holds


@pytest.mark.parametrize("formula", FORMULAS)
def test_other_models_come_back_the_same(formula: str, hs: pd.DataFrame) -> None:
    model = hb.Model(formula, data=with_tracks(hs))
    assert read_hlm(DIALECT.emit(to_write(model)), list(model.data.columns)) == model.specification


def test_intercepts_and_slopes_as_outcomes() -> None:
    model = hb.load_model("intercepts_and_slopes_as_outcomes")
    assert (
        DIALECT.emit(to_write(model))
        == """\
Level-1 model
    mathachij = β0j + β1j*(sesij) + rij

Level-2 model (school)
    β0j = γ00 + γ01*(Sector[Public]j) + u0j
    β1j = γ10 + γ11*(Sector[Public]j) + u1j

Mixed model
    mathachij = γ00 + γ01*Sector[Public]j + γ10*sesij + γ11*sesij*Sector[Public]j
        + u0j + u1j*sesij + rij

Estimation: restricted maximum likelihood"""
    )


def test_group_means_are_defined_beneath() -> None:
    model = hb.load_model("contextual_mean_and_centred_within_group")
    assert (
        DIALECT.emit(to_write(model, ml=True))
        == """\
Level-1 model
    mathachij = β0j + β1j*(sesij - MEAN_sesj) + rij

Level-2 model (school)
    β0j = γ00 + γ01*(MEAN_sesj) + u0j
    β1j = γ10 + u1j

Mixed model
    mathachij = γ00 + γ01*MEAN_sesj + γ10*(sesij - MEAN_sesj)
        + u0j + u1j*(sesij - MEAN_sesj) + rij

Estimation: maximum likelihood
MEAN_ses = mean of ses in school"""
    )


def test_each_level_of_a_factor_has_a_coefficient(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ Track * Sector + (1 | school)", data=with_tracks(hs))
    lines = DIALECT.emit(to_write(model)).splitlines()
    assert lines[1:7] == [
        "    mathachij = β0j + β1j*(Track[academic]ij) + β2j*(Track[technical]ij) + rij",
        "",
        "Level-2 model (school)",
        "    β0j = γ00 + γ01*(Sector[Public]j) + u0j",
        "    β1j = γ10 + γ11*(Sector[Public]j)",
        "    β2j = γ20 + γ21*(Sector[Public]j)",
    ]


def test_a_column_called_like_a_mean_is_no_mean() -> None:
    model = hb.load_model("contextual_mean_and_centred_within_group")
    columns = [*model.data.columns, "MEAN_ses"]
    assert read_hlm(DIALECT.emit(to_write(model)), columns) == model.specification
    text = "Level-2 (school)\nYij = β0j + rij\nβ0j = γ00 + γ01*(MEAN_ses) + u0j"
    assert read_hlm(text, ["Y", "ses", "school"]).fixed == ("1", "cvar(ses, school)")
    assert read_hlm(text, ["Y", "ses", "school", "MEAN_ses"]).fixed == ("1", "MEAN_ses")


READINGS = {
    "Level-1: MATHACHij = β0j + β1j*(SESij) + rij\n"
    "Level-2 (school): β0j = γ00 + γ01*(Sector[Public]j) + u0j\n"
    "β1j = γ10 + γ11*(Sector[Public]j) + u1j":
        "mathach ~ 1 + Sector + ses + ses:Sector + (1 + ses | school)",
    # As the lecture slides write it.
    "Level 1 model:\n$$Y_{ij} = \\beta_{0j} + \\beta_{1j} X_{ij} + r_{ij}$$\n"
    "Level 2 model, by school:\n$$\\beta_{0j} = \\gamma_{00} + \\gamma_{01} W_j + u_{0j}$$\n"
    "$$\\beta_{1j} = \\gamma_{10} + \\gamma_{11} W_j + u_{1j}$$\n"
    "Combined model:\n$$Y_{ij} = \\gamma_{00} + \\gamma_{10} X_{ij} + \\gamma_{01}W_j + "
    "\\gamma_{11} W_j X_{ij} \n + u_{0j} + u_{1j} X_{ij} + r_{ij}$$":
        "Y ~ 1 + X + W + W:X + (1 + X | school)",
    # As HLM prints it, with centring in notes.
    "Level-1 Model\n    MATHACHij = β0j + β1j*(SESij) + rij\nLevel-2 Model (school)\n"
    "    β0j = γ00 + γ01*(Wj) + u0j\n    β1j = γ10 + u1j\n"
    "SES has been centered around the group mean.\nMixed Model\nMATHACHij = γ00 + γ01*Wj\n"
    " + γ10*SESij + u0j + u1j*SESij + rij":
        "mathach ~ 1 + W + dvar(ses, school) + (1 + dvar(ses, school) | school)",
    "Level-2 (school)\nYij = β0j + β1j*(X) + rij\nβ0j = γ00+u0j\n"
    "X is centred around the grand mean.": "Y ~ 1 + center(X) + (1 | school)",
    "Group: school\nmathach = B0 + B1*ses + r\nB0 = G00 + G01*MEAN_ses + u0":
        "mathach ~ 1 + cvar(ses, school) + ses + (1 | school)",
    "Level-2 (school)\nYᵢⱼ = β₀ⱼ + rᵢⱼ\nβ₀ⱼ = γ₀₀ + u₀ⱼ": "Y ~ 1 + (1 | school)",
    "Level-2 (school)\nYij = b0j + b1j(Xij - X̄.j) + eij; b0j = gamma00 + gamma01 X̄.j + u0j; "
    "b1j = g10": "Y ~ 1 + cvar(X, school) + dvar(X, school) + (1 | school)",
    # A coefficient without an equation has one mean for all groups.
    "Between (school)\nYij = β0j + β1*Xij + rij\nβ0j = u0j": "Y ~ 0 + X + (1 | school)",
    "Level-2 (school)\nYij = β0j + β1j*(Xij) + β2j*(Wij) + rij\nβ0j = γ00+u0j\nβ1j = γ10 + u1j\n"
    "β2j = u2j\nCov(u0j, u1j) = 0\nCov(u0j, u2j) = 0":
        "Y ~ 1 + X + (1 | school) + (0 + X + W | school)",
    "Level-2 (school)\nYij = β0j + β1j*(np.log(Size)j*ses) + rij\nβ0j = γ00 + u0j\n"
    "rij ~ N(0, σ²)": "Y ~ 1 + np.log(Size):ses + (1 | school)",
}  # fmt: skip


@pytest.mark.parametrize(("text", "formula"), READINGS.items())
def test_spellings(text: str, formula: str) -> None:
    assert str(read_hlm(text, COLUMNS)) == formula


_KNOWN = "the columns are: " + ", ".join(f"'{name}'" for name in COLUMNS)
REFUSALS = [
    ("Zij = β0j + rij\nβ0j = γ00 + u0j", f"'Zij' is no column of the data; {_KNOWN}", "Zij"),
    ("Yij = β0j + β1j*(Qij) + rij\nβ0j = γ00 + u0j", f"'Qij' is no column of the data; {_KNOWN}",
     "Qij"),
    ("Yij = β0j + rij\nβ0j = γ00 + u0j\nβ1j = γ10", "there is an equation for β1, which the "
     "within equation does not have; it has β0", "β1j"),
    ("Yij = β0j + rij\nβ0j = γ00 + u1j", "the random effect u1 stands in the equation of β0; the "
     "one that belongs there is u0", "u1j"),
    ("Yij = β0j + rij\nβ0j = γ00 + u0j + u0j", "u0 stands twice", "u0j"),
    ("Yij = β0j + rij\nβ0j = γ00 + u0j\nβ0j = γ00", "there are two equations for β0", "β0j = γ00"),
    ("Yij = β0j + β1j*(Xij) + rij\nβ0j = γ00 + γ00*(Wj) + u0j", "γ00 stands twice; each term has "
     "a coefficient of its own", "γ00*"),
    ("Yij = β0j + β0j*(Xij) + rij\nβ0j = γ00 + u0j", "β0 stands twice in the within equation",
     "β0j*"),
    ("Yij = β0j + X + rij\nβ0j = γ00 + u0j", "'X' has no coefficient; write β1j*(X), or rij for "
     "the residual", "X +"),
    ("Yij = β0j + rij\nβ0j = γ00 + W + u0j", "'W' has no coefficient; write γ01*(W), or u0j for "
     "the random effect", "W +"),
    ("Yij = β0j + rij\nWij = β0j + rij\nβ0j = γ00 + u0j", "there are two within equations", "Wij"),
    ("Yij = β0j + β1j*(Xij - Wj) + rij\nβ0j = γ00 + u0j", "'Wj' is not the group mean of 'Xij'; "
     "only differences from group means are read", "Wj"),
    ("Yij = β0j + β1j*(Sex[a]ij) + β2j*(Sex[b]ij) + rij\nβ0j = γ00 + u0j\nβ1j = γ10 + γ11*Wj",
     "β1 and β2 belong to the same term 'Sex', and their equations differ", "β2j"),
    ("Yij = β0j + β1j*(Xij) + rij\nβ0j = γ00 + u0j\nMixed model\nYij = γ00 + u0j + rij", "the "
     "mixed model and the equations above it differ", "Yij = γ00"),
    ("Yij = β0j + rij\nβ0j = γ00 + u0j\nMixed model\nYij = γ00 + W + u0j + rij", "'W' is no part "
     "of the mixed model", "W +"),
    ("Yij = = β0j", "an equation has one '=' with something on either side", "Yij"),
    ("some words\nYij = β0j + rij", "this is no equation, no heading and no note", "some"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "place"), REFUSALS)
def test_refusals_point_at_the_place(text: str, message: str, place: str) -> None:
    with pytest.raises(hb.FormulaError) as caught:
        read_hlm(f"Level-2 (school)\n{text}", COLUMNS)
    said, rest = complaint(caught.value)
    assert said == f"cannot read the HLM equations: {message}"
    assert rest.startswith(place)


INCOMPLETE = {
    "": "there is no equation in the text",
    "Yij = β0j + rij\nβ0j = γ00 + u0j": "they do not name the group; write it in the heading, as "
    "in 'Level-2 model (school)'",
    "Level-2 (school)\nβ0j = γ00": "there is no within equation, such as Yij = β0j + rij",
    "Level-2 (school)\nYij = β0j + rij\nβ0j = γ00": "none has a random effect, such as u0j in "
    "β0j = γ00 + u0j",
    "Level-2 (school)\nYij = β0j + rij\nβ0j = γ00 + u0j\nCov(u0j, u1j) = 0": "Cov(u0j, u1j) names "
    "no two random effects",
    "Level-2 (school)\nYij = β0j + β1j*(Xij) + β2j*(Wij) + rij\nβ0j = γ00+u0j\nβ1j = γ10 + u1j\n"
    "β2j = u2j\nCov(u0, u1) = 0": "Cov(u0, u1) = 0 while both are correlated with a third; "
    "effects make blocks that are independent of each other",
}


@pytest.mark.parametrize(("text", "message"), INCOMPLETE.items())
def test_what_is_missing_is_named(text: str, message: str) -> None:
    with pytest.raises(hb.FormulaError) as caught:
        read_hlm(text, COLUMNS)
    assert str(caught.value) == f"cannot read the HLM equations: {message}"


def test_a_subscript_that_may_be_part_of_a_name() -> None:
    text = "Level-2 (school)\nYij = β0j + β1j*(sesij) + rij\nβ0j = γ00 + u0j"
    with pytest.raises(hb.FormulaError) as caught:
        read_hlm(text, ["Y", "school", "ses", "sesij"])
    message = (
        "cannot read the HLM equations: 'sesij' may be any of the columns 'ses', 'sesij'; "
        "rename one"
    )
    assert complaint(caught.value) == (message, "sesij) + rij")


def unsayable(formula: str, data: pd.DataFrame) -> str:
    with pytest.raises(hb.FormulaError) as caught:
        DIALECT.emit(to_write(hb.Model(formula, data=data)))
    return str(caught.value)


def test_what_equations_cannot_say(small_data: pd.DataFrame, hs: pd.DataFrame) -> None:
    assert unsayable("y ~ bs(x, df=4) + (1 | g)", small_data) == (
        "HLM cannot say 'bs(x, df=4)': it makes several columns that have no names; make columns "
        "of the data from it first"
    )
    assert unsayable("mathach ~ Sex + (0 + Sex | school)", hs) == (
        "HLM cannot say the model: 'Sex' has the reference level in one term and leaves it out in "
        "another; write the intercept, or leave it out, in both parts"
    )
    assert unsayable("mathach ~ ses * Sex + (1 + Sex:ses | school)", hs) == (
        "HLM cannot say the model: 'ses:Sex' and 'Sex:ses' are one product; write it in one order"
    )
    data = small_data.assign(a=["one[1]", "two"] * 30)
    assert unsayable("y ~ 0 + a + (1 | g)", data) == (
        "HLM cannot name the level 'one[1]' of 'a'; rename it"
    )


TRACKS = "Level-1 model\n{}\nLevel-2 model (school)\n{}"
OTHERS = (
    (
        "mathach = b0 + b1*track[mid] + r", "b0 = g00 + u0\nb1 = g10",
        "cannot read the HLM equations: of 'track' they have track[mid], and its columns are "
        "track[mid], track[high]; write all of them, or make columns of numbers of the levels",
    ),
    (
        "mathach = b0 + b1*track[mid] + b2*track[high] + r",
        "b0 = g00 + u0\nb1 = g10 + g11*PRACAD\nb2 = g20 + g21*PRACAD",
        "cannot read the HLM equations: of 'track:PRACAD' they have track[mid]*PRACAD, "
        "track[high]*PRACAD, and its columns are track[low]*PRACAD, track[mid]*PRACAD, "
        "track[high]*PRACAD; write all of them, or make columns of numbers of the levels",
    ),
    (
        "mathach = b0 + b1*track + r", "b0 = g00 + u0\nb1 = g10 + g11*PRACAD",
        "the equation of 'track' has 'PRACAD' and that of '1' has not, so that its columns would "
        "be of every level of 'track', which is another model; add 'PRACAD' to the equation of "
        "'1', or make columns of numbers of the levels of 'track'",
    ),
    (
        "mathach = b0 + b1*Size + r", "b0 = g00 + g01*ses + u0\nb1 = g10",
        "'ses' stands in the between equation of '1' but varies within groups: school 1317 has "
        "more than one value (40 of 40 groups do); move it to the within equation, or use its "
        "group mean cvar(ses, school)",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("within", "between", "message"), OTHERS)
def test_equations_of_another_model_are_refused(
    within: str, between: str, message: str, hs: pd.DataFrame
) -> None:
    tracks = pd.cut(hs["ses"], 3, labels=["low", "mid", "high"])
    with pytest.raises(hb.HierbayesError) as raised:
        hb.read_code("hlm", TRACKS.format(within, between), data=hs.assign(track=tracks))
    assert str(raised.value) == message


@pytest.mark.parametrize("random", ["(1 | `unit.`)", "(1 | school) + (1 | `unit.`)"])
def test_a_group_whose_name_ends_in_a_point(random: str, hs: pd.DataFrame) -> None:
    data = hs.assign(**{"unit.": range(len(hs))})
    data["unit."] %= 7
    model = hb.Model(f"mathach ~ ses + {random}", data=data)
    assert read_hlm(DIALECT.emit(to_write(model)), list(data.columns)) == model.specification
