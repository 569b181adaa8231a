"""Pictures of raw data: quantiles, lines by least squares, and what cannot be drawn."""

from __future__ import annotations

from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.plots.scatter import least_squares_line
from hierbayes.plots.trellis import LEGIBLE
from tests.drawn import refused

pytestmark = pytest.mark.slow

plots = hb.plots


@pytest.fixture(scope="module")
def orthodont() -> pd.DataFrame:
    return hb.load_dataset("orthodont")


@pytest.fixture(scope="module")
def sleepstudy() -> pd.DataFrame:
    return hb.load_dataset("sleepstudy")


# ---------------------------------------------------------------- uniform quantiles


def test_numbers_are_lined_up(hs: pd.DataFrame) -> None:
    frame = plots.uniform_quantiles_frame(hs)
    assert frame.variables.index.tolist() == hs.columns.tolist()
    kinds = frame.variables["kind"]
    assert kinds[kinds == "factor"].index.tolist() == ["school", "Sex", "Minority", "Sector"]
    for name in ("mathach", "ses", "PRACAD", "HIMINTY"):
        rows = frame.numbers[frame.numbers["variable"] == name]
        assert_allclose(rows["value"], sorted(hs[name].tolist()), rtol=0)
        assert_allclose(rows["fraction"], (np.arange(1, 1978) - 0.5) / 1977, rtol=1e-14)


def test_levels_are_counted(hs: pd.DataFrame) -> None:
    frame = plots.uniform_quantiles_frame(hs, ["Sex", "Sector"]).factors
    assert frame["level"].tolist() == ["Female", "Male", "Catholic", "Public"]
    assert frame["count"].tolist() == [1074, 903, 1144, 833]
    assert_allclose(frame["share"], np.array([1074, 903, 1144, 833]) / 1977, rtol=1e-14)


def test_missing_values_are_counted_and_left_out() -> None:
    data = pd.DataFrame(
        {"a": [3.0, np.nan, 1.0], "b": ["v", None, "u"], "c": [True, False, True]}
    )  # fmt: skip
    frame = plots.uniform_quantiles_frame(data)
    assert frame.variables["missing"].tolist() == [1, 1, 0]
    assert frame.variables["n"].tolist() == [2, 2, 3]
    assert frame.numbers["value"].tolist() == [1.0, 3.0]
    assert frame.numbers["fraction"].tolist() == [0.25, 0.75]
    assert frame.factors["level"].tolist() == ["u", "v", "False", "True"]
    figure = plots.plot_uniform_quantiles(data)
    assert figure.axes[0].get_title("right") == "1 missing"
    assert figure.axes[2].get_title("right") == ""


def test_drawn_quantiles_are_those_of_the_frame(sleepstudy: pd.DataFrame) -> None:
    frame = plots.uniform_quantiles_frame(sleepstudy)
    figure = plots.plot_uniform_quantiles(sleepstudy)
    subject, reaction, _ = figure.axes
    rows = frame.numbers[frame.numbers["variable"] == "Reaction"]
    points, mean = reaction.lines
    assert_allclose(np.asarray(points.get_xydata()), rows[["fraction", "value"]])
    assert_allclose(np.asarray(mean.get_ydata()), sleepstudy["Reaction"].mean())
    bars = [bar for bar in subject.patches if isinstance(bar, Rectangle)]
    assert len(bars) == 18
    assert_allclose([bar.get_height() for bar in bars], 1.0 / 18.0)
    assert subject.get_xlabel() == "18 levels"


def test_what_has_no_quantiles(hs: pd.DataFrame) -> None:
    refused(
        lambda: plots.uniform_quantiles_frame(hs, ["sez"]), hb.DataError,
        "there is no column 'sez' in the data; did you mean 'ses'? its columns are: school, "
        "mathach, ses, Sex, Minority, Size, Sector, PRACAD, DISCLIM, HIMINTY",
    )  # fmt: skip
    refused(
        lambda: plots.uniform_quantiles_frame(pd.DataFrame({"a": [np.nan, np.nan]})),
        hb.DataError, "'a' is missing in every row; leave it out",
    )  # fmt: skip
    refused(
        lambda: plots.uniform_quantiles_frame(hs, "ses"),
        hb.StudyError, "variables must be a list of columns, not 'ses'",
    )  # fmt: skip
    refused(
        lambda: plots.uniform_quantiles_frame([1.0]),
        hb.DataError, "data must be a pandas DataFrame, not list",
    )  # fmt: skip


# ---------------------------------------------------------------- least squares


def test_least_squares_line_is_that_of_polyfit() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(1e4, 1.0, 30)
    y = rng.normal(size=30) + 2.0 * (x - 1e4)
    slope, height = np.polyfit(x - 1e4, y, 1)
    ends = least_squares_line(x, y)
    assert_allclose(ends[:, 0], [x.min(), x.max()], rtol=0)
    assert_allclose(ends[:, 1], height + slope * (ends[:, 0] - 1e4), rtol=1e-9)
    assert least_squares_line(np.ones(4), np.arange(4.0)).shape == (0, 2)
    assert least_squares_line(np.ones(1), np.ones(1)).shape == (0, 2)


def test_data_space_is_pooled_and_by_school(hs: pd.DataFrame) -> None:
    frame = plots.data_space_frame(hs, "mathach ~ ses | school", by="Sector")
    assert_allclose(frame.points[["x", "y"]], hs[["ses", "mathach"]], rtol=0)
    for sector, rows in hs.groupby("Sector", observed=True):
        slope, intercept = np.polyfit(rows["ses"], rows["mathach"], 1)
        ends = frame.pooled[frame.pooled["by"] == sector]
        assert_allclose(ends["y"], intercept + slope * ends["x"], rtol=1e-10)
        assert_allclose(ends["x"], [rows["ses"].min(), rows["ses"].max()], rtol=0)
    assert len(frame.groups) == 2 * 40
    for school, rows in hs.groupby("school", observed=True):
        slope, intercept = np.polyfit(rows["ses"], rows["mathach"], 1)
        ends = frame.groups[frame.groups["group"] == school]
        assert_allclose(ends["y"], intercept + slope * ends["x"], rtol=1e-9)
        assert ends["by"].unique().tolist() == [rows["Sector"].iloc[0]]


def test_pooled_lines_of_method_1(hs: pd.DataFrame) -> None:
    """The slopes and intercepts of lm(mathach ~ ses * Sector)."""
    pooled = plots.data_space_frame(hs, "mathach ~ ses", by="Sector").pooled
    X = np.column_stack([np.ones(len(hs)), hs["ses"], hs["Sector"] == "Public"]).astype(float)
    X = np.column_stack([X, X[:, 1] * X[:, 2]])
    a, b, c, d = np.linalg.lstsq(X, hs["mathach"].to_numpy(), rcond=None)[0]
    for sector, (height, slope) in {"Catholic": (a, b), "Public": (a + c, b + d)}.items():
        ends = pooled[pooled["by"] == sector]
        assert_allclose(ends["y"], height + slope * ends["x"], rtol=1e-10)


def test_drawn_data_space_is_the_frame(orthodont: pd.DataFrame) -> None:
    frame = plots.data_space_frame(orthodont, "distance ~ age | Subject", by="Sex")
    figure = plots.plot_data_space(orthodont, "distance ~ age | Subject", by="Sex")
    lines = figure.axes[0].lines
    boys = frame.points[frame.points["by"] == "Male"]
    assert_allclose(np.asarray(lines[0].get_xydata()), boys[["x", "y"]])
    drawn = [line for line in lines if line.get_linewidth() == 3.2]
    assert_allclose(
        np.vstack([np.asarray(line.get_xydata()) for line in drawn]), frame.pooled[["x", "y"]]
    )
    assert len({str(line.get_linestyle()) for line in drawn}) == 2
    assert (
        len(
            [
                line
                for line in lines
                if line.get_linewidth() == 0.8 and len(np.asarray(line.get_xdata()))
            ]
        )
        == 27
    )


def test_one_line_where_nothing_tells_rows_apart(hs: pd.DataFrame) -> None:
    frame = plots.data_space_frame(hs, "mathach ~ ses")
    slope, intercept = np.polyfit(hs["ses"], hs["mathach"], 1)
    assert_allclose(frame.pooled["y"], intercept + slope * frame.pooled["x"], rtol=1e-10)
    assert frame.pooled["by"].unique().tolist() == ["all rows"]
    assert frame.groups.empty and frame.group is None


# ---------------------------------------------------------------- trellis


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("hs", "mathach ~ ses | school"),
        ("sleepstudy", "Reaction ~ Days | Subject"),
        ("orthodont", "distance ~ age | Subject"),
    ],
)
def test_each_group_has_its_least_squares_line(name: str, formula: str) -> None:
    data = hb.load_dataset(name)
    frame = plots.trellis_frame(data, formula)
    assert frame.shown == ""
    assert frame.panels.index.tolist() == data[frame.panel].cat.categories.tolist()
    for group, rows in data.groupby(frame.panel, observed=True):
        slope, intercept = np.polyfit(rows[frame.x], rows[frame.y], 1)
        ends = frame.lines[frame.lines["panel"] == group]
        assert ends["line"].unique().tolist() == ["least squares"]
        assert_allclose(ends["y"], intercept + slope * ends["x"], rtol=1e-9)
        points = frame.points[frame.points["panel"] == group]
        assert_allclose(points[["x", "y"]], rows[[frame.x, frame.y]], rtol=0)
        assert frame.panels.loc[group, "n"] == len(rows)


def test_a_line_for_each_level(hs: pd.DataFrame) -> None:
    frame = plots.trellis_frame(hs, "mathach ~ ses | Sector", by="Sex")
    assert len(frame.lines) == 8
    for (sector, sex), rows in hs.groupby(["Sector", "Sex"], observed=True):
        slope, intercept = np.polyfit(rows["ses"], rows["mathach"], 1)
        ends = frame.lines[(frame.lines["panel"] == sector) & (frame.lines["line"] == sex)]
        assert_allclose(ends["y"], intercept + slope * ends["x"], rtol=1e-10)


def test_a_level_with_one_row_has_points_and_no_line() -> None:
    data = pd.DataFrame({"g": list("aaab"), "y": [1.0, 2.0, 4.0, 5.0], "x": [0.0, 1.0, 2.0, 3.0]})
    frame = plots.trellis_frame(data, "y ~ x | g")
    assert frame.lines["panel"].unique().tolist() == ["a"]
    assert frame.points["panel"].tolist() == list("aaab")
    assert len(plots.plot_trellis(data, "y ~ x | g").axes) == 2


def test_panels_are_ordered(hs: pd.DataFrame) -> None:
    formula = "mathach ~ ses | school"
    schools = hs.groupby("school", observed=True)
    means = schools["mathach"].mean().sort_values(kind="stable")
    assert (
        plots.trellis_frame(hs, formula, order="mean").panels.index.tolist() == means.index.tolist()
    )
    sizes = schools.size().sort_values(kind="stable")
    assert plots.trellis_frame(hs, formula, order="size").panels["n"].tolist() == sizes.tolist()
    by_sector = plots.trellis_frame(hs, formula, order="Sector").panels
    catholic = [s for s, rows in schools if rows["Sector"].iloc[0] == "Catholic"]
    assert by_sector.index[:21].tolist() == catholic
    assert by_sector["title"].iloc[0] == "1317 · Catholic"
    by_size = plots.trellis_frame(hs, formula, order="Size").panels
    enrolled = schools["Size"].first().loc[by_size.index]
    assert enrolled.is_monotonic_increasing
    assert by_size["title"].iloc[0] == f"{by_size.index[0]} · {enrolled.iloc[0]}"


def test_so_many_groups_are_legible(hsfull: pd.DataFrame) -> None:
    formula = "mathach ~ ses | school"
    frame = plots.trellis_frame(hsfull, formula)
    assert len(frame.panels) == LEGIBLE == 40
    assert frame.shown == "40 of 160 groups (school); groups= or max_groups= choose others"
    stated = plots.trellis_frame(hsfull, formula, max_groups=9)
    assert stated.shown == "9 of 160 groups (school)"
    sizes = hsfull["school"].value_counts()
    assert {sizes.min(), sizes.max()} <= set(frame.panels["n"])
    figure = plots.plot_trellis(hsfull, formula)
    assert figure.get_suptitle() == f"mathach against ses by school\n{frame.shown}"
    assert len(plots.trellis_frame(hsfull, formula, max_groups=200).panels) == 160
    some = plots.trellis_frame(hsfull, formula, groups=["9586", "1224"])
    assert some.panels.index.tolist() == ["1224", "9586"]


def test_drawn_trellis_is_the_frame(hs: pd.DataFrame) -> None:
    frame = plots.trellis_frame(hs, "mathach ~ ses | school", by="Sex", order="mean")
    figure = plots.plot_trellis(hs, "mathach ~ ses | school", by="Sex", order="mean")
    assert len(figure.axes) == 40
    assert [panel.get_title("center") for panel in figure.axes] == frame.panels["title"].tolist()
    for panel, school in zip(figure.axes, frame.panels.index, strict=True):
        points = frame.points[frame.points["panel"] == school].sort_values("by", kind="stable")
        lines = frame.lines[frame.lines["panel"] == school]
        drawn = np.vstack(
            [
                np.asarray(line.get_xydata())
                for line in panel.lines
                if len(np.asarray(line.get_xdata()))
            ]
        )
        assert_allclose(drawn, np.vstack([points[["x", "y"]], lines[["x", "y"]]]))


def test_axes_of_ones_own(hs: pd.DataFrame) -> None:
    axes = matplotlib.figure.Figure().subplots(1, 2)
    figure = plots.plot_trellis(hs, "mathach ~ ses | Sector", ax=axes)
    assert figure is axes[0].figure
    assert axes[0].get_xlabel() == "ses"
    refused(
        lambda: plots.plot_trellis(hs, "mathach ~ ses | Sector", ax=axes[0]), hb.StudyError,
        "this picture has 2 panels, and ax has 1; give as many axes, or leave ax out",
    )  # fmt: skip


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("formula", "more", "kind", "message"),
    [
        ("mathach, ses", {}, hb.StudyError,
         "cannot read 'mathach, ses': write columns as in 'y ~ x' or 'y ~ x | group'"),
        ("mathach ~ ses |", {}, hb.StudyError,
         "cannot read 'mathach ~ ses |': write columns as in 'y ~ x' or 'y ~ x | group'"),
        (3, {}, hb.StudyError, "a picture of data takes a formula 'y ~ x | group', not 3"),
        ("mathach ~ ses", {}, hb.StudyError,
         "'mathach ~ ses' names no panels; write 'mathach ~ ses | group'"),
        ("mathach ~ Sex | school", {}, hb.DataError,
         "'Sex' holds no numbers, and an axis of this picture needs some"),
        ("mathach ~ ses | school", {"by": "school"}, hb.StudyError,
         "'school' has 40 levels, and by= tells at most 6 apart; group them first"),
        ("mathach ~ ses | school", {"order": "Sex"}, hb.StudyError,
         "'Sex' varies within 'school', and panels are ordered by a column that does not, or by "
         "'mean' or 'size'"),
        ("mathach ~ ses | school", {"groups": ["1"]}, hb.StudyError,
         "there is no group '1' in 'school'; they are: 1317, 1906, 2208, 2458, 2626, ..."),
        ("mathach ~ ses | school", {"groups": ["1317"], "max_groups": 3}, hb.StudyError,
         "groups= and max_groups= are both stated; keep one"),
        ("mathach ~ ses | school", {"fit": 3}, hb.StudyError,
         "fit= takes what model.reml(), ml(), map() or sample() returns, not an object of type "
         "int"),
    ],
)  # fmt: skip
def test_what_is_no_trellis(
    hs: pd.DataFrame,
    formula: Any,
    more: dict[str, Any],
    kind: type[hb.HierbayesError],
    message: str,
) -> None:
    refused(lambda: plots.trellis_frame(hs, formula, **more), kind, message)
