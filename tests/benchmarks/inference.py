"""Inference: bootstrap, profiles, deletion and degrees of freedom of one REML fit."""

from __future__ import annotations

import csv
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks import processes, rivals
from tests.benchmarks.inference_task import Contestant, Task
from tests.benchmarks.inference_tasks import tasks
from tests.benchmarks.report import Column, Table, seconds, times
from tests.benchmarks.timing import median, race, ratio

R_SCRIPT = Path(__file__).with_name("inference.R")
DATASETS = ("hs", "hsfull")
NOTES = (
    "Medians after a warm-up call; the Python packages take turns, R's run right after. Fits are "
    "made beforehand, untimed.",
    "Measured is one call; where it does a part of the task, the whole is that time multiplied, "
    "and not measured.",
)


def run(quick: bool) -> list[Table]:
    """One table per task.

    Parameters
    ----------
    quick : bool
        Few repetitions, and smaller parts of the long tasks.

    Returns
    -------
    list of Table
        Bootstrap, profiles, deletion, degrees of freedom.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.csv" for name in DATASETS]
        for name, path in zip(DATASETS, paths, strict=True):
            import_module("hierbayes").load_dataset(name).to_csv(path, index=False)
        hs, hsfull = map(pd.read_csv, paths)  # everyone fits the same plain columns
        return [_table(task, paths, quick) for task in tasks(hs, hsfull, quick)]


def _table(task: Task, paths: list[Path], quick: bool) -> Table:
    rows = [*_python_rows(task, quick), *_r_rows(task, paths, quick)]
    for row in rows:
        row["whole ratio"] = ratio(row["whole"], rows[0]["whole"])
    columns = (
        Column("contestant", "contestant"),
        *([Column("part", "measured")] if task.unit else []),
        *([Column("measured", "in", seconds)] if task.unit else []),
        Column("whole", f"{task.pieces} {task.unit}" if task.unit else "per call", seconds),
        Column("whole ratio", "× hierbayes", times),
        Column("fastest", "fastest", seconds),
        Column("repetitions", "repetitions"),
        Column("answer", task.asked),
        Column("remark", "remark"),
    )
    title = f"{task.title}, `{rivals.FIXED}`, `{rivals.RANDOM}`"
    return Table(title, columns, rows, (*NOTES[: 2 if task.unit else 1], *task.notes))


def _python_rows(task: Task, quick: bool) -> list[dict[str, Any]]:
    answers = {one.name: _answer(one) for one in task.contestants}
    entries = {one.name: one.seconds for one in task.contestants if answers[one.name][0]}
    effort = (1, 2, 0.5) if quick else (5, 10, 5.0)
    measured = race(entries, rounds=effort[0], per_round=effort[1], budget=effort[2])
    return [
        _row(task, one.name, *answers[one.name], one.pieces, measured.get(one.name, []))
        for one in task.contestants
    ]


def _answer(one: Contestant) -> tuple[str, str]:
    if not one.installed():
        return "", "not installed"
    try:
        return one.words()
    except (ArithmeticError, RuntimeError, ValueError) as error:
        return "", f"error: {error}"


def _r_rows(task: Task, paths: list[Path], quick: bool) -> list[dict[str, Any]]:
    rscript = shutil.which("Rscript")
    if rscript is None:
        return [_row(task, "lme4", "", "not installed", 1, [])]
    job = [*map(str, paths), task.key, str(task.pieces_in_r), "1" if quick else "5"]
    try:
        output = processes.run([rscript, str(R_SCRIPT), *job])
    except processes.FailedProcessError as failure:
        return [_row(task, "lme4", "", f"failed: {failure}", 1, [])]
    return [
        _row(
            task,
            line["name"],
            line["answer"],
            line["remark"],
            int(line["pieces"]),
            [float(value) for value in line["seconds"].split()],
        )
        for line in csv.DictReader(output.splitlines())
    ]


def _row(
    task: Task, name: str, answer: str, remark: str, pieces: int, measured: list[float]
) -> dict[str, Any]:
    factor = task.pieces / pieces
    middle = median(measured)
    return {
        "contestant": name,
        "part": f"{pieces} {task.unit}" if measured else None,
        "measured": middle,
        "factor": factor,
        "whole": None if middle is None else factor * middle,
        "fastest": factor * min(measured) if measured else None,
        "repetitions": len(measured) or None,
        "answer": answer or None,
        "remark": remark or None,
        "all": measured,
    }
