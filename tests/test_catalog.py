"""The ten named models: their list, their names, and each on the user's own variables."""

import re
from typing import Any

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.library.named_models import NAMED_MODELS
from hierbayes.specification.formula import read_combined
from hierbayes.specification.terms import factors_of

# Traditional name of each model of the reference, in the order of the slides.
NAMES = {
    "oneway": "One way ANOVA with random effects",
    "means_as_outcomes": "Means as outcomes",
    "ancova": "One way ANCOVA",
    "random_coefficients": "Random coefficients",
    "intercepts_slopes": "Intercepts and slopes as outcomes",
    "nonrandom_slopes": "Non random slopes",
    "parallel_mean_slopes": "Parallel mean slopes",
    "contextual_cwg": "Contextual cluster mean variable with CWG variable and random CWG slopes",
    "contextual_raw": "Contextual cluster mean variable with raw variable and random CWG slopes",
    "intercepts_slopes_cwg": "Intercepts and slopes as outcomes with contextual cluster mean "
    "variable with CWG variable and random CWG effect",
}


def variables(fixed: str) -> dict[str, str]:
    """The arguments a model of the reference needs on hs."""
    used = {"y": "mathach", "group": "school"}
    return (
        used
        | ({"x": "ses"} if "ses" in fixed else {})
        | ({"w": "Sector"} if "Sector" in fixed else {})
    )


def terms(fixed: str, random: str) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """Fixed and random terms as sets of factors."""
    spec = read_combined(fixed, random)
    effects = [term for block in spec.random_effects for term in block]
    return {frozenset(factors_of(t)) for t in spec.fixed}, {
        frozenset(factors_of(t)) for t in effects
    }


def test_the_list_is_that_of_the_slides() -> None:
    table = hb.catalog().table
    assert table.index.tolist() == list(NAMES.values())
    assert sorted(table["file"]) == sorted(model.file for model in NAMED_MODELS)
    assert table.loc["Non random slopes", ["fixed", "random"]].tolist() == [
        "Y ~ 1 + X + W + X:W",
        "~ 1 | school",
    ]
    assert len(hb.catalog()) == 10


@pytest.mark.parametrize("model", NAMED_MODELS, ids=lambda model: model.file)
def test_what_is_listed_is_what_is_made(model: Any) -> None:
    needed = {role: role.upper() for role in ("y", "x", "w") if role.upper() in model.fixed}
    made = hb.catalog(model.name, group="school", **needed).specification()
    assert terms(*made.lme()) == terms(model.fixed, model.random)
    equations = str(hb.catalog(model.file, group="school", **needed))
    assert hb.catalog().table.loc[model.name, "equations"] == equations


def test_the_list_prints() -> None:
    text = str(hb.catalog())
    assert text.startswith(
        " 1  One way ANOVA with random effects\n"
        "    Y ~ 1,  random = ~ 1 | school\n"
        "    within   Y = β[1] + r          r ~ N(0, σ²)\n"
        "    between  β[1] = (1)·γ + u[1]          u ~ N(0, G), by school\n\n"
        " 2  Means as outcomes\n"
    )
    assert repr(hb.catalog()).startswith(text.partition("\n\n")[0])
    html = hb.catalog()._repr_html_()
    assert html.count("<tr") == 10
    assert html.count("<br/>between") == 10


@pytest.mark.parametrize("key", NAMES)
def test_reml_of_each_is_that_of_lme4(
    key: str, reference: dict[str, Any], hs: pd.DataFrame
) -> None:
    stated = reference["models"][key]
    columns = variables(stated["fixed"])
    model = hb.Model(hb.catalog(NAMES[key], **columns), data=hs)
    expected = stated["REML"]["logLik"]
    assert model.reml().loglik == pytest.approx(expected, abs=1e-6, rel=0)
    direct = hb.catalog(NAMES[key], **columns, data=hs)
    assert str(direct.specification) == str(model.specification)


@pytest.mark.parametrize(
    "name",
    ["non-random slopes", "Non random slopes", "NON_RANDOM_SLOPES", " nonrandom  slopes "],
)
def test_names_are_read_forgivingly(name: str) -> None:
    made = hb.catalog(name, y="y", x="x", w="w", group="g")
    assert made.specification().lme() == ("y ~ 1 + w + x + x:w", "~ 1 | g")


def test_titles_of_files_are_names_too() -> None:
    made = hb.catalog("Contextual mean and raw variable", y="y", x="x", group="g")
    assert made.specification().lme() == ("y ~ 1 + cvar(x, g) + x", "~ 1 + dvar(x, g) | g")


def test_odd_names_of_columns(hs: pd.DataFrame) -> None:
    odd = hs.rename(columns={"ses": "my ses", "Sector": "class", "school": "a|b", "mathach": "2y"})
    made = hb.catalog(
        NAMES["intercepts_slopes_cwg"], y="2y", x="my ses", w="class", group="a|b", data=odd
    )
    assert made.reml().loglik == pytest.approx(-6409.612184, abs=1e-6, rel=0)
    assert made.specification.random_effects == (("1", "dvar(`my ses`, `a|b`)"),)
    swapped = hb.catalog("random coefficients", y="ses", x="mathach", group="Sector")
    assert swapped.specification().lme4() == "ses ~ 1 + mathach + (1 + mathach | Sector)"


REFUSED = [
    (
        {"name": "random coeficients"},
        hb.ModelFileError,
        "no model is called 'random coeficients'; did you mean 'Random coefficients'? "
        "hb.catalog() lists the ten models",
    ),
    (
        {"name": "xyzzy"},
        hb.ModelFileError,
        "no model is called 'xyzzy'; hb.catalog() lists the ten models",
    ),
    (
        {"name": 3},
        hb.ModelFileError,
        "a model is named by text, as in 'Random coefficients', not 3",
    ),
    (
        {"name": "parallel mean slopes", "y": "a", "x": "b", "group": "g"},
        hb.FormulaError,
        "the model 'Parallel mean slopes' needs w (a variable of groups): give w='column'",
    ),
    (
        {"name": "one-way ancova", "y": "a", "x": "b"},
        hb.FormulaError,
        "the model 'One way ANCOVA' needs group (the column that holds the groups): give "
        "group='column'",
    ),
    (
        {"name": "random coefficients", "y": "a", "x": "b", "w": "c", "group": "g"},
        hb.FormulaError,
        "the model 'Random coefficients' has no w (a variable of groups); leave out w='c', or "
        "choose another model",
    ),
    (
        {"name": "one way ancova", "y": "a", "x": "a", "group": "g"},
        hb.FormulaError,
        "y and x are both 'a'; they must differ",
    ),
    (
        {"name": "one way ancova", "y": "a", "x": ["b"], "group": "g"},
        hb.FormulaError,
        "x must be the name of a column, not ['b']",
    ),
    (
        {"y": "a"},
        hb.FormulaError,
        "catalog() lists the models; to make one, give its name first, as in "
        "catalog('Random coefficients', y='mathach', x='ses', group='school')",
    ),
]


@pytest.mark.parametrize(("arguments", "error", "message"), REFUSED)
def test_refusals(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        hb.catalog(**arguments)


def test_a_variable_of_groups_must_be_one(hs: pd.DataFrame) -> None:
    with pytest.raises(hb.DataError, match=r"^'Sex' stands in the between equation of '1' but"):
        hb.catalog("means as outcomes", y="mathach", w="Sex", group="school", data=hs)
