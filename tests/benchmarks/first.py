"""First calls: what a new process waits for, with nothing compiled yet and with all on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.first_worker import STEPS
from tests.benchmarks.package import package_of
from tests.benchmarks.processes import caches_in, work
from tests.benchmarks.report import Column, Table, seconds, times
from tests.benchmarks.timing import median, ratio

NOTES = (
    "Each step in the order of the rows, in one new process; pandas and PyMC are imported "
    "untimed before what needs them.",
    "Cold: the folders of compiled code are empty. Warm: a later process finds them filled; "
    "the median of several.",
)


def run(quick: bool, before: str | None = None) -> list[Table]:
    """One table of steps.

    Parameters
    ----------
    quick : bool
        One warm process instead of five.
    before : str, optional
        Another checkout or a revision, measured in turns with this package.

    Returns
    -------
    list of Table
        One.
    """
    columns = [
        Column("step", "step"),
        Column("cold", "cold", seconds),
        Column("warm", "warm", seconds),
    ]
    if before is None:
        measured = {"": _measure([None], quick)[0]}
    else:
        with package_of(before) as package:
            here, there = _measure([None, package], quick)
        measured = {"": here, "before ": there}
        columns += [
            Column("before cold", "cold, before", seconds),
            Column("before warm", "warm, before", seconds),
            Column("cold ratio", "cold, before / now", times),
            Column("warm ratio", "warm, before / now", times),
        ]
    rows = []
    for step in STEPS:
        row: dict[str, Any] = {"step": step}
        for prefix, (cold, warm) in measured.items():
            row[f"{prefix}cold"] = cold.get(step)
            row[f"{prefix}warm"] = median([one[step] for one in warm if step in one])
            row[f"all {prefix}warm"] = [one.get(step) for one in warm]
        row["cold ratio"] = ratio(row.get("before cold"), row["cold"])
        row["warm ratio"] = ratio(row.get("before warm"), row["warm"])
        rows.append(row)
    about = NOTES if before is None else (*NOTES, f"Before: `{before}`.")
    return [Table("First calls of a process", columns, rows, about)]


def _measure(
    packages: list[Path | None], quick: bool
) -> list[tuple[dict[str, float], list[dict[str, float]]]]:
    """Seconds of the steps in a cold process, and in warm ones, of each package in turns."""
    caches = [tempfile.TemporaryDirectory() for _ in packages]
    try:
        turns = [
            [_steps(at.name, package) for at, package in zip(caches, packages, strict=True)]
            for _ in range(2 if quick else 6)
        ]
    finally:
        for at in caches:
            at.cleanup()
    return [(cold, list(warm)) for cold, *warm in zip(*turns, strict=True)]


def _steps(caches: str, package: Path | None) -> dict[str, float]:
    done: dict[str, float] = work("tests.benchmarks.first_worker", {}, package, **caches_in(caches))
    return done
