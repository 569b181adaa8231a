"""Models of families that are not Gaussian, in symbols and in words."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.families.words import WORDS
from hierbayes.language.family_words import counted, family_words, is_ordered
from tests.families_reference import FOLDER

F = hb.families
NOTATIONS = ("monette", "bryk-raudenbush", "sas", "pinheiro-bates")


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv")


@pytest.fixture(scope="module")
def bacteria() -> hb.Model:
    return hb.Model("y ~ trt + late + (1 | ID)", read("bacteria"), family="bernoulli")


@pytest.fixture(scope="module")
def melanoma() -> hb.Model:
    formula = "deaths ~ uvb + offset(log(expected)) + (1 | nation) + (1 | region)"
    return hb.Model(formula, read("Mmmec"), family="poisson")


def of_trials(left: str, family: str | F.ResponseFamily) -> hb.Model:
    return hb.Model(f"{left} ~ x + (1 + x | g)", read("sim_binomial"), family=family)


def of_regions(family: F.ResponseFamily) -> hb.Model:
    return hb.Model("deaths ~ uvb + (1 | region)", read("Mmmec"), family=family)


# ------------------------------------------------------------------ in symbols


def test_a_response_has_a_distribution_and_a_link(bacteria: hb.Model) -> None:
    forms = bacteria.equations()
    assert forms.about == "220 rows i in 50 groups j (ID); Bernoulli family, logit link"
    assert str(forms.within) == (
        "y_ij | u_0j ~ Bernoulli(p_ij)    (1 is 'y')\n"
        "logit(p_ij) = η_ij\n"
        "       η_ij = β_0j + β_1j late_ij"
    )
    assert str(forms.between).endswith("u_0j ~ N(0, g_00)    (independent between groups)")
    assert str(forms.combined) == (
        "η_ij = (γ_00 + γ_01 trt[drug+]_j + γ_02 trt[placebo]_j + u_0j) + γ_10 late_ij\n"
        "     = γ_00 + γ_01 trt[drug+]_j + γ_02 trt[placebo]_j + γ_10 late_ij    (fixed part)\n"
        "       + u_0j    (random part)"
    )
    assert str(forms.gls) == (
        "none: given the random effects this response is no sum of a mean and an error"
    )
    matrix = str(forms.matrix)
    assert "η_j = X_j γ + Z_j u_j    (for each group j)" in matrix
    assert "η = (η_1', …, η_J')',    X = (X_1', …, X_J')',    u = (u_1', …, u_J')'" in matrix
    assert "σ" not in str(forms)


def test_equations_at_levels_have_no_normal_error(bacteria: hb.Model) -> None:
    found = bacteria.multilevel()
    first = str(found).splitlines()[0]
    assert first == "within   η = β[1] + β[late]·late          of y"
    assert pickle.loads(pickle.dumps(found)).has_errors is False


def test_the_same_in_latex(bacteria: hb.Model) -> None:
    assert bacteria.equations().within.latex == (
        "\\begin{aligned}\n"
        "\\mathrm{y}_{ij} \\mid u_{0j} &\\sim \\mathrm{Bernoulli}(p_{ij}) \\qquad "
        "\\text{(1 is 'y')} \\\\\n"
        "\\mathrm{logit}(p_{ij}) &= \\eta_{ij} \\\\\n"
        "\\eta_{ij} &= \\beta_{0j} + \\beta_{1j} \\, \\mathrm{late}_{ij}\n"
        "\\end{aligned}"
    )
    assert bacteria._repr_latex_() == bacteria.equations()._repr_latex_()


def test_offsets_and_several_factors(melanoma: hb.Model) -> None:
    forms = melanoma.equations()
    assert str(forms.within) == (
        "deaths_ijk | u ~ Poisson(μ_ijk)\n"
        "    log(μ_ijk) = η_ijk\n"
        "         η_ijk = β_0jk + β_1jk uvb_ijk + log(expected)_ijk"
    )
    assert str(forms.combined).startswith(
        "η_ijk = γ_000 + γ_100 uvb_ijk + log(expected)_ijk    (fixed part)\n"
        "        + u_0jk + u_00k    (random part)\n"
    )
    assert "η = X γ + Z_1 u_1 + Z_2 u_2 + o    (o: offsets)" in str(forms.matrix)
    assert "σ" not in str(forms)


TRIALS = {
    "k | trials(n)": "k_ij | u_j ~ Binomial(n_ij, p_ij)",
    "cbind(k, n - k)": "k_ij | u_j ~ Binomial(n_ij, p_ij)",
    "cbind(k, m)": "k_ij | u_j ~ Binomial(n_ij, p_ij)\n       n_ij = k_ij + m_ij",
}


@pytest.mark.parametrize("left", TRIALS)
def test_trials_are_named(left: str) -> None:
    within = str(of_trials(left, "binomial").equations().within)
    assert re.sub(r"^ +", "", within).startswith(TRIALS[left])


def test_dispersion_is_a_letter_and_then_its_estimate() -> None:
    model = of_regions(F.NegativeBinomial())
    assert str(model.equations().within).split("\n")[0] == (
        "deaths_ij | u_0j ~ NegativeBinomial(μ_ij, φ)    (variance μ + μ²/φ)"
    )
    latex = model.equations().within.latex
    assert r"(\mu_{ij}, \phi) \qquad \text{(variance }\mu  + \mu ^{2}/\phi \text{)}" in latex
    fit = model.ml()
    phi = float(fit.draws("phi").squeeze())
    assert f"NegativeBinomial(μ_ij, φ = {phi:.2f})" in str(fit.equations().within)
    between = str(fit.equations().between)
    assert between.startswith(f"β_0j = {fit.fixef()['Intercept']:.2f} + u_0j")


def test_identity_links_have_no_line_of_their_own() -> None:
    data = read("sim_gamma")
    lognormal = hb.Model("y ~ x + (1 | g)", data, family="lognormal").equations().within
    assert str(lognormal).split("\n") == [
        "y_ij | u_0j ~ Lognormal(η_ij, σ²)    (its logarithm is N(η, σ²))",
        "       η_ij = β_0j + β_1j x_ij",
    ]
    student = hb.Model("y ~ x + (1 | g)", data, family=F.StudentT(df=5)).equations().within
    assert str(student).startswith("y_ij | u_0j ~ t(5, η_ij, σ²)")


@pytest.mark.parametrize("name", NOTATIONS)
def test_every_notation_has_its_letters(name: str, bacteria: hb.Model, melanoma: hb.Model) -> None:
    with hb.notation(name) as used:
        for model in (bacteria, melanoma):
            forms = model.equations()
            latex = forms._repr_latex_()
            assert f" | {used.random}" in str(forms.within)
            assert not re.search(rf"[+~] {used.error}(?![a-z])", str(forms).replace("η", ""))
            assert latex.count(r"\begin{aligned}") == 5
            assert all(ord(mark) < 128 for mark in latex)


def test_thresholds_and_further_zeros() -> None:
    wine = hb.Model("rating ~ temp + (1 | judge)", read("wine"), family="cumulative")
    assert str(wine.equations().within) == (
        "logit(P(rating_ij ≤ c | u_0j)) = τ_c − η_ij    (c = 1 to 4 of 1 < 2 < 3 < 4 < 5; "
        "the first is 0)\n"
        "                          η_ij = β_0j + β_1j temp[warm]_ij"
    )
    fit = wine.ml()
    distance = float(fit.draws("2|3").squeeze() - fit.draws("1|2").squeeze())
    assert f"(τ_1, τ_2, τ_3, τ_4)' = (0, {distance:.2f}, " in str(fit.equations().within)
    assert wine.meanings().table.loc["Intercept", "meaning"] == (
        "the mean log odds of a higher rating when temp is cold; exp: odds"
    )
    assert wine.meanings().notes[2].startswith("Thresholds: the intercept is of what is above '1';")
    above = hb.Model("y ~ trt + (1 | subject)", read("epil2"), family=F.Hurdle())
    assert (
        str(above.equations().within)
        .splitlines()[0]
        .endswith("~ 0 with probability π, otherwise Poisson(μ_ij)    (given that it is above 0)")
    )
    assert "Poisson distribution with its zeros, which are" in str(above.meanings())
    model = hb.Model("I(y + 1) ~ trt + (1 | subject)", read("epil2"), family="lognormal").ml()
    sigma = float(model.draws("sigma").squeeze())
    assert f"Lognormal(η_ij, {sigma:.3f}²)" in str(model.equations().within)
    zeros = hb.Model("y ~ trt + (1 | subject)", read("epil2"), family=F.ZeroInflated())
    assert str(zeros.equations().within).startswith(
        "y_ij | u_0j ~ 0 with probability π, otherwise Poisson(μ_ij)\n"
    )


def test_every_family_has_words() -> None:
    for family in WORDS.values():
        words = family_words(counted(family))
        if is_ordered(family):
            continue
        assert words.distribution
        needed = (
            len(counted(family).dispersion)
            + 1
            + ("m" in words.arguments)
            + ("df" in words.arguments)
        )
        assert len(words.arguments) == needed
        assert bool(words.mean) == (family.link != "identity")


# ------------------------------------------------------------------ in words


def notes(meanings: hb.Meanings) -> list[str]:
    return [note.partition(":")[0] for note in meanings.notes]


def test_meanings_are_of_log_odds_and_their_exponentials_ratios() -> None:
    formula = "y ~ trt * late + (1 | ID)"
    model = hb.Model(formula, read("bacteria"), family="bernoulli")
    said = model.meanings().table["meaning"]
    assert said["Intercept"] == (
        "the mean log odds of y = y when late is 0, in drug groups; exp: odds"
    )
    assert said["trt[T.placebo]"] == (
        "the difference in mean intercept between placebo and drug groups; exp: odds ratio"
    )
    assert said["late"] == "the mean late slope in drug groups; exp: odds ratio"
    assert said["trt[T.placebo]:late"].endswith("; exp: ratio of odds ratios")
    assert notes(model.meanings()) == ["Scale", "Conditional", "Population-averaged"]
    assert model.meanings().notes[0] == (
        "Scale: the log odds of y = y; means, slopes and differences are of it."
    )
    fit = model.ml()
    found = fit.meanings()
    np.testing.assert_allclose(found.table["exp"], np.exp(fit.fixef()[found.table.index]))
    assert f"exp {np.exp(fit.fixef()['late']):.4g}" in str(found)
    # Zeger, Liang & Albert (1988): 1/sqrt(1 + c²g), c = 16√3/15π.
    g = float(fit.G[0, 0])
    c = 16 * 3**0.5 / (15 * np.pi)
    assert f"by the factor {(1 + c**2 * g) ** -0.5:.3g} = " in found.notes[2]
    assert "Zeger, Liang & Albert, 1988" in found.notes[2]


def test_meanings_of_counts_are_rate_ratios(melanoma: hb.Model) -> None:
    found = melanoma.ml().meanings()
    assert found.table["meaning"].tolist() == [
        "the mean log of expected deaths when uvb is 0; exp: expected count",
        "the mean uvb slope; exp: rate ratio",
    ]
    assert "leave slopes and differences as they are" in found.notes[2]
    assert "one nation and region" in found.notes[1]


def test_random_slopes_have_no_one_factor() -> None:
    found = of_trials("cbind(k, n - k)", "binomial").ml().meanings()
    assert found.notes[2] == (
        "Population-averaged: over all groups, effects are smaller in size; how much depends on "
        "the columns."
    )
    probit = of_trials("cbind(k, n - k)", F.Binomial(link="probit")).meanings()
    assert probit.table.loc["x", "meaning"] == "the mean x slope"
    assert "exp" not in probit.table


def test_a_location_needs_no_notes() -> None:
    data = read("sim_student")
    student = hb.Model("y ~ x + (1 | g)", data, family="studentt").meanings()
    gaussian = hb.Model("y ~ x + (1 | g)", data).meanings()
    assert student.notes == gaussian.notes == ()
    assert str(student) == str(gaussian)
