"""What the analyst writes: both spellings, equations at two levels, and the way between them."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.library.named_models import NAMED_MODELS
from hierbayes.specification.formula import Specification, read_combined
from hierbayes.specification.random_term import random_terms
from hierbayes.specification.split_levels import split_levels
from hierbayes.specification.terms import factors_of, names_in, read_terms

FOLDER = Path(__file__).parents[1] / "models"
MODEL_FILES = sorted(FOLDER / f"{model.file}.toml" for model in NAMED_MODELS)

# Formula and random part as written; response, fixed terms, blocks of random terms and group.
WRITTEN: dict[tuple[str, str | None], tuple[str, tuple[str, ...], tuple[Any, ...], str]] = {
    # the two spellings
    ("y ~ x * w", "~ 1 + x | g"): ("y", ("1", "x", "w", "x:w"), (("1", "x"),), "g"),
    ("y ~ x * w + (1 + x | g)", None): ("y", ("1", "x", "w", "x:w"), (("1", "x"),), "g"),
    ("y~x*w+(1+x|g)", None): ("y", ("1", "x", "w", "x:w"), (("1", "x"),), "g"),
    ("y ~ x", "1 | g"): ("y", ("1", "x"), (("1",),), "g"),
    ("y ~ x", "~ x | g"): ("y", ("1", "x"), (("1", "x"),), "g"),
    # no fixed term but the intercept, and where the random term may stand
    ("y ~ (1 | g)", None): ("y", ("1",), (("1",),), "g"),
    ("y ~ 1 + (1 | g)", None): ("y", ("1",), (("1",),), "g"),
    ("y ~ (1 | g) + x", None): ("y", ("1", "x"), (("1",),), "g"),
    ("y ~ x + (1 | g) + w", None): ("y", ("1", "x", "w"), (("1",),), "g"),
    ("y ~ x\n  + (1 | g)", None): ("y", ("1", "x"), (("1",),), "g"),
    # uncorrelated effects, and several terms on one factor
    ("y ~ x + (x || g)", None): ("y", ("1", "x"), (("1",), ("x",)), "g"),
    ("y ~ x", "~ x || g"): ("y", ("1", "x"), (("1",), ("x",)), "g"),
    ("y ~ x + (1 | g) + (0 + x | g)", None): ("y", ("1", "x"), (("1",), ("x",)), "g"),
    ("y ~ x + (x | g) + (0 + w || g)", None): ("y", ("1", "x"), (("1", "x"), ("w",)), "g"),
    # no intercept
    ("y ~ 0 + x + (0 + x | g)", None): ("y", ("x",), (("x",),), "g"),
    ("y ~ -1 + x + (x - 1 | g)", None): ("y", ("x",), (("x",),), "g"),
    ("y ~ x + (1 | g) - 1", None): ("y", ("x",), (("1",),), "g"),
    # names that need backticks
    ("`my y` ~ `my x` + (`my x` | `my g`)", None): (
        "`my y`", ("1", "`my x`"), (("1", "`my x`"),), "my g",
    ),
    ("y ~ `a.b`:x", "~ 1 | `g/h`"): ("y", ("1", "`a.b`:x"), (("1",),), "g/h"),
    ("y ~ np.log(`my x`) + (1 | `g`)", None): ("y", ("1", "np.log(`my x`)"), (("1",),), "g"),
    # transformations and codings
    ("np.log(y) ~ I(x**2) + (1 | g)", None): ("np.log(y)", ("1", "I(x ** 2)"), (("1",),), "g"),
    ("y ~ bs(x, df=4) + (1 | g)", None): ("y", ("1", "bs(x, df=4)"), (("1",),), "g"),
    ("y ~ C(f, contr.sum) + (1 | g)", None): ("y", ("1", "C(f, contr.sum)"), (("1",),), "g"),
    ("y ~ cvar(x, g) + dvar(x, g) + (dvar(x, g) | g)", None): (
        "y", ("1", "cvar(x, g)", "dvar(x, g)"), (("1", "dvar(x, g)"),), "g",
    ),
    # Python in braces: kept where the text would be read as something else without them
    ("y ~ {x**2}:w + ({x**2} | g)", None): (
        "y", ("1", "{x ** 2}:w"), (("1", "{x ** 2}"),), "g",
    ),
    ("{y / 2} ~ {x + `my w`} + {x.y} + (1 | g)", None): (
        "{y / 2}", ("1", "{x + `my w`}", "{x.y}"), (("1",),), "g",
    ),
    ("y ~ {x} + {`my x`} + {np.log(x)} + {x.clip(0)} + (1 | g)", None): (
        "y", ("1", "x", "`my x`", "np.log(x)", "x.clip(0)"), (("1",),), "g",
    ),
    # interactions
    ("y ~ x:w + (1 | g)", None): ("y", ("1", "x:w"), (("1",),), "g"),
    ("y ~ x / w + (1 | g)", None): ("y", ("1", "x", "x:w"), (("1",),), "g"),
    ("y ~ (x + w) * f - x:f + (1 | g)", None): ("y", ("1", "x", "w", "f", "w:f"), (("1",),), "g"),
    ("y ~ (x + w)**2 + (x * f | g)", None): (
        "y", ("1", "x", "w", "x:w"), (("1", "x", "f", "x:f"),), "g",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("written", "read"), WRITTEN.items(), ids=[text for text, _ in WRITTEN])
def test_read(written: tuple[str, str | None], read: tuple[Any, ...]) -> None:
    response, fixed, blocks, group = read
    expected = Specification(response, fixed, random_terms(group, blocks))
    assert read_combined(*written) == expected


@pytest.mark.parametrize("written", WRITTEN, ids=[text for text, _ in WRITTEN])
def test_what_is_printed_reads_the_same(written: tuple[str, str | None]) -> None:
    read = read_combined(*written)
    assert str(read) == read.lme4()
    assert read_combined(read.lme4()) == read
    if len(read.random) == 1:
        assert read_combined(*read.lme()) == read


def test_spellings_are_printed() -> None:
    read = read_combined("`my y` ~ 0 + x * w + (x | `my g`)")
    assert read.lme4() == "`my y` ~ 0 + x + w + x:w + (1 + x | `my g`)"
    assert read.lme() == ("`my y` ~ 0 + x + w + x:w", "~ 1 + x | `my g`")
    blocks = read_combined("y ~ x + (1 | g) + (0 + x | g)")
    assert blocks.lme4() == "y ~ 1 + x + (1 | g) + (0 + x | g)"
    with pytest.raises(hb.FormulaError) as refused:
        blocks.lme()
    assert str(refused.value) == (
        "the spelling random='~ ... | g' has one block of correlated effects; this model has 2: "
        "use the spelling of lme4"
    )


def test_equations_are_printed() -> None:
    equations = hb.Multilevel(
        within="y ~ x + z",
        between={"1": "1 + w", "x": "1 + w", "z": "0"},
        group="g",
        random=["1", "x"],
    )
    assert str(equations) == (
        "within   y = β[1] + β[x]·x + β[z]·z + r          r ~ N(0, σ²)\n"
        "between  β[1] = (1 + w)·γ + u[1]\n"
        "         β[x] = (1 + w)·γ + u[x]\n"
        "         β[z] = 0          u ~ N(0, G), by g"
    )
    assert str(equations.specification()) == "y ~ 1 + w + x + x:w + (1 + x | g)"


def test_equations_have_defaults() -> None:
    equations = hb.Multilevel("y ~ x", group="g")
    assert dict(equations.between) == {"1": "1", "x": "1"}
    assert equations.specification() == read_combined("y ~ x + (1 | g)")


@pytest.mark.parametrize(
    ("random", "blocks"),
    [
        (["1", "x"], (("1", "x"),)),
        ([["1", "x"]], (("1", "x"),)),
        ([["1"], ["x"]], (("1",), ("x",))),
        ("x", (("x",),)),
    ],
)
def test_blocks_of_equations(random: Any, blocks: tuple[tuple[str, ...], ...]) -> None:
    assert hb.Multilevel("y ~ x", group="g", random=random).specification().random_effects == blocks


# Within equation, the rest of the arguments, and the message.
WRONG_EQUATIONS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("y ~ x", {"group": ""}, "the equations name no group; give group='column'"),
    ("y + x", {},
     "cannot read the within equation 'y + x': it needs a response, '~' and terms, "
     "as in 'y ~ 1 + x'"),
    ("y ~x + my z", {},
     "cannot read the within equation 'x + my z': Missing operator between `my` and `z`\n"
     "    x + my z\n"
     "        ^"),
    ("y ~ x", {"between": {"z": "1"}},
     "there is a between equation for 'z', which is no coefficient of the within equation "
     "'y ~ x'; its coefficients are: '1', 'x'"),
    ("y ~ x", {"between": {"1 + x": "1"}}, "'1 + x' names 2 coefficients; name one at a time"),
    ("y ~ x", {"random": ["1", "z"]},
     "'z' is to vary between groups but is no coefficient of the within equation 'y ~ x'; "
     "its coefficients are: '1', 'x'"),
    ("y ~ x", {"random": ["1", ["x"]]},
     "random mixes single coefficients and lists of them; write a list of lists"),
    ("y ~ x", {"random": ["x", "x"]},
     "the effect 'x' stands in two random terms; keep it in one"),
)  # fmt: skip


@pytest.mark.parametrize(("within", "arguments", "message"), WRONG_EQUATIONS)
def test_wrong_equations(within: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(hb.FormulaError) as refused:
        hb.Multilevel(within, **({"group": "g"} | arguments)).specification()
    assert str(refused.value) == message


@pytest.mark.parametrize("left", ["incidence | trials(size)", "cbind(incidence, size - incidence)"])
def test_equations_of_counts_out_of_trials(left: str) -> None:
    cbpp = hb.load_dataset("cbpp")
    right = "1 + period + offset(np.log(size))"
    equations = hb.Multilevel(f"{left} ~ {right}", group="herd")
    combined = f"{left} ~ {right} + (1 | herd)"
    assert equations.specification() == read_combined(combined)
    assert (equations.response, equations.coefficients) == (left, ("1", "period"))
    model = hb.Model(equations, cbpp, family="binomial")
    found, known = (one.problem.family_rows for one in
                    (model, hb.Model(combined, cbpp, family="binomial")))  # fmt: skip
    for name in ("y", "m", "offset"):
        np.testing.assert_array_equal(getattr(found, name), getattr(known, name))
    assert str(equations).splitlines()[0] == (
        f"within   η = β[1] + β[period]·period + np.log(size)          of {left}"
    )
    with pytest.raises(hb.HierbayesError, match="Binomial or BetaBinomial"):
        hb.Model(equations, cbpp, family="poisson")
    nested = hb.Multilevel(f"{left} ~ 1", group=("herd", "period"))
    assert nested.specification().left == left


# Combined models, the factors of them that are constant within groups, and their equations.
SPLIT = {
    "y ~ x * w + (1 + x | g)": ("y ~ 1 + x", {"1": "1 + w", "x": "1 + w"}),
    "y ~ x * w - x + (1 | g)": ("y ~ 1 + x", {"1": "1 + w", "x": "0 + w"}),
    "y ~ x + (1 + z | g)": ("y ~ 1 + x + z", {"1": "1", "x": "1", "z": "0"}),
    "y ~ 0 + x + x:w + (0 + x | g)": ("y ~ 0 + x", {"x": "1 + w"}),
    "y ~ 0 + w + x + (1 | g)": ("y ~ 1 + x", {"1": "0 + w", "x": "1"}),
    "y ~ x:z:w + (1 | g)": ("y ~ 1 + x:z", {"1": "1", "x:z": "0 + w"}),
    "y ~ w * v + (x || g)": ("y ~ 1 + x", {"1": "1 + w + v + w:v", "x": "0"}),
    "y ~ 2:x + 3:w + (1 | g)": ("y ~ 1 + 2:x", {"1": "1 + 3:w", "2:x": "1"}),
    "y ~ 4:x:w + (1 | g)": ("y ~ 1 + 4:x", {"1": "1", "4:x": "0 + w"}),
    "y ~ C(w, contr.sum) * I(x**2) + (1 | g)": (
        "y ~ 1 + I(x ** 2)", {"1": "1 + C(w, contr.sum)", "I(x ** 2)": "1 + C(w, contr.sum)"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("combined", SPLIT)
def test_levels_are_split(combined: str) -> None:
    within, between = SPLIT[combined]
    read = read_combined(combined)
    equations = split_levels(read, {"w", "v", "C(w, contr.sum)"}.__contains__)
    assert (equations.within, dict(equations.between)) == (within, between)
    assert (equations.group, equations.random) == ("g", read.random_effects)
    again = equations.specification()
    assert sorted(map(products, again.fixed)) == sorted(map(products, read.fixed))
    assert again == replace(read, fixed=again.fixed)


def products(term: str) -> list[str]:
    """The factors of a term: x:w and w:x are one term."""
    return sorted(factors_of(term))


# Text that formulaic stumbles over, and how the message begins.
MALFORMED = {
    "y ~ (x + w] * z) + (1 | g)": (
        "cannot read the fixed part '(x + w] * z)': its brackets and operators do not fit "
        "together\n    (x + w] * z)\n          ^"
    ),
    "y ~ (x + w)**9 + (1 | g)": (
        "cannot read the fixed part '(x + w)**9': products of more than 5 terms must be written "
        "out\n    (x + w)**9\n             ^"
    ),
    "y ~ x ) + (1 | g)": "cannot read the f",
    "y ~ {x + (1 | g)": "cannot read the f",
    "y ~ x['a' + (1 | g)": "cannot read the f",
    "y ~ x ** -1 + (1 | g)": "cannot read the f",
    "y ~ x ** (w + 1) + (1 | g)": "cannot read the f",
    "y ~ \0 + (1 | g)": "cannot read the f",
}


@pytest.mark.parametrize("written", MALFORMED)
def test_malformed_text_is_refused(written: str) -> None:
    with pytest.raises(hb.FormulaError) as refused:
        read_combined(written)
    assert str(refused.value).startswith(MALFORMED[written])


@pytest.mark.parametrize("good", ["y ~ (a + b)**2 + C(f) + {x / 2}:`w v` + (1 + x | g)",
                                  "np.log(y) ~ 0 + bs(x, df=4) / w - 1 + (x || g)"])  # fmt: skip
def test_changed_text_reads_or_is_refused(good: str) -> None:
    """Every formula with one character changed is read, and printed as it is read, or refused."""
    read = 0
    for place in range(len(good)):
        for mark in ("", "(", "]", "{", "}", "`", "'", "|", "~", "*", ":", "1", "%", ","):
            changed = f"{good[:place]}{mark}{good[place + 1 :]}"
            try:
                found = read_combined(changed)
            except hb.FormulaError:
                continue
            read += 1
            assert read_combined(found.lme4()) == found
    assert read > 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3,), "the formula must be text, not 3"),
        (("y ~ x", 1), "the random part must be text, not 1"),
    ],
)
def test_formulas_are_text(arguments: Any, message: str) -> None:
    with pytest.raises(hb.FormulaError) as refused:
        read_combined(*arguments)
    assert str(refused.value) == message


@pytest.mark.parametrize("factor", ["{x ** 2}", "{`my x` > 0}", "{x.y}", "{-x}", "{None}", "{2}"])
def test_braces_are_kept(factor: str) -> None:
    assert read_terms(factor) == ("1", factor)
    assert factors_of(f"w:{factor}") == ("w", factor)


def test_names_in_braces() -> None:
    assert names_in("{x ** 2 + `my x`}") == {"x", "my x"}


def test_a_model_with_braces_is_that_with_a_call(hs: pd.DataFrame) -> None:
    def model(square: str) -> hb.Model:
        return hb.Model(f"mathach ~ {square} * Sector + (1 + {square} | school)", data=hs)

    braces = model("{ses**2}")
    assert str(braces.specification) == (
        "mathach ~ 1 + {ses ** 2} + Sector + {ses ** 2}:Sector + (1 + {ses ** 2} | school)"
    )
    same_columns_and_fit(braces, hb.Model(braces.multilevel(), data=hs))
    design, fit = braces.problem.design, braces.reml()
    assert design.effects == ("Intercept", "ses ** 2")
    np.testing.assert_array_equal(design.rows.Z[:, 1], hs["ses"] ** 2)
    for square in ("I(ses ** 2)", "np.square(ses)"):
        other = model(square)
        assert hb.equivalence(braces, other).holds
        new = hs.iloc[::50]
        np.testing.assert_allclose(fit.predict(new), other.reml().predict(new), rtol=1e-10)
    between = str(braces.equations().between).splitlines()
    assert [line.strip() for line in between[:2]] == [
        "β_0j = γ_00 + γ_01 Sector[Public]_j + u_0j",
        "β_1j = γ_10 + γ_11 Sector[Public]_j + u_1j",
    ]


@pytest.mark.parametrize("system", ["nlme", "lme4", "brms", "rstanarm", "sas", "stata", "hlm"])
def test_braces_in_other_systems(system: str, hs: pd.DataFrame) -> None:
    braces = hb.Model("mathach ~ {ses**2} * Sector + (1 + {ses**2} | school)", data=hs)
    again = hb.read_code(system, braces.emit(system), data=hs)
    assert "I(ses ** 2)" in again.specification.fixed
    assert hb.equivalence(braces, again).holds


def test_slopes_that_depend_on_an_expression_in_braces(hs: pd.DataFrame) -> None:
    def slopes(large: str) -> pd.DataFrame:
        formula = f"mathach ~ ses * {large} + cvar(ses, school) + (1 | school)"
        return hb.Model(formula, data=hs).reml().contextual("ses", at={"Size": 1000}).table

    pd.testing.assert_frame_equal(slopes("{Size / 1000}"), slopes("I(Size / 1000)"))


def same_columns_and_fit(one: hb.Model, other: hb.Model) -> None:
    mine, theirs = one.problem.design, other.problem.design
    assert sorted(theirs.terms) == sorted(mine.terms)
    assert theirs.effects == mine.effects
    order = [theirs.terms.index(term) for term in mine.terms]
    np.testing.assert_array_equal(theirs.rows.X[:, order], mine.rows.X)
    np.testing.assert_array_equal(theirs.rows.Z, mine.rows.Z)
    for engine in ("reml", "ml"):
        fit, again = getattr(one, engine)(), getattr(other, engine)()
        assert again.loglik == pytest.approx(fit.loglik, abs=1e-8)
        np.testing.assert_allclose(again.fixef()[list(mine.terms)], fit.fixef(), atol=1e-6)
        np.testing.assert_allclose(again.var_corr(), fit.var_corr(), atol=1e-4)


@pytest.mark.parametrize("path", MODEL_FILES, ids=[path.stem for path in MODEL_FILES])
@pytest.mark.slow
def test_equations_and_combined_form_are_one_model(path: Path, hs: pd.DataFrame) -> None:
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    parts = {key: written[key] for key in ("within", "between", "group", "random")}
    equations = hb.Multilevel(**parts)
    model = hb.Model(equations, data=hs)
    split = model.multilevel()
    assert split.specification() == equations.specification() == model.specification
    assert (split.within, split.group) == (equations.within, equations.group)
    combined = model.specification
    same_columns_and_fit(model, hb.Model(combined.lme4(), data=hs))
    same_columns_and_fit(model, hb.Model(*combined.lme(), data=hs))
    same_columns_and_fit(model, hb.Model(split, data=hs))


def test_there_are_ten_model_files() -> None:
    assert len(MODEL_FILES) == 10


def test_different_models_are_not_taken_for_one(hs: pd.DataFrame) -> None:
    one = hb.Model("mathach ~ ses * Sector + (ses | school)", data=hs)
    for other in ("mathach ~ ses + Sector + (ses | school)", "mathach ~ ses * Sector + (1|school)"):
        with pytest.raises(AssertionError):
            same_columns_and_fit(one, hb.Model(other, data=hs))


UNEVEN: tuple[tuple[str, dict[str, str], Any, str], ...] = (
    (
        "mathach ~ Sex", {"1": "1", "Sex": "1 + Sector"}, ["1"],
        "the equation of 'Sex' has 'Sector' and that of '1' has not, so that its columns would be "
        "of every level of 'Sex', which is another model; add 'Sector' to the equation of '1', or "
        "make columns of numbers of the levels of 'Sex'",
    ),
    (
        "mathach ~ Sex", {"1": "0 + Size"}, ["1"],
        "the equation of 'Sex' has a constant and that of '1' has not, so that its columns would "
        "be of every level of 'Sex', which is another model; add a constant to the equation of "
        "'1', or make columns of numbers of the levels of 'Sex'",
    ),
    (
        "mathach ~ Sex * ses", {"Sex:ses": "1 + Sector"}, ["1"],
        "the equation of 'Sex:ses' has 'Sector' and that of 'ses' has not, so that its columns "
        "would be of every level of 'Sex', which is another model; add 'Sector' to the equation "
        "of 'ses', or make columns of numbers of the levels of 'Sex'",
    ),
    (
        "mathach ~ Sex + ses", {}, [["ses"], ["Sex"]],
        "'Sex' varies between groups in a block without '1', so that its effects would be of "
        "every level of 'Sex', which is another model; add '1' to the block, or make columns of "
        "numbers of the levels of 'Sex'",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("within", "between", "random", "message"), UNEVEN)
def test_equations_whose_combined_form_has_other_columns_are_refused(
    within: str, between: dict[str, str], random: Any, message: str, hs: pd.DataFrame
) -> None:
    equations = hb.Multilevel(within, between, "school", random)
    with pytest.raises(hb.FormulaError) as raised:
        hb.Model(equations, data=hs)
    assert str(raised.value) == message
    with pytest.raises(hb.FormulaError) as raised:
        hb.Model(equations.specification().lme4(), data=hs).multilevel()
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("within", "between", "random"),
    [
        ("mathach ~ Sex", {"1": "1 + Sector", "Sex": "1 + Sector"}, ["1", "Sex"]),
        ("mathach ~ Sex", {"1": "1 + Sector", "Sex": "0 + Sector"}, ["1"]),
        ("mathach ~ 0 + Sex", {"Sex": "1 + Sector"}, ["Sex"]),
        ("mathach ~ ses", {"1": "0 + Sector", "ses": "1 + Sector"}, [["1"], ["ses"]]),
    ],
)
def test_equations_of_factors_have_a_coefficient_for_each_column(
    within: str, between: dict[str, str], random: Any, hs: pd.DataFrame
) -> None:
    model = hb.Model(hb.Multilevel(within, between, "school", random), data=hs)
    beside = hb.Model(within + " + (1 | school)", data=hs).problem.design.terms
    said = {term for term in beside if term != "Intercept"}
    parts = {part for term in model.problem.design.terms for part in term.split(":")}
    assert said <= parts
    assert not {"Sex[Female]", "Sex[Male]"} & (parts - said)


@pytest.mark.parametrize(
    ("factor", "names"),
    [
        ("int", {"int"}),
        ("I(float ** 2)", {"float"}),
        ("np.log(str)", {"str"}),
        ("cvar(bool, g)", {"bool", "g"}),
        ("(bool == 1).astype(float)", {"bool"}),
        ("float(x)", {"x"}),
        ("np.clip(x, 0, None)", {"x"}),
        ("C(f, contr.sum)", {"f"}),
    ],
)
def test_columns_called_as_types_are(factor: str, names: set[str]) -> None:
    assert names_in(factor) == names


def test_a_model_of_columns_called_as_types_are(hs: pd.DataFrame) -> None:
    renamed = hs.rename(columns={"ses": "int", "Size": "float"})
    renamed.loc[renamed.index[:3], "int"] = np.nan
    model = hb.Model("mathach ~ int + np.log(float) + (1 | school)", data=renamed)
    rows = hs.iloc[3:]
    plain = hb.Model("mathach ~ ses + np.log(Size) + (1 | school)", data=rows)
    np.testing.assert_array_equal(model.problem.design.rows.X, plain.problem.design.rows.X)
    with pytest.raises(hb.DataError) as refused:
        model.reml().predict(rows)
    assert str(refused.value) == "the new data have no column 'float', which the model needs"


def test_a_product_in_two_orders_is_one_coefficient(hs: pd.DataFrame) -> None:
    model = hb.Model("mathach ~ ses * Sex + (1 + ses + Sex:ses | school)", data=hs)
    equations = model.multilevel()
    assert equations.within == "mathach ~ 1 + ses + Sex + ses:Sex"
    assert dict(equations.between) == {"1": "1", "ses": "1", "Sex": "1", "ses:Sex": "1"}
    assert equations.random == (("1", "ses", "ses:Sex"),)
    assert hb.equivalence(model, hb.Model(equations, data=hs)).holds


def test_equations_name_products_in_any_order() -> None:
    equations = hb.Multilevel("y ~ x * z", {"z:x": "1 + w"}, group="g", random=["1", "z:x"])
    assert equations.random == (("1", "x:z"),)
    assert equations.between["x:z"] == "1 + w"


def test_a_product_in_two_random_terms_is_refused() -> None:
    with pytest.raises(hb.FormulaError) as refused:
        read_combined("y ~ x + (x:z | g) + (0 + z:x | g)")
    assert str(refused.value) == "the effect 'z:x' stands in two random terms; keep it in one"
