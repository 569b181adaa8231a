"""Growth: what more rows cost, at a fixed number of groups."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.processes import FailedProcessError, serve, work
from tests.benchmarks.report import Column, Table, seconds, times
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.timing import clock, median, ratio

GROUPS = 40
COLUMNS = (
    Column("rows", "rows", "{:,}".format),
    Column("build", "building the Model", seconds),
    Column("build ratio", "× first row", times),
    Column("reml", "REML", seconds),
    Column("reml ratio", "× first row", times),
    Column("sample", "sampling", seconds),
    Column("sample ratio", "× first row", times),
    Column("remark", "remark"),
)


def run(quick: bool) -> list[Table]:
    """Times by number of rows, measured in one new process.

    Parameters
    ----------
    quick : bool
        Fewer rows and draws.

    Returns
    -------
    list of Table
        One table.
    """
    draws = 100 if quick else 1000
    notes = (
        "Medians after a first call on the same structure, so nothing compiles any more; REML "
        "and sampling each start from an existing Model.",
        f"Simulated: {GROUPS} groups, one slope, a group-level sector; sampling is "
        f"`model.sample`, 4 × {draws} draws.",
    )
    try:
        rows = work(__name__, {"quick": quick})
    except FailedProcessError as failure:
        rows = [{"remark": f"failed: {failure}"}]
    for row in rows:
        for key in ("build", "reml", "sample"):
            row[f"{key} ratio"] = ratio(row.get(key), rows[0].get(key))
    title = f"hierbayes on `{FIXED}`, `{RANDOM}`, as rows grow and groups stay"
    return [Table(title, COLUMNS, rows, notes)]


def simulate(rows: int, seed: int, groups: int = GROUPS) -> pd.DataFrame:
    """Data of the benchmark model in equal groups.

    Parameters
    ----------
    rows : int
        Number of rows.
    seed : int
        Of the simulation.
    groups : int
        Number of groups.

    Returns
    -------
    DataFrame
        Columns ``school``, ``mathach``, ``ses``, ``Sector``.
    """
    random = np.random.default_rng(seed)
    school = np.arange(rows) % groups
    public = (np.arange(groups) % 2)[school]
    u = random.multivariate_normal([0.0, 0.0], [[4.0, 0.5], [0.5, 0.6]], size=groups)[school]
    ses = random.normal(size=rows) * 0.8
    mean = 14.0 - 2.0 * public + u[:, 0] + (2.0 + 1.5 * public + u[:, 1]) * ses
    return pd.DataFrame(
        {
            "school": school,
            "mathach": mean + 6.0 * random.normal(size=rows),
            "ses": ses,
            "Sector": np.where(public == 1, "Public", "Catholic"),
        }
    )


def measure(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Time each size in this process.

    Parameters
    ----------
    job : dict
        ``quick``: fewer rows and draws.

    Returns
    -------
    list of dict
        ``rows`` and the medians of ``build``, ``reml`` and ``sample``, in seconds.
    """
    hb = import_module("hierbayes")
    quick = job["quick"]
    sizes = (2_000, 20_000) if quick else (2_000, 200_000, 2_000_000)
    draws, repetitions = (100, 2) if quick else (1000, 5)

    def build(frame: pd.DataFrame) -> Any:
        return hb.Model(FIXED, random=RANDOM, data=frame)

    def sample(model: Any, seed: int) -> Any:
        return model.sample(draws=draws, chains=4, seed=seed, progress=False)

    first = build(simulate(sizes[0], seed=0))
    first.reml()
    sample(first, 0)
    rows = []
    for size in sizes:
        frame = simulate(size, seed=1)
        spent: dict[str, list[float]] = {"build": [], "reml": [], "sample": []}
        for seed in range(1, repetitions + 1):
            elapsed, model = clock(build, frame)
            spent["build"].append(elapsed)
            spent["reml"].append(clock(model.reml)[0])
            spent["sample"].append(clock(sample, model, seed)[0])
        medians = {key: median(values) for key, values in spent.items()}
        rows.append({"rows": size, **medians, "all": spent})
    return rows


if __name__ == "__main__":
    serve(measure)
