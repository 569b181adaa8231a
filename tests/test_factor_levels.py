"""Which grouping factors are nested or crossed, which are numbered anew, and what is at level 3."""

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests.factors_reference import FOLDER

ANEW = (
    "'class' has the labels '1', '2', '3' in one group of 'school' after another, and one label "
    "means one group, so that the two are {}; if 'class' is numbered anew in each group of "
    "'school', it is nested in it"
)


def classes(counts: list[int], rows: int = 6) -> pd.DataFrame:
    """Pupils in classes that are numbered from 1 in each school."""
    school = np.repeat(np.arange(len(counts)), np.multiply(counts, rows))
    number = np.concatenate([np.repeat(np.arange(1, count + 1), rows) for count in counts])
    rng = np.random.default_rng(3)
    of_school, of_class = rng.normal(size=len(counts)), rng.normal(size=(len(counts), 10))
    n = len(school)
    return pd.DataFrame(
        {
            "school": school,
            "class": number,
            "room": 10 * school + number,
            "x": rng.normal(size=n),
            "size": of_class[school, number],
            "Sector": np.where(school % 2, "Public", "Catholic"),
            "y": of_school[school] + of_class[school, number] + rng.normal(size=n),
        }
    )


def crossed(first: int, second: int, rows: int) -> pd.DataFrame:
    """Every combination, each as often."""
    rng = np.random.default_rng(4)
    at = np.repeat(np.arange(first * second), rows)
    subject, item = at // second, at % second
    y = rng.normal(size=first)[subject] + rng.normal(size=second)[item] + rng.normal(size=len(at))
    return pd.DataFrame({"subject": subject + 1, "item": item + 1, "y": y})


def test_three_levels() -> None:
    data = classes([2, 3, 4, 2, 3, 5])
    data["x.m"], data["x.d"] = hb.cvar(data["x"], data["school"]), hb.dvar(data["x"], data["room"])
    found = hb.levels(data.drop(columns="class"), ["school", "room"])
    assert found.table["level"].to_dict() == {
        "x": "1", "size": "2", "Sector": "3", "y": "1", "x.m": "3, derived", "x.d": "1, centred",
    }  # fmt: skip
    assert found.table["of"].to_dict() == {
        "x": "", "size": "room", "Sector": "school", "y": "", "x.m": "school", "x.d": "",
    }  # fmt: skip
    assert found.table.loc[["x.m", "x.d"], "source"].tolist() == [
        "mean of x", "deviation of x from its mean (room)",
    ]  # fmt: skip
    assert found.of_level(3) == ("Sector", "x.m")
    assert found.level2 == ("size",)
    assert found.level1 == ("x", "y", "x.d")
    assert found.factors.to_dict("index") == {
        "room": {"level": 2, "groups": 19, "nested in": "school", "crossed with": ""},
        "school": {"level": 3, "groups": 6, "nested in": "", "crossed with": ""},
    }
    assert found.notes[0] == "'room' is nested in 'school'"


def test_each_factor_keeps_its_intraclass_correlation() -> None:
    data = classes([3, 3, 4, 2])
    both = hb.levels(data.drop(columns="class"), ["school", "room"]).table
    for factor in ("school", "room"):
        alone = hb.levels(data.drop(columns="class"), factor).table.loc[both.index]
        np.testing.assert_array_equal(both[f"icc|{factor}"], alone["icc"])
        assert both[f"varies_in|{factor}"].tolist() == alone["varies_in"].tolist()


def test_crossed_factors_are_both_at_level_two() -> None:
    data = pd.read_csv(FOLDER / "ScotsSec.csv")
    data["big"] = data.groupby("second")["attain"].transform("size") > 200
    found = hb.levels(data, ["primary", "second"])
    assert found.factors["level"].to_dict() == {"primary": 2, "second": 2}
    assert found.factors["crossed with"].to_dict() == {"primary": "second", "second": "primary"}
    assert found.table.loc["big", ["level", "of"]].tolist() == ["2", "second"]
    assert found.notes[0] == "'primary' and 'second' are partly crossed (303 of 2812 combinations)"


def test_students_cross_teachers_who_are_nested_in_schools() -> None:
    data = pd.read_csv(FOLDER / "sim_students.csv")
    found = hb.levels(data, ["student", "teacher", "school"]).factors
    assert found["level"].to_dict() == {"student": 2, "teacher": 2, "school": 3}
    assert found.at["teacher", "nested in"] == "school"


@pytest.mark.parametrize(("counts", "kind"), [([3] * 12, "crossed"), ([3, 2] * 6, "partly")])
def test_classes_numbered_anew_in_each_school(counts: list[int], kind: str) -> None:
    data = classes(counts)
    said = ANEW.format("crossed" if kind == "crossed" else "partly crossed")
    found = hb.levels(data.drop(columns="room"), ["school", "class"])
    assert found.table.loc[["size", "Sector"], "of"].tolist() == ["school:class", "school"]
    assert found.notes[0] == (
        f"{said}, and that is how it is taken here: 'school:class'. A model says so with "
        "(1 | school/class)"
    )
    for written in ("(1 | school) + (1 | class)", "(1 | class) + (1 | school)"):
        model = hb.Model(f"y ~ x + {written}", data)
        assert model.problem.nesting.notes == (f"{said}: write (1 | school/class)",)
        assert f"\n  note: {said}: write (1 | school/class)" in repr(model)
        summary = " ".join(str(model.reml().summary()).split())
        assert f"Note: {said}: write (1 | school/class)" in summary
    slopes = hb.Model("y ~ x + (1 + x | school) + (1 | class)", data).problem.nesting
    assert slopes.notes == (f"{said}: write (1 | school:class) in place of (1 | class)",)


def test_the_repair_is_the_nested_model() -> None:
    data = classes([3] * 12)
    repaired = hb.Model("y ~ x + (1 | school/class)", data)
    assert repaired.problem.nesting.notes == ()
    assert repaired.problem.nesting.chain == ("school:class", "school")
    unique = hb.Model("y ~ x + (1 | school) + (1 | room)", data)
    assert unique.problem.nesting.text == "'room' is nested in 'school'"
    assert repaired.reml().loglik == pytest.approx(unique.reml().loglik, abs=1e-9)
    assert repaired.reml().loglik > hb.Model("y ~ x + (1|school) + (1|class)", data).reml().loglik


@pytest.mark.parametrize(
    ("counts", "told"), [([4, 5, 6, 7, 8, 9], True), ([9, 9, 9, 9, 9, 8], False)]
)
def test_as_many_labels_as_groups_are_numbered_anew_where_all_use_the_first(
    counts: list[int], told: bool
) -> None:
    """Most schools have a number of classes of their own; an experiment loses its last items."""
    data = classes(counts)
    notes = hb.Model("y ~ x + (1 | school) + (1 | class)", data).problem.nesting.notes
    assert bool(notes) is told
    assert not told or notes[0].endswith("it is nested in it: write (1 | school/class)")
    other = data[(data["class"] != 2) | (data["school"] != 0)]  # one school does without a label
    assert hb.Model("y ~ x + (1 | school) + (1 | class)", other).problem.nesting.notes == ()


@pytest.mark.parametrize("data", [crossed(30, 20, 2), crossed(20, 4, 1), crossed(7, 8, 3)])
def test_crossed_designs_are_called_crossed_and_no_mistake(data: pd.DataFrame) -> None:
    nesting = hb.Model("y ~ 1 + (1 | subject) + (1 | item)", data).problem.nesting
    assert nesting.text == "'subject' and 'item' are crossed"
    assert (nesting.chain, nesting.notes) == ((), ())


def test_crossed_designs_with_a_few_missing_combinations_are_no_mistake() -> None:
    data = crossed(12, 6, 3)
    data = data[(data["subject"] != data["subject"].max()) | (data["item"] != data["item"].max())]
    nesting = hb.Model("y ~ 1 + (1 | subject) + (1 | item)", data).problem.nesting
    assert nesting.text == "'subject' and 'item' are partly crossed (71 of 72 combinations)"
    assert nesting.notes == ()
    assert "subject" in hb.levels(data, ["subject", "item"]).factors.index


def test_nesting_that_follows_is_not_told() -> None:
    data = classes([4] * 8)
    data["area"] = data["school"] % 4
    nesting = hb.Model("y ~ 1 + (1 | area) + (1 | school / class)", data).problem.nesting
    assert nesting.text == ("'school' is nested in 'area'; 'school:class' is nested in 'school'")
    assert nesting.chain == ("school:class", "school", "area")


def test_names_and_explicit_combinations_are_no_mistake() -> None:
    data = classes([3] * 12)
    named = data.assign(**{"class": data["class"].map({1: "blue", 2: "green", 3: "red"})})
    assert hb.Model("y ~ x + (1 | school) + (1 | class)", named).problem.nesting.notes == ()
    written = "y ~ x + (1 | school) + (1 | class) + (1 | school:class)"
    assert hb.Model(written, data).problem.nesting.notes == ()


def test_who_breaks_nesting_is_named() -> None:
    data = classes([4] * 8).drop(columns="class")
    data.loc[0, "school"] = 5
    nesting = hb.Model("y ~ x + (1 | school) + (1 | room)", data).problem.nesting
    assert nesting.text == (
        "'room' and 'school' are partly crossed: 'room' is nested in 'school' but for 1 of 32 "
        "groups ('1')"
    )


def test_one_factor_says_nothing_of_others() -> None:
    data = classes([3] * 4)
    model = hb.Model("y ~ x + (1 | school)", data)
    assert "factors:" not in repr(model)
    assert "Factors:" not in str(model.reml())
    assert model.problem.nesting.pairs == ()


@pytest.mark.parametrize("order", [["who", "item", "day"], ["day", "item", "who"]])
def test_three_crossed_factors_of_one_row_a_cell(order: list[str]) -> None:
    """Who meets every item on every day: what leaves a row to each group is no nesting."""
    at = np.arange(30 * 4 * 2)
    data = pd.DataFrame({"who": at // 8 + 1, "item": at // 2 % 4 + 1, "day": at % 2 + 1})
    data["y"] = np.sin(at)
    found = hb.levels(data, order)
    assert set(found.factors.index) == {"who", "who:item", "who:day"}
    said = " ".join(found.notes)
    assert "'item' and 'day' are crossed" in said or "'day' and 'item' are crossed" in said
    assert "with (1 | who/item)" in said and "with (1 | who/day)" in said


def test_pupils_numbered_in_classes_numbered_in_schools() -> None:
    """A name of three columns is said as the groups are called."""
    at = np.arange(12 * 4 * 3 * 5)
    data = pd.DataFrame({"school": at // 60, "class": at // 15 % 4 + 1, "pupil": at // 5 % 3 + 1})
    data["y"] = np.sin(at)
    found = hb.levels(data, ["school", "class", "pupil"])
    assert set(found.factors.index) == {"school", "school:class", "school:class:pupil"}
    said = " ".join(found.notes)
    assert said.count("'school:class:pupil'. A model says so with (1 | school:class:pupil)") == 2
