"""Calibration and power: what hundreds of simulated data sets cost."""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.calibration_rivals import power_by_lme4, sbc_by_simuk
from tests.benchmarks.processes import FailedProcessError, serve, work
from tests.benchmarks.report import Column, Table, decimals, number, seconds, times
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.timing import clock, processor_seconds, ratio

COLUMNS = (
    Column("task", "task"),
    Column("sets", "data sets", number),
    Column("first", "first in a process", seconds),
    Column("again", "again, other seed", seconds),
    Column("each", "a data set", seconds),
    Column("cpu", "again, processor time", seconds),
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

RIVAL_COLUMNS = (
    Column("task", "task"),
    Column("contestant", "package"),
    Column("measured", "data sets measured", number),
    Column("each", "a data set, processor time", seconds),
    Column("whole", "all of them", seconds),
    Column("ratio", "ratio", times),
    Column("answer", "answer"),
    Column("remark", "remark"),
)
RIVAL_NOTES = (
    "Processor time of all processes together; of the other packages a few data sets, the whole "
    "being that time multiplied, and not measured.",
    "simr itself was not at hand: its loop is written out in lme4 and lmerTest.",
)
_MEASURED = {"SBC": 3, "power": 50}  # data sets of the others


def run(quick: bool) -> list[Table]:
    """Two tables, measured in new processes.

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
        beside = [row for row in rows if "cpu" in row]
        rivals = [row for one in beside for row in _beside(one, path, quick)]
    title = f"Simulated data sets of `{FIXED}`, `{RANDOM}`, fitted again"
    return [
        Table(title, COLUMNS, rows, notes),
        Table("The same in other packages", RIVAL_COLUMNS, rivals, RIVAL_NOTES),
    ]


def _beside(ours: dict[str, Any], path: Path, quick: bool) -> list[dict[str, Any]]:
    """A row of ours and one of another package, for one task."""
    task, sets = ours["task"], 1 if quick else _MEASURED[ours["task"]]
    theirs = {"SBC": sbc_by_simuk, "power": power_by_lme4}[task](path, sets)
    own = {"contestant": "hierbayes", "measured": ours["sets"], "cpu": ours["cpu"],
           "answer": ours["answer"]}  # fmt: skip
    rows = []
    for row in (own, theirs):
        each = row["cpu"] / row["measured"] if "cpu" in row else None
        whole = None if each is None else each * ours["sets"]
        rows.append(row | {"task": task, "each": each, "whole": whole,
                           "ratio": ratio(whole, ours["cpu"])})  # fmt: skip
    return rows


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
        cpu, (again, _) = processor_seconds(clock, do, 2)
        row = {"task": task, "sets": n, "first": first, "again": again, "each": again / n}
        row |= {"cpu": cpu}
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
