"""Wrong rows in one part of a source: one error each, which names the file or the part."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from pyarrow.feather import write_feather

import hierbayes as hb
from tests.pieces import Pieces
from tests.test_streams import made

FRAME = made(n=300, J=8)
FORMULA = "y ~ x + kind + (1 | g)"
PARTS = (FRAME.iloc[:100], FRAME.iloc[100:200], FRAME.iloc[200:])

type Change = Callable[[pd.DataFrame], pd.DataFrame]

SAME = "; write it as the same everywhere"
KINDS: dict[str, tuple[Change, str]] = {
    "texts of numbers": (
        lambda rows: rows.assign(x=rows["x"].astype(str)),
        "{place}: 'x' holds text, and numbers in {first}" + SAME,
    ),
    "texts for numbers": (
        lambda rows: rows.assign(x="oops"),
        "{place}: 'x' holds text, and numbers in {first}" + SAME,
    ),
    "one text among numbers": (
        lambda rows: rows.assign(y=[*rows["y"].astype(object)[:-1], "oops"]),
        "{place}: 'y' holds values of several kinds, and numbers in {first}" + SAME,
    ),
    "numbers for texts": (
        lambda rows: rows.assign(kind=1),
        "{place}: 'kind' holds numbers, and text in {first}" + SAME,
    ),
    "truth values for texts": (
        lambda rows: rows.assign(kind=[*[True, None] * (len(rows) // 2)]),
        "{place}: 'kind' holds truth values, and text in {first}" + SAME,
    ),
    "groups of another type": (
        lambda rows: rows.assign(g=rows["g"].astype(str)),
        "the group column 'g' holds labels of type string in {place} and of type number before; "
        "write them as the same everywhere",
    ),
    "infinite": (
        lambda rows: rows.assign(x=-np.inf),
        "{place}: 'x' is infinite in 100 of 100 rows (first at row label 100); remove those rows "
        "or make them missing",
    ),
}
HARMLESS: dict[str, Change] = {
    "no rows": lambda rows: rows.iloc[:0],
    "all missing": lambda rows: rows.assign(x=np.nan),
    "nothing in a column": lambda rows: rows.assign(kind=None),
}


def refusal(data: Any, formula: str = FORMULA, **words: Any) -> str:
    with pytest.raises(hb.HierbayesError) as refused:
        hb.Model(formula, data=data, **words)
    return str(refused.value)


def lazily(*parts: Any) -> Any:
    return dd.from_map(lambda k: parts[k], range(len(parts)), meta=PARTS[0].iloc[:0])


@pytest.fixture(autouse=True)
def _in_this_thread() -> Any:
    with dask.config.set({"scheduler": "synchronous", "dataframe.convert-string": False}):
        yield


@pytest.mark.parametrize("name", KINDS)
def test_what_changes_within_a_source_is_refused_by_place(name: str) -> None:
    change, said = KINDS[name]
    rows = [PARTS[0], change(PARTS[1]), PARTS[2]]
    assert refusal(lazily(*rows)) == said.format(
        place="partition 1 of the Dask dataframe", first="partition 0 of the Dask dataframe"
    )
    whole = pd.concat([one.astype(object) for one in rows])
    exact = [one for one in ("y", "x", "w") if name in ("groups of another type", "infinite")]
    pieces = Pieces(whole.astype(dict.fromkeys(exact, float)), (100, 200))
    assert refusal(pieces) == said.format(place="rows from 100", first="rows from 0")


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("form", ["csv", "parquet", "dask"])
def test_parts_without_a_complete_row_are_left_out(name: str, form: str, tmp_path: Path) -> None:
    rows = [HARMLESS[name](PARTS[0]), PARTS[1], PARTS[2]]
    expected = hb.Model(FORMULA, pd.concat(PARTS[1:])).reml()
    source = lazily(*rows) if form == "dask" else tmp_path
    for k, one in enumerate(rows):
        write = partial(one.to_csv, index=False) if form == "csv" else one.to_parquet
        write(tmp_path / f"{k}.{form}")
    fit = hb.Model(FORMULA, data=source).reml()
    assert fit.loglik == pytest.approx(expected.loglik, rel=1e-12)


def test_partitions_that_cannot_be_used_are_named() -> None:
    def failing(k: int) -> pd.DataFrame:
        return PARTS[k] if k != 1 else PARTS[1 // (k - 1)]

    first = "partition 1 of the Dask dataframe"
    assert refusal(dd.from_map(failing, range(3), meta=PARTS[0].iloc[:0])) == (
        f"cannot read {first}: ZeroDivisionError: integer division or modulo by zero"
    )
    assert refusal(lazily(PARTS[0], PARTS[1].drop(columns="x"))) == (
        f"{first} has no column 'x', which the dataframe promises; a model reads the same columns "
        "from every partition"
    )
    assert refusal(lazily(PARTS[0], [1, 2])) == (f"{first} is no frame of pandas, but of type list")
    assert refusal(lazily(*(one.assign(x=np.nan) for one in PARTS))) == (
        "no row is complete: 'x' is missing in 300 of 300 rows"
    )
    assert refusal(lazily(*(one.assign(g=7) for one in PARTS))) == (
        "the group column 'g' has one group (7); a hierarchical model needs at least two"
    )
    assert refusal(lazily(PARTS[0].iloc[:0])) == (
        "the data are empty: there are no rows in the Dask dataframe"
    )


@pytest.mark.slow
def test_workers_name_the_partition_too() -> None:
    with (
        LocalCluster(
            processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        there = partial(refusal, client=client)
        place = "partition 1 of the Dask dataframe"
        assert there(lazily(PARTS[0], PARTS[1].assign(kind=1))) == (
            f"{place}: 'kind' holds numbers, and text in partition 0 of the Dask dataframe{SAME}"
        )
        assert there(lazily(PARTS[0], PARTS[1].drop(columns="x"))).startswith(
            f"{place} has no column 'x'"
        )
        assert there(lazily(PARTS[0], PARTS[1].assign(x=np.inf))).startswith(
            f"{place}: 'x' is infinite in 100 of 100 rows"
        )
        assert "'x' holds" in there(lazily(PARTS[0], PARTS[1].assign(x="oops")))
        failing = dd.from_map(lambda k: PARTS[k // 0], range(2), meta=PARTS[0].iloc[:0])
        assert there(failing).startswith("cannot read a part of the Dask dataframe: Zero")


@pytest.mark.parametrize("form", ["csv", "parquet", "feather"])
def test_files_that_are_no_files_are_named(form: str, tmp_path: Path) -> None:
    write = {
        "csv": lambda rows, place: rows.to_csv(place, index=False),
        "parquet": lambda rows, place: rows.to_parquet(place),
        "feather": lambda rows, place: write_feather(rows, str(place)),
    }[form]
    for k, rows in enumerate(PARTS):
        write(rows, tmp_path / f"{k}.{form}")
    bad = tmp_path / f"1.{form}"
    whole = bad.read_bytes()
    for content in (b"", whole[: len(whole) // 2] + b"\n1,2"):
        bad.write_bytes(content)
        assert refusal(tmp_path).startswith(f"cannot read {bad}: ")
    write(PARTS[1].assign(x="oops"), bad)
    assert refusal(tmp_path).startswith("'x' is text (")
    assert f" in {bad} and number (double) in {tmp_path / f'0.{form}'}; write" in refusal(tmp_path)
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path / "empty").startswith("there are no data in '")


def test_what_an_engine_says_is_said() -> None:
    connection = duckdb.connect()
    connection.register("rows", FRAME)
    late = "case when g = 3 then 'oops' else cast(x as varchar) end"
    asked = connection.sql(f"select y, kind, g, cast({late} as double) as x from rows")
    assert refusal(asked).startswith(
        "cannot read the duckdb table: Conversion Error: Could not convert string 'oops' to DOUBLE"
    )
    assert refusal(connection.sql("select * from rows where y > 1e9")) == (
        "the data are empty: there are no rows in the duckdb table"
    )
    closed = connection.sql("select * from rows")
    connection.close()
    assert refusal(closed).startswith("cannot read the duckdb table: Connection Error: ")


def test_rows_that_are_gone_are_named_when_they_are_read_again(tmp_path: Path) -> None:
    place = tmp_path / "rows.parquet"
    FRAME.to_parquet(place)
    fit = hb.Model(FORMULA, data=place).reml()
    place.unlink()
    for again in (lambda: hb.loo(fit), lambda: list(hb.predict_parts(fit)), lambda: hb.logo(fit)):
        with pytest.raises(hb.DataError) as refused:
            again()
        assert str(refused.value).startswith(f"cannot read {place}: ")
