"""REML: from data frame to fit, and the fit alone, with every contestant's log-likelihood."""

from __future__ import annotations

import tempfile
import warnings
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks import rivals
from tests.benchmarks.report import Column, Table, decimals, seconds, times
from tests.benchmarks.timing import median, race, ratio

DATASETS = ("hs", "hsfull")
COLUMNS = (
    Column("contestant", "contestant"),
    Column("whole", "data frame → fit", seconds),
    Column("whole ratio", "× hierbayes", times),
    Column("fastest", "fastest", seconds),
    Column("alone", "fit alone", seconds),
    Column("alone ratio", "× hierbayes", times),
    Column("loglik", "log-likelihood", decimals(4)),
    Column("behind", "below the best", decimals(4)),
    Column("repetitions", "repetitions"),
    Column("remark", "remark"),
)
NOTES = (
    "Medians after a warm-up call; the Python packages take turns, R's run right after.",
    "A median far above the fastest repetition means a busy machine: run again.",
    "Fit alone starts from what each package parses out of the data frame (`Model`, `lFormula`, "
    "`MixedLM`), made afresh and untimed for each repetition.",
    "All maximise the same REML criterion, so a lower log-likelihood is a wrong answer.",
)


def run(quick: bool) -> list[Table]:
    """One table per data set.

    Parameters
    ----------
    quick : bool
        Few repetitions.

    Returns
    -------
    list of Table
        For hs (40 schools) and hsfull (160 schools).
    """
    return [_table(name, quick) for name in DATASETS]


def _table(name: str, quick: bool) -> Table:
    data = import_module("hierbayes").load_dataset(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.csv"
        data.to_csv(path, index=False)
        frame = pd.read_csv(path)  # everyone fits the same plain columns
        rows = [*_python_rows(frame, quick), *_r_rows(path, quick)]
    best = max((row["loglik"] for row in rows if row["loglik"] is not None), default=None)
    ours = rows[0]
    for row in rows:
        row["behind"] = None if row["loglik"] is None else best - row["loglik"]
        row["whole ratio"] = ratio(row["whole"], ours["whole"])
        row["alone ratio"] = ratio(row["alone"], ours["alone"])
    title = f"REML of `{rivals.FIXED}`, `{rivals.RANDOM}`, on {name} ({len(frame)} rows)"
    return Table(title, COLUMNS, rows, NOTES)


def _python_rows(frame: pd.DataFrame, quick: bool) -> list[dict[str, Any]]:
    contestants = [rivals.hierbayes(), rivals.mixedlm(), rivals.statsmodels()]
    answers = {one.name: _answer(one, frame) for one in contestants if one.installed()}
    runners = [one for one in contestants if answers.get(one.name, (None, ""))[0] is not None]
    entries = {f"{one.name} whole": partial(one.time_whole, frame) for one in runners}
    entries |= {f"{one.name} alone": partial(one.time_fit, frame) for one in runners}
    effort = (2, 3, 2.0) if quick else (10, 20, 10.0)
    measured = race(entries, rounds=effort[0], per_round=effort[1], budget=effort[2])
    return [
        _row(
            one.name,
            *answers.get(one.name, (None, "not installed")),
            measured.get(f"{one.name} whole", []),
            measured.get(f"{one.name} alone", []),
        )
        for one in contestants
    ]


def _answer(one: rivals.Contestant, frame: pd.DataFrame) -> tuple[float | None, str]:
    one.prepare(frame)  # apart: importing statsmodels changes the warning filters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit = one.whole(frame)
        except (ArithmeticError, RuntimeError, ValueError) as error:
            return None, f"error: {error}"
        return one.loglik(fit), one.remark(fit)


def _r_rows(path: Path, quick: bool) -> list[dict[str, Any]]:
    results = rivals.in_r(path, batches=3 if quick else 15, batch=1 if quick else 4)
    return [_row(one.name, one.loglik, one.remark, one.whole, one.alone) for one in results]


def _row(
    name: str, loglik: float | None, remark: str, whole: list[float], alone: list[float]
) -> dict[str, Any]:
    return {
        "contestant": name,
        "whole": median(whole),
        "fastest": min(whole, default=None),
        "alone": median(alone),
        "loglik": loglik,
        "repetitions": len(whole) or None,
        "remark": remark or None,
        "all whole": whole,
        "all alone": alone,
    }
