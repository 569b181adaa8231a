"""A study of 100 alternative priors on hsfull: what it costs, and whether it is right."""

from __future__ import annotations

import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks import study_worker
from tests.benchmarks.posterior import EFFECTS, bootstrap_groups
from tests.benchmarks.processes import FailedProcessError, caches_in, work
from tests.benchmarks.report import Column, Table, decimals, number, seconds, times
from tests.benchmarks.rivals import FIXED, RANDOM
from tests.benchmarks.study_grid import SIZE, SMOKE
from tests.benchmarks.study_worker import CONTESTANTS, ROUNDS, refitted
from tests.benchmarks.timing import median, ratio

STUDIES = ("first, nothing cached", "first in a process", "then other data")
TIME_COLUMNS = (
    Column("contestant", "contestant"),
    Column("effects", "effects"),
    Column("baseline", "baseline fit", seconds),
    Column("cold", STUDIES[0], seconds),
    Column("first", STUDIES[1], seconds),
    Column("first ratio", "× hierbayes", times),
    Column("other data", STUDIES[2], seconds),
    Column("other data ratio", "× hierbayes", times),
    Column("per prior", "per prior", seconds),
    Column("remark", "remark"),
)
DONE_COLUMNS = (
    Column("when", "study"),
    Column("baseline", "baseline fit", seconds),
    Column("study", "the study", seconds),
    Column("table", "its table", seconds),
    Column("direct", "re-weighted", number),
    Column("indirect", "from another's draws", number),
    Column("refitted", "refitted", number),
    Column("unanswered", "not answered", number),
    Column("worst", "worst k-hat", decimals(2)),
    Column("least", "least worth", number),
)
CHECK_COLUMNS = (
    Column("alternative", "alternative"),
    Column("source", "draws of"),
    Column("k_hat", "k-hat", decimals(2)),
    Column("ess", "worth", number),
    Column("movement", "moves a mean by", decimals(3)),
    Column("off", "off by", decimals(3)),
    Column("z", "largest |z|", decimals(2)),
    Column("of", "of"),
    Column("quantities", "out of"),
)
GRID_NOTE = (
    "The priors: 32 of sd (half-normal, half-t, half-Cauchy, exponential × 8 scales from 0.3 to "
    "50), 10 of corr (LKJ, η from 1 to 50), 10 of γ (normal, widths from 0.3 to 50), 6 of σ, "
    "and 42 of sd and corr together (half-t × 7 scales × 6 η): `study_grid.py`."
)
SMOKE_NOTE = "A smoke run takes every tenth."
TIME_NOTES = (
    "Seconds of the study and its table after the baseline fit, which is shown apart (with other "
    "data); imports not included; medians over processes, each with its own seed.",
    "Nothing cached: compiled code is looked for in a new, empty folder, in which the baseline "
    "fit has just left its own; the other processes find what that one left there.",
    "Other data: a bootstrap of the schools, in the process of the first study.",
    "Those that sample every prior are measured on a few priors of sd ({refits}), each from data "
    "frame to draws, no table made. Other data: their mean times the number of priors. The first "
    "two columns: what the few took there, and the others at the mean with other data.",
    "Bambi cannot fit correlated effects; it gets (1 | school) + (0 + ses | school), an easier "
    "model, its defaults otherwise, and all processors.",
    "Quoted: not measured in this run but on another machine, on the smaller hs; no ratios.",
)
DONE_NOTES = (
    "Re-weighted: from the draws of the baseline. From another's draws: re-weighted from those "
    "of an alternative that had been sampled before.",
    "Worst k-hat, least worth: of all that were re-weighted, the largest k-hat and the smallest "
    "number of equally weighted draws; answers above 0.5, or worth less than 5% of the draws, are "
    "not accepted.",
    "Medians over processes, but of the last two columns the extreme; the row with nothing cached "
    "is one process.",
)
CHECK_NOTES = (
    "Of sd, of corr, and of the two together the re-weighted prior whose draws are worth least, "
    "and of all the one with the largest k-hat, each beside `Model.sample` under it with four "
    "times the draws; one process's, with the first data.",
    "Largest over the quantities of the study (`out of`): the movement of the mean from the "
    "baseline and the difference from the fresh mean, both in posterior sds, and |z| of that "
    "difference, with the Monte Carlo errors of both; 2 to 3 is what chance brings. The rows "
    "share the draws of the baseline and so go together.",
)
BRMS_SECONDS = 21.0


def run(quick: bool) -> list[Table]:
    """What a study costs, what it did, and its answers beside fresh posteriors.

    Parameters
    ----------
    quick : bool
        Ten alternatives, few draws, one process each.

    Returns
    -------
    list of Table
        The three.
    """
    draws, processes, size = (100, 1, SMOKE) if quick else (1000, 3, SIZE)
    data = import_module("hierbayes").load_dataset("hsfull")
    job: dict[str, Any] = {"draws": draws, "quick": quick}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data.to_csv(folder / "data.csv", index=False)
        plain = pd.read_csv(folder / "data.csv")
        bootstrap_groups(plain, "school", seed=1).to_csv(folder / "other.csv", index=False)
        job |= {"data": str(folder / "data.csv"), "other data": str(folder / "other.csv")}
        outcomes = {one: _outcomes(one, job, processes) for one in CONTESTANTS}
    rows = [_row(contestant, found, size) for contestant, found in outcomes.items()]
    for row in rows:
        for key in ROUNDS:
            row[f"{key} ratio"] = ratio(row.get(key), rows[0].get(key))
    rows.append(_brms(size))
    ours = outcomes["hierbayes"]
    studies = [] if isinstance(ours, str) else ours
    title = f"of `{FIXED}`, `{RANDOM}`, on hsfull, 4 × {draws} draws"
    refits = ", ".join(f"{family} {scale:g}" for family, scale in refitted(quick))
    notes = [GRID_NOTE, *([SMOKE_NOTE] if quick else [])]
    notes += [note.format(refits=refits) for note in TIME_NOTES]
    return [
        Table(f"Study of {size} priors {title}: time", TIME_COLUMNS, rows, notes),
        Table("What the study of hierbayes did", DONE_COLUMNS, _done(studies), DONE_NOTES),
        Table("Its answers beside fresh posteriors", CHECK_COLUMNS, _checks(studies), CHECK_NOTES),
    ]


def _outcomes(contestant: str, job: dict[str, Any], processes: int) -> list[dict[str, Any]] | str:
    """What each process found, the one with nothing cached first; or why there is nothing."""
    package = contestant.partition(",")[0]
    needed = ("hierbayes", "pymc") if package == "hierbayes" else ("bambi", "nutpie")
    if not all(map(find_spec, needed)):
        return "not installed"
    job = job | {"contestant": contestant}
    with tempfile.TemporaryDirectory() as empty:
        caches = caches_in(empty)
        try:
            return [
                work(study_worker.__name__, job | {"seed": seed, "check": seed == 1}, **caches)
                for seed in range(processes + 1)
            ]
        except FailedProcessError as failure:
            return f"failed: {failure}"


def _row(contestant: str, found: list[dict[str, Any]] | str, size: int) -> dict[str, Any]:
    """One line of the table of times."""
    row: dict[str, Any] = {
        "contestant": contestant,
        "effects": EFFECTS[contestant.partition(",")[0]],
    }
    if isinstance(found, str):
        return row | {"remark": found}
    cold, *warm = found
    row |= {"baseline": _median_of(warm, "other data", "baseline"), "all": found}
    if "all" in cold["first"]:
        spent = {name: _median_of(warm, name, "all") for name in ROUNDS}
        return row | spent | {"cold": cold["first"]["all"], "per prior": spent["other data"] / size}
    few = [name.partition(": ")[2] for name in cold["first"] if name.startswith("refit: ")]
    each = {name: _median_of(warm, "other data", f"refit: {name}") for name in few}
    mean = sum(each.values()) / len(each)
    others = (size - len(each)) * mean
    listed = ", ".join(map(seconds, each.values()))
    return row | {
        "cold": cold["first"]["refits"] + others,
        "first": _median_of(warm, "first", "refits") + others,
        "other data": size * mean,
        "per prior": mean,
        "remark": f"{len(each)} measured ({listed})",
    }


def _brms(size: int) -> dict[str, Any]:
    return {
        "contestant": "brms 2.18",
        "effects": "correlated",
        "baseline": BRMS_SECONDS,
        "other data": BRMS_SECONDS * size,
        "per prior": BRMS_SECONDS,
        "remark": f"quoted; 21 s × {size}, on hs; excludes compiling",
    }


def _done(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the studies did, by how much they found prepared."""
    if not found:
        return []
    cold, *warm = found
    groups = ([cold["first"]], [one["first"] for one in warm], [one["other data"] for one in warm])
    counted = ("baseline", "study", "table", "direct", "indirect", "refitted", "unanswered")
    rows = []
    for when, group in zip(STUDIES, groups, strict=True):
        worst = [one["worst"] for one in group if one["worst"] is not None]
        least = [one["least"] for one in group if one["least"] is not None]
        row: dict[str, Any] = {key: median([one[key] for one in group]) for key in counted}
        extremes = {"worst": max(worst, default=None), "least": min(least, default=None)}
        rows.append({"when": when, **row, **extremes})
    return rows


def _checks(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    checks: list[dict[str, Any]] = [row for one in found for row in one["first"].get("checks", [])]
    return checks


def _median_of(outcomes: list[dict[str, Any]], name: str, key: str) -> float:
    return median([outcome[name][key] for outcome in outcomes]) or 0.0
