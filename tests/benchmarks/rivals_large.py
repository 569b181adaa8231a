"""A million rows: every package in a process of its own, its time and its memory.

    python -m tests.benchmarks --only rivals_large

Rows are written once, to ``build/rivals_large``, as Parquet and as plain numbers for R.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.growth import simulate
from tests.benchmarks.processes import ROOT
from tests.benchmarks.report import Column, Table, decimals, number, seconds, times
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.timing import ratio

ROWS, GROUPS = 1_000_000, 10_000
LIMIT = 600.0  # seconds on the clock for one process
WAYS = (
    "hierbayes, streamed from Parquet",
    "hierbayes",
    "glmm",
    "mixedlm",
    "statsmodels",
    "lme4",
    "hierbayes, posterior",
    "bambi with nutpie, posterior",
)
COLUMNS = (
    Column("way", "package"),
    Column("read", "reading", seconds),
    Column("processor", "model to fit, processors", seconds),
    Column("ratio", "× hierbayes", times),
    Column("clock", "clock", seconds),
    Column("memory", "memory (MB)", number),
    Column("before", "of which before the fit", number),
    Column("loglik", "log-likelihood", decimals(3)),
    Column("remark", "remark"),
)
NOTES = (
    "Each in a new process, after a first fit of 2000 rows (but for bambi, which compiles anyway).",
    "Times of the fit are of all processors together; ratios are of REML among REML fits, of the "
    "posterior among posteriors. Memory is the most that the process ever had.",
    "Reading is of Parquet into pandas, in R of plain numbers; streamed rows are read as they are "
    "summed up, which is part of the fit.",
    f"What takes longer than {LIMIT:.0f} s on the clock is stopped. Bambi's model is the easier, "
    "without correlation; posteriors are of 4 × 1000 draws after 500 of tuning.",
)
_POLL = 0.05  # seconds


def run(quick: bool) -> list[Table]:
    """All packages on one set of rows.

    Parameters
    ----------
    quick : bool
        A hundredth of the rows, and a minute at most.
    """
    rows, groups = (ROWS // 100, GROUPS // 100) if quick else (ROWS, GROUPS)
    folder = the_set(rows, groups)
    limit = 60.0 if quick else LIMIT
    found = [{"way": way, **measured(way, folder, limit)} for way in WAYS]
    ours = {"posterior" in one["way"]: one.get("processor") for one in found
            if one["way"] in ("hierbayes", "hierbayes, posterior")}  # fmt: skip
    for one in found:
        one["ratio"] = ratio(one.get("processor"), ours["posterior" in one["way"]])
    title = f"`{FIXED}`, `{RANDOM}`, of {rows:,} rows in {groups:,} groups"
    return [Table(title, COLUMNS, found, NOTES)]


def the_set(rows: int, groups: int) -> Path:
    """The folder of the rows, written where it is not there yet."""
    folder = ROOT / "build" / "rivals_large" / f"{rows}_rows_{groups}_groups"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        unfinished.mkdir(parents=True, exist_ok=True)
        frame = simulate(rows, seed=1, groups=groups)
        frame["Sector"] = (frame["Sector"] == "Public").astype(float)
        frame.to_parquet(unfinished / "rows.parquet", index=False)
        frame.head(2000).assign(school=lambda one: one["school"] % 40).to_parquet(
            unfinished / "few.parquet", index=False
        )
        for name in ("mathach", "ses", "Sector", "school"):
            frame[name].to_numpy(dtype="f8").tofile(unfinished / f"{name}.numbers")
        unfinished.rename(folder)
    return folder


def measured(way: str, folder: Path, limit: float) -> dict[str, Any]:
    """What one package takes, in a process of its own.

    Parameters
    ----------
    way : str
        One of `WAYS`.
    folder : Path
    limit : float
        Seconds on the clock.
    """
    if way == "lme4":
        rscript = shutil.which("Rscript")
        if rscript is None:
            return {"remark": "not installed"}
        command = [rscript, str(Path(__file__).with_suffix(".R")), str(folder)]
    else:
        worker = "tests.benchmarks.rivals_large_worker"
        command = [sys.executable, "-m", worker, way, str(folder), str(limit)]
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    memory = 0.0
    while process.poll() is None:
        memory = max(memory, _most_memory(process.pid))
        if time.monotonic() - began > 1.2 * limit:  # the worker has not stopped by itself
            process.kill()
            process.communicate()
            return {"memory": memory, "remark": f"stopped after {1.2 * limit:.0f} s"}
        time.sleep(_POLL)
    said, errors = process.communicate()
    if process.returncode:
        last = (errors.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
        return {"memory": memory, "remark": f"failed: {last.replace(str(ROOT), '.')}"}
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return {"memory": memory, **found}


def _most_memory(pid: int) -> float:
    """The most memory that a process has had so far, in MB; 0 where that is not told."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    most = [line for line in lines if line.startswith("VmHWM")]
    return int(most[0].split()[1]) / 1024 if most else 0.0
