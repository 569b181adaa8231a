"""Equations at three levels: to the combined form and back, and what is refused."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests.test_level_equations import FORMULAS, pupils

GROUPS = ("school", "class")


def stated(**changed: Any) -> hb.Multilevel:
    equations: dict[str, Any] = {"within": "y ~ 1 + x", "group": GROUPS}
    return hb.Multilevel(**equations | changed)


@pytest.mark.parametrize("formula", FORMULAS[:5])
@pytest.mark.slow
def test_there_and_back(formula: str) -> None:
    data = pupils()
    model = hb.Model(formula, data)
    equations = model.multilevel()
    again = hb.Model(equations, data=data)
    assert again.multilevel() == equations == pickle.loads(pickle.dumps(equations))
    assert hash(again.multilevel()) == hash(equations)
    theirs, ours = ({frozenset(term.split(":")) for term in one.problem.design.terms}
                    for one in (again, model))  # fmt: skip
    assert theirs == ours
    assert again.reml().loglik == pytest.approx(model.reml().loglik, abs=1e-8)
    old, new = model.problem.design, again.problem.design
    for a, b in zip(old.rows.codes_of, new.rows.codes_of, strict=True):  # the same groups
        assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == a.max() + 1 == b.max() + 1


def test_each_coefficient_and_level_has_an_equation() -> None:
    equations = stated(
        between={
            "1": {"class": "1 + size", "school": "1 + Sector"},
            "x": {"class": "1 + size", "school": "1 + Sector"},
            "size": {"school": "0"},
        },
        random={"class": ["1"], "school": [["1", "x"], ["size:x"]]},
    )
    assert str(equations.specification()) == (
        "y ~ 1 + Sector + x + x:Sector + x:size + (1 + x | school) + (0 + x:size | school) + "
        "(1 | school:class)"
    )
    assert equations.between["x:size"] == {"school": "1"}
    assert equations.between["size"] == {"school": "0"}
    assert equations.random == {"class": (("1",),), "school": (("1", "x"), ("x:size",))}
    fit = hb.Model(equations, data=pupils()).reml()
    symbols = fit.meanings().table["symbol"].to_dict()
    assert symbols["x:size"] == "γ_110"
    assert symbols["Sector[T.Public]"] == "γ_001"


def test_groups_are_told_apart_within_those_above() -> None:
    """Classes that are numbered anew are the groups that the equations mean."""
    data = pupils()
    anew = hb.Model(stated(), data=data)
    unique = hb.Model(stated(group=("school", "room")), data=data)
    assert anew.problem.nesting.notes == ()
    assert anew.reml().loglik == pytest.approx(unique.reml().loglik, abs=1e-9)
    assert [factor.J for factor in anew.problem.design.factors] == [8, 26]


def test_four_levels() -> None:
    data = pupils()
    data["board"] = data["school"] // 2
    rng = np.random.default_rng(5)
    data["tax"] = rng.normal(size=4)[data["board"]]
    equations = stated(
        group=("board", "school", "class"),
        between={"1": {"class": "1 + size", "school": "1 + Sector", "board": "1 + tax"}},
    )
    model = hb.Model(equations, data=data)
    assert str(model.specification) == (
        "y ~ 1 + tax + Sector + size + x + (1 | board) + (1 | board:school) + "
        "(1 | board:school:class)"
    )
    assert model.multilevel() == equations
    written = model.equations().between.text.split("\n")
    assert "β_0jkl = β_00kl + β_01kl size_jkl + u_0jkl" in written
    assert "β_000l = γ_0000 + γ_0001 tax_l + u_000l" in written


def test_two_levels_are_as_before() -> None:
    one = hb.Multilevel("y ~ 1 + x", {"x": "1 + w"}, "g", ["1"])
    assert (one.group, dict(one.between), one.random) == ("g", {"1": "1", "x": "1 + w"}, (("1",),))
    assert [level.columns for level in one.levels] == [("g",)]


def test_a_factor_coded_otherwise_in_one_equation_is_refused_at_every_level() -> None:
    data = pupils()
    data["kind"] = np.where(data["room"] % 3 == 0, "old", "new")
    equations = stated(between={"1": {"class": "1 + kind"}, "kind": {"school": "1 + Sector"}})
    with pytest.raises(hb.FormulaError) as error:
        hb.Model(equations, data=data)
    assert str(error.value).startswith(
        "the equation of 'kind' has 'Sector' and that of '1' has not, so that its columns would be "
        "of every level of 'kind'"
    )


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "varies in a school": (
        {"between": {"1": {"school": "1 + size"}}},
        "'size' stands in the between equation of '1' but varies within groups: school 0 has more "
        "than one value (8 of 8 groups do); move it to the equation of a lower level, or use its "
        "group mean cvar(size, school)"),
    "varies in a class": (
        {"between": {"1": {"class": "1 + x"}}},
        "'x' stands in the between equation of '1' but varies within groups: school:class 0:1 has "
        "more than one value (26 of 26 groups do); move it to the within equation, or use its "
        "group mean, over a column made of 'school', 'class' in which each group has a label of "
        "its own"),
    "no coefficient there": (
        {"between": {"size": {"school": "1"}}},
        "'size' has an equation or a random effect at the level of 'school' but is no coefficient "
        "there; its coefficients are: '1', 'x'"),
    "no random coefficient": (
        {"random": {"class": ["size"]}},
        "'size' has an equation or a random effect at the level of 'class' but is no coefficient "
        "there; its coefficients are: '1', 'x'"),
    "no level": (
        {"between": {"1": {"klass": "1"}}},
        "there is no level 'klass'; the levels are: 'school', 'class'"),
    "equation without a level": (
        {"between": {"1": "1 + size"}},
        "with several groups the equations of '1' are a mapping from 'school', 'class' to "
        "equations, as in {'class': '1 + w'}, not '1 + size'"),
    "random without a level": (
        {"random": ["1", "x"]},
        "with several groups random is a mapping from 'school', 'class' to coefficients, as in "
        "{'class': ['1']}, not ['1', 'x']"),
    "one group": (
        {"group": ("school",)},
        "group=['school'] must name two or more columns, each once; of one group write "
        "group='column'"),
    "no text": (
        {"group": ("school", 2)},
        "groups are named by text, the outermost first, not ('school', 2)"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case: str) -> None:
    changed, message = REFUSED[case]
    with pytest.raises((hb.FormulaError, hb.DataError)) as error:
        hb.Model(stated(**changed), data=pupils())
    assert str(error.value) == message


def test_crossed_factors_have_no_equations_of_levels() -> None:
    data: pd.DataFrame = pupils()
    with pytest.raises(hb.FormulaError) as error:
        hb.Model("y ~ x + (1 | teacher) + (1 | school)", data).multilevel()
    assert str(error.value) == (
        "equations at levels are of nested factors, and these are not: 'teacher' and 'school' are "
        "crossed; equations() writes the model in symbols"
    )
