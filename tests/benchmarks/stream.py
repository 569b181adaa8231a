"""Cross-products of rows that stream, beside a bare scan and DuckDB's sums of the same columns.

    python -m tests.benchmarks.stream FOLDER [--duckdb PYTHON]

Each in a process of its own: seconds on the clock and of the processors, and the most memory.
PYTHON is an interpreter that has DuckDB, by default this one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.processes import ROOT

_MEASURE = """
import json, resource, sys, time
folder = sys.argv[1]
{prepare}
wall, cpu = time.perf_counter(), time.process_time()
{work}
print(json.dumps(dict(
    seconds=time.perf_counter() - wall, processor=time.process_time() - cpu,
    memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, **said)))
"""

_SCAN = (
    "import pyarrow.dataset as ds; said = {}",
    "for batch in ds.dataset(folder, format='parquet').to_batches(columns=['y','x','w','g']): pass",
)
_FORMULA = "'y ~ x + w + (1 + x | g)'"
_HERE = (
    f"""
import hierbayes as hb
from pathlib import Path
first = sorted(Path(folder).glob('*.parquet'))[0]
hb.Model({_FORMULA}, data=first).reml()  # compiled code is loaded
said = dict()
""",
    f"model = hb.Model({_FORMULA}, data=folder)",
)
_REML = (
    _HERE[0] + f"model = hb.Model({_FORMULA}, data=folder)",
    "fit = model.reml(); said = dict(gamma=fit.fixef().round(3).tolist(), sigma=float(fit.sigma))",
)
_DUCKDB = (
    "import duckdb; said = {}",
    """
duckdb.sql("select count(*), sum(x), sum(x*x), sum(y), sum(x*y), sum(y*y), sum(w), sum(w*x), "
           f"sum(w*y), sum(w*w), g from '{folder}/*.parquet' group by g").fetchall()
""",
)


def measured(parts: tuple[str, str], folder: Path, python: str) -> dict[str, float]:
    """What one way takes, in a process of its own."""
    prepare, work = parts
    code = _MEASURE.format(prepare=prepare, work=work)
    done = subprocess.run(
        [python, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--duckdb", default=sys.executable, metavar="PYTHON")
    given = parser.parse_args()
    folder = given.folder.resolve()
    ways = {
        "bare scan": (_SCAN, sys.executable),
        "cross-products": (_HERE, sys.executable),
        "REML after that": (_REML, sys.executable),
        "DuckDB's sums": (_DUCKDB, given.duckdb),
    }
    for name, (parts, python) in ways.items():
        sys.stdout.write(f"{name:16s} {measured(parts, folder, python)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
