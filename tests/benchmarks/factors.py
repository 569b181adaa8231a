"""Several grouping factors: from data frame to REML fit, beside other packages."""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks import factor_data
from tests.benchmarks.processes import FailedProcessError
from tests.benchmarks.processes import run as run_process
from tests.benchmarks.report import Column, Table, decimals, seconds, times
from tests.benchmarks.timing import median, race, ratio
from tests.factors_reference import CASES

SAME_LOGLIK = 1e-9  # relative
COLUMNS = (
    Column("contestant", "contestant"),
    Column("whole", "data frame → fit", seconds),
    Column("ratio", "× hierbayes", times),
    Column("fastest", "fastest", seconds),
    Column("loglik", "log-likelihood", decimals(4)),
    Column("behind", "below the best", decimals(4)),
    Column("repetitions", "repetitions"),
    Column("remark", "remark"),
)
NOTES = (
    "CPU seconds, medians after a warm-up call, the packages in turns; all maximise the same REML "
    "criterion. One thread each where OPENBLAS_NUM_THREADS and RAYON_NUM_THREADS say so.",
    "glmm's one call also computes Satterthwaite's degrees of freedom and tables of tests.",
    "lme4 is timed inside R, from a data.frame whose groups are factors, after the others in "
    "the same run; a fit that takes long is made once, without a warm-up.",
)
R_SCRIPT = Path(__file__).with_name("factors.R")
LME4 = "lme4"


@dataclass(frozen=True)
class Data:
    """A model and its data.

    Parameters
    ----------
    title, formula : str
    frame : DataFrame
    """

    title: str
    formula: str
    frame: pd.DataFrame


CONTESTANTS: dict[str, Callable[[str, pd.DataFrame], Any]] = {
    "hierbayes": lambda formula, frame: import_module("hierbayes").Model(formula, frame).reml(),
    "glmm": lambda formula, frame: import_module("glmm").fit(frame, formula),
    "mixedlm": lambda formula, frame: import_module("mixedlm").lmer(formula, frame),
}
LOGLIK: dict[str, Callable[[Any], float]] = {
    "hierbayes": lambda fit: float(fit.loglik),
    "glmm": lambda fit: float(fit.loglik),
    "mixedlm": lambda fit: float(fit.logLik()),
}


def run(quick: bool) -> list[Table]:
    """One table per model: nested, crossed, two slopes, and two large ones.

    Parameters
    ----------
    quick : bool
        Few repetitions, and large data of a hundredth of the rows.
    """
    part = 100 if quick else 1
    made = [partial(_reference, name) for name in ("ham_consumer_product", "ScotsSec_crossed",
            "egsingle_two_levels_of_slopes")]  # fmt: skip
    made += [partial(_twin, "plates"), partial(_twin, "casks"), partial(_named_twin, "casks")]
    large = [partial(_evaluations, part), partial(_classes, part)]
    return [_table(make(), quick) for make in (*made, *large)]


def _reference(name: str) -> Data:
    frame = factor_data.reference(name)
    return Data(f"{name} ({len(frame)} rows)", CASES[name]["formula"], frame)


def _twin(name: str) -> Data:
    """A small set simulated after a known one."""
    data = factor_data.POSTERIORS[name]
    return Data(f"{name} ({data.title}), simulated", data.formula, data.make())


def _named_twin(name: str) -> Data:
    """The same, its groups called by texts as in most files."""
    data = _twin(name)
    texts = data.frame.astype(dict.fromkeys(data.frame.columns.drop("y"), "str"))
    return Data(f"labels of text: {data.title}", data.formula, texts)


def _evaluations(part: int) -> Data:
    frame = factor_data.evaluations(part)
    title = f"{len(frame):,} evaluations, students × lecturers, simulated"
    return Data(title, "y ~ service + (1 | s) + (1 | d)", frame)


def _classes(part: int) -> Data:
    frame = factor_data.classes(part)
    title = f"{len(frame) // 5:,} classes in {len(frame) // 100:,} schools, simulated"
    return Data(title, "y ~ x + (1 + x | k) + (1 | c)", frame)


def _table(data: Data, quick: bool) -> Table:
    there = [name for name in CONTESTANTS if find_spec(name) is not None]
    answers = {name: _answer(name, data) for name in there}
    runners = [name for name in there if isinstance(answers[name], float)]
    entries = {name: partial(_time, name, data) for name in runners}
    effort = (1, 2, 2.0) if quick else (5, 10, 5.0)
    measured = race(entries, rounds=effort[0], per_round=effort[1], budget=effort[2])
    of_lme4, answers[LME4], said = _lme4(data, effort[0] * effort[1], 4.0 * effort[2])
    if of_lme4:
        measured[LME4] = of_lme4
    best = max(float(answers[name]) for name in (*runners, *([LME4] if of_lme4 else [])))
    ours = measured["hierbayes"]
    rows = []
    for name in (*CONTESTANTS, LME4):
        whole, answer = measured.get(name, []), answers.get(name, "not installed")
        known = isinstance(answer, float)
        rows.append(
            {
                "contestant": name,
                "whole": median(whole),
                "ratio": ratio(median(whole), median(ours)),
                "fastest": min(whole, default=None),
                "loglik": answer if known else None,
                "behind": best - answer if isinstance(answer, float) else None,
                "repetitions": len(whole) or None,
                "remark": (said if name == LME4 else None) if known else answer,
                "all whole": whole,
            }
        )
    _require_best(rows[0], data.title)
    return Table(f"REML of `{data.formula}`, on {data.title}", COLUMNS, rows, NOTES)


def _answer(name: str, data: Data) -> float | str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return LOGLIK[name](CONTESTANTS[name](data.formula, data.frame))
        except Exception as error:
            return f"error: {error}"


def _lme4(
    data: Data, repetitions: int, budget: float
) -> tuple[list[float], float | str, str | None]:
    """Seconds of each fit of lmer, its log-likelihood, and what it warned of.

    Without seconds, in place of the log-likelihood, why it has none.
    """
    program = shutil.which("Rscript")
    if program is None:
        return [], "Rscript is not installed", None
    groups = {
        name.strip() for part in re.findall(r"\|([^|)]*)\)", data.formula)
        for name in re.split("[:/]", part)
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows.csv")
        data.frame.to_csv(file, index=False)
        words = [data.formula, ",".join(sorted(groups)), str(repetitions), str(budget)]
        try:
            text = run_process(
                [program, str(R_SCRIPT), str(file), *words],
                OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1",
            )  # fmt: skip
        except FailedProcessError as error:
            return [], f"Rscript stopped: {error}", None
    (line,) = csv.DictReader(text.splitlines())
    taken = [float(one) for one in line["seconds"].split()]
    remark = line["remark"] or None
    return taken, float(line["loglik"]) if taken else str(remark), remark


def _time(name: str, data: Data) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = time.process_time()
        CONTESTANTS[name](data.formula, data.frame)
        return time.process_time() - before


def _require_best(ours: dict[str, Any], title: str) -> None:
    """Stop where another package finds a higher likelihood: its times would not compare."""
    if ours["behind"] > SAME_LOGLIK * abs(ours["loglik"]):
        raise AssertionError(f"hierbayes is {ours['behind']:.1e} below the best on {title}")
