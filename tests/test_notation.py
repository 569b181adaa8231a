"""The Babel table, and the symbols that follow it."""

import re

import pytest

import hierbayes as hb
from tests.conftest import Cache

# The slides' dictionary, cell by cell; "My current preference" is Monette's.
DICTIONARY = {
    "Fixed effects parameters": ("γ", "β", "β", "γ"),
    "Cluster random effect": ("β", "b", "", "β"),
    "Cluster random effect (centered)": ("u", "γ", "b", "u"),
    "Variance of random effects": ("T", "G", "Ψ", "G"),
    "Within cluster error variance": ("Σ", "R", "σ²Λ", "R"),
}
COLUMNS = ("Bryk and Raudenbush", "SAS help files", "Pinheiro and Bates", "Monette")


@pytest.fixture
def model(models: Cache[hb.Model]) -> hb.Model:
    return models["intercepts_slopes"]


def test_dictionary_is_the_slides() -> None:
    table = hb.notation().dictionary()
    assert tuple(table.columns) == COLUMNS
    assert {row: tuple(table.loc[row]) for row in table.index} == DICTIONARY


def test_notation_holds_until_it_is_switched_back(model: hb.Model) -> None:
    assert hb.notation().name == "monette"
    try:
        made = hb.notation("sas")
        assert (made.name, hb.notation().name) == ("sas", "sas")
        assert "b_0j = β_00 + β_01 Sector[Public]_j + γ_0j" in str(model.equations().between)
    finally:
        hb.notation("monette")
    assert "β_0j = γ_00 + γ_01 Sector[Public]_j + u_0j" in str(model.equations().between)


def test_notation_in_with_restores_the_former_one_nested_and_after_errors() -> None:
    with hb.notation("sas"):
        with hb.notation("bryk-raudenbush") as inner:
            assert inner == hb.notation() and inner.variance == "T"
        assert hb.notation().name == "sas"
        with pytest.raises(ZeroDivisionError), hb.notation("pinheiro-bates"):
            _ = 1 / 0
        assert hb.notation().name == "sas"
        with hb.notation() as same:
            assert same.name == "sas"
    assert hb.notation().name == "monette"


@pytest.mark.parametrize("name", ["SAS", "lme4", "", 3])
def test_unknown_notation_is_refused_with_the_known_ones(name: str) -> None:
    message = (
        f"there is no notation {name!r}; the notations are: 'bryk-raudenbush', 'sas', "
        "'pinheiro-bates', 'monette'"
    )
    with pytest.raises(hb.FormulaError, match=f"^{re.escape(message)}$"):
        hb.notation(name)
    assert hb.notation().name == "monette"


def test_equations_keep_the_symbols_they_were_made_with(model: hb.Model) -> None:
    with hb.notation("sas"):
        made = model.equations()
    assert made.notation.name == "sas" and "b_0j = β_00" in str(made)


def test_prints_as_its_column() -> None:
    with hb.notation("pinheiro-bates") as said:
        lines = str(said).splitlines()
        assert "<tr><th>Variance of random effects</th>" in said._repr_html_()
    assert lines[0] == "Notation 'pinheiro-bates': Pinheiro and Bates"
    assert lines[3:5] == [
        "Cluster random effect",
        "Cluster random effect (centered)  b",
    ]


BETWEEN = {
    "monette": """\
         β_0j = γ_00 + γ_01 Sector[Public]_j + u_0j
         β_1j = γ_10 + γ_11 Sector[Public]_j + u_1j
(u_0j, u_1j)' ~ N(0, G)    (independent between schools and of errors)
            G = ⎡ g_00  g_10 ⎤
                ⎣ g_10  g_11 ⎦""",
    "bryk-raudenbush": """\
         β_0j = γ_00 + γ_01 Sector[Public]_j + u_0j
         β_1j = γ_10 + γ_11 Sector[Public]_j + u_1j
(u_0j, u_1j)' ~ N(0, T)    (independent between schools and of errors)
            T = ⎡ τ_00  τ_10 ⎤
                ⎣ τ_10  τ_11 ⎦""",
    "sas": """\
         b_0j = β_00 + β_01 Sector[Public]_j + γ_0j
         b_1j = β_10 + β_11 Sector[Public]_j + γ_1j
(γ_0j, γ_1j)' ~ N(0, G)    (independent between schools and of errors)
            G = ⎡ g_00  g_10 ⎤
                ⎣ g_10  g_11 ⎦""",
    "pinheiro-bates": """\
         φ_0i = β_00 + β_01 Sector[Public]_i + b_0i
         φ_1i = β_10 + β_11 Sector[Public]_i + b_1i
(b_0i, b_1i)' ~ N(0, Ψ)    (independent between schools and of errors)
            Ψ = ⎡ ψ_00  ψ_10 ⎤
                ⎣ ψ_10  ψ_11 ⎦""",
}
WITHIN = {
    "monette": "mathach_ij = β_0j + β_1j ses_ij + r_ij",
    "bryk-raudenbush": "mathach_ij = β_0j + β_1j ses_ij + r_ij",
    "sas": "mathach_ij = b_0j + b_1j ses_ij + ε_ij",
    "pinheiro-bates": "mathach_ij = φ_0i + φ_1i ses_ij + ε_ij",
}
# The matrix form and its variances; its letters are those of the equations of rows.
MATRIX = {
    "monette": ("Y_j = X_j γ + Z_j u_j + r_j", "u_j ~ N(0, G)", "r_j ~ N(0, R_j)", "R_j = σ² I"),
    "bryk-raudenbush": (
        "Y_j = X_j γ + Z_j u_j + r_j", "u_j ~ N(0, T)", "r_j ~ N(0, Σ_j)", "Σ_j = σ² I",
    ),
    "sas": ("Y_j = X_j β + Z_j γ_j + ε_j", "γ_j ~ N(0, G)", "ε_j ~ N(0, R_j)", "R_j = σ² I"),
    "pinheiro-bates": (
        "y_i = X_i β + Z_i b_i + ε_i", "b_i ~ N(0, Ψ)", "ε_i ~ N(0, σ² Λ_i)", "Λ_i = I",
    ),
}  # fmt: skip
GLS = {
    "monette": ("V_j = Z_j G Z_j' + σ² I", "γ̂ = (X' V⁻¹ X)⁻¹ X' V⁻¹ Y"),
    "bryk-raudenbush": ("V_j = Z_j T Z_j' + σ² I", "γ̂ = (X' V⁻¹ X)⁻¹ X' V⁻¹ Y"),
    "sas": ("V_j = Z_j G Z_j' + σ² I", "β̂ = (X' V⁻¹ X)⁻¹ X' V⁻¹ Y"),
    "pinheiro-bates": ("V_i = Z_i Ψ Z_i' + σ² I", "β̂ = (X' V⁻¹ X)⁻¹ X' V⁻¹ y"),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_every_form_follows_the_notation(model: hb.Model, name: str) -> None:
    with hb.notation(name):
        made = model.equations()
    assert made.within.text.splitlines()[0] == WITHIN[name]
    assert made.between.text == BETWEEN[name]
    matrix = [line.split("    (")[0].strip() for line in made.matrix.text.splitlines()]
    assert [line for line in MATRIX[name] if line not in matrix] == []
    gls = [line.strip() for line in made.gls.text.splitlines()]
    assert [line for line in GLS[name] if line not in gls] == []


def test_matrix_form_of_bryk_and_raudenbush_in_latex(model: hb.Model) -> None:
    with hb.notation("bryk-raudenbush"):
        lines = model.equations().matrix.latex.splitlines()
    assert lines[1] == (
        r"\mathbf{Y}_{j} &= \mathbf{X}_{j} \, \boldsymbol{\gamma} + \mathbf{Z}_{j} \, "
        r"\mathbf{u}_{j} + \mathbf{r}_{j} \qquad \text{(for each school j)} \\"
    )
    sigma = r"\mathbf{r}_{j} &\sim N(\mathbf{0}, \boldsymbol{\Sigma}_{j}) \\"
    assert r"\mathbf{u}_{j} &\sim N(\mathbf{0}, \mathbf{T}) \\" in lines and sigma in lines


def test_meanings_carry_the_symbols(model: hb.Model) -> None:
    with hb.notation("pinheiro-bates"):
        assert list(model.meanings().table["symbol"]) == ["β_00", "β_01", "β_10", "β_11"]


def test_multilevel_form_prints_in_the_notation() -> None:
    form = hb.Multilevel("y ~ 1 + x", {"1": "1 + w"}, group="g", random=["1"])
    with hb.notation("pinheiro-bates"):
        assert str(form) == (
            "within   y = φ[1] + φ[x]·x + ε          ε ~ N(0, σ²)\n"
            "between  φ[1] = (1 + w)·β + b[1]\n"
            "         φ[x] = (1)·β          b ~ N(0, Ψ), by g"
        )


def test_summary_names_what_is_integrated_out_in_the_notation(reml_fits: Cache[hb.Fit]) -> None:
    fit = reml_fits["oneway"]
    with hb.notation("sas"):
        title = fit.summary().title
    assert title == "Hierarchical model fit by REML (β and γ integrated out; given θ̂ below)"
    assert "(γ and u integrated out;" in fit.summary().title
