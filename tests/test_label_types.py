"""Groups of several columns are the same whatever types the columns have, and data that change."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb

FORMULA = "y ~ x + (1 | a/b)"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    r = np.random.default_rng(5)
    frame = pd.DataFrame({"x": r.normal(size=200), "a": r.integers(0, 8, 200)})
    frame["b"] = r.integers(0, 5, 200)
    cell = 5 * frame["a"] + frame["b"]
    frame["y"] = frame["x"] + r.normal(size=8)[frame["a"]] + r.normal(size=40)[cell]
    return frame.assign(y=frame["y"] + r.normal(size=200))


@pytest.fixture(scope="module")
def fit(data: pd.DataFrame) -> hb.PointFit:
    return hb.Model(FORMULA, data).reml()


TYPES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "floats": lambda a: a.astype(float),
    "narrow floats": lambda a: a.astype("float32"),
    "nullable": lambda a: a.astype("Int64"),
    "arrow": lambda a: a.astype("float64[pyarrow]"),
    "decimals": lambda a: a.map(Decimal),
    "categories": lambda a: a.astype(float).astype("category"),
}


@pytest.mark.parametrize("name", TYPES)
def test_whole_numbers_are_one_label_in_every_type(
    fit: hb.PointFit, data: pd.DataFrame, name: str
) -> None:
    other = data.assign(a=TYPES[name](data["a"]))
    for new_groups in ("refuse", "population", "sample"):
        predicted = fit.predict(other, new_groups=new_groups)
        pd.testing.assert_series_equal(predicted, fit.predict(data), rtol=1e-12)
    again = hb.Model(FORMULA, other).reml()
    assert again.ranef(factor="a:b").index.tolist() == fit.ranef(factor="a:b").index.tolist()
    pd.testing.assert_series_equal(again.predict(data), fit.predict(data), rtol=1e-7)


def test_a_missing_label_leaves_the_others_what_they_are(
    fit: hb.PointFit, data: pd.DataFrame
) -> None:
    """It makes floats of a column of whole numbers."""
    gap = pd.concat([data.iloc[100:], data.head(1).assign(a=np.nan)])
    parts = [hb.CrossProducts(FORMULA, data=part) for part in (data.iloc[:100], gap)]
    joined = hb.Model(FORMULA, data=parts[0] + parts[1]).reml()
    assert joined.loglik == pytest.approx(fit.loglik, rel=1e-11)


def test_days_are_one_label_with_and_without_other_hours(data: pd.DataFrame) -> None:
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(data["a"], unit="D")
    mixed = data.assign(a=days.where(data["a"] != 3, days + pd.Timedelta("3h")))
    fit = hb.Model(FORMULA, mixed).reml()
    whole = mixed[data["a"] != 3]
    pd.testing.assert_series_equal(fit.predict(whole), fit.predict(mixed)[whole.index], rtol=1e-12)
    labels = {label.split(":")[0] for label in fit.ranef(factor="a:b").index}
    assert {"2026-01-01", "2026-01-04 03"} <= labels


@pytest.mark.parametrize("new_groups", ["population", "sample"])
def test_a_group_of_another_type_is_no_new_group(data: pd.DataFrame, new_groups: str) -> None:
    fit = hb.Model("y ~ x + (1 | a)", data).reml()
    new = data.head(3).assign(a=["7", "8", "9"])
    with pytest.raises(hb.DataError) as caught:
        fit.predict(new, new_groups=new_groups)
    assert str(caught.value) == (
        "there is no group '7' in 'a': the data call it 7, of type int; give 'a' of the new rows "
        "the type that it has in the data"
    )
    others = new.assign(a=["8", "9", "10"])
    pd.testing.assert_series_equal(
        fit.predict(others, new_groups=new_groups), fit.predict(new, effects="none")
    )


CHANGES: dict[str, tuple[Callable[[pd.DataFrame], object], str]] = {
    "values": (lambda d: d.__setitem__("y", -d["y"]), "'y'"),
    "rows": (lambda d: d.loc.__setitem__(500, d.loc[0]), "201 rows, and there were 200"),
    "order": (
        lambda d: setattr(d, "index", d.index[::-1]),
        "rows have other labels, or another order",
    ),
    "missing": (lambda d: d.__setitem__("x", d["x"].mask(d["x"] > 1)), "other values are missing"),
    "columns": (lambda d: d.__delitem__("x"), "there is no column 'x' any more"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_data_that_have_changed_are_refused(data: pd.DataFrame, name: str) -> None:
    """What the model has of them stays as it was."""
    change, what = CHANGES[name]
    mine = data.copy()
    model = hb.Model("y ~ x + (1 | a)", mine)
    before = model.reml().loglik
    change(mine)
    for ask in (
        lambda: model.emit("lme4"),
        lambda: hb.build_random(model, ["x"]),
        lambda: hb.datagrid(model, x=[0, 1]),
    ):
        with pytest.raises(hb.DataError) as caught:
            ask()
        assert str(caught.value) == (
            f"the data have changed since the model was made ({what}): make it again, or make it "
            "of a copy, hb.Model(formula, data.copy())"
        )
    assert model.reml().loglik == before


def test_a_column_that_is_added_changes_nothing(data: pd.DataFrame) -> None:
    mine = data.copy()
    model = hb.Model("y ~ x + (1 | a)", mine)
    mine["z"] = 1.0
    assert list(model.data) == ["x", "a", "b", "y", "z"]
    mine["y"] = 0.0  # after it was asked for
    pd.testing.assert_series_equal(model.data["y"], data["y"])
