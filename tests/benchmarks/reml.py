"""REML: from data frame to fit, and the fit alone, with every contestant's estimates."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks import rivals
from tests.benchmarks.growth import simulate
from tests.benchmarks.report import Column, Table, decimals, seconds, times
from tests.benchmarks.timing import median, race, ratio

SHIPPED = ("hs", "hsfull")
LARGE = {"200,000 rows": (200_000, 50_000), "2,000,000 rows": (2_000_000, 1_000)}  # and groups
SAME_LOGLIK, SAME_GAMMA = 1e-9, 1e-3  # relative; in standard errors
COLUMNS = (
    Column("contestant", "contestant"),
    Column("whole", "data frame → fit", seconds),
    Column("whole ratio", "× hierbayes", times),
    Column("fastest", "fastest", seconds),
    Column("alone", "fit alone", seconds),
    Column("alone ratio", "× hierbayes", times),
    Column("loglik", "log-likelihood", decimals(4)),
    Column("behind", "below the best", decimals(4)),
    Column("apart", "γ̂ apart, in se", "{:.1e}".format),
    Column("repetitions", "repetitions"),
    Column("remark", "remark"),
)
NOTES = (
    "Medians after a warm-up call; the Python packages take turns, R's run right after.",
    "A median far above the fastest repetition means a busy machine: run again.",
    "Fit alone starts from what each package parses out of the data frame (`Model`, `lFormula`, "
    "`MixedLM`), made afresh and untimed for each repetition.",
    "All maximise the same REML criterion, so a lower log-likelihood is a wrong answer; γ̂ apart: "
    "the largest difference from hierbayes in standard errors. The run stops where glmm and "
    "hierbayes do not agree.",
    "glmm's one call also computes Satterthwaite's degrees of freedom and tables of tests.",
)


@dataclass(frozen=True)
class Data:
    """What everyone fits.

    Parameters
    ----------
    title : str
        What it is called.
    frame : DataFrame
        Plain columns, as a CSV file gives them.
    large : bool
        Whether only the fastest contestants are asked.
    """

    title: str
    frame: pd.DataFrame
    large: bool


def run(quick: bool) -> list[Table]:
    """One table per data set.

    Parameters
    ----------
    quick : bool
        Few repetitions, and large data of a hundredth of the rows.

    Returns
    -------
    list of Table
        For hs (40 schools), hsfull (160 schools) and simulated data.
    """
    made: list[Callable[[], Data]] = [partial(_shipped, name) for name in SHIPPED]
    made += [partial(_simulated, title, 100 if quick else 1) for title in LARGE]
    return [_table(make(), quick) for make in made]


def _shipped(name: str) -> Data:
    data = import_module("hierbayes").load_dataset(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.csv"
        data.to_csv(path, index=False)
        return Data(f"{name} ({len(data)} rows)", pd.read_csv(path), large=False)


def _simulated(title: str, part: int) -> Data:
    rows, groups = (number // part for number in LARGE[title])
    frame = simulate(rows, seed=1, groups=groups)
    frame["Sector"] = (frame["Sector"] == "Public").astype(float)  # no race of reading text
    return Data(f"{rows:,} rows in {groups:,} groups, simulated", frame, large=True)


def _table(data: Data, quick: bool) -> Table:
    rows = _python_rows(data, quick)
    if not data.large:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.csv"
            data.frame.to_csv(path, index=False)
            rows += _r_rows(path, quick)
    best = max((row["loglik"] for row in rows if row["loglik"] is not None), default=None)
    ours = rows[0]
    for row in rows:
        row["behind"] = None if row["loglik"] is None else best - row["loglik"]
        row["whole ratio"] = ratio(row["whole"], ours["whole"])
        row["alone ratio"] = ratio(row["alone"], ours["alone"])
        row["apart"] = _apart(row, ours)
        if row["contestant"] == "glmm" and row["loglik"] is not None:
            _require_agreement(row, ours, data.title)
    title = f"REML of `{rivals.FIXED}`, `{rivals.RANDOM}`, on {data.title}"
    return Table(title, COLUMNS, rows, NOTES)


def _apart(row: dict[str, Any], ours: dict[str, Any]) -> float | None:
    """Largest difference between two estimates of γ, in our standard errors."""
    if row is ours or row["gamma"] is None:
        return None
    return float(np.max(np.abs(np.subtract(row["gamma"], ours["gamma"])) / ours["se"]))


def _require_agreement(row: dict[str, Any], ours: dict[str, Any], title: str) -> None:
    """Stop where the answers differ: times of different answers cannot be compared."""
    off = abs(row["loglik"] - ours["loglik"]) / abs(ours["loglik"])
    if off > SAME_LOGLIK or row["apart"] > SAME_GAMMA:
        raise AssertionError(
            f"{row['contestant']} and hierbayes differ on {title}: log-likelihoods by {off:.1e} of "
            f"their size, γ̂ by {row['apart']:.1e} standard errors"
        )


def _python_rows(data: Data, quick: bool) -> list[dict[str, Any]]:
    contestants = [rivals.hierbayes(), rivals.glmm()]
    if not data.large:
        contestants += [rivals.mixedlm(), rivals.statsmodels()]
    frame = data.frame
    answers = {one.name: _answer(one, frame) for one in contestants if one.installed()}
    runners = [one for one in contestants if answers.get(one.name, {}).get("loglik") is not None]
    entries = {f"{one.name} whole": partial(one.time_whole, frame) for one in runners}
    entries |= {
        f"{one.name} alone": partial(one.time_fit, frame) for one in runners if one.fit is not None
    }
    effort = (2, 3, 2.0) if quick else (10, 20, 10.0)
    measured = race(entries, rounds=effort[0], per_round=effort[1], budget=effort[2])
    return [
        _row(
            one.name,
            answers.get(one.name, {"remark": "not installed"}),
            measured.get(f"{one.name} whole", []),
            measured.get(f"{one.name} alone", []),
        )
        for one in contestants
    ]


def _answer(one: rivals.Contestant, frame: pd.DataFrame) -> dict[str, Any]:
    one.prepare(frame)  # apart: importing statsmodels changes the warning filters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit = one.whole(frame)
        except (ArithmeticError, RuntimeError, ValueError) as error:
            return {"remark": f"error: {error}"}
        answer = {
            "loglik": one.loglik(fit),
            "gamma": [float(value) for value in one.gamma(fit)],
            "remark": one.remark(fit),
        }
    if one.name == "hierbayes":
        answer["se"] = np.sqrt(np.diag(fit.gamma_cov)).tolist()
    return answer


def _r_rows(path: Path, quick: bool) -> list[dict[str, Any]]:
    results = rivals.in_r(path, batches=3 if quick else 15, batch=1 if quick else 4)
    return [
        _row(one.name, {"loglik": one.loglik, "remark": one.remark}, one.whole, one.alone)
        for one in results
    ]


def _row(
    name: str, answer: dict[str, Any], whole: list[float], alone: list[float]
) -> dict[str, Any]:
    return {
        "contestant": name,
        "whole": median(whole),
        "fastest": min(whole, default=None),
        "alone": median(alone),
        "loglik": answer.get("loglik"),
        "gamma": answer.get("gamma"),
        "se": answer.get("se"),
        "repetitions": len(whole) or None,
        "remark": answer["remark"] or None,
        "all whole": whole,
        "all alone": alone,
    }
