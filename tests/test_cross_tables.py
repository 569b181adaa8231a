"""Tables of counts: those of the slides, cell by cell, and their totals and shares."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb


def texts(table: pd.DataFrame) -> dict[str, list[str]]:
    """The rows of a table as printed cells."""
    return {str(label): [str(cell) for cell in row] for label, row in
            zip(table.index, table.to_numpy(), strict=True)}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("tab_sector_school", "~ Sector + school"),
        ("tab_sector_school_again", "Sector + school"),
        ("tab_sex_school", "~ Sex + school"),
    ],
)
def test_tables_of_the_slides(
    name: str, formula: str, hs: pd.DataFrame, slides_tables: dict[str, Any]
) -> None:
    table, printed = hb.tab(hs, formula), slides_tables[name]
    assert list(table.columns) == printed["columns"]
    assert texts(table) == printed["rows"]
    assert (table.index.name, table.columns.name) == (formula.lstrip("~ ").split()[0], "school")


def test_table_of_one_factor_of_the_slides(hs: pd.DataFrame, slides_tables: dict[str, Any]) -> None:
    counts, printed = hb.tab(hs, "~ school"), slides_tables["table_school"]
    assert list(counts.index) == [*printed["columns"], "Total"]
    assert [str(count) for count in counts[:-1]] == printed["rows"]["n"]
    assert counts["Total"] == 1977


@pytest.mark.parametrize("sector", ["Catholic", "Public"])
def test_tables_by_sector_of_the_slides(
    sector: str, hs: pd.DataFrame, slides_tables: dict[str, Any]
) -> None:
    printed = slides_tables[f"by_{sector.lower()}"]
    table = hb.tab(hs[hs["Sector"] == sector], "~ Sex + school")
    assert list(table.columns) == printed["columns"]
    assert texts(table) == printed["rows"]
    # and the same as the blocks of the table of three that the slides suggest
    block = hb.tab(hs, "~ Sex + school + Sector").loc[sector]
    pd.testing.assert_frame_equal(block[printed["columns"]], table)
    others = block.drop(columns=printed["columns"])
    assert (others == 0).all(axis=None)


def test_three_factors_and_their_totals(hs: pd.DataFrame) -> None:
    table = hb.tab(hs, ["Sex", "Minority", "Sector"])
    assert table.index.names == ["Sector", "Sex"]
    levels = [["Female", "Male", "Total"], ["No", "Yes", "Total"], ["Catholic", "Public", "Total"]]
    for sex, minority, sector in product(*levels):
        rows = hs[((hs["Sex"] == sex) | (sex == "Total"))
                  & ((hs["Minority"] == minority) | (minority == "Total"))
                  & ((hs["Sector"] == sector) | (sector == "Total"))]  # fmt: skip
        assert table.loc[(sector, sex), minority] == len(rows)


def test_shares(hs: pd.DataFrame) -> None:
    counts = hb.tab(hs, "~ Sex + Sector")
    rows = hb.tab(hs, "~ Sex + Sector", proportions="rows")
    columns = hb.tab(hs, "~ Sex + Sector", proportions="columns")
    whole = hb.tab(hs, "~ Sex + Sector", proportions="all")
    assert rows.at["Female", "Catholic"] == 651 / 1074
    assert columns.at["Female", "Catholic"] == 651 / 1144
    assert whole.at["Female", "Catholic"] == 651 / 1977
    assert (rows["Total"] == 1.0).all()
    assert (columns.loc["Total"] == 1.0).all()
    pd.testing.assert_frame_equal(whole * 1977, counts.astype(float))
    assert hb.tab(hs, "Sex", proportions="all").tolist() == [1074 / 1977, 903 / 1977, 1.0]
    # within a block of three factors; girls' schools have no row of boys
    kinds = hb.composition(hs["Sex"], hs["school"], "Female")
    data = hs.assign(kind=hb.composition_category(kinds))
    blocks = hb.tab(data, "~ Minority + Sex + kind", proportions="columns")
    assert blocks.loc["all", "Male"].isna().all()
    assert (
        blocks.loc[("all", "Yes"), "Female"]
        == (data.loc[data["kind"] == "all", "Minority"] == "Yes").mean()
    )
    assert (blocks.loc[[("all", "Total"), ("Total", "Total")], "Female"] == 1.0).all()


def test_levels_in_order_and_missing_values() -> None:
    data = pd.DataFrame({
        "size": pd.Categorical(["l", None, "s", "s"], categories=["s", "m", "l"]),
        "k": [10, 9, 9, 10], "a b": [True, False, True, True],
    })  # fmt: skip
    table = hb.tab(data, "~ size + k")
    assert list(table.index) == ["s", "l", "(missing)", "Total"]
    assert list(table.columns) == [9, 10, "Total"]
    assert table.to_numpy().tolist() == [[1, 1, 2], [0, 1, 1], [1, 0, 1], [2, 2, 4]]
    assert hb.tab(data, "`a b` + k").at[True, 10] == 2
    assert hb.tab(data, ["a b"]).to_dict() == {False: 1, True: 3, "Total": 4}


def test_random_tables_add_up() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        n = int(rng.integers(1, 60))
        data = pd.DataFrame({name: rng.integers(0, 4, n) for name in "abc"})
        table = hb.tab(data, ["a", "b", "c"])
        inner = table.drop(index="Total", level=0).drop(index="Total", level=1)
        assert inner.drop(columns="Total").to_numpy().sum() == n
        assert table.loc[("Total", "Total"), "Total"] == n
        expected = pd.crosstab(data["a"], data["b"])
        two = hb.tab(data, ["a", "b"]).drop(index="Total", columns="Total")
        assert two.to_numpy().tolist() == expected.to_numpy().tolist()
        pd.testing.assert_frame_equal(table.loc["Total"], hb.tab(data, "a + b"))


@pytest.mark.slow
def test_two_million_rows_are_counted_in_a_second() -> None:
    codes = np.arange(2_000_000) % 60_000
    data = pd.DataFrame({"g": codes, "f": pd.Categorical.from_codes(codes % 3, list("xyz"))})
    table = hb.tab(data, "~ f + g")
    assert table.shape == (4, 60_001)
    assert table.loc["x", "Total"] == int((codes % 3 == 0).sum())


Change = Callable[[pd.DataFrame], object]
WRONG: dict[str, tuple[type[hb.HierbayesError], Change, str]] = {
    "no frame": (
        hb.DataError, lambda d: hb.tab(d["x"], "x"),
        "data must be a pandas DataFrame, not Series"),
    "no rows": (
        hb.DataError, lambda d: hb.tab(d[:0], "g"), "the data are empty: there are no rows"),
    "no such column": (
        hb.DataError, lambda d: hb.tab(d, "~ gg + w"),
        "there is no column 'gg' in the data; did you mean 'g'? its columns are: y, x, w, g"),
    "a product": (
        hb.FormulaError, lambda d: hb.tab(d, "~ g * w"),
        "cannot read '~ g * w': a table is of columns joined by '+', as in '~ Sex + school'"),
    "a response": (
        hb.FormulaError, lambda d: hb.tab(d, "y ~ g"),
        "cannot read 'y ~ g': a table is of columns joined by '+', as in '~ Sex + school'"),
    "a plus too many": (
        hb.FormulaError, lambda d: hb.tab(d, "~ g + "),
        "cannot read '~ g + ': a table is of columns joined by '+', as in '~ Sex + school'"),
    "nothing": (
        hb.FormulaError, lambda d: hb.tab(d, ""),
        "cannot read '': a table is of columns joined by '+', as in '~ Sex + school'"),
    "a name twice": (hb.DataError, lambda d: hb.tab(d, "~ g + g"), "by names 'g' twice"),
    "no names": (
        hb.DataError, lambda d: hb.tab(d, d["g"]),
        "by must be the name of a column or a list of names, not Series"),
    "four": (
        hb.DataError, lambda d: hb.tab(d, list("yxwg")),
        "a table is of one to three columns, not of 4"),
    "other shares": (
        hb.DataError, lambda d: hb.tab(d, "g", proportions="row"),
        "proportions must be 'rows', 'columns' or 'all', or left out, not 'row'"),
    "shares of one": (
        hb.DataError, lambda d: hb.tab(d, "g", proportions="rows"),
        "one factor has no rows; give proportions='all'"),
    "a level called Total": (
        hb.DataError, lambda d: hb.tab(d.replace({"g": {"a": "Total"}}), "g"),
        "'g' has a level called 'Total', as a margin of the table is; rename the level"),
    "too large": (
        hb.DataError,
        lambda d: hb.tab(pd.DataFrame({"a": range(4000), "b": range(4000)}), "a + b"),
        "a table of 4,000 x 4,000 levels is too large; count fewer columns, or cut them"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refusals(case: str, small_data: pd.DataFrame) -> None:
    kind, action, message = WRONG[case]
    with pytest.raises(hb.HierbayesError) as refused:
        action(small_data)
    assert type(refused.value) is kind
    assert str(refused.value) == message


def test_groups_are_named_by_a_formula_too(hs: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(hb.up(hs, "~ school"), hb.up(hs, "school"))
    both = hb.levels(hs, "~ Sector + school").table
    pd.testing.assert_frame_equal(both, hb.levels(hs, ["Sector", "school"]).table)
    with pytest.raises(hb.FormulaError) as error:
        hb.up(hs, "~ Sector/school")
    assert str(error.value) == (
        "cannot read '~ Sector/school': a group is named by columns joined by '+', as in "
        "'~ Sex + school'"
    )


def test_data_come_first(hs: pd.DataFrame) -> None:
    with pytest.raises(hb.DataError) as error:
        hb.tab("~ Sector", hs)
    assert str(error.value) == "the data come first: tab(data, '~ Sector')"
