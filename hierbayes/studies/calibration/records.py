"""The records of a calibration as tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.design import Design
from hierbayes.design.problem import Problem
from hierbayes.design.subject import subject_of
from hierbayes.frames.arrays import Floats
from hierbayes.inference.profiles.parameter import parameters_of
from hierbayes.studies.calibration.calibration import Calibration
from hierbayes.studies.calibration.designs import OnData
from hierbayes.studies.calibration.ranks import quantity_names
from hierbayes.studies.calibration.run_file import Records
from hierbayes.studies.calibration.tasks import CalibrationTask
from hierbayes.studies.calibration.truths import Source


def calibration_of(
    model: OnData, source: Source, task: CalibrationTask, records: Records, replications: int
) -> Calibration:
    """The tables of the records of a calibration.

    Parameters
    ----------
    model : OnData
    source : Source
        Of the truths.
    task : CalibrationTask
    records : dict
        From (design, number) to what a replication found.
    replications : int
    """
    design, fitting = model.problem.design, task.fitting
    lines = subject_of(design).lines(
        ("Truth", source.text),
        ("Sets", f"{replications} of each design, seed {task.seed}"),
    )
    estimates: list[pd.DataFrame] = []
    ranks: dict[Any, list[int]] = {}
    engines: dict[Any, dict[str, int]] = {}
    failures: dict[str, None] = {}
    names = [(one.block, one.name) for one in parameters_of(model.problem)]
    for cell in task.cells:
        for i in range(replications):
            record = records[cell.name, i]
            for method in task.methods:
                found = record[method]
                reason = found.get("failed")
                tally = engines.setdefault(
                    (cell.name, method, found.get("engine", "none")),
                    {"sets": 0, "singular": 0, "failed": 0},
                )
                tally["sets"] += 1
                tally["singular"] += bool(found.get("singular"))
                tally["failed"] += reason is not None
                if reason is not None:
                    failures[f"{method} failed: {reason}"] = None
                    continue
                estimates.append(_rows(cell.name, method, i, names, record["truth"], found))
            if "ranks" in record:
                ranks[cell.name, i] = record["ranks"]
    return Calibration(
        lines,
        pd.concat(estimates) if estimates else _no_rows(),
        _rank_frame(ranks, task.cells[0].source.problem, task),
        _engine_frame(engines),
        tuple(failures)[:5],
        fitting.prob,
        task.seed,
    )


def _rows(
    cell: str, method: str, i: int, names: list[tuple[str, str]], truth: Floats, found: Any
) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(
        [(cell, method, i, *name) for name in names],
        names=["groups", "method", "replication", "block", "parameter"],
    )
    columns = {name: found[name] for name in ("lower", "estimate", "upper")}
    return pd.DataFrame({"truth": truth} | columns, index=index, dtype=np.float64)


def _no_rows() -> pd.DataFrame:
    levels = ["groups", "method", "replication", "block", "parameter"]
    index = pd.MultiIndex.from_arrays([[]] * len(levels), names=levels)
    return pd.DataFrame(columns=["truth", "lower", "estimate", "upper"], index=index, dtype=float)


def _rank_frame(ranks: dict[Any, list[int]], problem: Problem, task: CalibrationTask
                ) -> pd.DataFrame:  # fmt: skip
    columns = quantity_names(problem, task.cells[0].groups)
    if len(task.cells) > 1:  # groups of other designs are others
        columns = [
            (block, f"{name} {k}" if block == "u" else name)
            for k, (block, name) in enumerate(_without_groups(columns, problem.design))
        ]
    index = pd.MultiIndex.from_tuples(list(ranks), names=["groups", "replication"]) if ranks else (
        pd.MultiIndex.from_arrays([[], []], names=["groups", "replication"])
    )  # fmt: skip
    names = pd.MultiIndex.from_tuples(columns, names=["block", "quantity"])
    return pd.DataFrame(list(ranks.values()), index=index, columns=names)


def _without_groups(columns: list[tuple[str, str]], design: Design) -> list[tuple[str, str]]:
    return [
        (block, f"{name.partition(' | ')[0]} | {design.factors[0].name}" if block == "u" else name)
        for block, name in columns
    ]


def _engine_frame(engines: dict[Any, dict[str, int]]) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(list(engines), names=["groups", "method", "engine"])
    return pd.DataFrame(list(engines.values()), index=index)
