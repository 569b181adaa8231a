"""Designs with other numbers of levels of several grouping factors."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.studies.calibration.designs import Size, read_groups, resized

NESTED, CROSSED = "y ~ x + (1 | school/class)", "y ~ x + (1 | p) + (1 | q)"


@pytest.fixture(scope="module")
def nested() -> hb.Model:
    """Six schools, of two to four classes of three rows; x tells the row."""
    schools = np.repeat(np.arange(6), [2, 3, 4, 2, 3, 4])
    classes = np.concatenate([np.arange(k) for k in (2, 3, 4, 2, 3, 4)])
    frame = pd.DataFrame({"school": schools, "class": classes})
    return made(frame.loc[frame.index.repeat(3)].reset_index(drop=True), NESTED)


@pytest.fixture(scope="module")
def crossed() -> hb.Model:
    """Six by five levels, of which a cell in three is empty; two rows a cell."""
    cells = pd.DataFrame([(p, q) for p in range(6) for q in range(5) if (p + q) % 3],
                         columns=["p", "q"])  # fmt: skip
    return made(cells.loc[cells.index.repeat(2)].reset_index(drop=True), CROSSED)


def made(frame: pd.DataFrame, formula: str) -> hb.Model:
    rng = np.random.default_rng(5)
    frame["x"] = np.arange(len(frame)) * 1.0
    frame["y"] = rng.normal(size=len(frame))
    return hb.Model(formula, frame)


def design_of(model: hb.Model, rows: int | None = None, **groups: int) -> pd.DataFrame:
    """The rows of a design: x of the row each was drawn from, and its new groups."""
    factors = model.specification.factors
    named = tuple((name, groups[name.split(":")[-1]]) for name in factors
                  if name.split(":")[-1] in groups)  # fmt: skip
    design = resized(model, Size(named or None, rows), 1).design
    found = pd.DataFrame({"x": design.rows.X[:, 1].astype(int)})
    for factor, codes in zip(design.factors, design.rows.codes_of, strict=True):
        found[factor.name.split(":")[-1]] = codes
    return found


def test_nested_levels_are_drawn_within_each_of_the_others(nested: hb.Model) -> None:
    found = design_of(nested, school=15, **{"class": 3})
    assert found["school"].nunique() == 15 and found["class"].nunique() == 45
    assert (found.groupby("class").size() == 3).all()
    old = nested.data.iloc[found["x"]].reset_index(drop=True)
    for new in ("school", "class"):  # a new level is of one old one alone
        assert (old.groupby(found[new])["school"].nunique() == 1).all()
    assert (old["class"].groupby(found["class"]).nunique() == 1).all()
    counts = old["school"].groupby(found["school"]).first().value_counts()
    assert sorted(counts) == [2, 2, 2, 3, 3, 3]
    within = old.groupby(found["school"])["class"].nunique()
    assert (within == old.groupby(found["school"])["school"].first().map(
        nested.data.groupby("school")["class"].nunique()).clip(upper=3)).all()  # fmt: skip


def test_classes_stay_where_schools_alone_are_drawn(nested: hb.Model) -> None:
    found = design_of(nested, school=12)
    assert len(found) == 2 * len(nested.data) and found["class"].nunique() == 36
    alone = design_of(nested, rows=2)
    assert len(alone) == 36 and alone["school"].nunique() == 6


def test_cells_that_cross_keep_their_pattern(crossed: hb.Model) -> None:
    found = design_of(crossed, p=12, q=10)
    assert len(found) == 4 * len(crossed.data)
    old = crossed.data.iloc[found["x"]].reset_index(drop=True)
    for new, of in (("p", "p"), ("q", "q")):
        assert (old.groupby(found[new])[of].nunique() == 1).all()
        assert found[new].nunique() == 2 * crossed.data[of].nunique()
    assert (found.groupby(["p", "q"]).size() == 2).all()
    assert ((old["p"] + old["q"]) % 3 != 0).all()
    one = design_of(crossed, rows=1, p=3)
    assert one["p"].nunique() == 3 and one["q"].nunique() == 5
    assert not one.duplicated(["p", "q"]).any()


def test_levels_told_by_two_others_are_theirs() -> None:
    cells = pd.DataFrame([(p, q) for p in range(4) for q in range(3)], columns=["p", "q"])
    rows = cells.loc[cells.index.repeat(3)].reset_index(drop=True)
    model = made(rows, "y ~ x + (1 | p) + (1 | q) + (1 | p:q)")
    design = resized(model, Size((("p", 6), ("q", 4)), None), 1).design
    assert [factor.J for factor in design.factors] == [6, 4, 24]
    with pytest.raises(hb.StudyError, match="the levels of 'p:q' are the combinations of other"):
        resized(model, Size((("p:q", 6),), None), 1)


def test_power_by_factor(nested: hb.Model) -> None:
    truth: dict[str, Any] = dict(gamma=[0, 0.1], G=np.diag([1.0, 0.5]), sigma=1)
    found = hb.power(
        nested, ["x"], truth, groups={"class": 2, "school": [3, 6]}, replications=4, seed=1,
        progress=False, cores=1,
    )  # fmt: skip
    assert found.table.index.get_level_values("groups").tolist() == [3, 6]
    assert found.table["rows in all"].tolist() == [18, 36]
    assert found.factor == "school"
    said = "the number of 'school'; 2 of 'school:class'; of a nested factor in each, other cells as"
    assert said in " ".join(str(found).split())
    assert hb.plots.plot_power_curve(found).axes[0].get_xlabel() == "groups (school)"


WRONG: tuple[tuple[Any, str], ...] = (
    ([20], "groups= of several grouping factors goes by factor, as in {'school': [20]}; they are: "
     "'school', 'school:class'"),
    ({"pupil": 3}, "groups: 'pupil' is no grouping factor of this model; they are: 'school', "
     "'school:class'"),
    ({"school": [2, 3], "class": [2, 3]},
     "groups: 'school', 'school:class' have several numbers each; vary one, and give one number of "
     "the others"),
    ({"school": 0}, "groups are whole numbers of at least 1, one or several, not 0"),
)  # fmt: skip


@pytest.mark.parametrize(("stated", "message"), WRONG)
def test_wrong_numbers_of_groups(stated: Any, message: str) -> None:
    with pytest.raises(hb.StudyError, match=f"^{re.escape(message)}$"):
        read_groups(stated, ("school", "school:class"))
