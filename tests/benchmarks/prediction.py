"""Predictive checks of many rows in bounded memory, and rows and groups left out."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.processes import FailedProcessError, serve, work
from tests.benchmarks.report import Column, Table, number, seconds
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.timing import clock

CHECK_COLUMNS = (
    Column("rows", "rows", number),
    Column("replications", "replications", number),
    Column("seconds", "time", seconds),
    Column("before", "peak before, MB", number),
    Column("after", "peak after, MB", number),
    Column("all", "rows × replications, MB", number),
    Column("remark", "remark"),
)
LEFT_COLUMNS = (
    Column("task", "task"),
    Column("first", "first in a process", seconds),
    Column("again", "again", seconds),
    Column("elpd", "elpd", number),
    Column("bad", "k̂ above the limit", number),
    Column("remark", "remark"),
)
GROUPS = 1000


def run(quick: bool) -> list[Table]:
    """Two tables, each measured in one new process.

    Parameters
    ----------
    quick : bool
        A tenth of the rows, and fewer draws.

    Returns
    -------
    list of Table
        Predictive checks; rows and groups left out.
    """
    tables = []
    for kind, title, columns in (
        ("check", f"Predictive check of a REML fit, {GROUPS} groups", CHECK_COLUMNS),
        ("left", f"Left out of `{FIXED}`, `{RANDOM}` on hs", LEFT_COLUMNS),
    ):
        try:
            rows = work(__name__, {"quick": quick, "kind": kind})
        except FailedProcessError as failure:
            rows = [{"task": "all", "rows": 0, "remark": f"failed: {failure}"}]
        tables.append(Table(title, columns, rows, ()))
    return tables


def measure(job: dict[str, Any]) -> list[dict[str, Any]]:
    """One of the tables.

    Parameters
    ----------
    job : dict
        ``quick`` and ``kind``.

    Returns
    -------
    list of dict
    """
    return _checks(job["quick"]) if job["kind"] == "check" else _left_out(job["quick"])


def _checks(quick: bool) -> list[dict[str, Any]]:
    hb = import_module("hierbayes")
    rows = []
    for n in (10_000, 100_000) if quick else (100_000, 1_000_000):
        fit = hb.Model("y ~ x + (1 + x | g)", _simulated(n)).reml()
        replications, before = 20 if quick else 100, _peak()
        taken, _ = clock(
            lambda one, m=replications: hb.predictive_check(one, n=m, seed=1, progress=False), fit
        )
        rows.append({
            "rows": n, "replications": replications, "seconds": taken, "before": before,
            "after": _peak(), "all": 8e-6 * n * replications,
        })  # fmt: skip
    return rows


def _left_out(quick: bool) -> list[dict[str, Any]]:
    hb = import_module("hierbayes")
    model = hb.Model(FIXED, random=RANDOM, data=hb.load_dataset("hs"))
    draws = 250 if quick else 1000
    fits = {"REML": model.reml(), "posterior": model.sample(draws, seed=1, progress=False)}
    tasks: dict[str, Callable[[Any], Any]] = {
        "rows, hb.loo()": lambda fit: hb.loo(fit, progress=False),
        "groups, hb.logo()": lambda fit: hb.logo(fit, progress=False),
    }
    rows = []
    for engine, fit in fits.items():
        for task, do in tasks.items():
            first, found = clock(do, fit)
            again, _ = clock(do, fit)
            rows.append({"task": f"{task} of {engine}", "first": first, "again": again,
                         "elpd": found.elpd, "bad": len(found.bad)})  # fmt: skip
    return rows


def _simulated(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    g, x = np.arange(n) % GROUPS, rng.normal(size=n)
    u = rng.normal(size=(GROUPS, 2)) * (1.0, 0.5)
    return pd.DataFrame({"g": g, "x": x, "y": 1 + x + u[g, 0] + u[g, 1] * x + rng.normal(size=n)})


def _peak() -> float:
    """Largest memory of this process so far, in megabytes."""
    unit = 1e-6 if sys.platform == "darwin" else 1e-3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    serve(measure)
