"""The level of each variable, what it is derived from, and its variances."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design.levels import is_outer
from hierbayes.design.ranks import estimable_somewhere
from hierbayes.frames.constancy import CONSTANT_TOLERANCE, columns_vary_within, varies_within
from hierbayes.frames.grouping import group_values
from hierbayes.inference.context.spread import spread_table


@pytest.fixture(scope="module")
def derived(hs: pd.DataFrame) -> pd.DataFrame:
    """The hs data with variables of all sorts made from them."""
    data, school = hs.copy(), hs["school"]
    data["ses.m"], data["ses.d"] = hb.cvar(hs["ses"], school), hb.dvar(hs["ses"], school)
    data["ses.sd"] = hb.capply(hs["ses"], school, "std")
    data["n"] = hb.capply(school, school, "size")
    data["Sex.comp"] = hb.composition(hs["Sex"], school, "Female")
    data["Sex.cat"] = hb.composition_category(data["Sex.comp"], ("Boys", "Coed", "Girls"))
    data["Sex.d"] = hb.dvar(hs["Sex"], school)
    data["girl.d"] = -data["Sex.d"]
    data["minority"] = hs["Minority"] == "Yes"
    data["minority.m"] = hb.cvar(data["minority"], school)
    data["any.minority"] = data["minority.m"] > 0
    data["centred"] = hs["ses"] - hs["ses"].mean()
    data["one"], data["nothing"] = 1, np.nan
    data["opened"] = pd.Timestamp("1960-01-01") + pd.to_timedelta(hs["Size"], unit="D")
    # a mean that was published: rounded
    data["MEANSES"] = data["ses.m"].round(3)
    return data


def test_every_level(derived: pd.DataFrame) -> None:
    table = hb.levels(derived, "school").table
    found = {name: (row["level"], row["source"]) for name, row in table.iterrows()}
    assert found == {
        "mathach": ("1", ""), "ses": ("1", ""), "Sex": ("1", ""), "Minority": ("1", ""),
        "Size": ("2", ""), "Sector": ("2", ""), "PRACAD": ("2", ""), "DISCLIM": ("2", ""),
        "HIMINTY": ("2", ""),
        "ses.m": ("2, derived", "mean of ses"),
        "ses.d": ("1, centred", "deviation of ses from its mean"),
        "ses.sd": ("2, derived", "standard deviation of ses"),
        "n": ("2, derived", "number of rows"),
        "Sex.comp": ("2, derived", "share of Sex = Female"),
        "Sex.cat": ("2, derived", "share of Sex = Female: none, some or all"),
        "Sex.d": ("1, centred", "deviation of Sex from its mean"),
        "girl.d": ("1, centred", "deviation of Sex (reversed) from its mean"),
        "minority": ("1", ""),
        "minority.m": ("2, derived", "share of Minority = Yes"),
        "any.minority": ("2, derived", "share of Minority = No: none, some or all"),
        "centred": ("1", ""),
        "one": ("constant", ""), "nothing": ("all missing", ""), "opened": ("2", ""),
        "MEANSES": ("2", ""),
    }  # fmt: skip


def test_level_of_the_codebook(hs: pd.DataFrame) -> None:
    book = hb.codebook("hs")["level"].drop("school")
    found = hb.levels(hs, "school")
    assert found.table["level"].astype(int).to_dict() == book.to_dict()
    assert found.level1 == ("mathach", "ses", "Sex", "Minority")
    assert found.level2 == ("Size", "Sector", "PRACAD", "DISCLIM", "HIMINTY")
    assert found.derived == ()
    # one rule for levels, for the short file and for a model
    assert list(hb.up(hs, "school")) == ["school", *found.level2]


def test_kinds_and_counts(derived: pd.DataFrame) -> None:
    table = hb.levels(derived, "school").table
    assert table.loc[["ses", "minority", "Sex.cat", "opened"], "kind"].tolist() == [
        "number", "true/false", "factor", "date"]  # fmt: skip
    assert table["categories"].dropna().to_dict() == {
        "Sex": 2, "Minority": 2, "Sector": 2, "Sex.cat": 3}  # fmt: skip
    assert table.loc[["ses", "Sex", "Sector", "Sex.d"], "varies_in"].tolist() == [40, 29, 0, 29]
    assert table["missing"].to_dict() == {name: 1977 * (name == "nothing") for name in table.index}


def dense_variances(y: pd.Series, g: pd.Series) -> tuple[float, float]:
    """Analysis of variance, group by group."""
    groups = [rows.to_numpy() for _, rows in y.groupby(g, observed=True) if len(rows)]
    n, J = sum(map(len, groups)), len(groups)
    W = sum(((rows - rows.mean()) ** 2).sum() for rows in groups) / (n - J)
    grand = np.concatenate(groups).mean()
    B = sum(len(rows) * (rows.mean() - grand) ** 2 for rows in groups) / (J - 1)
    m = (n - sum(len(rows) ** 2 for rows in groups) / n) / (J - 1)
    return float(W), float((B - W) / m)


def test_variances_are_those_of_the_analysis_of_variance(derived: pd.DataFrame) -> None:
    table = hb.levels(derived, "school").table
    numbers = {
        "mathach": derived["mathach"], "ses": derived["ses"], "PRACAD": derived["PRACAD"],
        "Sex": (derived["Sex"] == "Male").astype(float), "ses.d": derived["ses.d"],
        "Sector": (derived["Sector"] == "Public").astype(float),
        "minority": derived["minority"].astype(float),
    }  # fmt: skip
    for name, values in numbers.items():
        within, between = dense_variances(values, derived["school"])
        row = table.loc[name]
        np.testing.assert_allclose(
            [row["within"], row["between"], row["icc"]],
            [within, between, between / (within + between)], rtol=1e-9, atol=1e-12)  # fmt: skip
    assert table.at["Size", "within"] == 0.0
    assert table.at["Size", "icc"] == 1.0
    assert table.at["ses.d", "between"] < 0.0
    assert (
        table.loc[["Sex.cat", "opened", "nothing"], ["within", "between", "icc"]]
        .isna()
        .all(axis=None)
    )
    assert np.isnan(table.at["one", "icc"])


def test_one_intraclass_correlation_in_the_package(hs: pd.DataFrame) -> None:
    design = hb.Model("mathach ~ ses", "~ 1 | school", data=hs).problem.design
    theirs = spread_table(design)["icc"]
    ours = hb.levels(hs, "school").table["icc"]
    np.testing.assert_allclose(ours[["mathach", "ses"]], theirs[["mathach", "ses"]], rtol=1e-12)


@pytest.mark.slow
def test_variances_are_unbiased() -> None:
    rng = np.random.default_rng(4)
    sizes = np.array([2, 3, 10, 1, 5, 8])
    g = np.repeat(np.arange(6), sizes)
    u = rng.exponential(2.0, size=(300, 6))[:, g]  # variance 4
    y = u + rng.uniform(-3.0, 3.0, size=u.shape)  # variance 3
    frame = pd.DataFrame(y.T).assign(g=g)
    table = hb.levels(frame.rename(columns=str), "g").table
    for name, true in (("within", 3.0), ("between", 4.0)):
        error = table[name].std() / np.sqrt(len(table))
        assert abs(table[name].mean() - true) < 4.0 * error


def test_missing_values_are_left_out_and_counted(hs: pd.DataFrame) -> None:
    gaps = np.arange(len(hs)) % 7 > 0
    data = hs[["school"]].assign(ses=hs["ses"].where(gaps), PRACAD=hs["PRACAD"].where(gaps))
    data["ses.m"] = hb.cvar(data["ses"], hs["school"])
    found = hb.levels(data, "school")
    assert found.table["missing"].tolist() == [283, 283, 0]
    assert found.table["level"].tolist() == ["1", "2", "2, derived"]
    known = data[gaps]
    expected = dense_variances(known["ses"], known["school"])
    np.testing.assert_allclose(found.table.loc["ses", ["within", "between"]].astype(float),
                               expected, rtol=1e-10)  # fmt: skip
    assert found.notes == (
        "'PRACAD' has one known value a group but is missing in some rows of 40 groups; up() and "
        "to_levels() take it for one that varies until it is filled",
    )
    assert "PRACAD" not in hb.up(data, "school")


def test_what_is_infinite_has_no_part_in_variances(hs: pd.DataFrame) -> None:
    data = hs[["school", "ses"]].assign(x=hs["ses"].where(hs.index != 3, np.inf))
    found = hb.levels(data, "school")
    expected = dense_variances(hs["ses"].drop(3), hs["school"].drop(3))
    np.testing.assert_allclose(found.table.loc["x", ["within", "between"]].astype(float),
                               expected, rtol=1e-10)  # fmt: skip
    assert found.notes == ("'x' is infinite in 1 rows, which its variances leave out",)


def test_notes_on_what_is_suspicious(hs: pd.DataFrame) -> None:
    data = hs[["school", "Sector", "ses"]].copy()
    data.loc[3, "Sector"] = "Public"
    data.loc[[0, 1], "school"] = np.nan
    balanced = data.groupby("school", observed=True).cumcount()
    data["alike"] = balanced % 4
    notes = hb.levels(data, "school").notes
    assert notes == (
        "left out: 2 rows in which 'school' is missing",
        "'Sector' varies in 1 of 40 groups only ('1317'); if it is a variable of level 2, its "
        "values there disagree",
        "the variance between groups of 'alike' is estimated below 0: no sign that the groups "
        "differ",
    )


TEXT = """\
Levels of 7 variables: 1977 rows in 40 groups of school (29 to 66 rows)

              level        kind missing varies in  within   between       icc  \\
mathach           1      number       0  40 of 40   39.64     7.299    0.1555
ses               1      number       0  40 of 40  0.4138    0.1561    0.2739
ses.m    2, derived      number       0   0 of 40       0    0.1645         1
ses.d    1, centred      number       0  40 of 40  0.4138  -0.00838  -0.02067
Sex               1  factor (2)       0  29 of 40  0.1691   0.08124    0.3245
Size              1      number       1   1 of 40   101.5  4.27e+05    0.9998
Sex.cat  2, derived  factor (3)       0   0 of 40

                                     derived from
mathach
ses
ses.m                                 mean of ses
ses.d              deviation of ses from its mean
Sex
Size
Sex.cat  share of Sex = Female: none, some or all

  - 'Size' varies in 1 of 40 groups only ('1317'); if it is a variable of level 2, its values there
    disagree"""


def test_text(derived: pd.DataFrame) -> None:
    data = derived[["school", "mathach", "ses", "ses.m", "ses.d", "Sex", "Size", "Sex.cat"]].copy()
    data["Size"] = data["Size"].astype(float)
    data.loc[[5, 6], "Size"] = [7.0, np.nan]
    found = hb.levels(data, "school")
    assert str(found) == TEXT
    assert repr(found) == TEXT
    page = found._repr_html_()
    assert page.startswith(f"<h3>{found.title}</h3><table")
    assert "<td>deviation of ses from its mean</td>" in page
    assert page.endswith("values there disagree</li></ul>")


def test_districts_and_schools() -> None:
    rng = np.random.default_rng(2)
    district = np.repeat([1, 2, 3], 20)
    school = np.tile(np.repeat([1, 2], 10), 3)  # numbered anew in each district
    data = pd.DataFrame(
        {
            "district": district,
            "school": school,
            "size": 10 * district + school,
            "x": rng.normal(size=60),
        }
    )
    both = hb.levels(data, ["district", "school"])
    assert both.title == (
        "Levels of 2 variables: 60 rows in 6 groups of district:school, 3 groups of district"
    )
    assert both.table["level"].to_dict() == {"size": "2", "x": "1"}
    assert both.table["of"].to_dict() == {"size": "district:school", "x": ""}
    assert hb.levels(data, "district").table.at["size", "level"] == "1"


def test_many_rows_have_the_levels_they_were_made_of() -> None:
    n, J = 500_000, 10_000
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
    data["m"] = hb.cvar(data["x"], data["g"])
    table = hb.levels(data, "g").table
    assert table["level"].tolist() == ["1", "2", "1", "2, derived"]
    np.testing.assert_allclose(table.at["x", "within"], 1.0, atol=0.01)


WRONG: dict[str, tuple[Callable[[pd.DataFrame], object], str]] = {
    "no frame": (
        lambda d: hb.levels(d.to_numpy(), "g"),
        "data must be a pandas DataFrame, not ndarray"),
    "no rows": (lambda d: hb.levels(d[:0], "g"), "the data are empty: there are no rows"),
    "no such group": (
        lambda d: hb.levels(d.rename(columns={"g": "school"}), "scool"),
        "there is no column 'scool' in the data; did you mean 'school'? its columns are: "
        "y, x, w, school"),
    "one group": (
        lambda d: hb.levels(d[d["g"] == "c"], "g"),
        "'g' has one group ('c'); levels need two or more"),
    "groups of one row": (
        lambda d: hb.levels(d.assign(g=range(len(d))), "g"),
        "every row is a group of its own by 'g'; nothing can vary within groups"),
    "groups of lists": (
        lambda d: hb.levels(d.assign(g=[[1]] * len(d)), "g"),
        "'g' cannot name groups: unhashable type: 'list'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refusals(case: str, small_data: pd.DataFrame) -> None:
    action, message = WRONG[case]
    with pytest.raises(hb.DataError) as refused:
        action(small_data)
    assert str(refused.value) == message


def test_one_definition_of_constant_within_groups() -> None:
    groups, inf = group_values(pd.Series(list("aabbccdd"))), np.inf
    cases = {
        (1.0, 1 + 9e-10, 2.0, 2.0, 1.0, 1.0, 1.5, 1.5): [],  # 9e-10 of the range of 1
        (1.0, 1 + 1.1e-9, 2.0, 2.0, 1.0, 1.0, 1.5, 1.5): ["a"],
        (inf, inf, 1.0, inf, 1.0, 1.0, 2.0, 2.0): ["b"],
        (-inf, -inf, -inf, inf, 1.0, 1.0, 1.0, 2.0): ["b", "d"],
        (np.nan, 1.0, np.nan, np.nan, 2.0, 3.0, 1.0, 1.0): ["c"],
    }
    for values, varying in cases.items():
        varies = varies_within(pd.Series(values), groups)
        assert groups.labels[varies].tolist() == varying
    column = np.array(list(cases))[:2].T
    codes, backwards = groups.codes, slice(None, None, -1)
    assert is_outer(column, codes, groups.J).tolist() == [True, False]
    assert is_outer(column[backwards], codes[backwards], groups.J).tolist() == [True, False]


def test_constant_within_groups_whatever_the_order_of_the_rows() -> None:
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(5), 4)
    for _ in range(200):
        x = rng.normal(size=5)[codes] + rng.choice([0.0, 4e-10, 8e-10, 1e-3], (5, 1))[codes, 0] * (
            rng.choice([-1.0, 0.0, 1.0], 20)
        )
        low, high = (np.array([f(x[codes == j]) for j in range(5)]) for f in (np.min, np.max))
        varies = high - low > CONSTANT_TOLERANCE * np.ptp(x)
        order = rng.permutation(20)
        both = np.column_stack([x, np.ones(20)])[order]
        for found in (
            columns_vary_within(both, codes[order], 6),
            columns_vary_within(both, codes[order], 5),
        ):
            assert found[:5, 0].tolist() == varies.tolist() and not found[:, 1].any()
            assert not found[5:].any()  # a group without rows


def test_effects_estimable_in_some_group() -> None:
    rng = np.random.default_rng(6)
    Z = rng.normal(size=(40, 3, 2))
    Z[:, :, 1] = Z[:, :, 0]  # one and the same column in all groups
    A, rows = np.swapaxes(Z, 1, 2) @ Z, np.full(40, 3.0)
    assert estimable_somewhere(A, rows).tolist() == [False, False]
    for j in (0, 17, 39):
        B = A.copy()
        B[j] = np.diag([2.0, 1.0])
        assert estimable_somewhere(B, rows).tolist() == [True, True]
    B[39] = np.diag([2.0, 0.0])
    assert estimable_somewhere(B, rows).tolist() == [True, False]
