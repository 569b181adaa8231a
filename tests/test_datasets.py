"""The shipped data sets are what their codebooks say."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest

from hierbayes.errors import ModelFileError
from hierbayes.frames.datasets import codebook, dataset_names, load_dataset
from hierbayes.frames.shipped import shipped
from hierbayes.frames.variable_levels import levels

COLUMNS = [
    "school", "mathach", "ses", "Sex", "Minority",
    "Size", "Sector", "PRACAD", "DISCLIM", "HIMINTY",
]  # fmt: skip
NAMES = ["hs", "hsfull"]
HALVES = ["hs1", "hs2"]
OTHERS = ["orthodont", "sleepstudy"]
RESPONSES = {"cbpp": "herd", "contraception": "district"}  # not Gaussian, and their groups
SEVERAL = {  # groups of each factor
    "egsingle": [14, 410], "grouseticks": [63, 118], "scotssec": [148, 19], "wine": [9, 8],
}  # fmt: skip
SHAPES = {"hs": (1977, 40), "hsfull": (7185, 160)}
SECTORS = {"hs": {"Catholic": 21, "Public": 19}, "hsfull": {"Catholic": 70, "Public": 90}}
RANGES = {
    "hs": {
        "mathach": (-2.832, 24.993),
        "ses": (-2.498, 1.652),
        "Size": (215, 2713),
        "PRACAD": (0.05, 1.0),
        "DISCLIM": (-2.416, 1.742),
        "HIMINTY": (0, 1),
    },
    "hsfull": {
        "mathach": (-2.832, 24.993),
        "ses": (-3.758, 2.692),
        "Size": (100, 2713),
        "PRACAD": (0.0, 1.0),
        "DISCLIM": (-2.416, 2.756),
        "HIMINTY": (0, 1),
    },
}


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def frame(name: str) -> pd.DataFrame:
    return load_dataset(name)


def test_names() -> None:
    assert dataset_names() == sorted([*NAMES, *HALVES, *OTHERS, *SEVERAL, *RESPONSES])


def test_shape_matches_the_file_and_its_codebook(name: str, frame: pd.DataFrame) -> None:
    rows, groups = SHAPES[name]
    facts = codebook(name).attrs
    assert list(frame.columns) == COLUMNS
    assert len(frame) == facts["rows"] == rows
    assert frame[facts["group"]].nunique() == facts["groups"] == groups
    assert not frame.isna().to_numpy().any()


def test_dtypes(frame: pd.DataFrame) -> None:
    kinds = {column: str(dtype) for column, dtype in frame.dtypes.items()}
    categories = dict.fromkeys(["school", "Sex", "Minority", "Sector"], "category")
    integers = dict.fromkeys(["Size", "HIMINTY"], "int64")
    reals = dict.fromkeys(["mathach", "ses", "PRACAD", "DISCLIM"], "float64")
    assert kinds == categories | integers | reals


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        ("Sex", ["Female", "Male"]),
        ("Minority", ["No", "Yes"]),
        ("Sector", ["Catholic", "Public"]),
    ],
)
def test_order_of_categories(frame: pd.DataFrame, column: str, levels: list[str]) -> None:
    assert list(frame[column].cat.categories) == levels
    assert not frame[column].cat.ordered
    assert set(frame[column]) == set(levels)


def test_schools_are_strings_in_file_order(name: str, frame: pd.DataFrame) -> None:
    lines = shipped("data").joinpath(f"{name}.csv").read_text(encoding="utf-8").splitlines()[1:]
    identifiers = [line.split(",")[0] for line in lines]
    assert list(frame["school"]) == identifiers
    assert list(frame["school"].cat.categories) == list(dict.fromkeys(identifiers))
    assert not frame["school"].cat.ordered


def test_first_row() -> None:
    first = load_dataset("hs").iloc[0]
    values = ["1317", 12.862, 0.882, "Female", "No", 455, "Catholic", 0.95, -1.694, 1]
    assert first.tolist() == values


def test_sector_of_schools(name: str, frame: pd.DataFrame) -> None:
    schools = frame.drop_duplicates("school")
    assert schools["Sector"].value_counts().to_dict() == SECTORS[name]


def test_ranges(name: str, frame: pd.DataFrame) -> None:
    observed = {column: (frame[column].min(), frame[column].max()) for column in RANGES[name]}
    assert observed == RANGES[name]


def test_hs_is_the_part_of_hsfull_with_its_schools() -> None:
    hs, full = load_dataset("hs"), load_dataset("hsfull")
    part = full[full["school"].isin(hs["school"].cat.categories)].reset_index(drop=True)
    part["school"] = part["school"].cat.remove_unused_categories()
    pd.testing.assert_frame_equal(part, hs)


def test_halves_share_the_schools_of_hsfull_evenly() -> None:
    full, halves = load_dataset("hsfull"), [load_dataset(half) for half in HALVES]
    whole = pd.concat([half.astype({"school": str}) for half in halves])
    order = full.astype({"school": str})
    columns = list(full.columns)
    pd.testing.assert_frame_equal(
        whole.sort_values(columns, ignore_index=True), order.sort_values(columns, ignore_index=True)
    )
    for name, half in zip(HALVES, halves, strict=True):
        facts = codebook(name).attrs
        assert (len(half), half["school"].nunique()) == (facts["rows"], facts["groups"])
        assert list(half["school"].cat.categories) == list(half["school"].unique())
        schools = half.drop_duplicates("school")
        assert schools["Sector"].value_counts().to_dict() == {"Public": 45, "Catholic": 35}
        assert list(codebook(name).index) == columns
    first = full.drop_duplicates("school")
    catholic = first.loc[first["Sector"] == "Catholic", "school"]
    ours = set(halves[0]["school"].unique())
    assert [school in ours for school in catholic[:4]] == [True, False, True, False]


def test_codes_number_what_other_columns_name(name: str, frame: pd.DataFrame) -> None:
    found, full = load_dataset(name, codes=True), load_dataset("hsfull")
    pd.testing.assert_frame_equal(found[COLUMNS], frame)
    assert list(found.columns) == [*COLUMNS, "X", "sector", "female"]
    assert (found["sector"] == 1).tolist() == (frame["Sector"] == "Catholic").tolist()
    assert (found["female"] == 1).tolist() == (frame["Sex"] == "Female").tolist()
    rows = full.iloc[found["X"].to_numpy() - 1]
    assert rows["mathach"].tolist() == found["mathach"].tolist()
    assert rows["ses"].tolist() == found["ses"].tolist()
    assert found["X"].is_monotonic_increasing


def test_codes_are_of_the_schools_alone() -> None:
    assert load_dataset("hs1", codes=True)["X"].iloc[0] == 1
    message = "^the data set 'wine' has no codes; leave codes=True out$"
    with pytest.raises(ModelFileError, match=message):
        load_dataset("wine", codes=True)


def test_codebook_describes_every_column(name: str, frame: pd.DataFrame) -> None:
    book = codebook(name)
    assert list(book.index) == list(frame.columns)
    assert list(book.columns) == ["meaning", "level", "units", "type", "levels"]
    assert book["meaning"].str.len().gt(0).all()
    assert set(book.attrs) == {"title", "source", "rows", "groups", "group"}
    assert book.loc["Sector", "levels"] == ("Catholic", "Public")
    assert book.loc["ses", "levels"] == ()


def test_levels_of_the_codebook_are_those_of_the_data(name: str, frame: pd.DataFrame) -> None:
    constant = frame.groupby("school", observed=True).nunique().eq(1).all()
    level = codebook(name)["level"].drop("school")
    assert constant.map({True: 2, False: 1}).to_dict() == level.to_dict()


# What R prints of lme4's sleepstudy and nlme's Orthodont.
OTHER_SHAPES = {"orthodont": (108, 27), "sleepstudy": (180, 18)}
OTHER_DTYPES = {
    "orthodont": {"Subject": "category", "distance": "float64", "age": "int64", "Sex": "category"},
    "sleepstudy": {"Subject": "category", "Reaction": "float64", "Days": "int64"},
}
OTHER_FIRST = {
    "orthodont": ["M01", 26.0, 8, "Male"],
    "sleepstudy": ["308", 249.56, 0],
}
OTHER_SUMS = {
    "orthodont": {"distance": 2594.5, "age": 1188},
    "sleepstudy": {"Reaction": 53731.4205, "Days": 810},
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_data_are_those_of_r(other: str) -> None:
    frame, book = load_dataset(other), codebook(other)
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == OTHER_DTYPES[other]
    assert frame.iloc[0].tolist() == OTHER_FIRST[other]
    sums = frame[list(OTHER_SUMS[other])].sum()
    assert sums.round(4).to_dict() == OTHER_SUMS[other]
    assert not frame.isna().to_numpy().any()
    assert list(book.index) == list(frame.columns)
    assert (len(frame), frame["Subject"].nunique()) == OTHER_SHAPES[other]
    assert (book.attrs["rows"], book.attrs["groups"]) == OTHER_SHAPES[other]
    assert book.attrs["group"] == "Subject"


@pytest.mark.parametrize("other", OTHERS)
def test_levels_of_the_other_columns(other: str) -> None:
    frame = load_dataset(other)
    constant = frame.groupby("Subject", observed=True).nunique().eq(1).all()
    level = codebook(other)["level"].drop("Subject")
    assert constant.map({True: 2, False: 1}).to_dict() == level.to_dict()
    assert list(frame["Subject"].cat.categories) == list(dict.fromkeys(frame["Subject"]))


def test_boys_come_first_in_orthodont() -> None:
    frame = load_dataset("orthodont")
    assert list(frame["Sex"].cat.categories) == ["Male", "Female"]
    assert frame["Sex"].value_counts().to_dict() == {"Male": 64, "Female": 44}
    assert (frame["Subject"].str.startswith("M") == (frame["Sex"] == "Male")).all()


@pytest.mark.parametrize("several", SEVERAL)
def test_data_of_several_factors_are_what_their_codebooks_say(several: str) -> None:
    frame, book = load_dataset(several), codebook(several)
    factors = book.attrs["group"]
    assert list(book.index) == list(frame.columns)
    assert len(frame) == book.attrs["rows"]
    assert frame[factors].nunique().tolist() == book.attrs["groups"] == SEVERAL[several]
    assert not frame.isna().to_numpy().any()
    found = levels(frame, factors).table["level"].str[0].astype(int)
    assert found.to_dict() == book["level"].drop(factors).to_dict()


@pytest.mark.parametrize("name", RESPONSES)
def test_data_of_other_responses_are_what_their_codebooks_say(name: str) -> None:
    frame, book = load_dataset(name), codebook(name)
    group = book.attrs["group"]
    assert group == RESPONSES[name]
    assert list(book.index) == list(frame.columns)
    assert (len(frame), frame[group].nunique()) == (book.attrs["rows"], book.attrs["groups"])
    assert not frame.isna().to_numpy().any()
    constant = frame.groupby(group, observed=True).nunique().eq(1).all()
    assert constant.map({True: 2, False: 1}).to_dict() == book["level"].drop(group).to_dict()


def test_responses_add_up_to_those_of_r() -> None:
    cbpp, ticks = load_dataset("cbpp"), load_dataset("grouseticks")
    assert cbpp[["incidence", "size"]].sum().tolist() == [99, 842]
    assert (ticks["TICKS"].sum(), ticks["HEIGHT"].sum()) == (2567, 186283)
    assert ticks["cHEIGHT"].sum() == pytest.approx(0.0, abs=1e-3)
    women = load_dataset("contraception")
    counts = pd.crosstab(women["use"], women["urban"]).to_numpy().tolist()
    assert counts == [[903, 272], [469, 290]]
    assert load_dataset("wine")["rating"].value_counts().sort_index().tolist() == [5, 22, 26, 12, 7]


@pytest.mark.parametrize("read", [load_dataset, codebook])
def test_unknown_name(read: Callable[[str], pd.DataFrame]) -> None:
    message = (
        "no data set is called 'hsx'; those shipped are: cbpp, contraception, egsingle, "
        "grouseticks, hs, hs1, hs2, hsfull, orthodont, scotssec, sleepstudy, wine"
    )
    with pytest.raises(ModelFileError, match=f"^{re.escape(message)}$"):
        read("hsx")


@pytest.mark.parametrize("kind", ["data", "models"])
def test_shipped_prefers_the_folder_inside_the_package(
    kind: Literal["data", "models"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "hierbayes"
    package.mkdir()
    monkeypatch.setattr(resources, "files", lambda name: tmp_path / name)
    message = (
        f"this installation of hierbayes has no folder of shipped {kind}; reinstall the package"
    )
    with pytest.raises(ModelFileError, match=f"^{re.escape(message)}$"):
        shipped(kind)
    (tmp_path / kind).mkdir()
    assert shipped(kind) == tmp_path / kind
    (package / f"_{kind}").mkdir()
    assert shipped(kind) == package / f"_{kind}"
