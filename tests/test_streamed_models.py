"""Models of rows that stream, with weights, counts, offsets and several factors, as in memory."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design.sparse_products import RowsRoot, SparseProducts
from tests.pieces import Pieces, in_pieces
from tests.small_residuals import FACTORS, make_factors
from tests.test_small_residuals_factors import EXACT

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "offset in the formula": ("y ~ x * w + offset(log(size)) + (1 + x | g)", {}),
    "offset": ("y ~ x + kind + (1 | g)", {"offset": "x + 2 * size"}),
    "weights": ("y ~ x * w + (1 + x | g)", {"weights": "size"}),
    "counts": ("y ~ x + w + kind + (1 + x | g)", {"counts": "times"}),
    "all three": (
        "y ~ x + w + (1 + x || g)",
        {"weights": "size", "counts": "times", "offset": "w"},
    ),
    "known sd": ("y ~ x + (1 | g)", {"known_sd": "size"}),
    "nested": ("y ~ x + w + (1 + x | g) + (1 | g:h)", {}),
    "crossed": ("y ~ x + w + (1 + x | g) + (1 | h)", {"weights": "size", "counts": "times"}),
    "nested and crossed": ("y ~ x + (1 | g/h) + (1 | kind)", {"offset": "size"}),
}


def made(n: int = 600, J: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    g, h = rng.integers(0, J, n), rng.integers(0, 7, n)
    x, w = rng.normal(3.0, 1.0, n), rng.normal(size=J)[g]
    size = rng.gamma(4.0, 0.25, n)
    u, v, both = rng.normal(size=(J, 2)), rng.normal(size=7), rng.normal(size=(J, 7))
    y = 1.0 + x + u[g, 0] + 0.5 * u[g, 1] * x + v[h] + both[g, h] + rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "y": y, "x": x, "w": w, "g": g, "h": np.array(list("gfedcba"))[h], "size": size,
            "times": rng.integers(0, 4, n), "kind": np.array(list("uvwxyz"))[rng.integers(0, 6, n)],
        }
    )  # fmt: skip
    frame.loc[[7, n // 2], "x"] = np.nan
    return frame


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return made()


def assert_same_products(stream: hb.Model, memory: hb.Model) -> None:
    """By level and by pair of levels, in the user's units."""
    mine, theirs = stream.problem.working, memory.problem.working
    assert isinstance(mine, SparseProducts)
    assert isinstance(theirs, SparseProducts)
    Ts = [np.linalg.inv(one.basis.z.matrix) for one in (mine, theirs)]
    for at, a, b in zip(mine.spans, mine.levels, theirs.levels, strict=True):
        assert a.labels.equals(b.labels)
        np.testing.assert_allclose(a.rows, b.rows, rtol=1e-12)
        close(*(T[at, at].T @ one.A @ T[at, at] for T, one in zip(Ts, (a, b), strict=True)))
    for pairs in zip(mine.pairs, theirs.pairs, strict=True):
        for name in ("i", "j"):
            np.testing.assert_array_equal(getattr(pairs[0], name), getattr(pairs[1], name))
        left, right = mine.spans[pairs[0].first], mine.spans[pairs[0].second]
        both = zip(Ts, pairs, strict=True)
        close(*(T[left, left].T @ one.values @ T[right, right] for T, one in both))


def close(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * np.abs(b).max())


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_chunks_and_order_do_not_matter(frame: pd.DataFrame, name: str, seed: int) -> None:
    formula, words = MODELS[name]
    memory = hb.Model(formula, frame, **words)
    stream = hb.Model(formula, data=in_pieces(frame, seed), **words)
    assert str(stream) == str(memory)
    if isinstance(memory.problem.working, SparseProducts):
        assert_same_products(stream, memory)
    a, b = memory.reml(), stream.reml()
    assert b.loglik == pytest.approx(a.loglik, rel=1e-10)
    pd.testing.assert_series_equal(b.fixef(), a.fixef(), rtol=1e-8)
    pd.testing.assert_frame_equal(b.var_corr(), a.var_corr(), rtol=1e-6)
    pd.testing.assert_frame_equal(b.intervals(), a.intervals(), rtol=1e-6)


@pytest.mark.parametrize("name", ["all three", "nested and crossed"])
def test_pages_and_effects_are_those_of_the_frame(frame: pd.DataFrame, name: str) -> None:
    formula, words = MODELS[name]
    memory = hb.Model(formula, frame, **words).reml()
    stream = hb.Model(formula, data=in_pieces(frame, 4), **words).reml()
    assert str(memory.summary()).startswith(str(stream.summary()).rstrip())
    for factor in memory.design.specification.factors:
        for what in ("ranef", "coef"):
            a, b = (getattr(one, what)(factor) for one in (memory, stream))
            pd.testing.assert_frame_equal(b, a, rtol=1e-6, atol=1e-8)
    assert tuple(memory.design.columns.between_of) == stream.design.columns.between_of
    np.testing.assert_allclose(stream.design.rows.spread, memory.design.rows.spread, rtol=1e-9)


def test_default_priors_see_rows_and_not_their_weights(frame: pd.DataFrame) -> None:
    formula, words = MODELS["all three"]
    memory, stream = (
        hb.Model(formula, data=data, **words).priors for data in (frame, in_pieces(frame, 5))
    )
    assert str(stream) == str(memory)


def test_what_is_little_beside_x_keeps_its_digits_with_several_factors(frame: pd.DataFrame) -> None:
    rng = np.random.default_rng(2)
    small = 1e4 * frame["x"].fillna(0.0) + 0.1 * rng.normal(size=12)[frame["g"]]
    data = frame.assign(y=small + 0.1 * rng.normal(size=len(frame)))
    formula = "y ~ x + (1 | g) + (1 | h)"
    memory, stream = (hb.Model(formula, data=one).reml() for one in (data, in_pieces(data, 6)))
    assert stream.loglik == pytest.approx(memory.loglik, rel=1e-9)
    assert stream.sigma == pytest.approx(memory.sigma, rel=1e-8)


@pytest.mark.parametrize("name", FACTORS)
def test_effects_far_larger_than_the_residual_keep_its_digits(name: str, tmp_path: Path) -> None:
    formula, exact = FACTORS[name].formula, EXACT[name]["REML"]
    fit = hb.Model(formula, data=in_pieces(make_factors(name)[0], 1)).reml()
    fit.save(tmp_path / "small.fit")
    for one in (fit, hb.load_fit(tmp_path / "small.fit")):
        assert one.loglik == pytest.approx(exact["loglik"], abs=1e-6)
        assert one.sigma == pytest.approx(exact["sigma"], rel=1e-6)
        np.testing.assert_allclose(one.theta.sd.ravel(), exact["sd"], rtol=1e-6)
        np.testing.assert_allclose(np.sqrt(np.diag(one.vcov())), exact["se"], rtol=1e-6)


def test_products_that_may_lack_digits_are_helped_by_the_rows(frame: pd.DataFrame) -> None:
    u, v = 300.0 * np.sin(np.arange(12)), 200.0 * np.cos(np.arange(7))
    far = u[frame["g"]] + v[frame["h"].map("abcdefg".index)]
    data = frame.assign(y=frame["y"] + far)
    memory, stream = (
        hb.Model("y ~ x + (1 | g) + (1 | h)", data=one, weights="size").reml()
        for one in (data, in_pieces(data, 2))
    )
    rows = cast(SparseProducts, stream.problem.products).rows
    assert isinstance(rows, RowsRoot)
    assert rows.R.shape == (22, 22)  # 12 + 7 effects, two columns of X and y
    assert stream.loglik == pytest.approx(memory.loglik, rel=1e-10)
    assert stream.sigma == pytest.approx(memory.sigma, rel=1e-9)


def test_groups_of_wide_numbers_come_in_any_order(frame: pd.DataFrame) -> None:
    data = frame.assign(g=frame["g"] * 10**10 - 5)
    memory = hb.Model("y ~ x + (1 | g)", data).reml()
    stream = hb.Model("y ~ x + (1 | g)", data=Pieces(data, (50, 51, 52, 300))).reml()
    assert stream.loglik == pytest.approx(memory.loglik, rel=1e-12)


def test_counts_are_dropped_as_rows_are(frame: pd.DataFrame) -> None:
    data = frame.assign(times=2)
    stream = hb.Model("y ~ x + (1 | g)", data=in_pieces(data, 7), counts="times")
    assert "4 rows dropped for missing values (4 in 'x')" in str(stream)
    assert stream.problem.design.n == 2 * (len(frame) - 2)


# -------------------------------------------------------------------------------------- refusals


def refusal(frame: object, formula: str = "y ~ x + (1 | g)", **words: Any) -> str:
    with pytest.raises((hb.DataError, hb.FormulaError)) as refused:
        hb.Model(formula, data=frame, **words)
    return str(refused.value)


def test_bad_weights_counts_and_offsets_are_named_with_their_place(frame: pd.DataFrame) -> None:
    def pieces(**columns: Any) -> Pieces:
        return Pieces(frame.assign(**columns), (300,))

    late = np.where(frame.index == 400, -1.0, 1.0)
    assert refusal(pieces(size=late), weights="size") == (
        "rows from 300: weights: 'size' is -1 at row label 400; every row needs a finite number "
        "above 0: leave such rows out"
    )
    assert refusal(pieces(times=late), counts="times").startswith(
        "rows from 300: counts: a row stands for a whole number of equal rows, and that of row "
        "label 400 is -1"
    )
    assert refusal(pieces(size=late + 1.0), offset="log(size)").startswith("rows from 300: ")
    assert refusal(pieces(), weights="h").startswith(
        "rows from 0: weights: column 'h' must be of numbers"
    )
    assert refusal(pieces(), counts="h") == "rows from 0: counts must be numbers, not str"
    assert "there is no column 'none'" in refusal(pieces(), weights="none")
    assert "keep one" in refusal(pieces(), weights="size", known_sd="size")
    assert "is stated twice" in refusal(pieces(), "y ~ x + offset(w) + (1 | g)", offset="w")


def test_two_combinations_of_one_name_are_refused(frame: pd.DataFrame) -> None:
    a = np.where(frame["g"] < 6, "p", "p:q")
    b = np.where(frame["g"] < 6, "q:r", "r")
    data = Pieces(frame.assign(a=a, b=b), (10,))
    assert "would both be called 'p:q:r'" in refusal(data, "y ~ x + (1 | g) + (1 | a:b)")


def test_weighted_rows_are_refused_where_they_are_asked_for(frame: pd.DataFrame) -> None:
    fit = hb.Model("y ~ x + (1 | g)", data=in_pieces(frame, 9), weights="size").reml()
    with pytest.raises(hb.DataError, match="stream, and are not in memory together"):
        fit.residuals()


def test_many_pairs_of_levels_are_added_up(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame(
        {"y": rng.normal(size=200), "g": rng.integers(0, 30, 200), "h": rng.integers(0, 20, 200)}
    )
    data["y"] += rng.normal(size=30)[data["g"]] + rng.normal(size=20)[data["h"]]
    data.to_parquet(tmp_path / "rows.parquet")
    formula = "y ~ 1 + (1 | g) + (1 | h)"
    memory = hb.Model(formula, data)
    assert_same_products(hb.Model(formula, data=tmp_path / "rows.parquet"), memory)
    stream = hb.Model(formula, data=Pieces(data, tuple(range(1, 200))))  # one row a batch
    assert_same_products(stream, memory)
    assert stream.ml().loglik == pytest.approx(memory.ml().loglik, rel=1e-11)


@pytest.mark.parametrize("by_lane", [True, False])
def test_a_column_is_constant_in_each_half_of_the_batches_and_not_in_all(by_lane: bool) -> None:
    """Of many batches every second one is summed up apart; what is held in a group is compared."""
    rng = np.random.default_rng(8)
    n, pieces = 1200, 24
    number = np.arange(n) * pieces // n
    g = rng.integers(0, 15, n)
    g[(number % 2 == 0) & (g > 11)] = 3  # groups of every second batch alone
    w = rng.normal(size=15)[g] + (number % 2 if by_lane else 0)
    y = 100.0 + w + rng.normal(size=15)[g] + rng.normal(size=n)
    frame = pd.DataFrame({"y": y, "w": w, "g": g})
    cuts = tuple((np.flatnonzero(np.diff(number)) + 1).tolist())
    memory = hb.Model("y ~ w + (1 | g)", frame)
    stream = hb.Model("y ~ w + (1 | g)", data=Pieces(frame, cuts))
    a, b = memory.reml(), stream.reml()
    assert tuple(a.design.columns.between_of) == tuple(b.design.columns.between_of)
    assert b.loglik == pytest.approx(a.loglik, rel=1e-10)
    pd.testing.assert_frame_equal(b.ranef(), a.ranef(), rtol=1e-8)
    pd.testing.assert_series_equal(b.fixef(), a.fixef(), rtol=1e-8)
