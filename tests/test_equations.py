"""The two views of a model: its structure is exact, its forms are what the slides show."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
from formulaic import Formula

import hierbayes as hb
from hierbayes.frames.contextual import CONTEXT
from hierbayes.language.factor import Factor
from hierbayes.language.structure import read_structure
from hierbayes.language.writer import digits
from hierbayes.library.named_models import NAMED_MODELS
from tests.conftest import Cache

NOTATIONS = ("monette", "bryk-raudenbush", "sas", "pinheiro-bates")
CATALOGUE = sorted(model.file for model in NAMED_MODELS)
STRANGE = "50%_a#b&c$d{e}~f^g\\h"

# Formulas on `odd_data`, each of which splits in its own way.
ODD = (
    "mathach ~ ses * Sector + (1 + ses | school)",
    "mathach ~ 0 + Sector + ses:Sector + (1 | school)",
    "mathach ~ Sex * Sector + Sex:ses + (0 + Sex | school)",
    "mathach ~ Sector:Sex + (1 | school)",
    "mathach ~ `a:b`:Sex + np.log(ses + 10) + flag + (1 | school)",
    "mathach ~ poly(ses, 2) * Sector + (1 | school) + (0 + poly(ses, 2) | school)",
    "mathach ~ C(Sector, contr.sum) * `a b` + (1 | school) + (0 + `a b` | school)",
    "mathach ~ Sector * Sex * ses + (0 + Sex + ses || school)",
    "mathach ~ bs(ses, df=4):Sector + C(Sex) + (1 | school)",
    "mathach ~ ses + Sector + (1 | school) + (0 + Sector | school)",
    "mathach ~ C(Sector, contr.treatment('Public')) * ses + (1 | school)",
    "mathach ~ C(third, contr.helmert) * ses + (1 + C(third, contr.helmert) | school)",
    "mathach ~ ses + PRACAD + (1 | school) + (0 + PRACAD | school)",
    "mathach ~ cvar(ses, school) * dvar(ses, school) + (1 + dvar(ses, school) | school)",
    "mathach ~ ses + cvar(ses, school) + (1 + dvar(ses, school) || school)",
    "mathach ~ Sector:ses + (0 + ses:Sector | school)",
    "mathach ~ Sector:Sex:third + Sex + ses + (1 | school)",
    f"mathach ~ `{STRANGE}` * Sector + (1 + `{STRANGE}` | school)",
    "mathach ~ 0 + ses + (0 + ses | school)",
)


@pytest.fixture(scope="session")
def odd_data(hs: pd.DataFrame) -> pd.DataFrame:
    third = pd.cut(hs["ses"], 3, labels=["low", "mid", "high"])
    return hs.assign(
        **{"a:b": hs["ses"] * 2, "a b": hs["ses"] ** 2, "flag": hs["ses"] > 0, "third": third},
        **{STRANGE: np.exp(hs["ses"])},
    )


@pytest.fixture(scope="session")
def odd_models(odd_data: pd.DataFrame) -> Cache[hb.Model]:
    return Cache(lambda formula: hb.Model(formula, data=odd_data))


@pytest.fixture(scope="session")
def catalogue() -> Cache[hb.Model]:
    return Cache(hb.load_model)


@pytest.fixture
def model(models: Cache[hb.Model]) -> hb.Model:
    return models["intercepts_slopes"]


# ---------------------------------------------------------------- the structure is exact


def values(factor: Factor, data: pd.DataFrame) -> np.ndarray:
    """A factor's column, made from the data without the design."""
    if factor.coding:
        return data[factor.variable].astype(str).map(dict(factor.coding)).to_numpy(dtype=float)
    if factor.expr in data.columns:
        return data[factor.expr].to_numpy(dtype=float)
    made = Formula(f"0 + {factor.expr}").get_model_matrix(data, context={**CONTEXT, "np": np})
    name = f"{factor.expr}[{factor.label}]" if factor.label else factor.expr
    return made[name].to_numpy(dtype=float)


def column(factors: tuple[Factor, ...], data: pd.DataFrame) -> np.ndarray:
    return np.prod([np.ones(len(data)), *(values(f, data) for f in factors)], axis=0)


@pytest.mark.parametrize("formula", ODD)
@pytest.mark.slow
def test_equations_of_two_levels_rebuild_the_combined_model(
    odd_models: Cache[hb.Model], formula: str
) -> None:
    model = odd_models[formula]
    design, data = model.problem.design, model.data
    rng = np.random.default_rng(5)
    gamma, u = rng.normal(size=len(design.terms)), rng.normal(size=(design.J, len(design.effects)))
    expected = design.rows.X @ gamma + (design.rows.Z * u[design.rows.codes]).sum(axis=1)
    structure = read_structure(design)
    total = np.zeros(len(data))
    for beta in structure.coefficients:
        own = u[design.rows.codes, beta.effect] if beta.is_random else np.zeros(len(data))
        for entry in beta.entries:
            assert (entry.h == 0) == (not entry.factors)
            w = column(entry.factors, data)
            means = pd.Series(w).groupby(design.rows.codes).transform("mean")
            np.testing.assert_allclose(w, means, rtol=1e-9, atol=1e-12)
            own = own + gamma[entry.place] * w
        total += own * column(beta.factors, data)
    np.testing.assert_allclose(total, expected, rtol=1e-9, atol=1e-9)
    places = sorted(entry.place for _, entry in structure.entries)
    assert places == list(range(len(design.terms)))
    assert [beta.effect for beta in structure.random] == list(range(len(design.effects)))
    assert all((beta.k == 0) == (not beta.factors) for beta in structure.coefficients)


def test_random_column_of_a_fixed_one_shares_its_coefficient(model: hb.Model) -> None:
    structure = read_structure(model.problem.design)
    assert [(b.k, len(b.entries), b.effect) for b in structure.coefficients] == [
        (0, 2, 0),
        (1, 2, 1),
    ]


def test_random_column_without_fixed_part_has_a_coefficient_of_its_own(
    models: Cache[hb.Model],
) -> None:
    assert models["contextual_raw"].equations().between.text.splitlines()[:4] == [
        "         β_0j = γ_00 + γ_01 cvar(ses, school)_j + u_0j",
        "         β_1j = γ_10",
        "         β_2j = u_2j",
        "(u_0j, u_2j)' ~ N(0, G)    (independent between schools and of errors)",
    ]


# ---------------------------------------------------------------- the forms, as text

FORMS = {
    "within": """\
mathach_ij = β_0j + β_1j ses_ij + r_ij
      r_ij ~ N(0, σ²)    (independent)""",
    "combined": """\
mathach_ij = (γ_00 + γ_01 Sector[Public]_j + u_0j)
             + (γ_10 + γ_11 Sector[Public]_j + u_1j) ses_ij + r_ij
           = γ_00 + γ_01 Sector[Public]_j + γ_10 ses_ij + γ_11 Sector[Public]_j ses_ij    \
(fixed part)
             + u_0j + u_1j ses_ij + r_ij    (random part)""",
    "matrix": """\
Y_j = X_j γ + Z_j u_j + r_j    (for each school j)
      ⎡ mathach_1j  ⎤
Y_j = ⎢ mathach_2j  ⎥
      ⎢      ⋮      ⎥
      ⎣ mathach_nⱼj ⎦
      ⎡ 1  Sector[Public]_j  ses_1j   Sector[Public]_j ses_1j  ⎤
X_j = ⎢ 1  Sector[Public]_j  ses_2j   Sector[Public]_j ses_2j  ⎥
      ⎢ ⋮         ⋮             ⋮                ⋮             ⎥
      ⎣ 1  Sector[Public]_j  ses_nⱼj  Sector[Public]_j ses_nⱼj ⎦
      ⎡ 1  ses_1j  ⎤
Z_j = ⎢ 1  ses_2j  ⎥
      ⎢ ⋮     ⋮    ⎥
      ⎣ 1  ses_nⱼj ⎦
  γ = (γ_00, γ_01, γ_10, γ_11)'
u_j = (u_0j, u_1j)'
u_j ~ N(0, G)
  G = ⎡ g_00  g_10 ⎤
      ⎣ g_10  g_11 ⎦
r_j ~ N(0, R_j)
R_j = σ² I

  Y = X γ + Z u + r    (J = 40 schools)
  Y = (Y_1', …, Y_J')',    X = (X_1', …, X_J')',    u = (u_1', …, u_J')',    r = (r_1', …, r_J')'
  Z = diag(Z_1, …, Z_J)
  u ~ N(0, G̈)
  G̈ = diag(G, …, G)
  r ~ N(0, σ² I)""",
    "gls": """\
mathach_ij = γ_00 + γ_01 Sector[Public]_j + γ_10 ses_ij + γ_11 Sector[Public]_j ses_ij
             + δ_ij
      δ_ij = u_0j + u_1j ses_ij + r_ij
       δ_j ~ N(0, V_j)    (independent between schools)
       V_j = Z_j G Z_j' + σ² I
         V = diag(V_1, …, V_J)
         γ̂ = (X' V⁻¹ X)⁻¹ X' V⁻¹ Y""",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_slides_model(model: hb.Model, form: str) -> None:
    assert getattr(model.equations(), form).text == FORMS[form]


def test_equations_print_under_titles(model: hb.Model) -> None:
    made = model.equations()
    lines = str(made).splitlines()
    assert lines[0] == "1977 rows i in 40 groups j (school)"
    assert [line for line in lines[1:] if line and not line.startswith(" ")] == [
        "Within-school model",
        "Between-school model",
        "Combined (mixed) model",
        "Matrix form (Laird and Ware)",
        "GLS form",
    ]
    assert repr(made) == str(made) and str(made.within) == made.within.text


def test_between_equations_at_each_level_as_on_the_slides(model: hb.Model) -> None:
    by_level = model.equations().by_level
    assert {level: (form.title, form.text) for level, form in by_level.items()} == {
        "Catholic": ("In Catholic schools", "β_0j = γ_00 + u_0j\nβ_1j = γ_10 + u_1j"),
        "Public": (
            "In Public schools",
            "β_0j = γ_00 + γ_01 + u_0j\nβ_1j = γ_10 + γ_11 + u_1j",
        ),
    }


def test_levels_of_other_codings_have_the_values_of_the_coding(
    odd_models: Cache[hb.Model],
) -> None:
    by_level = odd_models[ODD[6]].equations().by_level
    assert by_level["Catholic"].text.splitlines()[0] == "β_0j = γ_00 + γ_01 + u_0j"
    assert by_level["Public"].text.splitlines()[0] == "β_0j = γ_00 − γ_01 + u_0j"


def test_levels_are_offered_for_one_factor_only(models: Cache[hb.Model]) -> None:
    assert dict(models["random_coefficients"].equations().by_level) == {}


def test_independent_blocks_leave_zeros_in_G(odd_models: Cache[hb.Model]) -> None:
    between = odd_models[ODD[5]].equations().between.text
    assert between.splitlines()[-3:] == [
        "                      ⎡ g_00   0     0   ⎤",
        "                  G = ⎢  0    g_11  g_21 ⎥",
        "                      ⎣  0    g_21  g_22 ⎦",
    ]


def test_subscripts_above_nine_are_kept_apart(odd_data: pd.DataFrame) -> None:
    rng = np.random.default_rng(3)
    names = [f"x{i}" for i in range(11)]
    data = odd_data.assign(**{name: rng.normal(size=len(odd_data)) for name in names})
    made = hb.Model(f"mathach ~ {' + '.join(names)} + x9:Sector + (1 | school)", data=data)
    text = made.equations()
    assert "β_10,j = γ_10,0 + γ_10,1 Sector[Public]_j\n" in text.between.text
    assert r"\beta_{10,j} &= \gamma_{10,0} + \gamma_{10,1}" in text.between.latex
    assert "β_9j = γ_90\n" in text.between.text
    # amsmath's matrices have ten columns at most.
    assert r"\mathbf{X}_{j} &= \left[ \begin{array}{ccccccccccccc} 1 & " in text.matrix.latex
    assert faults(text.matrix.latex) == []


# ---------------------------------------------------------------- numbers in their place


def test_fit_puts_estimates_in_place_of_parameters(reml_fits: Cache[hb.Fit]) -> None:
    made = reml_fits["intercepts_slopes"].equations()
    assert made.about == (
        "1977 rows i in 40 groups j (school); REML estimates in place of parameters"
    )
    assert made.within.text.splitlines()[1] == "      r_ij ~ N(0, 6.12²)    (independent)"
    assert made.between.text == (
        "         β_0j = 13.48 − 1.60 Sector[Public]_j + u_0j\n"
        "         β_1j = 1.81 + 1.39 Sector[Public]_j + u_1j\n"
        "(u_0j, u_1j)' ~ N(0, G)    (independent between schools and of errors)\n"
        "            G = ⎡ 3.54   0.351 ⎤\n"
        "                ⎣ 0.351  0.127 ⎦"
    )
    assert made.gls.text.splitlines()[4:] == [
        "       V_j = Z_j ⎡ 3.54   0.351 ⎤ Z_j' + 6.12² I",
        "                 ⎣ 0.351  0.127 ⎦",
        "         V = diag(V_1, …, V_J)",
        "         γ̂ = (X' V⁻¹ X)⁻¹ X' V⁻¹ Y",
        "           = (13.48, −1.60, 1.81, 1.39)'",
    ]
    public = made.by_level["Public"].text.splitlines()
    assert public == ["β_0j = 11.88 + u_0j", "β_1j = 3.19 + u_1j"]


def test_posterior_shows_its_means_and_no_least_squares(small_posterior: hb.Fit) -> None:
    made = small_posterior.equations()
    assert made.about.endswith("; posterior means in place of parameters")
    fixef = small_posterior.fixef()
    level, slope = digits(fixef["Intercept"])[0], digits(fixef["w"])[0]
    assert f"β_0j = {level} − {slope} w_j + u_0j" in made.between.text
    assert made.gls.text.splitlines()[-1].strip() == "γ̂ = (X' V⁻¹ X)⁻¹ X' V⁻¹ Y"
    mean = small_posterior.theta.G.mean(axis=(0, 1))
    assert digits(mean[1, 1])[0] in made.between.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [(13.4812, ("13.48", None)), (0.0, ("0", None)), (-1.6, ("1.60", None)),
     (0.06213, ("0.0621", None)), (1234567.0, ("1234567.00", None)), (2.4e-7, ("2.40", -7)),
     (-3.1e9, ("3.10", 9))],
)  # fmt: skip
def test_numbers_are_short(value: float, expected: tuple[str, int | None]) -> None:
    assert digits(value) == expected


def test_numbers_far_from_one_have_powers_of_ten(hs: pd.DataFrame) -> None:
    data = hs.assign(tiny=hs["mathach"] * 1e-9)
    made = hb.Model("tiny ~ 1 + (1 | school)", data=data).reml().equations()
    assert made.within.text.splitlines()[1].strip() == "r_ij ~ N(0, (6.30·10⁻⁹)²)    (independent)"
    assert r"{\left( 6.30 \cdot 10^{-9} \right)}^{2}" in made.within.latex


# ---------------------------------------------------------------- LaTeX

_ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+)\}")


def faults(latex: str) -> list[str]:
    """What would stop TeX: braces, environments, fences, and characters that are commands."""
    found = []
    depth = 0
    bare = re.sub(r"\\[\\{}_%#&$,]", "", latex)
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            found.append("a brace is closed that was not opened")
            break
    if depth > 0:
        found.append("braces are not balanced")
    stack: list[str] = []
    for kind, name in _ENVIRONMENT.findall(latex):
        if kind == "begin":
            stack.append(name)
        elif not stack or stack.pop() != name:
            found.append(f"\\end{{{name}}} has no beginning")
    if stack:
        found.append(f"\\begin{{{stack[0]}}} has no end")
    if any(latex.count(rf"\left{a}") != latex.count(rf"\right{b}") for a, b in ("()", "[]")):
        found.append("fences are not paired")
    found += [f"a bare {c}" for c in "%#$~" if c in bare]
    for inside in re.findall(r"\\text\{([^}]*)\}", bare):
        found += [f"{c} in text" for c in "_^&\\" if c in inside]
    return found


@pytest.mark.parametrize(("name", "notation"), list(product(CATALOGUE, NOTATIONS)))
@pytest.mark.slow
def test_latex_of_the_catalogue_is_well_formed(
    catalogue: Cache[hb.Model], name: str, notation: str
) -> None:
    with hb.notation(notation):
        made = [catalogue[name].equations(), catalogue[name].reml().equations()]
    for equations in made:
        for form in (*equations.forms, *equations.by_level.values()):
            assert faults(form.latex) == []
            assert form._repr_latex_() == f"$$\n{form.latex}\n$$"


@pytest.mark.parametrize("formula", ODD)
def test_latex_of_odd_models_is_well_formed(odd_models: Cache[hb.Model], formula: str) -> None:
    assert [faults(form.latex) for form in odd_models[formula].equations().forms] == [[]] * 5


def test_the_checker_finds_faults() -> None:
    assert faults(r"\frac{a}{b") == ["braces are not balanced"]
    assert faults(r"{a}} {b") == ["a brace is closed that was not opened"]
    assert faults(r"\begin{aligned} \end{bmatrix}") == [r"\end{bmatrix} has no beginning"]
    assert faults(r"\left( a") == ["fences are not paired"]
    assert faults("50%") == ["a bare %"]
    assert faults(r"\text{a_b}") == ["_ in text"]


def test_latex_of_the_slides_model(model: hb.Model) -> None:
    made = model.equations()
    assert made.between.latex == (
        "\\begin{aligned}\n"
        r"\beta_{0j} &= \gamma_{00} + \gamma_{01} \, {\text{Sector[Public]}}_{j} + u_{0j} \\"
        "\n"
        r"\beta_{1j} &= \gamma_{10} + \gamma_{11} \, {\text{Sector[Public]}}_{j} + u_{1j} \\"
        "\n"
        r"\begin{bmatrix} u_{0j} \\ u_{1j} \end{bmatrix} &\sim N(\mathbf{0}, \mathbf{G})"
        r" \qquad \text{(independent between schools and of errors)} \\"
        "\n"
        r"\mathbf{G} &= \begin{bmatrix} g_{00} & g_{10} \\ g_{10} & g_{11} \end{bmatrix}"
        "\n\\end{aligned}"
    )
    assert r"\mathrm{ses}_{n_j j}" in made.matrix.latex
    assert r"{\mathbf{X}}' \, {\mathbf{V}}^{-1} \, \mathbf{X}" in made.gls.latex


def test_characters_that_tex_takes_for_commands_are_escaped(odd_models: Cache[hb.Model]) -> None:
    within = odd_models[ODD[-2]].equations().within.latex
    assert (
        r"{\text{50}\%\_\text{a}\#\text{b}\&\text{c}\$\text{d}\{\text{e}\}{\sim}"
        r"\text{f}{\wedge}\text{g}\backslash \text{h}}_{ij}"
    ) in within


def test_model_in_a_notebook_is_its_equations(model: hb.Model) -> None:
    shown = model._repr_latex_()
    assert shown == model.equations()._repr_latex_()
    assert shown.startswith("$$\n\\text{1977 rows i in 40 groups j (school)}\n$$\n\n$$\n")
    assert shown.count("$$") == 2 * (1 + 2 * 5)
    assert not hasattr(model, "_repr_html_")


# ---------------------------------------------------------------- meanings

WORDS: dict[str, dict[str, str]] = {
    "one_way_anova_with_random_effects": {"γ_00": "the mean mathach"},
    "one_way_ancova": {"γ_00": "the mean mathach when ses is 0", "γ_10": "the mean ses slope"},
    "random_coefficients": {"γ_00": "the mean mathach when ses is 0", "γ_10": "the mean ses slope"},
    "means_as_outcomes": {
        "γ_00": "the mean mathach in Catholic schools",
        "γ_01": "the difference in mean mathach between Public and Catholic schools",
    },
    "intercepts_and_slopes_as_outcomes": {
        "γ_00": "the mean mathach when ses is 0, in Catholic schools",
        "γ_01": "the difference in mean intercept between Public and Catholic schools",
        "γ_10": "the mean ses slope in Catholic schools",
        "γ_11": "the difference in mean ses slope between Public and Catholic schools",
    },
    "parallel_mean_slopes": {
        "γ_00": "the mean mathach when ses is 0, in Catholic schools",
        "γ_01": "the difference in mean intercept between Public and Catholic schools",
        "γ_10": "the mean ses slope",
    },
    "contextual_mean_and_centred_within_group": {
        "γ_00": "the mean mathach when ses is at its school mean and the school mean of ses is 0",
        "γ_01": "the between-school ses slope: the change in mean mathach per unit of the school "
        "mean of ses",
        "γ_10": "the mean within-school ses slope",
    },
    "contextual_mean_and_raw_variable": {
        "γ_00": "the mean mathach when ses is 0 and the school mean of ses is 0",
        "γ_01": "the contextual effect of ses: its between-school slope minus its within-school "
        "slope",
        "γ_10": "the mean within-school ses slope",
    },
    "intercepts_and_slopes_as_outcomes_with_contextual_mean": {
        "γ_00": "the mean mathach when ses is at its school mean and the school mean of ses is 0, "
        "in Catholic schools",
        "γ_01": "the between-school ses slope in Catholic schools: the change in mean mathach per "
        "unit of the school mean of ses",
        "γ_02": "the difference in mean intercept between Public and Catholic schools when the "
        "school mean of ses is 0",
        "γ_03": "the difference in the between-school ses slope between Public and Catholic "
        "schools",
        "γ_10": "the mean within-school ses slope in Catholic schools",
        "γ_11": "the difference in mean within-school ses slope between Public and Catholic "
        "schools",
    },
}
WORDS["non_random_slopes"] = WORDS["intercepts_and_slopes_as_outcomes"]


def words(model: hb.Model) -> dict[str, str]:
    table = model.meanings().table
    return dict(zip(table["symbol"], table["meaning"], strict=True))


@pytest.mark.parametrize("name", CATALOGUE)
def test_meanings_of_the_catalogue(catalogue: Cache[hb.Model], name: str) -> None:
    assert words(catalogue[name]) == WORDS[name]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("mathach ~ ses * PRACAD * Sector", {
            "γ_00": "the mean mathach when ses is 0 and PRACAD is 0, in Catholic schools",
            "γ_01": "the change in mean intercept per unit of PRACAD in Catholic schools",
            "γ_11": "the change in mean ses slope per unit of PRACAD in Catholic schools",
            "γ_13": "the difference in the change in mean ses slope per unit of PRACAD between "
                    "Public and Catholic schools"}),
        ("mathach ~ 0 + Sector * ses", {
            "γ_02": "the mean mathach when ses is 0, in Public schools",
            "γ_11": "the difference in mean ses slope between Public and Catholic schools"}),
        ("mathach ~ Sex * ses", {
            "γ_00": "the mean mathach when Sex is Female and ses is 0",
            "γ_10": "the mean Male-minus-Female difference in mathach when ses is 0",
            "γ_20": "the mean ses slope when Sex is Female",
            "γ_30": "the mean Male-minus-Female difference in ses slope"}),
        ("mathach ~ Sex:ses", {"γ_20": "the mean ses slope where Sex is Male"}),
        ("mathach ~ C(Sector, contr.treatment('Public')) * ses", {
            "γ_11": "the difference in mean ses slope between Catholic and Public schools"}),
        ("mathach ~ C(Sector, contr.sum) * ses", {
            "γ_10": "the mean ses slope when Sector is averaged over its levels with equal "
                    "weights",
            "γ_11": "the coefficient of C(Sector, contr.sum)[S.Catholic] in the equation of the "
                    "ses slope"}),
        ("mathach ~ C(Minority, {'x': [1, 0.5]}) * ses", {
            "γ_00": "the mean intercept",
            "γ_20": "the mean coefficient of ses"}),
        ("mathach ~ ses + I(ses**2) + PRACAD + I(PRACAD**2)", {
            "γ_01": "the coefficient of PRACAD in the equation of the intercept",
            "γ_10": "the mean coefficient of ses"}),
        ("mathach ~ ses * cvar(ses, school)", {
            "γ_01": "the change in mean intercept per unit of the school mean of ses",
            "γ_11": "the change in mean ses slope per unit of the school mean of ses"}),
        ("mathach ~ Sex * ses + cvar(ses, school)", {
            "γ_01": "the change in mean intercept per unit of the school mean of ses"}),
        ("mathach ~ ses + dvar(ses, school)", {
            "γ_20": "the mean coefficient of dvar(ses, school)"}),
        ("mathach ~ Sector + Sector:PRACAD", {
            "γ_01": "the difference in mean mathach between Public and Catholic schools when "
                    "PRACAD is 0",
            "γ_02": "the coefficient of Sector[Catholic] × PRACAD in the equation of mathach"}),
        ("mathach ~ third:ses + ses:`a b`", {
            "γ_20": "the mean ses slope where third is mid when a b is 0"}),
        ("mathach ~ third + third:ses", {
            "γ_10": "the mean mid-minus-low difference in mathach when ses is 0"}),
        ("mathach ~ third + third:Sector", {
            "γ_10": "the mean coefficient of third[mid]",
            "γ_31": "the difference in mean coefficient of third[low] between Public and Catholic "
                    "schools"}),
        ("mathach ~ ses + flag + cvar(ses, school) + cvar(flag, school)", {
            "γ_01": "the contextual effect of ses: its between-school slope minus its "
                    "within-school slope",
            "γ_02": "the contextual effect of flag: its between-school slope minus its "
                    "within-school slope",
            "γ_10": "the mean within-school ses slope"}),
        ("mathach ~ poly(ses, 2)", {
            "γ_00": "the mean mathach when the columns of poly(ses, 2) are 0",
            "γ_20": "the mean coefficient of poly(ses, 2)[2]"}),
    ],
)  # fmt: skip
def test_meanings_of_other_models(
    odd_data: pd.DataFrame, formula: str, expected: dict[str, str]
) -> None:
    said = words(hb.Model(f"{formula} + (1 | school)", data=odd_data))
    assert {symbol: said[symbol] for symbol in expected} == expected


def test_meanings_are_true_of_the_estimates(hs: pd.DataFrame) -> None:
    """What the words say of differences, slopes and contextual effects, computed anew."""
    within = hb.Model("mathach ~ dvar(ses, school) + cvar(ses, school) + (1 | school)", data=hs)
    raw = hb.Model("mathach ~ ses + cvar(ses, school) + (1 | school)", data=hs)
    apart, together = within.reml().meanings().table, raw.reml().meanings().table
    between = apart.loc["cvar(ses, school)", "estimate"]
    slope = apart.loc["dvar(ses, school)", "estimate"]
    assert together.loc["ses", "estimate"] == pytest.approx(slope)
    assert together.loc["cvar(ses, school)", "estimate"] == pytest.approx(between - slope)


def test_nested_levels_are_compared_where_the_words_say(hs: pd.DataFrame) -> None:
    nested = hb.Model("mathach ~ Sector + Sector:PRACAD + (1 | school)", data=hs).reml()
    rows = pd.DataFrame({"Sector": ["Public", "Catholic"], "PRACAD": [0.0, 0.0]})
    public, catholic = nested.predict(rows, effects="none")
    assert nested.fixef()["Sector[T.Public]"] == pytest.approx(public - catholic)


def test_a_group_with_a_blank_in_its_name_has_its_words(hs: pd.DataFrame) -> None:
    data = hs.rename(columns={"school": "the school"})
    model = hb.Model("mathach ~ ses + cvar(ses, `the school`) + (1 | `the school`)", data=data)
    assert words(model)["γ_01"] == (
        "the contextual effect of ses: its between-group slope minus its within-group slope"
    )


def test_groups_without_a_noun_are_groups(small: hb.Model) -> None:
    assert small.equations().within.title == "Within-group model"
    assert words(small)["γ_01"] == "the change in mean intercept per unit of w"


def test_meanings_of_a_fit_have_estimates_beside(reml_fits: Cache[hb.Fit]) -> None:
    fit = reml_fits["intercepts_slopes"]
    made = fit.meanings()
    expected = fit.fixef().loc[list(made.table.index)].to_numpy()
    np.testing.assert_array_equal(made.table["estimate"].to_numpy(), expected)
    assert [line for line in str(made).splitlines() if line][:3] == [
        "REML estimates",
        f"γ_00  {expected[0]:>10.4f}  Intercept",
        "      the mean mathach when ses is 0, in Catholic schools",
    ]
    html = made._repr_html_()
    assert "<h3>REML estimates</h3>" in html
    assert "the difference in mean ses slope between Public and Catholic schools" in html


def test_a_number_that_scales_a_term_stands_in_the_equations(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ 2:ses + 3:Sector + (1 | school)", data=hs)
    assert str(model.equations().within).splitlines()[0].endswith("β_0j + β_1j (2*ses)_ij + r_ij")
    assert "γ_01 (3*Sector[Public])_j" in str(model.equations().between)
    assert model.meanings().table["meaning"].iloc[1:].tolist() == [
        "the change in mean intercept per unit of (3*Sector[Public])", "the mean (2*ses) slope",
    ]  # fmt: skip
