"""Fits of rows that stream, and of cross-products, in files: read back without their rows."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.design.streamed_rows import StreamedRows
from hierbayes.fit.saving.archive import Contents, read_archive, write_archive
from tests.pieces import Pieces, in_pieces
from tests.test_streamed_families import made as made_of_families
from tests.test_streamed_models import made

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "one factor": ("y ~ x * kind + cvar(x, g) + (1 + x | g)", {}),
    "weights, counts, offset": (
        "y ~ x + scale(w) + (1 + x || g)",
        {"weights": "size", "counts": "times", "offset": "w"},
    ),
    "known sd": ("y ~ x + (1 | g)", {"known_sd": "size"}),
    "nested and crossed": ("y ~ poly(x, 2) + (1 + x | g/h) + (1 | kind)", {}),
    "no random part": ("y ~ x + kind", {}),
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return made()


def read_back(fit: Any, folder: Path) -> Any:
    fit.save(folder / "one.fit")
    assert [path.name for path in folder.iterdir()] == ["one.fit"]
    again = hb.load_fit(folder / "one.fit")
    assert type(again) is type(fit)
    return again


def assert_same(again: Any, fit: Any) -> None:
    assert repr(again) == repr(fit)
    assert str(again.summary()) == str(fit.summary())
    assert str(again.diagnose()) == str(fit.diagnose())
    assert again.loglik == pytest.approx(fit.loglik, rel=1e-12)
    a, b = again.intervals(), fit.intervals()
    pd.testing.assert_frame_equal(a, b, rtol=1e-7, atol=1e-9)
    for u, v in zip(again.us, fit.us, strict=True):
        np.testing.assert_allclose(u, v, rtol=1e-8, atol=1e-10)
    assert str(again.design.dropped) == str(fit.design.dropped)
    assert again.design.factors[0].labels.equals(fit.design.factors[0].labels)


@pytest.mark.parametrize("name", MODELS)
def test_maxima_of_streams_are_read_back(name: str, frame: pd.DataFrame, tmp_path: Path) -> None:
    formula, words = MODELS[name]
    fit = hb.Model(formula, data=in_pieces(frame, 1), **words).reml()
    again = read_back(fit, tmp_path)
    assert_same(again, fit)
    assert_same(pickle.loads(pickle.dumps(again)), fit)
    new = frame.dropna().head(9).assign(g=3)
    np.testing.assert_allclose(again.predict(new), fit.predict(new), rtol=1e-9)


def test_fits_of_cross_products_are_read_back(frame: pd.DataFrame, tmp_path: Path) -> None:
    formula = "y ~ log(x + 9) * kind + (1 + x | g)"
    levels = {"kind": list("uvwxyz")}
    halves = [hb.CrossProducts(formula, rows, levels=levels) for _, rows in frame.groupby("h")]
    fit = hb.Model(formula, data=halves[0].merge(*halves[1:])).ml()
    again = read_back(fit, tmp_path)
    assert_same(again, fit)
    mine, theirs = (cast(StreamedRows, one.design.rows) for one in (again, fit))
    assert mine.recorded == theirs.recorded
    limits = [hb.profile(one, "sd").intervals() for one in (again, fit)]
    pd.testing.assert_frame_equal(*limits, rtol=1e-6)


@pytest.mark.slow
def test_posteriors_of_streams_are_read_back(frame: pd.DataFrame, tmp_path: Path) -> None:
    model = hb.Model("y ~ x + (1 + x | g)", data=Pieces(frame, (100,)))
    fit = model.sample(draws=50, tune=50, chains=2, seed=1)
    again = read_back(fit, tmp_path)
    assert str(again.summary()) == str(fit.summary())
    np.testing.assert_allclose(again.us[0], fit.us[0], rtol=1e-9, atol=1e-10)
    assert np.array_equal(again.gamma_draws, fit.gamma_draws)


@pytest.mark.parametrize(
    "formula", ["b ~ x + kind + (1 | g)", "b ~ x + (1 | g) + (1 | h)", "label ~ x + (1 | g)"]
)
def test_families_of_streams_hold_the_distinct_rows(formula: str, tmp_path: Path) -> None:
    data = made_of_families()
    fit = hb.Model(formula, data=in_pieces(data, 2), family="bernoulli").ml()
    again = read_back(fit, tmp_path)
    assert_same(again, fit)
    with pytest.raises(hb.DataError, match="the rows of the pieces are not at hand any more"):
        next(hb.predict_parts(again))


def test_functions_are_handed_over_again(frame: pd.DataFrame, tmp_path: Path) -> None:
    def twice(x: Any) -> Any:
        return 2.0 * x

    functions = {"twice": twice}
    fit = hb.Model("y ~ twice(x) + (1 | g)", data=in_pieces(frame, 3), functions=functions).reml()
    fit.save(tmp_path / "one.fit")
    assert_same(hb.load_fit(tmp_path / "one.fit", functions=functions), fit)
    with pytest.raises(hb.SavedFitError, match="calls 'twice', which no file holds"):
        hb.load_fit(tmp_path / "one.fit")


@pytest.mark.slow
def test_a_new_process_needs_no_rows(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "rows.parquet")
    fit = hb.Model("y ~ x * kind + (1 | g)", data=tmp_path / "rows.parquet").reml()
    fit.save(tmp_path / "one.fit")
    (tmp_path / "rows.parquet").unlink()
    code = "import hierbayes as hb; print(hb.load_fit('one.fit'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{fit}\n"


def test_no_row_is_in_the_file_and_what_needs_rows_says_so(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    again = read_back(hb.Model("y ~ x + (1 | g)", data=in_pieces(frame, 4)).reml(), tmp_path)
    assert len(again.design.rows.head.frames[0]) < 20
    known = set(frame["y"])
    assert not known & set(again.design.rows.head.response.tolist())
    with pytest.raises(hb.DataError) as refused:
        hb.logo(again)
    assert str(refused.value) == (
        "this reads the rows once more, and those of the pieces are not at hand: a fit of "
        "cross-products, or from a file, has sums of them; fit their source again"
    )
    complete = frame.dropna()
    parts = hb.predict_parts(again, Pieces(complete, (50,)))
    assert sum(map(len, parts)) == len(complete)


def test_fits_with_a_residual_structure_are_read_back(frame: pd.DataFrame, tmp_path: Path) -> None:
    """Rows of a group are not together, and texts of a file are categories of a batch."""
    rows = frame.assign(g="g" + frame["g"].astype(str))
    rows.sample(frac=1.0, random_state=1).to_parquet(tmp_path / "rows.parquet")
    errors = hb.residuals.CompoundSymmetry() * hb.residuals.Strata("kind")
    fit = hb.Model("y ~ x + (0 + x | g)", data=tmp_path / "rows.parquet", residual=errors).reml()
    memory = hb.Model("y ~ x + (0 + x | g)", rows, residual=errors).reml()
    assert fit.loglik == pytest.approx(memory.loglik, rel=1e-10)
    (tmp_path / "rows.parquet").unlink()
    again = read_back(fit, tmp_path)
    assert_same(again, fit)
    assert str(again) == str(fit)
    assert str(hb.wald(again, "x")) == str(hb.wald(fit, "x"))


def test_damage_is_said(frame: pd.DataFrame, tmp_path: Path) -> None:
    hb.Model("y ~ x + (1 | g)", data=in_pieces(frame, 5)).reml().save(tmp_path / "one.fit")
    held = read_archive(tmp_path / "one.fit")
    arrays = {name: array for name, array in held.arrays.items() if name != "factor0_R"}
    write_archive(tmp_path / "one.fit", Contents(held.manifest, arrays, held.rows))
    with pytest.raises(hb.SavedFitError, match=r"is damaged \(KeyError: 'factor0_R'\)"):
        hb.load_fit(tmp_path / "one.fit")
