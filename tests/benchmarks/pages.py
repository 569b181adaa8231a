"""Pages for a browser: how long one takes to write after the fit, and how large it is."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.benchmarks import processes
from tests.benchmarks.report import Column, Table, decimals, seconds
from tests.benchmarks.timing import median

# A new process: the page is its first, so that whatever pictures need is imported with it.
_CODE = """
import json, sys, tempfile, time
from pathlib import Path
import hierbayes as hb
data, engine = sys.argv[1:]
model = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", hb.load_dataset(data))
fit = model.sample(seed=1, progress=False) if engine == "posterior" else model.reml()
fit.diagnose()
found = []
with tempfile.TemporaryDirectory() as folder:
    for _ in range(2):
        wall, own = time.perf_counter(), time.process_time()
        path = fit.report(Path(folder) / "page.html")
        found.append([time.perf_counter() - wall, time.process_time() - own])
    print(json.dumps({"size": path.stat().st_size / 1e6, "found": found}))
"""
ENTRIES = (("hs", "REML"), ("hs", "posterior"), ("hsfull", "REML"), ("hsfull", "posterior"))
COLUMNS = (
    Column("of", "page of"),
    Column("size", "megabytes", decimals(2)),
    Column("first", "first page of a process", seconds),
    Column("first own", "of that, its processor", seconds),
    Column("later", "a later page", seconds),
    Column("later own", "of that, its processor", seconds),
)
NOTES = ("Medians of new processes; the fit, and its diagnosis, were made before.",)


def run(quick: bool) -> list[Table]:
    """Write pages in new processes.

    Parameters
    ----------
    quick : bool
        One process of each instead of three.

    Returns
    -------
    list of Table
        One table.
    """
    rows = [_row(data, engine, 1 if quick else 3) for data, engine in ENTRIES]
    return [Table("Pages for a browser", COLUMNS, rows, NOTES)]


def _row(data: str, engine: str, repeats: int) -> dict[str, Any]:
    command = [sys.executable, "-c", _CODE, data, engine]
    all_of = [json.loads(processes.run(command)) for _ in range(repeats)]
    kinds = {"first": (0, 0), "first own": (0, 1), "later": (1, 0), "later own": (1, 1)}
    times = {
        name: median([one["found"][page][kind] for one in all_of])
        for name, (page, kind) in kinds.items()
    }
    return {"of": f"{data}, {engine}", "size": all_of[0]["size"], **times}
