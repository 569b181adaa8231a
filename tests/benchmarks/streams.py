"""Cross-products of rows that stream, beside a bare scan and DuckDB's sums of the same columns.

    python -m tests.benchmarks --only streams
    python -m tests.benchmarks.streams --rows 100_000_000 --groups 100_000

Each in a process of its own: seconds on the clock and of the processors, and the most memory.  Sets
of rows are written once, to ``build/streams``, by `stream_data`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from json import loads
from pathlib import Path
from typing import Any

from tests.benchmarks import readme, record
from tests.benchmarks.processes import ROOT, FailedProcessError
from tests.benchmarks.processes import run as run_process
from tests.benchmarks.report import RESULTS, Column, Table, number, seconds, times, write
from tests.benchmarks.stream_data import write_rows
from tests.benchmarks.timing import ratio
from tests.benchmarks.versions import header

SETS = ROOT / "build" / "streams"
GROUPS = 1000
LARGE = "streams-large"  # what the command line asks for
ROWS = (2_000, 2_000_000, 10_000_000)

_MEASURE = """
import json, resource, sys, time
folder = sys.argv[1]
{prepare}
wall, cpu = time.perf_counter(), time.process_time()
{work}
taken = dict(seconds=time.perf_counter() - wall, processor=time.process_time() - cpu)
{after}
try:  # what getrusage says is that of the parent process where that was larger
    most = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]
    memory = int(most[0].split()[1]) / 1024
except OSError:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(dict(**taken, memory=memory, **said)))
"""
_SCAN = (
    "import pyarrow.dataset as ds; said = {}",
    "for batch in ds.dataset(folder, format='parquet').to_batches(columns=['y','x','w','g']): pass",
    "",
)
_FORMULA = "'y ~ x + w + (1 + x | g)'"
_LOADED = f"""
import hierbayes as hb
from pathlib import Path
first = sorted(Path(folder).glob('*.parquet'))[0]
hb.Model({_FORMULA}, data=first).reml()  # compiled code is loaded
said = dict()
kept = folder + '.products'
"""
_HERE = (_LOADED, f"products = hb.CrossProducts({_FORMULA}, data=folder)", "products.save(kept)")
_AFTER = _LOADED + "products = hb.CrossProducts.load(kept)"
_TRUE = """
from tests.benchmarks.stream_data import true_values
found = fit.intervals()
found.index = [' '.join(one) for one in found.index]
within = {name: bool(found.lower[name] < value < found.upper[name])
          for name, value in true_values().items()}
said = dict(within=within)
"""
_REML = (_AFTER, f"fit = hb.Model({_FORMULA}, data=products).reml()", _TRUE)
_SAMPLE = (
    _AFTER,
    f"fit = hb.Model({_FORMULA}, data=products).sample(seed=1)",
    _TRUE,
)
_DUCKDB = (
    "import duckdb; said = {}",
    """
duckdb.sql("select count(*), sum(x), sum(x*x), sum(y), sum(x*y), sum(y*y), sum(w), sum(w*x), "
           f"sum(w*y), sum(w*w), g from '{folder}/*.parquet' group by g").fetchall()
""",
    "",
)
WAYS = {
    "bare scan (pyarrow)": _SCAN,
    "cross-products": _HERE,
    "GROUP BY (DuckDB)": _DUCKDB,
    "REML after that": _REML,
    "posterior after that": _SAMPLE,
}


def run(quick: bool) -> list[Table]:
    """Measure sets of growing numbers of rows in as many groups."""
    sizes = (2_000, 200_000) if quick else ROWS
    return [measured_set(rows, GROUPS) for rows in sizes]


def measured_set(rows: int, groups: int) -> Table:
    """All ways on one set of rows, twice in turns; the quicker of both."""
    folder = the_set(rows, groups)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in WAYS}
    for _ in range(2):
        for name, parts in WAYS.items():
            try:
                found[name].append(measured(parts, folder))
            except FailedProcessError as error:
                sys.stderr.write(f"{name}: {error}\n")
    best = {name: min(some, key=_seconds) for name, some in found.items() if some}
    scan = best["bare scan (pyarrow)"]["seconds"]
    table = [
        {"way": name, **one, "of_scan": ratio(one["seconds"], scan)} for name, one in best.items()
    ]
    bytes_on_disk = sum(one.stat().st_size for one in folder.glob("*.parquet"))
    return Table(
        f"{rows:,} rows in {groups:,} groups",
        (
            Column("way", "way"),
            Column("seconds", "clock", seconds),
            Column("of_scan", "of the scan", times),
            Column("processor", "processors", seconds),
            Column("memory", "memory (MB)", number),
        ),
        table,
        (
            f"{bytes_on_disk / 1e6:,.0f} MB of Parquet, 4 columns, groups scattered over all.",
            *(f"{name}: {_told(one['within'])}" for name, one in best.items() if "within" in one),
        ),
    )


def _told(within: dict[str, bool]) -> str:
    """Which intervals have the true values."""
    off = [name for name, is_within in within.items() if not is_within]
    return (
        f"{len(within) - len(off)} of {len(within)} true values lie within their intervals"
        + (f", but for {', '.join(off)}" if off else "")
        + "."
    )


def _seconds(found: dict[str, Any]) -> float:
    taken: float = found["seconds"]
    return taken


def the_set(rows: int, groups: int) -> Path:
    """The folder of a set of rows, written where it is not there yet."""
    folder = SETS / f"{rows}_rows_{groups}_groups"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        write_rows(unfinished, rows, groups)
        unfinished.rename(folder)
    return folder


def measured(parts: Sequence[str], folder: Path) -> dict[str, Any]:
    """What one way takes, in a process of its own."""
    prepare, work, after = parts
    code = _MEASURE.format(prepare=prepare, work=work, after=after)
    said = run_process([sys.executable, "-c", code, str(folder)])
    found: dict[str, Any] = loads(said.splitlines()[-1])
    return found


def main() -> None:
    """Measure the set that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--groups", type=int, default=100_000)
    parser.add_argument("--record", metavar="CONDITIONS", help="put it on record, for README")
    given = parser.parse_args()
    table = measured_set(given.rows, given.groups)
    sys.stdout.write(write(LARGE, header(quick=False), [table], RESULTS))
    if given.record is not None:
        record.take(LARGE, RESULTS, given.record)
        readme.main()


if __name__ == "__main__":
    main()
