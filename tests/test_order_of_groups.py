"""The order of groups: that of categories in a frame, of rows that stream, and of their sums."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design.combination_order import order_of_parts
from tests.pieces import Pieces

STEPS, SITES = ["low", "mid", "high", "top"], ["z", "y", "x"]
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "one factor": ("y ~ x + (1 | step)", {}),
    "crossed": ("y ~ x + (1 | step) + (1 | site)", {}),
    "nested": ("y ~ x + (1 | step/number)", {}),
    "crossed, errors": ("y ~ x + (1 | step) + (1 | site)", {"residual": "Strata('sex')"}),
    "nested, errors": ("y ~ x + (1 | step/number)", {"residual": "Strata('sex')"}),
    "counts": ("n ~ x + (1 | step)", {"family": "poisson"}),
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng, at = np.random.default_rng(5), np.arange(240)
    step, site = at % 4, at // 4 % 3
    return pd.DataFrame({
        "x": rng.normal(size=240), "sex": np.where(at // 12 % 2, "m", "f"),
        "y": rng.normal(size=240) + rng.normal(size=4)[step] + rng.normal(size=3)[site],
        "n": rng.poisson(2, 240), "number": at // 7 % 11,
        "step": pd.Categorical.from_codes(step, STEPS),
        "site": pd.Categorical.from_codes(site, SITES),
    })  # fmt: skip


def stated(arguments: dict[str, Any]) -> dict[str, Any]:
    errors = {"residual": hb.residuals.Strata("sex")} if "residual" in arguments else {}
    return {**arguments, **errors}


@pytest.mark.parametrize("name", CASES)
def test_rows_that_stream_have_the_groups_of_a_frame(
    name: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    formula, arguments = CASES[name][0], stated(CASES[name][1])
    frame.to_parquet(tmp_path / "rows.parquet")
    memory = hb.Model(formula, frame, **arguments).ml()
    for data in (Pieces(frame, (100, 130)), tmp_path / "rows.parquet"):
        fit = hb.Model(formula, data=data, **arguments).ml()
        assert fit.loglik == pytest.approx(memory.loglik, abs=1e-7)
        for mine, whole in zip(fit.design.factors, memory.design.factors, strict=True):
            assert mine.labels.tolist() == whole.labels.tolist()
            theirs = memory.ranef(factor=whole.name)
            pd.testing.assert_frame_equal(fit.ranef(factor=whole.name), theirs, atol=1e-5)
    assert memory.design.factors[0].labels.tolist() == STEPS


@pytest.mark.parametrize("name", [name for name in CASES if name != "counts"])
def test_sums_of_parts_have_them_too(name: str, frame: pd.DataFrame) -> None:
    """Of parts that lack groups of the others, however they are added up."""
    formula, arguments = CASES[name][0], stated(CASES[name][1])
    few = frame.iloc[100:200].query("step != 'mid' and site != 'y'")
    rows = [frame[:100], few, frame[200:]]
    parts = [hb.CrossProducts(formula, one, **arguments) for one in rows]
    memory = hb.Model(formula, pd.concat(rows), **arguments).ml()
    for one, *others in (parts, parts[::-1]):
        fit = hb.Model(formula, data=one.merge(*others)).ml()
        assert fit.loglik == pytest.approx(memory.loglik, abs=1e-7)
        for mine, whole in zip(fit.design.factors, memory.design.factors, strict=True):
            theirs = memory.ranef(factor=whole.name)
            found = fit.ranef(factor=mine.name)
            pd.testing.assert_frame_equal(found.loc[theirs.index], theirs, atol=1e-5)
        assert fit.design.factors[0].labels.tolist() == STEPS


def test_parts_that_contradict_each_other_are_sorted() -> None:
    labels = pd.Index(["a", "b", "c"])
    assert order_of_parts(labels, [pd.Index(["b", "a"]), pd.Index(["a", "b"])]) is None
    assert order_of_parts(labels, [pd.Index(["a", "c"]), pd.Index(["b", "c"])]) is None
    found = order_of_parts(labels, [pd.Index(["c", "a"]), pd.Index(["b"])])
    assert found is not None
    assert labels[found].tolist() == ["b", "c", "a"]
