"""HLM: equations of nested factors (HLM3, HLM4) and of two that cross (HCM2), written and read."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.translation.hlm.reader import read_hlm
from tests.dialect_models import schools_and_items
from tests.models_to_write import complaint

COLUMNS = ("school", "klass", "item", "area", "y", "x", "size", "w", "z", "YEAR", "MATH", "LOWINC")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    frame = schools_and_items()
    frame["area"] = frame["school"].map({f"s{k}": f"a{k % 3}" for k in range(6)})
    for name, group in (("size", "room"), ("w", "school"), ("z", "item")):
        frame[name] = frame.groupby(group)["x"].transform("mean").round(3)
    kinds = np.array(["plain", "fancy", "odd"])[np.arange(len(frame)) % 3]
    big, up = np.where(frame["size"] > 0, "big", "small"), np.where(frame["w"] > 0, "up", "down")
    return frame.assign(kind=kinds, big=big, up=up)


THREE = "y ~ x * w + size + (1 + x | school) + (1 | school:klass)"
FOUR = "y ~ x + w + (1 | area) + (1 + x | school) + (1 | room)"
CROSSED = "y ~ x * w * z + (1 + z + x | school) + (0 + w:x | item)"
FORMULAS = (
    THREE,
    FOUR,
    CROSSED,
    "y ~ x + (1 + x | school:klass) + (1 | school)",  # the inner factor first
    "y ~ x * w + cvar(x, school) + dvar(x, room):w + cvar(x, room) + (x || school) + (1 | room)",
    "y ~ size + (0 + size | school) + (1 | school) + (1 + x | school:room)",
    "y ~ x * kind + (0 + kind | school) + (1 | room)",
    "y ~ x:kind + size * big + kind * up + (1 + kind | room) + (1 + big | school)",
    "y ~ kind:x * up + (1 + up | item) + (0 + x | school) + (0 + kind | school)",
    "y ~ 0 + x + (1 | school) + (0 + x | item)",
    "log(y + 20) ~ np.log(size + 9) + I(x ** 2) + (1 + I(x ** 2) | school) + (1 | school:klass)",
)


@pytest.mark.parametrize("formula", FORMULAS)
def test_models_come_back_the_same(formula: str, data: pd.DataFrame) -> None:
    model = hb.Model(formula, data)
    text = model.emit("hlm")
    assert hb.read_code("hlm", text, data=data).specification == model.specification
    above, _, rest = text.partition("Mixed model\n")
    again = hb.read_code("hlm", above + rest[rest.index("Estimation") :], data=data)
    assert hb.equivalence(again, model).holds


TEXTS = {
    THREE: """\
Level-1 model
    yijk = π0jk + π1jk*(xijk) + eijk

Level-2 model (school:klass)
    π0jk = β00k + β01k*(sizejk) + r0jk
    π1jk = β10k

Level-3 model (school)
    β00k = γ000 + γ001*(wk) + u00k
    β01k = γ010
    β10k = γ100 + γ101*(wk) + u10k

Mixed model
    yijk = γ000 + γ100*xijk + γ001*wk + γ010*sizejk + γ101*xijk*wk
        + u00k + u10k*xijk + r0jk + eijk

Estimation: restricted maximum likelihood""",
    FOUR: """\
Level-1 model
    yijkl = ψ0jkl + ψ1jkl*(xijkl) + εijkl

Level-2 model (room)
    ψ0jkl = π00kl + e0jkl
    ψ1jkl = π10kl

Level-3 model (school)
    π00kl = β000l + β001l*(wkl) + r00kl
    π10kl = β100l + r10kl

Level-4 model (area)
    β000l = γ0000 + u000l
    β001l = γ0010
    β100l = γ1000

Mixed model
    yijkl = γ0000 + γ1000*xijkl + γ0010*wkl
        + u000l + r00kl + r10kl*xijkl + e0jkl + εijkl

Estimation: restricted maximum likelihood""",
    CROSSED: """\
Level-1 model
    yijk = π0jk + π1jk*(xijk) + eijk

Level-2 model (rows: school, columns: item)
    π0jk = θ0 + b00j + γ01*(wj) + (β02 + b02j)*(zk) + δ03*(wj*zk)
    π1jk = θ1 + b10j + (γ11 + c11k)*(wj) + β12*(zk) + δ13*(wj*zk)

Mixed model
    yijk = θ0 + θ1*xijk + γ01*wj + β02*zk + γ11*xijk*wj + β12*xijk*zk + δ03*wj*zk + δ13*xijk*wj*zk
        + b00j + b02j*zk + b10j*xijk + c11k*wj*xijk + eijk

Estimation: restricted maximum likelihood""",
}


@pytest.mark.parametrize("formula", TEXTS)
def test_equations_as_written(formula: str, data: pd.DataFrame) -> None:
    assert hb.Model(formula, data).emit("hlm") == TEXTS[formula]


@pytest.mark.parametrize("name", ["growth_in_schools", "crossed_schools"])
def test_shipped_models_come_back_the_same(name: str) -> None:
    model = hb.load_model(name)
    assert hb.read_code("hlm", model.emit("hlm"), data=model.data).specification == (
        model.specification
    )


READINGS = {
    # As HLM 6 prints it.
    "Level-1 Model\n\tMATH = P0 + P1*(YEAR) + E\nLevel-2 Model (klass)\n\tP0 = B00 + B01*(size) + "
    "R0\n\tP1 = B10 + R1\nLevel-3 Model (school)\n\tB00 = G000 + G001(LOWINC) + U00\n\tB01 = G010\n"
    "\tB10 = G100 + G101(LOWINC) + U10":
        "MATH ~ 1 + LOWINC + size + YEAR + YEAR:LOWINC + (1 + YEAR | school) "
        "+ (1 + YEAR | school:klass)",
    # As HLM 7 prints occasions, with notes; the mixed model gives the order.
    "Summary of the model specified\n------------------\nLevel-1 Model\n    MATHtij = π0ij + "
    "π1ij*(YEARtij) + etij\nLevel-2 Model\n    π0ij = β00j + r0ij\n    π1ij = β10j + r1ij\n"
    "Level-3 Model\n    β00j = γ000 + γ001(LOWINCj) + u00j\n    β10j = γ100 + u10j\nLOWINC has "
    "been centered around the grand mean.\nLevel-2 units: klass\nLevel-3 units: school\nMixed "
    "Model\nMATHtij = γ000 + γ100*YEARtij\n + γ001*LOWINCj + r0ij + r1ij*YEARtij + u00j + "
    "u10j*YEARtij + etij":
        "MATH ~ 1 + YEAR + center(LOWINC) + (1 + YEAR | school:klass) + (1 + YEAR | school)",
    # As books print it.
    "Level 1: $$Y_{ijk} = \\pi_{0jk} + \\pi_{1jk} X_{ijk} + e_{ijk}$$\nLevel 2, by klass: "
    "$$\\pi_{0jk} = \\beta_{00k} + \\beta_{01k}W_{jk} + r_{0jk}$$; $$\\pi_{1jk} = \\beta_{10k}$$\n"
    "Level 3, by school: $$\\beta_{00k} = \\gamma_{000} + \\gamma_{001} Z_k + u_{00k}$$; "
    "$$\\beta_{10k} = \\gamma_{100} + u_{10k}$$\nCov(u_00k, u_10k) = 0":
        "y ~ 1 + z + w + x + (1 | school) + (0 + x | school) + (1 | school:klass)",
    # In other letters; what has no equation has one mean.
    "Level 1: y = B0 + B1*x + r\nLevel 2 (klass): B0 = G00 + u0\n"
    "Level 3 (school): G00 = D000 + v00":
        "y ~ 1 + x + (1 | school) + (1 | school:klass)",
    # A mean is over the groups of the level it stands at.
    "Level 1: y = P0 + P1*x + e\nLevel 2 (klass): P0 = B00 + r0\n"
    "Level 3 (school): B00 = G000 + G001*MEAN_x + u00":
        "y ~ 1 + cvar(x, school) + x + (1 | school) + (1 | school:klass)",
    "Level-1: y = ψ0 + ψ1*x + ε\nLevel-2 (klass): ψ0 = π00 + e0; ψ1 = π10\nLevel-3 (school): "
    "π00 = β000 + r00; π10 = β100 + r10\nLevel-4 (area): β000 = γ0000 + γ0001*w + u000":
        "y ~ 1 + w + x + (1 | area) + (1 + x | area:school) + (1 | area:school:klass)",
    # HCM2, the factors in the heading or in lines of their own.
    "Level-1 Model\nY = π0jk + π1jk*(X) + eijk\nLevel-2 Model (rows: school, columns: area)\n"
    "π0jk = θ0 + b00j + c00k + (γ01)*w + (β01 + b01j)*z\nπ1jk = θ1":
        "y ~ 1 + w + z + x + (1 + z | school) + (1 | area)",
    "Row factor: school\nColumn factor: area\nLevel-1 Model\nY = P0 + P1*(X) + e\nLevel-2 Model\n"
    "P0 = THETA0 + b00 + c00 + GAMMA01*W\nP1 = THETA1 + b10\nMixed Model\nY = THETA0 + THETA1*X + "
    "GAMMA01*W + b10*X + c00 + b00 + e":
        "y ~ 1 + x + w + (1 + x | school) + (1 | area)",
}  # fmt: skip


@pytest.mark.parametrize("text", READINGS)
def test_spellings(text: str) -> None:
    assert str(read_hlm(text, COLUMNS)) == READINGS[text]


def test_groups_that_lie_in_those_above_are_of_their_column_alone(data: pd.DataFrame) -> None:
    text = (
        "Level 1: y = P0 + P1*x + e\nLevel 2 ({}): P0 = B00 + r0; P1 = B10\n"
        "Level 3 (school): B00 = G000 + u00; B10 = G100\nx is centred around the group mean."
    )
    room = hb.read_code("hlm", text.format("room"), data=data).specification
    assert str(room) == "y ~ 1 + dvar(x, room) + (1 | school) + (1 | room)"
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code("hlm", text.format("klass"), data=data)
    assert str(refusal.value) == (
        "cannot read the HLM equations: 'x' has means over the groups of 'school:klass', which are "
        "no column of the data; make one of them"
    )


NESTED = "Level-1: y = P0 + P1*(x) + e\nLevel-2 (klass)\n{}\nLevel-3 (school)\n{}"
HCM2 = "Level-1: y = P0 + P1*(x) + e\nLevel-2 (rows: school, columns: item)\n{}"
REFUSALS = (
    (NESTED.format("P0 = B00 + r1", "B00 = G000 + u00"), "the random effect r1 stands in the "
     "equation of π0; the one that belongs there is r0", "r1"),
    (NESTED.format("P0 = B00 + r0", "B00 = G010 + u00"), "G010 stands in the equation of β00, "
     "whose coefficients are such as γ000", "G010 +"),
    (NESTED.format("P0 = B00 + w + r0", "B00 = G000"), "'w' has no coefficient; write β01*(w), or "
     "r0 for the random effect", "w +"),
    (NESTED.format("P0 = B00 + B00*w + r0", "B00 = G000"), "β00 stands twice", "B00*w"),
    (NESTED.format("P0 = B00 + r0 + r0", "B00 = G000"), "r0 stands twice", "r0"),
    (NESTED.format("P0 = B00 + r0\nP0 = B00", "B00 = G000"), "there are two equations for π0",
     "P0 = B00"),
    (NESTED.format("P0 = B00 + r0", "B20 = G200"), "there is an equation for B20, which no other "
     "has", "B20"),
    (NESTED.format("P0 = B00 + B01*Q + r0", "B00 = G000"), "'Q' is no column of the data; the "
     "columns are: " + ", ".join(f"'{name}'" for name in COLUMNS), "Q + r0"),
    (NESTED.format("P0 = B00 + r0", "B00 = G000\nMixed model\ny = G000 + G100*w + r0 + e"),
     "the mixed model and the equations above it differ", "y = G000"),
    ("Level-5 model (area)", "equations at two to four levels are read, as HLM has them",
     "Level-5"),
    (HCM2.format("P2 = THETA2"), "there is an equation for P2, which the within equation does not "
     "have; it has π0, π1", "P2"),
    (HCM2.format("P0 = THETA0 + b10"), "b10 stands in the equation of π0; its first number is that "
     "of another", "b10"),
    (HCM2.format("P0 = THETA0 + b00 + b00"), "b00 stands twice", "b00"),
    (HCM2.format("P0 = THETA0 + w"), "'w' has no coefficient; write γ01*(w), or b00j and c00k for "
     "random effects of rows and columns", "w"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "message", "place"), REFUSALS)
def test_refusals_point_at_the_place(text: str, message: str, place: str) -> None:
    with pytest.raises(hb.FormulaError) as caught:
        read_hlm(text, COLUMNS)
    said, rest = complaint(caught.value)
    assert said == f"cannot read the HLM equations: {message}"
    assert rest.startswith(place)


INCOMPLETE = {
    "Level-1: y = P0 + e\nLevel-3 (school): B00 = G000 + u00": "they do not name the groups of "
    "level 2; write them in the heading, as in 'Level-2 model (school)'",
    "Row factor: school\ny = P0 + e": "they do not name the column factor; write it in the "
    "heading, as in 'Level-2 model (rows: school, columns: area)'",
    NESTED.format("P0 = B00", "B00 = G000"): "none has a random effect, such as u00k in β00k = "
    "γ000 + u00k",
    NESTED.format("P0 = B00 + r0", "B00 = G000 + u00\nCov(u00, u10) = 0"): "Cov(u00, u10) names no "
    "two random effects",
    HCM2.format("P0 = T0 + b00 + c00\nx is centred around the group mean.\nP1 = T1"): "over which "
    "groups 'x' has means is not told; define them, as in 'MEAN_x = mean of x in item'",
}


@pytest.mark.parametrize(("text", "message"), INCOMPLETE.items())
def test_what_is_missing_is_named(text: str, message: str) -> None:
    with pytest.raises(hb.FormulaError) as caught:
        read_hlm(text, COLUMNS)
    assert str(caught.value) == f"cannot read the HLM equations: {message}"


OTHERS = {
    NESTED.format("P0 = B00 + B01*x + r0", "B00 = G000"): "'x' stands in the between equation of "
    "'1' but varies within groups: school:klass s0:1 has more than one value (18 of 18 "
    "groups do); move it to the within equation, or use its group mean, over a column made of "
    "'school', 'klass' in which each group has a label of its own",
    NESTED.replace("(x)", "kind[odd]").format("P0 = B00 + r0", "B00 = G000"): "cannot read the HLM "
    "equations: of 'kind' they have kind[odd], and its columns are kind[odd], kind[plain]; write "
    "all of them, or make columns of numbers of the levels",
}


def test_equations_of_another_model_are_refused(data: pd.DataFrame) -> None:
    for text, message in OTHERS.items():
        with pytest.raises(hb.HierbayesError) as raised:
            hb.read_code("hlm", text, data=data)
        assert str(raised.value) == message
    with pytest.raises(hb.FormulaError) as refusal:
        hb.read_code("hlm", HCM2.format("P0 = THETA0 + b00 + GAMMA01*size"), data=data)
    assert complaint(refusal.value) == (
        "cannot read the HLM equations: 'size' varies within 'school' and within 'item'; move it "
        "to the within equation",
        "GAMMA01*size",
    )


def test_more_levels_than_hlm_has(data: pd.DataFrame) -> None:
    nested = data.assign(desk=data["room"] + "-" + (np.arange(len(data)) % 2).astype(str))
    model = hb.Model("y ~ x + (1 | area) + (1 | school) + (1 | room) + (1 | desk)", nested)
    with pytest.raises(hb.FormulaError) as refusal:
        model.emit("hlm")
    assert str(refusal.value) == (
        "HLM has at most four levels (HLM4), and this model has 5; equations() writes them all"
    )
