"""Work that is shared: columns with the data, draws with processors, codes without sorting."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import hierbayes as hb
from hierbayes.design.group_codes import codes_of_factors, group_codes
from hierbayes.design.level_labels import index_of
from hierbayes.design.plain_columns import plain_data
from hierbayes.design.shared_columns import SharedColumns
from hierbayes.likelihood import threads
from hierbayes.likelihood.of_products import likelihood_of
from hierbayes.likelihood.theta import Theta
from hierbayes.specification.formula_parser import parse_formula


@pytest.mark.parametrize(
    "labels",
    [
        [7, 3, 3, -2, 7],
        [10**15, 3, 3, 5, 3],
        [2, 2, 2, 2, 2],
        [-(2**63), 2**63 - 1, 0, 5, 5],  # further apart than an integer holds
        [0, 16384, 5, 5, 5],  # as far apart as is gone through
        [0, 16385, 5, 5, 5],
    ],
)
def test_codes_of_whole_numbers(labels: list[int]) -> None:
    codes, held = group_codes(pd.Series(labels, name="g"))
    levels = held.index
    expected, inverse = np.unique(labels, return_inverse=True)
    assert_array_equal(codes, inverse)
    assert_array_equal(levels, expected)
    assert codes.dtype == np.intp and levels.dtype == np.int64 and levels.name == "g"


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(["b", "a", "b"], dtype="str"),
        pd.Series(["b", "a", "b"], dtype=pd.StringDtype("python", na_value=np.nan)),
        pd.Series(["b", "a", "b"], dtype=pd.CategoricalDtype(["a", "b"])),
        pd.Series([2.5, -1.0, 2.5]),
        pd.Series(pd.to_datetime(["2024-02-01", "2024-01-01", "2024-02-01"])),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_are_an_index_of_their_type(labels: pd.Series) -> None:
    codes, held = group_codes(labels.rename("g"))
    expected = pd.Index(sorted(labels.unique()), name="g", dtype=held.index.dtype)
    pd.testing.assert_index_equal(held.index, expected)
    of_column = getattr(labels.dtype, "categories", labels).dtype
    assert held.index.dtype == of_column and held.index is held.index
    assert len(held) == 2 and codes.tolist() == [1, 0, 1] and codes.dtype == np.intp


@pytest.mark.parametrize("levels", [3, 200])  # 40,000 combinations are too many to go through
def test_combinations_that_occur_are_numbered(levels: int) -> None:
    rng = np.random.default_rng(levels)
    frame = pd.DataFrame({
        "a": rng.permutation(levels).repeat(2), "b": [f"k{k % 3}" for k in range(2 * levels)],
        "c": pd.Categorical(rng.integers(0, levels, 2 * levels), range(levels)),
    })  # fmt: skip
    frame["c"] = frame["c"].cat.remove_unused_categories()
    (codes, held), (alone, own) = codes_of_factors(frame, {"a:b:c": ("a", "b", "c"), "b": ("b",)})
    names = list(zip(frame["a"], frame["b"], frame["c"], strict=True))
    expected = sorted(set(names))
    assert [expected[code] for code in codes] == names and codes.dtype == np.intp
    labels = index_of(held)
    assert labels.tolist() == [f"{a}:{b}:{c}" for a, b, c in expected]
    assert len(held) == len(labels) and labels.name == "a:b:c"
    assert index_of(own)[alone].tolist() == frame["b"].tolist()


def test_levels_of_texts_are_in_order() -> None:
    data = pd.DataFrame({"f": ["b", "ä", "a", "B", "a"]})
    made = plain_data(parse_formula("f"), data)
    assert made is not None
    (kind,) = made.sketch.kinds
    assert kind.levels == tuple(sorted({"b", "ä", "a", "B"}))
    assert [kind.levels[code] for code in made.codes["f"]] == data["f"].tolist()


def test_shared_columns_do_not_change_with_the_data() -> None:
    data = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    shared = SharedColumns(data, ["y"])
    data.loc[0, "y"] = -1.0
    (frame,) = shared
    assert len(shared) == 1 and frame["y"].tolist() == [3.0, 4.0] and list(frame) == ["y"]
    assert shared[0] is frame and shared[:0] == ()


@pytest.mark.parametrize("random", ["(1 + ses | school)", "(1 | school) + (1 | Sex)"])
def test_draws_in_threads_are_those_without(random: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = hb.Model(f"mathach ~ ses + {random}", hb.load_dataset("hs"))
    fit = model.reml()
    theta = Theta.of(np.repeat(fit.theta.root[0], 7, axis=0), np.linspace(5.0, 7.0, 7))
    likelihood, normals = likelihood_of(fit.problem.products), np.arange(14.0).reshape(7, 2)
    alone = likelihood.draw_gamma(theta, normals)
    monkeypatch.setattr(threads, "_LONG", 0.0)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    assert_array_equal(likelihood.draw_gamma(theta, normals), alone)


def test_factors_constant_within_groups_are_those_of_the_data_as_they_were() -> None:
    data = pd.DataFrame({"g": np.repeat(list("abcd"), 3), "x": np.tile([0.0, 1.0, 3.0], 4)})
    data["w"], data["v"] = np.repeat([1.0, 2.0, 5.0, 4.0], 3), data["x"] ** 2
    data["y"] = np.sin(np.arange(12.0))
    model = hb.Model("y ~ x + w:x + v:x + (1 | g)", data)  # w and v are no columns of their own
    data.loc[:, ["w", "v"]] = data[["v", "w"]].to_numpy()
    between = model.problem.design.columns.between_of
    assert tuple(between) == (frozenset({"w"}),) and between[0] is between[0]


def test_levels_that_only_rows_left_out_have_are_no_levels() -> None:
    data = pd.DataFrame({"g": np.repeat(list("abcd"), 3), "y": np.sin(np.arange(12.0))})
    data["f"] = pd.Categorical(list("uuvwwuvwuvwv"), ["u", "v", "w", "z"])
    data.loc[data["f"] == "w", "y"] = np.nan
    for rows, levels in ((data, ["u", "v"]), (data.fillna({"y": 0.5}), ["u", "v", "w"])):
        design = hb.Model("y ~ f + (1 | g)", rows).problem.design
        assert list(design.terms) == ["Intercept", *(f"f[T.{one}]" for one in levels[1:])]
        assert list(design.rows.frames[0]["f"].cat.categories) == levels


def test_columns_of_complete_rows_are_held_apart_from_the_data() -> None:
    data = pd.DataFrame({"g": np.repeat(list("abcd"), 3), "y": np.sin(np.arange(12.0))})
    data["x"], data["k"] = np.arange(12, dtype=np.int32), np.sqrt(np.arange(12, dtype=np.float32))
    data["m"], data["spare"] = pd.array(np.arange(12.0) ** 2, dtype="Float64"), 1.0
    data.index = [7] * 12  # labels of rows need not differ
    gaps = data.copy()
    gaps.iloc[4, 1] = np.nan
    for given in (data, gaps):
        kept = given["y"].notna().to_numpy()
        rows = hb.Model("y ~ x + k + m + (1 | g)", given).problem.design.rows
        expected = given.loc[kept, ["y", "x", "k", "m", "g"]].astype({"x": "int64"})
        given.iloc[:, 1:5] = 0.0
        expected = expected.astype({"k": "float64", "m": "float64"})
        pd.testing.assert_frame_equal(rows.frames[0], expected, check_like=True)
        assert list(rows.index) == [7] * int(kept.sum()) and rows.kept.tolist() == kept.tolist()
