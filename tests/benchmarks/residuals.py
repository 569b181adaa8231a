"""Residual structures: from data frame to REML fit beside nlme and glmmTMB, and of many rows."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import hierbayes as hb
from hierbayes import residuals as hr
from tests.benchmarks.processes import FailedProcessError
from tests.benchmarks.processes import run as run_process
from tests.benchmarks.report import Column, Table, decimals, number, seconds, times
from tests.residual_models import FOLDER, MODELS, data

R_SCRIPT = Path(__file__).with_name("residuals.R")
PACKAGES = ("nlme", "glmmTMB")
BATCH = 10  # calls, as many as in R
CLOSE = 1e-5  # of log-likelihoods: glmmTMB holds a variance near 0, which is none of ours
NOTES = (
    "CPU seconds of one thread, fastest of the repetitions after a warm-up.",
    "A repetition is ten calls, as R counts in milliseconds; R ran between two halves of ours.",
    "The others: how many times as long, and how far their log-likelihood is below ours.",
    "lme4 has none of these models; glmmTMB has four, those of the trial as random effects beside "
    "a residual variance that is held near 0.",
)


def run(quick: bool) -> list[Table]:
    """The stored models beside R, and a large AR(1) beside the same model without it.

    Parameters
    ----------
    quick : bool
        Few repetitions, and a hundredth of the rows.
    """
    return [_beside(3 if quick else 20), _large(quick)]


# ---------------------------------------------------------------- beside R


def _beside(repetitions: int) -> Table:
    half = repetitions // 2 + 1
    ours = {name: _time(name, half) for name in MODELS}
    theirs, remark = _rivals(repetitions)
    rows = [_row(name, min(ours[name], _time(name, half)), theirs) for name in MODELS]
    columns = [
        Column("model", "model"),
        Column("n", "rows", number),
        Column("seconds", "hierbayes", seconds),
        Column("loglik", "log-likelihood", decimals(6)),
    ]
    for package in PACKAGES:
        columns += [
            Column(f"{package} ratio", package, times),
            Column(f"{package} below", f"{package} below", decimals(6)),
            Column(f"{package} remark", f"{package} says"),
        ]
    known = {
        package: [row for row in rows if row[f"{package} ratio"] is not None]
        for package in PACKAGES
    }
    medians = [_in_one_line(package, known[package]) for package in PACKAGES if known[package]]
    return Table(
        "REML with a residual structure, data frame → fit",
        columns,
        rows,
        (*NOTES, *medians, *remark),
    )


def _in_one_line(package: str, rows: list[dict[str, Any]]) -> str:
    """The median ratio of a package, and that of the times of all models."""
    ratios, ours = (np.array([row[key] for row in rows]) for key in (f"{package} ratio", "seconds"))
    whole = float(ratios @ ours / ours.sum())
    return f"{package}: median ratio {times(float(np.median(ratios)))}, of all {times(whole)}."


def _time(name: str, repetitions: int) -> float:
    formula, structure = MODELS[name]
    return _fastest(
        lambda: hb.Model(formula, data(name), residual=structure).reml(), repetitions, batch=BATCH
    )


def _fastest(call: Callable[[], Any], repetitions: int, batch: int = 1) -> float:
    """CPU seconds of a call, in the fastest of some batches after one call."""
    call()
    taken = []
    for _ in range(repetitions):
        before = time.process_time()
        for _ in range(batch):
            call()
        taken.append(time.process_time() - before)
    return min(taken) / batch


def _rivals(repetitions: int) -> tuple[dict[tuple[str, str], dict[str, str]], tuple[str, ...]]:
    """What R printed, by package and model; and what stands below the table instead."""
    program = shutil.which("Rscript")
    if program is None:
        return {}, ("Rscript is not installed here: nlme and glmmTMB were not measured.",)
    try:
        text = run_process(
            [program, str(R_SCRIPT), str(FOLDER), str(max(repetitions // 4, 2))],
            OPENBLAS_NUM_THREADS="1",
            OMP_NUM_THREADS="1",
        )
    except FailedProcessError as error:
        return {}, (f"Rscript stopped: {error}",)
    found = {(line["package"], line["model"]): line for line in csv.DictReader(text.splitlines())}
    absent = tuple(
        f"{package}: {found[package, '']['remark']}."
        for package in PACKAGES
        if (package, "") in found
    )
    return found, absent


def _row(name: str, taken: float, theirs: dict[tuple[str, str], dict[str, str]]) -> dict[str, Any]:
    formula, structure = MODELS[name]
    fit = hb.Model(formula, data(name), residual=structure).reml()
    row: dict[str, Any] = {
        "model": name,
        "n": len(fit.design.y),
        "seconds": taken,
        "loglik": fit.loglik,
    }
    for package in PACKAGES:
        line = theirs.get((package, name))
        fits = line is not None and line["seconds"] != "NA"
        below = fit.loglik - float(line["loglik"]) if line is not None and fits else None
        if below is not None and below < -CLOSE:
            raise AssertionError(f"{package} has a higher log-likelihood of {name}, by {-below}")
        row[f"{package} ratio"] = float(line["seconds"]) / taken if line and fits else None
        row[f"{package} below"] = below
        row[f"{package} remark"] = line["remark"] or None if line is not None else None
    return row


# ---------------------------------------------------------------- many rows


def _large(quick: bool) -> Table:
    frame = _drawn(400 if quick else 40_000)
    structures: dict[str, hr.ResidualStructure | None] = {
        "independent errors": None,
        "Strata": hr.Strata("half"),
        "CompoundSymmetry, slopes alone": hr.CompoundSymmetry(),
        "AR1": hr.AR1("week"),
    }
    rows: list[dict[str, Any]] = []
    for name, structure in structures.items():
        formula = "y ~ x + (0 + x | id)" if "slopes" in name else "y ~ x + (1 | id)"
        model = hb.Model(formula, frame, residual=structure)
        made = _fastest(partial(hb.Model, formula, frame, residual=structure), 2)
        reml = _fastest(model.reml, 5 if quick else 10)
        rows.append({"errors": name, "made": made, "reml": reml})
    for row in rows:
        row["ratio"] = row["reml"] / rows[0]["reml"]
    columns = (
        Column("errors", "errors"),
        Column("made", "data frame → moments", seconds),
        Column("reml", "moments → REML", seconds),
        Column("ratio", "× independent", times),
    )
    title = f"`y ~ x + (1 | id)` of {len(frame):,} rows in {frame['id'].nunique():,} groups, drawn"
    return Table(title, columns, rows, NOTES[:1])


def _drawn(groups: int) -> pd.DataFrame:
    """25 weeks of each of some persons, with a random intercept and AR(1) errors."""
    rng, weeks = np.random.default_rng(1), 25
    errors = rng.normal(size=(groups, weeks))
    for week in range(1, weeks):
        errors[:, week] = 0.5 * errors[:, week - 1] + 0.75**0.5 * errors[:, week]
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(groups), weeks),
            "week": np.tile(np.arange(weeks), groups),
            "x": rng.normal(size=groups * weeks),
        }
    )
    frame["half"] = np.where(frame["week"] < weeks // 2, "first", "second")
    effects = np.repeat(rng.normal(size=groups), weeks)
    return frame.assign(y=1.0 + 0.5 * frame["x"] + effects + errors.ravel())
