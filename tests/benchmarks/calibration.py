"""Calibration and power: what hundreds of simulated data sets cost."""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.processes import FailedProcessError, serve, work
from tests.benchmarks.report import Column, Table, decimals, number, seconds
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.timing import clock

COLUMNS = (
    Column("task", "task"),
    Column("sets", "data sets", number),
    Column("first", "first in a process", seconds),
    Column("again", "again, other seed", seconds),
    Column("each", "a data set", seconds),
    Column("answer", "answer"),
    Column("p", "smallest p × tests", decimals(3)),
    Column("remark", "remark"),
)
NOTES = (
    "From a model on hs (40 schools); processes on all {cores} processors, and starting them, "
    "included.",
    "SBC: a posterior of each data set by importance sampling of θ, NUTS where its weights cannot "
    "stand for the posterior, ranks of 15 quantities and limits of 8 parameters. Power: REML and "
    "Satterthwaite's t of one coefficient.",
)


def run(quick: bool) -> list[Table]:
    """One table, measured in one new process.

    Parameters
    ----------
    quick : bool
        Fewer data sets.

    Returns
    -------
    list of Table
        Simulation-based calibration and power.
    """
    notes = tuple(note.format(cores=os.cpu_count()) for note in NOTES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hs.csv"
        import_module("hierbayes").load_dataset("hs").to_csv(path, index=False)
        try:
            rows = work(__name__, {"quick": quick, "data": str(path)})
        except FailedProcessError as failure:
            rows = [{"task": "all", "remark": f"failed: {failure}"}]
    title = f"Simulated data sets of `{FIXED}`, `{RANDOM}`, fitted again"
    return [Table(title, COLUMNS, rows, notes)]


def measure(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Do both tasks, twice each.

    Parameters
    ----------
    job : dict
        ``quick`` and ``data``.

    Returns
    -------
    list of dict
        A row for each task.
    """
    hb = import_module("hierbayes")
    model = hb.Model(FIXED, random=RANDOM, data=pd.read_csv(job["data"]))
    fit = model.reml()
    sets = (10, 20) if job["quick"] else (500, 1000)

    def sbc(seed: int) -> Any:
        return hb.calibrate(model, replications=sets[0], seed=seed, progress=False)

    def power(seed: int) -> Any:
        test = [model.problem.design.terms[-1]]
        return hb.power(model, test, fit, replications=sets[1], seed=seed, progress=False)

    rows = []
    for task, do, n in (("SBC", sbc, sets[0]), ("power", power, sets[1])):
        first, found = clock(do, 1)
        again, _ = clock(do, 2)
        row = {"task": task, "sets": n, "first": first, "again": again, "each": again / n}
        if task == "SBC":
            engines = found.engines["sets"].groupby(level="engine").sum()
            row |= {"answer": ", ".join(f"{k} {v}" for k, v in engines.items())}
            row |= {"p": found.smallest_p}
        else:
            one = found.table.iloc[0]
            row["answer"] = f"{one['power']:.3f} ± {one['mcse']:.3f}"
        rows.append(row)
    return rows


if __name__ == "__main__":
    serve(measure)
