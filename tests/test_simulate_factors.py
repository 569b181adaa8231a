"""Rows of several grouping factors laid out, and groups kept or drawn anew by factor."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import hierbayes as hb

NESTED = "y ~ x + W + (1 | school/class)"
TRUTH: dict[str, Any] = dict(
    gamma=(1, 2, 3), G={"school": 4, "class": 1}, sigma=0.5, variables={"x": ("normal", 0, 1)},
    between={"school": {"W": ("normal", 0, 1)}},
)  # fmt: skip


def test_nested_groups_are_so_many_in_each() -> None:
    made = hb.simulate(NESTED, **TRUTH, groups={"school": 5, "class": 3}, sizes=2, seed=1)
    data, truth = made.data, made.truth
    assert data.groupby(["school", "class"]).size().tolist() == [2] * 15
    assert (data.groupby("school")["W"].nunique() == 1).all() and data["W"].nunique() == 5
    classes = truth.us["school:class"]["Intercept"]
    of_class = classes.loc[data["school"].astype(str) + ":" + data["class"].astype(str)]
    y = 1 + 2 * data["x"] + 3 * data["W"] + of_class.to_numpy() + truth.residuals
    assert_allclose(data["y"], y + data["school"].map(truth.us["school"]["Intercept"]))


def test_numbers_within_groups_may_differ() -> None:
    stated = {"school": ["p", "q", "r"], "school:class": [1, 2, 4]}
    made = hb.simulate(NESTED, **TRUTH, groups=stated, sizes=[1, 2, 3, 4, 5, 6, 7], seed=1).data
    sizes = made.groupby(["school", "class"]).size()
    assert sizes.to_dict() == {
        ("p", 1): 1, ("q", 1): 2, ("q", 2): 3, ("r", 1): 4, ("r", 2): 5, ("r", 3): 6, ("r", 4): 7,
    }  # fmt: skip
    drawn = hb.simulate(
        NESTED, **TRUTH, groups={"school": 50, "class": ("poisson", 1.5)}, sizes=1, seed=2
    )
    counts = drawn.data.groupby("school")["class"].nunique()
    assert counts.min() == 1 and counts.max() > 2


def test_other_factors_cross_and_cells_may_be_empty() -> None:
    formula = "y ~ 1 + (1 | subject) + (1 | item)"
    stated: dict[str, Any] = dict(gamma=[0], G={"subject": 1, "item": 1}, sigma=1, seed=3)
    full = hb.simulate(formula, **stated, groups={"subject": 7, "item": 4}, sizes=1).data
    assert full.groupby(["subject", "item"]).size().tolist() == [1] * 28
    some = hb.simulate(
        formula, **stated, groups={"subject": 70, "item": 40}, sizes=("binomial", 1, 0.3)
    ).data
    assert not some.duplicated(["subject", "item"]).any()
    assert abs(len(some) / 2800 - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 2800)


def test_one_factor_of_two_columns_is_laid_out_by_column() -> None:
    stated: dict[str, Any] = dict(gamma=[0], G=1, sigma=1, sizes=2, seed=1)
    made = hb.simulate("y ~ 1 + (1 | a:b)", groups={"a": 3, "b": 4}, **stated).data
    assert made.groupby(["a", "b"]).size().tolist() == [2] * 12
    with pytest.raises(hb.StudyError, match=r"goes by column: {'a': ..., 'b': ...}, not 3"):
        hb.simulate("y ~ 1 + (1 | a:b)", groups=3, **stated)


def test_two_of_three_factors_are_nested() -> None:
    made = hb.simulate(
        "y ~ 1 + z + (1 | a/b) + (1 | c)", gamma=[0, 1], G={"a": 1, "b": 1, "c": 1}, sigma=1,
        groups={"a": 2, "b": 3, "c": 4}, sizes=2, between={"b": {"z": ("normal", 0, 1)}}, seed=4,
    ).data  # fmt: skip
    assert made.groupby(["a", "b", "c"]).size().tolist() == [2] * 24
    assert made.groupby(["a", "b"])["z"].nunique().tolist() == [1] * 6


def test_a_fit_is_simulated_on_other_groups() -> None:
    data = hb.simulate(NESTED, **TRUTH, groups={"school": 6, "class": 3}, sizes=3, seed=1).data
    fit = hb.Model(NESTED, data).reml()
    made = hb.simulate(
        fit, groups={"school": 30, "class": 2}, sizes=2, variables=TRUTH["variables"],
        between=TRUTH["between"], seed=5,
    )  # fmt: skip
    assert [len(u) for u in made.truth.us.values()] == [30, 60]
    assert_allclose(made.truth.gamma, fit.fixef())


def test_groups_of_a_fit_are_kept_by_factor() -> None:
    data = hb.simulate(NESTED, **TRUTH, groups={"school": 6, "class": 3}, sizes=40, seed=1).data
    fit = hb.Model(NESTED, data).reml()
    far = fit.simulate(30, groups={"school": "kept"}, seed=1)
    kept, new = (fit.simulate(30, groups=one, seed=1) for one in ("kept", "new"))
    of_school = [
        one.groupby(data["school"]).mean().std(axis=1).to_numpy() for one in (kept, far, new)
    ]
    assert (of_school[0] < 0.2).all() and (of_school[2] > 1.0).all()
    assert (of_school[1] < of_school[2]).all() and (of_school[1] > of_school[0]).all()
    both = fit.simulate(2, groups={"school": "kept", "school:class": "kept"}, seed=1)
    pd.testing.assert_frame_equal(both, fit.simulate(2, groups="kept", seed=1))
    with pytest.raises(hb.DataError, match="'pupil' is no grouping factor of this model"):
        fit.simulate(2, groups={"pupil": "kept"})
    with pytest.raises(hb.DataError, match="groups must be 'new' or 'kept', not 'old'"):
        fit.simulate(2, groups={"school": "old"})


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"groups": 3},
     "groups= of several grouping columns goes by column: {'school': ..., 'class': ...}, not 3; "
     "or give data= with a column for each"),
    ({"groups": {"school": 3}},
     "groups: nothing is stated for 'class'; give its number, as in groups={'class': 5}"),
    ({"groups": {"school": 3, "class": 2, "pupil": 2}},
     "groups: 'pupil' is no grouping factor of this model; they are: 'school', 'school:class'"),
    ({"groups": {"school": 3, "class": 0}},
     "sizes: group 1 has 0 of 'class'; every group needs one at least"),
    ({"groups": {"school": 2, "class": 2}, "sizes": 0},
     "sizes: group 1 has 0 rows; every group needs one at least"),
    ({"groups": {"school": 2, "class": 2}, "between": {"W": ("normal", 0, 1)}},
     "between= of several grouping factors goes by factor, which are 'school', 'school:class', as "
     "in {'school': {'x': ('normal', 0, 1)}}; 'W' is none"),
    ({"groups": {"school": 2, "class": 2}, "between": {"school": {"class": [1, 2]}}},
     "between: 'class' is the group column; it is made from groups="),
    ({"groups": {"school": 2, "class": 2}, "variables": {"W": [1] * 8, "x": ("normal", 0, 1)}},
     "'W' is stated twice; keep one"),
)  # fmt: skip


@pytest.mark.parametrize(("changed", "message"), WRONG)
def test_wrong_layouts(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(hb.StudyError, match=f"^{re.escape(message)}$"):
        hb.simulate(NESTED, **TRUTH | {"sizes": 2} | changed, seed=1)
