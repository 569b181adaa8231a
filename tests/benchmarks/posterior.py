"""Posterior on hs: what a first call costs, what later ones cost, and what the draws are worth."""

from __future__ import annotations

import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks import posterior_worker
from tests.benchmarks.posterior_worker import CALLS, SAMPLERS
from tests.benchmarks.processes import FailedProcessError, caches_in, work
from tests.benchmarks.report import Column, Table, decimals, number, seconds, times
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.timing import median, ratio

EFFECTS = {"hierbayes": "correlated", "bambi": "uncorrelated"}
TIME_COLUMNS = (
    Column("contestant", "contestant"),
    Column("effects", "effects"),
    Column("imports", "imports", seconds),
    Column("cold", "first, nothing cached", seconds),
    Column("first", "first in a process", seconds),
    Column("first ratio", "× hierbayes", times),
    Column("other data", "then other data", seconds),
    Column("other data ratio", "× hierbayes", times),
    Column("other priors", "then other priors", seconds),
    Column("other priors ratio", "× hierbayes", times),
    Column("collect", "collecting the draws", seconds),
    Column("remark", "remark"),
)
ESS_COLUMNS = (
    Column("contestant", "contestant"),
    Column("parameters", "parameters"),
    Column("bulk", "worst bulk ESS", number),
    Column("bulk of", "of"),
    Column("tail", "worst tail ESS", number),
    Column("tail of", "of"),
    Column("rhat", "worst R-hat", decimals(3)),
    Column("rate first", "ESS/s, first call", number),
    Column("rate first ratio", "hierbayes is", times),
    Column("rate later", "ESS/s, other data", number),
    Column("rate later ratio", "hierbayes is", times),
    Column("remark", "remark"),
)
TIME_NOTES = (
    "Seconds of the sampling call alone, warm-up draws and compiling included, imports and the "
    "building of the model not; medians over processes, each with its own seed.",
    "Nothing cached: compiled code is looked for in a new, empty folder; the other processes "
    "find what that one left there.",
    "Other data: a bootstrap of the schools; other priors: other scales, same families. "
    "Both in the process of the first call.",
    "Bambi cannot fit correlated effects; it gets (1 | school) + (0 + ses | school), an easier "
    "model, its defaults otherwise, and all processors.",
    "Quoted: not measured in this run, and on another machine; no ratios.",
)
ESS_NOTES = (
    "Worst over every scalar parameter: coefficients, every group's effects, standard "
    "deviations, correlation, residual standard deviation (`bulk of`, `tail of`: one seed's).",
    "ESS/s: worst bulk ESS over the seconds of sampling and collecting the draws.",
)
BRMS = {
    "contestant": "brms 2.18",
    "effects": "correlated",
    "other data": 21.0,
    "bulk": 800.0,
    "rate later": 800 / 21,
    "remark": "quoted; 21 s excludes compiling",
}


def run(quick: bool) -> list[Table]:
    """Times, and what the draws are worth.

    Parameters
    ----------
    quick : bool
        Few draws, one process each.

    Returns
    -------
    list of Table
        The table of times and that of effective sample sizes.
    """
    draws, processes = (100, 1) if quick else (1000, 3)
    data = import_module("hierbayes").load_dataset("hs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data.to_csv(folder / "data.csv", index=False)
        plain = pd.read_csv(folder / "data.csv")
        bootstrap_groups(plain, "school", seed=1).to_csv(folder / "other.csv", index=False)
        rows = [_row(sampler, folder, draws, processes) for sampler in SAMPLERS]
    for row in rows:
        for key in ("first", "other data", "other priors"):
            row[f"{key} ratio"] = ratio(row.get(key), rows[0].get(key))
        for key in ("rate first", "rate later"):
            row[f"{key} ratio"] = ratio(rows[0].get(key), row.get(key))
    rows.append(BRMS)
    worth = [{column.key: row.get(column.key) for column in ESS_COLUMNS} for row in rows]
    title = f"of `{FIXED}`, `{RANDOM}`, on hs, 4 × {draws} draws"
    return [
        Table(f"Posterior {title}: time", TIME_COLUMNS, rows, TIME_NOTES),
        Table(f"Posterior {title}: worth", ESS_COLUMNS, worth, ESS_NOTES),
    ]


def bootstrap_groups(frame: pd.DataFrame, group: str, seed: int) -> pd.DataFrame:
    """As many groups as there are, drawn with replacement and numbered anew.

    Parameters
    ----------
    frame : DataFrame
        Rows in groups.
    group : str
        Column of the groups.
    seed : int
        Of the draw.

    Returns
    -------
    DataFrame
        Same columns, `group` running from 1.
    """
    parts = [part for _, part in frame.groupby(group)]
    chosen = np.random.default_rng(seed).integers(len(parts), size=len(parts))
    again = [parts[index].assign(**{group: new}) for new, index in enumerate(chosen, start=1)]
    return pd.concat(again, ignore_index=True)


def _row(sampler: str, folder: Path, draws: int, processes: int) -> dict[str, Any]:
    package = sampler.partition(",")[0]
    row: dict[str, Any] = {"contestant": sampler, "effects": EFFECTS[package]}
    needed = ("hierbayes", "pymc") if package == "hierbayes" else ("bambi", "nutpie")
    if not all(map(find_spec, needed)):
        return row | {"remark": "not installed"}
    job = {
        "sampler": sampler,
        "data": str(folder / "data.csv"),
        "other data": str(folder / "other.csv"),
        "draws": draws,
    }
    with tempfile.TemporaryDirectory() as empty:
        caches = caches_in(empty)
        try:
            outcomes = [
                work(posterior_worker.__name__, job | {"seed": seed}, **caches)
                for seed in range(processes + 1)
            ]
        except FailedProcessError as failure:
            return row | {"remark": f"failed: {failure}"}
    cold, *warm = outcomes
    middle = {call: {key: _median_of(warm, call, key) for key in warm[0][call]} for call in CALLS}
    first, later = middle["first"], middle["other data"]
    row |= {call: middle[call]["sample"] for call in CALLS}
    return row | {
        "imports": median([outcome["imports"] for outcome in warm]),
        "cold": cold["first"]["sample"],
        "collect": later["collect"],
        **{key: first[key] for key in ("parameters", "bulk", "bulk of", "tail", "tail of", "rhat")},
        "rate first": first["bulk"] / (first["sample"] + first["collect"]),
        "rate later": later["bulk"] / (later["sample"] + later["collect"]),
        "all": outcomes,
    }


def _median_of(outcomes: list[dict[str, Any]], call: str, key: str) -> Any:
    values = [outcome[call][key] for outcome in outcomes]
    return values[0] if isinstance(values[0], str | int) else median(values)
