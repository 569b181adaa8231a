"""Models of several grouping factors in symbols and words, each level with its equations."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.language.factor import Factors
from hierbayes.language.level_structure import read_level_structure
from tests.factors_reference import FOLDER
from tests.test_factor_levels import classes

FORMULAS = (
    "y ~ x + (1 | school/class)",
    "y ~ x * Sector + size + x:size + size:Sector + (1 + x | school) + (1 + x | school:class)",
    "y ~ 0 + Sector + x:size + (0 + x | school) + (1 | room)",
    "y ~ x * Sector * sex + (1 + size | school) + (1 | school:class) + (0 + x | school:class)",
    "y ~ size * Sector + (1 + Sector | school) + (1 + x || room)",
    "y ~ x * size + sex:Sector + (1 | teacher) + (1 + x | school)",
    "y ~ x + sex + (1 | teacher) + (1 | room) + (1 | school)",
    "y ~ 1 + (1 + x | school) + (0 + sex | teacher)",
)
NOTATIONS = ("monette", "bryk-raudenbush", "sas", "pinheiro-bates")


def pupils() -> pd.DataFrame:
    data = classes([3, 4, 2, 3, 5, 3, 2, 4], rows=9)
    at = np.arange(len(data))
    return data.assign(sex=np.where(at % 2, "boy", "girl"), teacher=(7 * at) % 11)


def column(factors: Factors, data: pd.DataFrame) -> np.ndarray:
    """A product of factors, made from the data without the design."""
    made = np.ones(len(data))
    for factor in factors:
        values = data[factor.variable]
        made *= values.astype(str).map(dict(factor.coding)) if factor.coding else values
    return made


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_equations_are_the_columns(formula: str) -> None:
    data = pupils()
    model = hb.Model(formula, data)
    design, structure = model.problem.design, read_level_structure(model.problem)
    assert sorted(path[-1].place for path in structure.fixed) == list(range(design.X.shape[1]))
    assert [effect.place for effect, _ in structure.random] == list(range(design.Z.shape[1]))
    for path in structure.fixed:
        made = column(tuple(f for node in path for f in node.factors), data)
        np.testing.assert_allclose(made, design.X[:, path[-1].place], atol=1e-12)
    for effect, path in structure.random:
        made = column(tuple(f for node in path for f in node.factors), data)
        np.testing.assert_allclose(made, design.Z[:, effect.place], atol=1e-12)
        assert structure.groups[effect.factor][1] == design.effect_names[effect.place].factor


@pytest.mark.parametrize("formula", FORMULAS[:5])
def test_a_variable_stands_in_the_equations_of_its_level(formula: str) -> None:
    structure = read_level_structure(hb.Model(formula, pupils()).problem)
    level = {"x": 0, "sex": 0, "size": 1, "Sector": 2}
    assert structure.is_nested
    for path in structure.fixed:
        for depth, node in enumerate(path):
            assert all(level[f.expr] == depth for f in node.factors)


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.slow
def test_no_symbol_stands_for_two_things(formula: str, notation: str) -> None:
    model = hb.Model(formula, pupils())
    with hb.notation(notation):
        found = model.equations()
    left = [
        line.split(" = ")[0].strip() for line in found.between.text.split("\n") if " = " in line
    ]
    assert len(left) == len(set(left))
    for form in found.forms:
        assert form.latex.count("{") == form.latex.count("}")
        assert form.latex.startswith("\\begin{aligned}")
    assert "\\begin{aligned}" in found._repr_latex_()


def test_three_levels_as_hlm_writes_them() -> None:
    model = hb.Model("y ~ x * Sector + size + (1 + x | school) + (1 | school:class)", pupils())
    found = model.equations()
    assert found.about == "234 rows i in 26 groups j (school:class), 8 groups k (school)"
    assert found.within.text == (
        "y_ijk = β_0jk + β_1jk x_ijk + r_ijk\nr_ijk ~ N(0, σ²)    (independent)"
    )
    assert found.between.text.split("\n") == [
        "level 2: 26 groups, school:class",
        "          β_0jk = β_00k + β_01k size_jk + u_0jk",
        "          β_1jk = β_10k",
        "          u_0jk ~ N(0, g_1,00)    (independent between classes and of all else)",
        "",
        "level 3: 8 groups, school",
        "          β_00k = γ_000 + γ_001 Sector[Public]_k + u_00k",
        "          β_01k = γ_010",
        "          β_10k = γ_100 + γ_101 Sector[Public]_k + u_10k",
        "(u_00k, u_10k)' ~ N(0, G_2)    (independent between schools and of all else)",
        "            G_2 = ⎡ g_2,00  g_2,10 ⎤",
        "                  ⎣ g_2,10  g_2,11 ⎦",
    ]
    with hb.notation("pinheiro-bates"):
        assert model.equations().about == (
            "234 rows k in 26 groups j (school:class), 8 groups i (school)"
        )


def test_crossed_factors_have_one_equation_with_an_effect_of_each() -> None:
    data = pd.read_csv(FOLDER / "ScotsSec.csv").astype({"sex": "category"})
    model = hb.Model("attain ~ verbal + sex + (1 + verbal | primary) + (1 | second)", data)
    found = model.equations()
    assert found.combined.text.split("\n")[:2] == [
        "   attain_ijk = γ_00 + γ_10 verbal_ijk + γ_20 sex[M]_ijk    (fixed part)",
        "                + u_0j + u_1j verbal_ijk + u_0k + r_ijk    (random part)",
    ]
    assert found.between.text.split("\n")[0] == "        β_0jk = γ_00 + u_0j + u_0k"
    assert found.matrix.text.split("\n")[0] == "  Y = X γ + Z_1 u_1 + Z_2 u_2 + r"
    assert found.gls.text.split("\n")[2] == (
        "V = Z_1 diag(G_1, …, G_1) Z_1' + Z_2 diag(G_2, …, G_2) Z_2' + σ² I"
    )
    fit = model.reml()  # lme4: boys 5.9112, verbal 0.1593, girls 0.1121 more
    assert fit.equations().combined.text.split("\n")[0] == (
        "   attain_ijk = 6.02 + 0.159 verbal_ijk − 0.112 sex[M]_ijk    (fixed part)"
    )


def test_meanings_at_three_levels() -> None:
    formula = "y ~ x * Sector + size + x:size + size:Sector + (1 + x | school) + (1 | room)"
    fit = hb.Model(formula, pupils()).reml()
    table = fit.meanings().table
    assert table[["symbol", "meaning"]].values.tolist() == [
        ["γ_000", "the mean y when x is 0 and size is 0, in Catholic schools"],
        ["γ_001", "the difference in mean intercept between Public and Catholic schools"],
        ["γ_010", "the change in mean intercept per unit of size in Catholic rooms"],
        [
            "γ_011",
            "the difference in mean size slope between Public and Catholic schools when x is 0",
        ],
        ["γ_100", "the mean x slope when size is 0, in Catholic schools"],
        [
            "γ_101",
            "the difference in mean x slope between Public and Catholic schools when size is 0",
        ],
        ["γ_110", "the change in mean x slope per unit of size"],
    ]
    np.testing.assert_array_equal(table["estimate"], fit.fixef()[table.index])


def test_meanings_of_crossed_factors_name_each() -> None:
    data = pd.read_csv(FOLDER / "ScotsSec.csv")
    formula = "attain ~ verbal + cvar(verbal, second) + (1 | primary) + (1 | second)"
    table = hb.Model(formula, data).meanings().table
    assert table.loc["cvar(verbal, second)", "symbol"] == "γ_01"
    assert table.loc["cvar(verbal, second)", "meaning"] == (
        "the contextual effect of verbal: its between-second slope minus its within-second slope"
    )


def test_cells_of_a_variable_of_the_fixed_part_go_by_all_columns() -> None:
    """Varieties in blocks: an effect of a cell is no effect of a variety."""
    at = np.arange(72)
    plots = pd.DataFrame({"block": at // 12, "variety": np.array(["a", "b", "c"])[at // 4 % 3]})
    plots["y"] = np.sin(at**2)
    model = hb.Model("y ~ variety + (1 | block) + (1 | block:variety)", plots)
    text = str(model.equations())
    assert "(independent between groups of block:variety and of all else)" in text
    assert "(independent between blocks and of all else)" in text
    assert model.meanings().table.loc["variety[T.b]", "meaning"] == (
        "the difference in mean y between groups with variety = b and variety = a"
    )
