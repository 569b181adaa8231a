"""Files of levels merged and taken apart, repeated measures long and short: round trips."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb


def random_data(seed: int) -> pd.DataFrame:
    """Groups of any size with variables of both levels and all sorts, in any order."""
    rng = np.random.default_rng(seed)
    J, n = int(rng.integers(2, 8)), int(rng.integers(20, 60))
    g = np.concatenate([np.arange(J), rng.integers(0, J, n - J)])
    names = np.array(list("hbdacgfe"))[:J]
    frame = pd.DataFrame({
        "y": rng.normal(size=n), "g": pd.Categorical.from_codes(g, names), "size": 2**60 + g,
        "sector": pd.Categorical.from_codes(g % 2, ["Public", "Catholic"]), "k": rng.poisson(3, n),
        "w": np.where(g % 3 == 0, np.nan, rng.normal(size=J)[g]), "flag": rng.random(n) < 0.5,
        "founded": pd.to_datetime("1900-01-01") + pd.to_timedelta(g, unit="D"),
        "sex": pd.Categorical.from_codes(rng.integers(-1, 2, n), ["Female", "Male"]),
        "text": names[g].astype(object), "x": np.where(rng.random(n) < 0.2, np.nan, 1.5),
    })  # fmt: skip
    frame.index = rng.permutation(n) + 100
    return frame.sample(frac=1.0, random_state=seed)


@pytest.mark.parametrize("seed", range(12))
def test_taken_apart_and_merged_is_the_same(seed: int) -> None:
    data = random_data(seed)
    schools, students = hb.to_levels(data, "g")
    assert set(schools) & set(students) == {"g"}
    assert schools["g"].is_unique
    assert len(students) == len(data)
    merged = hb.merge_levels(schools.sample(frac=1.0, random_state=seed), students, on="g")
    pd.testing.assert_frame_equal(merged[list(data)], data)


def test_the_slides_recipe(hs: pd.DataFrame) -> None:
    schools, students = hb.to_levels(hs, "school")
    assert (schools.shape, students.shape) == ((40, 6), (1977, 5))
    pd.testing.assert_frame_equal(hb.merge_levels(schools, students, on="school"), hs)
    # a short file from up() serves as well
    pd.testing.assert_frame_equal(hb.merge_levels(hb.up(hs, "school"), students, "school"), hs)


def test_as_pandas_merges(hs: pd.DataFrame) -> None:
    schools, students = hb.to_levels(hs.sample(frac=1.0, random_state=1), "school")
    expected = students.merge(schools, on="school", how="left").set_axis(students.index)
    pd.testing.assert_frame_equal(hb.merge_levels(schools, students, on="school"), expected)


def test_three_levels_from_above() -> None:
    boards = pd.DataFrame({"board": ["N", "S"], "budget": [10.0, 20.0]})
    schools = pd.DataFrame({"school": [1, 2, 3], "board": ["S", "N", "S"], "size": [5, 6, 7]})
    students = pd.DataFrame({"school": [3, 1, 2, 3], "y": [0.0, 1.0, 2.0, 3.0]})
    long = hb.merge_levels(hb.merge_levels(boards, schools, "board"), students, "school")
    assert long.columns.tolist() == ["school", "y", "board", "size", "budget"]
    assert long["budget"].tolist() == [20.0, 20.0, 10.0, 20.0]
    # and back again
    above, below = hb.to_levels(long, "school")
    top, middle = hb.to_levels(above, "board")
    assert below.columns.tolist() == ["school", "y"]
    assert middle.columns.tolist() == ["school", "board", "size"]
    assert top.to_dict("list") == {"board": ["N", "S"], "budget": [10.0, 20.0]}


def test_keys_of_several_columns_and_of_other_types() -> None:
    schools = pd.DataFrame({"d": ["u", "u", "v"], "s": [1.0, 2.0, 1.0], "size": [3, 4, 5]})
    students = pd.DataFrame(
        {"d": pd.Categorical(["v", "u", "u"], ["v", "u"]), "s": [1, 2, 1]}, index=[7, 7, 8]
    )
    merged = hb.merge_levels(schools, students, on=["d", "s"])
    assert merged["size"].tolist() == [5, 4, 3]
    assert merged.index.tolist() == [7, 7, 8]
    assert merged[["d", "s"]].equals(students)


def test_groups_without_rows_can_be_left_out() -> None:
    schools = pd.DataFrame({"s": ["a", "b", "c"], "size": [1, 2, 3]})
    students = pd.DataFrame({"s": ["c", "a"]})
    merged = hb.merge_levels(schools, students, on="s", empty_groups="drop")
    assert merged["size"].tolist() == [3, 1]


def orthodont(seed: int) -> pd.DataFrame:
    """Children measured at some of four ages, with a factor that varies and two that do not."""
    rng = np.random.default_rng(seed)
    child = np.repeat([f"M{k:02d}" for k in range(8)], 4)
    frame = pd.DataFrame(
        {
            "child": child,
            "sex": np.where(child < "M04", "F", "M"),
            "age": np.tile([8, 10, 12, 14], 8),
            "distance": rng.normal(size=32),
        }
    )
    frame["braces"] = pd.Categorical.from_codes(rng.integers(0, 2, 32), ["no", "yes"])
    kept = (rng.random(32) < 0.8) | (frame["age"] == 8)
    return frame[kept].reset_index(drop=True)


@pytest.mark.parametrize("seed", range(8))
def test_short_and_long_again_is_the_same(seed: int) -> None:
    data = orthodont(seed)
    shuffled = data.sample(frac=1.0, random_state=seed)
    short = hb.to_short(shuffled, "child", "age")
    assert short.shape == (8, 2 + 2 * 4)
    assert list(short)[:4] == ["child", "sex", "distance_8", "distance_10"]
    for (child, age), rows in data.groupby(["child", "age"]):
        cell = short.loc[short["child"] == child, f"distance_{age}"].item()
        assert cell == rows["distance"].item()
    assert short.filter(like="distance").notna().to_numpy().sum() == len(data)
    long = hb.to_long(short, "child", "age", ["distance", "braces"])
    pd.testing.assert_frame_equal(long, data)


def test_types_of_occasions_come_back() -> None:
    for occasions in ([1, 2], [0.5, 1.25], ["pre", "post"], ["01", "02"], ["1e3", "2"]):
        data = pd.DataFrame({"g": np.repeat([3, 1], 2), "t": occasions * 2, "n": [5, 6, 7, 8]})
        short = hb.to_short(data, "g", "t", "n", sep=".")
        assert short["g"].tolist() == [1, 3]
        long = hb.to_long(short, "g", "t", "n", sep=".")
        assert long["n"].dtype == data["n"].dtype  # nothing is missing
        expected = data.sort_values(["g", "t"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(long, expected, check_dtype=False)


def test_values_whose_names_begin_alike_and_occasions_that_lack() -> None:
    short = pd.DataFrame({"g": ["a", "b"], "x_1": [1, 2], "x_2": [3, 4], "x_old_1": [5, 6],
                          "w": [0.5, 0.7]})  # fmt: skip
    long = hb.to_long(short, "g", "t", ["x", "x_old"])
    assert list(long) == ["g", "w", "t", "x", "x_old"]
    assert long["x"].tolist() == [1, 3, 2, 4]
    np.testing.assert_array_equal(long["x_old"], [5.0, np.nan, 6.0, np.nan])
    pd.testing.assert_frame_equal(
        hb.to_short(long, "g", "t", ["x", "x_old"])[["x_1", "x_2"]], short[["x_1", "x_2"]]
    )


def test_occasions_in_the_order_of_their_categories() -> None:
    wave = pd.Categorical(["pre", "post", "post"], categories=["pre", "post"])
    data = pd.DataFrame({"g": [1, 1, 2], "wave": wave, "y": [1.0, 2.0, 3.0]})
    assert list(hb.to_short(data, "g", "wave")) == ["g", "y_pre", "y_post"]


@pytest.mark.slow
def test_two_million_rows_are_merged_and_reshaped_in_seconds() -> None:
    J, T = 200_000, 10
    data = pd.DataFrame(
        {
            "g": np.repeat(np.arange(J), T),
            "t": np.tile(np.arange(T), J),
            "w": np.repeat(np.arange(J) % 7, T),
            "y": np.arange(J * T) * 0.5,
        }
    )
    schools, students = hb.to_levels(data, "g")
    assert hb.merge_levels(schools, students, "g")[list(data)].equals(data)
    short = hb.to_short(data, "g", "t", "y")
    assert hb.to_long(short, "g", "t", "y")[list(data)].equals(data)


SCHOOLS = pd.DataFrame({"school": ["1317", "1906"], "Size": [455, 400]})
STUDENTS = pd.DataFrame({"school": ["1906", "1317", "1317"], "ses": [0.1, 0.2, 0.3]})
LONG = pd.DataFrame({"g": ["a", "a", "b"], "t": [1, 2, 1], "y": [0.1, 0.2, 0.3], "w": [1, 1, 2]})
SHORT = pd.DataFrame({"g": ["a", "b"], "y_1": [1.0, 2.0], "y_2": [3.0, 4.0], "w": [1, 2]})


def merged(schools: Any = SCHOOLS, students: Any = STUDENTS, **options: Any) -> object:
    return hb.merge_levels(schools, students, **{"on": "school", **options})


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "no frame": (
        lambda: merged(SCHOOLS["Size"]), "schools must be a pandas DataFrame, not Series"),
    "no rows": (
        lambda: merged(students=STUDENTS[:0]), "the students are empty: there are no rows"),
    "no key above": (
        lambda: merged(SCHOOLS.rename(columns={"school": "School"})),
        "there is no column 'school' in the schools; did you mean 'School'? its columns are: "
        "School, Size"),
    "no key below": (
        lambda: merged(students=STUDENTS[["ses"]]),
        "there is no column 'school' in the students; its columns are: ses"),
    "a key twice": (
        lambda: merged(pd.concat([SCHOOLS, SCHOOLS[1:]])),
        "the schools have more than one row for school '1906'; there must be one for each"),
    "no key in a row": (
        lambda: merged(students=STUDENTS.assign(school=["1906", None, "1317"])),
        "'school' is missing in 1 of 3 rows of the students (first at row label 1); every row "
        "needs one"),
    "a key of no school": (
        lambda: merged(students=STUDENTS.assign(school=["1906", "2208", "1317"])),
        "1 of 3 rows of the students have a school that is not among the schools: '2208'"),
    "a school of no key": (
        lambda: merged(students=STUDENTS[1:]),
        "no row of the students is of school '1906'; give empty_groups='drop' if this is meant"),
    "a name in both": (
        lambda: merged(SCHOOLS.assign(ses=0.0)),
        "both files have 'ses'; names must be unique but for what they are merged on: rename one, "
        "or remove it from the students"),
    "a name twice": (
        lambda: merged(SCHOOLS.set_axis(["school", "school"], axis=1)),
        "the schools have more than one column called 'school'"),
    "numbers and text": (
        lambda: merged(SCHOOLS.assign(school=[1317, 1906])),
        "'school' is numbers in the schools and text in the students; make them alike first, as "
        "in data['school'].astype(str)"),
    "numbers and categories": (
        lambda: merged(SCHOOLS.assign(school=[1317, 1906]), STUDENTS.astype({"school":
                                                                             "category"})),
        "'school' is numbers in the schools and text in the students; make them alike first, as "
        "in data['school'].astype(str)"),
    "an option": (
        lambda: merged(empty_groups="keep"), "empty_groups must be 'refuse' or 'drop', not 'keep'"),
    "apart without group": (
        lambda: hb.to_levels(LONG.assign(g=["a", None, "b"]), "g"),
        "'g' is missing in 1 of 3 rows (first in row 2); remove those rows first, as data.dropna "
        "does"),
    "an occasion twice": (
        lambda: hb.to_short(LONG.assign(t=1), "g", "t"),
        "group 'a' has more than one row where t is '1'; there must be one"),
    "group and occasion the same": (
        lambda: hb.to_short(LONG, "g", "g"),
        "group and within are both 'g'; occasions need a column of their own"),
    "two groups": (
        lambda: hb.to_short(LONG, ["g", "w"], "t"),  # type: ignore[arg-type]
        "group must be the name of a column, not ['g', 'w']"),
    "no occasion": (
        lambda: hb.to_short(LONG.assign(t=[1, 2, None]), "g", "t"),
        "'t' is missing in 1 of 3 rows (first in row 3); remove those rows first, as data.dropna "
        "does"),
    "a value left over": (
        lambda: hb.to_short(LONG.assign(z=[1, 2, 3]), "g", "t", "y"),
        "'z' varies within group 'a'; name it among the values, or leave it out of the data"),
    "a value that is the occasion": (
        lambda: hb.to_short(LONG, "g", "t", ["y", "t"]),
        "'t' names the group or the occasion and is no value"),
    "a name that is taken": (
        lambda: hb.to_short(LONG.rename(columns={"w": "y_1"}), "g", "t"),
        "two columns would be called 'y_1'; give another sep"),
    "a group twice": (
        lambda: hb.to_long(SHORT.assign(g="a"), "g", "t", "y"),
        "group 'a' has 2 rows; a short file has one for each"),
    "no columns": (
        lambda: hb.to_long(SHORT, "g", "t", "z"),
        "no column is called 'z_...'; the columns are: 'g', 'y_1', 'y_2', 'w'"),
    "occasions under a name that is there": (
        lambda: hb.to_long(SHORT, "g", "w", "y"),
        "there would be two columns called 'w'; rename one first"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refusals(case: str) -> None:
    action, message = WRONG[case]
    with pytest.raises(hb.DataError) as refused:
        action()
    assert str(refused.value) == message
