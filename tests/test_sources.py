"""What is taken as data: each kind of table, and files by any name, has the fit of the frame."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

import hierbayes as hb
from hierbayes.cli import main

FORMULA = "y ~ x + kind + cvar(x, g) + (1 | g)"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    g, x = rng.integers(0, 9, 300), rng.normal(50.0, 2.0, 300)
    kind = np.array(["z", "a", "m"])[rng.integers(0, 3, 300)]
    y = rng.normal(size=9)[g] + 0.3 * x + (kind == "m") + rng.normal(size=300)
    return pd.DataFrame({"y": y, "x": x, "kind": kind, "g": g, "unread": "text"})


@pytest.fixture(scope="module")
def expected(frame: pd.DataFrame) -> hb.PointFit:
    return hb.Model(FORMULA, frame).reml()


@pytest.fixture(scope="module")
def rows(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    for k, part in enumerate(np.array_split(np.arange(300), 3)):
        frame.iloc[part].to_parquet(folder / f"{k}.parquet", index=False)
        frame.iloc[part].to_csv(folder / f"{k}.csv.gz", index=False)
    return folder


def relation(rows: Path) -> Any:
    return duckdb.connect().sql(f"select * from '{rows}/*.parquet'")


KINDS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "polars": lambda frame, rows: pl.from_pandas(frame),
    "lazy": lambda frame, rows: pl.scan_parquet(rows / "*.parquet").filter(pl.col("y") < 1e9),
    "table": lambda frame, rows: pa.Table.from_pandas(frame),
    "dataset": lambda frame, rows: ds.dataset(sorted(map(str, rows.glob("*.parquet")))),
    "filtered": lambda frame, rows: ds.dataset(pa.Table.from_pandas(frame)).filter(
        ds.field("y") < 1e9
    ),
    "relation": lambda frame, rows: relation(rows),
    "a text": lambda frame, rows: str(rows / "*.parquet"),
    "a list of files": lambda frame, rows: sorted(rows.glob("*.parquet")),
    "compressed text": lambda frame, rows: rows / "*.csv.gz",
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_data_has_the_fit_of_the_frame(
    name: str, frame: pd.DataFrame, rows: Path, expected: hb.PointFit
) -> None:
    fit = hb.Model(FORMULA, KINDS[name](frame, rows)).reml()
    assert fit.loglik == pytest.approx(expected.loglik, rel=1e-11)
    pd.testing.assert_series_equal(fit.fixef(), expected.fixef(), rtol=1e-8)
    assert fit.design.rows.streams == (name not in ("polars", "table"))


@pytest.mark.parametrize("lazy", [False, True])
def test_categories_of_polars_are_in_order_of_alphabet_and_an_enum_in_its_own(
    frame: pd.DataFrame, lazy: bool
) -> None:
    pl.Series(["z", "m", "a"], dtype=pl.Categorical)  # met first by the process
    made = pl.from_pandas(frame).with_columns(pl.col("kind").cast(pl.Categorical))
    model = hb.Model("y ~ kind + (1 | g)", made.lazy() if lazy else made)
    assert model.problem.design.columns.terms == ("Intercept", "kind[T.m]", "kind[T.z]")


def test_a_file_of_a_dataset_that_cannot_be_read_is_named(
    rows: Path, tmp_path: Path, frame: pd.DataFrame
) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    frame.to_parquet(one, index=False)
    data = bytearray(one.read_bytes())
    data[40:3000] = bytes(2960)
    two.write_bytes(bytes(data))
    with pytest.raises(hb.DataError, match=r"cannot read .*two\.parquet: ") as refused:
        hb.Model("y ~ x + (1 | g)", ds.dataset([str(one), str(two)]))
    assert "one.parquet" not in str(refused.value)


def test_folders_of_a_dataset_may_say_the_value_of_a_column(
    frame: pd.DataFrame, tmp_path: Path, expected: hb.PointFit
) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    ds.write_dataset(
        table, tmp_path, format="parquet", partitioning=["kind"], partitioning_flavor="hive"
    )
    fit = hb.Model(FORMULA, ds.dataset(tmp_path, partitioning="hive")).reml()
    assert fit.loglik == pytest.approx(expected.loglik, rel=1e-11)


def test_tables_in_memory_are_predicted_as_their_frame(
    frame: pd.DataFrame, expected: hb.PointFit
) -> None:
    for new in (pl.from_pandas(frame.head(5)), pa.Table.from_pandas(frame.head(5))):
        pd.testing.assert_series_equal(expected.predict(new), expected.predict(frame.head(5)))


def test_what_is_no_data_is_refused_in_words(frame: pd.DataFrame) -> None:
    model = "y ~ x + (1 | g)"
    for given in (frame["y"], {"y": [1.0]}, [frame], 3):
        with pytest.raises(hb.DataError) as refused:
            hb.Model(model, data=given)
        assert str(refused.value) == (
            "data must be a frame, or rows that stream, such as files or a Dask dataframe, not "
            f"{type(given).__name__}"
        )
    with pytest.raises(hb.DataError, match=r"there are no data in 'rows\.parquet'"):
        hb.Model(model, "rows.parquet")
    with pytest.raises(hb.DataError, match=r"there are no data in 'nothing\.csv'"):
        hb.CrossProducts(model, ["nothing.csv"])


def test_queries_of_lazy_frames_that_fail_are_said(frame: pd.DataFrame) -> None:
    lazy = pl.from_pandas(frame).lazy()
    with pytest.raises(hb.DataError, match=r"cannot read the lazy frame: .*gone"):
        hb.Model("y ~ x + (1 | g)", lazy.select("gone"))
    wrong = lazy.with_columns(y=pl.col("unread").cast(pl.Float64))
    with pytest.raises(hb.DataError, match="cannot read the lazy frame: "):
        hb.Model("y ~ x + (1 | g)", wrong)


def test_the_command_line_streams_patterns_addresses_and_compressed_text(
    rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ["fit", "--formula", "y ~ x + (1 | g)", "--method", "reml", "--data"]
    for place in (f"{rows}/*.csv.gz", f"{rows}/0.csv.gz", f"file://{rows}/*.parquet"):
        assert main([*fit, place]) == 0
        assert "9 groups (g)" in capsys.readouterr().out
    assert main([*fit, f"{rows}/*.csv.gz", "--decimal", ","]) == 2
    said = capsys.readouterr().err
    assert "--decimal says how one file of CSV is read, and the rows of " in said
