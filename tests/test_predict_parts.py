"""Predictions and residuals of rows that stream are those of a frame, part by part."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from tests.pieces import Pieces, in_pieces

FORMULA = "y ~ x + cvar(x, g) + kind + (1 + x | g) + (1 | h)"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n, J = 300, 8
    g, h = rng.integers(0, J, n), rng.integers(0, 5, n)
    x = rng.normal(size=n) + rng.normal(size=J)[g]
    made = pd.DataFrame(
        {
            "x": x, "g": g, "h": np.array(list("edcba"))[h], "size": rng.gamma(4.0, 0.25, n),
            "kind": np.array(list("uv"))[rng.integers(0, 2, n)], "times": rng.integers(0, 3, n),
        }
    )  # fmt: skip
    made["y"] = x + rng.normal(size=J)[g] + rng.normal(size=5)[h] + rng.normal(size=n)
    made.loc[[3, 200], "x"] = np.nan
    return made


@pytest.fixture(scope="module")
def memory(frame: pd.DataFrame) -> hb.PointFit:
    return hb.Model(FORMULA, frame, weights="size").reml()


@pytest.fixture(scope="module")
def stream(frame: pd.DataFrame) -> hb.PointFit:
    return hb.Model(FORMULA, data=in_pieces(frame, 1), weights="size").reml()


def whole(fit: hb.Fit, *data: Any, **words: Any) -> pd.DataFrame:
    return pd.concat(list(hb.predict_parts(fit, *data, **words)))


def test_rows_of_the_fit_are_read_once_more(memory: hb.PointFit, stream: hb.PointFit) -> None:
    found = whole(stream).sort_index()
    assert list(found.columns) == ["predicted", "observed", "residual", "pearson"]
    for name, known in (
        ("predicted", memory.predict()),
        ("residual", memory.residuals()),
        ("pearson", memory.residuals(standardized=True)),
    ):
        pd.testing.assert_series_equal(found[name], known, check_names=False, rtol=1e-6)


@pytest.mark.parametrize("words", [{"effects": "none"}, {"effects": "h", "prob": 0.9}])
def test_words_are_those_of_predict(
    memory: hb.PointFit, stream: hb.PointFit, words: dict[str, Any]
) -> None:
    found, known = whole(stream, **words).sort_index(), memory.predict(**words)
    known = known.to_frame() if isinstance(known, pd.Series) else known
    pd.testing.assert_frame_equal(found[list(known.columns)], known, rtol=1e-6, atol=1e-9)


def test_other_rows_stream_through_any_fit(
    memory: hb.PointFit, frame: pd.DataFrame, tmp_path: Path
) -> None:
    new = frame.dropna().drop(columns="y").head(100).reset_index(drop=True)
    new.iloc[:60].to_parquet(tmp_path / "a.parquet")
    new.iloc[60:].to_parquet(tmp_path / "b.parquet")
    found = whole(memory, tmp_path)
    assert list(found.columns) == ["predicted"]
    pd.testing.assert_frame_equal(found, memory.predict(new).to_frame(), rtol=1e-12)


def test_rows_that_count_for_nothing_are_left_out(frame: pd.DataFrame) -> None:
    fit = hb.Model("y ~ x + (1 | g)", data=in_pieces(frame, 2), counts="times").reml()
    used = frame.dropna().query("times > 0")
    assert whole(fit).index.sort_values().equals(used.index)


def test_families_have_predictions_alone(frame: pd.DataFrame) -> None:
    data = frame.dropna().assign(high=lambda rows: (rows["y"] > 0.0).astype(float))
    fit = hb.Model("high ~ x + (1 | g)", data, family="bernoulli").ml()
    found = whole(fit, Pieces(data, (50, 100)))
    pd.testing.assert_frame_equal(found, fit.predict().to_frame(), rtol=1e-9)


# -------------------------------------------------------------------------------------- refusals


def test_the_place_of_a_row_that_cannot_be_predicted_is_named(
    memory: hb.PointFit, frame: pd.DataFrame
) -> None:
    late = frame.dropna().reset_index(drop=True)
    late.loc[250, "g"] = 99
    with pytest.raises(hb.DataError, match=r"^rows from 200: .*99"):
        whole(memory, Pieces(late, (200,)))
    with pytest.raises(hb.DataError, match=r"^rows from 0: 'x' is missing in 1 of the new rows"):
        whole(memory, Pieces(frame, (100,)))


def test_more_new_groups_than_known_ones_are_found(frame: pd.DataFrame) -> None:
    new = frame.dropna().assign(g=lambda rows: np.arange(len(rows)))
    fit = hb.Model("y ~ x + (1 | g)", frame).reml()
    found = fit.predict(new, new_groups="population")
    expected = fit.predict(new, effects="none")
    pd.testing.assert_series_equal(found[8:], expected[8:])


def test_what_parts_cannot_say_is_refused(memory: hb.PointFit, frame: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError, match="groups that the fit has not seen need all their"):
        hb.predict_parts(memory, Pieces(frame, ()), new_groups="population")
    with pytest.raises(hb.DataError, match=r"those of a frame are fit\.predict\(frame\)"):
        hb.predict_parts(memory, frame)
    with pytest.raises(hb.DataError, match="the rows of this fit are in memory"):
        hb.predict_parts(memory)
    with pytest.raises(hb.DataError, match=r"are predicted by hb\.predict_parts\(fit, data\)"):
        memory.predict("rows.parquet")


def test_a_copy_of_a_fit_leaves_its_source_behind(stream: hb.PointFit) -> None:
    copied = pickle.loads(pickle.dumps(stream))
    assert copied.loglik == stream.loglik
    with pytest.raises(hb.DataError, match="the rows of the pieces are not at hand any more"):
        hb.predict_parts(copied)
