"""Rows that are summed up on a cluster: fits of a frame, a worker that dies, a lost cluster.

Most clusters here are threads of this process; one is of processes, to kill one of them.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

import hierbayes as hb
from tests.test_streams import FORMULA, made, write_parts


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        dask.config.set({"distributed.admin.system-monitor.interval": "10s"}),
        LocalCluster(
            processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as one,
    ):
        yield one


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return made(n=900, J=12)


def same(fit: hb.PointFit, expected: hb.PointFit) -> None:
    assert fit.loglik == pytest.approx(expected.loglik, rel=1e-10)
    pd.testing.assert_series_equal(fit.fixef(), expected.fixef(), rtol=1e-9)


@pytest.mark.slow
def test_partitions_have_the_fit_of_the_frame(client: Client, frame: pd.DataFrame) -> None:
    """Groups are in all partitions, a level of a factor in some, and one has no complete row."""
    ordered = frame.sort_values("kind")
    ordered.loc[ordered.index[:80], "x"] = np.nan
    lazy = dd.from_pandas(ordered.reset_index(drop=True), npartitions=11)
    expected = hb.Model(FORMULA, ordered)
    for model in (hb.Model(FORMULA, lazy, client=client), hb.Model(FORMULA, lazy)):
        same(model.reml(), expected.reml())
        assert str(model) == str(expected)
    whole = hb.CrossProducts(FORMULA, lazy, client=client)
    assert whole.n == len(ordered.dropna())


def test_files_are_summed_up_by_the_workers(
    client: Client, frame: pd.DataFrame, tmp_path: Path
) -> None:
    folder = write_parts(frame, tmp_path)
    formula = "y ~ x + (1 + x | g)"
    same(hb.Model(formula, data=folder, client=client).reml(), hb.Model(formula, frame).reml())


LEARNT = {
    "polynomials in groups": "y ~ scale(dvar(x, g)) + poly(w, 2) + cvar(x, g) + (1 | g)",
    "splines": "y ~ bs(x, knots=[-0.5, 0.5]) * kind + center(w) + (1 | g)",
}


@pytest.mark.parametrize("name", LEARNT)
def test_what_is_learnt_of_all_rows_is_learnt_by_the_workers(
    client: Client, frame: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    """Rows in order of x, so that no part has seen what the others have; one has no row at all."""
    ordered = frame.sort_values("x", ignore_index=True)
    folder = write_parts(ordered, tmp_path, parts=3)
    ordered.assign(x=np.nan).head(20).to_parquet(folder / "part0.missing.parquet", index=False)
    there, here = (hb.Model(LEARNT[name], data=folder, client=one) for one in (client, None))
    assert str(there) == str(here)
    same(there.reml(), here.reml())
    same(there.reml(), hb.Model(LEARNT[name], frame).reml())


def test_equations_are_summed_up_by_the_workers(client: Client, frame: pd.DataFrame) -> None:
    equations = hb.Multilevel("y ~ 1 + x", {"1": "1 + w", "x": "1"}, "g", random=["1", "x"])
    lazy = dd.from_pandas(frame, npartitions=4)
    model = hb.Model(equations, lazy, client=client)
    same(model.reml(), hb.Model(equations, frame).reml())
    assert str(hb.CrossProducts(equations, lazy, client=client).specification) == str(
        model.specification
    )
    varying = hb.Multilevel("y ~ 1 + x", {"1": "1 + x", "x": "1"}, "g", random=["1"])
    assert "varies within groups of 'g'" in refusal(varying, lazy, client=client)


def test_replications_are_done_by_the_workers(client: Client, frame: pd.DataFrame) -> None:
    model = hb.Model("y ~ x + (1 | g)", frame)
    truth = dict(gamma=[2.0, 0.5], G=1.0, sigma=1.0)
    words: Any = dict(replications=5, groups=[10, 20], rows=5, seed=1, progress=False)
    there = hb.power(model, ["x"], truth, client=client, **words)
    here = hb.power(model, ["x"], truth, cores=1, **words)
    pd.testing.assert_frame_equal(there.table, here.table)
    with pytest.raises(hb.UsageError, match="client= is a client of a Dask cluster"):
        hb.power(model, ["x"], truth, client="there", **words)


def test_refits_are_done_by_the_workers(client: Client, frame: pd.DataFrame) -> None:
    """Each has random numbers of its own, wherever it is done."""
    fit = hb.Model("y ~ x + (1 | g)", frame).reml()
    words: Any = dict(n=7, seed=3, progress=False)
    there = hb.bootstrap(fit, lambda one: float(one.loglik), client=client, **words)
    here = hb.bootstrap(fit, lambda one: float(one.loglik), **words)
    pd.testing.assert_frame_equal(there.draws, here.draws)
    fewer = hb.bootstrap(fit, n=3, seed=3, progress=False).draws
    pd.testing.assert_frame_equal(fewer, here.draws[fewer.columns].head(3))


def test_priors_out_of_reach_are_sampled_by_the_workers(
    client: Client, frame: pd.DataFrame
) -> None:
    post = hb.Model("y ~ x + (1 | g)", frame).sample(
        draws=100, chains=2, tune=100, seed=1, progress=False
    )
    grid = {"sd": {"narrow": hb.HalfNormal(0.01), "narrower": hb.HalfNormal(0.009)}}
    study = hb.SensitivityStudy(post, grid, ["x"], client=client, progress=False)
    assert study.alternatives["how"].tolist() == ["refitted", "refitted"]  # at once, both
    with pytest.raises(hb.UsageError, match="client= is a client of a Dask cluster"):
        hb.SensitivityStudy(post, grid, ["x"], client="there", progress=False)


def test_files_in_object_storage_have_an_address(client: Client, frame: pd.DataFrame) -> None:
    for k, rows in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[rows].to_parquet(f"memory://bucket/rows/{k}.parquet")
    expected = hb.Model("y ~ x + (1 | g)", frame).reml()
    for address in ("memory://bucket/rows", "memory://bucket/rows/*.parquet"):
        same(hb.Model("y ~ x + (1 | g)", data=address).reml(), expected)
    same(hb.Model("y ~ x + (1 | g)", data=address, client=client).reml(), expected)
    assert refusal("y ~ x + (1 | g)", data="memory://bucket/none/*.parquet") == (
        "there are no data in 'memory://bucket/none/*.parquet': no such file, folder or pattern of "
        "files"
    )
    assert refusal("y ~ x + (1 | g)", data="nowhere://bucket").startswith(
        "'nowhere://bucket' is read through fsspec, which says: Protocol not known: nowhere"
    )


def refusal(*arguments: Any, **words: Any) -> str:
    with pytest.raises(hb.HierbayesError) as refused:
        hb.Model(*arguments, **words)
    return str(refused.value)


def test_errors_of_workers_are_those_of_a_frame(client: Client, frame: pd.DataFrame) -> None:
    lazy = dd.from_pandas(frame.assign(v=np.nan), npartitions=3)
    assert refusal("y ~ z + (1 | g)", lazy, client=client).startswith("there is no column 'z'")
    assert refusal("y ~ v + (1 | g)", lazy, client=client) == (
        "no row is complete: 'v' is missing in 900 of 900 rows"
    )
    assert refusal("y ~ x + (1 | g)", frame, client=client) == (
        "client= sums up partitions of a Dask dataframe or files, and the frame is neither"
    )
    assert refusal("y ~ x + (1 | g)", lazy, client="tcp://there") == (
        "client= is a client of a Dask cluster, as in distributed.Client('tcp://...'), not str"
    )
    assert refusal("y ~ x + (1 | g)", lazy, client=client, family="poisson") == (
        "a family of responses needs the rows, and cross-products are of Gaussian responses"
    )


def test_a_lost_cluster_ends_in_one_error(frame: pd.DataFrame) -> None:
    lazy = dd.from_pandas(frame, npartitions=3)
    cluster = LocalCluster(processes=False, n_workers=1, dashboard_address=":0")
    with Client(cluster) as lost:
        cluster.close()
        said = refusal("y ~ x + (1 | g)", lazy, client=lost)
    assert said.startswith("the cluster was lost while rows were summed up (")
    assert said.endswith("start it again, and run the same line")


def doomed(part: pd.DataFrame, marker: str) -> pd.DataFrame:
    """The rows, the first time from a worker that dies of them."""
    if (part["g"] == 0).any() and not os.path.exists(marker):
        Path(marker).touch()
        time.sleep(0.2)  # others of its results are lost with it
        os.kill(os.getpid(), signal.SIGKILL)
    return part


@pytest.mark.slow
def test_a_killed_worker_is_survived(frame: pd.DataFrame, tmp_path: Path) -> None:
    marker = tmp_path / "killed"
    ordered = frame.sort_values("g", ascending=False).reset_index(drop=True)
    lazy = dd.from_pandas(ordered, npartitions=4).map_partitions(
        doomed, str(marker), meta=frame.iloc[:0]
    )
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        fit = hb.Model("y ~ x + (1 | g)", lazy, client=client).reml()
    assert marker.exists()
    same(fit, hb.Model("y ~ x + (1 | g)", frame).reml())
