"""Before and after: later calls of this package and of another revision, in turns."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.before_worker import TASKS
from tests.benchmarks.package import package_of
from tests.benchmarks.processes import work
from tests.benchmarks.report import Column, Table, decimals, seconds, times
from tests.benchmarks.timing import median, ratio

COLUMNS = (
    Column("task", "task"),
    Column("now", "now", seconds),
    Column("before", "before", seconds),
    Column("ratio", "before / now", times),
    Column("fastest", "fastest, now", seconds),
    Column("fastest before", "fastest, before", seconds),
    Column("answer", "answer, now", decimals(4)),
    Column("answer before", "answer, before", decimals(4)),
)
NOTES = (
    "Medians of later calls; new processes of the two revisions take turns.",
    "REML goes from data frame to fit, and its answer is the log-likelihood; the posterior's time "
    "is that of sampling 4 × 1000 draws, and its answer the mean of σ.",
)


def run(quick: bool, before: str | None = None) -> list[Table]:
    """One table, or none when there is nothing to compare with.

    Parameters
    ----------
    quick : bool
        One turn instead of five.
    before : str, optional
        Another checkout or a revision.

    Returns
    -------
    list of Table
        One or none.
    """
    if before is None:
        return []
    rows = []
    with package_of(before) as package:
        for task in TASKS:
            found: dict[str, list[Any]] = {"now": [], "before": []}
            for _ in range(1 if quick else 5):
                for name, path in (("now", None), ("before", package)):
                    job = {"task": task, "repetitions": 2 if quick else 5}
                    found[name].append(work("tests.benchmarks.before_worker", job, path))
            rows.append(_row(task, found))
    return [Table(f"Before (`{before}`) and now", COLUMNS, rows, NOTES)]


def _row(task: str, found: dict[str, list[Any]]) -> dict[str, Any]:
    spent = {name: [t for one in turns for t in one["seconds"]] for name, turns in found.items()}
    now, then = median(spent["now"]), median(spent["before"])
    return {
        "task": task,
        "now": now,
        "before": then,
        "ratio": ratio(then, now),
        "fastest": min(spent["now"]),
        "fastest before": min(spent["before"]),
        "answer": found["now"][0]["answer"],
        "answer before": found["before"][0]["answer"],
        "all": spent,
    }
