"""Group statistics, short files, labels and composition: as the slides print them, and refusals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb

# The one misprint: the slides' own text says that the first 48 rows belong to 1317.
MISPRINTS = {("head_50", "49", "school"): "1906"}


@pytest.fixture(scope="module")
def long(hs: pd.DataFrame, hsfull: pd.DataFrame) -> pd.DataFrame:
    """The slides' hs: rows counted from 1, X the row in the full data, and what is derived."""
    frame = hs.copy()
    frame["X"] = np.flatnonzero(hsfull["school"].isin(hs["school"].cat.categories)) + 1
    frame["sector"] = (hs["Sector"] == "Catholic").astype(int)
    frame["female"] = (hs["Sex"] == "Female").astype(int)
    frame["Sex.comp"] = hb.capply(hs["Sex"] == "Female", hs["school"], "mean")
    frame["Sex.cat"] = hb.composition_category(frame["Sex.comp"], ("Boys", "Coed", "Girls"))
    order = hs["ses"] + 1000 * (hs["Sector"] == "Catholic")
    frame["sid"] = hb.group_labels(
        frame, "school", prefix="Sector", suffix="Sex.cat", order_by=order
    )
    frame.index = pd.RangeIndex(1, len(hs) + 1)
    return frame


def printed(value: Any, like: str) -> str:
    """A value with as many decimals as a cell has."""
    if isinstance(value, str):
        return value
    decimals = len(like.partition(".")[2])
    return f"{value:.{decimals}f}"


def disagreements(name: str, table: dict[str, Any], frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Cells of a printed table that are not the frame's, with the text that the frame makes."""
    wrong = []
    for label, cells in table["rows"].items():
        row = int(label) if label.isdigit() and label not in frame.index else label
        for column, cell in zip(table["columns"], cells, strict=False):
            expected = MISPRINTS.get((name, label, column), cell)
            found = printed(frame.at[row, column], expected)
            if found != expected:
                wrong.append((name, label, column, expected, found))
    return wrong


LISTINGS = ["head_50", "head_6", "some_hs", "some_sex_comp", "some_sex_cat", "some_sid"]


@pytest.mark.parametrize("name", LISTINGS)
def test_listings_of_the_slides(
    name: str, long: pd.DataFrame, slides_tables: dict[str, Any]
) -> None:
    assert disagreements(name, slides_tables[name], long) == []


def test_classes_of_the_slides(long: pd.DataFrame, slides_tables: dict[str, Any]) -> None:
    table = slides_tables["classes"]
    ours = {"i": "integer", "f": "numeric", "O": "factor"}
    classes = {name: ours[long[name].dtype.kind] for name in table["columns"]}
    stated = dict(zip(table["columns"], table["rows"]["class"], strict=True))
    # here the schools are categories, so that their labels are no numbers to compute with
    assert classes == {**stated, "school": "factor"}


def test_short_files_of_the_slides(long: pd.DataFrame, slides_tables: dict[str, Any]) -> None:
    # Monette's hs at that place of the slides: no X, sector, female and HIMINTY, but an id
    data = long[["school", "mathach", "ses", "Sex", "Minority", "Size", "Sector", "PRACAD",
                 "DISCLIM"]].copy()  # fmt: skip
    data["id"] = hb.group_labels(data, "school", prefix="Sector").astype(str)
    short, full = hb.up(data, "school"), hb.up(data, "school", all=True)
    assert short.shape == (40, 6)
    assert full.shape == (40, 10)
    assert list(short) == slides_tables["up_school"]["columns"]
    assert list(full) == slides_tables["up_school_all"]["columns"]
    assert disagreements("up_school", slides_tables["up_school"], short) == []
    assert disagreements("up_school_all", slides_tables["up_school_all"], full) == []


def test_short_file_by_label_of_the_slides(
    long: pd.DataFrame, slides_tables: dict[str, Any]
) -> None:
    short = hb.up(long, "sid")
    table = slides_tables["up_sid"]
    assert sorted(short) == sorted(table["columns"])
    assert disagreements("up_sid", table, short) == []


def test_estimates_and_predictions_of_the_slides(
    long: pd.DataFrame, reml_fits: Any, slides_tables: dict[str, Any]
) -> None:
    data = long.copy()
    data["ses.sch"] = hb.cvar(data["ses"], data["school"])
    data["mathach.sch"] = hb.cvar(data["mathach"], data["school"])
    data["n"] = hb.capply(data["sid"], data["sid"], len)
    data["mathach.ols"] = hb.capply(data["mathach"], data["sid"], np.mean)
    short = hb.up(data, "sid")
    short["blup"] = reml_fits["oneway"].coef().loc[short["school"], "Intercept"].to_numpy()
    table = slides_tables["up_sid_blup"]
    assert disagreements("up_sid_blup", table, short) == []
    # the slides draw ten rows in the order of the labels
    rows = list(table["rows"])
    assert rows == [label for label in short.index if label in rows]


def test_labels_stand_in_the_order_of_the_slides(long: pd.DataFrame) -> None:
    labels = list(long["sid"].cat.categories)
    assert len(labels) == 40
    # the slides' ranef: its first four and last four rows
    assert labels[:3] == ["P5762C", "P2639C", "P8854C"]
    assert labels[-4:] == ["C2208C", "C2658C", "C1906C", "C9586G"]
    assert [label[0] for label in labels] == ["P"] * 19 + ["C"] * 21
    means = long.groupby("sid", observed=True)["ses"].mean()
    assert means.iloc[:19].is_monotonic_increasing
    assert means.iloc[19:].is_monotonic_increasing
    # two keys say the same as R's sum
    keys = [long["Sector"] == "Catholic", "ses"]
    twice = hb.group_labels(long, "school", prefix="Sector", suffix="Sex.cat", order_by=keys)
    assert twice.equals(long["sid"].rename(None))


def test_contextual_variables_are_plain_functions(hs: pd.DataFrame) -> None:
    shuffled = hs.sample(frac=1.0, random_state=1)
    means = hb.cvar(shuffled["ses"], shuffled["school"])
    assert means.index.equals(shuffled.index)
    expected = hb.capply(shuffled["ses"], shuffled["school"], "mean")
    np.testing.assert_allclose(means, expected, rtol=0, atol=1e-14)
    rest = hb.dvar(shuffled["ses"], shuffled["school"])
    np.testing.assert_allclose(rest, shuffled["ses"] - expected, rtol=0, atol=1e-14)


STATISTICS = ["mean", "median", "sum", "std", "var", "sem", "skew", "prod", "size", "count",
              "nunique", "first", "last", "min", "max", "any", "all", "rank", "cumsum",
              "diff"]  # fmt: skip


@pytest.mark.parametrize("name", STATISTICS)
def test_named_statistics_are_those_of_each_group(name: str, small_data: pd.DataFrame) -> None:
    data = small_data.sample(frac=1.0, random_state=2)
    found = hb.capply(data["y"], data["g"], name)
    assert found.index.equals(data.index)
    for label, rows in data.groupby("g"):
        y = rows["y"]
        one = {"size": len(y), "first": y.iloc[0], "last": y.iloc[-1]}
        expected = one[name] if name in one else getattr(y, name)()
        np.testing.assert_allclose(found[data["g"] == label].astype(float), expected, rtol=1e-12)


def test_functions_make_one_value_or_one_a_row(small_data: pd.DataFrame) -> None:
    data = small_data.sample(frac=1.0, random_state=3)
    y, g = data["y"], data["g"]
    spread = hb.capply(y, g, lambda rows: rows.max() - rows.min())
    expected = hb.capply(y, g, "max") - hb.capply(y, g, "min")
    pd.testing.assert_series_equal(spread, expected)
    ranks = hb.capply(y, g, lambda rows: rows.rank())
    pd.testing.assert_series_equal(ranks, hb.capply(y, g, "rank"))
    # of several columns, as R's capply with a data frame
    slopes = hb.capply(data, g, lambda rows: np.polyfit(rows["x"], rows["y"], 1)[0])
    one = data[g == "c"]
    np.testing.assert_allclose(slopes[g == "c"], np.polyfit(one["x"], one["y"], 1)[0])
    assert slopes.index.equals(data.index)


def test_rows_without_group_have_no_statistic() -> None:
    x = pd.Series([1.0, 2.0, 4.0, np.nan, 8.0], name="x")
    g = pd.Series(["a", None, "a", "b", "b"])
    expected = pd.Series([2.5, np.nan, 2.5, 8.0, 8.0], name="x")
    pd.testing.assert_series_equal(hb.capply(x, g, "mean"), expected)
    pd.testing.assert_series_equal(hb.capply(x, g, lambda rows: rows.mean()), expected)
    assert hb.capply(x, g, "size").tolist()[2:] == [2.0, 2.0, 2.0]


def test_several_columns_name_a_group(hs: pd.DataFrame) -> None:
    keys = hs[["school", "Sex"]]
    means = hb.capply(hs["ses"], keys, "mean")
    some = (hs["school"] == "1906") & (hs["Sex"] == "Male")
    np.testing.assert_allclose(means[some], hs.loc[some, "ses"].mean(), rtol=1e-13)
    short = hb.up(hs, ["school", "Sex"], all=True)
    assert len(short) == 40 + 29  # 29 schools have both
    assert short.at[("1906", "Male"), "ses"] == means[some].iloc[0]


def test_modes_and_means() -> None:
    sizes = pd.Categorical(["s", "l", "l", "s", "m", None], categories=["l", "m", "s"])
    data = pd.DataFrame({
        "g": ["b", "b", "b", "b", "a", "a"], "size": sizes,
        "text": ["y", "x", "x", "y", None, None], "flag": [True, False, False, False, True, True],
        "day": pd.to_datetime(["2020-01-01", "2020-01-03"] * 3), "k": [1, 2, 3, 5, 7, 9],
        "x": [1.0, np.nan, 3.0, np.nan, np.nan, np.nan],
    })  # fmt: skip
    short = hb.up(data, "g", all=True)
    assert list(short.index) == ["a", "b"]
    assert list(short) == list(data)
    assert short["size"].tolist() == ["m", "l"]  # a tie: the first level
    assert short["size"].dtype == data["size"].dtype
    assert short["text"].isna().tolist() == [True, False]
    assert short.at["b", "text"] == "x"  # a tie: the first in the alphabet
    assert short["flag"].tolist() == [1.0, 0.25]
    assert short["day"].tolist() == [pd.Timestamp("2020-01-02")] * 2
    assert short["k"].tolist() == [8.0, 2.75]
    assert np.isnan(short.at["a", "x"])
    assert short.at["b", "x"] == 2.0


def test_what_is_constant_stays_as_it_is() -> None:
    data = pd.DataFrame({
        "g": [2, 1, 2, 1], "big": [2**60 + 1, 2**60, 2**60 + 1, 2**60],
        "almost": [2**60 + 1, 2**60, 2**60, 2**60],
        "sum": [0.1 + 0.2, 1.0, 0.3, 1.0], "gap": [np.nan, 1.0, 5.0, 1.0],
        "none": [np.nan, 1.0, np.nan, 1.0], "inf": [np.inf, 1.0, np.inf, 1.0],
        "far": [np.inf, 1.0, 3.0, 1.0], "whole": pd.array([3, 4, 3, 4], dtype="Int64"),
    })  # fmt: skip
    short = hb.up(data, "g")
    assert list(short) == ["g", "big", "sum", "none", "inf", "whole"]
    assert list(short.index) == [1, 2]
    assert short["big"].tolist() == [2**60, 2**60 + 1]
    assert [str(dtype) for dtype in short.dtypes] == ["int64", "int64", "float64", "float64",
                                                      "float64", "Int64"]  # fmt: skip


def test_some_rows(hs: pd.DataFrame) -> None:
    rows = hb.some(hs, 12, seed=5)
    assert len(rows) == rows.index.nunique() == 12
    assert rows.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(rows, hs.loc[rows.index])
    pd.testing.assert_frame_equal(rows, hb.some(hs, 12, seed=5))
    assert not rows.index.equals(hb.some(hs, 12, seed=6).index)
    assert len(hb.some(hs)) == 10
    pd.testing.assert_frame_equal(hb.some(hs, len(hs)), hs)
    # every row has the same chance: 400 draws of 5 from 20
    drawn = [row for seed in range(400) for row in hb.some(hs.head(20), 5, seed=seed).index]
    counts = np.bincount(drawn, minlength=20)
    assert counts.sum() == 2000
    assert np.abs(counts - 100).max() < 4.5 * np.sqrt(400 * 0.25 * 0.75)


@pytest.mark.slow
def test_some_groups_with_all_their_rows(hs: pd.DataFrame) -> None:
    found = hb.some(hs, 12, seed=5, group="school")
    schools = found["school"].unique()
    assert len(schools) == 12
    assert list(found["school"].cat.categories) == list(schools)
    whole = hs[hs["school"].isin(schools)]
    pd.testing.assert_frame_equal(found.drop(columns="school"), whole.drop(columns="school"))
    pd.testing.assert_frame_equal(hb.some(hs, 40, group="school"), hs)
    plain = hs.astype({"school": str})
    again = hb.some(plain, 12, seed=5, group="school")
    assert list(again["school"].unique()) == list(schools)
    # a group has the same chance whatever its rows: 400 draws of 2 from 4, of 1, 2, 3 and 4 rows
    few = pd.DataFrame({"g": np.repeat(list("abcd"), [1, 2, 3, 4])})
    drawn = pd.concat([hb.some(few, 2, seed=s, group="g").drop_duplicates() for s in range(400)])
    counts = drawn["g"].value_counts()
    assert counts.sum() == 800
    assert np.abs(counts - 200).max() < 4.5 * np.sqrt(400 * 0.25)


def test_composition_leaves_missing_values_out() -> None:
    x = pd.Series(["F", None, "M", "M", "F", None], index=list("uvwxyz"))
    g = pd.Series([1, 1, 1, 2, 3, 4], index=list("uvwxyz"))
    shares = hb.composition(x, g, "F")
    pd.testing.assert_series_equal(
        shares, pd.Series([0.5, 0.5, 0.5, 0.0, 1.0, np.nan], index=list("uvwxyz"))
    )
    kinds = hb.composition_category(shares)
    assert kinds.tolist()[:5] == ["some", "some", "some", "none", "all"]
    assert kinds.isna().tolist() == [False] * 5 + [True]
    assert list(hb.composition_category([0.5, 1.0]).cat.categories) == ["some", "all"]


def test_labels_have_as_many_letters_as_they_need() -> None:
    data = pd.DataFrame({
        "g": [1, 1, 2, 3], "sector": ["Public", "Public", "Private", "Catholic"],
        "w": [2.0, 2.0, 1.0, 1.0], "x": [0.0, 4.0, 1.0, 1.0],
    })  # fmt: skip
    plain = hb.group_labels(data, "g", prefix="sector", sep="-")
    assert plain.tolist() == ["Pu-1", "Pu-1", "Pr-2", "Ca-3"]
    assert list(plain.cat.categories) == ["Pu-1", "Pr-2", "Ca-3"]
    assert list(hb.group_labels(data, "g", order_by="x").cat.categories) == ["2", "3", "1"]
    both = hb.group_labels(data, "g", order_by=["w", "sector"])
    assert list(both.cat.categories) == ["3", "2", "1"]


@pytest.mark.slow
def test_two_million_rows_have_the_statistics_of_their_groups() -> None:
    n, J = 2_000_000, 50_000
    rng = np.random.default_rng(1)
    g = rng.integers(0, J, n)
    data = pd.DataFrame(
        {
            "g": g,
            "x": rng.normal(size=n),
            "w": rng.normal(size=J)[g],
            "f": pd.Categorical.from_codes(rng.integers(0, 3, n), list("abc")),
        }
    )
    short = hb.up(data, "g", all=True)
    assert short.shape == (J, 4)
    some = data[data["g"] == 17]
    np.testing.assert_allclose(short.at[17, "x"], some["x"].mean(), rtol=1e-12)
    assert short.at[17, "f"] == some["f"].mode()[0]


WRONG_TYPE: Any = 3

Change = Callable[[pd.DataFrame], object]
WRONG: dict[str, tuple[Change, str]] = {
    "no frame": (
        lambda d: hb.up(d["x"], "g"), "data must be a pandas DataFrame, not Series"),
    "no rows": (lambda d: hb.up(d.iloc[:0], "g"), "the data are empty: there are no rows"),
    "no such group": (
        lambda d: hb.up(d, "~ school"),
        "there is no column 'school' in the data; its columns are: y, x, w, g"),
    "no name": (
        lambda d: hb.up(d, WRONG_TYPE),
        "group must be the name of a column or a list of names, not int"),
    "no names": (lambda d: hb.up(d, []), "group names no column"),
    "a name twice": (lambda d: hb.up(d, ["g", "g"]), "group names 'g' twice"),
    "columns of one name": (
        lambda d: hb.up(pd.concat([d, d["x"]], axis=1), "g"),
        "the data have more than one column called 'x'"),
    "no group": (
        lambda d: hb.up(d.assign(g=d["g"].where(d["g"] > "a")), "g"),
        "'g' is missing in 4 of 60 rows (first in row 1); remove those rows first, as data.dropna "
        "does"),
    "no groups": (
        lambda d: hb.up(d.assign(g=None), "g"),
        "'g' is missing in every row: there are no groups"),
    "lists": (
        lambda d: hb.up(d.assign(l=[[1]] * 60), "g"),
        "'l' cannot be a factor: unhashable type: 'list'"),
    "other rows": (
        lambda d: hb.capply(d["x"], d["g"].iloc[:3]),
        "x has 60 rows and group has 3; they must be the same"),
    "other labels": (
        lambda d: hb.capply(d["x"], d["g"][::-1]),
        "x and group have different row labels; take both from the same data"),
    "nothing": (
        lambda d: hb.capply(d["x"][:0], d["g"][:0]), "the data are empty: there are no rows"),
    "no statistic": (
        lambda d: hb.capply(d["x"], d["g"], "meen"),
        "there is no statistic 'meen'; give a function, or one of: mean, median, sum, std, var, "
        "sem, skew, prod, cumsum, diff, size, count, nunique, first, last, min, max, any, all, "
        "rank"),
    "a factor's mean": (
        lambda d: hb.capply(d["g"], d["g"], "mean"),
        "x is of type str and has no mean; make a condition of it, as in x == 'a level'"),
    "a rank of what has no order": (
        lambda d: hb.capply(pd.Series([1, "a"] * 30), d["g"], "rank"),
        "x is of type object and has no rank: '<' not supported between instances of 'int' and "
        "'str'"),
    "columns' mean": (
        lambda d: hb.capply(d[["x", "y"]], d["g"], "mean"),
        "'mean' is of one column and x has 2; give one, or a function"),
    "two values": (
        lambda d: hb.capply(d["x"], d["g"], lambda x: x[:2]),
        "the statistic returns values of shape (2,) for group 'a' of 4 rows; it must return one "
        "value, or one a row"),
    "too many rows": (
        lambda d: hb.some(d, 61), "the data have 60 rows and not 61; ask for n=60 or fewer"),
    "no number of rows": (
        lambda d: hb.some(d, 0), "n must be a number of rows, 1 or more, not 0"),
    "too many groups": (
        lambda d: hb.some(d, 9, group="g"), "'g' has 8 groups and not 9; ask for n=8 or fewer"),
    "no number of groups": (
        lambda d: hb.some(d, 0, group="g"), "n must be a number of groups, 1 or more, not 0"),
    "groups that are not known": (
        lambda d: hb.some(d.assign(g=d["g"].mask(d.index < 2)), 2, group="g"),
        "'g' is missing in 2 of 60 rows; leave these out"),
    "no such column of groups": (
        lambda d: hb.some(d, 2, group="gg"),
        "there is no column 'gg' in the data; did you mean 'g'? its columns are: y, x, w, g"),
    "no seed": (
        lambda d: hb.some(d, 3, seed=-1), "seed must be a whole number, 0 or more, not -1"),
    "no such level": (
        lambda d: hb.composition(d["g"], d["g"], "Female"),
        "x is never 'Female'; its values are: 'a', 'b', 'c', 'd', 'e' and 3 more"),
    "no share": (
        lambda d: hb.composition_category(pd.Series([0.5, 1.5])),
        "a share must lie between 0 and 1; in row 1 it is 1.5"),
    "two labels": (
        lambda d: hb.composition_category([0.5], labels=("Boys", "Girls")),
        "labels must be three different texts, for none, some and all, not ('Boys', 'Girls')"),
    "a label that varies": (
        lambda d: hb.group_labels(d.assign(s=["v"] + ["u"] * 59), "g", prefix="s"),
        "'s' varies within group 'a' (v, u); a label of groups needs one value in each"),
    "a label that is missing": (
        lambda d: hb.group_labels(d.assign(s=[None] * 4 + ["u"] * 56), "g", prefix="s"),
        "'s' is missing in group 'a'; fill it first"),
    "a label that is missing somewhere": (
        lambda d: hb.group_labels(d.assign(s=[None] + ["u"] * 59), "g", prefix="s"),
        "'s' is missing in some rows of group 'a'; fill it first"),
    "one label twice": (
        lambda d: hb.group_labels(pd.DataFrame({"k": ["12", "2"], "p": ["1", "11"]}), "k",
                                  prefix="p"),
        "groups '12' and '2' would both be called '112'; give sep='-' or other columns"),
    "ordered by nothing": (
        lambda d: hb.group_labels(d, "g", order_by=[]),
        "order_by names nothing to order the groups by; leave it out"),
    "ordered by a number": (
        lambda d: hb.group_labels(d, "g", order_by=3),
        "order_by must be columns by name, or Series of 60 rows, not int"),
    "ordered by other rows": (
        lambda d: hb.group_labels(d, "g", order_by=d["x"][::-1]),
        "order_by and the data have different row labels; take both from one"),
    "ordered by a factor that varies": (
        lambda d: hb.group_labels(d.assign(s=["u", "v"] * 30), "g", order_by="s"),
        "'s' varies within group 'a' (u, v); it can order groups only if it is constant within "
        "them"),
    "ordered by what is missing": (
        lambda d: hb.group_labels(d.assign(x=d["x"].where(d["g"] != "b")), "g", order_by="x"),
        "'x' is missing in all of group 'b', which therefore has no place in the order"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refusals(case: str, small_data: pd.DataFrame) -> None:
    action, message = WRONG[case]
    with pytest.raises(hb.DataError) as refused:
        action(small_data)
    assert str(refused.value) == message
